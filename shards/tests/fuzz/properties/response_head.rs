//! A response head is refused, or means what stands there.

use ringway_shards::http1::{
    BodyLength, HeadLimits, HeadProgress, Method, Parsed, Response, Scratch, Version, response,
};

use super::wire::{self, Head};

/// The first byte of `data` says what was asked, the rest is what a backend sends.
pub(crate) fn check(data: &[u8]) {
    let Some((&asked, data)) = data.split_first() else { return };
    let method = [Method::Get, Method::Head, Method::Post, Method::Connect][usize::from(asked % 4)];
    let limits = HeadLimits::default();
    let mut scratch = Scratch::new();
    match response::parse(data, method, &limits, &mut HeadProgress::default(), &mut scratch) {
        Err(bad) => assert!(!bad.reason.is_empty()),
        Ok(Parsed::Partial) => {
            assert_eq!(wire::find(data, b"\r\n\r\n"), None, "the head is complete");
            assert!(!wire::has_bare_lf(data) && data.len() < limits.head_bytes);
        }
        Ok(Parsed::Complete(response)) => check_complete(data, method, &response, &limits),
    }
}

fn check_complete(data: &[u8], method: Method<'_>, response: &Response<'_>, limits: &HeadLimits) {
    let bytes = &data[..response.head_len];
    assert_eq!(
        wire::find(bytes, b"\r\n\r\n"),
        Some(bytes.len() - 4),
        "the head ends at the first empty line"
    );
    assert!(bytes.len() <= limits.head_bytes);
    let head = Head::of(bytes);
    match head.start_line[..b"HTTP/1.1 ".len()] {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' '] => {
            assert_eq!(response.version, Version::Http11)
        }
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', b' '] => {
            assert_eq!(response.version, Version::Http10)
        }
        _ => panic!("status line {}", head.start_line.escape_ascii()),
    }
    let code = &head.start_line[9..12];
    assert_eq!(code, response.status.to_string().as_bytes());
    assert!(matches!(head.start_line.get(12), None | Some(b' ')), "three digits");
    assert!((100..=999).contains(&response.status) && response.status != 101, "nobody asked for an upgrade");
    assert!(head.fields.len() <= limits.headers);
    let fields: Vec<_> =
        response.headers().iter().map(|field| (field.name.as_bytes(), field.value)).collect();
    assert_eq!(fields, head.fields);

    let tunnel = method == Method::Connect && (200..300).contains(&response.status);
    let no_body =
        tunnel || method == Method::Head || response.status < 200 || matches!(response.status, 204 | 304);
    let expected = if no_body {
        BodyLength::None
    } else {
        match (head.is_chunked(), head.length()) {
            (true, None) => BodyLength::Chunked,
            (false, Some(length)) => BodyLength::Length(length),
            (false, None) => BodyLength::UntilClose,
            (true, Some(_)) => panic!("two framings"),
        }
    };
    assert_eq!(response.body, expected);
    assert_eq!(response.is_interim(), response.status < 200);
    let options = head.members("connection");
    let names = |option: &str| options.iter().any(|name| name == option.as_bytes());
    let keeps = !names("close") && (response.version == Version::Http11 || names("keep-alive"));
    assert_eq!(response.keep_alive, keeps && !tunnel && expected != BodyLength::UntilClose);
}
