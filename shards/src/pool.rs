//! Idle backend connections of one shard, by backend, newest first.
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

/// The pool.
pub(crate) struct Pool<S> {
    /// By cluster, then by the index of the backend's key.
    clusters: RefCell<Vec<Vec<Option<Shelf<S>>>>>,
    len: Cell<usize>,
}

impl<S: Stream> Pool<S> {
    pub(crate) fn new(clusters: usize) -> Pool<S> {
        Pool { clusters: RefCell::new((0..clusters).map(|_| Vec::new()).collect()), len: Cell::new(0) }
    }

    /// How many connections wait.
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// The connection that was used last, before this turn. It may have ended meanwhile: the caller looks.
    ///
    /// One that came back in this very turn (`now`) has not been heard of since its last answer: what a backend sent
    /// behind that, though nobody asked, may still be unread, and would be taken for the answer to the next request.
    pub(crate) fn take(&self, cluster: usize, key: BackendKey, now: Time) -> Option<(S, Life)> {
        let mut clusters = self.clusters.borrow_mut();
        let shelf = clusters[cluster].get_mut(key.index())?.as_mut().filter(|shelf| shelf.key == key)?;
        let heard_of = shelf.idle.iter().rposition(|idle| idle.since < now)?;
        let idle = shelf.idle.remove(heard_of);
        self.len.set(self.len.get() - 1);
        Some((idle.stream, idle.life))
    }

    /// Keeps a connection; gives it back if there are `max` already.
    pub(crate) fn put(
        &self,
        cluster: usize,
        key: BackendKey,
        (stream, life): (S, Life),
        max: usize,
        now: Time,
    ) -> Option<S> {
        let mut clusters = self.clusters.borrow_mut();
        let shelves = &mut clusters[cluster];
        if shelves.len() <= key.index() {
            shelves.resize_with(key.index() + 1, || None);
        }
        let shelf = shelves[key.index()].get_or_insert_with(|| Shelf { key, idle: Vec::new() });
        if shelf.key != key {
            // Another backend has this place now; the connections of the one before it are of no use.
            self.len.set(self.len.get() - shelf.idle.len());
            *shelf = Shelf { key, idle: Vec::new() };
        }
        if shelf.idle.len() >= max {
            return Some(stream);
        }
        shelf.idle.push(Idle { stream, since: now, life });
        self.len.set(self.len.get() + 1);
        None
    }

    /// Takes out up to `max` connections, those idle for longest within each backend first. How many it were.
    pub(crate) fn evict(&self, max: usize, mut taken: impl FnMut(usize, BackendKey, S)) -> usize {
        let mut left = max;
        let mut clusters = self.clusters.borrow_mut();
        for (cluster, shelves) in clusters.iter_mut().enumerate() {
            for shelf in shelves.iter_mut().flatten() {
                let count = left.min(shelf.idle.len());
                for idle in shelf.idle.drain(..count) {
                    taken(cluster, shelf.key, idle.stream);
                }
                left -= count;
            }
        }
        self.len.set(self.len.get() - (max - left));
        max - left
    }

    /// Takes out the connections that have ended or for which `expired(cluster, idle since, opened)` holds.
    pub(crate) fn sweep(
        &self,
        mut expired: impl FnMut(usize, Time, Time) -> bool,
        mut taken: impl FnMut(usize, BackendKey, S),
    ) {
        let mut clusters = self.clusters.borrow_mut();
        for (cluster, shelves) in clusters.iter_mut().enumerate() {
            for shelf in shelves.iter_mut().flatten() {
                let is_over = |idle: &mut Idle<S>| {
                    idle.stream.has_pending() || expired(cluster, idle.since, idle.life.opened)
                };
                for idle in shelf.idle.extract_if(.., is_over) {
                    self.len.set(self.len.get() - 1);
                    taken(cluster, shelf.key, idle.stream);
                }
            }
        }
    }
}
