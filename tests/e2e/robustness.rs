//! Clients that go away at any moment, and ones that ask for very much: nothing is left behind.

use std::env;
use std::io::Write;
use std::net::SocketAddr;
use std::thread;

use crate::common::{Daemon, Origin, Then, descriptors, expect_descriptors};

/// A daemon that keeps no connection to its backend, so that its descriptors tell all.
fn without_pool(origin: SocketAddr) -> Daemon {
    Daemon::tuned("", "pool_idle_max = 0", &[origin])
}

#[test]
fn a_client_may_reset_its_connection_at_any_byte_of_a_request() {
    let origin = Origin::echo("one");
    let daemon = without_pool(origin.address);
    let before = descriptors(daemon.pid());
    for request in [
        "GET /x HTTP/1.1\r\nHost: test\r\nX: y\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\n!!!\r\n0\r\nT: u\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 20\r\n\r\n01234567890123456789",
    ] {
        for at in 0..=request.len() {
            for apart in [false, true] {
                let mut client = daemon.client();
                if apart {
                    // Its last byte alone, so that the end comes in a turn of its own.
                    let last = at.saturating_sub(1);
                    client.send(&request[..last]).send(&request[last..at]);
                } else {
                    client.send(&request[..at]);
                }
                client.reset();
            }
        }
        assert_eq!(daemon.client().ask(request).status, 200, "it serves on");
    }
    expect_descriptors(&daemon, before);
}

#[test]
fn a_client_may_go_away_at_any_byte_of_an_answer() {
    let body = "x".repeat(300);
    let origin = Origin::with(move |_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len())?;
        write!(out, "{:x}\r\n{body}\r\n0\r\n\r\n", body.len())?;
        Ok(Then::Keep)
    });
    let daemon = without_pool(origin.address);
    let before = descriptors(daemon.pid());
    // The last chunk included.
    for at in 0..=666 {
        let mut client = daemon.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        client.read_exact(at);
        client.reset();
    }
    assert_eq!(daemon.client().get("/").body.len(), 600, "it serves on");
    expect_descriptors(&daemon, before);
}

#[test]
fn an_origin_may_reset_its_connection_at_any_byte_of_its_answer() {
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n";
    let origin = Origin::with(|request, out| {
        let at: usize = request.target().trim_start_matches('/').parse().expect("a number");
        out.write_all(&ANSWER[..at])?;
        let linger = socket2::SockRef::from(&*out).set_linger(Some(std::time::Duration::ZERO));
        linger.map(|()| Then::Close)
    });
    let daemon = without_pool(origin.address);
    let before = descriptors(daemon.pid());
    for at in 0..ANSWER.len() {
        let mut client = daemon.client();
        match client.try_get(&format!("/{at}")) {
            Ok(answer) => assert_eq!(answer.status, 502, "after {at} bytes: {answer:?}"),
            // Part of the answer was on its way already.
            Err(error) => assert!(at > 40, "after {at} bytes: {error}"),
        }
    }
    assert_eq!(daemon.client().get(&format!("/{}", ANSWER.len())).text(), "hello");
    expect_descriptors(&daemon, before);
}

/// How many requests are pipelined.
fn pipelined() -> usize {
    env::var("RINGWAY_E2E_PIPELINED").map_or(20_000, |count| count.parse().expect("a number"))
}

#[test]
fn very_many_pipelined_requests_are_answered_in_order() {
    let origin = Origin::with(|request, out| {
        let body = request.target();
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::tuned("", "pool_idle_timeout = \"500ms\"", &[origin.address]);
    let before = descriptors(daemon.pid());
    let mut client = daemon.client();
    let mut writing = client.twin();
    let writer = thread::spawn(move || {
        for first in (0..pipelined()).step_by(100) {
            let burst: String = (first..pipelined().min(first + 100))
                .map(|n| format!("GET /{n} HTTP/1.1\r\nHost: test\r\n\r\n"))
                .collect();
            writing.write_all(burst.as_bytes()).expect("the daemon takes it");
        }
    });
    for n in 0..pipelined() {
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, format!("/{n}").as_str()));
    }
    writer.join().expect("no panic");
    drop(client);
    expect_descriptors(&daemon, before);
}
