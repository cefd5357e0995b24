//! The instrument's own clock, for waiting until a peer is ready and for the length of a round.

use std::time::{Duration, Instant};

/// The current time.
#[expect(clippy::disallowed_methods, reason = "an instrument outside the data path; it measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits a moment for another process.
#[expect(clippy::disallowed_methods, reason = "waits for other processes, which offer nothing to wait on")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
