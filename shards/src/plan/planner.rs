//! The coordinator's book of what shards serve: which numbers clusters, backends, routes, listeners and checks have there.
//!
//! A change is compiled ([`Planner::stage`]) without touching the book, told to all shards, and entered ([`Planner::commit`])
//! once all of them have agreed. Both cost as much as what was touched, however much there is besides.

use std::net::SocketAddr;
use std::sync::Arc;

use ahash::AHashMap;
use ringway_core::state::{ClusterState, ConfigState, Items, ListenerState, Touched};
use ringway_core::{BackendId, ClusterId, ListenerName, config};
use ringway_health::board::Member;
use ringway_lb::Load;

use super::checks::Checks;
use super::cluster::{CookieKey, Limited};
use super::slots::Slots;
use super::stage::{Draft, Staged};
use super::step::{BackendSeed, ClusterStep, ListenerSet, ListenerStep, Step};
use super::{ClusterPlan, Plan, PlanError, RoutePlan, cluster};
use crate::files::Files;
use crate::http1::answer::Answers;

/// What shards serve by what was committed last, and who has which number there.
#[derive(Debug)]
pub struct Planner {
    pub(super) secret: Secret,
    /// Of what was committed last.
    pub(super) number: u64,
    pub(super) clusters: AHashMap<ClusterId, Cluster>,
    pub(super) cluster_slots: Slots,
    /// The number of the next backend.
    pub(super) next_backend: u32,
    /// By the backend's number.
    pub(super) loads: AHashMap<u32, Arc<Load>>,
    pub(super) listeners: AHashMap<ListenerName, Listener>,
    /// The number of the next listener.
    pub(super) next_listener: u32,
    pub(super) routes: Items<config::Route>,
    /// By the route's ordinal.
    pub(super) route_slots: AHashMap<u64, u32>,
    pub(super) slots_of_routes: Slots,
    pub(super) route_plans: AHashMap<u32, Arc<RoutePlan>>,
    pub(super) checks: Checks,
    pub(super) answers: Arc<Answers>,
    pub(super) connections_max: usize,
    /// The hashes of all clusters together.
    pub(super) clusters_hash: u64,
    pub(super) common_hash: u64,
}

/// A key that must not get into a log.
pub(super) struct Secret(pub(super) [u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A cluster in the book.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) slot: u32,
    pub(super) state: Arc<ClusterState>,
    pub(super) plan: Arc<ClusterPlan>,
    pub(super) limited: Limited,
    pub(super) cookie_key: Option<CookieKey>,
    /// The number and the load of each backend.
    pub(super) members: AHashMap<BackendId, (u32, Arc<Load>)>,
    /// The slots of frontends that change requests, by their ordinal.
    pub(super) route_slots: AHashMap<u64, u32>,
}

/// A listener in the book.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) slot: u32,
    pub(super) state: Arc<ListenerState>,
    pub(super) set: ListenerSet,
}

impl Planner {
    /// Of a process that serves nothing yet. `secret` is the key of cookies for which the configuration names none.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Planner {
        Planner {
            secret: Secret(secret),
            number: 0,
            clusters: AHashMap::new(),
            cluster_slots: Slots::default(),
            next_backend: 0,
            loads: AHashMap::new(),
            listeners: AHashMap::new(),
            next_listener: 0,
            routes: Items::default(),
            route_slots: AHashMap::new(),
            slots_of_routes: Slots::default(),
            route_plans: AHashMap::new(),
            checks: Checks::default(),
            answers: Arc::default(),
            connections_max: 0,
            clusters_hash: 0,
            common_hash: 0,
        }
    }

    /// What `to` means for shards that serve by what was committed last: `touched` is what it has differently. Changes
    /// nothing. `addresses` says where a listener really listens, whose port may have been chosen by the kernel; `files` has
    /// the content of every file that touched items name.
    ///
    /// # Errors
    /// Why it can not be served.
    pub fn stage(
        &self,
        touched: &Touched,
        to: &ConfigState,
        addresses: &dyn Fn(&ListenerName) -> Option<SocketAddr>,
        files: &Files,
    ) -> Result<Staged, PlanError> {
        Draft::new(self, to, files).stage(touched, addresses)
    }

    /// Every shard serves by this from now on.
    ///
    /// # Panics
    /// When something else was committed since it was staged.
    pub fn commit(&mut self, staged: Staged) {
        assert_eq!(staged.step.base, self.number, "what is committed follows what was committed last");
        staged.enter(self);
    }

    /// Everything, for a shard that starts.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        let mut clusters: Vec<_> = self.clusters.values().collect();
        clusters.sort_unstable_by_key(|cluster| cluster.slot);
        let mut listeners: Vec<_> = self.listeners.values().collect();
        listeners.sort_unstable_by_key(|listener| listener.slot);
        let mut routes: Vec<_> =
            self.route_plans.iter().map(|(slot, plan)| (*slot, Some(Arc::clone(plan)))).collect();
        routes.sort_unstable_by_key(|(slot, _)| *slot);
        let listeners = listeners
            .into_iter()
            .map(|listener| ListenerStep { slot: listener.slot, set: Some(listener.set.clone()) });
        Arc::new(Plan(Arc::new(Step {
            base: 0,
            number: self.number,
            common_hash: self.common_hash,
            connections_max: self.connections_max,
            answers: Some(Arc::clone(&self.answers)),
            clusters: clusters.into_iter().map(Cluster::step).collect(),
            routes,
            listeners: listeners.collect(),
            checks: self.checks.all(),
        })))
    }

    /// What shards and the board call a backend.
    #[must_use]
    pub fn member(&self, cluster: &ClusterId, backend: &BackendId) -> Option<Member> {
        let cluster = self.clusters.get(cluster)?;
        let (serial, _) = cluster.members.get(backend)?;
        Some(Member { cluster: cluster.slot, backend: *serial })
    }

    /// What shards and the board call a cluster.
    #[must_use]
    pub fn cluster_slot(&self, cluster: &ClusterId) -> Option<u32> {
        self.clusters.get(cluster).map(|cluster| cluster.slot)
    }

    /// The number by which shards know a listener.
    #[must_use]
    pub fn listener_slot(&self, listener: &ListenerName) -> Option<u32> {
        self.listeners.get(listener).map(|listener| listener.slot)
    }

    /// Requests in flight on a backend, and connections to it, of all shards; nothing for one that is not there.
    #[must_use]
    pub fn load(&self, member: Member) -> (u64, u64) {
        self.loads.get(&member.backend).map_or((0, 0), |load| (load.requests(), load.connections()))
    }

    /// The number of what was committed last.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Cluster {
    /// All of it.
    fn step(&self) -> ClusterStep {
        let seed = |backend: &Arc<config::Backend>| {
            let (serial, load) = self.members.get(&backend.id)?;
            Some(BackendSeed { serial: *serial, spec: cluster::spec(backend), load: Arc::clone(load) })
        };
        let mut put: Vec<_> = self.state.backends.iter().filter_map(seed).collect();
        // In the order in which they came, as in the shards that run.
        put.sort_by_key(|seed| seed.serial);
        ClusterStep::Set { slot: self.slot, plan: Arc::clone(&self.plan), removed: Vec::new(), put }
    }
}
