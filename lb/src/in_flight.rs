//! A backend's requests in flight, counted over all shards.
//!
//! The one value that shards share on the request path: a policy that compares loads then sees the whole machine.
//! Relaxed order suffices, because nothing else is published through it. Only [`BackendList`](crate::BackendList)
//! counts, and it gives back no more than it took, hence the value can not underflow.

use std::sync::atomic::{AtomicU64, Ordering};

/// Requests in flight to one backend, from every shard of the process.
///
/// Alone on 128 bytes (two cache lines, because the adjacent-line prefetcher fetches pairs): counting for one backend
/// does not slow down the count of another. Make one per backend and hand a clone of its `Arc` to every shard.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct InFlight {
    requests: AtomicU64,
}

impl InFlight {
    /// A counter at zero.
    #[must_use]
    pub const fn new() -> InFlight {
        InFlight { requests: AtomicU64::new(0) }
    }

    /// Requests in flight now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives back `requests` that the caller began itself.
    pub(crate) fn end(&self, requests: u32) {
        let before = self.requests.fetch_sub(u64::from(requests), Ordering::Relaxed);
        debug_assert!(
            before >= u64::from(requests),
            "{requests} requests ended, only {before} were in flight"
        );
    }
}
