//! What backends are told of where a request came from.

use super::word::words;

/// The forwarding fields that Ringway adds: `[listeners.forwarding]`.
///
/// Fields of these names that a client sent are dropped, whether or not one is added, unless the client is one of the
/// listener's `trusted_proxies`: then lists are continued and single values kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarding {
    /// `X-Forwarded-For`: the client's address.
    pub x_forwarded_for: bool,
    /// `X-Forwarded-Proto`: `http`, or `https`.
    pub x_forwarded_proto: bool,
    /// `X-Forwarded-Host`: the host the client asked for.
    pub x_forwarded_host: bool,
    /// `X-Forwarded-Port`: the port of the listener.
    pub x_forwarded_port: bool,
    /// `Forwarded` (RFC 7239): for, host and proto in one.
    pub forwarded: bool,
    /// `X-Request-Id`: names the request in the logs of everyone on its way.
    pub request_id: RequestId,
}

impl Default for Forwarding {
    fn default() -> Forwarding {
        Forwarding {
            x_forwarded_for: true,
            x_forwarded_proto: true,
            x_forwarded_host: true,
            x_forwarded_port: true,
            forwarded: false,
            request_id: RequestId::default(),
        }
    }
}

/// What is done about `X-Request-Id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RequestId {
    /// Nothing: what the client sent goes through.
    #[default]
    Off,
    /// One is added where the client sent none.
    Keep,
    /// A new one takes the place of what the client sent.
    New,
}

words!(RequestId { Off = "off", Keep = "keep", New = "new" });
