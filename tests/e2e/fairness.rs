//! Quiet connections beside one that takes all it can get: whoever floods waits for himself.
//!
//! What is bounded is how much the flood gets done while a quiet request is under way, not how long that takes: a busy machine
//! makes both slow alike. A proxy that served the flood as far as it can would let a quiet request wait for hundreds of times
//! that.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::common::{Daemon, LONG, Origin, Then, eventually, read_head};

/// Connections that are quiet, and the requests that each of them makes.
const QUIET: usize = 10;
const REQUESTS: usize = 30;

/// While each of the quiet requests is under way, what `flood` counts grows by this much: the median, and the 99th of 100.
fn beside(daemon: &Daemon, flood: &AtomicU64) -> (u64, u64) {
    let mut clients: Vec<_> = (0..QUIET).map(|_| daemon.client()).collect();
    let mut growth = Vec::with_capacity(QUIET * REQUESTS);
    for _ in 0..REQUESTS {
        for client in &mut clients {
            let before = flood.load(Ordering::SeqCst);
            assert_eq!(client.get("/quiet").text(), "ok");
            growth.push(flood.load(Ordering::SeqCst) - before);
        }
    }
    growth.sort_unstable();
    (growth[growth.len() / 2], growth[growth.len() * 99 / 100])
}

/// Answers whatever it is asked, and counts what it is asked by the flood.
fn counting(flood: &Arc<AtomicU64>) -> Origin {
    let flood = Arc::clone(flood);
    Origin::with(move |request, out| {
        if request.target() == "/flood" {
            flood.fetch_add(1, Ordering::SeqCst);
        }
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(Then::Keep)
    })
}

#[test]
fn quiet_connections_are_served_beside_one_that_floods_with_pipelined_requests() {
    let answered = Arc::new(AtomicU64::new(0));
    let origin = counting(&answered);
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut writing = TcpStream::connect(daemon.address()).expect("the daemon listens");
    let mut reading = writing.try_clone().expect("a descriptor");
    let ending = writing.try_clone().expect("a descriptor");
    let burst = "GET /flood HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000);
    let writer = thread::spawn(move || while writing.write_all(burst.as_bytes()).is_ok() {});
    let reader = thread::spawn(move || while reading.read(&mut [0; 0x10000]).is_ok_and(|n| n > 0) {});
    eventually("the flood has begun", LONG, || (answered.load(Ordering::SeqCst) > 500).then_some(()));
    let (median, p99) = beside(&daemon, &answered);
    ending.shutdown(Shutdown::Both).expect("it is still open: the flood went on until here");
    writer.join().expect("no panic");
    reader.join().expect("no panic");
    // A thousand requests are in each write of the flood, and many writes in the buffers of its socket.
    assert!(
        median <= 100 && p99 <= 2000,
        "the flood had {median} answers meanwhile, {p99} in the worst cases"
    );
}

#[test]
fn quiet_connections_are_served_beside_one_that_uploads_as_fast_as_it_can() {
    for framing in ["Content-Length: 1000000000000", "Transfer-Encoding: chunked"] {
        let taken = Arc::new(AtomicU64::new(0));
        let theirs = Arc::clone(&taken);
        let origin = Origin::raw(move |mut out| {
            let mut from = std::io::BufReader::with_capacity(0x10000, out.try_clone()?);
            while read_head(&mut from)?.target() == "/quiet" {
                out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            }
            let mut piece = vec![0; 0x40000];
            loop {
                match from.read(&mut piece)? {
                    0 => return Ok(()),
                    n => theirs.fetch_add(n as u64, Ordering::SeqCst),
                };
            }
        });
        let daemon = Daemon::tuned("", "", &[origin.address]);
        let mut writing = TcpStream::connect(daemon.address()).expect("the daemon listens");
        let ending = writing.try_clone().expect("a descriptor");
        let chunked = framing.ends_with("chunked");
        let head = format!("POST /flood HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n");
        let writer = thread::spawn(move || {
            let mut piece = vec![b'x'; 0x10000];
            if chunked {
                piece.splice(0..0, *b"10000\r\n");
                piece.extend(b"\r\n");
            }
            writing.write_all(head.as_bytes()).expect("the daemon takes it");
            while writing.write_all(&piece).is_ok() {}
        });
        eventually("the flood has begun", LONG, || (taken.load(Ordering::SeqCst) > 1 << 24).then_some(()));
        let (median, p99) = beside(&daemon, &taken);
        ending.shutdown(Shutdown::Both).expect("it is still open: the flood went on until here");
        writer.join().expect("no panic");
        let mib = [median, p99].map(|bytes| bytes >> 20);
        assert!(mib[0] <= 16 && mib[1] <= 256, "{framing}: {mib:?} MiB of the upload passed meanwhile");
    }
}
