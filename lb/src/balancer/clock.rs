//! The one place in this crate that reads a clock: programs that embed the balancer have no engine to ask.

use std::time::Instant;

use ringway_core::Time;

/// Time since this call, on the system's monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no engine around the library face; with_clock takes any other clock"
)]
pub(super) fn monotonic() -> impl Fn() -> Time + Send + Sync + 'static {
    let origin = Instant::now();
    // Not at the origin of time, which lists hold for "never".
    move || Time::from_nanos(1) + Instant::now().duration_since(origin)
}
