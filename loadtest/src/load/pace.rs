//! When requests are due.

use std::cell::Cell;
use std::time::Duration;

use ringway_core::Time;

use crate::limits::SCHEDULE_TICK_NS;

/// The schedule that the connections of a load take their requests from.
#[derive(Debug)]
pub(super) struct Pace {
    start: Time,
    /// Nanoseconds between two requests; `None`: a closed loop.
    interval_ns: Option<f64>,
    taken: Cell<u64>,
}

impl Pace {
    pub(super) fn new(start: Time, rate: Option<f64>) -> Pace {
        Pace { start, interval_ns: rate.map(|rate| 1e9 / rate), taken: Cell::new(0) }
    }

    /// The next request; `None` when it is due as soon as possible.
    pub(super) fn take(&self) -> Option<Time> {
        let n = self.taken.replace(self.taken.get() + 1);
        self.interval_ns.map(|interval| self.due(n, interval))
    }

    /// Whole ticks: within one, requests are due together.
    fn due(&self, n: u64, interval_ns: f64) -> Time {
        let at = self.start + Duration::from_nanos((n as f64 * interval_ns) as u64);
        Time::from_nanos(at.as_nanos().next_multiple_of(SCHEDULE_TICK_NS))
    }

    /// How many requests there should have been by `now`.
    pub(super) fn due_by(&self, now: Time) -> u64 {
        let Some(interval) = self.interval_ns else { return self.taken.get() };
        // Those taken ahead wait for their time; those not taken are late.
        let mut count = (now.since(self.start).as_nanos() as f64 / interval) as u64 + 1;
        while count > 0 && self.due(count - 1, interval) > now {
            count -= 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_exactly_however_long_it_runs() {
        let pace = Pace::new(Time::from_nanos(3_000_000), Some(3_000.0));
        let mut last = Time::ZERO;
        for _ in 0..=300_000 {
            last = pace.take().expect("a schedule");
        }
        assert_eq!(last.since(Time::from_nanos(3_000_000)), Duration::from_secs(100));
    }

    #[test]
    fn requests_not_taken_in_time_are_due_all_the_same() {
        let pace = Pace::new(Time::ZERO, Some(1_000.0));
        let _ = pace.take();
        assert_eq!(pace.due_by(Time::ZERO), 1);
        assert_eq!(pace.due_by(Time::from_nanos(2_999_999)), 3);
        assert_eq!(pace.due_by(Time::from_nanos(3_000_000)), 4);
        let slow = Pace::new(Time::from_nanos(500_000), Some(1.0));
        assert_eq!(slow.due_by(Time::from_nanos(600_000)), 0);
        assert_eq!(slow.due_by(Time::from_nanos(1_000_000)), 1);
    }
}
