//! Connections to backends: kept, used again, given up in time.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::{Client, Daemon, LONG, Origin, Then, eventually, now, read_head, rest};

const POST: &str = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi";

/// Answers each request with the number of its connection and its number on that: `3/1`. Before request number `most` + 1 on
/// a connection it closes that, after `pause`.
fn numbering(most: u64, pause: Duration) -> Origin {
    let connections = AtomicU64::new(0);
    Origin::raw(move |mut out| {
        let connection = connections.fetch_add(1, Ordering::SeqCst);
        let mut from = std::io::BufReader::new(out.try_clone()?);
        for n in 0..most {
            let request = read_head(&mut from)?;
            if request.header("content-length").is_some() {
                std::io::Read::read_exact(&mut from, &mut [0; 2])?;
            }
            let body = format!("{connection}/{n}");
            write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        }
        rest(pause);
        Ok(())
    })
}

/// Which connection carried the request, and as which.
fn numbers(client: &mut Client) -> (u64, u64) {
    let answer = client.get("/");
    assert_eq!(answer.status, 200);
    let (connection, n) = answer.text().split_once('/').expect("two numbers");
    (connection.parse().expect("a number"), n.parse().expect("a number"))
}

#[test]
fn one_connection_serves_many_clients_in_turn() {
    let origin = numbering(u64::MAX, Duration::ZERO);
    let daemon = Daemon::tuned("", "", &[origin.address]);
    for n in 0..50 {
        assert_eq!(numbers(&mut daemon.client()), (0, n));
    }
}

#[test]
fn a_connection_carries_as_many_requests_as_it_may() {
    let origin = numbering(u64::MAX, Duration::ZERO);
    let daemon = Daemon::tuned("", "pool_max_requests = 3", &[origin.address]);
    let mut client = daemon.client();
    let seen: Vec<_> = (0..12).map(|_| numbers(&mut client)).collect();
    assert!(seen.iter().all(|(_, n)| *n < 3), "{seen:?}");
    assert_eq!(seen.iter().filter(|(_, n)| *n == 2).count(), 4, "and no fewer: {seen:?}");
}

#[test]
fn a_connection_that_is_too_old_is_not_used_again() {
    let origin = numbering(u64::MAX, Duration::ZERO);
    let daemon = Daemon::tuned("", "pool_max_age = \"300ms\"", &[origin.address]);
    let mut client = daemon.client();
    let mut last = (0, now());
    let end = now() + Duration::from_millis(1000);
    while now() < end {
        let start = now();
        let (connection, _) = numbers(&mut client);
        if connection == last.0 {
            // Sent before it was too old; the daemon opened it after the last one was used.
            assert!(start - last.1 <= Duration::from_millis(600), "connection {connection} lives on");
        } else {
            assert!(start - last.1 >= Duration::from_millis(250), "connection {} was not old", last.0);
            last = (connection, start);
        }
        rest(Duration::from_millis(10));
    }
    assert!(last.0 >= 2, "only {} were replaced in a second", last.0);
}

#[test]
fn a_connection_that_is_idle_for_too_long_is_closed() {
    let ended = Arc::new(AtomicU64::new(0));
    let theirs = Arc::clone(&ended);
    let origin = Origin::raw(move |mut out| {
        let mut from = std::io::BufReader::new(out.try_clone()?);
        while read_head(&mut from).is_ok() {
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        }
        theirs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let daemon = Daemon::tuned("", "pool_idle_timeout = \"200ms\"", &[origin.address]);
    assert_eq!(daemon.client().get("/").status, 200);
    eventually("the idle connection is closed", LONG, || (ended.load(Ordering::SeqCst) == 1).then_some(()));
    assert_eq!(daemon.client().get("/").status, 200);
    assert_eq!(origin.connections(), 2);
}

#[test]
fn as_many_idle_connections_are_kept_as_are_configured() {
    let origin = numbering(u64::MAX, Duration::ZERO);
    let daemon = Daemon::tuned("", "pool_idle_max = 0", &[origin.address]);
    let mut client = daemon.client();
    for n in 0..10 {
        assert_eq!(numbers(&mut client), (n, 0));
    }
}

#[test]
fn a_connection_that_the_backend_has_closed_is_noticed_before_it_is_used() {
    let origin = numbering(1, Duration::ZERO);
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut client = daemon.client();
    for n in 0..20 {
        assert_eq!(client.ask(POST).text(), format!("{n}/0"), "a POST that is sent into the void means 502");
        // The backend has closed meanwhile.
        rest(Duration::from_millis(20));
    }
}

/// Takes a first request on each connection, and from then on closes without an answer. How many it has read of each kind.
fn closing_on_the_second(gets: &Arc<AtomicU64>, posts: &Arc<AtomicU64>) -> Origin {
    let (gets, posts, connections) = (Arc::clone(gets), Arc::clone(posts), AtomicU64::new(0));
    Origin::raw(move |mut out| {
        let first = connections.fetch_add(1, Ordering::SeqCst) == 0;
        let mut from = std::io::BufReader::new(out.try_clone()?);
        for n in 0.. {
            let request = read_head(&mut from)?;
            match request.target() {
                "/warm" => {}
                "/never" => return Ok(()),
                _ => {
                    let kind = if request.line.starts_with("GET ") { &gets } else { &posts };
                    kind.fetch_add(1, Ordering::SeqCst);
                    if first && n > 0 {
                        return Ok(());
                    }
                }
            }
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        }
        Ok(())
    })
}

#[test]
fn on_a_stale_connection_an_idempotent_request_is_sent_once_more_and_no_other() {
    for (request, status, arrivals) in [("GET", 200, (2, 0)), ("POST", 502, (0, 1))] {
        let counts = [Arc::default(), Arc::default()];
        let origin = closing_on_the_second(&counts[0], &counts[1]);
        let daemon = Daemon::tuned("", "", &[origin.address]);
        let mut client = daemon.client();
        assert_eq!(client.get("/warm").status, 200);
        let answer = client.ask(format!("{request} /x HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(answer.status, status, "{request}");
        let seen = (counts[0].load(Ordering::SeqCst), counts[1].load(Ordering::SeqCst));
        assert_eq!(seen, arrivals, "{request}");
    }
}

#[test]
fn a_request_that_is_never_answered_is_not_replayed_for_ever() {
    let arrived = Arc::new(AtomicU64::new(0));
    let theirs = Arc::clone(&arrived);
    let origin = Origin::with(move |request, out| {
        if request.target() == "/never" {
            theirs.fetch_add(1, Ordering::SeqCst);
            return Ok(Then::Close);
        }
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut client = daemon.client();
    assert_eq!(client.get("/").status, 200);
    assert_eq!(client.get("/never").status, 502);
    assert_eq!(arrived.load(Ordering::SeqCst), 2, "once on the connection from the pool, once on a new one");
    assert_eq!(client.get("/").status, 200, "the backend still serves others");
}
