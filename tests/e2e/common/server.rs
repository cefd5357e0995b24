//! Threads that accept connections and serve each, over TCP or UNIX sockets.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A connection of either kind.
pub(super) trait Socket: Sized + Send + 'static {
    /// The same connection once more.
    fn twin(&self) -> io::Result<Self>;
    /// Ends both directions, whoever has a twin.
    fn end(&self) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn twin(&self) -> io::Result<TcpStream> {
        self.try_clone()
    }

    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Both)
    }
}

impl Socket for UnixStream {
    fn twin(&self) -> io::Result<UnixStream> {
        self.try_clone()
    }

    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Both)
    }
}

/// What the threads of a server share.
pub(super) struct Shared<S> {
    ends: AtomicBool,
    connections: Mutex<Vec<S>>,
    accepted: AtomicU64,
    pub(super) requests: AtomicU64,
}

/// A server that runs.
pub(super) struct Server<S: Socket> {
    pub(super) shared: Arc<Shared<S>>,
    accepting: Option<thread::JoinHandle<()>>,
}

impl<S: Socket> Server<S> {
    /// Serves what `accept` gives, each connection with `handler` on a thread of its own.
    pub(super) fn start(
        accept: impl Fn() -> io::Result<S> + Send + 'static,
        handler: impl Fn(&Shared<S>, S) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server<S> {
        let shared = Arc::new(Shared {
            ends: AtomicBool::new(false),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        });
        let (handler, theirs) = (Arc::new(handler), Arc::clone(&shared));
        let accepting = thread::spawn(move || {
            while let Ok(stream) = accept() {
                if theirs.ends.load(Ordering::SeqCst) {
                    return;
                }
                theirs.accepted.fetch_add(1, Ordering::SeqCst);
                let twin = stream.twin().expect("a descriptor");
                theirs.connections.lock().expect("no panic").push(stream.twin().expect("a descriptor"));
                let (handler, shared) = (Arc::clone(&handler), Arc::clone(&theirs));
                thread::spawn(move || {
                    let _ = handler(&shared, stream);
                    // Its end tells the proxy what it must know: whatever went wrong, the connection closes.
                    let _ = twin.end();
                });
            }
        });
        Server { shared, accepting: Some(accepting) }
    }

    /// How many connections it has accepted.
    pub(super) fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Ends everything; `wake` makes one more connection, for the accepting thread to notice.
    pub(super) fn stop(&mut self, wake: impl FnOnce()) {
        self.shared.ends.store(true, Ordering::SeqCst);
        wake();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for connection in self.shared.connections.lock().expect("no panic").drain(..) {
            let _ = connection.end();
        }
    }
}
