//! The library face: a thread-safe balancer over named services, for programs without the daemon.
//!
//! The same lists, policies and retry policy as the daemon's shards, one list per service behind one lock that is held for
//! the time of one selection, whatever the number of backends. A clone is a reference count; all clones are one balancer.
//!
//! * A selection is counted at the backend before the call returns, until the [`Selected`] is dropped. Callers that select
//!   at the same moment see each other.
//! * Tell what became of it, [`Selected::succeeded`] or [`Selected::failed`]: that feeds the back-off, and the latency
//!   where that is the metric.
//! * There is one bit of health per backend and one way to change it, [`LoadBalancer::judge_health`].
//!   [`LoadBalancer::mark_health`] states it; the checker of `ringway-health` puts its thresholds before it.
//! * What operators want to know comes as [`Event`]s, each once: see [`LoadBalancer::subscribe`].
//!
//! In a service, an address is one backend. Nothing here waits: a service at its limits says so
//! ([`NoBackend::Full`]). Time comes from a clock that is read under the lock, so a test may play any.
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use ringway_lb::{BackendSpec, LoadBalancer, Policy, SelectError};
//!
//! let balancer = LoadBalancer::new();
//! let addresses: [SocketAddr; 2] = ["10.0.0.1:80".parse()?, "10.0.0.2:80".parse()?];
//! balancer.register("api", addresses, Policy::LeastLoaded)?;
//!
//! // Two connections at once: the second one sees the first.
//! let first = balancer.select("api")?;
//! let second = balancer.select("api")?;
//! assert_ne!(first.address(), second.address());
//!
//! // The second could not be made; a retry excludes where it was tried, and so does everybody for a second.
//! second.failed();
//! let retry = second.select_again()?;
//! assert_eq!(retry.address(), first.address());
//! retry.succeeded();
//!
//! // A backup, used when nothing else can be.
//! let spare: SocketAddr = "10.0.0.9:80".parse()?;
//! balancer.add_backend("api", BackendSpec { backup: true, ..spare.into() });
//! for address in addresses {
//!     balancer.mark_health("api", address, false);
//! }
//! assert_eq!(balancer.select("api")?.address(), &spare.into());
//! assert_eq!((balancer.backend_count("api"), balancer.healthy_count("api")), (3, 1));
//! assert_eq!(balancer.select("web").err(), Some(SelectError::UnknownService));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ahash::AHashMap;
use ringway_core::{Address, BackendId, ClusterId, Event, IdError, Time};

use crate::demand::Demand;
use crate::list::select::NoBackend;
use crate::policy::Policy;
use crate::spec::{Admin, BackendSpec, Settings};

mod clock;
mod context;
mod selected;
mod service;
mod snapshot;

use context::Context;
pub use selected::Selected;
use service::Service;
pub use snapshot::{BackendSnapshot, GroupSnapshot};

/// Services by name, each with its backends. Shared by all threads and clones.
#[derive(Clone)]
pub struct LoadBalancer {
    shared: Arc<Shared>,
}

struct Shared {
    services: RwLock<AHashMap<ClusterId, Arc<Service>>>,
    context: Arc<Context>,
    /// How often membership changed.
    changes: AtomicU64,
}

/// Why there is no backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Nobody registered it.
    #[error("no service has that name: register it first")]
    UnknownService,
    /// It has none for this one.
    #[error(transparent)]
    NoBackend(#[from] NoBackend),
}

impl Default for LoadBalancer {
    fn default() -> LoadBalancer {
        LoadBalancer::new()
    }
}

impl fmt::Debug for LoadBalancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadBalancer").field("services", &self.list_service_names()).finish_non_exhaustive()
    }
}

/// Making one.
impl LoadBalancer {
    /// No services, on the system's monotonic clock, with chance from the system.
    #[must_use]
    pub fn new() -> LoadBalancer {
        LoadBalancer::with_clock(clock::monotonic(), rand::random())
    }

    /// No services, on `clock`, which must not go backwards, with all chance from `seed`: for tests that replay.
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> Time + Send + Sync + 'static, seed: u64) -> LoadBalancer {
        let context = Arc::new(Context::new(Box::new(clock), seed));
        LoadBalancer {
            shared: Arc::new(Shared { services: RwLock::default(), context, changes: AtomicU64::new(0) }),
        }
    }

    /// What its clock says.
    #[must_use]
    pub fn now(&self) -> Time {
        self.shared.context.now()
    }

    /// Calls `observer` with every event from now on: a backend down or up, healthy or not, gone with its last connection;
    /// a service without an available backend, or with one again. One at a time, in order, without a lock of a service, on
    /// the thread that caused one of them. It may call back.
    pub fn subscribe(&self, observer: impl Fn(&Event) + Send + Sync + 'static) {
        self.shared.context.subscribe(Arc::new(observer));
    }
}

/// Services and their backends.
impl LoadBalancer {
    /// Makes a service of these backends, or changes the one of that name into it: addresses that it has already keep their
    /// state.
    ///
    /// # Errors
    ///
    /// If `service` is not a name as clusters have.
    pub fn register<B: Into<BackendSpec>>(
        &self,
        service: &str,
        backends: impl IntoIterator<Item = B>,
        strategy: impl Into<Settings>,
    ) -> Result<(), IdError> {
        let settings = strategy.into();
        let (backends, known) = (specs(backends), self.find(service));
        let known = match known {
            Some(known) => known,
            None => {
                let id: ClusterId = service.parse()?;
                let mut services = self.shared.services.write().unwrap_or_else(PoisonError::into_inner);
                let new = || Service::new(id.clone(), Arc::clone(&self.shared.context));
                Arc::clone(services.entry(id.clone()).or_insert_with(|| Arc::new(new())))
            }
        };
        known.set(Some(settings), backends);
        self.changed();
        Ok(())
    }

    /// Forgets the service; whether there was one. What is selected goes on until it is dropped.
    pub fn unregister(&self, service: &str) -> bool {
        let known = self.shared.services.write().unwrap_or_else(PoisonError::into_inner).remove(service);
        let Some(known) = known else { return false };
        known.set(None, Vec::new());
        self.changed();
        true
    }

    /// Makes these the service's backends. Those that it has already keep their health, their back-off and what is open to
    /// them; those that are not among them get nothing new. One pass over both. Whether there is such a service.
    pub fn update_backends<B: Into<BackendSpec>>(
        &self,
        service: &str,
        backends: impl IntoIterator<Item = B>,
    ) -> bool {
        let Some(known) = self.find(service) else { return false };
        known.set(None, specs(backends));
        self.changed();
        true
    }

    /// Adds a backend, or updates the one with its address, which keeps its name and its state. Whether there is such a
    /// service.
    pub fn add_backend(&self, service: &str, backend: impl Into<BackendSpec>) -> bool {
        let Some(known) = self.find(service) else { return false };
        known.add(backend.into());
        self.changed();
        true
    }

    /// Removes a backend, which finishes what it has; whether there was one.
    pub fn remove_backend(&self, service: &str, address: impl Into<Address>) -> bool {
        let address = address.into();
        let removed = self.find(service).is_some_and(|known| known.remove(&address));
        if removed {
            self.changed();
        }
        removed
    }

    /// Takes a backend out, or lets it serve again; whether there is one.
    pub fn set_admin(&self, service: &str, address: impl Into<Address>, admin: Admin) -> bool {
        let address = address.into();
        let known = self.find(service).is_some_and(|known| known.set_admin(&address, admin));
        if known {
            self.changed();
        }
        known
    }

    /// How many backends the service has; 0 if there is no such service.
    #[must_use]
    pub fn backend_count(&self, service: &str) -> usize {
        self.find(service).map_or(0, |known| known.counts().configured)
    }

    /// How many of them are healthy.
    #[must_use]
    pub fn healthy_count(&self, service: &str) -> usize {
        self.find(service).map_or(0, |known| known.counts().healthy)
    }

    /// The names of all services, sorted.
    #[must_use]
    pub fn list_service_names(&self) -> Vec<ClusterId> {
        let mut names: Vec<ClusterId> = self.services().map(|known| known.id().clone()).collect();
        names.sort_unstable();
        names
    }

    /// The service as it is now, its backends in the order they came; `None` if there is no such service.
    #[must_use]
    pub fn group_snapshot(&self, service: &str) -> Option<GroupSnapshot> {
        self.find(service).map(|known| known.snapshot())
    }
}

/// The request path.
impl LoadBalancer {
    /// The backend for a new connection or request of the service. One look-up by name, one lock.
    ///
    /// # Errors
    ///
    /// If there is no such service, or it has no backend for it now.
    pub fn select(&self, service: &str) -> Result<Selected, SelectError> {
        self.select_for(service, &Demand::first())
    }

    /// The same for one that was tried elsewhere, is hashed, or is kept at a backend.
    ///
    /// # Errors
    ///
    /// As [`LoadBalancer::select`].
    pub fn select_for(&self, service: &str, demand: &Demand<'_>) -> Result<Selected, SelectError> {
        let known = self.find(service).ok_or(SelectError::UnknownService)?;
        Ok(Selected::new(known, demand)?)
    }
}

/// Health.
impl LoadBalancer {
    /// States that the backend is healthy, or is not; whether that is a change. Probes that find otherwise change it again,
    /// once they have reached their threshold.
    pub fn mark_health(&self, service: &str, address: impl Into<Address>, healthy: bool) -> bool {
        self.judge_health(service, &address.into(), "stated", |_| healthy)
    }

    /// Decides on the backend's health, knowing what it is: the one way to change it, which mends the back-off with it.
    /// `reason` is for the event. Whether that is a change.
    ///
    /// `judge` runs under the service's lock and must not call the balancer.
    pub fn judge_health(
        &self,
        service: &str,
        address: &Address,
        reason: &str,
        judge: impl FnOnce(bool) -> bool,
    ) -> bool {
        self.find(service).is_some_and(|known| known.judge_health(address, reason, judge))
    }

    /// Every address of every service that is to be checked: those in maintenance are not.
    #[must_use]
    pub fn members(&self) -> Vec<(ClusterId, Address)> {
        self.services().flat_map(|known| known.members()).collect()
    }

    /// A number that changes with [`LoadBalancer::members`].
    #[must_use]
    pub fn members_version(&self) -> u64 {
        self.shared.changes.load(Ordering::Acquire)
    }
}

impl LoadBalancer {
    fn find(&self, service: &str) -> Option<Arc<Service>> {
        self.shared.services.read().unwrap_or_else(PoisonError::into_inner).get(service).cloned()
    }

    fn services(&self) -> impl Iterator<Item = Arc<Service>> {
        let services = self.shared.services.read().unwrap_or_else(PoisonError::into_inner);
        let services: Vec<_> = services.values().cloned().collect();
        services.into_iter()
    }

    fn changed(&self) {
        self.shared.changes.fetch_add(1, Ordering::Release);
    }
}

fn specs<B: Into<BackendSpec>>(backends: impl IntoIterator<Item = B>) -> Vec<BackendSpec> {
    backends.into_iter().map(Into::into).collect()
}

/// Named by its address, every setting at its default.
impl From<SocketAddr> for BackendSpec {
    fn from(address: SocketAddr) -> BackendSpec {
        BackendSpec::new(BackendId::from(address), Address::Ip(address))
    }
}

/// Every other setting at its default.
impl From<Policy> for Settings {
    fn from(policy: Policy) -> Settings {
        Settings { policy, ..Settings::default() }
    }
}

#[cfg(test)]
mod tests;
