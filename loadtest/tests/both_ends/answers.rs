//! What an origin answers.

use ringway_loadtest::origin::{self, Settings};
use ringway_loadtest::pattern;

use crate::client::{Client, origin, settings};

#[test]
fn every_request_gets_the_same_answer_and_is_counted() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    for n in 1..=3 {
        let answer = client.get("/any/path?and=query");
        assert_eq!((answer.status, answer.text()), (200, "hello from blue\n"));
        assert_eq!(answer.field("X-Origin"), Some("blue"));
        assert_eq!(origin.requests(), n);
    }
}

#[test]
fn a_body_of_the_given_size_is_sent_whole() {
    for size in [0, 1, 65_535, 65_536, 65_537, 400_000] {
        let origin = origin::spawn(&Settings { size: Some(size), ..settings() }).expect("an origin");
        let mut client = Client::connect(origin.addr());
        for _ in 0..2 {
            let answer = client.get("/");
            assert_eq!(answer.body.len() as u64, size);
            assert!(pattern::matches(0, &answer.body), "{size}");
        }
    }
}

#[test]
fn a_request_chooses_its_own_size() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    for size in [0, 1, 8_191, 8_192, 8_193, 1 << 20] {
        let answer = client.get(&format!("/?x=y&size={size}"));
        assert_eq!((answer.status, answer.body.len()), (200, size));
        assert!(pattern::matches(0, &answer.body), "{size}");
    }
    assert_eq!(client.get("/").text(), "hello from blue\n");
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    for (target, length) in [("/", "16"), ("/?size=1000000", "1000000")] {
        client.send(format!("HEAD {target} HTTP/1.1\r\n\r\n"));
        assert_eq!(client.head().field("Content-Length"), Some(length));
    }
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    let requests: String = (1..=50).map(|n| format!("GET /?size={} HTTP/1.1\r\n\r\n", n * 997)).collect();
    // Cut where no request ends.
    let (first, second) = requests.split_at(1_003);
    client.send(first);
    client.send(second);
    for n in 1..=50 {
        assert_eq!(client.answer().body.len(), n * 997);
    }
}

#[test]
fn a_connection_is_closed_when_either_side_says_so() {
    let keeps = origin();
    let closes = origin::spawn(&Settings { close: true, ..settings() }).expect("an origin");
    for (origin, request) in [
        (&keeps, "GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n"),
        (&keeps, "GET /?size=300000 HTTP/1.0\r\n\r\n"),
        (&closes, "GET / HTTP/1.1\r\n\r\n"),
    ] {
        let mut client = Client::connect(origin.addr());
        client.send(request);
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("Connection")), (200, Some("close")), "{request:?}");
        assert!(client.is_closed(), "{request:?}");
    }
}

#[test]
fn what_is_no_request_is_refused_with_the_reason() {
    let origin = origin();
    for (request, reason) in [
        ("hello\r\n\r\n", "not an HTTP/1.1 request"),
        ("GET /?size=1KiB HTTP/1.1\r\n\r\n", "size is not a number"),
        ("GET /?size=1073741825 HTTP/1.1\r\n\r\n", "size is not a number"),
        ("GET /?delay=1s HTTP/1.1\r\n\r\n", "delay is not a number"),
        ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "Content-Length is not a number"),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "two different"),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both Content-Length"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "a transfer coding"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "a broken chunk"),
    ] {
        let mut client = Client::connect(origin.addr());
        client.send(request);
        let answer = client.answer();
        assert_eq!(answer.status, 400, "{request:?}");
        assert!(answer.text().contains(reason), "{request:?}: {}", answer.text());
        assert!(client.is_closed(), "{request:?}");
    }
}

#[test]
fn a_head_without_end_is_refused() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    client.send(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(70_000)));
    assert_eq!(client.answer().text(), "the head does not end\n");
}
