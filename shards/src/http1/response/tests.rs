//! Response heads: framing by RFC 9112 §6.3, and what becomes a 502.

use proptest::prelude::*;

use super::*;

/// (status, body, keep_alive, is_interim, tunnel, head_len)
type Summary = (u16, BodyLength, bool, bool, bool, usize);

fn step(buf: &[u8], method: Method<'_>, progress: &mut HeadProgress) -> Result<Option<Summary>, BadResponse> {
    match parse(buf, method, &HeadLimits::default(), progress, &mut Scratch::new())? {
        Parsed::Partial => Ok(None),
        Parsed::Complete(response) => Ok(Some((
            response.status,
            response.body,
            response.keep_alive,
            response.is_interim(),
            response.tunnel,
            response.head_len,
        ))),
    }
}

fn accepted(head: &str, method: Method<'_>) -> Summary {
    match step(head.as_bytes(), method, &mut HeadProgress::default()) {
        Ok(Some(summary)) => summary,
        other => panic!("{head:?}: {other:?}"),
    }
}

#[track_caller]
fn assert_refused(head: impl AsRef<[u8]>) {
    let outcome = step(head.as_ref(), Method::Get, &mut HeadProgress::default());
    assert!(outcome.is_err(), "{}: {outcome:?}", head.as_ref().escape_ascii());
}

#[test]
fn the_end_of_the_body_follows_from_method_status_and_framing_fields() {
    use BodyLength::{Chunked, Length, None, UntilClose};
    for (method, status, lines, body) in [
        (Method::Get, "200 OK", "Content-Length: 5\r\n", Length(5)),
        (Method::Get, "200 OK", "Content-Length: 5\r\nContent-Length: 5\r\n", Length(5)),
        (Method::Get, "200", "Content-Length: 0\r\n", Length(0)),
        (Method::Get, "200 OK", "Transfer-Encoding: Chunked\r\n", Chunked),
        (Method::Get, "200 OK", "", UntilClose),
        (Method::Head, "200 OK", "Content-Length: 5\r\n", None),
        (Method::Head, "200 OK", "Transfer-Encoding: chunked\r\n", None),
        (Method::Head, "200 OK", "", None),
        (Method::Get, "204 No Content", "", None),
        (Method::Get, "204 No Content", "Content-Length: 5\r\n", None),
        (Method::Get, "304 Not Modified", "Content-Length: 5\r\n", None),
        (Method::Get, "100 Continue", "", None),
        (Method::Get, "103 Early Hints", "Link: </a>\r\n", None),
        (Method::Post, "500 Oops", "Content-Length: 7\r\n", Length(7)),
        (Method::Get, "999 Odd", "Content-Length: 7\r\n", Length(7)),
    ] {
        let head = format!("HTTP/1.1 {status}\r\n{lines}\r\n");
        assert_eq!(accepted(&head, method).1, body, "{head:?}");
    }
}

#[test]
fn the_connection_is_reused_only_if_the_backend_means_to_and_the_body_has_an_end() {
    for (head, keep_alive) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n", false),
        ("HTTP/1.1 200 OK\r\n", false),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", true),
        ("HTTP/1.1 204 No Content\r\n", true),
    ] {
        assert_eq!(accepted(&format!("{head}\r\n"), Method::Get).2, keep_alive, "{head:?}");
    }
}

#[test]
fn interim_responses_are_told_from_final_ones() {
    for (status, interim) in [(100, true), (102, true), (103, true), (200, false), (999, false)] {
        assert_eq!(accepted(&format!("HTTP/1.1 {status} X\r\n\r\n"), Method::Get).3, interim, "{status}");
    }
}

#[test]
fn a_switch_of_protocols_that_nobody_asked_for_is_a_bad_response() {
    for method in [Method::Get, Method::Head, Method::Connect] {
        for lines in ["", "Connection: upgrade\r\nUpgrade: websocket\r\n"] {
            let head = format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n");
            let outcome = step(head.as_bytes(), method, &mut HeadProgress::default());
            assert!(outcome.is_err(), "{outcome:?}");
        }
    }
}

#[test]
fn a_success_to_connect_begins_a_tunnel_whatever_its_framing_fields_say() {
    for lines in [
        "",
        "Content-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Connection: close\r\n",
    ] {
        for (version, status) in [("1.1", 200), ("1.0", 200), ("1.1", 204), ("1.1", 299)] {
            let head = format!("HTTP/{version} {status} X\r\n{lines}\r\n");
            let summary = accepted(&head, Method::Connect);
            assert_eq!(summary, (status, BodyLength::None, false, false, true, head.len()), "{head:?}");
        }
    }
    for (status, lines) in [(403, "Content-Length: 5\r\n"), (302, "Content-Length: 5\r\n")] {
        let summary = accepted(&format!("HTTP/1.1 {status} X\r\n{lines}\r\n"), Method::Connect);
        assert_eq!((summary.1, summary.4), (BodyLength::Length(5), false), "{status}");
    }
    assert!(!accepted("HTTP/1.1 100 Continue\r\n\r\n", Method::Connect).4);
    let refused = "HTTP/1.1 403 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(step(refused.as_bytes(), Method::Connect, &mut HeadProgress::default()).is_err());
}

#[test]
fn framing_in_doubt_is_a_bad_response() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Connection: a b\r\n",
        "X: a\r\n b\r\n",
        "X : a\r\n",
        ": a\r\n",
        "X: a\0\r\n",
        "X: a\nY: b\r\n",
        "X: a\rY: b\r\n",
    ] {
        assert_refused(format!("HTTP/1.1 200 OK\r\n{lines}\r\n"));
    }
    assert_refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

#[test]
fn what_does_not_look_like_http_1_is_a_bad_response() {
    for head in [
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 O\0K\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\nX: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "\nHTTP/1.1 200 OK\r\n\r\n",
        "<html>",
    ] {
        assert_refused(head);
    }
}

#[test]
fn an_endless_head_is_refused_at_the_limit() {
    let limits = HeadLimits::default();
    assert_refused(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: b\r\n".repeat(limits.headers + 1)));
    assert_refused(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "b".repeat(limits.head_bytes)));
    assert_refused(format!("HTTP/1.1 200 OK\r\nX: {}", "b".repeat(limits.head_bytes)));
    assert_refused(format!("HTTP/1.1 200 {}", "b".repeat(limits.head_bytes)));
}

/// Heads that are mostly valid.
pub(in crate::http1) fn response_head() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => "[A-Za-z-]{1,12}: [ -~]{0,20}\r\n",
        2 => "Connection: (close|keep-alive|upgrade|x-a|content-length)(, [a-z-]{1,8})?\r\n",
        1 => "Content-Length: [0-9]{1,3}(, 5)?\r\n",
        1 => "Transfer-Encoding: ([cC]hunked|gzip)\r\n",
        2 => "(Upgrade|Keep-Alive|Trailer|Proxy-Connection): [a-z]{1,8}\r\n",
        1 => "X-A: (b|\u{e9}| c\r\n d|\n)\r\n",
    ];
    ("HTTP/1\\.[01]", "(100|200|204|304|404|503)", prop::collection::vec(line, 0..8))
        .prop_map(|(version, status, lines)| format!("{version} {status} Reason\r\n{}\r\n", lines.concat()))
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), head in response_head(), at: prop::sample::Index) {
        let _ = step(&bytes, Method::Get, &mut HeadProgress::default());
        let mut spoilt = head.into_bytes();
        let at = at.index(spoilt.len());
        spoilt.splice(at..at, bytes.into_iter().take(2));
        let _ = step(&spoilt, Method::Get, &mut HeadProgress::default());
    }

    #[test]
    fn how_the_bytes_were_split_does_not_matter(head in response_head(), rest in "[a-z]{0,3}", piece in 1usize..40) {
        let buf = head + &rest;
        let at_once = step(buf.as_bytes(), Method::Get, &mut HeadProgress::default());
        let mut progress = HeadProgress::default();
        let mut outcome = Ok(None);
        for end in (piece..buf.len()).step_by(piece).chain([buf.len()]) {
            outcome = step(&buf.as_bytes()[..end], Method::Get, &mut progress);
            if outcome != Ok(None) {
                break;
            }
        }
        prop_assert_eq!(at_once.ok(), outcome.ok());
    }
}
