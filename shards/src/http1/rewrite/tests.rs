//! What goes to the other side: byte-exact heads, and that their meaning survives.

use proptest::prelude::*;
use ringway_core::config::Forwarding;

use super::super::request::tests::request_head;
use super::super::response::tests::response_head;
use super::super::{
    BodyLength, ClientAddress, Forward, ForwardRules, Framing, HeadLimits, HeadProgress, Method, Parsed,
    Request, Response, Scheme, Scratch, Tunnel, Version, request as request_codec,
    response as response_codec,
};
use super::*;

mod rules;

const OURS: &str = "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\nX-Forwarded-For: 192.0.2.1\r\n";

fn with_request<T>(head: &[u8], then: impl FnOnce(&Request<'_>) -> T) -> Option<T> {
    let mut scratch = Scratch::new();
    match request_codec::parse(head, &HeadLimits::default(), &mut HeadProgress::default(), &mut scratch) {
        Ok(Parsed::Complete(request)) => Some(then(&request)),
        _ => None,
    }
}

fn with_response<T>(head: &[u8], method: Method<'_>, then: impl FnOnce(&Response<'_>) -> T) -> Option<T> {
    let mut scratch = Scratch::new();
    let mut progress = HeadProgress::default();
    match response_codec::parse(head, method, &HeadLimits::default(), &mut progress, &mut scratch) {
        Ok(Parsed::Complete(response)) => Some(then(&response)),
        _ => None,
    }
}

fn rewritten(head: &str) -> Option<String> {
    rewritten_by(head, None)
}

fn rewritten_by(head: &str, changes: Option<&RequestRules>) -> Option<String> {
    let rules = ForwardRules::new(&Forwarding::default(), 8080, Scheme::Http);
    let client = ClientAddress::new("192.0.2.1".parse().expect("address"));
    let forward = Forward { rules: &rules, client: &client, trusted: false, request_id: &[b'0'; 32] };
    with_request(head.as_bytes(), |parsed| {
        let mut out = Vec::new();
        request(parsed, &Tunnel::None, forward, changes, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    })
}

/// The lines of a rewritten GET with `lines`, without the request line, its Host and our own fields.
fn passed_on(lines: &str) -> String {
    let out = rewritten(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")).expect("accepted");
    let rest = out.strip_prefix("GET / HTTP/1.1\r\nHost: a\r\n").expect("request line and Host stay first");
    let (theirs, ours) = rest.split_at(rest.find("X-Forwarded-Proto").expect("our fields"));
    assert_eq!(ours, format!("{OURS}X-Forwarded-Host: a\r\n\r\n"));
    theirs.to_string()
}

#[test]
fn a_request_gets_our_fields_and_keeps_its_own() {
    assert_eq!(
        rewritten("GET /a?b HTTP/1.1\r\nHost: A:80\r\nAccept: */*\r\nConnection: keep-alive\r\nx:  y \t\r\nTrailer: z\r\n\r\n")
            .expect("accepted"),
        format!(
            "GET /a?b HTTP/1.1\r\nHost: A:80\r\nAccept: */*\r\nx:  y \t\r\nTrailer: z\r\n{OURS}X-Forwarded-Host: A:80\r\n\r\n"
        )
    );
}

#[test]
fn hop_by_hop_fields_stay_behind() {
    assert_eq!(
        passed_on(
            "Keep-Alive: 5\r\nA: 1\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\
             Connection: Upgrade, HTTP2-Settings, X-Own\r\nX-Own: 1\r\nB: 2\r\nx-own: 2\r\nTE: gzip\r\n"
        ),
        "A: 1\r\nB: 2\r\n"
    );
}

#[test]
fn of_te_only_trailers_goes_on_with_its_connection_option() {
    for value in ["trailers", "gzip, trailers", "Trailers,deflate;q=0.5"] {
        assert_eq!(passed_on(&format!("TE: {value}\r\n")), "TE: trailers\r\nConnection: TE\r\n", "{value}");
    }
    for value in ["gzip", "trailersx", ""] {
        assert_eq!(passed_on(&format!("TE: {value}\r\n")), "", "{value}");
    }
}

#[test]
fn an_expectation_goes_on_unless_an_http_1_0_client_has_it() {
    assert_eq!(passed_on("Expect: 100-continue\r\n"), "Expect: 100-continue\r\n");
    let old = rewritten("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert!(!old.expect("accepted").contains("Expect"));
}

#[test]
fn framing_fields_go_on_in_their_canonical_form() {
    assert_eq!(passed_on("Content-Length: 5\r\n"), "Content-Length: 5\r\n");
    assert_eq!(
        passed_on("Content-Length: 5, 5\r\nA: b\r\ncontent-length: 5\r\n"),
        "A: b\r\nContent-Length: 5\r\n"
    );
    assert_eq!(passed_on("Content-Length: 0010\r\n"), "Content-Length: 10\r\n");
    assert_eq!(passed_on("transfer-encoding: CHUNKED\r\nA: b\r\n"), "A: b\r\nTransfer-Encoding: chunked\r\n");
}

#[test]
fn framing_and_host_can_not_be_named_away() {
    assert_eq!(
        passed_on("Connection: host, content-length, close\r\nContent-Length: 5\r\n"),
        "Content-Length: 5\r\n"
    );
    assert_eq!(
        passed_on("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n"),
        "Transfer-Encoding: chunked\r\n"
    );
}

#[test]
fn what_we_add_can_not_be_named_away() {
    assert_eq!(
        passed_on(
            "Connection: X-Forwarded-For, x-forwarded-host, X-Forwarded-Proto, x-forwarded-port\r\n\
             X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: evil\r\n"
        ),
        ""
    );
}

#[test]
fn forwarding_fields_of_the_client_are_replaced() {
    assert_eq!(
        passed_on(
            "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nA: b\r\nx-forwarded-port: 1\r\n\
             X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\nx-forwarded-for: 10.0.0.1\r\n"
        ),
        "A: b\r\n"
    );
}

#[test]
fn every_form_becomes_origin_form_in_http_1_1() {
    for (target, host, line) in [
        ("http://a/b?c", "a", "GET /b?c HTTP/1.1"),
        ("http://a:80", "a", "GET / HTTP/1.1"),
        ("http://a?b", "a", "GET /?b HTTP/1.1"),
    ] {
        let out = rewritten(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).expect("accepted");
        assert_eq!(out, format!("{line}\r\nHost: {host}\r\n{OURS}X-Forwarded-Host: {host}\r\n\r\n"));
    }
    for target in ["*", "http://a"] {
        let out = rewritten(&format!("OPTIONS {target} HTTP/1.1\r\nHost: a\r\n\r\n")).expect("accepted");
        assert!(out.starts_with("OPTIONS * HTTP/1.1\r\n"), "{out}");
    }
}

#[test]
fn an_http_1_0_request_becomes_one_of_http_1_1() {
    let out = |head: &str| rewritten(head).expect("accepted");
    assert_eq!(
        out("PURGE /a HTTP/1.0\r\nHost: b\r\nConnection: keep-alive\r\n\r\n"),
        format!("PURGE /a HTTP/1.1\r\nHost: b\r\n{OURS}X-Forwarded-Host: b\r\n\r\n")
    );
    assert_eq!(out("GET / HTTP/1.0\r\n\r\n"), format!("GET / HTTP/1.1\r\nHost: \r\n{OURS}\r\n"));
    assert_eq!(
        out("GET http://b/ HTTP/1.0\r\nX-Forwarded-For: c\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: b\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n\
         X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: b\r\n\r\n"
    );
    assert_eq!(
        out("GET / HTTP/1.0\r\nX-Forwarded-For: c\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: \r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n\
         X-Forwarded-For: 192.0.2.1\r\n\r\n"
    );
}

#[test]
fn empty_lines_before_the_request_do_not_go_on() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(rewritten(&format!("\r\n\r\n{head}")), rewritten(head));
}

const KEPT: ClientSide = ClientSide { version: Version::Http11, keep_alive: true };
const CLOSING: ClientSide = ClientSide { version: Version::Http11, keep_alive: false };
const OLD_KEPT: ClientSide = ClientSide { version: Version::Http10, keep_alive: true };
const OLD_CLOSING: ClientSide = ClientSide { version: Version::Http10, keep_alive: false };

/// What the client gets to see of a response head followed by `body`, and the decisions.
fn sent(head: &str, method: Method<'_>, client: ClientSide) -> Option<(String, ResponseRewrite)> {
    const BODY: &str = "body";
    let mut buf = (head.to_string() + BODY).into_bytes();
    let mut out = Vec::new();
    let (head_len, rewrite) = with_response(&buf, method, |parsed| {
        (parsed.head_len, response(parsed, client, None, None, &mut out))
    })?;
    assert_eq!(out.is_empty(), rewrite.head != HeadOut::Written);
    let received = match &rewrite.head {
        HeadOut::Untouched => &buf[..],
        HeadOut::InPlace(edit) => {
            let start = edit.apply(&mut buf);
            &buf[start..]
        }
        HeadOut::Written => &buf[head_len..],
    };
    let all = [&out, received].concat();
    let head = all.strip_suffix(BODY.as_bytes()).expect("the body stays where it was");
    Some((String::from_utf8_lossy(head).into_owned(), rewrite))
}

#[track_caller]
fn assert_sent(received: &str, client: ClientSide, want: &str, keep_alive: bool) -> HeadOut {
    let (head, rewrite) = sent(received, Method::Get, client).expect("accepted");
    assert_eq!(head, want);
    assert_eq!(rewrite.keep_alive, keep_alive);
    rewrite.head
}

#[test]
fn a_response_without_hop_by_hop_fields_is_not_touched() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\n",
    ] {
        assert_eq!(assert_sent(head, KEPT, head, true), HeadOut::Untouched, "{head:?}");
    }
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n";
    assert_eq!(assert_sent(closing, CLOSING, closing, false), HeadOut::Untouched);
}

#[test]
fn lines_are_cut_out_in_place() {
    let lines = "Connection: x, close\r\nA: 1\r\nx: 2\r\nKeep-Alive: timeout=5\r\nB: 3\r\nUpgrade: h2\r\nContent-Length: 4\r\n";
    let head = assert_sent(
        &format!("HTTP/1.1 200 OK\r\n{lines}\r\n"),
        KEPT,
        "HTTP/1.1 200 OK\r\nA: 1\r\nB: 3\r\nContent-Length: 4\r\n\r\n",
        true,
    );
    assert!(matches!(head, HeadOut::InPlace(_)));
    // One that stands last, and the version of an old backend.
    let head = assert_sent(
        "HTTP/1.0 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
        KEPT,
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        true,
    );
    assert!(matches!(head, HeadOut::InPlace(_)));
}

#[test]
fn lines_that_follow_each_other_are_one_place_to_cut() {
    let head = assert_sent(
        &format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n{}A: b\r\n\r\n", "Keep-Alive: 1\r\n".repeat(20)),
        KEPT,
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nA: b\r\n\r\n",
        true,
    );
    assert!(matches!(head, HeadOut::InPlace(_)));
}

#[test]
fn a_head_with_too_many_places_to_cut_is_written_anew() {
    let lines = "Keep-Alive: 1\r\nA: b\r\n".repeat(5);
    let head = assert_sent(
        &format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n{lines}\r\n"),
        KEPT,
        &format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n{}\r\n", "A: b\r\n".repeat(5)),
        true,
    );
    assert_eq!(head, HeadOut::Written);
}

#[test]
fn the_client_is_told_when_its_connection_ends() {
    for (head, client) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n", CLOSING),
        ("HTTP/1.1 200 OK\r\n", KEPT),
        ("HTTP/1.1 200 OK\r\n", OLD_KEPT),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n", OLD_CLOSING),
    ] {
        assert_sent(&format!("{head}\r\n"), client, &format!("{head}Connection: close\r\n\r\n"), false);
    }
    assert_sent(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\n",
        CLOSING,
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
        false,
    );
}

#[test]
fn an_http_1_0_client_is_told_that_its_connection_is_kept() {
    let told = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\n";
    assert_sent("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", OLD_KEPT, told, true);
    assert_eq!(assert_sent(told, OLD_KEPT, told, true), HeadOut::Untouched);
}

#[test]
fn an_http_1_0_client_gets_no_chunks() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n";
    let (head, rewrite) = sent(chunked, Method::Get, OLD_KEPT).expect("accepted");
    assert_eq!(head, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    assert_eq!((rewrite.keep_alive, rewrite.framing), (false, Framing::Strip));
    let (head, rewrite) = sent(chunked, Method::Head, OLD_KEPT).expect("accepted");
    assert_eq!(head, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n");
    assert!(rewrite.keep_alive, "a response to HEAD has no body to delimit");
}

#[test]
fn an_interim_response_says_nothing_about_the_connection() {
    for client in [KEPT, CLOSING] {
        let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        assert_eq!(assert_sent(early, client, early, true), HeadOut::Untouched);
        assert_sent(
            "HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n",
            client,
            "HTTP/1.1 100 Continue\r\n\r\n",
            true,
        );
    }
}

#[test]
fn lengths_that_could_mislead_the_client_are_corrected() {
    assert_sent(
        "HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\n",
        KEPT,
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        true,
    );
    assert_sent(
        "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n",
        KEPT,
        "HTTP/1.1 204 No Content\r\n\r\n",
        true,
    );
    assert_sent(
        "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 4\r\n\r\n",
        KEPT,
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        true,
    );
}

/// What must survive a rewrite, and that nothing else did.
fn check_request(parsed: &Request<'_>, again: &Request<'_>) -> Result<(), TestCaseError> {
    prop_assert_eq!(parsed.method, again.method);
    prop_assert_eq!(
        parsed.authority.map(|authority| authority.bytes),
        again.authority.map(|authority| authority.bytes)
    );
    prop_assert_eq!(parsed.body, again.body);
    prop_assert_eq!(parsed.expect_continue, again.expect_continue);
    prop_assert_eq!((again.version, again.keep_alive, again.upgrade), (Version::Http11, true, None));
    if parsed.path.starts_with(b"/") || parsed.path == b"*" {
        prop_assert_eq!(parsed.path, again.path);
    } else {
        prop_assert_eq!([b"/", parsed.path].concat(), again.path);
    }
    let count =
        |name: &str| again.headers().iter().filter(|header| header.name.eq_ignore_ascii_case(name)).count();
    for name in ["Keep-Alive", "Proxy-Connection", "Upgrade", "HTTP2-Settings", "Forwarded"] {
        prop_assert_eq!(count(name), 0, "{}", name);
    }
    for name in ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "Host"] {
        prop_assert_eq!(count(name), 1, "{}", name);
    }
    prop_assert_eq!(count("X-Forwarded-Host"), usize::from(parsed.authority.is_some()));
    prop_assert_eq!(count("Connection"), count("TE"));
    prop_assert!(again.connection_options().all(|option| option == b"TE"));
    for option in parsed.connection_options() {
        let kept = again.headers().iter().any(|header| header.name.as_bytes().eq_ignore_ascii_case(option));
        let protected = [&b"host"[..], b"content-length", b"transfer-encoding", b"te"]
            .iter()
            .any(|name| option.eq_ignore_ascii_case(name))
            || option.to_ascii_lowercase().starts_with(b"x-forwarded-");
        prop_assert!(protected || !kept, "{}", option.escape_ascii());
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_rewritten_request_means_the_same_to_one_hop_less(head in request_head()) {
        if let Some(out) = rewritten(&head) {
            let result = with_request(head.as_bytes(), |parsed| {
                with_request(out.as_bytes(), |again| check_request(parsed, again))
            });
            match result.flatten() {
                Some(result) => result?,
                None => prop_assert!(false, "not accepted again: {:?}", out),
            }
        }
    }

    #[test]
    fn a_rewritten_response_means_the_same_to_one_hop_less(
        head in response_head(), old in any::<bool>(), keep_alive in any::<bool>(), to_head in any::<bool>(),
    ) {
        let method = if to_head { Method::Head } else { Method::Get };
        let client = ClientSide { version: if old { Version::Http10 } else { Version::Http11 }, keep_alive };
        if let Some((out, rewrite)) = sent(&head, method, client) {
            let facts = |head: &str| with_response(head.as_bytes(), method, |parsed| (parsed.status, parsed.body));
            let connection = |head: &str| with_response(head.as_bytes(), method, |parsed| {
                let hop_by_hop = parsed.headers().iter().any(|header| {
                    ["keep-alive", "upgrade", "proxy-connection"].contains(&header.name.to_ascii_lowercase().as_str())
                });
                (parsed.version, parsed.keep_alive, hop_by_hop)
            });
            let (status, body) = facts(&head).expect("accepted before");
            let body = if rewrite.framing == Framing::Strip { BodyLength::UntilClose } else { body };
            prop_assert_eq!(facts(&out), Some((status, body)), "{:?}", out);
            prop_assert_eq!(connection(&out), Some((Version::Http11, rewrite.keep_alive, false)), "{:?}", out);
        }
    }
}
