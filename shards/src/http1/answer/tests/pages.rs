//! Answers by status and form, with texts of an operator.

use proptest::prelude::*;

use super::super::limits::TEXT_BYTES_MAX;
use super::super::{AnswerText, Answers, AnswersError, Asked, Form, Status};
use super::Read;
use crate::http1::BodyLength;

const ID: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn written(answers: &Answers, status: Status, asked: Asked<'_>) -> Vec<u8> {
    let mut out = b"before".to_vec();
    answers.write(status, &asked, &mut out);
    out.split_off(b"before".len())
}

fn asked(accept: &str) -> Asked<'_> {
    Asked { accept: Some(accept.as_bytes()), keep_alive: true, to_head: false, request_id: ID }
}

fn accept_for(form: Form) -> &'static str {
    match form {
        Form::Plain => "text/plain",
        Form::Html => "text/html",
        Form::Json => "application/json",
    }
}

/// The answer with status 404 that an operator's text makes.
fn own(text: &AnswerText<'_>, accept: &str) -> Read {
    let answers = Answers::compile(&[*text]).expect("compiles");
    Read::of(&written(&answers, Status::NotFound, asked(accept)), false)
}

#[test]
fn an_answer_is_what_it_looks_like() {
    let asked = Asked { keep_alive: false, ..asked("application/json") };
    assert_eq!(
        String::from_utf8(written(&Answers::default(), Status::ServiceUnavailable, asked)).expect("UTF-8"),
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 154\r\n\
         Cache-Control: no-store\r\nRetry-After: 1\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\n\
         Connection: close\r\n\r\n\
         {\"status\":503,\"reason\":\"Service Unavailable\",\
         \"message\":\"No backend is available. Try again in a second.\",\
         \"request_id\":\"0123456789abcdef0123456789abcdef\"}\n"
    );
}

#[test]
fn every_status_in_every_form_says_its_number_its_name_and_the_request() {
    for status in Status::ALL {
        for form in Form::ALL {
            let read = Read::of(&written(&Answers::default(), status, asked(accept_for(form))), false);
            assert_eq!(read.status, status.code());
            assert_eq!(read.length, BodyLength::Length(read.body.len() as u64), "{status} {form:?}");
            assert_eq!(read.field("content-type"), Some(form.content_type()));
            assert_eq!(read.field("cache-control"), Some("no-store"));
            assert_eq!(read.field("x-request-id"), Some(std::str::from_utf8(ID).expect("ASCII")));
            let retry = matches!(status, Status::TooManyRequests | Status::ServiceUnavailable);
            assert_eq!(read.field("retry-after"), retry.then_some("1"), "{status}");
            for part in
                [&status.to_string(), status.reason(), status.advice(), "0123456789abcdef0123456789abcdef"]
            {
                assert!(read.text().contains(part), "{status} {form:?}: {part:?}");
            }
            assert!(form == Form::Json || !read.text().contains('{'), "{status} {form:?}");
        }
    }
}

#[test]
fn placeholders_are_filled_in_and_other_braces_left_alone() {
    let html = b"{status}{reason}{{status}} {request_id}{request_id} {Status} {reason {} { {x}{request_id}";
    let read = own(&AnswerText { status: 404, html: Some(html), json: None }, "text/html");
    let id = "0123456789abcdef0123456789abcdef";
    assert_eq!(read.text(), format!("404Not Found{{404}} {id}{id} {{Status}} {{reason {{}} {{ {{x}}{id}"));
    assert_eq!(read.length, BodyLength::Length(read.body.len() as u64));
}

#[test]
fn an_operators_text_takes_the_place_of_one_form_of_one_status() {
    let text = AnswerText { status: 404, html: None, json: Some(b"{}") };
    let (own_answers, built_in) = (Answers::compile(&[text]).expect("compiles"), Answers::default());
    for status in Status::ALL {
        for form in Form::ALL {
            let of = |answers| written(answers, status, asked(accept_for(form)));
            let differs = of(&own_answers) != of(&built_in);
            assert_eq!(differs, status == Status::NotFound && form == Form::Json, "{status} {form:?}");
        }
    }
    assert_eq!(own(&text, "application/json").text(), "{}");
    assert_eq!(own(&AnswerText { html: Some(b""), ..text }, "text/html").length, BodyLength::Length(0));
}

#[test]
fn html_and_json_of_one_status_may_be_given_apart() {
    let html = AnswerText { status: 502, html: Some(b"h"), json: None };
    let json = AnswerText { status: 502, html: None, json: Some(b"j") };
    let answers = Answers::compile(&[html, json]).expect("compiles");
    for (accept, text) in [("text/html", "h"), ("application/json", "j")] {
        assert_eq!(Read::of(&written(&answers, Status::BadGateway, asked(accept)), false).text(), text);
    }
}

#[test]
fn texts_that_can_not_be_used_are_refused_with_what_is_wrong() {
    let full = vec![b'a'; TEXT_BYTES_MAX];
    let over = vec![b'a'; TEXT_BYTES_MAX + 1];
    let text = |status, html, json| AnswerText { status, html, json };
    assert!(Answers::compile(&[text(404, Some(&full[..]), None)]).is_ok());
    let status = Status::NotFound;
    for (texts, error, words) in [
        (
            vec![text(403, Some(&b"a"[..]), None)],
            AnswersError::UnknownStatus { status: 403 },
            "no answer of Ringway's own has status 403",
        ),
        (
            vec![text(404, None, Some(&over[..]))],
            AnswersError::TooLarge { status, form: "JSON", bytes: 65_537 },
            "JSON text for status 404 has 65537 bytes, more than the 65536",
        ),
        (
            vec![text(404, Some(&b"caf\xe9"[..]), None)],
            AnswersError::NotUtf8 { status, form: "HTML", at: 3 },
            "not UTF-8 from byte 3 on",
        ),
        (
            vec![text(404, Some(&b"a"[..]), None), text(404, Some(&b"b"[..]), None)],
            AnswersError::Twice { status, form: "HTML" },
            "HTML text for status 404 is given twice",
        ),
    ] {
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(Answers::compile(&texts), Err(error));
    }
}

#[test]
fn a_request_id_can_not_break_out_of_its_place() {
    let request_id = b"\r\nSet-Cookie: a=b\"}</p><script>a";
    for form in Form::ALL {
        let asked = Asked { request_id, ..asked(accept_for(form)) };
        let read = Read::of(&written(&Answers::default(), Status::BadGateway, asked), false);
        assert_eq!(read.names(), ["content-type", "content-length", "cache-control", "x-request-id"]);
        let id = "--Set-Cookie--a-b----p--script-a";
        assert_eq!(read.field("x-request-id"), Some(id));
        assert!(read.text().contains(id) && !read.text().contains("<script>"), "{form:?}");
    }
}

proptest! {
    #[test]
    fn every_answer_is_read_as_it_was_meant(
        index in 0..Status::ALL.len(), keep_alive: bool, to_head: bool, request_id: [u8; 32],
        accept in prop::option::of(prop_oneof![
            "(text/html|text/\\*|application/json|\\*/\\*|image/png)(;q=[01]\\.[0-9])?(, ?(text/plain|text/html|\\*/\\*)(;q=0\\.[0-9]{1,3})?){0,3}"
                .prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..60),
        ]),
        html in "([a-z<>{}]|\\{status\\}|\\{reason\\}|\\{request_id\\}|\\{request){0,20}",
    ) {
        let status = Status::ALL[index];
        let text = AnswerText { status: status.code(), html: Some(html.as_bytes()), json: Some(html.as_bytes()) };
        let asked = Asked { accept: accept.as_deref(), keep_alive, to_head, request_id: &request_id };
        for answers in [Answers::default(), Answers::compile(&[text]).expect("compiles")] {
            let whole = Read::of(&written(&answers, status, Asked { to_head: false, ..asked }), false);
            let read = Read::of(&written(&answers, status, asked), to_head);
            prop_assert_eq!((read.status, read.keep_alive), (status.code(), keep_alive));
            prop_assert_eq!(&read.fields, &whole.fields);
            prop_assert_eq!(whole.length, BodyLength::Length(whole.body.len() as u64));
            prop_assert_eq!(&read.body[..], if to_head { &b""[..] } else { &whole.body });
            prop_assert_eq!(read.field("content-type"), Some(Form::wanted(accept.as_deref()).content_type()));
        }
    }
}
