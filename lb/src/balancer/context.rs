//! What all services of a balancer share: clock, chance, and who is told of events.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use ringway_core::{Event, Time};

type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

pub(super) struct Context {
    clock: Box<dyn Fn() -> Time + Send + Sync>,
    seeds: Mutex<SmallRng>,
    observers: RwLock<Vec<Observer>>,
    /// Events in the order they happened, not told yet.
    queue: Mutex<VecDeque<Event>>,
    /// Held by the thread that tells.
    telling: Mutex<()>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl Context {
    pub(super) fn new(clock: Box<dyn Fn() -> Time + Send + Sync>, seed: u64) -> Context {
        Context {
            clock,
            seeds: Mutex::new(SmallRng::seed_from_u64(seed)),
            observers: RwLock::default(),
            queue: Mutex::default(),
            telling: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Time {
        (self.clock)()
    }

    /// Chance of its own for each service, so that what one does has no effect on another.
    pub(super) fn rng(&self) -> SmallRng {
        SmallRng::seed_from_u64(self.seeds.lock().unwrap_or_else(PoisonError::into_inner).random())
    }

    pub(super) fn subscribe(&self, observer: Observer) {
        self.observers.write().unwrap_or_else(PoisonError::into_inner).push(observer);
    }

    /// Notes events; to be called under the lock of their service, whose order they keep.
    pub(super) fn note(&self, events: impl IntoIterator<Item = Event>) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
    }

    /// Tells what was noted; to be called without a lock. Leaves it to the thread that is telling already, if one is: that
    /// one looks again after it has let go.
    pub(super) fn tell(&self) {
        while !self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            let _telling = match self.telling.try_lock() {
                Ok(telling) => telling,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while let Some(event) = self.next() {
                let observers = self.observers.read().unwrap_or_else(PoisonError::into_inner).clone();
                observers.iter().for_each(|observer| observer(&event));
            }
        }
    }

    fn next(&self) -> Option<Event> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
