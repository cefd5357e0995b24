//! TCP listeners: bytes passed on both ways, whatever they are.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::common::{
    Checker, Client, Daemon, LONG, Origin, PIECE, assert_flat, body_bytes, descriptors, eventually,
    expect_descriptors, now, resident_kib, rest,
};

/// Where nobody listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound")
}

/// Sends everything back, and its name when the client has ended.
fn echoing(name: &'static str) -> Origin {
    Origin::raw(move |mut stream| {
        let mut from = stream.try_clone()?;
        io::copy(&mut from, &mut stream)?;
        stream.write_all(name.as_bytes())
    })
}

fn assert_reset(end: &io::Result<()>) {
    let reset = end.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset);
    assert!(reset, "{end:?}");
}

#[test]
fn bytes_go_both_ways_and_so_does_the_end() {
    let origin = echoing("one");
    let daemon = Daemon::relaying("", "", &[origin.address]);
    let mut client = daemon.client();
    for n in 0..200u32 {
        let word = n.to_be_bytes().repeat(1 + n as usize % 50);
        assert_eq!(client.send(&word).read_exact(word.len()), word);
    }
    // The origin's last word comes after our end.
    client.finish();
    assert_eq!(client.read_to_end(), b"one");
}

#[test]
fn the_end_of_the_backend_is_passed_on_and_the_client_goes_on() {
    let (told, heard) = std::sync::mpsc::channel();
    let origin = Origin::raw(move |mut stream| {
        stream.write_all(b"bye")?;
        stream.shutdown(Shutdown::Write)?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        let _ = told.send(all);
        Ok(())
    });
    let daemon = Daemon::relaying("", "", &[origin.address]);
    let mut client = daemon.client();
    assert_eq!(client.read_to_end(), b"bye");
    client.send("and ").send("more").finish();
    assert_eq!(heard.recv_timeout(LONG).expect("the rest arrives"), b"and more");
}

#[test]
fn a_server_may_speak_first() {
    let origin = Origin::raw(|mut stream| {
        stream.write_all(b"220 ready\r\n")?;
        stream.read(&mut [0; 16]).map(drop)
    });
    let daemon = Daemon::relaying("", "", &[origin.address]);
    assert_eq!(daemon.client().read_exact(11), b"220 ready\r\n");
}

#[test]
fn what_looks_like_http_is_not_looked_at() {
    let origin = Origin::raw(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        stream.write_all(&all)
    });
    let daemon = Daemon::relaying("", "", &[origin.address]);
    let mut client = daemon.client();
    let bytes = b"GET / HTTP/1.1\nHost: a\nHost: b\nContent-Length: x\n\n\0\xff";
    client.send(bytes).finish();
    assert_eq!(client.read_to_end(), bytes);
}

#[test]
fn a_reset_is_passed_on_as_one() {
    let (told, heard) = std::sync::mpsc::channel();
    let origin = Origin::raw(move |mut stream| {
        let mut word = [0; 5];
        stream.read_exact(&mut word)?;
        stream.write_all(&word)?;
        let _ = told.send(stream.read(&mut word));
        Ok(())
    });
    let daemon = Daemon::relaying("", "", &[origin.address]);
    let mut client = daemon.client();
    assert_eq!(client.send("hello").read_exact(5), b"hello");
    client.reset();
    let end = heard.recv_timeout(LONG).expect("the origin learns of it");
    assert_eq!(end.expect_err("not an ordinary end").kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_connection_ends_when_it_has_been_idle_for_too_long_and_not_before() {
    let origin = echoing("one");
    let daemon = Daemon::relaying("timeouts = { tunnel = \"400ms\" }", "", &[origin.address]);
    let before = descriptors(daemon.pid());
    let mut client = daemon.client();
    let start = now();
    while start.elapsed() < Duration::from_millis(1000) {
        assert_eq!(client.send("hello").read_exact(5), b"hello");
        rest(Duration::from_millis(100));
    }
    let start = now();
    // It is cut: what arrived need not be the whole.
    assert_reset(&client.end());
    assert!(start.elapsed() >= Duration::from_millis(200), "after {:?}", start.elapsed());
    expect_descriptors(&daemon, before);
}

#[test]
fn a_backend_that_can_not_be_connected_to_is_stepped_over() {
    let origin = echoing("one");
    let daemon = Daemon::relaying("", "", &[nowhere(), nowhere(), origin.address]);
    for _ in 0..20 {
        let mut client = daemon.client();
        client.finish();
        assert_eq!(client.read_to_end(), b"one");
    }
}

#[test]
fn connections_spread_over_the_backends() {
    let origins = ["one", "two", "three"].map(echoing);
    let addresses = origins.each_ref().map(|origin| origin.address);
    let daemon = Daemon::relaying("", "load_balancing = \"round_robin\"", &addresses);
    for _ in 0..30 {
        daemon.client().finish().read_to_end();
    }
    assert_eq!(origins.each_ref().map(Origin::connections), [10; 3]);
}

#[test]
fn without_a_backend_the_connection_is_reset() {
    let address = nowhere();
    let daemon = Daemon::relaying("", "", &[address]);
    // Whether that is after it was made, as the client sees it, is a matter of luck.
    assert_reset(&Client::try_connect(daemon.address()).and_then(|mut client| client.end()));
    let origin = TcpListener::bind(address).expect("the port is free again");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = origin.accept() {
            let _ = stream.write_all(b"late");
        }
    });
    eventually("the backend serves again", LONG, || {
        let mut word = [0; 4];
        let mut stream = TcpStream::connect(daemon.address()).ok()?;
        stream.read_exact(&mut word).ok()
    });
}

#[test]
fn much_passes_both_ways_at_once_and_leaves_no_trace_in_memory() {
    let bytes = body_bytes();
    let origin = Origin::raw(move |mut stream| {
        let mut writing = stream.try_clone()?;
        let writer = thread::spawn(move || write_all(&mut writing, bytes));
        assert_eq!(read_all(&mut stream)?, bytes);
        writer.join().expect("no panic")?;
        stream.write_all(b"complete")
    });
    let daemon = Daemon::relaying("", "", &[origin.address]);
    let before = resident_kib(daemon.pid());
    let mut reading = daemon.client().into_stream();
    let mut writing = reading.try_clone().expect("a descriptor");
    let writer = thread::spawn(move || {
        write_all(&mut writing, bytes).expect("the daemon takes it");
        writing.shutdown(Shutdown::Write).expect("a connection");
    });
    let (mut checker, mut piece) = (Checker::default(), vec![0; 256 * 1024]);
    while checker.bytes < bytes {
        let most = piece.len().min(usize::try_from(bytes - checker.bytes).expect("64 bits"));
        let n = reading.read(&mut piece[..most]).expect("more comes");
        assert!(n > 0, "ended after {} of {bytes} bytes", checker.bytes);
        checker.take(&piece[..n]);
    }
    writer.join().expect("all was sent");
    assert_flat(&daemon, before);
    // What the origin says once it has everything.
    let mut word = Vec::new();
    reading.read_to_end(&mut word).expect("the end");
    assert_eq!(word, b"complete");
}

/// Writes that many bytes of the pattern.
fn write_all(to: &mut TcpStream, bytes: u64) -> io::Result<()> {
    (0..bytes / PIECE.len() as u64).try_for_each(|_| to.write_all(&PIECE))
}

/// Reads and checks everything up to the end.
fn read_all(from: &mut TcpStream) -> io::Result<u64> {
    let (mut checker, mut piece) = (Checker::default(), vec![0; 256 * 1024]);
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(checker.bytes),
            n => checker.take(&piece[..n]),
        }
    }
}

#[test]
fn clients_that_go_away_leave_nothing_behind() {
    const CLIENTS: usize = 100;
    let origin = echoing("one");
    let daemon = Daemon::relaying("", "", &[origin.address]);
    let before = descriptors(daemon.pid());
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| daemon.client()).collect();
    for client in &mut clients {
        assert_eq!(client.send("hello").read_exact(5), b"hello");
    }
    assert!(descriptors(daemon.pid()) >= before + 2 * CLIENTS);
    for (n, client) in clients.into_iter().enumerate() {
        if n % 2 == 0 { client.reset() } else { drop(client) }
    }
    expect_descriptors(&daemon, before);
}
