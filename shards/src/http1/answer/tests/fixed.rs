//! Fixed answers: their heads, and which have no body.

use proptest::prelude::*;
use ringway_core::config::{Content, Respond};

use super::super::limits::FIXED_BYTES_MAX;
use super::super::{FixedAnswer, FixedError};
use super::Read;
use crate::http1::BodyLength;

fn compiled(status: u16, content_type: &str, content: &[u8]) -> Result<FixedAnswer, FixedError> {
    let body = Content::Inline("".into());
    FixedAnswer::compile(&Respond { status, content_type: content_type.into(), body }, content, None)
}

#[test]
fn a_fixed_answer_is_what_it_looks_like() {
    let answer = compiled(200, " text/html; charset=utf-8", "<p>é\n".as_bytes()).expect("compiles");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\n";
    for (keep_alive, to_head, want) in [
        (true, false, format!("{head}\r\n<p>é\n")),
        (true, true, format!("{head}\r\n")),
        (false, false, format!("{head}Connection: close\r\n\r\n<p>é\n")),
        (false, true, format!("{head}Connection: close\r\n\r\n")),
    ] {
        assert_eq!(String::from_utf8_lossy(answer.answer(keep_alive, to_head)), want);
    }
}

#[test]
fn statuses_without_a_body_say_nothing_of_one() {
    for (status, head) in [
        (204, "HTTP/1.1 204 No Content\r\n\r\n"),
        (205, "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
        (304, "HTTP/1.1 304 Not Modified\r\n\r\n"),
    ] {
        let answer = compiled(status, "text/plain", b"").expect("compiles");
        for to_head in [false, true] {
            assert_eq!(String::from_utf8_lossy(answer.answer(true, to_head)), head);
        }
        assert_eq!(compiled(status, "text/plain", b"a"), Err(FixedError::NoBody { status }));
    }
}

#[test]
fn a_status_without_a_name_gets_none() {
    let answer = compiled(599, "text/plain", b"").expect("compiles");
    assert!(answer.answer(true, false).starts_with(b"HTTP/1.1 599 \r\n"));
}

#[test]
fn answers_that_can_not_be_given_are_refused_with_what_is_wrong() {
    for status in [0, 100, 101, 199, 600, 999] {
        assert_eq!(compiled(status, "text/plain", b""), Err(FixedError::Status { status }));
    }
    for content_type in ["", " ", "a\r\nX: y", "a\0", "\u{e9}"] {
        let error = compiled(200, content_type, b"").expect_err("no content type");
        assert_eq!(error, FixedError::ContentType { content_type: content_type.into() });
        assert!(error.to_string().contains("text/html"), "{error}");
    }
    assert!(compiled(200, "a/b", &vec![0; FIXED_BYTES_MAX]).is_ok());
    assert_eq!(
        compiled(200, "a/b", &vec![0; FIXED_BYTES_MAX + 1]),
        Err(FixedError::TooLarge { bytes: FIXED_BYTES_MAX + 1 })
    );
}

proptest! {
    #[test]
    fn every_fixed_answer_is_read_as_it_was_meant(
        status in 200u16..600, content in prop::collection::vec(any::<u8>(), 0..100), keep_alive: bool, to_head: bool,
    ) {
        let has_body = !matches!(status, 204 | 205 | 304);
        let content = if has_body { &content[..] } else { b"" };
        let answer = compiled(status, "application/octet-stream", content).expect("compiles");
        let read = Read::of(answer.answer(keep_alive, to_head), to_head);
        prop_assert_eq!((read.status, read.keep_alive), (status, keep_alive));
        let length = match status {
            204 | 304 => BodyLength::None,
            _ if to_head => BodyLength::None,
            _ => BodyLength::Length(content.len() as u64),
        };
        prop_assert_eq!(read.length, length);
        prop_assert_eq!(read.field("content-length").is_some(), !matches!(status, 204 | 304));
        prop_assert_eq!(read.body, if to_head { &b""[..] } else { content });
    }
}
