//! When a backend that failed may be tried again: exponential back-off with jitter.
//!
//! Counted failure number k (from 1) opens a window during which the backend gets no requests:
//!
//! | k | 1 | 2 | 3 | 4 | 5 | 6 | 7 and later |
//! |---|---|---|---|---|---|---|---|
//! | window in s | 1 | 1 | 1–3 | 1–7 | 1–15 | 1–31 | 1–63 |
//!
//! Ranges are drawn uniformly, so that shards and proxies that saw the same failure do not come back in step.
//! A failure inside the window is ignored: it was caused by a request sent before, and says nothing new. From the
//! sixth on the backend is *exhausted*, which is reported as down; it is still tried after each window. A success
//! ends it all.
//!
//! Source: "exponential backoff with jitter" as in RFC 8085 §3.1.1 and IEEE 802.3 CSMA/CD, truncated at 2⁶.

use std::time::Duration;

use rand::Rng;
use ringway_core::Time;

use crate::draw;
use crate::limits::{BACK_OFF_UNIT, RETRY_TRIES_MAX};

/// A backend's back-off, as one shard saw it fail.
#[derive(Debug, Clone, Default)]
pub struct RetryPolicy {
    /// Counted failures since the last success, at most [`RETRY_TRIES_MAX`].
    tries: u8,
    /// End of the last window, exclusive. The origin of time if nothing failed.
    wait_until: Time,
}

/// What a failure did to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureOutcome {
    /// It fell into a window already open, or the backend is gone: nothing changed.
    Ignored,
    /// A window opened; the backend still counts as available.
    BackOff {
        /// When it may be tried again.
        until: Time,
    },
    /// The last permitted failure: the backend has just gone down.
    Down {
        /// When it may be tried again.
        until: Time,
    },
    /// The backend was down, was tried and failed again.
    StillDown {
        /// When it may be tried again.
        until: Time,
    },
}

/// What a success did to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuccessOutcome {
    /// There was nothing to forgive, or the backend is gone.
    Unchanged,
    /// Back-off is over; the backend was never down.
    Recovered,
    /// The backend was down and is up again.
    Up,
}

impl RetryPolicy {
    /// Whether the backend may be tried: no window is open at `now`.
    #[must_use]
    pub fn is_okay(&self, now: Time) -> bool {
        now >= self.wait_until
    }

    /// Whether the permitted failures are used up, which operators see as *down*.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.tries >= RETRY_TRIES_MAX
    }

    /// End of the last window opened, whether it is over or not.
    #[must_use]
    pub fn wait_until(&self) -> Time {
        self.wait_until
    }

    /// A connection or request failed by the backend's fault.
    pub fn on_failure<R: Rng + ?Sized>(&mut self, now: Time, rng: &mut R) -> FailureOutcome {
        if !self.is_okay(now) {
            return FailureOutcome::Ignored;
        }
        let was_exhausted = self.is_exhausted();
        let until = now + window(self.tries, rng);
        self.wait_until = until;
        self.tries = (self.tries + 1).min(RETRY_TRIES_MAX);
        match (was_exhausted, self.is_exhausted()) {
            (true, _) => FailureOutcome::StillDown { until },
            (false, true) => FailureOutcome::Down { until },
            (false, false) => FailureOutcome::BackOff { until },
        }
    }

    /// The permitted failures were used up elsewhere: as after the last of them, now.
    pub fn exhaust<R: Rng + ?Sized>(&mut self, now: Time, rng: &mut R) {
        self.wait_until = self.wait_until.max(now + window(RETRY_TRIES_MAX - 1, rng));
        self.tries = RETRY_TRIES_MAX;
    }

    /// Whether there was no failure since the last success.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.tries == 0
    }

    /// A connection or request succeeded. One comparison if nothing had failed.
    pub fn on_success(&mut self) -> SuccessOutcome {
        if self.tries == 0 {
            return SuccessOutcome::Unchanged;
        }
        let was_exhausted = self.is_exhausted();
        *self = RetryPolicy::default();
        if was_exhausted { SuccessOutcome::Up } else { SuccessOutcome::Recovered }
    }
}

/// Length of the window after `tries` earlier failures: one unit, and a share of what is left up to 2^tries − 1 units.
fn window<R: Rng + ?Sized>(tries: u8, rng: &mut R) -> Duration {
    let unit = BACK_OFF_UNIT.as_nanos() as u64;
    let spread = (1u64 << tries).saturating_sub(2) * unit;
    let extra = if spread == 0 { 0 } else { draw::below(rng, spread + 1) };
    Duration::from_nanos(unit + extra)
}

#[cfg(test)]
mod tests;
