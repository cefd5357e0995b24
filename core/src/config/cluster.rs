//! Where requests go: clusters, and the backends that serve them.

use std::net::SocketAddr;
use std::time::Duration;

use super::word::words;
use super::{Frontend, defaults};
use crate::address::Address;
use crate::ids::{BackendId, ClusterId};

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
            retries: defaults::RETRIES,
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
    /// Two at random, then the one with less in flight for its weight.
    #[default]
    PowerOfTwo,
}

words!(Policy { RoundRobin = "round_robin", PowerOfTwo = "power_of_two" });

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
        }
    }
}
