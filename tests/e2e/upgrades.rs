//! Connections that leave HTTP: WebSocket, other upgrades, CONNECT.

pub(crate) mod websocket;

use std::io::{BufReader, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::common::{
    Client, Daemon, LONG, Origin, Then, descriptors, expect_descriptors, now, read_head, rest,
};
use websocket::{KEY, accept, echoing, frame, handshake, read_frame};

/// A connection on which both sides speak WebSocket.
fn shaken(daemon: &Daemon) -> Client {
    let mut client = daemon.client();
    let answer = client.send(handshake("/chat")).head().expect("an answer");
    assert_eq!(answer.status, 101, "{answer:?}");
    assert_eq!(answer.header("sec-websocket-accept"), Some(accept(KEY).as_str()));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    client
}

/// Message number `n`: of every length that is coded differently, and each byte its own.
fn message(n: usize) -> Vec<u8> {
    let len = match n % 100 {
        99 => 70_000,
        98 => 20_000,
        50 => 126,
        51 => 125,
        rest => rest * 3,
    };
    (0..len).map(|at| (at * 7 + n) as u8).collect()
}

#[test]
fn ten_thousand_messages_come_back_as_they_were_sent() {
    const MESSAGES: usize = 10_000;
    let origin = echoing(b"");
    let daemon = Daemon::before(&[&origin]);
    let mut stream = shaken(&daemon).into_stream();
    let mut writing = stream.try_clone().expect("a descriptor");
    let sender = thread::spawn(move || {
        for n in 0..MESSAGES {
            let mask = (n as u32).wrapping_mul(0x9E37_79B9).to_be_bytes();
            writing.write_all(&frame(&message(n), Some(mask))).expect("the daemon takes it");
        }
    });
    let mut from = BufReader::with_capacity(256 * 1024, stream.try_clone().expect("a descriptor"));
    for n in 0..MESSAGES {
        let (back, masked) = read_frame(&mut from).expect("a message").expect("no end yet");
        assert!(back == message(n), "message {n} came back as {} bytes", back.len());
        assert!(!masked);
    }
    sender.join().expect("all were sent");
    // One at a time as well.
    for n in 0..200 {
        stream.write_all(&frame(&message(n), Some([1, 2, 3, 4]))).expect("the daemon takes it");
        let (back, _) = read_frame(&mut from).expect("a message").expect("no end yet");
        assert!(back == message(n), "message {n}");
    }
}

#[test]
fn what_comes_right_behind_the_handshake_belongs_to_the_tunnel() {
    let origin = echoing(b"welcome");
    let daemon = Daemon::before(&[&origin]);
    for split in [0, 1, 100] {
        let request = handshake("/");
        let mut bytes = request.clone().into_bytes();
        bytes.extend(frame(b"early", Some([9, 8, 7, 6])));
        let mut client = daemon.client();
        if split > 0 {
            client.send(&bytes[..split]);
            rest(Duration::from_millis(20));
        }
        client.send(&bytes[split..]);
        assert_eq!(client.head().expect("an answer").status, 101);
        assert_eq!(client.read_exact(9)[2..], *b"welcome");
        assert_eq!(client.read_exact(7)[2..], *b"early");
    }
}

#[test]
fn a_handshake_that_is_none_gets_400_and_goes_nowhere() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let good = handshake("/");
    let key = format!("Sec-WebSocket-Key: {KEY}\r\n");
    for (what, bad) in [
        ("no key", good.replace(&key, "")),
        ("two keys", good.replace(&key, &format!("{key}{key}"))),
        ("a short key", good.replace(KEY, "dGhlIHNhbXBsZQ==")),
        ("a key that is not base64", good.replace(KEY, "dGhlIHNhbXBsZSBub25j*Q==")),
        ("no version", good.replace("Sec-WebSocket-Version: 13\r\n", "")),
        ("an old version", good.replace("Version: 13", "Version: 8")),
        ("another method", good.replace("GET ", "POST ")),
        ("a body", good.replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi")),
    ] {
        let mut client = daemon.client();
        assert_eq!(client.ask(&bad).status, 400, "{what}");
        client.expect_closed();
    }
    assert_eq!(origin.requests(), 0);
}

#[test]
fn an_origin_that_switches_without_being_asked_means_502() {
    let origin = Origin::saying(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nsecret",
    );
    let daemon = Daemon::before(&[&origin]);
    let answer = daemon.client().get("/");
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains("secret"));
}

#[test]
fn an_origin_that_switches_in_another_way_than_asked_means_502() {
    for (what, answer) in [
        (
            "the accept of another key",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
        ),
        ("no accept", "Upgrade: websocket\r\nConnection: Upgrade\r\n"),
        (
            "another protocol",
            "Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        ),
        ("no protocol", "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        ("no connection", "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
    ] {
        let origin = Origin::with(move |_, out| {
            write!(out, "HTTP/1.1 101 Switching Protocols\r\n{answer}\r\nsecret")?;
            Ok(Then::Keep)
        });
        let daemon = Daemon::before(&[&origin]);
        let mut client = daemon.client();
        let answer = client.ask(handshake("/"));
        assert_eq!(answer.status, 502, "{what}");
        assert!(!answer.text().contains("secret"));
        client.expect_closed();
    }
}

#[test]
fn an_upgrade_that_is_refused_is_answered_and_the_connection_ends() {
    let origin = Origin::with(|request, out| {
        let status = request.target().trim_start_matches('/').to_owned();
        write!(
            out,
            "HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\nSec-WebSocket-Version: 13\r\n\r\nno"
        )?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::before(&[&origin]);
    for status in [200, 403, 426] {
        let mut client = daemon.client();
        client.send(handshake(&format!("/{status}")));
        // What a client sends because it hopes for the tunnel is never read as a request.
        client.send("GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (status, "no"));
        assert_eq!(answer.header("connection"), Some("close"));
        client.expect_closed();
    }
    assert_eq!(origin.requests(), 3, "nothing but the handshakes arrives");
}

#[test]
fn the_end_of_one_direction_is_passed_on_and_the_other_goes_on() {
    let origin = Origin::raw(|mut out| {
        let mut from = BufReader::new(out.try_clone()?);
        let request = read_head(&mut from)?;
        let accept = accept(request.header("sec-websocket-key").expect("a key"));
        write!(
            out,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )?;
        let mut all = Vec::new();
        from.read_to_end(&mut all)?;
        write!(out, "{} bytes", all.len())
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = shaken(&daemon);
    client.send([b'x'; 1234]).finish();
    assert_eq!(client.read_to_end(), b"1234 bytes");
}

#[test]
fn a_tunnel_ends_when_it_has_been_idle_for_too_long_and_not_before() {
    let origin = echoing(b"");
    let daemon = Daemon::tuned(
        "timeouts = { tunnel = \"400ms\", idle = \"100ms\", total = \"600ms\" }",
        "",
        &[origin.address],
    );
    let before = descriptors(daemon.pid());
    let mut client = shaken(&daemon);
    let start = now();
    // Longer than a request may take in total: a tunnel is none.
    while start.elapsed() < Duration::from_secs(1) {
        client.send(frame(b"hello", Some([0; 4])));
        assert_eq!(client.read_exact(7)[2..], *b"hello");
        rest(Duration::from_millis(100));
    }
    let start = now();
    client.expect_closed();
    assert!(start.elapsed() >= Duration::from_millis(200), "after {:?}", start.elapsed());
    expect_descriptors(&daemon, before);
}

#[test]
fn an_upgrade_that_is_not_configured_is_an_ordinary_request() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for (upgrade, connection) in [
        ("h2c", "Upgrade, HTTP2-Settings"),
        ("websockets", "Upgrade"),
        // Not named by Connection: it is not even an offer.
        ("websocket", "keep-alive"),
    ] {
        let answer = client.ask(format!(
            "GET /x HTTP/1.1\r\nHost: test\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABk\r\n\
             Connection: {connection}\r\n\r\n"
        ));
        assert_eq!(answer.status, 200);
        let arrived = answer.text().to_ascii_lowercase();
        assert!(!arrived.contains("upgrade"), "{arrived}");
        if connection.contains("HTTP2") {
            assert!(!arrived.contains("http2-settings"), "{arrived}");
        }
    }
    assert_eq!(client.get("/next").status, 200, "the connection goes on");
}

#[test]
fn another_protocol_is_passed_on_where_it_is_configured() {
    let origin = Origin::raw(|mut out| {
        let mut from = BufReader::new(out.try_clone()?);
        let request = read_head(&mut from)?;
        assert_eq!(request.header("upgrade"), Some("tail"), "the one that is configured, alone");
        out.write_all(b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: tail\r\n\r\n> ")?;
        let mut word = [0; 5];
        from.read_exact(&mut word)?;
        out.write_all(&word)
    });
    let daemon = Daemon::tuned("upgrades = [\"tail\"]", "", &[origin.address]);
    let mut client = daemon.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: tail/1, tail, websocket\r\n\r\n",
    );
    assert_eq!(client.head().expect("an answer").status, 101);
    assert_eq!(client.read_exact(2), *b"> ");
    assert_eq!(client.send("hello").read_to_end(), b"hello");
}

#[test]
fn connect_is_refused_unless_it_is_allowed() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    let connect = "CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n";
    // What a client sends because it hopes for the tunnel is never read as a request.
    let answer = client.send(connect).send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").answer();
    assert_eq!(answer.status, 501);
    client.expect_closed();
    assert_eq!(origin.requests(), 0);
}

#[test]
fn connect_makes_a_tunnel_where_it_is_allowed() {
    let (arrived, arrivals) = mpsc::channel();
    let origin = Origin::raw(move |mut out| {
        let mut from = BufReader::new(out.try_clone()?);
        let request = read_head(&mut from)?;
        let _ = arrived.send((request.line.clone(), request.header("host").map(str::to_owned)));
        if request.target() != "test:443" {
            return out.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        }
        out.write_all(b"HTTP/1.1 200 Connected\r\n\r\nhello ")?;
        let mut all = Vec::new();
        from.read_to_end(&mut all)?;
        out.write_all(&all)
    });
    let daemon = Daemon::tuned("allow_connect = true", "", &[origin.address]);
    let mut client = daemon.client();
    client.send("CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\nearly ");
    let answer = client.head().expect("an answer");
    assert_eq!((answer.status, answer.header("content-length")), (200, None));
    client.send("late").finish();
    assert_eq!(client.read_to_end(), b"hello early late");
    let (line, host) = arrivals.recv_timeout(LONG).expect("it arrived");
    assert_eq!((line.as_str(), host.as_deref()), ("CONNECT test:443 HTTP/1.1", Some("test:443")));

    let mut client = daemon.client();
    let answer = client.ask("CONNECT other:22 HTTP/1.1\r\nHost: other:22\r\n\r\n");
    assert_eq!((answer.status, answer.text()), (403, "no"));
    client.expect_closed();
}
