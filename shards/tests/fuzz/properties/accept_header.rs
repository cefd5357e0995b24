//! Accept is read the same however it is spelt, and every answer that follows from it is well-formed.

use std::sync::LazyLock;

use ringway_shards::http1::answer::{Answers, Asked, Form};
use ringway_shards::http1::{
    BodyLength, HeadLimits, HeadProgress, Method, Parsed, Scratch, Status, response,
};

use super::wire;

static ANSWERS: LazyLock<Answers> = LazyLock::new(Answers::default);

/// `data` is the value of an Accept field.
pub(crate) fn check(data: &[u8]) {
    let form = Form::wanted(Some(data));
    let lower = data.to_ascii_lowercase();
    assert_eq!(Form::wanted(Some(&data.to_ascii_uppercase())), form, "case means nothing");
    assert_eq!(Form::wanted(Some(&lower)), form, "case means nothing");
    assert_eq!(Form::wanted(Some(&[b" ,\t, ", data].concat())), form, "nor do empty members and space");
    assert_eq!(Form::wanted(Some(&without_quoted(data))), form, "nor what is quoted");
    if !data.contains(&b'"') {
        assert_eq!(Form::wanted(Some(&[data, b", image/png"].concat())), form, "nor what we do not have");
        let spaced: Vec<u8> =
            data.iter().flat_map(|&byte| if byte == b',' { b"\t, ".to_vec() } else { vec![byte] }).collect();
        assert_eq!(Form::wanted(Some(&spaced)), form, "nor space around commas");
    }
    let named: &[&[u8]] = match form {
        Form::Plain => &[b""],
        Form::Html => &[b"text/html", b"text/*", b"*"],
        Form::Json => &[b"application/json", b"application/*", b"+json", b"*"],
    };
    assert!(
        named.iter().any(|name| name.is_empty() || wire::find(&lower, name).is_some()),
        "nobody asked for {form:?}"
    );
    check_answer(data, form);
}

/// `data` with nothing between quotes.
fn without_quoted(data: &[u8]) -> Vec<u8> {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |&&byte: &&u8| {
        let inside = quoted;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        !inside || byte == b'"' && !quoted
    };
    data.iter().filter(keep).copied().collect()
}

fn check_answer(accept: &[u8], form: Form) {
    let status = Status::ALL[accept.len() % Status::ALL.len()];
    let keep_alive = accept.len().is_multiple_of(2);
    let asked = Asked { accept: Some(accept), keep_alive, to_head: false, request_id: &[b'5'; 32] };
    let mut out = Vec::new();
    ANSWERS.write(status, &asked, &mut out);
    let mut scratch = Scratch::new();
    let limits = HeadLimits::default();
    let parsed = response::parse(&out, Method::Get, &limits, &mut HeadProgress::default(), &mut scratch);
    let Ok(Parsed::Complete(response)) = parsed else { panic!("{parsed:?}") };
    assert_eq!((response.status, response.keep_alive), (status.code(), keep_alive));
    assert_eq!(response.body, BodyLength::Length((out.len() - response.head_len) as u64));
    let mut types = response.headers().iter().filter(|field| field.name == "Content-Type");
    assert_eq!(types.next().map(|field| field.value), Some(form.content_type().as_bytes()));
}
