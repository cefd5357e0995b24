//! Backends that fail, and the ones beside them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::common::{Daemon, LONG, Origin, Then, eventually};

/// Where nobody listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound")
}

#[test]
fn an_origin_that_answers_garbage_means_502() {
    for garbage in [
        &b"nonsense\r\n\r\n"[..],
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
    ] {
        let origin = Origin::saying(garbage);
        let daemon = Daemon::before(&[&origin]);
        let mut client = daemon.client();
        assert_eq!(client.get("/").status, 502, "{}", garbage.escape_ascii());
        assert_eq!(client.get("/").status, 502, "the connection of the client is not at fault");
    }
}

#[test]
fn an_origin_that_closes_instead_of_answering_means_502() {
    let origin = Origin::saying(b"");
    let daemon = Daemon::before(&[&origin]);
    for request in [
        "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi",
    ] {
        assert_eq!(daemon.client().send(request).answer().status, 502, "{request}");
    }
}

#[test]
fn a_head_that_ends_in_the_middle_means_502() {
    let origin = Origin::saying(b"HTTP/1.1 200 OK\r\nContent-Le");
    let daemon = Daemon::before(&[&origin]);
    assert_eq!(daemon.client().get("/").status, 502);
}

#[test]
fn an_answer_cut_short_ends_the_connection_of_the_client() {
    let origin = Origin::saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    let daemon = Daemon::before(&[&origin]);
    daemon.client().try_get("/").expect_err("half an answer is none");
}

#[test]
fn an_answer_without_length_that_breaks_off_does_not_end_like_a_whole_one() {
    let (break_off, word) = mpsc::channel();
    let origin = TcpListener::bind("127.0.0.1:0").expect("a port");
    let daemon = Daemon::tuned("", "", &[origin.local_addr().expect("bound")]);
    let origin = thread::spawn(move || {
        let (mut stream, _) = origin.accept().expect("the daemon connects");
        // The request stays unread, so that closing resets the connection.
        stream.peek(&mut [0]).expect("the request comes");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf of it").expect("the daemon takes it");
        word.recv_timeout(LONG).expect("the test says when");
    });
    let mut client = TcpStream::connect(daemon.address()).expect("the daemon listens");
    client.set_read_timeout(Some(LONG)).expect("a socket takes it");
    client.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").expect("the daemon takes the request");
    let mut seen = Vec::new();
    while !seen.ends_with(b"half of it") {
        let mut piece = [0; 256];
        let n = client.read(&mut piece).expect("the first half comes through");
        assert!(n > 0, "ended after {}", seen.escape_ascii());
        seen.extend_from_slice(&piece[..n]);
    }
    break_off.send(()).expect("the origin waits");
    let end = client.read(&mut [0; 16]);
    assert_eq!(end.expect_err("it broke off").kind(), io::ErrorKind::ConnectionReset);
    origin.join().expect("the origin did its part");
}

#[test]
fn no_backend_at_all_means_503_until_there_is_one() {
    let address = nowhere();
    let daemon = Daemon::tuned("", "", &[address]);
    let mut client = daemon.client();
    assert_eq!(client.get("/").status, 503);
    let _origin = Origin::echo_at(&address.to_string(), "late");
    eventually("the backend serves again", LONG, || (client.get("/").status == 200).then_some(()));
}

#[test]
fn a_backend_that_can_not_be_connected_to_is_stepped_over() {
    let origin = Origin::echo("one");
    for policy in ["round_robin", "power_of_two"] {
        let cluster = format!("load_balancing = \"{policy}\"");
        let daemon = Daemon::tuned("", &cluster, &[nowhere(), nowhere(), origin.address]);
        for n in 0..50 {
            // A new connection each: nothing is warm.
            let answer = daemon.client().get(&format!("/{n}"));
            assert_eq!((answer.status, answer.header("origin")), (200, Some("one")), "{policy}, request {n}");
        }
        let post = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(daemon.client().send(post).answer().status, 200, "nothing was sent to the dead ones");
    }
}

#[test]
fn requests_spread_over_the_backends() {
    for policy in ["round_robin", "power_of_two"] {
        let origins = ["one", "two", "three"].map(Origin::echo);
        let cluster = format!("load_balancing = \"{policy}\"");
        let daemon = Daemon::tuned("", &cluster, &origins.each_ref().map(|origin| origin.address));
        let mut client = daemon.client();
        for _ in 0..300 {
            assert_eq!(client.get("/").status, 200);
        }
        let served = origins.each_ref().map(Origin::requests);
        assert_eq!(served.iter().sum::<u64>(), 300);
        assert!(served.iter().all(|served| *served >= 50), "{policy}: {served:?}");
    }
}

#[test]
fn a_backup_serves_only_while_nobody_else_can() {
    let spare = Origin::echo("spare");
    let address = nowhere();
    let daemon = Daemon::tuned(
        "",
        &format!(
            "backends = [{{ address = \"{address}\" }}, {{ address = \"{}\", backup = true }}]",
            spare.address
        ),
        &[],
    );
    let mut client = daemon.client();
    assert_eq!(client.get("/").header("origin"), Some("spare"));
    let main = Origin::echo_at(&address.to_string(), "main");
    eventually("the main backend serves", LONG, || {
        (client.get("/").header("origin") == Some("main")).then_some(())
    });
    let before = spare.requests();
    for _ in 0..50 {
        assert_eq!(client.get("/").header("origin"), Some("main"));
    }
    assert_eq!(spare.requests(), before);
    drop(main);
}

#[test]
fn a_backend_that_closes_after_each_answer_is_no_failure() {
    let origin = Origin::with(|request, out| {
        let body = request.target();
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
        Ok(Then::Close)
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for n in 0..50 {
        assert_eq!(client.get(&format!("/{n}")).text(), format!("/{n}"));
    }
}

#[test]
fn a_backend_that_closes_idle_connections_unannounced_is_no_failure() {
    let origin = Origin::with(|request, out| {
        let body = request.target();
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        Ok(Then::Close)
    });
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    for n in 0..200 {
        assert_eq!(client.get(&format!("/{n}")).text(), format!("/{n}"));
    }
}

#[test]
fn a_request_that_may_have_had_an_effect_is_not_sent_twice() {
    static POSTS: AtomicU64 = AtomicU64::new(0);
    let close = || {
        Origin::with(|request, out| {
            if request.line.starts_with("POST ") {
                POSTS.fetch_add(1, Ordering::SeqCst);
                return Ok(Then::Close);
            }
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            Ok(Then::Keep)
        })
    };
    let origins = [close(), close()];
    let daemon = Daemon::before(&[&origins[0], &origins[1]]);
    let mut client = daemon.client();
    assert_eq!(client.get("/").status, 200, "there is a warm connection now");
    let post = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(client.send(post).answer().status, 502);
    assert_eq!(POSTS.load(Ordering::SeqCst), 1);
}
