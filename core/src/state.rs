//! The whole configuration as data that changes: what the control plane keeps, compares, hashes and writes down.
//!
//! A [`ConfigState`] is made of persistent maps: a clone costs nothing, and a change copies only the way to what it touches.
//! So a change is tried on a clone, and what is different between two states is found without a look at what they share.
//!
//! A state that exists is valid, as a [`Config`] that was read is, with two liberties that only a running process takes: a
//! cluster may have no backends, and a listener that speaks TCP no cluster.
//!
//! Order is kept, since of rules of equal rank the first one holds and a policy may be `first`; but it is no part of what a
//! state is: two states are equal, and have one hash, if they have the same items. What is added comes last. The difference
//! between two states puts what is in another order into it where that matters within a cluster, or among the routes.
//!
//! ```
//! use ringway_core::state::ConfigState;
//! use ringway_core::{Change, ClusterId};
//!
//! let mut state = ConfigState::new();
//! let change = Change::ClusterAdd { cluster: ClusterId::parse("api").unwrap(), set: Default::default() };
//! let mutation = state.resolve(&change).unwrap();
//! state.apply(&mutation).unwrap();
//! assert_eq!(state.clusters().count(), 1);
//! assert!(state.apply(&mutation).is_err());
//! ```

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::config::{AnswerFiles, Backend, Cluster, Config, Daemon, Frontend, Listener, Match, Route};
use crate::ids::{BackendId, ClusterId, ListenerName};

pub use items::Items;
pub use keys::{
    answer_keys, backend_keys, cluster_keys, daemon_keys, frontend_keys, health_check_keys, listener_keys,
    match_keys, route_keys,
};
pub use mutation::{Applied, Mutation};
pub use touched::Touched;
use uses::{Owner, Target, User};

mod apply;
mod changes;
mod diff;
mod events;
pub mod file;
pub mod hash;
mod items;
mod keys;
mod mutation;
mod refusal;
mod resolve;
mod touched;
mod uses;

/// The whole configuration. A clone is cheap.
#[derive(Debug, Clone)]
pub struct ConfigState {
    daemon: Arc<Daemon>,
    listeners: OrdMap<ListenerName, Arc<ListenerState>>,
    clusters: OrdMap<ClusterId, Arc<ClusterState>>,
    routes: Items<Route>,
    answers: OrdMap<u16, Arc<AnswerFiles>>,
    /// The ordinal of what is added next.
    next: u64,
    /// Sum of the hashes of all items.
    hash: u64,
    /// Where listeners listen, those with port 0 left out.
    addresses: OrdMap<SocketAddr, ListenerName>,
    /// Frontends and routes by the hash of what they match.
    rules: OrdMap<u64, Arc<[Owner]>>,
    /// Who names which listener or cluster.
    uses: OrdSet<(Target, User)>,
    rule_count: usize,
    backend_count: usize,
    pattern_count: usize,
}

/// A listener.
#[derive(Debug, Clone)]
pub struct ListenerState {
    /// What it is.
    pub listener: Listener,
    /// Listeners with less were added earlier.
    pub ordinal: u64,
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct ClusterState {
    /// What it is, its frontends and backends left out.
    pub settings: Arc<Cluster>,
    /// Clusters with less were added earlier.
    pub ordinal: u64,
    /// Which requests it gets.
    pub frontends: Items<Frontend>,
    /// Who serves them.
    pub backends: Items<Backend>,
    /// The ordinal of each backend.
    ids: OrdMap<BackendId, u64>,
    /// Those that have a `sticky_id`, by it.
    sticky_ids: OrdMap<Arc<str>, u64>,
    /// How many backends listen on UNIX sockets.
    sockets: u32,
    /// Sum of the hashes of its settings, frontends and backends.
    hash: u64,
}

impl ClusterState {
    /// The backend of that name.
    #[must_use]
    pub fn backend(&self, id: &BackendId) -> Option<&Arc<Backend>> {
        self.backends.get(*self.ids.get(id)?)
    }

    /// Whether both have the same items, whatever their order.
    #[must_use]
    pub fn same_as(&self, other: &ClusterState) -> bool {
        self.hash == other.hash
            && self.settings == other.settings
            && self.frontends.same_as(&other.frontends, in_order)
            && self.backends.same_as(&other.backends, |one, two| one.id.cmp(&two.id))
    }

    /// The hash of the cluster with all that is in it.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

impl Default for ConfigState {
    fn default() -> ConfigState {
        ConfigState::new()
    }
}

impl ConfigState {
    /// Nothing: every setting of the process at its default.
    #[must_use]
    pub fn new() -> ConfigState {
        let daemon = Arc::new(Daemon::default());
        ConfigState {
            hash: 0,
            daemon,
            listeners: OrdMap::new(),
            clusters: OrdMap::new(),
            routes: Items::default(),
            answers: OrdMap::new(),
            next: 0,
            addresses: OrdMap::new(),
            rules: OrdMap::new(),
            uses: OrdSet::new(),
            rule_count: 0,
            backend_count: 0,
            pattern_count: 0,
        }
    }

    /// The state that a configuration describes.
    ///
    /// # Panics
    ///
    /// If the configuration is not a valid one: names that are given twice, references without a target.
    #[must_use]
    pub fn from_config(config: &Config) -> ConfigState {
        let mut state = ConfigState::new();
        // Those of the listeners, whose order is not that of the mutations.
        state.next = config.listeners.len() as u64;
        for mutation in mutation::of_config(config) {
            let applied = state.apply(&mutation);
            applied.unwrap_or_else(|error| panic!("the configuration is not valid: {error}"));
        }
        for (listener, ordinal) in config.listeners.iter().zip(0..) {
            let state = state.listeners.get_mut(&listener.name);
            Arc::make_mut(state.expect("it was added")).ordinal = ordinal;
        }
        state
    }

    /// The configuration that the state describes: listeners, clusters, frontends, backends and routes in the order in which
    /// they were added, answers in the order of their statuses.
    #[must_use]
    pub fn to_config(&self) -> Config {
        let listeners = self.listeners_in_order().map(|state| state.listener.clone());
        let clusters = self.clusters_in_order().map(|state| Cluster {
            frontends: state.frontends.iter().map(|frontend| Frontend::clone(frontend)).collect(),
            backends: state.backends.iter().map(|backend| Backend::clone(backend)).collect(),
            ..Cluster::clone(&state.settings)
        });
        Config {
            daemon: Daemon::clone(&self.daemon),
            listeners: listeners.collect(),
            clusters: clusters.collect(),
            routes: self.routes.iter().map(|route| Route::clone(route)).collect(),
            answers: self.answers.values().map(|answer| AnswerFiles::clone(answer)).collect(),
        }
    }

    /// The settings of the process.
    #[must_use]
    pub fn daemon(&self) -> &Arc<Daemon> {
        &self.daemon
    }

    /// The listeners, in the order of their names.
    pub fn listeners(&self) -> impl Iterator<Item = &Arc<ListenerState>> {
        self.listeners.values()
    }

    /// The listeners, in the order in which they were added.
    pub fn listeners_in_order(&self) -> impl Iterator<Item = &Arc<ListenerState>> {
        let by_ordinal = self.listeners.values().map(|state| (state.ordinal, state));
        by_ordinal.collect::<BTreeMap<_, _>>().into_values()
    }

    /// The listener of that name.
    #[must_use]
    pub fn listener(&self, name: &ListenerName) -> Option<&Arc<ListenerState>> {
        self.listeners.get(name)
    }

    /// The clusters, in the order of their names.
    pub fn clusters(&self) -> impl Iterator<Item = &Arc<ClusterState>> {
        self.clusters.values()
    }

    /// The clusters, in the order in which they were added.
    pub fn clusters_in_order(&self) -> impl Iterator<Item = &Arc<ClusterState>> {
        let by_ordinal = self.clusters.values().map(|state| (state.ordinal, state));
        by_ordinal.collect::<BTreeMap<_, _>>().into_values()
    }

    /// The cluster of that name.
    #[must_use]
    pub fn cluster(&self, id: &ClusterId) -> Option<&Arc<ClusterState>> {
        self.clusters.get(id)
    }

    /// The routes, in the order in which they were added.
    #[must_use]
    pub fn routes(&self) -> &Items<Route> {
        &self.routes
    }

    /// Ringway's own answers that were changed, in the order of their statuses.
    pub fn answers(&self) -> impl Iterator<Item = &Arc<AnswerFiles>> {
        self.answers.values()
    }

    /// Every frontend with its cluster, clusters in the order of their names.
    pub fn frontends(&self) -> impl Iterator<Item = (&ClusterId, &Arc<Frontend>)> {
        self.clusters.values().flat_map(|cluster| {
            cluster.frontends.iter().map(move |frontend| (&cluster.settings.id, frontend))
        })
    }

    /// How many listeners there are.
    #[must_use]
    pub fn listener_count(&self) -> usize {
        self.listeners.len()
    }

    /// How many clusters there are.
    #[must_use]
    pub fn cluster_count(&self) -> usize {
        self.clusters.len()
    }

    /// How many frontends and routes there are.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.rule_count
    }

    /// How many backends there are, over all clusters.
    #[must_use]
    pub fn backend_count(&self) -> usize {
        self.backend_count
    }

    /// The hash of everything: the sum of the hashes of the items, so that the order in which they came does not matter, nor
    /// who adds them up. States with the same items have the same hash, in every process.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The hash of a cluster with all that is in it.
    #[must_use]
    pub fn cluster_hash(&self, id: &ClusterId) -> Option<u64> {
        self.clusters.get(id).map(|cluster| cluster.hash)
    }
}

/// The same items, whatever their order.
impl PartialEq for ConfigState {
    fn eq(&self, other: &ConfigState) -> bool {
        self.hash == other.hash
            && self.daemon == other.daemon
            && self.listeners == other.listeners
            && self.clusters.len() == other.clusters.len()
            && self.clusters.iter().zip(&other.clusters).all(|((one, this), (two, that))| {
                one == two && (Arc::ptr_eq(this, that) || this.same_as(that))
            })
            && self.routes.same_as(&other.routes, in_order)
            && self.answers == other.answers
    }
}

impl Eq for ConfigState {}

impl PartialEq for ListenerState {
    fn eq(&self, other: &ListenerState) -> bool {
        self.listener == other.listener
    }
}

impl Eq for ListenerState {}

/// The same items with the same ordinals: nothing was changed, nor removed and added again.
impl PartialEq for ClusterState {
    fn eq(&self, other: &ClusterState) -> bool {
        self.hash == other.hash
            && self.ordinal == other.ordinal
            && self.settings == other.settings
            && self.frontends == other.frontends
            && self.backends == other.backends
    }
}

impl Eq for ClusterState {}

/// A frontend or a route, as far as it says which requests are meant.
trait Rule {
    fn listeners(&self) -> &[ListenerName];
    fn matching(&self) -> &Match;
}

impl Rule for Frontend {
    fn listeners(&self) -> &[ListenerName] {
        &self.listeners
    }

    fn matching(&self) -> &Match {
        &self.matching
    }
}

impl Rule for Route {
    fn listeners(&self) -> &[ListenerName] {
        &self.listeners
    }

    fn matching(&self) -> &Match {
        &self.matching
    }
}

/// An order of rules that tells any two of a state apart.
fn in_order<R: Rule>(one: &R, two: &R) -> Ordering {
    one.matching().cmp(two.matching()).then_with(|| one.listeners().cmp(two.listeners()))
}

#[cfg(test)]
mod tests;
