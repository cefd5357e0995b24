//! The recording origin: takes whatever comes, keeps every byte, and answers in the end.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::reading::{Rest, STRICT};

/// How long it waits for the rest of a request: longer than any proxy waits for a client.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long nothing must come behind a request before it is answered.
const QUIET: Duration = Duration::from_millis(10);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// Every answer ends its connection, so what a proxy sends on one connection is one message to it.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/// An origin on a port of its own.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    ends: AtomicBool,
    connections: Mutex<Vec<JoinHandle<Vec<u8>>>>,
}

impl Recorder {
    pub(crate) fn start() -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        let accepting = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if theirs.ends.load(Ordering::SeqCst) {
                    return;
                }
                let connection = thread::spawn(move || {
                    let mut bytes = Vec::new();
                    // Whatever ends it, what came until then was seen.
                    let _ = record(stream, &mut bytes);
                    bytes
                });
                theirs.connections.lock().expect("no panic").push(connection);
            }
        });
        Recorder { address, shared, accepting }
    }

    /// What came, connection by connection, once all have ended.
    pub(crate) fn finish(self) -> Vec<Vec<u8>> {
        self.shared.ends.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        self.accepting.join().expect("no panic");
        let connections = std::mem::take(&mut *self.shared.connections.lock().expect("no panic"));
        let records = connections.into_iter().map(|connection| connection.join().expect("no panic"));
        records.filter(|bytes| !bytes.is_empty()).collect()
    }
}

fn record(mut stream: TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    let mut continued = false;
    stream.set_nodelay(true)?;
    loop {
        let reading = STRICT.read(bytes);
        let has_all = !reading.requests.is_empty() || reading.rest == Rest::Malformed;
        if !has_all && !continued && expects_continue(bytes) {
            continued = true;
            stream.write_all(CONTINUE)?;
        }
        stream.set_read_timeout(Some(if has_all { QUIET } else { PATIENCE }))?;
        match stream.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
            Err(_) => break,
        }
    }
    let bodyless = bytes.starts_with(b"HEAD ");
    stream.write_all(if bodyless { &ANSWER[..ANSWER.len() - b"ok".len()] } else { ANSWER })?;
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.read_to_end(bytes).map(drop)
}

fn expects_continue(bytes: &[u8]) -> bool {
    let head = bytes.to_ascii_lowercase();
    let has = |part: &[u8]| head.windows(part.len()).any(|window| window == part);
    has(b"\r\nexpect: 100-continue\r\n") && has(b"\r\n\r\n")
}
