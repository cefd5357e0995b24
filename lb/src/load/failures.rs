//! Failures in a row: the runs that outlier detection judges by.
//!
//! Three runs, with the meaning they have in Envoy's outlier detection:
//!
//! | what happens | connect failures | gateway errors | server errors |
//! |---|---|---|---|
//! | a connect fails | one more | | |
//! | a gateway error: 502, 503, 504, a broken answer, a timeout | | one more | one more |
//! | another 5xx | none | none | one more |
//! | a connection is made | none | | |
//! | any other answer | none | none | none |
//!
//! All three in one word, so that each change is exact over all shards and looking whether there is any costs one load.
//! A run of 2²¹ stays that long.

use std::sync::atomic::{AtomicU64, Ordering};

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Answered 5xx, but none of [`FailureKind::Gateway`].
    ServerError,
    /// Answered 502, 503 or 504, or not in time, or not to the end, or with what is no answer. Counts as a server error
    /// as well.
    Gateway,
    /// No connection could be made.
    Connect,
}

/// How many failures of each kind there were in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Server errors, the gateway errors included.
    pub server_errors: u32,
    /// Gateway errors.
    pub gateway_errors: u32,
    /// Connects that failed.
    pub connects: u32,
}

const BITS: u32 = 21;
const RUN_MAX: u64 = (1 << BITS) - 1;

/// Three runs of [`BITS`] each: server errors, gateway errors, connects.
#[derive(Debug, Default)]
pub(super) struct FailureRuns(AtomicU64);

impl FailureRuns {
    pub(super) const fn new() -> FailureRuns {
        FailureRuns(AtomicU64::new(0))
    }

    pub(super) fn get(&self) -> Failures {
        unpack(self.0.load(Ordering::Relaxed))
    }

    /// Returns the runs with this failure: of those that it makes longer, each length is returned once.
    pub(super) fn failed(&self, kind: FailureKind) -> Failures {
        let after = |before| pack(unpack(before).with(kind));
        let before = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| Some(after(before)))
            .unwrap_or_else(|unchanged| unchanged);
        unpack(after(before))
    }

    pub(super) fn connected(&self) {
        if self.get().connects > 0 {
            self.0.fetch_and((1 << (2 * BITS)) - 1, Ordering::Relaxed);
        }
    }

    pub(super) fn clear(&self) {
        if self.0.load(Ordering::Relaxed) != 0 {
            self.0.store(0, Ordering::Relaxed);
        }
    }
}

impl Failures {
    fn with(self, kind: FailureKind) -> Failures {
        match kind {
            FailureKind::ServerError => {
                Failures { server_errors: self.server_errors + 1, gateway_errors: 0, connects: 0 }
            }
            FailureKind::Gateway => Failures {
                server_errors: self.server_errors + 1,
                gateway_errors: self.gateway_errors + 1,
                ..self
            },
            FailureKind::Connect => Failures { connects: self.connects + 1, ..self },
        }
    }
}

fn pack(runs: Failures) -> u64 {
    let run = |length: u32| u64::from(length).min(RUN_MAX);
    run(runs.server_errors) | run(runs.gateway_errors) << BITS | run(runs.connects) << (2 * BITS)
}

fn unpack(packed: u64) -> Failures {
    let run = |shift: u32| ((packed >> shift) & RUN_MAX) as u32;
    Failures { server_errors: run(0), gateway_errors: run(BITS), connects: run(2 * BITS) }
}
