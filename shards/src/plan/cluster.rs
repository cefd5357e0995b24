//! A cluster as shards use it, with what all of them count together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ringway_core::ClusterId;
use ringway_core::config::defaults::SECRET_BYTES_MIN;
use ringway_core::config::{self, AdminState, HashKey, LoadMetric, OutlierDetection, SendProxy};
use ringway_lb::{Admin, BackendSpec, Load, Metric, Policy, RetryBudget, Settings, WaitQueue};

use super::PlanError;
use crate::files::Files;
use crate::sticky::Cookies;

/// A cluster.
#[derive(Debug)]
pub(crate) struct ClusterPlan {
    pub(crate) id: ClusterId,
    pub(crate) settings: Settings,
    /// Of all its backends together.
    pub(crate) total: Arc<Load>,
    /// Each with what all shards count of it.
    pub(crate) backends: Vec<(BackendSpec, Arc<Load>)>,
    /// What of a request is hashed, where that decides.
    pub(crate) hash_key: Option<HashKey>,
    pub(crate) cookies: Option<Cookies>,
    /// A request may say which backend it should get.
    pub(crate) has_affinity: bool,
    pub(crate) retries: u32,
    pub(crate) retry_budget: Arc<RetryBudget>,
    /// Something of it has a limit.
    is_limited: bool,
    /// Its connections have one.
    pub(crate) limits_connections: bool,
    /// Requests of all shards that wait at a limit.
    pub(crate) queue: Arc<WaitQueue>,
    /// Those of them for which there was no connection when they last tried.
    starving: AtomicUsize,
    pub(crate) queue_timeout: Duration,
    pub(crate) outlier: Option<OutlierDetection>,
    /// What becomes of requests is of interest.
    pub(crate) is_watched: bool,
    /// Backends are compared by how long they take to answer.
    pub(crate) measures_latency: bool,
    pub(crate) pool_idle_max: usize,
    pub(crate) pool_idle_timeout: Duration,
    pub(crate) pool_max_age: Duration,
    /// How many requests a connection may carry.
    pub(crate) pool_max_requests: u32,
    pub(crate) send_proxy: SendProxy,
}

impl ClusterPlan {
    pub(super) fn new(
        cluster: &config::Cluster,
        files: &Files,
        secret: &[u8; 32],
    ) -> Result<ClusterPlan, PlanError> {
        let backends: Vec<_> =
            cluster.backends.iter().map(|backend| (spec(backend), Arc::new(Load::new()))).collect();
        let settings = settings(cluster);
        let hashes = matches!(settings.policy, Policy::Maglev | Policy::Rendezvous);
        let limits_connections = cluster.max_connections.is_some()
            || cluster.backends.iter().any(|backend| backend.max_connections.is_some());
        let limits_requests = cluster.max_in_flight.is_some()
            || cluster.backends.iter().any(|backend| backend.max_in_flight.is_some());
        let measures_latency = cluster.load_metric == LoadMetric::Latency;
        let cookies = cookies(cluster, &backends, files, secret)?;
        Ok(ClusterPlan {
            id: cluster.id.clone(),
            settings,
            total: Arc::new(Load::new()),
            hash_key: hashes.then(|| cluster.hash_key.clone()),
            has_affinity: hashes || cookies.is_some(),
            cookies,
            backends,
            retries: u32::from(cluster.retries),
            retry_budget: Arc::new(RetryBudget::new(cluster.retry_budget, cluster.retry_budget_min)),
            is_limited: limits_connections || limits_requests,
            limits_connections,
            queue: Arc::new(WaitQueue::new(cluster.queue_max as usize)),
            starving: AtomicUsize::new(0),
            queue_timeout: cluster.queue_timeout,
            outlier: cluster.outlier_detection,
            is_watched: cluster.outlier_detection.is_some() || measures_latency,
            measures_latency,
            pool_idle_max: cluster.pool_idle_max,
            pool_idle_timeout: cluster.pool_idle_timeout,
            pool_max_age: cluster.pool_max_age,
            pool_max_requests: cluster.pool_max_requests.unwrap_or(u32::MAX),
            send_proxy: cluster.send_proxy,
        })
    }

    /// Whether its backends are compared by their success rates.
    pub(crate) fn compares_success_rates(&self) -> bool {
        self.outlier.is_some_and(|outlier| outlier.success_rate_deviations > 0)
    }

    /// Whether requests wait for room: another comes behind them.
    pub(crate) fn has_waiters(&self) -> bool {
        self.is_limited && !self.queue.is_empty()
    }

    /// How many requests of all shards wait for a connection to one of its backends, and not only for room on it.
    pub(crate) fn connections_wanted(&self) -> usize {
        self.starving.load(Ordering::Relaxed)
    }

    /// One more request waits for a connection. Pair with [`ClusterPlan::end_starving`].
    pub(crate) fn begin_starving(&self) {
        self.starving.fetch_add(1, Ordering::Relaxed);
    }

    /// It has one, or waits no more.
    pub(crate) fn end_starving(&self) {
        self.starving.fetch_sub(1, Ordering::Relaxed);
    }

    /// A request or a connection has ended: the first of those that wait may try.
    pub(crate) fn room_was_made(&self) {
        if self.is_limited {
            self.queue.wake_one();
        }
    }
}

fn settings(cluster: &config::Cluster) -> Settings {
    Settings {
        policy: match cluster.load_balancing {
            config::Policy::RoundRobin => Policy::RoundRobin,
            config::Policy::Random => Policy::Random,
            config::Policy::LeastLoaded => Policy::LeastLoaded,
            config::Policy::PowerOfTwo => Policy::PowerOf { choices: cluster.choices },
            config::Policy::Maglev => Policy::Maglev,
            config::Policy::Rendezvous => Policy::Rendezvous,
            config::Policy::First => Policy::First,
        },
        metric: match cluster.load_metric {
            LoadMetric::Requests => Metric::Requests,
            LoadMetric::Connections => Metric::Connections,
            LoadMetric::Latency => Metric::Latency,
        },
        hash_balance: cluster.hash_balance,
        slow_start: cluster.slow_start,
        panic_percent: cluster.panic_threshold,
        requests_max: cluster.max_in_flight.unwrap_or(u32::MAX),
        connections_max: cluster.max_connections.unwrap_or(u32::MAX),
    }
}

fn spec(backend: &config::Backend) -> BackendSpec {
    BackendSpec {
        id: backend.id.clone(),
        address: backend.address.clone(),
        weight: u32::from(backend.weight),
        backup: backend.backup,
        sticky_id: backend.sticky_id.clone().unwrap_or_else(|| backend.id.as_str().into()),
        admin: match backend.state {
            AdminState::Ready => Admin::Ready,
            AdminState::Drain => Admin::Drain,
            AdminState::Maint => Admin::Maint,
        },
        requests_max: backend.max_in_flight.unwrap_or(u32::MAX),
        connections_max: backend.max_connections.unwrap_or(u32::MAX),
    }
}

fn cookies(
    cluster: &config::Cluster,
    backends: &[(BackendSpec, Arc<Load>)],
    files: &Files,
    secret: &[u8; 32],
) -> Result<Option<Cookies>, PlanError> {
    let Some(sticky) = &cluster.sticky else { return Ok(None) };
    let secret = match &sticky.secret_file {
        None => &secret[..],
        Some(file) => {
            let secret = files.content(file).trim_ascii();
            if secret.len() < SECRET_BYTES_MIN {
                let (cluster, length) = (cluster.id.clone(), secret.len());
                return Err(PlanError::Secret { cluster, file: file.clone(), length });
            }
            secret
        }
    };
    let ids = backends.iter().map(|(spec, _)| Arc::clone(&spec.sticky_id));
    Ok(Some(Cookies::new(sticky, &cluster.id, ids, secret)))
}
