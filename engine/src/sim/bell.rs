//! How another thread ends a simulated wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::uring::ring::Unpark;

/// Plays the eventfd: rung any number of times, answered once.
#[derive(Debug, Clone, Default)]
pub(super) struct Bell {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rung: AtomicBool,
    /// Guards nothing but the gap between looking at `rung` and going to sleep.
    gap: Mutex<()>,
    ringing: Condvar,
}

impl Bell {
    /// Whether it was rung since the last time it was asked.
    pub(super) fn answer(&self) -> bool {
        self.shared.rung.load(Ordering::Relaxed) && self.shared.rung.swap(false, Ordering::Acquire)
    }

    /// Sleeps in real time until it is rung; `false` when it was not.
    pub(super) fn wait(&self, patience: Duration) -> bool {
        let gap = self.shared.gap.lock().unwrap_or_else(PoisonError::into_inner);
        let not_rung = |_: &mut ()| !self.shared.rung.load(Ordering::Relaxed);
        let waited = self.shared.ringing.wait_timeout_while(gap, patience, not_rung);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Unpark for Bell {
    fn unpark(&self) {
        self.shared.rung.store(true, Ordering::Release);
        // Whoever is between looking and sleeping holds the lock: the notification can not fall into that gap.
        drop(self.shared.gap.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.ringing.notify_all();
    }
}
