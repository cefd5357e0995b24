//! Requests that ask for a tunnel: Upgrade (RFC 9110 §7.8) and CONNECT (§9.3.6).
//!
//! [`TunnelRules::admit`] decides what a request may ask a backend for, [`response::parse`](super::response::parse)
//! whether the answer grants just that. Between the two a [`Tunnel`] is kept.
//!
//! # What goes on, what stays behind
//!
//! * **Upgrade** goes on when the request is HTTP/1.1, `Connection` names it, it has no body and the listener lists the
//!   protocol: that one alone, in our own words. Otherwise the field is left out and the request is an ordinary one, which
//!   RFC 9110 allows to any server. A body would have to end before the other protocol begins, and no protocol in use has
//!   one.
//! * **WebSocket** is checked to be one (RFC 6455 §4.2.1): a malformed handshake is refused, not passed on as something else,
//!   because a backend that takes it for a handshake and one that does not would go on to read different bytes.
//! * **CONNECT** goes on where the listener allows it, else 501.
//!
//! # After a refusal
//!
//! A client may have sent the first bytes of its protocol without waiting for the answer. They must never be read as a
//! request, so a connection on which a tunnel was asked for and refused is closed after the answer: whoever gets a tunnel
//! from `admit` treats the request as one that does not keep its connection alive. An Upgrade that stayed behind costs the
//! connection only if bytes came right behind the request: some clients offer `h2c` with every first request and go on in
//! HTTP/1.1.

mod websocket;

use std::sync::Arc;

use super::answer::Status;
use super::field::{self, Field};
use super::framing::Connection;
use super::head::Lines;
use super::limits::UPGRADE_BYTES_MAX;
use super::method::Method;
use super::request::{Reject, Request};

use websocket::Key;

/// The name of WebSocket among protocols.
const WEBSOCKET: &[u8] = b"websocket";

/// The tunnels that a listener's clients may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelRules {
    upgrades: Box<[Protocol]>,
    connect: bool,
}

impl TunnelRules {
    /// From a listener's configuration. A protocol whose name is not one, or longer than [`UPGRADE_BYTES_MAX`], is never
    /// admitted.
    #[must_use]
    pub fn new(upgrades: &[Arc<str>], allow_connect: bool) -> TunnelRules {
        let upgrades = upgrades.iter().filter_map(|name| Protocol::new(name.as_bytes())).collect();
        TunnelRules { upgrades, connect: allow_connect }
    }

    /// What `request` may ask for. To be called for every request before it is [rewritten](super::rewrite::request).
    #[inline(always)]
    pub fn admit(&self, request: &Request<'_>) -> Result<Tunnel, Reject> {
        if request.upgrade.is_none() && !matches!(request.method, Method::Connect) {
            return Ok(Tunnel::None);
        }
        // By value: so that the request of the common case need not stand in memory for a path it does not take.
        self.judge(*request)
    }

    #[cold]
    fn judge(&self, request: Request<'_>) -> Result<Tunnel, Reject> {
        if matches!(request.method, Method::Connect) {
            return if self.connect {
                Ok(Tunnel::Connect)
            } else {
                Err(Reject { status: Status::NotImplemented, reason: "CONNECT is not allowed here" })
            };
        }
        let asked = asked(request.lines.headers);
        let Some(protocol) = asked.filter_map(Protocol::new).find(|asked| self.upgrades.contains(asked))
        else {
            return Ok(Tunnel::None);
        };
        if protocol.as_bytes() == WEBSOCKET {
            return websocket::key(&request).map(Tunnel::WebSocket).map_err(Reject::bad);
        }
        Ok(if request.body.is_empty() { Tunnel::Protocol(protocol) } else { Tunnel::None })
    }
}

/// The tunnel a request asks for. Small: it is kept while the answer is awaited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tunnel {
    /// None: an ordinary request.
    #[default]
    None,
    /// CONNECT: any 2xx begins it.
    Connect,
    /// WebSocket, with the key that the answer must know.
    WebSocket(Key),
    /// Another protocol.
    Protocol(Protocol),
}

impl Tunnel {
    /// Whether it is none. Of any other the client's connection ends with the answer, or becomes the tunnel.
    #[inline(always)]
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Tunnel::None)
    }

    /// The protocol to upgrade to.
    #[inline(always)]
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        match self {
            Tunnel::None | Tunnel::Connect => None,
            Tunnel::WebSocket(_) => Some(WEBSOCKET),
            Tunnel::Protocol(protocol) => Some(protocol.as_bytes()),
        }
    }

    /// Whether an answer with status 101 and these lines switches to what was asked for; else why not.
    #[cold]
    pub(super) fn check_switch(
        &self,
        lines: &Lines<'_>,
        connection: &Connection,
    ) -> Result<(), &'static str> {
        let protocol = self.protocol().ok_or("switch of protocols that nobody asked for")?;
        if !connection.upgrade {
            return Err("switch of protocols without Connection: upgrade");
        }
        let mut granted = asked(lines.headers);
        if !granted.next().is_some_and(|first| first.eq_ignore_ascii_case(protocol))
            || granted.next().is_some()
        {
            return Err("switch to another protocol than was asked for");
        }
        match self {
            Tunnel::WebSocket(key) if !key.is_accepted(lines) => {
                Err("websocket handshake without the right Sec-WebSocket-Accept")
            }
            _ => Ok(()),
        }
    }
}

/// The members of all Upgrade fields.
fn asked<'a>(headers: &'a [super::Header<'a>]) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(|header| Field::of(header.name.as_bytes()) == Field::Upgrade)
        .flat_map(|header| field::members(header.value))
}

/// The name of a protocol, and its version where it has one, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    len: u8,
    name: [u8; UPGRADE_BYTES_MAX],
}

impl Protocol {
    /// Reads `name` or `name/version`, both tokens.
    fn new(text: &[u8]) -> Option<Protocol> {
        let mut parts = text.splitn(2, |&byte| byte == b'/');
        if text.len() > UPGRADE_BYTES_MAX || !parts.all(field::is_token) {
            return None;
        }
        let mut name = [0; UPGRADE_BYTES_MAX];
        for (to, from) in name.iter_mut().zip(text) {
            *to = from.to_ascii_lowercase();
        }
        Some(Protocol { len: text.len() as u8, name })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.name[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests;
