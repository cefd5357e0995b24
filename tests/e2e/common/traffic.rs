//! Clients that go on asking while something else happens, and notice everything that goes wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::client::Client;
use super::daemon::LONG;
use super::wait::{eventually, rest};

/// Failures that are told of each client; the others are only counted.
const TOLD_MAX: usize = 5;

/// What came of the requests of all clients.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    /// Requests on a connection that the other side closed before it answered anything, asked again on a new one.
    pub(crate) again: u64,
    pub(crate) failed: u64,
    pub(crate) failures: Vec<String>,
}

/// Keep-alive clients at work. Dropping it ends them.
pub(crate) struct Traffic {
    ends: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    clients: Vec<thread::JoinHandle<Tally>>,
}

impl Traffic {
    /// So many clients, each with so long a pause after an answer. A connection that ends without having been announced to is a
    /// failure.
    pub(crate) fn start(to: SocketAddr, clients: usize, pause: Duration) -> Traffic {
        Traffic::begin(to, clients, pause, false)
    }

    /// As [`Traffic::start`], for connections that may be closed while they are idle: what meets such an end is asked again,
    /// once, as RFC 9112 (section 9.3.1) has it.
    pub(crate) fn start_again(to: SocketAddr, clients: usize, pause: Duration) -> Traffic {
        Traffic::begin(to, clients, pause, true)
    }

    fn begin(to: SocketAddr, clients: usize, pause: Duration, again: bool) -> Traffic {
        let (ends, served) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let client = |_| {
            let (ends, served) = (Arc::clone(&ends), Arc::clone(&served));
            thread::spawn(move || {
                let mut work = Work { to, again, open: None, tally: Tally::default() };
                while !ends.load(Ordering::Relaxed) {
                    work.ask();
                    served.fetch_add(1, Ordering::Relaxed);
                    if !pause.is_zero() {
                        rest(pause);
                    }
                }
                work.tally
            })
        };
        let clients = (0..clients).map(client).collect();
        Traffic { ends, served, clients }
    }

    /// Waits for so many more requests.
    pub(crate) fn more(&self, requests: u64) {
        let goal = self.served.load(Ordering::Relaxed) + requests;
        eventually("more requests", LONG, || (self.served.load(Ordering::Relaxed) >= goal).then_some(()));
    }

    /// Ends it, and tells what came of it.
    pub(crate) fn end(mut self) -> Tally {
        self.ends.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for client in self.clients.drain(..) {
            let Tally { requests, again, failed, failures } = client.join().expect("no panic");
            all.requests += requests;
            all.again += again;
            all.failed += failed;
            all.failures.extend(failures);
        }
        all
    }

    /// Ends it, after so many requests at the least. Every one must have been served.
    pub(crate) fn expect_served(self, at_least: u64) -> Tally {
        eventually("enough requests", LONG, || {
            (self.served.load(Ordering::Relaxed) >= at_least).then_some(())
        });
        let tally = self.end();
        assert_eq!(tally.failed, 0, "{tally:#?}");
        tally
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

struct Work {
    to: SocketAddr,
    again: bool,
    open: Option<Client>,
    tally: Tally,
}

impl Work {
    fn ask(&mut self) {
        let is_used = self.open.is_some();
        let mut result = self.once();
        if self.again && is_used && result.is_err() {
            self.tally.again += 1;
            result = self.once();
        }
        self.tally.requests += 1;
        if let Err(failure) = result {
            self.tally.failed += 1;
            if self.tally.failures.len() < TOLD_MAX {
                self.tally.failures.push(failure);
            }
        }
    }

    fn once(&mut self) -> Result<(), String> {
        let mut client = match self.open.take() {
            Some(client) => client,
            None => Client::try_connect(self.to).map_err(|error| format!("connecting: {error}"))?,
        };
        let answer = client.try_get("/").map_err(|error| error.to_string())?;
        if answer.header("connection") != Some("close") {
            self.open = Some(client);
        }
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    }
}
