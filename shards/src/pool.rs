//! Idle connections to the backends of one cluster, on one shard, newest first.
//!
//! A connection in the pool keeps its receive armed, without a buffer: the backend's close, or bytes that nobody asked
//! for, show as something pending, and the connection is not used again.

use std::cell::{Cell, RefCell};

use ringway_core::Time;
use ringway_engine::Stream;
use ringway_lb::BackendKey;

/// What a backend connection has behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) opened: Time,
    /// The requests it has carried.
    pub(crate) requests: u32,
}

struct Idle<S> {
    stream: S,
    since: Time,
    life: Life,
}

/// The idle connections to one backend, the newest last. `key` tells for which of the backends that had this place.
struct Shelf<S> {
    key: BackendKey,
    idle: Vec<Idle<S>>,
}

/// The idle connections to the backends of one cluster.
pub(crate) struct Shelves<S> {
    /// By the index of the backend's key.
    shelves: RefCell<Vec<Option<Shelf<S>>>>,
    len: Cell<usize>,
}

impl<S> Default for Shelves<S> {
    fn default() -> Shelves<S> {
        Shelves { shelves: RefCell::default(), len: Cell::new(0) }
    }
}

impl<S: Stream> Shelves<S> {
    /// How many connections wait.
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// The connection that was used last, before this turn. It may have ended meanwhile: the caller looks.
    ///
    /// One that came back in this very turn (`now`) has not been heard of since its last answer: what a backend sent
    /// behind that, though nobody asked, may still be unread, and would be taken for the answer to the next request.
    pub(crate) fn take(&self, key: BackendKey, now: Time) -> Option<(S, Life)> {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.get_mut(key.index())?.as_mut().filter(|shelf| shelf.key == key)?;
        let heard_of = shelf.idle.iter().rposition(|idle| idle.since < now)?;
        let idle = shelf.idle.remove(heard_of);
        self.len.set(self.len.get() - 1);
        Some((idle.stream, idle.life))
    }

    /// Keeps a connection; gives it back if there are `max` already.
    pub(crate) fn put(&self, key: BackendKey, (stream, life): (S, Life), max: usize, now: Time) -> Option<S> {
        if max == 0 {
            return Some(stream);
        }
        let mut shelves = self.shelves.borrow_mut();
        if shelves.len() <= key.index() {
            shelves.resize_with(key.index() + 1, || None);
        }
        let shelf = shelves[key.index()].get_or_insert_with(|| Shelf { key, idle: Vec::new() });
        if shelf.key != key {
            // Another backend has this place now; whoever removed the one before it has taken its connections.
            debug_assert!(shelf.idle.is_empty(), "connections of a backend that is gone");
            shelf.key = key;
        }
        if shelf.idle.len() >= max {
            return Some(stream);
        }
        shelf.idle.push(Idle { stream, since: now, life });
        self.len.set(self.len.get() + 1);
        None
    }

    /// Takes out all connections to a backend.
    pub(crate) fn clear(&self, key: BackendKey, taken: impl FnMut(S)) {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.get_mut(key.index()).and_then(Option::as_mut).filter(|shelf| shelf.key == key);
        let Some(shelf) = shelf else { return };
        self.len.set(self.len.get() - shelf.idle.len());
        shelf.idle.drain(..).map(|idle| idle.stream).for_each(taken);
    }

    /// Takes out up to `max` connections, those idle for longest within each backend first. How many it were.
    pub(crate) fn evict(&self, max: usize, mut taken: impl FnMut(BackendKey, S)) -> usize {
        let mut left = max;
        for shelf in self.shelves.borrow_mut().iter_mut().flatten() {
            let count = left.min(shelf.idle.len());
            for idle in shelf.idle.drain(..count) {
                taken(shelf.key, idle.stream);
            }
            left -= count;
        }
        self.len.set(self.len.get() - (max - left));
        max - left
    }

    /// Takes out the connections that have ended or for which `expired(idle since, opened)` holds.
    pub(crate) fn sweep(
        &self,
        mut expired: impl FnMut(Time, Time) -> bool,
        mut taken: impl FnMut(BackendKey, S),
    ) {
        if self.len.get() == 0 {
            return;
        }
        for shelf in self.shelves.borrow_mut().iter_mut().flatten() {
            let is_over =
                |idle: &mut Idle<S>| idle.stream.has_pending() || expired(idle.since, idle.life.opened);
            for idle in shelf.idle.extract_if(.., is_over) {
                self.len.set(self.len.get() - 1);
                taken(shelf.key, idle.stream);
            }
        }
    }
}
