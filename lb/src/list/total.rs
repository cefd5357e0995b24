//! What a cluster has in progress: this list's share, and the count of all shards where something is measured by it.
//!
//! Every shard would write the same cache line for every request of the cluster, so the shared count is kept only while
//! there is a limit to it, or a policy that bounds a backend's share of it. What was begun before is counted in, and out
//! again, when that changes.

use std::sync::Arc;

use crate::load::Load;
use crate::spec::Settings;

/// The requests and connections of one cluster, as counted by one list.
#[derive(Debug)]
pub(crate) struct Total {
    /// Over all shards.
    load: Arc<Load>,
    requests_max: u32,
    connections_max: u32,
    /// Whether this list's requests are part of `load`.
    is_requests_shared: bool,
    /// Whether this list's connections are part of `load`.
    is_connections_shared: bool,
    /// Of this list, in progress.
    requests: u32,
    /// Of this list, open.
    connections: u32,
}

impl Total {
    pub(crate) fn new(load: Arc<Load>, settings: &Settings) -> Total {
        let mut total = Total {
            load,
            requests_max: u32::MAX,
            connections_max: u32::MAX,
            is_requests_shared: false,
            is_connections_shared: false,
            requests: 0,
            connections: 0,
        };
        total.set(settings);
        total
    }

    /// Takes over the limits. Those who are over a new one finish.
    pub(crate) fn set(&mut self, settings: &Settings) {
        self.withdraw();
        self.requests_max = settings.requests_max;
        self.connections_max = settings.connections_max;
        self.is_requests_shared = settings.requests_max != u32::MAX || settings.is_share_bounded();
        self.is_connections_shared = settings.connections_max != u32::MAX;
        if self.is_requests_shared {
            (0..self.requests).for_each(|_| _ = self.load.try_begin(u32::MAX));
        }
        if self.is_connections_shared {
            (0..self.connections).for_each(|_| _ = self.load.try_open(u32::MAX));
        }
    }

    pub(crate) fn load(&self) -> &Arc<Load> {
        &self.load
    }

    /// The load over all shards, if requests are counted there.
    pub(crate) fn shared(&self) -> Option<&Load> {
        self.is_requests_shared.then_some(&*self.load)
    }

    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    pub(crate) fn connections(&self) -> u32 {
        self.connections
    }

    /// One more request, unless the cluster has as many as it may.
    pub(crate) fn try_begin(&mut self) -> bool {
        if self.is_requests_shared && !self.load.try_begin(self.requests_max) {
            return false;
        }
        self.requests += 1;
        true
    }

    pub(crate) fn end(&mut self) {
        debug_assert!(self.requests > 0, "a request ended that never began");
        self.requests -= 1;
        if self.is_requests_shared {
            self.load.end(1);
        }
    }

    /// One more connection, unless the cluster has as many as it may.
    pub(crate) fn try_open(&mut self) -> bool {
        if self.is_connections_shared && !self.load.try_open(self.connections_max) {
            return false;
        }
        self.connections += 1;
        true
    }

    pub(crate) fn closed(&mut self) {
        debug_assert!(self.connections > 0, "a connection closed that never opened");
        self.connections -= 1;
        if self.is_connections_shared {
            self.load.closed(1);
        }
    }

    /// Takes this list's share out of the shared count.
    fn withdraw(&mut self) {
        if self.is_requests_shared && self.requests > 0 {
            self.load.end(self.requests);
        }
        if self.is_connections_shared && self.connections > 0 {
            self.load.closed(self.connections);
        }
    }
}

/// A shard that dies gives back what it has, or the others' limit would be lower for ever.
impl Drop for Total {
    fn drop(&mut self) {
        self.withdraw();
    }
}
