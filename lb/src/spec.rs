//! What the configuration says about clusters and backends, as the lists take it.

use std::sync::Arc;
use std::time::Duration;

use ringway_core::{Address, BackendId};

use crate::limits::WEIGHT_DEFAULT;
use crate::policy::{Choosing, Metric, Policy};

/// What the configuration says about a cluster as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How requests are spread over its backends.
    pub policy: Policy,
    /// What policies that compare loads compare.
    pub metric: Metric,
    /// The most that a backend gets by a hash, in percent of its fair share; `None`: no bound.
    pub hash_balance: Option<u16>,
    /// How long a backend that comes back takes to get its whole share; zero: none.
    pub slow_start: Duration,
    /// Below this share of healthy backends, in percent, health is ignored; 0: never.
    pub panic_percent: u8,
    /// The most requests in flight to the cluster, over all shards; [`u32::MAX`]: no limit.
    pub requests_max: u32,
    /// The most open connections to the cluster, over all shards; [`u32::MAX`]: no limit.
    pub connections_max: u32,
}

impl Settings {
    pub(crate) fn choosing(&self) -> Choosing {
        Choosing { policy: self.policy, metric: self.metric, balance: self.hash_balance }
    }

    /// Whether what a backend may get is measured by what the cluster has.
    pub(crate) fn is_share_bounded(&self) -> bool {
        self.hash_balance.is_some() && matches!(self.policy, Policy::Maglev | Policy::Rendezvous)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            policy: Policy::default(),
            metric: Metric::default(),
            hash_balance: None,
            slow_start: Duration::ZERO,
            panic_percent: 0,
            requests_max: u32::MAX,
            connections_max: u32::MAX,
        }
    }
}

/// What an operator wants of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Admin {
    /// It serves.
    #[default]
    Ready,
    /// It gets nothing new, and still counts as available.
    Drain,
    /// It gets nothing new, and does not count as available.
    Maint,
}

/// What the configuration says about a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSpec {
    /// Its name, unique in its cluster together with `address`.
    pub id: BackendId,
    /// Where it listens.
    pub address: Address,
    /// Its share relative to the others'; read as the nearest value from [`WEIGHT_MIN`](crate::limits::WEIGHT_MIN) to
    /// [`WEIGHT_MAX`](crate::limits::WEIGHT_MAX).
    pub weight: u32,
    /// Whether it gets requests only when no other backend can open.
    pub backup: bool,
    /// What its clients are kept by.
    pub sticky_id: Arc<str>,
    /// What an operator wants of it when it is added. Later only [`BackendList::set_admin`](crate::BackendList::set_admin)
    /// changes that.
    pub admin: Admin,
    /// The most requests in flight to it, over all shards; [`u32::MAX`]: no limit.
    pub requests_max: u32,
    /// The most open connections to it, over all shards; [`u32::MAX`]: no limit.
    pub connections_max: u32,
}

impl BackendSpec {
    /// A backend that is kept to by its name, with every other setting at its default.
    #[must_use]
    pub fn new(id: BackendId, address: Address) -> BackendSpec {
        let sticky_id = Arc::from(id.as_str());
        BackendSpec {
            id,
            address,
            weight: WEIGHT_DEFAULT,
            backup: false,
            sticky_id,
            admin: Admin::default(),
            requests_max: u32::MAX,
            connections_max: u32::MAX,
        }
    }
}
