//! The backends in back-off, with the next moment that concerns one of them.
//!
//! Time passes without anybody calling, so every selection must ask whether a window has ended. One comparison
//! answers, because the earliest end is kept. A scan over the waiting follows only when there is something to do:
//! at most once per window and once per trial, both of a second or more.

use ringway_core::Time;

/// One backend in back-off.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Its index in the slab.
    index: u32,
    /// When its window ends.
    ready_at: Time,
    /// When it may get a trial request although its window is open.
    trial_at: Time,
}

/// Backends in back-off by dense position. Positions change when one leaves: the last one takes its place.
#[derive(Debug)]
pub(crate) struct Waiting {
    entries: Vec<Entry>,
    /// No later than the earliest `ready_at`.
    next_ready: Time,
    /// No later than the earliest `trial_at`.
    next_trial: Time,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { entries: Vec::new(), next_ready: Time::NEVER, next_trial: Time::NEVER }
    }
}

impl Waiting {
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The slab index at `position`, if there is such a position.
    pub(crate) fn index_at(&self, position: u32) -> Option<u32> {
        self.entries.get(position as usize).map(|entry| entry.index)
    }

    /// Makes room for `capacity` backends in all.
    pub(crate) fn reserve(&mut self, capacity: usize) {
        self.entries.reserve(capacity.saturating_sub(self.entries.len()));
    }

    /// Takes a backend in whose window ends at `ready_at`, and which may get a trial from `trial_at` on; returns its
    /// position.
    pub(crate) fn insert(&mut self, index: u32, ready_at: Time, trial_at: Time) -> u32 {
        self.entries.push(Entry { index, ready_at, trial_at });
        self.next_ready = self.next_ready.min(ready_at);
        self.next_trial = self.next_trial.min(trial_at);
        (self.entries.len() - 1) as u32
    }

    /// Lets the backend at `position` go; returns the slab index of the one that moved there, if any did.
    pub(crate) fn remove(&mut self, position: u32) -> Option<u32> {
        self.entries.swap_remove(position as usize);
        if self.entries.is_empty() {
            (self.next_ready, self.next_trial) = (Time::NEVER, Time::NEVER);
        }
        self.index_at(position)
    }

    /// Whether a window may have ended by `now`.
    #[inline]
    pub(crate) fn is_due(&self, now: Time) -> bool {
        now >= self.next_ready
    }

    /// The first position not before `from` whose window has ended by `now`. A caller that goes on from there, each
    /// time removing what it found, has emptied [`Waiting::is_due`] of its reason when it gets `None`.
    pub(crate) fn find_ready(&mut self, now: Time, from: u32) -> Option<u32> {
        let found = self.entries.iter().skip(from as usize).position(|entry| entry.ready_at <= now);
        if found.is_none() {
            self.next_ready = self.entries.iter().map(|entry| entry.ready_at).min().unwrap_or(Time::NEVER);
        }
        found.map(|offset| from + offset as u32)
    }

    /// The slab index of the backend to be tried at `now` although its window is open: the lowest `rank`, among
    /// equals the one that has waited longest; `None` in `rank` excludes it. Whoever sends the trial says so with
    /// [`Waiting::set_trial`].
    pub(crate) fn find_trial<K: Ord>(&self, now: Time, rank: impl Fn(u32) -> Option<K>) -> Option<u32> {
        if now < self.next_trial {
            return None;
        }
        self.entries
            .iter()
            .filter(|entry| entry.trial_at <= now)
            .filter_map(|entry| rank(entry.index).map(|rank| (rank, entry)))
            .min_by(|(a_rank, a), (b_rank, b)| a_rank.cmp(b_rank).then(a.trial_at.cmp(&b.trial_at)))
            .map(|(_, entry)| entry.index)
    }

    /// The backend at `position` gets no trial before `trial_at`.
    pub(crate) fn set_trial(&mut self, position: u32, trial_at: Time) {
        self.entries[position as usize].trial_at = trial_at;
        self.next_trial = self.entries.iter().map(|entry| entry.trial_at).min().unwrap_or(Time::NEVER);
    }
}
