//! Bodies far larger than any buffer: they pass, at the pace of the slower side, and the daemon does not grow.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::common::{
    Checker, Client, Daemon, LONG, Origin, PIECE, Then, assert_flat, body_bytes, descriptors, eventually,
    resident_kib, settles,
};

/// How long nothing must move for a transfer to count as stalled.
const STILL: Duration = Duration::from_millis(300);
/// What the kernel's socket buffers of three connections hold at most, with room to spare: far less than the body.
const BUFFERED_MAX: u64 = 64 * 1024 * 1024;

/// Answers GET with a large body, and counts what it could write so far.
fn writing(written: Arc<AtomicU64>, chunked: bool) -> Origin {
    Origin::with(move |_, out| {
        let bytes = body_bytes();
        if chunked {
            out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        } else {
            write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n")?;
        }
        for _ in 0..bytes / PIECE.len() as u64 {
            if chunked {
                write!(out, "{:x}\r\n", PIECE.len())?;
            }
            out.write_all(&PIECE)?;
            if chunked {
                out.write_all(b"\r\n")?;
            }
            written.fetch_add(PIECE.len() as u64, Ordering::Relaxed);
        }
        if chunked {
            out.write_all(b"0\r\n\r\n")?;
        }
        Ok(Then::Keep)
    })
}

fn read_body(client: &mut Client, bytes: u64) {
    let (mut checker, mut piece) = (Checker::default(), vec![0; 256 * 1024]);
    while checker.bytes < bytes {
        let most = piece.len().min(usize::try_from(bytes - checker.bytes).expect("64 bits"));
        let n = client.read(&mut piece[..most]);
        assert!(n > 0, "ended after {} of {bytes} bytes", checker.bytes);
        checker.take(&piece[..n]);
    }
}

#[test]
fn a_large_download_passes_and_leaves_no_trace_in_memory() {
    let origin = writing(Arc::default(), false);
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut client = daemon.client();
    let before = resident_kib(daemon.pid());
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().expect("an answer").status, 200);
    read_body(&mut client, body_bytes());
    assert_flat(&daemon, before);
}

#[test]
fn a_large_chunked_download_passes_and_leaves_no_trace_in_memory() {
    let origin = writing(Arc::default(), true);
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut client = daemon.client();
    let before = resident_kib(daemon.pid());
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().expect("an answer").header("transfer-encoding"), Some("chunked"));
    let mut checker = Checker::default();
    while let Some(chunk) = client.chunk() {
        checker.take(&chunk);
    }
    assert_eq!(checker.bytes, body_bytes());
    assert_flat(&daemon, before);
}

#[test]
fn a_slow_reader_slows_the_origin_down_and_takes_no_memory() {
    let written = Arc::<AtomicU64>::default();
    let origin = writing(Arc::clone(&written), false);
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut client = daemon.client();
    let before = resident_kib(daemon.pid());
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    let stalled = settles("the origin stalls", STILL, LONG, || written.load(Ordering::Relaxed));
    assert!(stalled > 0 && stalled < BUFFERED_MAX, "{stalled} bytes written while nobody reads");
    assert_flat(&daemon, before);
    assert_eq!(client.head().expect("an answer").status, 200);
    read_body(&mut client, body_bytes());
    assert_flat(&daemon, before);
}

#[test]
fn clients_that_go_away_in_the_middle_leave_nothing_behind() {
    const CLIENTS: usize = 100;
    let origin = writing(Arc::default(), false);
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let before = descriptors(daemon.pid());
    let ask = || {
        let mut client = daemon.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(client.head().expect("an answer").status, 200);
        client
    };
    let clients: Vec<_> = (0..CLIENTS).map(|_| ask()).collect();
    assert!(descriptors(daemon.pid()) >= before + 2 * CLIENTS, "to each client and to the origin for each");
    drop(clients);
    eventually("all connections are closed", LONG, || (descriptors(daemon.pid()) <= before).then_some(()));
    assert_eq!(ask().read(&mut [0; 1]), 1, "it serves on");
}

/// Reads a request's head byte by byte, so that nothing of the body is taken.
fn skip_head(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(())
}

/// Reads the body when it is told to, and says how much there was.
fn reading(go_on: mpsc::Receiver<()>) -> Origin {
    let go_on = Mutex::new(go_on);
    Origin::raw(move |mut stream| {
        skip_head(&mut stream)?;
        // An error means that the test has failed already.
        let _ = go_on.lock().expect("no panic").recv();
        let (mut checker, mut piece) = (Checker::default(), vec![0; 256 * 1024]);
        while checker.bytes < body_bytes() {
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                n => checker.take(&piece[..n]),
            }
        }
        let said = checker.bytes.to_string();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len())
    })
}

#[test]
fn a_large_upload_passes_at_the_pace_of_the_origin_and_takes_no_memory() {
    let (go_on, waits) = mpsc::channel();
    let origin = reading(waits);
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let before = resident_kib(daemon.pid());
    let bytes = body_bytes();
    let mut client = daemon.client();
    let sent = AtomicU64::new(0);
    client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {bytes}\r\n\r\n"));
    std::thread::scope(|scope| {
        let (client, sent) = (&mut client, &sent);
        scope.spawn(move || {
            for _ in 0..bytes / PIECE.len() as u64 {
                client.send(PIECE);
                sent.fetch_add(PIECE.len() as u64, Ordering::Relaxed);
            }
        });
        let stalled = settles("the client stalls", STILL, LONG, || sent.load(Ordering::Relaxed));
        assert_flat(&daemon, before);
        go_on.send(()).expect("the origin waits");
        assert!(stalled > 0 && stalled < BUFFERED_MAX, "{stalled} bytes sent while nobody reads");
    });
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (200, bytes.to_string().as_str()));
    assert_flat(&daemon, before);
}
