//! How long a backend takes to answer: peak-EWMA.
//!
//! **Definition.** An answer that takes longer than the estimate *is* the estimate from then on (the peak). A faster one
//! draws the estimate towards itself: the old one keeps e^(−t/τ) of its weight, t being the time since the last update
//! and τ [`LATENCY_DECAY`]. Without answers the estimate decays towards zero at the same rate, so a backend that was
//! slow once is tried again some time.
//!
//! A failure counts as a slow answer ([`PeakEwma::penalise`]): an origin that answers 500 within a millisecond would
//! otherwise be the fastest of all and draw all requests to itself.
//!
//! **Cost.** (requests in flight + 1) × estimate: how long the next request would take if it had to queue. A backend that
//! was never measured costs nothing while it has no request, and [`LATENCY_NEUTRAL`] for each when it has: it gets one
//! request to be measured by, not a flood, whatever the latency of the others.
//!
//! **Precision.** Estimate (32-bit float, nanoseconds) and time of the last update (milliseconds, 32 bits) share one
//! word, so an update is one compare-and-swap. One that loses to another shard's is dropped: that one is as good. Of
//! the answers within one millisecond only the slowest counts.
//!
//! **Source.** "Peak EWMA" of Twitter's Finagle (`aperture_peak_ewma`, its guide's chapter on clients). The whole response
//! time is measured, not only the connect: an origin that accepts at once and then takes its time is the one to find.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringway_core::Time;

use crate::limits::{LATENCY_DECAY, LATENCY_NEUTRAL, LATENCY_PENALTY, LATENCY_PENALTY_MAX};

/// The estimate's bits above, the time below; zero if nothing was measured.
#[derive(Debug, Default)]
pub(super) struct PeakEwma(AtomicU64);

/// An estimate and when it was made.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    /// At least one: zero means nothing was measured.
    nanos: f32,
    /// Wraps after 49 days.
    at_ms: u32,
}

impl PeakEwma {
    pub(super) const fn new() -> PeakEwma {
        PeakEwma(AtomicU64::new(0))
    }

    pub(super) fn observe(&self, response_time: Duration, now: Time) {
        let seen = self.0.load(Ordering::Relaxed);
        self.update(seen, nanos(response_time), now);
    }

    pub(super) fn penalise(&self, now: Time) {
        let seen = self.0.load(Ordering::Relaxed);
        let estimate = unpack(seen).map_or(nanos(LATENCY_NEUTRAL), |estimate| estimate.decayed(now));
        let doubled = (2.0 * estimate).min(nanos(LATENCY_PENALTY_MAX));
        self.update(seen, doubled.max(nanos(LATENCY_PENALTY)), now);
    }

    fn update(&self, seen: u64, sample: f32, now: Time) {
        let at_ms = now.as_millis() as u32;
        let next = match unpack(seen) {
            Some(old) if sample <= old.nanos => {
                let elapsed_ms = old.elapsed_ms(at_ms);
                if elapsed_ms == 0 {
                    return;
                }
                Estimate { nanos: sample + (old.nanos - sample) * kept(elapsed_ms), at_ms }
            }
            _ => Estimate { nanos: sample, at_ms },
        };
        let _lost = self.0.compare_exchange(seen, next.pack(), Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn estimate(&self, now: Time) -> Duration {
        unpack(self.0.load(Ordering::Relaxed))
            .map_or(LATENCY_NEUTRAL, |estimate| Duration::from_nanos(estimate.decayed(now) as u64))
    }

    /// In nanoseconds.
    pub(super) fn cost(&self, requests: u64, now: Time) -> u64 {
        let each = match unpack(self.0.load(Ordering::Relaxed)) {
            Some(estimate) => estimate.decayed(now),
            None if requests == 0 => return 0,
            None => nanos(LATENCY_NEUTRAL),
        };
        ((requests + 1) as f32 * each) as u64
    }
}

impl Estimate {
    /// Milliseconds since it was made; zero if another shard's clock was read later than ours.
    fn elapsed_ms(self, at_ms: u32) -> u32 {
        at_ms.wrapping_sub(self.at_ms).cast_signed().max(0).cast_unsigned()
    }

    fn decayed(self, now: Time) -> f32 {
        match self.elapsed_ms(now.as_millis() as u32) {
            0 => self.nanos,
            elapsed_ms => self.nanos * kept(elapsed_ms),
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.nanos.max(1.0).to_bits()) << 32 | u64::from(self.at_ms)
    }
}

fn unpack(packed: u64) -> Option<Estimate> {
    let estimate = Estimate { nanos: f32::from_bits((packed >> 32) as u32), at_ms: packed as u32 };
    (packed != 0).then_some(estimate)
}

/// What an estimate keeps of its weight.
fn kept(elapsed_ms: u32) -> f32 {
    (elapsed_ms as f32 * (-1.0 / LATENCY_DECAY.as_millis() as f32)).exp()
}

fn nanos(duration: Duration) -> f32 {
    duration.as_nanos() as f32
}
