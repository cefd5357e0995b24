//! Request rates per client for the whole process: a token bucket for each key, kept as GCRA.
//!
//! GCRA keeps one number per key: the time at which the bucket will be full again (*theoretical arrival time*). A request
//! at `now` is admitted if that time, moved on by one emission interval `T = 1 s / rate`, lies no further than `burst × T`
//! ahead of `now`. Then any time span of length `w` admits at most `burst + w / T` requests: the limit is exact, over all
//! shards, and nothing is ever admitted beyond the burst. A shard whose `now` lags is judged the more strictly.
//! `T` is rounded up to a nanosecond, so the rate is undershot by at most `rate / 10⁹` of itself.
//!
//! The table is bounded: [`RATE_KEYS_MAX`] keys in [`RATE_STRIPES`] parts, each behind a lock of its own. An entry whose
//! bucket is full again says nothing, so it may go: each new key looks at the [`RATE_PURGE_STEPS`] oldest entries and drops
//! those. In a part that is full of clients that are not done, new ones share one bucket of that part: strangers may
//! then refuse each other, but memory and rate stay bounded. A client that comes out of the shared bucket starts with a
//! whole burst, the one case where it gets more than one.
//!
//! Source: ITU-T I.371 (generic cell rate algorithm), in its virtual-scheduling form.
//!
//! ```
//! use std::time::Duration;
//!
//! use ringway_core::Time;
//! use ringway_lb::RateTable;
//!
//! let table = RateTable::new(10, 2); // 10 per second, 2 at once
//! let now = Time::ZERO;
//! assert_eq!(table.take(1, now), Ok(()));
//! assert_eq!(table.take(1, now), Ok(()));
//! assert_eq!(table.take(1, now), Err(Duration::from_millis(100)));
//! assert_eq!(table.take(2, now), Ok(()), "another client");
//! assert_eq!(table.take(1, now + Duration::from_millis(100)), Ok(()));
//! ```

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ahash::AHashMap;
use ringway_core::Time;

use crate::limits::{RATE_KEYS_MAX, RATE_PURGE_STEPS, RATE_STRIPES};

/// In nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// One token bucket per key.
#[derive(Debug)]
pub struct RateTable {
    limit: Limit,
    keys_max: usize,
    stripes: Box<[Mutex<Stripe>]>,
}

/// How fast one bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Between two requests of the sustained rate, in nanoseconds; at least 1.
    interval: u64,
    /// How far a bucket may be ahead of now before a request, in nanoseconds: `(burst - 1) × interval`.
    tolerance: u64,
}

#[derive(Debug, Default)]
struct Stripe {
    /// When the bucket of each key will be full again.
    full_at: AHashMap<u64, Time>,
    /// The same keys, those looked at longest ago first.
    oldest: VecDeque<u64>,
    /// Of those for whom there is no place.
    overflow: Time,
}

impl RateTable {
    /// For `rate` requests per second and `burst` at once, for each key; zero is read as 1.
    #[must_use]
    pub fn new(rate: u32, burst: u32) -> RateTable {
        RateTable::with_keys_max(rate, burst, RATE_KEYS_MAX)
    }

    fn with_keys_max(rate: u32, burst: u32, keys_max: usize) -> RateTable {
        let interval = SECOND.div_ceil(u64::from(rate.max(1)));
        let stripes = (0..RATE_STRIPES).map(|_| Mutex::default()).collect();
        RateTable { limit: Limit::new(interval, burst), keys_max: keys_max / RATE_STRIPES, stripes }
    }

    /// Counts a request of `key`, a hash with a seed that clients do not know.
    ///
    /// # Errors
    ///
    /// How long until the next request would be admitted, if this one is not; it costs nothing.
    pub fn take(&self, key: u64, now: Time) -> Result<(), Duration> {
        // The tables inside hash the key once more, so they do not suffer from bits that are equal in a stripe.
        let stripe = &self.stripes[(key >> 32) as usize % RATE_STRIPES];
        let mut stripe = stripe.lock().unwrap_or_else(PoisonError::into_inner);
        self.limit.take(stripe.bucket(key, now, self.keys_max), now)
    }
}

impl Limit {
    /// One each `interval` nanoseconds, and `burst` at once; zero is read as 1.
    pub(crate) fn new(interval: u64, burst: u32) -> Limit {
        let interval = interval.max(1);
        Limit { interval, tolerance: interval.saturating_mul(u64::from(burst.saturating_sub(1))) }
    }

    /// Takes one out of the bucket that is full again at `full_at`; the error is how long that must wait.
    pub(crate) fn take(self, full_at: &mut Time, now: Time) -> Result<(), Duration> {
        let ahead = u64::try_from(full_at.since(now).as_nanos()).unwrap_or(u64::MAX);
        if ahead > self.tolerance {
            return Err(Duration::from_nanos(ahead - self.tolerance));
        }
        *full_at = (*full_at).max(now) + Duration::from_nanos(self.interval);
        Ok(())
    }
}

impl Stripe {
    fn bucket(&mut self, key: u64, now: Time, keys_max: usize) -> &mut Time {
        if !self.full_at.contains_key(&key) {
            self.purge(now);
            if self.full_at.len() >= keys_max {
                return &mut self.overflow;
            }
            self.oldest.push_back(key);
        }
        self.full_at.entry(key).or_insert(Time::ZERO)
    }

    /// Drops those of the oldest entries that say nothing any more.
    fn purge(&mut self, now: Time) {
        for _ in 0..RATE_PURGE_STEPS.min(self.oldest.len()) {
            let Some(key) = self.oldest.pop_front() else { return };
            if self.full_at.get(&key).is_some_and(|full_at| *full_at <= now) {
                self.full_at.remove(&key);
            } else {
                self.oldest.push_back(key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
