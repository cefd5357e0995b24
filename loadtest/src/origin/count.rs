//! How many requests an origin thread has seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that one thread raises and others read. It has cache lines to itself (two: they are fetched in pairs), so
/// that no other thread's counter slows it down.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Padded>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(AtomicU64);

impl Requests {
    /// So many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Only the origin's thread calls it: a load and a store do, without a locked instruction.
    pub(super) fn add_one(&self) {
        self.0.0.store(self.get() + 1, Ordering::Relaxed);
    }
}
