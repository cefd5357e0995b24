//! Where connections come in: address, protocol, timeouts and limits.

use std::net::SocketAddr;
use std::time::Duration;

use super::defaults;
use super::word::words;
use crate::ids::ListenerName;

/// An address that accepts connections: `[[listeners]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Unique in the process.
    pub name: ListenerName,
    /// Where to listen; port 0 lets the kernel choose a free one.
    pub address: SocketAddr,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// How long each step of a request may take.
    pub timeouts: Timeouts,
    /// How large a request's head may be.
    pub limits: Limits,
}

impl Listener {
    /// A listener with every setting at its default.
    #[must_use]
    pub fn new(name: ListenerName, address: SocketAddr) -> Listener {
        Listener {
            name,
            address,
            protocol: Protocol::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        }
    }
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// HTTP/1.1 in clear.
    #[default]
    Http,
}

words!(Protocol { Http = "http" });

/// How long each step may take: `[listeners.timeouts]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// A client connection between two requests.
    pub idle: Duration,
    /// A request body without progress.
    pub body: Duration,
    /// Connecting to a backend, per try.
    pub connect: Duration,
    /// From the end of the request to the first byte of the response's head.
    pub response: Duration,
    /// A response body without progress.
    pub response_body: Duration,
    /// A peer, on either side, that does not take what is sent to it.
    pub send: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            head: defaults::HEAD_TIMEOUT,
            idle: defaults::IDLE_TIMEOUT,
            body: defaults::BODY_TIMEOUT,
            connect: defaults::CONNECT_TIMEOUT,
            response: defaults::RESPONSE_TIMEOUT,
            response_body: defaults::RESPONSE_BODY_TIMEOUT,
            send: defaults::SEND_TIMEOUT,
        }
    }
}

/// How large a request's head may be: `[listeners.limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole head, request line to empty line, in bytes; beyond: 431.
    pub head_bytes: usize,
    /// The number of header fields; beyond: 431.
    pub headers: usize,
    /// The request target, in bytes; beyond: 414. Without effect above `head_bytes`.
    pub uri_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes: defaults::HEAD_BYTES,
            headers: defaults::HEADERS,
            uri_bytes: defaults::URI_BYTES,
        }
    }
}
