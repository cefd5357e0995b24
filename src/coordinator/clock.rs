//! The coordinator's clock: the same time line as the shards'.

use ringway_core::Time;
use rustix::time::{ClockId, clock_gettime};

/// Now, on `CLOCK_MONOTONIC`.
pub(super) fn now() -> Time {
    let time = clock_gettime(ClockId::Monotonic);
    Time::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}
