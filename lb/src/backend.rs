//! One backend as one shard sees it.

use std::sync::Arc;

use ringway_core::{Address, BackendId, Time};

use crate::limits::{SLOW_START_STEPS, WEIGHT_MAX, WEIGHT_MIN};
use crate::load::Load;
use crate::retry::RetryPolicy;
use crate::spec::{Admin, BackendSpec};

/// Names a backend within its list. Small, `Copy`, and safe to keep: once the backend is gone its key names nothing,
/// even when its place in the list was given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BackendKey {
    pub(crate) index: u32,
    /// Which of the backends that lived at `index`. Wraps after 2³² of them.
    pub(crate) generation: u32,
}

impl BackendKey {
    /// Its place in the list: small, dense, and given to another backend once this one is gone. For tables beside the list
    /// that compare the whole key as well.
    #[must_use]
    pub fn index(self) -> usize {
        self.index as usize
    }

    /// Fills unused places; no list gets as long as its index.
    pub(crate) const DANGLING: BackendKey = BackendKey { index: u32::MAX, generation: 0 };
}

/// Where a backend is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Configured.
    Normal,
    /// Removed from the configuration: gets nothing new, finishes what it has.
    Closing,
    /// Gone: what a key reads whose backend has ended its last connection and request.
    Closed,
}

/// Which of its list's sets holds a backend, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// No back-off window is open: in the pool of this number, at this position.
    Pooled { pool: u8, position: u32 },
    /// In back-off: position among those waiting.
    Waiting(u32),
    /// Drained or in maintenance: gets nothing until an operator says otherwise.
    Out,
    /// Closing: gets nothing.
    Nowhere,
}

impl Place {
    /// The position in the pool of this number, if it is there.
    pub(crate) fn position_in(self, number: usize) -> Option<u32> {
        match self {
            Place::Pooled { pool, position } if usize::from(pool) == number => Some(position),
            _ => None,
        }
    }
}

/// One backend: its settings, its health, its back-off and what this shard has open to it.
#[derive(Debug)]
pub struct Backend {
    pub(crate) spec: BackendSpec,
    pub(crate) admin: Admin,
    pub(crate) healthy: bool,
    pub(crate) place: Place,
    pub(crate) retry: RetryPolicy,
    /// When it may get a trial request although its window is open.
    pub(crate) trial_at: Time,
    /// How much of its share it gets, in steps of slow start, from one to [`SLOW_START_STEPS`].
    pub(crate) steps: u8,
    /// Whether it begins at the first step when it serves next.
    pub(crate) is_cold: bool,
    /// Its position among those in slow start.
    pub(crate) ramp: Option<u32>,
    /// Its place in the configuration's order.
    pub(crate) order: u32,
    /// A hash of its address, the same in every process.
    pub(crate) identity: u64,
    /// Open connections of this shard; this many of those of `load` are this shard's.
    pub(crate) connections: u32,
    /// Requests in progress on this shard; this many of those of `load` are this shard's.
    pub(crate) requests: u32,
    pub(crate) load: Arc<Load>,
}

impl Backend {
    pub(crate) fn new(spec: BackendSpec, order: u32, identity: u64, load: Arc<Load>) -> Backend {
        Backend {
            admin: spec.admin,
            spec: normal(spec),
            healthy: true,
            place: Place::Nowhere,
            retry: RetryPolicy::default(),
            trial_at: Time::ZERO,
            steps: SLOW_START_STEPS,
            is_cold: false,
            ramp: None,
            order,
            identity,
            connections: 0,
            requests: 0,
            load,
        }
    }

    /// Takes over what the configuration says now. Name, address and admin state stay.
    pub(crate) fn update(&mut self, spec: BackendSpec) {
        self.spec = normal(spec);
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &BackendId {
        &self.spec.id
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.spec.address
    }

    /// Its share relative to the others', at least [`WEIGHT_MIN`].
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.spec.weight
    }

    /// Whether it gets requests only when no other backend can open.
    #[must_use]
    pub fn is_backup(&self) -> bool {
        self.spec.backup
    }

    /// What its clients are kept by.
    #[must_use]
    pub fn sticky_id(&self) -> &Arc<str> {
        &self.spec.sticky_id
    }

    /// What an operator wants of it.
    #[must_use]
    pub fn admin(&self) -> Admin {
        self.admin
    }

    /// Whether checks and outlier detection let it serve.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// How much of its share slow start lets it have, in percent.
    #[must_use]
    pub fn share_percent(&self) -> u8 {
        self.steps * (100 / SLOW_START_STEPS)
    }

    /// [`Status::Normal`] or [`Status::Closing`]; a closed backend is no longer in its list.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.place {
            Place::Pooled { .. } | Place::Waiting(_) | Place::Out => Status::Normal,
            Place::Nowhere => Status::Closing,
        }
    }

    /// Its back-off as this shard sees it.
    #[must_use]
    pub fn retry(&self) -> &RetryPolicy {
        &self.retry
    }

    /// Connections that this shard has open to it.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// Requests that this shard has in progress on it.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Its load over all shards.
    #[must_use]
    pub fn load(&self) -> &Arc<Load> {
        &self.load
    }

    /// Whether it may get a request at `now`: configured, ready, healthy, and no back-off window is open. This one
    /// routes. Limits are another matter: a backend that is full can open.
    #[must_use]
    pub fn can_open(&self, now: Time) -> bool {
        self.status() == Status::Normal
            && self.admin == Admin::Ready
            && self.healthy
            && self.retry.is_okay(now)
    }

    /// Whether it counts as up: configured, not in maintenance, healthy, and its retries are not used up. Waiting in
    /// back-off still counts. This one reports.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status() == Status::Normal && self.is_up()
    }

    /// [`Backend::is_available`] of one that is configured.
    pub(crate) fn is_up(&self) -> bool {
        self.admin != Admin::Maint && self.healthy && !self.retry.is_exhausted()
    }

    /// Whether it has as many requests in flight as it may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.spec.requests_max != u32::MAX && self.load.requests() >= u64::from(self.spec.requests_max)
    }

    /// Its weight in pools: finer than that of the configuration, so that every step of slow start is a whole number.
    pub(crate) fn pool_weight(&self) -> u32 {
        self.spec.weight * u32::from(self.steps)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.connections == 0 && self.requests == 0
    }

    /// Counts one more request, unless there are as many as there may be.
    pub(crate) fn try_begin(&mut self) -> bool {
        let begun = self.load.try_begin(self.spec.requests_max);
        self.requests += u32::from(begun);
        begun
    }

    /// Counts one more connection, unless there are as many as there may be.
    pub(crate) fn try_open(&mut self) -> bool {
        let opened = self.load.try_open(self.spec.connections_max);
        self.connections += u32::from(opened);
        opened
    }
}

fn normal(spec: BackendSpec) -> BackendSpec {
    BackendSpec { weight: spec.weight.clamp(WEIGHT_MIN, WEIGHT_MAX), ..spec }
}

/// A shard that dies with requests in progress gives them back, or every other shard would see that load for ever.
impl Drop for Backend {
    fn drop(&mut self) {
        if self.requests > 0 {
            self.load.end(self.requests);
        }
        if self.connections > 0 {
            self.load.closed(self.connections);
        }
    }
}
