//! A fixed-response HTTP/1.1 origin: what stands behind a proxy under test.
//!
//! Every request gets the same answer, prepared once and sent in one piece: `200`, a body of [`Settings::size`] made-up
//! bytes (or a line of text), after [`Settings::delay`]. Request bodies are read and forgotten. What a request can ask
//! for itself:
//!
//! * `?size=N` and `?delay=MS` override the two for this request;
//! * `POST` or `PUT` to `/echo` sends the request's body back as it comes in, chunked or with its length;
//! * `HEAD` gets the head alone, `Expect: 100-continue` its go-ahead, `Connection: close` its will.

mod answer;
mod connection;
mod count;
mod request;
mod running;
mod serve;

use std::net::SocketAddr;
use std::time::Duration;

pub use count::Requests;
pub use running::{RunningOrigin, SpawnError, spawn};
pub use serve::serve;

/// What an origin is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens; port 0 lets the kernel choose.
    pub listen: SocketAddr,
    /// Stands in every answer as `X-Origin`.
    pub name: Option<String>,
    /// Bytes of made-up body, at most 1 GiB; `None`: a line of text with the name.
    pub size: Option<u64>,
    /// From the end of a request to its answer.
    pub delay: Duration,
    /// Close the connection after each answer.
    pub close: bool,
    /// Threads, each with an engine and a listening socket of its own.
    pub threads: usize,
    /// The core of the first thread; each further one takes the next.
    pub pin: Option<usize>,
}

impl Settings {
    /// One thread that answers at once and keeps connections.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Settings {
        Settings {
            listen,
            name: None,
            size: None,
            delay: Duration::ZERO,
            close: false,
            threads: 1,
            pin: None,
        }
    }
}
