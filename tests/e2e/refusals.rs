//! Requests that are refused, and never forwarded.

use crate::common::{Daemon, Origin};

const H: &str = "Host: test\r\n";

/// Each is answered with the status, and the connection ends.
const REFUSED: &[(&str, &str, u16)] = &[
    (
        "both lengths",
        "POST / HTTP/1.1\r\n{H}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("differing lengths", "POST / HTTP/1.1\r\n{H}Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody", 400),
    ("a signed length", "POST / HTTP/1.1\r\n{H}Content-Length: +4\r\n\r\nbody", 400),
    ("a huge length", "POST / HTTP/1.1\r\n{H}Content-Length: 99999999999999999999\r\n\r\n", 400),
    ("an empty length", "POST / HTTP/1.1\r\n{H}Content-Length:\r\n\r\n", 400),
    ("a bare line feed", "GET / HTTP/1.1\n{H}\r\n", 400),
    ("a bare line feed in a field", "GET / HTTP/1.1\r\n{H}X: a\nY: b\r\n\r\n", 400),
    ("a bare carriage return", "GET / HTTP/1.1\r\n{H}X: a\rb\r\n\r\n", 400),
    ("two hosts", "GET / HTTP/1.1\r\n{H}Host: other\r\n\r\n", 400),
    ("no host", "GET / HTTP/1.1\r\n\r\n", 400),
    ("a host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    ("another host in the target", "GET http://other/ HTTP/1.1\r\n{H}\r\n", 400),
    ("a space before the colon", "GET / HTTP/1.1\r\n{H}Content-Length : 4\r\n\r\nbody", 400),
    ("a folded line", "GET / HTTP/1.1\r\n{H}X: a\r\n b\r\n\r\n", 400),
    ("a zero byte", "GET / HTTP/1.1\r\n{H}X: a\0b\r\n\r\n", 400),
    ("a space in the target", "GET /a b HTTP/1.1\r\n{H}\r\n", 400),
    ("no target", "GET HTTP/1.1\r\n{H}\r\n", 400),
    ("not HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\x00\r\n\r\n", 400),
    ("a chunk size that is none", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    ("chunked in HTTP/1.0", "POST / HTTP/1.0\r\n{H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("a version to come", "GET / HTTP/3.0\r\n{H}\r\n", 505),
    ("another coding", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 501),
];

#[test]
fn malformed_and_ambiguous_requests_are_refused_and_end_the_connection() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    for (what, request, status) in REFUSED {
        let mut client = daemon.client();
        client.send(request.replace("{H}", H)).finish();
        let answer = client.try_answer().unwrap_or_else(|error| panic!("{what}: no answer: {error}"));
        assert_eq!(answer.status, *status, "{what}");
        assert_eq!(answer.header("connection"), Some("close"), "{what}");
        client.expect_closed();
    }
    assert_eq!(daemon.client().get("/").status, 200, "the daemon serves on");
}

#[test]
fn what_follows_a_refused_request_is_not_taken_for_another() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    client.send(format!(
        "POST / HTTP/1.1\r\n{H}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\n\r\nGET /smuggled HTTP/1.1\r\n{H}\r\n"
    ));
    assert_eq!(client.answer().status, 400);
    client.expect_closed();
    assert_eq!(origin.requests(), 0);
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned(
        "limits = { head_bytes = \"2KiB\", headers = 10, uri_bytes = \"256B\" }",
        "",
        &[origin.address],
    );
    let long = |n| "x".repeat(n);
    for (what, request, status) in [
        ("a long target", format!("GET /{} HTTP/1.1\r\n{H}\r\n", long(300)), 414),
        ("a long field", format!("GET / HTTP/1.1\r\n{H}X: {}\r\n\r\n", long(3000)), 431),
        ("a head without end", format!("GET / HTTP/1.1\r\n{H}X: {}", long(5000)), 431),
        ("many fields", format!("GET / HTTP/1.1\r\n{H}{}\r\n", "X: 1\r\n".repeat(10)), 431),
    ] {
        let mut client = daemon.client();
        client.send(request);
        let answer = client.try_answer().unwrap_or_else(|error| panic!("{what}: no answer: {error}"));
        assert_eq!(answer.status, status, "{what}");
        client.expect_closed();
    }
    let just = format!("GET /{} HTTP/1.1\r\n{H}{}\r\n", long(255), "X: 1\r\n".repeat(9));
    assert_eq!(daemon.client().send(just).answer().status, 200, "at the limits");
    assert_eq!(origin.requests(), 1);
}
