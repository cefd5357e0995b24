//! A cluster's backends as one shard sees them: membership, failures, load.

use std::sync::Arc;

use ahash::AHashMap;
use rand::Rng;
use ringway_core::{Address, BackendId, ClusterId, Time};

use crate::backend::{Backend, BackendKey, BackendSpec, Place, Status};
use crate::in_flight::InFlight;
use crate::latch::{Availability, FailOpenFlip, FailOpenLatch, Flip};
use crate::limits::WEIGHT_MIN;
use crate::policy::Policy;
use crate::policy::round_robin::RoundRobin;
use crate::pool::{Candidate, Pool};
use crate::retry::{FailureOutcome, SuccessOutcome};
use crate::slab::Slab;
use crate::waiting::Waiting;

pub(crate) mod select;

/// One cluster's backends.
///
/// Every method that takes a [`BackendKey`] does nothing if the backend is gone. `now` must not go backwards from call
/// to call.
#[derive(Debug)]
pub struct BackendList {
    id: ClusterId,
    policy: Policy,
    /// All backends, the closing ones included.
    slab: Slab,
    /// The configured ones, i.e. not the closing ones.
    by_address: AHashMap<Address, Vec<BackendKey>>,
    /// Those that can open, by [`Tier`](select::Tier): primary, backup.
    pools: [Pool; 2],
    /// Whose turn it is in each pool.
    turns: [RoundRobin; 2],
    /// The configured ones in back-off. Until a selection looks at the clock, also some whose window has ended.
    waiting: Waiting,
    /// Configured backends.
    normal: usize,
    /// Configured backends that are exhausted.
    down: usize,
    availability: Availability,
    fail_open: FailOpenLatch,
}

/// What adding a backend did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Added {
    /// Names the backend from now on.
    pub key: BackendKey,
    /// False if it was there already and only its settings were updated.
    pub is_new: bool,
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}

/// What removing an address did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Removed {
    /// The backends that listened there, closing from now on.
    pub ids: Vec<BackendId>,
    /// Those among them that had nothing open and are gone already.
    pub drained: Vec<BackendId>,
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}

/// What ending a connection or a request did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a drained backend is told once"]
pub enum Released {
    /// Nothing else: the backend stays, or was gone before.
    Kept,
    /// It was the last one of a removed backend, which is gone now.
    Drained(BackendId),
}

/// What a failure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Failed {
    /// To the backend.
    pub outcome: FailureOutcome,
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}

/// What a success did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Succeeded {
    /// To the backend.
    pub outcome: SuccessOutcome,
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}

/// Reading.
impl BackendList {
    /// The cluster's name.
    #[must_use]
    pub fn id(&self) -> &ClusterId {
        &self.id
    }

    /// How requests are spread.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The backend that `key` names; `None` once it is gone.
    #[must_use]
    pub fn get(&self, key: BackendKey) -> Option<&Backend> {
        self.slab.get(key)
    }

    /// Where the backend that `key` names, or named, is in its life.
    #[must_use]
    pub fn status(&self, key: BackendKey) -> Status {
        self.slab.get(key).map_or(Status::Closed, Backend::status)
    }

    /// The configured backend with this name and address.
    #[must_use]
    pub fn find(&self, id: &BackendId, address: &Address) -> Option<BackendKey> {
        let keys = self.by_address.get(address)?;
        keys.iter().copied().find(|key| self.slab.at(key.index).id == *id)
    }

    /// All backends, the closing ones included, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (BackendKey, &Backend)> {
        self.slab.iter()
    }

    /// How many there are, the closing ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there are none, not even closing ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many are configured and not down.
    #[must_use]
    pub fn available(&self) -> usize {
        self.normal - self.down
    }

    /// Where the availability latch stands.
    #[must_use]
    pub fn availability(&self) -> Availability {
        self.availability
    }

    /// Whether the last selection that found a backend had to fail open.
    #[must_use]
    pub fn is_failing_open(&self) -> bool {
        self.fail_open.is_entered()
    }

    /// The fail-open flip since the last call, if any; asked after every selection it misses none.
    pub fn take_fail_open_flip(&mut self) -> Option<FailOpenFlip> {
        self.fail_open.take_flip()
    }
}

/// Configuration.
impl BackendList {
    pub(crate) fn new(id: ClusterId, policy: Policy) -> BackendList {
        BackendList {
            id,
            policy,
            slab: Slab::default(),
            by_address: AHashMap::new(),
            pools: Default::default(),
            turns: Default::default(),
            waiting: Waiting::default(),
            normal: 0,
            down: 0,
            availability: Availability::default(),
            fail_open: FailOpenLatch::default(),
        }
    }

    /// Spreads requests by `policy` from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Adds a backend, or updates weight and backup flag of the configured one with the same name and address, which
    /// keeps its back-off, its counts and the `load` it has. `load` must be the one that every shard was given for
    /// this backend. One that is still closing is not revived: it drains under its old key beside the new one.
    pub fn add(&mut self, spec: BackendSpec, load: Arc<InFlight>) -> Added {
        if let Some(key) = self.find(&spec.id, &spec.address) {
            self.update(key, spec.weight.max(WEIGHT_MIN), spec.backup);
            return Added { key, is_new: false, flip: None };
        }
        let address = spec.address.clone();
        let key = self.slab.insert(Backend::new(spec, load));
        self.by_address.entry(address).or_default().push(key);
        self.normal += 1;
        self.reserve(key.index);
        self.make_ready(key.index);
        Added { key, is_new: true, flip: self.update_availability() }
    }

    fn update(&mut self, key: BackendKey, weight: u32, backup: bool) {
        let was_ready = matches!(self.slab.at(key.index).place, Place::Ready(_));
        if was_ready {
            self.withdraw(key.index);
        }
        let backend = self.slab.at_mut(key.index);
        backend.weight = weight;
        backend.backup = backup;
        self.reserve(key.index);
        if was_ready {
            self.make_ready(key.index);
        }
    }

    /// Removes the backends that listen on `address`. They get nothing new, finish what they have and are gone when
    /// their last connection and request has ended.
    pub fn remove_by_address(&mut self, address: &Address) -> Removed {
        let mut removed = Removed { ids: Vec::new(), drained: Vec::new(), flip: None };
        for key in self.by_address.remove(address).unwrap_or_default() {
            self.withdraw(key.index);
            let backend = self.slab.at(key.index);
            self.normal -= 1;
            self.down -= usize::from(backend.retry.is_exhausted());
            removed.ids.push(backend.id.clone());
            if let Released::Drained(id) = self.release(key) {
                removed.drained.push(id);
            }
        }
        removed.flip = self.update_availability();
        removed
    }
}

/// The request path.
impl BackendList {
    /// A request is sent to the backend: one more in flight for every shard to see. Pair with
    /// [`BackendList::end_request`].
    pub fn begin_request(&mut self, key: BackendKey) {
        if let Some(backend) = self.slab.get_mut(key) {
            backend.requests += 1;
            backend.load.begin();
        }
    }

    /// A request begun on this shard is over, whatever its result.
    pub fn end_request(&mut self, key: BackendKey) -> Released {
        let Some(backend) = self.slab.get_mut(key) else { return Released::Kept };
        debug_assert!(backend.requests > 0, "request ended on {} that never began", backend.address);
        if backend.requests == 0 {
            return Released::Kept;
        }
        backend.requests -= 1;
        backend.load.end(1);
        self.release(key)
    }

    /// A connection to the backend was opened. Pair with [`BackendList::connection_closed`].
    pub fn connection_opened(&mut self, key: BackendKey) {
        if let Some(backend) = self.slab.get_mut(key) {
            backend.connections += 1;
        }
    }

    /// A connection opened on this shard is closed.
    pub fn connection_closed(&mut self, key: BackendKey) -> Released {
        let Some(backend) = self.slab.get_mut(key) else { return Released::Kept };
        debug_assert!(backend.connections > 0, "connection closed to {} that never opened", backend.address);
        backend.connections = backend.connections.saturating_sub(1);
        self.release(key)
    }

    /// A connection or request failed by the backend's fault.
    pub fn on_failure<R: Rng + ?Sized>(&mut self, key: BackendKey, now: Time, rng: &mut R) -> Failed {
        if !self.slab.get(key).is_some_and(|backend| backend.can_open(now)) {
            return Failed { outcome: FailureOutcome::Ignored, flip: None };
        }
        self.withdraw(key.index);
        let backend = self.slab.at_mut(key.index);
        let outcome = backend.retry.on_failure(now, rng);
        backend.place = Place::Waiting(self.waiting.insert(key.index, now, backend.retry.wait_until()));
        if !matches!(outcome, FailureOutcome::Down { .. }) {
            return Failed { outcome, flip: None };
        }
        self.down += 1;
        Failed { outcome, flip: self.update_availability() }
    }

    /// A connection or request succeeded. One look-up and one comparison if nothing had failed.
    pub fn on_success(&mut self, key: BackendKey) -> Succeeded {
        let unchanged = Succeeded { outcome: SuccessOutcome::Unchanged, flip: None };
        let Some(backend) = self.slab.get_mut(key) else { return unchanged };
        if backend.place == Place::Nowhere {
            return unchanged;
        }
        let outcome = backend.retry.on_success();
        if outcome == SuccessOutcome::Unchanged {
            return unchanged;
        }
        if matches!(backend.place, Place::Waiting(_)) {
            self.withdraw(key.index);
            self.make_ready(key.index);
        }
        if outcome != SuccessOutcome::Up {
            return Succeeded { outcome, flip: None };
        }
        self.down -= 1;
        Succeeded { outcome, flip: self.update_availability() }
    }
}

/// Book-keeping: every configured backend is in exactly one pool or among the waiting.
impl BackendList {
    /// Makes room for the backend at `index` in every set it may get into, so that the request path allocates nothing.
    fn reserve(&mut self, index: u32) {
        let tier = usize::from(self.slab.at(index).backup);
        self.pools[tier].reserve(self.normal);
        self.waiting.reserve(self.normal);
    }

    /// Puts the backend at `index`, which is nowhere, into the pool of its tier.
    fn make_ready(&mut self, index: u32) {
        let backend = self.slab.at_mut(index);
        debug_assert_eq!(backend.place, Place::Nowhere);
        let candidate = Candidate { load: Arc::clone(&backend.load), weight: backend.weight, index };
        backend.place = Place::Ready(self.pools[usize::from(backend.backup)].insert(candidate));
    }

    /// Takes the backend at `index` out of the set that holds it.
    fn withdraw(&mut self, index: u32) {
        let backend = self.slab.at_mut(index);
        let place = std::mem::replace(&mut backend.place, Place::Nowhere);
        let moved = match place {
            Place::Ready(position) => self.pools[usize::from(backend.backup)].remove(position),
            Place::Waiting(position) => self.waiting.remove(position),
            Place::Nowhere => None,
        };
        if let Some(moved) = moved {
            self.slab.at_mut(moved).place = place;
        }
    }

    /// Moves those whose window has ended from the waiting to their pools.
    #[cold]
    fn promote(&mut self, now: Time) {
        let mut from = 0;
        while let Some(position) = self.waiting.find_ready(now, from) {
            let index = self.waiting.index_at(position).expect("a position just found");
            self.withdraw(index);
            self.make_ready(index);
            from = position;
        }
    }

    /// Lets the backend go if it is closing and nothing is open to it any more.
    fn release(&mut self, key: BackendKey) -> Released {
        match self.slab.get(key) {
            Some(backend) if backend.place == Place::Nowhere && backend.is_idle() => {
                let id = backend.id.clone();
                drop(self.slab.remove(key));
                Released::Drained(id)
            }
            _ => Released::Kept,
        }
    }

    fn update_availability(&mut self) -> Option<Flip> {
        let all_down = self.normal > 0 && self.down == self.normal;
        self.availability.set(if all_down { Availability::AllDown } else { Availability::Available })
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
