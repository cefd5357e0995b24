//! The configuration as shards use it: compiled once by the coordinator, shared by all of them, never changed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringway_core::config::{self, Hostname, Limits, Timeouts};
use ringway_core::{ClusterId, Config};
use ringway_lb::{BackendSpec, InFlight, Policy};

use crate::http1::{HeadLimits, ListenerPrefix, Scheme};
use crate::routing::{HostRule, RouteError, Router};

/// A configuration that can not be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the routes of listener {listener}: {error}")]
pub struct PlanError {
    /// The listener's name.
    pub listener: String,
    /// What is wrong with its routes.
    pub error: RouteError,
}

/// Everything that shards share.
#[derive(Debug)]
pub struct Plan {
    pub(crate) listeners: Vec<ListenerPlan>,
    pub(crate) clusters: Vec<ClusterPlan>,
    /// Client connections a shard may hold.
    pub(crate) connections_max: usize,
}

#[derive(Debug)]
pub(crate) struct ListenerPlan {
    /// To the index of a cluster.
    pub(crate) router: Router<u32>,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: HeadLimits,
    /// The forwarding fields of requests through it.
    pub(crate) prefix: ListenerPrefix,
}

#[derive(Debug)]
pub(crate) struct ClusterPlan {
    pub(crate) id: ClusterId,
    pub(crate) policy: Policy,
    pub(crate) retries: u32,
    pub(crate) pool_idle_max: usize,
    pub(crate) pool_idle_timeout: Duration,
    /// With the count that all shards share.
    pub(crate) backends: Vec<(BackendSpec, Arc<InFlight>)>,
}

impl Plan {
    /// Compiles a configuration. `addresses` are those the listeners really have, in the configuration's order: a port
    /// of 0 was given a number by the kernel.
    ///
    /// # Errors
    /// When routes contradict each other.
    pub fn new(config: &Config, addresses: &[SocketAddr]) -> Result<Plan, PlanError> {
        let listeners = config
            .listeners
            .iter()
            .enumerate()
            .map(|(index, listener)| {
                let port = addresses.get(index).unwrap_or(&listener.address).port();
                ListenerPlan::new(config, listener, port)
            })
            .collect::<Result<_, _>>()?;
        Ok(Plan {
            listeners,
            clusters: config.clusters.iter().map(ClusterPlan::new).collect(),
            connections_max: config.daemon.max_connections_per_shard as usize,
        })
    }

    /// How many listeners there are; a shard needs a socket for each.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.listeners.len()
    }
}

impl ListenerPlan {
    fn new(config: &Config, listener: &config::Listener, port: u16) -> Result<ListenerPlan, PlanError> {
        let routes = config.clusters.iter().enumerate().flat_map(|(index, cluster)| {
            let here = |frontend: &&config::Frontend| {
                frontend.listeners.is_empty() || frontend.listeners.contains(&listener.name)
            };
            cluster.frontends.iter().filter(here).map(move |frontend| {
                let host = match &frontend.hostname {
                    Hostname::Any => HostRule::Any,
                    Hostname::Exact(name) => HostRule::Exact(name),
                };
                (host, frontend.path_prefix.as_str(), index as u32)
            })
        });
        let router = Router::build(routes)
            .map_err(|error| PlanError { listener: listener.name.to_string(), error })?;
        let Limits { head_bytes, headers, uri_bytes } = listener.limits;
        let limits = HeadLimits { head_bytes, headers, uri_bytes };
        let prefix = ListenerPrefix::new(port, Scheme::Http);
        Ok(ListenerPlan { router, timeouts: listener.timeouts, limits, prefix })
    }
}

impl ClusterPlan {
    fn new(cluster: &config::Cluster) -> ClusterPlan {
        let backends = cluster.backends.iter().map(|backend| {
            let spec = BackendSpec {
                id: backend.id.clone(),
                address: backend.address,
                weight: u32::from(backend.weight),
                backup: backend.backup,
            };
            (spec, Arc::new(InFlight::new()))
        });
        ClusterPlan {
            id: cluster.id.clone(),
            policy: match cluster.load_balancing {
                config::Policy::RoundRobin => Policy::RoundRobin,
                config::Policy::PowerOfTwo => Policy::PowerOfTwo,
            },
            retries: u32::from(cluster.retries),
            pool_idle_max: cluster.pool_idle_max,
            pool_idle_timeout: cluster.pool_idle_timeout,
            backends: backends.collect(),
        }
    }
}
