//! Requests and answers of every shape, through the proxy.

use std::io::{Read, Write};

use crate::common::{Daemon, Origin, Then};

#[test]
fn get_head_and_post_reach_the_origin_and_come_back() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();

    let answer = client.get("/a/b?c=d%20e");
    assert_eq!((answer.status, answer.header("origin")), (200, Some("one")));
    assert!(answer.text().starts_with("GET /a/b?c=d%20e HTTP/1.1\r\n"), "{}", answer.text());

    client.send("HEAD /head HTTP/1.1\r\nHost: test\r\n\r\n");
    let head = client.head().expect("an answer");
    assert_eq!((head.status, head.header("origin")), (200, Some("one")));
    assert_ne!(head.header("content-length"), Some("0"), "of the body that GET would have got");

    client.send("POST /post HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\nhello world");
    let answer = client.answer();
    assert!(answer.text().starts_with("POST /post HTTP/1.1\r\n"), "{}", answer.text());
    assert!(answer.text().ends_with("\r\n\r\nhello world"), "{}", answer.text());
    assert_eq!(origin.requests(), 3);
}

#[test]
fn unknown_methods_pass() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "BREW"] {
        client.send(format!("{method} /x HTTP/1.1\r\nHost: test\r\n\r\n"));
        let answer = client.answer();
        assert!(answer.text().starts_with(&format!("{method} /x HTTP/1.1\r\n")), "{}", answer.text());
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_is_served() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for byte in b"POST /slow HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello" {
        client.send([*byte]);
    }
    let answer = client.answer();
    assert!(answer.text().starts_with("POST /slow HTTP/1.1\r\n"), "{}", answer.text());
    assert!(answer.text().ends_with("hello"), "{}", answer.text());
}

#[test]
fn one_connection_serves_many_requests() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for n in 0..200 {
        let answer = client.get(&format!("/{n}"));
        assert!(answer.text().starts_with(&format!("GET /{n} HTTP/1.1\r\n")), "{}", answer.text());
    }
}

#[test]
fn connection_close_is_honoured() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    client.expect_closed();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    const REQUESTS: usize = 100;
    let origins = [Origin::echo("one"), Origin::echo("two")];
    let daemon = Daemon::before(&[&origins[0], &origins[1]]);
    let mut client = daemon.client();
    let requests: String = (0..REQUESTS)
        .map(|n| match n % 3 {
            0 => format!("POST /{n} HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"),
            1 => format!(
                "POST /{n} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
            ),
            _ => format!("GET /{n} HTTP/1.1\r\nHost: test\r\n\r\n"),
        })
        .collect();
    client.send(requests);
    for n in 0..REQUESTS {
        let answer = client.answer();
        let target = answer.text().split(' ').nth(1);
        assert_eq!(target, Some(format!("/{n}").as_str()), "answer number {n}");
    }
}

#[test]
fn a_chunked_upload_arrives_whole() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    for piece in
        ["5\r\nhello", "\r\n1;name=value\r\n \r", "\n000005\r\nwo", "rld\r\n0\r\nTrailer: x\r\n", "\r\n"]
    {
        client.send(piece);
    }
    let answer = client.answer();
    assert_eq!(answer.status, 200);
    assert!(answer.text().ends_with("\r\n\r\nhello world"), "{}", answer.text());
    assert_eq!(client.get("/next").status, 200);
}

#[test]
fn a_chunked_answer_arrives_whole() {
    let origin = Origin::with(|_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for piece in ["5\r\nhello\r\n", "1\r\n", " \r\n5\r\nworld", "\r\n0\r\n\r\n"] {
            out.write_all(piece.as_bytes())?;
        }
        Ok(Then::Keep)
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for _ in 0..3 {
        let answer = client.get("/");
        assert_eq!((answer.status, answer.text()), (200, "hello world"));
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    }
}

#[test]
fn an_answer_without_a_length_ends_with_the_connection() {
    let origin = Origin::saying(b"HTTP/1.1 200 OK\r\n\r\nuntil the end");
    let daemon = Daemon::before(&[&origin]);
    assert_eq!(daemon.client().get("/").text(), "until the end");
}

#[test]
fn answers_without_a_body_leave_the_connection_usable() {
    let origin = Origin::with(|request, out| {
        let status = request.target().trim_start_matches('/').to_owned();
        write!(out, "HTTP/1.1 {status} Whatever\r\nETag: \"x\"\r\n\r\n")?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for status in [204, 304, 204] {
        let answer = client.get(&format!("/{status}"));
        assert_eq!((answer.status, answer.header("etag")), (status, Some("\"x\"")));
    }
}

#[test]
fn interim_answers_pass_before_the_final_one() {
    let origin = Origin::with(|_, out| {
        out.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")?;
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    let hints = client.get("/");
    assert_eq!((hints.status, hints.header("link")), (103, Some("</style.css>")));
    assert_eq!(client.answer().text(), "ok");
}

#[test]
fn a_client_that_expects_continue_is_told_to_go_on() {
    let origin = Origin::with(|request, out| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len())?;
        out.write_all(&request.body)?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    client.send("hello");
    assert_eq!(client.answer().text(), "hello");
}

#[test]
fn an_origin_may_answer_before_it_has_read_the_upload() {
    let origin = Origin::raw(|mut stream| {
        let mut head = [0; 16];
        stream.read_exact(&mut head)?;
        stream.write_all(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!",
        )?;
        // Reading on to the end, as a server does that wants its answer to be read.
        while stream.read(&mut head)? > 0 {}
        Ok(())
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n").send([b'x'; 10_000]);
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (413, "no!"));
}

#[test]
fn an_http_1_0_client_gets_an_answer_it_can_read_and_the_end() {
    let origin = Origin::with(|request, out| {
        assert!(request.line.ends_with(" HTTP/1.1"), "{}", request.line);
        out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::before(&[&origin]);
    for request in ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost: test\r\n\r\n"] {
        let answer = String::from_utf8(daemon.client().send(request).read_to_end()).expect("a text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
        assert_eq!(body, "hello");
    }
}

#[test]
fn an_http_1_0_client_may_ask_to_keep_its_connection() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for n in 0..3 {
        client.send(format!("GET /{n} HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n"));
        let answer = client.answer();
        assert!(answer.text().starts_with(&format!("GET /{n} HTTP/1.1\r\n")), "{}", answer.text());
        assert_eq!(answer.header("connection"), Some("keep-alive"));
    }
}
