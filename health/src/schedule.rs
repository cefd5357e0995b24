//! When which backend is probed.
//!
//! Each backend has its own phase, a hash of what it is, and is due at every point of time that is its phase modulo its
//! interval: a fixed grid on the process's clock. So thousands of backends come evenly from the first second on, a shard that
//! takes over another's backends goes on in the same grid, and delays do not add up. Each start after the first is moved
//! within the grid by a little chance ([`JITTER_PER_MILLE`]), never along with it.
//!
//! A backend that is being probed is not due before [`Schedule::done`]. Places in the grid that it missed meanwhile are left out.

use std::collections::BTreeSet;
use std::time::Duration;

use ahash::AHashMap;
use rand::Rng;
use ringway_core::Time;

use crate::limits::JITTER_PER_MILLE;
use crate::owner::mix;
use crate::settings::CheckSettings;

/// Backends, named by a number, and when each is probed next. Everything is O(log n).
#[derive(Debug, Default)]
pub struct Schedule {
    entries: AHashMap<u32, Entry>,
    /// Each entry that is not being probed.
    due: BTreeSet<(Time, u32)>,
}

#[derive(Debug)]
struct Entry {
    phase_hash: u64,
    interval: Duration,
    fast_interval: Duration,
    is_fast: bool,
    state: State,
    /// Of the next start: what chance adds, in 2⁻³² of the interval.
    jitter: i64,
    /// The start of the last probe.
    started: Option<Time>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Due(Time),
    Probing,
}

impl Schedule {
    /// Nothing to probe.
    #[must_use]
    pub fn new() -> Schedule {
        Schedule::default()
    }

    /// How many backends there are, those being probed included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds `id`, due within one interval from `now`, where `phase_hash` places it. One that exists begins anew.
    pub fn add(&mut self, id: u32, phase_hash: u64, settings: &CheckSettings, now: Time) {
        self.remove(id);
        let mut entry = Entry {
            phase_hash: mix(phase_hash),
            interval: settings.interval,
            fast_interval: settings.fast_interval,
            is_fast: false,
            state: State::Probing,
            jitter: 0,
            started: None,
        };
        let due = entry.next(now);
        entry.state = State::Due(due);
        self.due.insert((due, id));
        self.entries.insert(id, entry);
    }

    /// Forgets `id`; whether there was one.
    pub fn remove(&mut self, id: u32) -> bool {
        let Some(entry) = self.entries.remove(&id) else { return false };
        if let State::Due(due) = entry.state {
            self.due.remove(&(due, id));
        }
        true
    }

    /// When the next one is due; [`Time::NEVER`] if none is, or all are being probed.
    #[must_use]
    pub fn next_due(&self) -> Time {
        self.due.first().map_or(Time::NEVER, |(due, _)| *due)
    }

    /// One that is due by `now`, the longest waiting first. From now on it is being probed, until [`Schedule::done`].
    pub fn pop_due<R: Rng + ?Sized>(&mut self, now: Time, rng: &mut R) -> Option<u32> {
        let (_, id) = *self.due.first().filter(|(due, _)| *due <= now)?;
        self.due.pop_first();
        let entry = self.entries.get_mut(&id)?;
        entry.state = State::Probing;
        entry.started = Some(now);
        let spread = 2 * i64::from(JITTER_PER_MILLE) * i64::from(rng.next_u32());
        entry.jitter = (spread - (i64::from(JITTER_PER_MILLE) << 32)) / 1000;
        Some(id)
    }

    /// The probe of `id` has ended. Of one that is not being probed, nothing comes of it.
    pub fn done(&mut self, id: u32, now: Time) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let State::Probing = entry.state {
            let due = entry.next(now);
            entry.state = State::Due(due);
            self.due.insert((due, id));
        }
    }

    /// Whether `id` is probed at its fast interval from now on: while its state is changing.
    pub fn set_fast(&mut self, id: u32, is_fast: bool, now: Time) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.is_fast == is_fast {
            return;
        }
        entry.is_fast = is_fast;
        if let State::Due(old) = entry.state {
            let due = entry.next(now);
            entry.state = State::Due(due);
            self.due.remove(&(old, id));
            self.due.insert((due, id));
        }
    }
}

impl Entry {
    /// The first place in the grid from `now` on that is not too close to the last start, moved by the jitter.
    fn next(&self, now: Time) -> Time {
        let interval = if self.is_fast { self.fast_interval } else { self.interval };
        // Half an interval: within it, a start is the one of the place it was moved away from.
        let earliest = self.started.map_or(now, |started| now.max(started + interval / 2)).as_nanos();
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        let phase = ((u128::from(self.phase_hash) * u128::from(interval)) >> 64) as u64;
        let past = (u128::from(earliest) + u128::from(interval - phase)) % u128::from(interval);
        let past = past as u64;
        let place = if past == 0 { earliest } else { earliest.saturating_add(interval - past) };
        let jitter = ((i128::from(self.jitter) * i128::from(interval)) >> 32) as i64;
        Time::from_nanos(place.saturating_add_signed(jitter))
    }
}

#[cfg(test)]
mod tests;
