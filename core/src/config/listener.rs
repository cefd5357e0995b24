//! Where connections come in: address, protocol, timeouts and limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::word::words;
use super::{Forwarding, RateLimit, defaults};
use crate::ids::{ClusterId, ListenerName};

/// An address that accepts connections: `[[listeners]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Unique in the process.
    pub name: ListenerName,
    /// Where to listen; port 0 lets the kernel choose a free one.
    pub address: SocketAddr,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Whether it accepts connections; if not, its address is its own all the same.
    pub active: bool,
    /// Who serves its connections, if it speaks TCP; only then.
    pub cluster: Option<ClusterId>,
    /// Whether each connection begins with a PROXY protocol header (version 1 or 2), from one of `trusted_proxies`, that
    /// tells whose connection it is. Connections from elsewhere, or without it, are closed.
    pub proxy_protocol: bool,
    /// Peers that may say on whose behalf they connect, by PROXY protocol or forwarding fields.
    pub trusted_proxies: Vec<IpNet>,
    /// What backends are told of where a request came from.
    pub forwarding: Forwarding,
    /// The protocols that a client may change to (Upgrade), in lower case.
    pub upgrades: Vec<Arc<str>>,
    /// Whether CONNECT is passed on.
    pub allow_connect: bool,
    /// How long each step of a request may take.
    pub timeouts: Timeouts,
    /// How large a request's head may be.
    pub limits: Limits,
    /// How many requests per second one client may make.
    pub rate_limit: Option<RateLimit>,
}

impl Listener {
    /// A listener with every setting at its default.
    #[must_use]
    pub fn new(name: ListenerName, address: SocketAddr) -> Listener {
        Listener {
            name,
            address,
            protocol: Protocol::default(),
            active: true,
            cluster: None,
            proxy_protocol: false,
            trusted_proxies: Vec::new(),
            forwarding: Forwarding::default(),
            upgrades: defaults::UPGRADES.iter().copied().map(Arc::from).collect(),
            allow_connect: defaults::ALLOW_CONNECT,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            rate_limit: None,
        }
    }
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// HTTP/1.1 in clear.
    #[default]
    Http,
    /// Nothing: bytes are passed on as they come.
    Tcp,
}

words!(Protocol { Http = "http", Tcp = "tcp" });

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
    /// A tunnel (TCP, WebSocket, CONNECT) without a byte in either direction.
    pub tunnel: Duration,
    /// From the first byte of a request to the last of its response. Tunnels are not requests.
    pub total: Duration,
    /// From the connection's start to the end of its PROXY protocol header.
    pub proxy_header: Duration,
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
            tunnel: defaults::TUNNEL_TIMEOUT,
            total: defaults::TOTAL_TIMEOUT,
            proxy_header: defaults::PROXY_HEADER_TIMEOUT,
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
    /// The least rate of a request's body, in bytes per second over each period of `timeouts.body`; slower: 408. 0: any.
    pub body_rate: usize,
    /// How many requests one connection may carry; the answer to the last says that it ends. `None`: no limit.
    pub requests_per_connection: Option<u32>,
    /// How old a connection may get, give or take a tenth: the next answer says that it ends. `None`: no limit. Tunnels are
    /// left alone.
    pub connection_max_age: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes: defaults::HEAD_BYTES,
            headers: defaults::HEADERS,
            uri_bytes: defaults::URI_BYTES,
            body_rate: defaults::BODY_RATE,
            requests_per_connection: None,
            connection_max_age: None,
        }
    }
}
