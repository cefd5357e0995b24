//! One backend as one shard sees it.

use std::sync::Arc;

use ringway_core::{Address, BackendId, Time};

use crate::in_flight::InFlight;
use crate::limits::WEIGHT_MIN;
use crate::retry::RetryPolicy;

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

/// What the configuration says about a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSpec {
    /// Its name, unique in its cluster together with `address`.
    pub id: BackendId,
    /// Where it listens.
    pub address: Address,
    /// Its share relative to the others'; zero is read as [`WEIGHT_MIN`].
    pub weight: u32,
    /// Whether it gets requests only when no other backend can open.
    pub backup: bool,
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
    /// Can open: position in the pool of its tier.
    Ready(u32),
    /// In back-off: position among those waiting.
    Waiting(u32),
    /// Closing: gets nothing.
    Nowhere,
}

/// One backend: its settings, its back-off and what this shard has open to it.
#[derive(Debug)]
pub struct Backend {
    pub(crate) id: BackendId,
    pub(crate) address: Address,
    /// At least [`WEIGHT_MIN`].
    pub(crate) weight: u32,
    pub(crate) backup: bool,
    pub(crate) place: Place,
    pub(crate) retry: RetryPolicy,
    /// Open connections of this shard.
    pub(crate) connections: u32,
    /// Requests in progress on this shard; this many of `load` are this shard's.
    pub(crate) requests: u32,
    pub(crate) load: Arc<InFlight>,
}

impl Backend {
    pub(crate) fn new(spec: BackendSpec, load: Arc<InFlight>) -> Backend {
        Backend {
            id: spec.id,
            address: spec.address,
            weight: spec.weight.max(WEIGHT_MIN),
            backup: spec.backup,
            place: Place::Nowhere,
            retry: RetryPolicy::default(),
            connections: 0,
            requests: 0,
            load,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &BackendId {
        &self.id
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Its share relative to the others', at least [`WEIGHT_MIN`].
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// Whether it gets requests only when no other backend can open.
    #[must_use]
    pub fn is_backup(&self) -> bool {
        self.backup
    }

    /// [`Status::Normal`] or [`Status::Closing`]; a closed backend is no longer in its list.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.place {
            Place::Ready(_) | Place::Waiting(_) => Status::Normal,
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

    /// Its requests in flight over all shards.
    #[must_use]
    pub fn load(&self) -> &Arc<InFlight> {
        &self.load
    }

    /// Whether it may get a request at `now`: configured, and no back-off window is open. This one routes.
    #[must_use]
    pub fn can_open(&self, now: Time) -> bool {
        self.status() == Status::Normal && self.retry.is_okay(now)
    }

    /// Whether it counts as up: configured, and its retries are not used up. Waiting in back-off still counts.
    /// This one reports.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status() == Status::Normal && !self.retry.is_exhausted()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.connections == 0 && self.requests == 0
    }
}

/// A shard that dies with requests in progress gives them back, or every other shard would see that load for ever.
impl Drop for Backend {
    fn drop(&mut self) {
        if self.requests > 0 {
            self.load.end(self.requests);
        }
    }
}
