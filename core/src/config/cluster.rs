//! Where requests go: clusters, the frontends that lead to them and the backends that serve them.

use std::net::SocketAddr;
use std::time::Duration;

use super::word::words;
use super::{Hostname, defaults};
use crate::ids::{BackendId, ClusterId, ListenerName};

/// A named set of backends behind one load-balancing policy: `[clusters.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Unique in the process.
    pub id: ClusterId,
    /// Who gets the next request.
    pub load_balancing: Policy,
    /// Tries beyond the first.
    pub retries: u8,
    /// How many idle connections each shard keeps to each backend.
    pub pool_idle_max: usize,
    /// How long one of them is kept.
    pub pool_idle_timeout: Duration,
    /// Which requests come here; at least one. No two frontends of the process say the same.
    pub frontends: Vec<Frontend>,
    /// Who serves them; at least one.
    pub backends: Vec<Backend>,
}

impl Cluster {
    /// A cluster with every setting at its default.
    #[must_use]
    pub fn new(id: ClusterId, frontends: Vec<Frontend>, backends: Vec<Backend>) -> Cluster {
        Cluster {
            id,
            load_balancing: Policy::default(),
            retries: defaults::RETRIES,
            pool_idle_max: defaults::POOL_IDLE_MAX,
            pool_idle_timeout: defaults::POOL_IDLE_TIMEOUT,
            frontends,
            backends,
        }
    }
}

/// How a cluster chooses among its backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// Each in turn, as often as its weight says.
    RoundRobin,
    /// Two at random, then the one with less in flight for its weight.
    #[default]
    PowerOfTwo,
}

words!(Policy { RoundRobin = "round_robin", PowerOfTwo = "power_of_two" });

/// Which requests a cluster gets: `[[clusters.NAME.frontends]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontend {
    /// The listeners it holds for; empty: all of them.
    pub listeners: Vec<ListenerName>,
    /// The host a request asks for.
    pub hostname: Hostname,
    /// What its path begins with; starts with `/`. The longest one that fits wins.
    pub path_prefix: String,
}

impl Frontend {
    /// A frontend that takes every request of every listener.
    #[must_use]
    pub fn any() -> Frontend {
        Frontend {
            listeners: Vec::new(),
            hostname: Hostname::Any,
            path_prefix: defaults::PATH_PREFIX.to_owned(),
        }
    }
}

/// One server of a cluster: `[[clusters.NAME.backends]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Unique in its cluster.
    pub id: BackendId,
    /// Where it listens; the port is not 0.
    pub address: SocketAddr,
    /// Its share of the requests, relative to the other weights of the cluster.
    pub weight: u16,
    /// Serves only while no other backend of the cluster can.
    pub backup: bool,
}

impl Backend {
    /// A backend that is named by its address, with every setting at its default.
    #[must_use]
    pub fn new(address: SocketAddr) -> Backend {
        Backend { id: BackendId::from(address), address, weight: defaults::WEIGHT, backup: defaults::BACKUP }
    }
}
