//! Slow start: who comes back gets its share step by step.
//!
//! A backend that was added, unhealthy, out or down, and serves now, begins with a tenth of its weight and gains another
//! tenth each ninth of the period. Its period begins with the first selection after its return: time in which nobody
//! asked did not warm it up. A back-off short of being down neither begins it nor ends it. What is there at the first
//! selection of all is the configuration that the process started with, and is not eased in: there is nobody else.
//!
//! Maglev's table is made of whole weights, so that a key goes where it belongs; its bound, if there is one, eases in.

use std::time::Duration;

use ringway_core::Time;

use super::BackendList;
use crate::backend::Place;
use crate::limits::{SLOW_START_LOOKS, SLOW_START_STEPS};

/// One backend in slow start.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Its index in the slab.
    index: u32,
    /// When its period began; `None`: it begins at the next look.
    since: Option<Time>,
}

/// Backends in slow start by dense position. Positions change when one leaves: the last one takes its place.
#[derive(Debug, Default)]
pub(super) struct Ramps {
    entries: Vec<Entry>,
    /// When there is something to do: at once as long as nobody looked.
    next: Time,
    /// Whether the list was selected from.
    is_started: bool,
}

impl Ramps {
    /// Whether the list was selected from: those who join now are newcomers.
    pub(super) fn is_started(&self) -> bool {
        self.is_started
    }

    /// Whether there may be something to do by `now`.
    #[inline]
    pub(super) fn is_due(&self, now: Time) -> bool {
        now >= self.next
    }

    /// There may be something to do.
    pub(super) fn wake(&mut self) {
        self.next = Time::ZERO;
    }

    /// Makes room for `capacity` backends in all.
    pub(super) fn reserve(&mut self, capacity: usize) {
        self.entries.reserve(capacity.saturating_sub(self.entries.len()));
    }

    fn insert(&mut self, index: u32) -> u32 {
        self.entries.push(Entry { index, since: None });
        self.wake();
        (self.entries.len() - 1) as u32
    }

    /// Lets the backend at `position` go; returns the slab index of the one that moved there, if any did.
    pub(super) fn remove(&mut self, position: u32) -> Option<u32> {
        self.entries.swap_remove(position as usize);
        self.entries.get(position as usize).map(|entry| entry.index)
    }

    #[cfg(test)]
    pub(super) fn indices(&self) -> Vec<u32> {
        self.entries.iter().map(|entry| entry.index).collect()
    }
}

/// The step of a backend whose period began `elapsed` ago.
fn step(elapsed: Duration, period: Duration) -> u8 {
    if elapsed >= period {
        return SLOW_START_STEPS;
    }
    let later_steps = u128::from(SLOW_START_STEPS - 1);
    1 + (elapsed.as_nanos() * later_steps / period.as_nanos()) as u8
}

/// From the beginning of the period to the end of step `step`.
fn end_of(step: u8, period: Duration) -> Duration {
    let nanos = (period.as_nanos() * u128::from(step)).div_ceil(u128::from(SLOW_START_STEPS - 1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl BackendList {
    /// The backend at `index` serves again.
    pub(super) fn begin_slow_start(&mut self, index: u32) {
        let backend = self.slab.at_mut(index);
        backend.is_cold = false;
        if self.settings.slow_start > Duration::ZERO {
            debug_assert_eq!(backend.ramp, None);
            backend.steps = 1;
            backend.ramp = Some(self.ramps.insert(index));
        }
    }

    /// Takes those in slow start to the step they have reached.
    #[cold]
    pub(super) fn warm_up(&mut self, now: Time) {
        self.ramps.is_started = true;
        let period = self.settings.slow_start;
        let mut next = Time::NEVER;
        // From the end: what takes the place of one that leaves was looked at already.
        for position in (0..self.ramps.entries.len()).rev() {
            let entry = &mut self.ramps.entries[position];
            let since = *entry.since.get_or_insert(now);
            let index = entry.index;
            let step = step(now.since(since), period);
            self.set_step(index, step);
            if step < SLOW_START_STEPS {
                next = next.min(since + end_of(step, period));
                continue;
            }
            self.slab.at_mut(index).ramp = None;
            if let Some(moved) = self.ramps.remove(position as u32) {
                self.slab.at_mut(moved).ramp = Some(position as u32);
            }
        }
        self.ramps.next = next.max(now + period / SLOW_START_LOOKS);
    }

    fn set_step(&mut self, index: u32, step: u8) {
        let backend = self.slab.at_mut(index);
        if backend.steps == step {
            return;
        }
        backend.steps = step;
        if let Place::Pooled { pool, position } = backend.place {
            self.pools[usize::from(pool)].set_weight(position, backend.pool_weight());
        }
    }
}
