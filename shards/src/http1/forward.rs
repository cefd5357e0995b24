//! The forwarding fields: who asked, how and for what, as a backend is told.
//!
//! | field | from any client | from a trusted one that sent it |
//! |---|---|---|
//! | `X-Forwarded-For`, `Forwarded` | ours | theirs, ours behind |
//! | `X-Forwarded-Proto`, `-Host`, `-Port` | ours | theirs |
//! | `X-Request-Id`, kept | theirs if it is sane, else ours | the same |
//! | `X-Request-Id`, new | ours | ours |
//!
//! Ours is written only where the listener is configured to; theirs is dropped in the first column in any case. A request
//! id is taken from anybody: it names, it gives no right. What `Connection` names counts as not sent.
//!
//! What does not change from request to request is rendered once: with the default configuration a request costs three
//! copies, whoever sent it, unless a trusted client sent forwarding fields.

mod address;
mod node;
mod request_id;
mod theirs;

use ringway_core::config::{Forwarding, RequestId};

pub use address::ClientAddress;

use super::head::LineSet;
use super::request::Request;

/// How the client reached us, as `X-Forwarded-Proto` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

const FOR: &str = "X-Forwarded-For: ";
const HOST: &str = "X-Forwarded-Host: ";

/// Room for `Forwarded` and `X-Request-Id` but for the host, in bytes, rounded up.
const OPTIONAL_BYTES: usize = 160;

/// Which forwarding fields the requests through one listener get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardRules {
    fields: Forwarding,
    scheme: Scheme,
    /// The lines of proto and port, and the name of the address field: what is the same for every request, as far as it
    /// is configured.
    prefix: Box<[u8]>,
    /// The end of the line of the protocol in `prefix`, then of the port's.
    proto_end: u8,
    port_end: u8,
}

impl ForwardRules {
    /// Renders for a listener on `port`.
    #[must_use]
    pub fn new(fields: &Forwarding, port: u16, scheme: Scheme) -> ForwardRules {
        let mut prefix = String::new();
        if fields.x_forwarded_proto {
            prefix += &format!("X-Forwarded-Proto: {}\r\n", scheme.as_str());
        }
        let proto_end = prefix.len() as u8;
        if fields.x_forwarded_port {
            prefix += &format!("X-Forwarded-Port: {port}\r\n");
        }
        let port_end = prefix.len() as u8;
        if fields.x_forwarded_for {
            prefix += FOR;
        }
        ForwardRules { fields: *fields, scheme, prefix: prefix.into_bytes().into(), proto_end, port_end }
    }

    /// Whether requests are named, so that an id must be had for each.
    #[must_use]
    pub fn names_requests(&self) -> bool {
        self.fields.request_id != RequestId::Off
    }

    /// What `request` is called: the client's name for it, or `fresh`, as it is configured. `None`: requests have no names.
    #[must_use]
    pub fn request_id<'a>(&self, request: &Request<'a>, fresh: &'a [u8; 32]) -> Option<&'a [u8]> {
        match self.fields.request_id {
            RequestId::Off => None,
            RequestId::Keep => Some(request_id::theirs(request).unwrap_or(fresh)),
            RequestId::New => Some(fresh),
        }
    }
}

/// What is told of one request.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// Of the listener it came through.
    pub rules: &'a ForwardRules,
    /// Of its client.
    pub client: &'a ClientAddress,
    /// The client is one of the listener's trusted proxies: its forwarding fields are believed.
    pub trusted: bool,
    /// A new name for the request: 32 hexadecimal digits. Read only if the rules [name](ForwardRules::names_requests)
    /// requests.
    pub request_id: &'a [u8; 32],
}

impl Forward<'_> {
    /// How many bytes ours are at most, but for the host itself, which is counted twice.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.rules.prefix.len() + ClientAddress::LINE_BYTES_MAX + HOST.len() + OPTIONAL_BYTES
    }

    /// Settles the name of the request: cuts what does not go on of the client's. Whether ours is to be written.
    #[inline(always)]
    pub(super) fn settle_request_id(&self, request: &Request<'_>, cut: &mut LineSet) -> bool {
        let keep = self.rules.fields.request_id == RequestId::Keep;
        self.rules.names_requests() && request_id::is_ours(request, keep, cut)
    }

    /// Appends our name for the request.
    pub(super) fn push_request_id(&self, out: &mut Vec<u8>) {
        request_id::push(self.request_id, out);
    }

    /// Appends the forwarding fields of `request`, which was made to `host`.
    #[inline(always)]
    pub(super) fn push(&self, request: &Request<'_>, host: &[u8], out: &mut Vec<u8>) {
        if self.trusted && !request.extras.forwarding.is_empty() {
            // By value, as everything off the common path: what it needs is then put into memory there, not here.
            return theirs::push(*self, *request, host, out);
        }
        let fields = &self.rules.fields;
        out.extend_from_slice(&self.rules.prefix);
        if fields.x_forwarded_for {
            out.extend_from_slice(self.client.line());
        }
        if fields.x_forwarded_host && !host.is_empty() {
            out.extend_from_slice(HOST.as_bytes());
            out.extend_from_slice(host);
            out.extend_from_slice(b"\r\n");
        }
        if fields.forwarded {
            out.extend_from_slice(b"Forwarded: ");
            node::push(self.client, host, self.rules.scheme, out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests;
