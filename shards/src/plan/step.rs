//! What shards are told when the configuration changes: compiled once, carried out by each of them between two turns.

use std::sync::Arc;

use ringway_lb::{BackendSpec, Load};

use super::{ClusterPlan, ListenerPlan, RoutePlan, Target};
use crate::http1::answer::Answers;
use crate::prober::Check;
use crate::routing::Router;

/// The way from one configuration to the next; to a shard that has just started, from none to all of it.
///
/// Places that are named by numbers (slots) of clusters, routes and checks are used again once they are free; those of
/// listeners and backends never are.
#[derive(Debug)]
pub struct Step {
    /// The number of the configuration that it leads from; 0: none.
    pub(crate) base: u64,
    /// The number of the one that it leads to.
    pub(crate) number: u64,
    /// Of what has no place of its own below: listeners, routes, answers, the process.
    pub(crate) common_hash: u64,
    /// Client connections a shard may hold.
    pub(crate) connections_max: usize,
    /// `None`: as before.
    pub(crate) answers: Option<Arc<Answers>>,
    pub(crate) clusters: Vec<ClusterStep>,
    /// What routers lead to, by slot.
    pub(crate) routes: Vec<(u32, Option<Arc<RoutePlan>>)>,
    pub(crate) listeners: Vec<ListenerStep>,
    /// What is asked whether it is well, by slot.
    pub(crate) checks: Vec<(u32, Option<Arc<Check>>)>,
}

/// One cluster.
#[derive(Debug)]
pub(crate) enum ClusterStep {
    /// It is added, or changed.
    Set {
        slot: u32,
        plan: Arc<ClusterPlan>,
        /// The numbers of the backends that go.
        removed: Vec<u32>,
        /// Those that come, and those that are changed.
        put: Vec<BackendSeed>,
    },
    /// It goes, and its backends with it.
    Remove { slot: u32 },
}

/// A backend.
#[derive(Debug, Clone)]
pub(crate) struct BackendSeed {
    /// Its number in the process, which no other backend gets.
    pub(crate) serial: u32,
    pub(crate) spec: BackendSpec,
    /// What all shards count of it.
    pub(crate) load: Arc<Load>,
}

/// One listener.
#[derive(Debug)]
pub(crate) struct ListenerStep {
    /// Its number in the process, which no other listener gets.
    pub(crate) slot: u32,
    /// `None`: it goes.
    pub(crate) set: Option<ListenerSet>,
}

/// What a listener is from now on.
#[derive(Debug, Clone)]
pub(crate) struct ListenerSet {
    pub(crate) plan: Arc<ListenerPlan>,
    /// Of one that speaks HTTP.
    pub(crate) router: Option<Arc<Router<Target>>>,
    /// The slot of who serves the connections of one that does not.
    pub(crate) tcp_cluster: Option<u32>,
    pub(crate) active: bool,
}

impl Step {
    /// The number of the configuration that it leads to.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The listeners that accept from then on, as far as they are touched.
    pub(crate) fn accepting(&self) -> impl Iterator<Item = (u32, &ListenerSet)> {
        let set = self.listeners.iter().filter_map(|listener| Some((listener.slot, listener.set.as_ref()?)));
        set.filter(|(_, set)| set.active)
    }
}
