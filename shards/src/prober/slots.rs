//! How many probes run at once in the process.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ringway_lb::WaitQueue;

use crate::limits::{PROBES_AT_ONCE_MAX, PROBES_SLOW_MAX, PROBES_WAITING_MAX};

/// How many probes run in the process.
#[derive(Debug)]
pub struct ProbeSlots {
    all: Slots,
    /// Those of addresses whose last probe timed out: each takes one here as well, and first.
    slow: Slots,
}

/// So many at once; whoever finds none free waits in line.
#[derive(Debug)]
struct Slots {
    used: AtomicU32,
    max: u32,
    queue: Arc<WaitQueue>,
}

impl Default for ProbeSlots {
    fn default() -> ProbeSlots {
        ProbeSlots { all: Slots::new(PROBES_AT_ONCE_MAX), slow: Slots::new(PROBES_SLOW_MAX) }
    }
}

/// One of [`Slots`].
struct Slot<'a>(&'a Slots);

/// The right to run a probe.
pub(super) struct ProbeSlot<'a> {
    _of_all: Slot<'a>,
    _of_slow: Option<Slot<'a>>,
}

impl ProbeSlots {
    /// The next slot that is free; `None` if too many wait already.
    pub(super) async fn take(&self, is_slow: bool) -> Option<ProbeSlot<'_>> {
        let of_slow = if is_slow { Some(self.slow.take().await?) } else { None };
        Some(ProbeSlot { _of_all: self.all.take().await?, _of_slow: of_slow })
    }
}

impl Slots {
    fn new(max: u32) -> Slots {
        Slots { used: AtomicU32::new(0), max, queue: Arc::new(WaitQueue::new(PROBES_WAITING_MAX)) }
    }

    fn try_take(&self) -> Option<Slot<'_>> {
        let take = |used| (used < self.max).then_some(used + 1);
        self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).ok().map(|_| Slot(self))
    }

    async fn take(&self) -> Option<Slot<'_>> {
        if self.queue.is_empty()
            && let Some(slot) = self.try_take()
        {
            return Some(slot);
        }
        let mut waiter = self.queue.join()?;
        loop {
            poll_fn(|cx| waiter.poll_turn(cx)).await;
            if let Some(slot) = self.try_take() {
                waiter.served();
                return Some(slot);
            }
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::SeqCst);
        self.0.queue.wake_one();
    }
}
