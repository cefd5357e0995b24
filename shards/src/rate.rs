//! How many requests per second one client of a listener may make.

use ahash::RandomState;
use ringway_core::Time;
use ringway_core::config::{RateKey, RateLimit};
use ringway_lb::RateTable;

use crate::affinity::Traits;
use crate::gate::Source;

/// The buckets of a listener, shared by all shards.
#[derive(Debug)]
pub(crate) struct Rate {
    limit: RateLimit,
    /// With a seed of its own: clients choose their keys, and must not choose whose bucket they share.
    hasher: RandomState,
    buckets: RateTable,
}

impl Rate {
    pub(crate) fn new(limit: &RateLimit) -> Rate {
        let hasher = RandomState::new();
        Rate { limit: limit.clone(), hasher, buckets: RateTable::new(limit.rate, limit.burst) }
    }

    /// Whether it was made for this limit.
    pub(crate) fn is_for(&self, limit: &RateLimit) -> bool {
        self.limit == *limit
    }

    /// Counts a request; whether its client makes more than it may.
    pub(crate) fn refuses(&self, request: &Traits<'_>, now: Time) -> bool {
        let key = match &self.limit.key {
            RateKey::Source => self.hasher.hash_one(Source::from(request.source)),
            // Requests without the field are one client.
            RateKey::Header(name) => self.hasher.hash_one(request.header(name)),
        };
        self.buckets.take(key, now).is_err()
    }
}
