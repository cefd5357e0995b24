//! Slots per key over all shards: how many connections or requests each source has, and who waits for one.
//!
//! A table of stripes, each behind a lock of its own that is held for some tens of nanoseconds. A key that has nothing and
//! waits for nothing has no entry, so what holds and what waits bounds the table. The limit is exact.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use ahash::{AHashMap, RandomState};

use crate::limits::KEYED_STRIPES;
use crate::wait_queue::{WaitQueue, Waiter};

/// How many slots each key holds.
#[derive(Debug)]
pub struct KeyedSlots<K> {
    /// Another one than that of the tables, or all keys of a stripe would fall together there.
    hasher: RandomState,
    stripes: Box<[Mutex<AHashMap<K, Entry>>]>,
}

/// Never all zero.
#[derive(Debug, Default)]
struct Entry {
    held: u32,
    line: Option<Arc<WaitQueue>>,
}

/// Waits for a slot of one key. Dropping it leaves the line.
#[derive(Debug)]
#[must_use = "dropping it leaves the line"]
pub struct KeyedWaiter<K: Hash + Eq + Clone> {
    slots: Arc<KeyedSlots<K>>,
    key: K,
    max: u32,
    /// `None` once it has its slot.
    waiter: Option<Waiter>,
}

impl<K: Hash + Eq> Default for KeyedSlots<K> {
    fn default() -> KeyedSlots<K> {
        KeyedSlots::new()
    }
}

impl<K: Hash + Eq> KeyedSlots<K> {
    /// Nobody holds anything.
    #[must_use]
    pub fn new() -> KeyedSlots<K> {
        let stripes = (0..KEYED_STRIPES).map(|_| Mutex::default()).collect();
        KeyedSlots { hasher: RandomState::new(), stripes }
    }

    fn stripe(&self, key: &K) -> MutexGuard<'_, AHashMap<K, Entry>> {
        let stripe = self.hasher.hash_one(key) as usize % KEYED_STRIPES;
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot of `key`, unless it holds `max` or somebody waits for one. Pair with [`KeyedSlots::leave`].
    #[must_use]
    pub fn try_enter(&self, key: K, max: u32) -> bool {
        if max == 0 {
            return false;
        }
        let mut stripe = self.stripe(&key);
        let entry = stripe.entry(key).or_default();
        let enters = entry.held < max && entry.line.is_none();
        entry.held += u32::from(enters);
        enters
    }

    /// Gives back a slot of `key`, to the first that waits for one.
    pub fn leave(&self, key: &K) {
        let line = {
            let mut stripe = self.stripe(key);
            let Some(entry) = stripe.get_mut(key) else {
                debug_assert!(false, "a slot was given back that was never taken");
                return;
            };
            debug_assert!(entry.held > 0, "a slot was given back that was never taken");
            entry.held = entry.held.saturating_sub(1);
            let line = entry.line.clone();
            if entry.is_unused() {
                stripe.remove(key);
            }
            line
        };
        if let Some(line) = line {
            line.wake_one();
        }
    }

    /// How many slots `key` holds.
    #[must_use]
    pub fn held(&self, key: &K) -> u32 {
        self.stripe(key).get(key).map_or(0, |entry| entry.held)
    }

    /// How many keys hold a slot or wait for one. Looks at every stripe.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}

impl<K: Hash + Eq + Clone> KeyedSlots<K> {
    /// Joins the line for a slot of `key`, which holds at most `max`; `None` if `waiting_max` wait already. The `waiting_max`
    /// of the one that opens the line counts until it is empty again.
    #[must_use]
    pub fn join(self: &Arc<Self>, key: K, max: u32, waiting_max: usize) -> Option<KeyedWaiter<K>> {
        let waiter = {
            let mut stripe = self.stripe(&key);
            if waiting_max == 0 {
                return None;
            }
            let entry = stripe.entry(key.clone()).or_default();
            entry.line.get_or_insert_with(|| Arc::new(WaitQueue::new(waiting_max))).join()?
        };
        Some(KeyedWaiter { slots: Arc::clone(self), key, max, waiter: Some(waiter) })
    }
}

impl Entry {
    fn is_unused(&self) -> bool {
        self.held == 0 && self.line.is_none()
    }
}

impl<K: Hash + Eq + Clone> KeyedWaiter<K> {
    /// Ready when it has its slot: pair with [`KeyedSlots::leave`].
    pub fn poll_enter(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(waiter) = &mut self.waiter {
            ready!(waiter.poll_turn(cx));
            let entered = self.slots.stripe(&self.key).get_mut(&self.key).is_some_and(|entry| {
                let enters = entry.held < self.max;
                entry.held += u32::from(enters);
                enters
            });
            if entered {
                self.leave_line(Waiter::served);
            }
        }
        Poll::Ready(())
    }

    /// Leaves the line, which goes with its last one.
    fn leave_line(&mut self, leave: impl FnOnce(Waiter)) {
        let Some(waiter) = self.waiter.take() else { return };
        leave(waiter);
        let mut stripe = self.slots.stripe(&self.key);
        let Some(entry) = stripe.get_mut(&self.key) else { return };
        // Nobody joins but under the stripe's lock.
        if entry.line.as_ref().is_some_and(|line| line.is_empty()) {
            entry.line = None;
        }
        if entry.is_unused() {
            stripe.remove(&self.key);
        }
    }
}

impl<K: Hash + Eq + Clone> Drop for KeyedWaiter<K> {
    fn drop(&mut self) {
        self.leave_line(drop);
    }
}

#[cfg(test)]
mod tests;
