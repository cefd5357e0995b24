//! Where requests go: clusters, and the backends that serve them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::word::words;
use super::{Frontend, HealthCheck, OutlierDetection, Sticky, defaults};
use crate::address::Address;
use crate::ids::{BackendId, ClusterId};

/// A named set of backends behind one load-balancing policy: `[clusters.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Unique in the process.
    pub id: ClusterId,
    /// Who gets the next request.
    pub load_balancing: Policy,
    /// What policies that compare loads compare.
    pub load_metric: LoadMetric,
    /// How many backends [`Policy::PowerOfTwo`] draws to take the least loaded of.
    pub choices: u8,
    /// What [`Policy::Maglev`] and [`Policy::Rendezvous`] hash.
    pub hash_key: HashKey,
    /// The most that a hashed backend may carry, in percent of its fair share of what the cluster carries; then the next one
    /// gets it. `None`: no bound.
    pub hash_balance: Option<u16>,
    /// How long a backend that comes back takes to get its whole share; zero: none.
    pub slow_start: Duration,
    /// Below this share of healthy backends, in percent, health is ignored; 0: never.
    pub panic_threshold: u8,
    /// Requests in flight to the cluster, over all shards.
    pub max_in_flight: Option<u32>,
    /// Connections to the backends of the cluster, over all shards.
    pub max_connections: Option<u32>,
    /// How long a request waits at a limit; zero: it is answered at once.
    pub queue_timeout: Duration,
    /// How many requests may wait, over all shards.
    pub queue_max: u32,
    /// Tries beyond the first.
    pub retries: u8,
    /// Tries beyond the first, in percent of the requests; beyond, only [`Cluster::retry_budget_min`].
    pub retry_budget: u8,
    /// Tries beyond the first that are always allowed, per second.
    pub retry_budget_min: u32,
    /// Keeps a client at its backend.
    pub sticky: Option<Sticky>,
    /// Asks the backends whether they are well; `None`: they are.
    pub health_check: Option<HealthCheck>,
    /// Takes out backends that fail more than the others.
    pub outlier_detection: Option<OutlierDetection>,
    /// How many idle connections each shard keeps to each backend.
    pub pool_idle_max: usize,
    /// How long one of them is kept.
    pub pool_idle_timeout: Duration,
    /// How old a connection may get before it is not used again.
    pub pool_max_age: Duration,
    /// How many requests one connection may carry; `None`: no limit.
    pub pool_max_requests: Option<u32>,
    /// What backends are told of the client's connection before its first byte.
    pub send_proxy: SendProxy,
    /// Which requests come here. No two frontends of the process say the same.
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
            load_metric: LoadMetric::default(),
            choices: defaults::CHOICES,
            hash_key: HashKey::default(),
            hash_balance: None,
            slow_start: defaults::SLOW_START,
            panic_threshold: defaults::PANIC_THRESHOLD,
            max_in_flight: None,
            max_connections: None,
            queue_timeout: defaults::QUEUE_TIMEOUT,
            queue_max: defaults::QUEUE_MAX,
            retries: defaults::RETRIES,
            retry_budget: defaults::RETRY_BUDGET,
            retry_budget_min: defaults::RETRY_BUDGET_MIN,
            sticky: None,
            health_check: None,
            outlier_detection: None,
            pool_idle_max: defaults::POOL_IDLE_MAX,
            pool_idle_timeout: defaults::POOL_IDLE_TIMEOUT,
            pool_max_age: defaults::POOL_MAX_AGE,
            pool_max_requests: None,
            send_proxy: SendProxy::default(),
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
    /// At random, as often as its weight says.
    Random,
    /// The one with the least load for its weight.
    LeastLoaded,
    /// Some at random ([`Cluster::choices`]), then the one with the least load for its weight.
    #[default]
    PowerOfTwo,
    /// By a hash of the request, through a table: Maglev.
    Maglev,
    /// By a hash of the request and each backend, the highest: rendezvous.
    Rendezvous,
    /// The first of the file that can take it.
    First,
}

words!(Policy {
    RoundRobin = "round_robin",
    Random = "random",
    LeastLoaded = "least_loaded",
    PowerOfTwo = "power_of_two",
    Maglev = "maglev",
    Rendezvous = "rendezvous",
    First = "first",
});

impl Policy {
    /// Whether it hashes requests, so that those of one key go to one backend.
    #[must_use]
    pub const fn hashes(self) -> bool {
        matches!(self, Policy::Maglev | Policy::Rendezvous)
    }

    /// Whether it compares the loads of backends.
    #[must_use]
    pub const fn compares_loads(self) -> bool {
        matches!(self, Policy::LeastLoaded | Policy::PowerOfTwo)
    }
}

/// What the load of a backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LoadMetric {
    /// Requests in flight.
    #[default]
    Requests,
    /// Open connections.
    Connections,
    /// How long answers take, times the requests in flight.
    Latency,
}

words!(LoadMetric { Requests = "requests", Connections = "connections", Latency = "latency" });

/// What of a request is hashed: `source`, `uri`, `header:NAME` or `cookie:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum HashKey {
    /// The client's address.
    #[default]
    Source,
    /// Path and query.
    Uri,
    /// The value of this header field, in lower case its name.
    Header(Arc<str>),
    /// The value of this cookie.
    Cookie(Arc<str>),
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HashKey::Source => f.write_str("source"),
            HashKey::Uri => f.write_str("uri"),
            HashKey::Header(name) => write!(f, "header:{name}"),
            HashKey::Cookie(name) => write!(f, "cookie:{name}"),
        }
    }
}

/// What an operator wants of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AdminState {
    /// It serves.
    #[default]
    Ready,
    /// It gets nothing new, and is still checked.
    Drain,
    /// It gets nothing, and is not checked.
    Maint,
}

words!(AdminState { Ready = "ready", Drain = "drain", Maint = "maint" });

/// The PROXY protocol's header, sent to backends as the first bytes of each connection.
///
/// Such a connection belongs to one client, so it carries one request, or one TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SendProxy {
    /// None.
    #[default]
    Off,
    /// Version 1: a line of text.
    V1,
    /// Version 2: binary.
    V2,
}

words!(SendProxy { Off = "off", V1 = "v1", V2 = "v2" });

/// One server of a cluster: `[[clusters.NAME.backends]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Unique in its cluster.
    pub id: BackendId,
    /// Where it listens; a port is not 0.
    pub address: Address,
    /// Its share of the requests, relative to the other weights of the cluster.
    pub weight: u16,
    /// Serves only while no other backend of the cluster can.
    pub backup: bool,
    /// What an operator wants of it.
    pub state: AdminState,
    /// What its clients are kept by; `None`: its `id`.
    pub sticky_id: Option<Arc<str>>,
    /// Requests in flight to it, over all shards.
    pub max_in_flight: Option<u32>,
    /// Connections to it, over all shards.
    pub max_connections: Option<u32>,
}

impl Backend {
    /// A backend that is named by its address, with every setting at its default.
    #[must_use]
    pub fn new(address: SocketAddr) -> Backend {
        Backend {
            id: BackendId::from(address),
            address: Address::Ip(address),
            weight: defaults::WEIGHT,
            backup: defaults::BACKUP,
            state: AdminState::default(),
            sticky_id: None,
            max_in_flight: None,
            max_connections: None,
        }
    }
}
