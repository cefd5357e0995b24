//! Who sends, takes or answers too slowly: what `docs/deadlines.md` promises for each. `timeouts.rs` has the silent ones.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::common::{Client, Daemon, Origin, Then, descriptors, expect_descriptors, now, rest};

const STEP: Duration = Duration::from_millis(50);

fn assert_reset(end: &io::Result<()>) {
    let reset = end.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset);
    assert!(reset, "{end:?}");
}

/// Begins an upload of a megabyte, and sends `bytes` of it every [`STEP`] until an answer is there or two seconds are over.
fn trickle(daemon: &Daemon, bytes: usize) -> Client {
    let mut client = daemon.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
    let end = now() + Duration::from_secs(2);
    while now() < end && client.is_left_alone(STEP) {
        client.send(vec![b'x'; bytes]);
    }
    client
}

#[test]
fn a_body_that_comes_too_slowly_gets_408() {
    let origin = Origin::echo("one");
    let listener = "timeouts = { body = \"300ms\" }\nlimits = { body_rate = \"10KiB\" }";
    let daemon = Daemon::tuned(listener, "", &[origin.address]);
    let start = now();
    // Never silent for long, but 2 KB/s.
    let mut client = trickle(&daemon, 100);
    assert_eq!(client.answer().status, 408);
    assert!(start.elapsed() >= Duration::from_millis(300), "after {:?}", start.elapsed());
    client.expect_closed();
}

#[test]
fn a_body_that_comes_slowly_but_fast_enough_is_waited_for() {
    let origin = Origin::echo("one");
    let listener = "timeouts = { body = \"1s\" }\nlimits = { body_rate = 10 }";
    let daemon = Daemon::tuned(listener, "", &[origin.address]);
    let mut client = trickle(&daemon, 100);
    assert!(client.is_left_alone(STEP), "two periods went by");
    // The rate may be switched off.
    let daemon =
        Daemon::tuned("timeouts = { body = \"1s\" }\nlimits = { body_rate = 0 }", "", &[origin.address]);
    assert!(trickle(&daemon, 1).is_left_alone(STEP));
}

#[test]
fn a_request_that_takes_too_long_in_total_gets_408_while_it_comes() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("timeouts = { total = \"500ms\" }", "", &[origin.address]);
    let start = now();
    let mut client = trickle(&daemon, 10_000);
    assert_eq!(client.answer().status, 408);
    assert!(start.elapsed() >= Duration::from_millis(500), "after {:?}", start.elapsed());
    client.expect_closed();
    // Its head alone counts as well.
    let mut client = daemon.client();
    for byte in "GET / HTTP/1.1\r\nHost: test\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy".bytes() {
        if !client.send([byte]).is_left_alone(Duration::from_millis(20)) {
            break;
        }
    }
    assert_eq!(client.answer().status, 408);
    client.expect_closed();
}

#[test]
fn an_answer_that_takes_too_long_in_total_is_504_or_cut() {
    let origin = Origin::with(|request, out| {
        if request.target() == "/dribbles" {
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
        }
        for _ in 0..40 {
            rest(STEP);
            if request.target() == "/dribbles" {
                out.write_all(b"x")?;
            }
        }
        Ok(Then::Close)
    });
    let daemon = Daemon::tuned("timeouts = { total = \"500ms\" }", "", &[origin.address]);
    let mut client = daemon.client();
    let start = now();
    assert_eq!(client.get("/stalls").status, 504);
    assert!(start.elapsed() >= Duration::from_millis(500), "after {:?}", start.elapsed());
    let mut client = daemon.client();
    let start = now();
    client.send("GET /dribbles HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_reset(&client.end());
    assert!(start.elapsed() >= Duration::from_millis(500), "after {:?}", start.elapsed());
}

#[test]
fn interim_answers_do_not_prolong_the_wait_for_the_final_one() {
    let origin = Origin::with(|_, out| {
        for _ in 0..10 {
            out.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")?;
            rest(2 * STEP);
        }
        Ok(Then::Close)
    });
    let daemon = Daemon::tuned("timeouts = { response = \"400ms\" }", "", &[origin.address]);
    let mut client = daemon.client();
    let mut answer = client.get("/");
    while answer.status == 103 {
        answer = client.answer();
    }
    assert_eq!(answer.status, 504);
}

/// Answers each request with more than any socket buffers take.
fn verbose(framed: bool) -> Origin {
    Origin::with(move |_, out| {
        if framed {
            out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        } else {
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")?;
        }
        loop {
            if framed {
                out.write_all(b"10000\r\n")?;
            }
            out.write_all(&[b'x'; 0x10000])?;
            if framed {
                out.write_all(b"\r\n")?;
            }
        }
    })
}

/// Asks for an answer, reads its head and no further; the connection is reset then, and the backend's closed.
fn expect_cut_off(daemon: &Daemon) {
    let before = descriptors(daemon.pid());
    let mut client = daemon.client();
    let start = now();
    let head = client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").head().expect("an answer");
    assert_eq!(head.status, 200);
    expect_descriptors(daemon, before);
    assert!(start.elapsed() >= Duration::from_millis(300), "after {:?}", start.elapsed());
    assert_reset(&client.end());
}

#[test]
fn a_client_that_does_not_take_its_answer_is_cut_off() {
    let origin = verbose(true);
    expect_cut_off(&Daemon::tuned("timeouts = { send = \"300ms\" }", "", &[origin.address]));
}

#[test]
fn a_client_that_does_not_take_a_spliced_answer_is_cut_off() {
    let origin = verbose(false);
    expect_cut_off(&Daemon::tuned("timeouts = { send = \"300ms\" }", "", &[origin.address]));
}

#[test]
fn a_backend_that_does_not_take_its_request_means_502() {
    let origin = Origin::raw(|mut stream| {
        stream.read_exact(&mut [0; 16])?;
        rest(Duration::from_secs(3));
        Ok(())
    });
    let daemon = Daemon::tuned("timeouts = { send = \"300ms\" }", "", &[origin.address]);
    let client = daemon.client();
    let mut reading = client.into_stream();
    let mut writing = reading.try_clone().expect("a descriptor");
    let start = now();
    let sender = std::thread::spawn(move || {
        let _ = writing.write_all(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000000\r\n\r\n");
        while writing.write_all(&[b'x'; 0x10000]).is_ok() {}
    });
    let mut status = [0; 12];
    reading.read_exact(&mut status).expect("an answer");
    assert_eq!(status, *b"HTTP/1.1 502");
    assert!(start.elapsed() >= Duration::from_millis(300), "after {:?}", start.elapsed());
    drop(reading);
    sender.join().expect("no panic");
}

/// A socket whose queue of connections is full: more are neither taken nor refused.
fn full() -> (Socket, Vec<Socket>, SocketAddr) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    listener.listen(0).expect("a socket");
    let address = listener.local_addr().expect("bound").as_socket().expect("IP");
    let connect = |_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        let _ = socket.connect(&address.into());
        socket
    };
    let clients = (0..8).map(connect).collect();
    (listener, clients, address)
}

#[test]
fn a_backend_that_does_not_take_the_connection_is_given_up_in_time() {
    let (_listener, _clients, stuck) = full();
    let origin = Origin::echo("one");
    let timeouts = "timeouts = { connect = \"300ms\" }";
    let daemon = Daemon::tuned(timeouts, "", &[stuck]);
    let start = now();
    assert_eq!(daemon.client().get("/").status, 503);
    assert!(start.elapsed() >= Duration::from_millis(300), "after {:?}", start.elapsed());
    let daemon = Daemon::tuned(timeouts, "load_balancing = \"round_robin\"", &[stuck, origin.address]);
    for _ in 0..5 {
        assert_eq!(daemon.client().get("/").header("origin"), Some("one"));
    }
    let daemon = Daemon::relaying(timeouts, "", &[stuck]);
    let start = now();
    assert_reset(&daemon.client().end());
    assert!(start.elapsed() >= Duration::from_millis(300), "after {:?}", start.elapsed());
}
