//! A cluster's backends as one shard sees them.
//!
//! Every configured backend is in exactly one of these sets, so that selection never meets one that it must skip:
//!
//! | set | who | drawn from |
//! |---|---|---|
//! | ready pools: primary, backup | can open | as long as there is one |
//! | unhealthy pools: primary, backup | not healthy, no back-off window open | fail-open, panic |
//! | waiting | a back-off window is open, healthy or not | one trial a second when nothing can open |
//! | out | drained or in maintenance | never |
//!
//! What changes a backend's state goes through one place, `BackendList::change`, which moves it to the set it now belongs
//! to, counts it anew and moves the latch. Subjects: `config` membership and settings, `state` what others decide about a
//! backend, `request` what requests and connections do, `select` who gets a request, `places` the sets.

use std::sync::Arc;

use ahash::AHashMap;
use ringway_core::{Address, BackendId, ClusterId, Time};

use crate::backend::{Backend, BackendKey, Status};
use crate::latch::{Availability, FailOpenFlip, FailOpenLatch};
use crate::load::Load;
use crate::policy::Chooser;
use crate::pool::Pool;
use crate::slab::Slab;
use crate::spec::Settings;
use crate::waiting::Waiting;

mod config;
pub(crate) mod outcome;
mod places;
mod request;
pub(crate) mod select;
mod slow_start;
mod state;
pub(crate) mod tally;
mod total;

use slow_start::Ramps;
use tally::{Counts, Tally};
use total::Total;

/// One cluster's backends.
///
/// Every method that takes a [`BackendKey`] does nothing if the backend is gone. `now` must not go backwards from call
/// to call.
#[derive(Debug)]
pub struct BackendList {
    id: ClusterId,
    settings: Settings,
    /// All backends, the closing ones included.
    slab: Slab,
    /// The configured ones, i.e. not the closing ones.
    by_address: AHashMap<Address, Vec<BackendKey>>,
    /// The configured ones by what clients are kept by.
    by_sticky: AHashMap<Arc<str>, Vec<BackendKey>>,
    /// Those without an open back-off window: primary, backup, and the unhealthy of both.
    pools: [Pool; 4],
    /// What the policy keeps: of all configured primaries, and of all backups.
    choosers: [Chooser; 2],
    /// The configured ones in back-off. Until a selection looks at the clock, also some whose window has ended.
    waiting: Waiting,
    /// Those in slow start.
    ramps: Ramps,
    /// The configured ones, counted by state.
    tally: Tally,
    /// What the cluster has in progress.
    total: Total,
    availability: Availability,
    fail_open: FailOpenLatch,
    /// Selections that ignored health or back-off.
    fail_open_decisions: u64,
    /// The order of the next backend.
    next_order: u32,
    /// The latest time heard of.
    now: Time,
}

/// Reading.
impl BackendList {
    /// The cluster's name.
    #[must_use]
    pub fn id(&self) -> &ClusterId {
        &self.id
    }

    /// What the configuration says about the cluster.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
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
        keys.iter().copied().find(|key| self.slab.at(key.index).spec.id == *id)
    }

    /// The configured backend that clients with this sticky id are kept at; of several, the one that has it longest.
    #[must_use]
    pub fn by_sticky(&self, sticky_id: &str) -> Option<BackendKey> {
        self.by_sticky.get(sticky_id)?.first().copied()
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

    /// How many there are in which state, and what this list has in progress. Nothing is scanned.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            configured: self.tally.configured,
            closing: self.slab.len() - self.tally.configured,
            healthy: self.tally.healthy,
            available: self.tally.available,
            ready: self.ready(),
            requests: self.total.requests(),
            connections: self.total.connections(),
        }
    }

    /// The cluster's load over all shards: what it was given. Its requests are counted only while a limit or the bound of
    /// a hash needs them, its connections only while a limit does.
    #[must_use]
    pub fn total(&self) -> &Arc<Load> {
        self.total.load()
    }

    /// Where the availability latch stands.
    #[must_use]
    pub fn availability(&self) -> Availability {
        self.availability
    }

    /// Whether the cluster is failing open: it was entered, and since then no request went to a backend in good standing, nor
    /// did [`BackendList::refresh_fail_open`] find one.
    #[must_use]
    pub fn is_failing_open(&self) -> bool {
        self.fail_open.is_entered()
    }

    /// How many selections ignored health or back-off, in all.
    #[must_use]
    pub fn fail_open_decisions(&self) -> u64 {
        self.fail_open_decisions
    }

    /// The fail-open flip since the last call, if any; asked after every selection and refresh it misses none.
    pub fn take_fail_open_flip(&mut self) -> Option<FailOpenFlip> {
        self.fail_open.take_flip()
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
