//! Waiting for something to become true, with a deadline instead of a guess.

use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(5);

#[expect(clippy::disallowed_methods, reason = "the tests watch other processes from outside, in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Lets other threads and processes go on between two looks at them.
#[expect(clippy::disallowed_methods, reason = "the tests watch other processes from outside, in real time")]
fn pause() {
    std::thread::sleep(POLL);
}

/// Lets that much time pass: for what must not happen meanwhile, or happens slowly.
pub(crate) fn rest(duration: Duration) {
    let end = now() + duration;
    while now() < end {
        pause();
    }
}

/// What `probe` finds, as soon as it finds something.
///
/// # Panics
/// When it finds nothing `within` that time; `what` says what was waited for.
pub(crate) fn eventually<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = now() + within;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(now() < deadline, "not within {within:?}: {what}");
        pause();
    }
}

/// The value that `read` comes to rest at: unchanged for `still`.
///
/// # Panics
/// When it goes on changing for `within`.
pub(crate) fn settles(what: &str, still: Duration, within: Duration, mut read: impl FnMut() -> u64) -> u64 {
    let mut last = (read(), now());
    eventually(what, within, || {
        let value = read();
        if value != last.0 {
            last = (value, now());
        }
        (now() - last.1 >= still).then_some(value)
    })
}
