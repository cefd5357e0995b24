//! A cluster as shards use it, with what all of them count together.

use std::fmt;
use std::path::PathBuf;
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

/// A cluster's settings, with what all shards count of it. One that follows another goes on counting where that one did.
#[derive(Debug)]
pub(crate) struct ClusterPlan {
    pub(crate) id: ClusterId,
    /// Of its configuration, that of its frontends and backends included.
    pub(crate) hash: u64,
    pub(crate) settings: Settings,
    /// Of all its backends together.
    pub(crate) total: Arc<Load>,
    /// What of a request is hashed, where that decides.
    pub(crate) hash_key: Option<HashKey>,
    pub(crate) cookies: Option<Arc<Cookies>>,
    /// A request may say which backend it should get.
    pub(crate) has_affinity: bool,
    pub(crate) retries: u32,
    pub(crate) retry_budget: Arc<RetryBudget>,
    /// What [`ClusterPlan::retry_budget`] was made from.
    retry_limits: (u8, u32),
    /// Something of it has a limit.
    is_limited: bool,
    /// Its connections have one.
    pub(crate) limits_connections: bool,
    /// Requests of all shards that wait at a limit.
    pub(crate) queue: Arc<WaitQueue>,
    /// Those of them for which there was no connection when they last tried.
    starving: Arc<AtomicUsize>,
    pub(crate) queue_max: usize,
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

/// How many backends of a cluster have limits of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limited {
    connections: usize,
    requests: usize,
}

impl Limited {
    pub(super) fn add(&mut self, backend: &config::Backend) {
        self.connections += usize::from(backend.max_connections.is_some());
        self.requests += usize::from(backend.max_in_flight.is_some());
    }

    pub(super) fn subtract(&mut self, backend: &config::Backend) {
        self.connections -= usize::from(backend.max_connections.is_some());
        self.requests -= usize::from(backend.max_in_flight.is_some());
    }
}

impl ClusterPlan {
    /// The plan of `cluster` in place of `before`, if there was one. `limited`: of its backends.
    pub(super) fn new(
        cluster: &config::Cluster,
        hash: u64,
        before: Option<&ClusterPlan>,
        limited: Limited,
        cookies: Option<Arc<Cookies>>,
    ) -> ClusterPlan {
        let settings = settings(cluster);
        let hashes = matches!(settings.policy, Policy::Maglev | Policy::Rendezvous);
        let limits_connections = cluster.max_connections.is_some() || limited.connections > 0;
        let limits_requests = cluster.max_in_flight.is_some() || limited.requests > 0;
        let measures_latency = cluster.load_metric == LoadMetric::Latency;
        let retry_limits = (cluster.retry_budget, cluster.retry_budget_min);
        let retry_budget = match before {
            Some(before) if before.retry_limits == retry_limits => Arc::clone(&before.retry_budget),
            _ => Arc::new(RetryBudget::new(cluster.retry_budget, cluster.retry_budget_min)),
        };
        let queue_max = cluster.queue_max as usize;
        ClusterPlan {
            id: cluster.id.clone(),
            hash,
            settings,
            total: before.map_or_else(Arc::default, |before| Arc::clone(&before.total)),
            hash_key: hashes.then(|| cluster.hash_key.clone()),
            has_affinity: hashes || cookies.is_some(),
            cookies,
            retries: u32::from(cluster.retries),
            retry_budget,
            retry_limits,
            is_limited: limits_connections || limits_requests,
            limits_connections,
            queue: before
                .map_or_else(|| Arc::new(WaitQueue::new(queue_max)), |before| Arc::clone(&before.queue)),
            starving: before.map_or_else(Arc::default, |before| Arc::clone(&before.starving)),
            queue_max,
            queue_timeout: cluster.queue_timeout,
            outlier: cluster.outlier_detection,
            is_watched: cluster.outlier_detection.is_some() || measures_latency,
            measures_latency,
            pool_idle_max: cluster.pool_idle_max,
            pool_idle_timeout: cluster.pool_idle_timeout,
            pool_max_age: cluster.pool_max_age,
            pool_max_requests: cluster.pool_max_requests.unwrap_or(u32::MAX),
            send_proxy: cluster.send_proxy,
        }
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

pub(super) fn spec(backend: &config::Backend) -> BackendSpec {
    BackendSpec {
        id: backend.id.clone(),
        address: backend.address.clone(),
        weight: u32::from(backend.weight),
        backup: backend.backup,
        sticky_id: sticky_id(backend),
        admin: match backend.state {
            AdminState::Ready => Admin::Ready,
            AdminState::Drain => Admin::Drain,
            AdminState::Maint => Admin::Maint,
        },
        requests_max: backend.max_in_flight.unwrap_or(u32::MAX),
        connections_max: backend.max_connections.unwrap_or(u32::MAX),
    }
}

/// The key of a cluster's cookies, where its configuration names a file for it.
#[derive(Clone)]
pub(super) struct CookieKey {
    file: PathBuf,
    bytes: Arc<[u8]>,
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CookieKey({})", self.file.display())
    }
}

impl CookieKey {
    /// The key of `cluster`, if it names a file; `before`: the one it had, which holds as long as the file is not read again.
    pub(super) fn new(
        cluster: &config::Cluster,
        before: Option<&CookieKey>,
        files: &Files,
    ) -> Result<Option<CookieKey>, PlanError> {
        let file = cluster.sticky.as_ref().and_then(|sticky| sticky.secret_file.as_ref());
        let Some(file) = file else { return Ok(None) };
        let known = before.filter(|before| before.file == *file);
        if let (Some(known), None) = (known, files.get(file)) {
            return Ok(Some(known.clone()));
        }
        let bytes = files.content(file).trim_ascii();
        if bytes.len() < SECRET_BYTES_MIN {
            let (cluster, length) = (cluster.id.clone(), bytes.len());
            return Err(PlanError::Secret { cluster, file: file.clone(), length });
        }
        Ok(Some(CookieKey { file: file.clone(), bytes: bytes.into() }))
    }
}

/// The cookies of a cluster's backends; `before`: those that it had. `key`: its own, or the process's.
pub(super) fn cookies<'a>(
    cluster: &config::Cluster,
    backends: impl Iterator<Item = &'a config::Backend>,
    before: Option<&Cookies>,
    (key, secret): (Option<&CookieKey>, &[u8; 32]),
) -> Option<Arc<Cookies>> {
    let sticky = cluster.sticky.as_ref()?;
    let secret = key.map_or(&secret[..], |key| &key.bytes);
    Some(Arc::new(Cookies::new(sticky, &cluster.id, backends.map(sticky_id), secret, before)))
}

fn sticky_id(backend: &config::Backend) -> Arc<str> {
    backend.sticky_id.clone().unwrap_or_else(|| backend.id.as_str().into())
}
