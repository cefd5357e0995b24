//! How many requests per second one client may make.

use std::fmt;
use std::sync::Arc;

/// A token bucket per client, for the whole process: `[listeners.rate_limit]`. Beyond it the answer is 429.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Who counts as one client.
    pub key: RateKey,
    /// Requests per second, at least 1.
    pub rate: u32,
    /// Requests at once, at least 1.
    pub burst: u32,
}

/// Who counts as one client: `source` or `header:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum RateKey {
    /// Its address; an IPv6 source is its /64.
    #[default]
    Source,
    /// The value of this header field, in lower case its name; requests without it are one client.
    Header(Arc<str>),
}

impl fmt::Display for RateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RateKey::Source => f.write_str("source"),
            RateKey::Header(name) => write!(f, "header:{name}"),
        }
    }
}
