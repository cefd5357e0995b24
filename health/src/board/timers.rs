//! What happens to the board by itself, and when.

use std::collections::BTreeSet;

use ringway_core::Time;

use super::signal::Member;

/// What happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The ejection of a backend ends.
    Return(Member),
    /// An interval of a cluster's outlier detection ends.
    Interval(u32),
}

impl Timer {
    /// The slot of the cluster that it is about.
    pub(super) fn cluster(self) -> u32 {
        match self {
            Timer::Return(member) => member.cluster,
            Timer::Interval(cluster) => cluster,
        }
    }
}

/// Those that are set, by when they are due. Each belongs to something that exists: whoever ends it takes it back.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Time, Timer)>,
}

impl Timers {
    pub(super) fn set(&mut self, due: Time, timer: Timer) {
        self.due.insert((due, timer));
    }

    pub(super) fn take_back(&mut self, due: Time, timer: Timer) {
        self.due.remove(&(due, timer));
    }

    /// One that is due by `now`, the earliest first.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        self.due.first().filter(|(due, _)| *due <= now)?;
        self.due.pop_first().map(|(_, timer)| timer)
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Time {
        self.due.first().map_or(Time::NEVER, |(due, _)| *due)
    }
}
