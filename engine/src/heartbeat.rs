//! What an engine shows of its turns to other threads: since when the present one lasts, and the longest so far.
//!
//! Whoever watches over a thread looks here, because a thread that is stuck in a turn answers nothing. Two relaxed stores for
//! each turn, on cache lines of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringway_core::Time;

/// The turns of one engine.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Heartbeat {
    /// In nanoseconds of the engine's clock; 0: it sleeps, or has not begun.
    since: AtomicU64,
    /// In nanoseconds.
    longest: AtomicU64,
}

impl Heartbeat {
    /// When the present turn began; `None`: the engine sleeps.
    #[must_use]
    pub fn busy_since(&self) -> Option<Time> {
        match self.since.load(Ordering::Relaxed) {
            0 => None,
            since => Some(Time::from_nanos(since)),
        }
    }

    /// The longest turn that has ended since this was asked last.
    pub fn take_longest(&self) -> Duration {
        Duration::from_nanos(self.longest.swap(0, Ordering::Relaxed))
    }

    /// A turn begins.
    pub(crate) fn begin(&self, now: Time) {
        self.since.store(now.as_nanos().max(1), Ordering::Relaxed);
    }

    /// The turn that began at `began` ends.
    pub(crate) fn end(&self, began: Time, now: Time) {
        self.since.store(0, Ordering::Relaxed);
        let lasted = now.as_nanos().saturating_sub(began.as_nanos());
        // One that is asked for at this very moment may be told twice, or be lost behind a longer one.
        if lasted > self.longest.load(Ordering::Relaxed) {
            self.longest.store(lasted, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_turn_is_told_once_and_the_present_one_while_it_lasts() {
        let (beat, at) = (Heartbeat::default(), Time::from_nanos);
        assert_eq!(beat.busy_since(), None);
        for (began, ended) in [(10, 14), (20, 29), (30, 31)] {
            beat.begin(at(began));
            assert_eq!(beat.busy_since(), Some(at(began)));
            beat.end(at(began), at(ended));
            assert_eq!(beat.busy_since(), None);
        }
        assert_eq!(beat.take_longest(), Duration::from_nanos(9));
        assert_eq!(beat.take_longest(), Duration::ZERO);
    }
}
