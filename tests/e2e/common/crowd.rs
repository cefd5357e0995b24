//! Many clients at once, each on a thread and a connection of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, Response};
use super::wait::now;

/// What one request came to.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) status: u16,
    /// The field `Origin`; empty if the answer was not an origin's.
    pub(crate) origin: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) took: Duration,
    /// When it was there.
    pub(crate) at: Instant,
}

impl Served {
    pub(crate) fn new(answer: &Response, since: Instant) -> Served {
        let at = now();
        Served {
            status: answer.status,
            origin: answer.header("origin").unwrap_or_default().to_owned(),
            retry_after: answer.header("retry-after").map(str::to_owned),
            took: at - since,
            at,
        }
    }
}

/// The most answers that others got while one waited for its own.
pub(crate) fn overtaken_most(served: &[Served]) -> usize {
    let others = |one: &Served| {
        let since = one.at - one.took;
        served.iter().filter(|other| other.at > since && other.at < one.at).count()
    };
    served.iter().map(others).max().unwrap_or(0)
}

/// A crowd that makes its requests, all clients beginning at the same time.
pub(crate) struct Crowd {
    clients: Vec<thread::JoinHandle<Vec<Served>>>,
}

impl Crowd {
    /// `clients` times `requests`, one after the other on each connection, with these further lines in their heads.
    pub(crate) fn send(to: SocketAddr, clients: usize, requests: usize, fields: &str) -> Crowd {
        Crowd::connected(move || Client::connect(to), clients, requests, fields)
    }

    /// The same, from this address.
    pub(crate) fn send_from(
        source: &'static str,
        to: SocketAddr,
        clients: usize,
        requests: usize,
        fields: &str,
    ) -> Crowd {
        Crowd::connected(move || Client::connect_from(source, to), clients, requests, fields)
    }

    fn connected(
        connect: impl Fn() -> Client + Copy + Send + 'static,
        clients: usize,
        requests: usize,
        fields: &str,
    ) -> Crowd {
        let start = Arc::new(Barrier::new(clients));
        let request = format!("GET / HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
        let connections: Vec<_> = (0..clients).map(|_| connect()).collect();
        let client = |client: Client| {
            let (start, request) = (Arc::clone(&start), request.clone());
            thread::spawn(move || {
                start.wait();
                let mut open = Some(client);
                let ask = |_| {
                    let since = now();
                    let mut client = open.take().unwrap_or_else(connect);
                    let answer = client.ask(&request);
                    open = (answer.header("connection") != Some("close")).then_some(client);
                    Served::new(&answer, since)
                };
                (0..requests).map(ask).collect()
            })
        };
        Crowd { clients: connections.into_iter().map(client).collect() }
    }

    /// What all of them got.
    pub(crate) fn served(self) -> Vec<Served> {
        self.clients.into_iter().flat_map(|client| client.join().expect("every client is answered")).collect()
    }
}

/// How many of them have this status.
pub(crate) fn with_status(served: &[Served], status: u16) -> usize {
    served.iter().filter(|served| served.status == status).count()
}

/// How many of them came from the origin of this name.
pub(crate) fn from_origin(served: &[Served], name: &str) -> usize {
    served.iter().filter(|served| served.origin == name).count()
}
