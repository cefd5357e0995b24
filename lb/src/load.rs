//! What all shards of the process share of one backend: its load, its latency, its failures in a row.
//!
//! The only values that shards share on the request path: a policy that compares loads then sees the whole machine, and
//! a limit holds for the process. Relaxed order suffices, because nothing else is published through them. Requests and
//! connections are counted by [`BackendList`](crate::BackendList) alone, which gives back no more than it took, hence
//! they can not underflow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringway_core::Time;

mod failures;
mod latency;

pub use failures::{FailureKind, Failures};

use crate::policy::Metric;
use failures::FailureRuns;
use latency::PeakEwma;

/// One backend's load over every shard of the process; also, as a sum, that of a whole cluster.
///
/// Alone on 128 bytes (two cache lines, because the adjacent-line prefetcher fetches pairs): counting for one backend
/// does not slow down the count of another. Make one per backend and hand a clone of its `Arc` to every shard.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Load {
    requests: AtomicU64,
    connections: AtomicU64,
    latency: PeakEwma,
    failures: FailureRuns,
}

/// Requests and connections.
impl Load {
    /// Nothing in flight, nothing measured, nothing failed.
    #[must_use]
    pub const fn new() -> Load {
        Load {
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            latency: PeakEwma::new(),
            failures: FailureRuns::new(),
        }
    }

    /// Requests in flight now.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// One more request, unless there are `max` already (`u32::MAX`: no limit). Whatever others do meanwhile, there are
    /// never more than `max`, and never is one refused while there are fewer.
    pub(crate) fn try_begin(&self, max: u32) -> bool {
        try_add(&self.requests, max)
    }

    /// Gives back `requests` that the caller began itself.
    pub(crate) fn end(&self, requests: u32) {
        give_back(&self.requests, requests);
    }

    /// As [`Load::try_begin`], for a connection.
    pub(crate) fn try_open(&self, max: u32) -> bool {
        try_add(&self.connections, max)
    }

    /// Gives back `connections` that the caller opened itself.
    pub(crate) fn closed(&self, connections: u32) {
        give_back(&self.connections, connections);
    }
}

/// Latency. Only what a cluster's policy goes by is worth measuring: each of these writes to memory that shards share.
impl Load {
    /// A request was answered after `response_time`. See the source of `load/latency.rs`.
    pub fn observe(&self, response_time: Duration, now: Time) {
        self.latency.observe(response_time, now);
    }

    /// A request failed, however fast: counts as an answer after a second at least, and after twice the estimate.
    pub fn penalise(&self, now: Time) {
        self.latency.penalise(now);
    }

    /// How long an answer is expected to take;
    /// [`LATENCY_NEUTRAL`](crate::limits::LATENCY_NEUTRAL) if that was never measured.
    #[must_use]
    pub fn latency(&self, now: Time) -> Duration {
        self.latency.estimate(now)
    }

    /// What a policy compares: less is better. Costs of different metrics have different units.
    pub(crate) fn cost(&self, metric: Metric, now: Time) -> u64 {
        match metric {
            Metric::Requests => self.requests(),
            Metric::Connections => self.connections(),
            Metric::Latency => self.latency.cost(self.requests(), now),
        }
    }
}

/// Failures in a row, over all shards.
impl Load {
    /// A request failed; returns the failures in a row, this one included. Of a run that it made longer no other call is told
    /// the same length.
    pub fn failed(&self, kind: FailureKind) -> Failures {
        self.failures.failed(kind)
    }

    /// A connection was made, or an answer came, whatever it says: connects no longer fail.
    pub fn connected(&self) {
        self.failures.connected();
    }

    /// An answer came that is no server error: nothing fails any more. One load and one comparison if nothing did.
    pub fn succeeded(&self) {
        self.failures.clear();
    }

    /// It serves again after it was taken out: what failed before, or on trial meanwhile, speaks against it no more.
    pub fn forget_failures(&self) {
        self.failures.clear();
    }

    /// The failures in a row so far.
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.failures.get()
    }
}

fn try_add(counter: &AtomicU64, max: u32) -> bool {
    if max == u32::MAX {
        counter.fetch_add(1, Ordering::Relaxed);
        return true;
    }
    let more = |count| (count < u64::from(max)).then_some(count + 1);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

fn give_back(counter: &AtomicU64, count: u32) {
    let before = counter.fetch_sub(u64::from(count), Ordering::Relaxed);
    debug_assert!(before >= u64::from(count), "{count} given back, only {before} were taken");
}

#[cfg(test)]
mod tests;
