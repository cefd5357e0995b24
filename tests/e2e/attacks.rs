//! What proxies have been attacked with, and what comes of it here. `docs/attacks.md` lists the classes.
//!
//! What the other files of these tests cover already is not repeated; the page names the test for each class.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Client, Daemon, LONG, Origin, Then, eventually, now};

const H: &str = "Host: test\r\n";

/// Requests that are refused: the class, what it is, the request, the status. `{H}` stands for the Host field, `{C}` for the
/// beginning of a chunked request. No class repeats what `refusals.rs` has.
const REFUSED: &[(u8, &str, &str, u16)] = &[
    (2, "a bare LF behind a chunk size", "{C}5\nhello\r\n0\r\n\r\n", 400),
    (2, "a bare LF behind chunk data", "{C}5\r\nhello\n0\r\n\r\n", 400),
    (2, "a bare LF behind the last chunk", "{C}0\r\n\n", 400),
    (2, "a bare LF in front of the request", "\nGET / HTTP/1.1\r\n{H}\r\n", 400),
    (3, "a bare CR in front of the request", "\rGET / HTTP/1.1\r\n{H}\r\n", 400),
    (3, "a bare CR in the request line", "GET /\r HTTP/1.1\r\n{H}\r\n", 400),
    (3, "a bare CR in a name", "GET / HTTP/1.1\r\n{H}X\rY: z\r\n\r\n", 400),
    (3, "two CR in front of LF", "GET / HTTP/1.1\r\n{H}X: y\r\r\n\r\n", 400),
    (3, "a bare CR behind a chunk size", "{C}5\rhello\r\n0\r\n\r\n", 400),
    (4, "a folded line behind the request line", "GET / HTTP/1.1\r\n X: y\r\n{H}\r\n", 400),
    (5, "an empty name", "GET / HTTP/1.1\r\n{H}: y\r\n\r\n", 400),
    (5, "a name with a space in it", "GET / HTTP/1.1\r\n{H}X Y: z\r\n\r\n", 400),
    (5, "a name with a control byte", "GET / HTTP/1.1\r\n{H}X\x01: z\r\n\r\n", 400),
    (5, "a name with a bracket", "GET / HTTP/1.1\r\n{H}X[]: z\r\n\r\n", 400),
    (5, "a line without a colon", "GET / HTTP/1.1\r\n{H}X\r\n\r\n", 400),
    (6, "a control byte in a value", "GET / HTTP/1.1\r\n{H}X: \x08\r\n\r\n", 400),
    (6, "an escape in a value", "GET / HTTP/1.1\r\n{H}X: \x1b[2J\r\n\r\n", 400),
    (6, "DEL in a value", "GET / HTTP/1.1\r\n{H}X: \x7f\r\n\r\n", 400),
    (8, "a negative length", "POST / HTTP/1.1\r\n{H}Content-Length: -4\r\n\r\nbody", 400),
    (8, "a list of differing lengths", "POST / HTTP/1.1\r\n{H}Content-Length: 4, 5\r\n\r\nbody", 400),
    (8, "a length in hexadecimal", "POST / HTTP/1.1\r\n{H}Content-Length: 0x4\r\n\r\nbody", 400),
    (11, "an empty coding", "POST / HTTP/1.1\r\n{H}Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
    (11, "an empty member", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", 400),
    (11, "chunked twice", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    (11, "chunked not last", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    (11, "not chunked at all", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400),
    (11, "something like it", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: x-chunked\r\n\r\n0\r\n\r\n", 400),
    (11, "a vertical tab", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    (11, "in quotes", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
    (14, "a chunk size that overflows", "{C}ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 400),
    (14, "a chunk size of 17 digits", "{C}10000000000000005\r\nhello\r\n0\r\n\r\n", 400),
    (14, "a signed chunk size", "{C}+5\r\nhello\r\n0\r\n\r\n", 400),
    (14, "a chunk size with a base", "{C}0x5\r\nhello\r\n0\r\n\r\n", 400),
    (14, "a chunk size with a space", "{C}5 \r\nhello\r\n0\r\n\r\n", 400),
    (14, "no line end behind the data", "{C}5\r\nhello0\r\n\r\n", 400),
    (14, "an extension with LF in it", "{C}5;a\nb\r\nhello\r\n0\r\n\r\n", 400),
    (14, "an extension with NUL in it", "{C}5;a\0b\r\nhello\r\n0\r\n\r\n", 400),
    (15, "a trailer that is no field", "{C}0\r\nGET /smuggled HTTP/1.1\r\n\r\n", 400),
    (16, "two equal hosts", "GET / HTTP/1.1\r\n{H}{H}\r\n", 400),
    (16, "an absolute target with a comma", "GET http://test,other/ HTTP/1.1\r\n{H}\r\n", 400),
    (16, "another port in the target", "GET http://test:81/ HTTP/1.1\r\n{H}\r\n", 400),
    (17, "userinfo in the target", "GET http://user:word@test/ HTTP/1.1\r\n{H}\r\n", 400),
    (17, "CONNECT without a port", "CONNECT test HTTP/1.1\r\n{H}\r\n", 400),
    (17, "`*` with GET", "GET * HTTP/1.1\r\n{H}\r\n", 400),
    (18, "`#` in the target", "GET /a#b HTTP/1.1\r\n{H}\r\n", 400),
    (18, "a byte beyond ASCII in the target", "GET /\u{e9} HTTP/1.1\r\n{H}\r\n", 400),
    (18, "a control in the target", "GET /\x01 HTTP/1.1\r\n{H}\r\n", 400),
    (18, "a tab in the target", "GET /a\tb HTTP/1.1\r\n{H}\r\n", 400),
    (19, "HTTP/0.9", "GET /\r\n\r\n", 400),
    (19, "another protocol", "DESCRIBE / RTSP/1.0\r\n{H}\r\n", 400),
    (19, "a version in lower case", "GET / http/1.1\r\n{H}\r\n", 400),
    (20, "GET with a body in HTTP/1.0", "GET / HTTP/1.0\r\n{H}Content-Length: 4\r\n\r\nbody", 413),
    (20, "HEAD with a body in HTTP/1.0", "HEAD / HTTP/1.0\r\n{H}Content-Length: 4\r\n\r\nbody", 413),
    (20, "DELETE with a body in HTTP/1.0", "DELETE / HTTP/1.0\r\n{H}Content-Length: 4\r\n\r\nbody", 413),
];

#[test]
fn what_proxies_were_attacked_with_is_refused_and_nothing_behind_it_is_read() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    for (class, what, request, status) in REFUSED {
        let request = request.replace("{C}", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n");
        let request = request.replace("{H}", H);
        let mut client = daemon.client();
        client.send(format!("{request}GET /smuggled HTTP/1.1\r\n{H}\r\n"));
        let answer = client.head().unwrap_or_else(|error| panic!("{class}, {what}: no answer: {error}"));
        assert_eq!(answer.status, *status, "{class}, {what}");
        assert_eq!(answer.header("connection"), Some("close"), "{class}, {what}");
        let rest = String::from_utf8(client.read_to_end()).expect("a text");
        assert!(!rest.contains("HTTP/1.1 "), "{class}, {what}: another answer: {rest}");
    }
    assert_eq!(origin.requests(), 0, "the origin saw none of them");
    assert_eq!(daemon.client().get("/").status, 200, "the daemon serves on");
}

/// Bytes as the origin received them.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<u8>>>);

impl Record {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("a text")
    }

    fn add(&self, bytes: &[u8]) {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
    }
}

/// What arrives at an origin when a client sends `request`, byte by byte. The request must end with `end`.
fn arriving(request: &str, end: &'static str) -> String {
    let record = Record::default();
    let theirs = record.clone();
    let origin = Origin::raw(move |mut stream| {
        let mut piece = [0; 4096];
        while !theirs.text().ends_with(end) {
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                n => theirs.add(&piece[..n]),
            }
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    let daemon = Daemon::tuned("", "", &[origin.address]);
    assert_eq!(daemon.client().send(request.replace("{H}", H)).answer().status, 200, "{request:?}");
    record.text()
}

/// How many lines of a message begin like this, in any case.
fn lines(message: &str, begin: &str) -> usize {
    let begins = |line: &&str| line.get(..begin.len()).is_some_and(|line| line.eq_ignore_ascii_case(begin));
    message.split("\r\n").filter(begins).count()
}

#[test]
fn empty_lines_in_front_of_a_request_are_skipped_but_not_for_ever() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for n in [1, 2, 8] {
        client.send(format!("{}GET /{n} HTTP/1.1\r\n{H}\r\n", "\r\n".repeat(n)));
        assert!(client.answer().text().starts_with(&format!("GET /{n} HTTP/1.1\r\n")));
    }
    client.send("\r\n".repeat(1000));
    assert_eq!(client.answer().status, 400);
}

#[test]
fn equal_lengths_reach_the_origin_as_one() {
    for lengths in
        ["Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n", "Content-Length: 05\r\n"]
    {
        let request = format!("POST / HTTP/1.1\r\n{{H}}{lengths}\r\nhello");
        let arrived = arriving(&request, "hello");
        assert_eq!(lines(&arrived, "content-length"), 1, "{arrived}");
        assert_eq!(lines(&arrived, "content-length: 5"), 1, "{arrived}");
    }
}

#[test]
fn chunk_extensions_end_here() {
    let request = "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0;c\r\n\r\n";
    let arrived = arriving(request, "0\r\n\r\n");
    assert!(arrived.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "{arrived}");
}

#[test]
fn trailers_that_would_change_the_message_are_dropped_and_others_pass() {
    let request = "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n0\r\n\
                   Content-Length: 5\r\nTransfer-Encoding: gzip\r\nHost: other\r\nConnection: X\r\nUpgrade: h2c\r\n\
                   TE: gzip\r\nX-Forwarded-For: 192.0.2.1\r\nChecksum: 1\r\n\r\n";
    let arrived = arriving(request, "Checksum: 1\r\n\r\n");
    let (head, body) = arrived.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, "0\r\nChecksum: 1\r\n\r\n");
    assert_eq!((lines(head, "host: test"), lines(head, "content-length")), (1, 0), "{head}");
}

#[test]
fn what_frames_and_routes_a_message_can_not_be_dropped_as_hop_by_hop() {
    let arrived = arriving(
        "POST / HTTP/1.1\r\n{H}Content-Length: 5\r\nConnection: close, Host, Content-Length\r\n\r\nhello",
        "hello",
    );
    assert_eq!((lines(&arrived, "host: test"), lines(&arrived, "content-length: 5")), (1, 1), "{arrived}");
    let arrived = arriving(
        "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n\r\n0\r\n\r\n",
        "0\r\n\r\n",
    );
    assert_eq!(lines(&arrived, "transfer-encoding: chunked"), 1, "{arrived}");
}

#[test]
fn of_what_a_client_takes_only_trailers_is_passed_on() {
    let arrived = arriving("GET / HTTP/1.1\r\n{H}TE: gzip, trailers\r\nConnection: TE\r\n\r\n", "\r\n\r\n");
    assert_eq!((lines(&arrived, "te:"), lines(&arrived, "te: trailers")), (1, 1), "{arrived}");
    let arrived = arriving("GET / HTTP/1.1\r\n{H}TE: gzip\r\n\r\n", "\r\n\r\n");
    assert_eq!(lines(&arrived, "te:"), 0, "{arrived}");
}

#[test]
fn an_offer_of_http_2_ends_here() {
    for upgrade in ["h2c", "h2", "h2c, h2"] {
        let request = format!(
            "GET / HTTP/1.1\r\n{{H}}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        );
        let arrived = arriving(&request, "\r\n\r\n");
        for gone in ["upgrade: h2", "http2-settings"] {
            assert_eq!(lines(&arrived, gone), 0, "{upgrade}: {arrived}");
        }
    }
}

#[test]
fn paths_are_passed_on_as_they_are() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for path in [
        "/../a",
        "/a/../../b",
        "/./a",
        "//a",
        "/%2e%2e/a",
        "/%2F",
        "/%00",
        "/..;/a",
        "/a;b=c",
        "/%zz",
        "/%",
        "/a\\b",
        "/?../..",
        "/%0d%0aX:%20y",
    ] {
        let answer = client.get(path);
        assert!(answer.text().starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{path}: {}", answer.text());
    }
}

#[test]
fn an_absolute_target_for_the_same_host_becomes_a_path() {
    for (request, line) in [
        ("GET http://test/a?b HTTP/1.1\r\n{H}\r\n", "GET /a?b HTTP/1.1\r\n"),
        ("GET HTTP://TEST:80 HTTP/1.1\r\n{H}\r\n", "GET / HTTP/1.1\r\n"),
        ("OPTIONS * HTTP/1.1\r\n{H}\r\n", "OPTIONS * HTTP/1.1\r\n"),
    ] {
        let arrived = arriving(request, "\r\n\r\n");
        assert!(arrived.starts_with(line), "{arrived}");
        assert_eq!(lines(&arrived, "host: test"), 1, "{arrived}");
    }
}

#[test]
fn more_fields_than_the_limit_are_refused_on_both_sides() {
    let many = |n: usize| "X: 1\r\n".repeat(n);
    let origin = Origin::with(move |_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}\r\n", many(300))?;
        Ok(Then::Close)
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    client.send(format!("GET / HTTP/1.1\r\n{H}{}\r\n", "X: 1\r\n".repeat(101)));
    assert_eq!(client.answer().status, 431);
    assert_eq!(origin.requests(), 0);
    assert_eq!(daemon.client().get("/").status, 502);
}

#[test]
fn a_response_head_without_end_means_502() {
    let origin = Origin::with(|_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            out.write_all(b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")?;
        }
    });
    let daemon = Daemon::before(&[&origin]);
    assert_eq!(daemon.client().get("/").status, 502);
}

#[test]
fn responses_with_doubtful_framing_mean_502() {
    for head in [
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: 5\r\n Transfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
    ] {
        let origin = Origin::with(move |_, out| {
            write!(out, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello\r\n0\r\n\r\n")?;
            Ok(Then::Keep)
        });
        let daemon = Daemon::before(&[&origin]);
        let mut client = daemon.client();
        for _ in 0..2 {
            assert_eq!(client.get("/").status, 502, "{head:?}");
        }
    }
}

#[test]
fn a_response_in_http_1_0_has_no_chunks() {
    let origin =
        Origin::saying(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let daemon = Daemon::before(&[&origin]);
    assert_eq!(daemon.client().get("/").status, 502);
}

#[test]
fn broken_chunks_of_a_response_never_end_like_a_whole_one() {
    for body in
        ["5\r\nhello", "5\r\nhello\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n", "5\nhello\n0\n\n"]
    {
        let origin = Origin::with(move |_, out| {
            out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n.\r\n")?;
            out.write_all(body.as_bytes())?;
            Ok(Then::Close)
        });
        let daemon = Daemon::before(&[&origin]);
        match daemon.client().try_get("/") {
            Ok(answer) => assert_eq!(answer.status, 502, "{body:?}"),
            Err(error) => {
                assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "cut off, not stalled: {body:?}")
            }
        }
    }
}

#[test]
fn an_origin_that_floods_with_interim_answers_means_502() {
    for status in ["100 Continue", "103 Early Hints"] {
        let origin = Origin::with(move |_, out| {
            loop {
                write!(out, "HTTP/1.1 {status}\r\n\r\n")?;
            }
        });
        let daemon = Daemon::before(&[&origin]);
        let mut client = daemon.client();
        let mut answer = client.get("/");
        let mut interim = 0;
        while answer.status < 200 {
            interim += 1;
            assert!(interim < 100, "it passes them all on");
            answer = client.answer();
        }
        assert_eq!(answer.status, 502, "{status}");
    }
}

/// Sends `head`, then the same byte again and again, each some time after the one before, until the daemon ends the
/// connection. What it says.
fn trickle(daemon: &Daemon, head: &str) -> String {
    let mut stream = TcpStream::connect(daemon.address()).expect("the daemon listens");
    stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket");
    stream.write_all(head.replace("{H}", H).as_bytes()).expect("the daemon reads");
    let (start, mut said) = (now(), Vec::new());
    eventually("the end of patience", LONG, || {
        // Fails once it has closed.
        let _ = stream.write_all(b"x");
        let mut piece = [0; 1024];
        match stream.read(&mut piece) {
            Ok(0) => Some(()),
            Ok(n) => {
                said.extend_from_slice(&piece[..n]);
                None
            }
            Err(error) => (error.kind() == io::ErrorKind::ConnectionReset).then_some(()),
        }
    });
    assert!(start.elapsed() < LONG / 2, "after {:?}", start.elapsed());
    String::from_utf8(said).expect("a text")
}

#[test]
fn a_head_that_trickles_in_has_no_more_time_than_another() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("timeouts = { head = \"500ms\" }", "", &[origin.address]);
    let said = trickle(&daemon, "GET / HTTP/1.1\r\n{H}X: ");
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert_eq!(origin.requests(), 0);
}

#[test]
fn nothing_is_read_behind_a_request_that_ends_the_connection() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let smuggled = format!("GET /smuggled HTTP/1.1\r\n{H}\r\n");
    for (n, last) in [
        "GET / HTTP/1.1\r\n{H}Connection: close\r\n\r\n",
        "POST / HTTP/1.1\r\n{H}Connection: close\r\nContent-Length: 4\r\n\r\nbody",
        "GET / HTTP/1.0\r\n{H}\r\n",
    ]
    .iter()
    .enumerate()
    {
        let mut client = daemon.client();
        client.send(last.replace("{H}", H) + &smuggled);
        assert_eq!(client.answer().status, 200);
        client.expect_closed();
        assert_eq!(origin.requests(), n as u64 + 1, "{last}");
    }
}

#[test]
fn what_an_early_answer_leaves_of_a_request_is_not_taken_for_another() {
    let record = Record::default();
    let theirs = record.clone();
    let origin = Origin::raw(move |mut stream| {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece)?;
        theirs.add(&piece[..n]);
        stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")?;
        loop {
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                n => theirs.add(&piece[..n]),
            }
        }
    });
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut client = daemon.client();
    client.send(format!("POST /upload HTTP/1.1\r\n{H}Content-Length: 100000\r\n\r\n"));
    assert_eq!(client.answer().status, 413);
    client.send(format!("GET /smuggled HTTP/1.1\r\n{H}\r\n"));
    client.expect_closed();
    // Another client's request must not follow the half one on its connection.
    assert_eq!(daemon.client().get("/next").status, 413);
    let arrived = record.text();
    assert_eq!((lines(&arrived, "POST /upload "), lines(&arrived, "GET /next ")), (1, 1), "{arrived}");
    assert_eq!(lines(&arrived, "X-Forwarded-For: "), 2, "{arrived}");
}

#[test]
fn bytes_behind_an_answer_reach_nobody() {
    let origin = Origin::with(|request, out| {
        let (body, poison) = (request.target(), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
        // In one piece: what comes once the next request is on its way could be its answer.
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}{poison}", body.len());
        out.write_all(answer.as_bytes())?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut clients: Vec<Client> = (0..4).map(|_| daemon.client()).collect();
    for n in 0..200 {
        let path = format!("/{n}");
        assert_eq!(clients[n % 4].get(&path).text(), path);
    }
}

#[test]
fn an_answer_to_head_has_no_body_whatever_the_origin_sends() {
    let origin = Origin::with(|request, out| {
        let body = request.target();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        out.write_all(answer.as_bytes())?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut client = daemon.client();
    for n in 0..20 {
        client.send(format!("HEAD /head-{n} HTTP/1.1\r\n{H}\r\n"));
        assert_eq!(client.head().expect("an answer").status, 200);
        assert_eq!(client.get("/get").text(), "/get");
    }
}

#[test]
fn thousands_of_cookies_and_list_members_cost_no_more_than_their_bytes() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("limits = { head_bytes = \"64KiB\", headers = 256 }", "", &[origin.address]);
    let start = now();
    for _ in 0..20 {
        let cookies = vec!["a=b"; 10_000].join(";");
        let commas = ",".repeat(10_000);
        let request = format!("GET / HTTP/1.1\r\n{H}Cookie: {cookies}\r\nAccept-Encoding: {commas}\r\n\r\n");
        assert_eq!(daemon.client().send(request).answer().status, 200);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "after {:?}", start.elapsed());
    let options = vec!["x"; 1000].join(",");
    let request = format!("GET / HTTP/1.1\r\n{H}Connection: {options}\r\n\r\n");
    assert_eq!(daemon.client().send(request).answer().status, 400, "each would cost a pass over all fields");
}

#[test]
fn every_test_that_the_page_on_attacks_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/attacks.md")).expect("the page is there");
    let mut named = 0;
    // Links of the form [`name`](../path/to/file.rs).
    for link in page.split("[`").skip(1) {
        let Some((name, rest)) = link.split_once("`](../") else { continue };
        let Some((file, _)) = rest.split_once(')') else { continue };
        if !file.ends_with(".rs") {
            continue;
        }
        let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
        named += 1;
    }
    assert!(named > 30, "the page names its tests: {named}");
}
