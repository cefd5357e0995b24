//! One typed change of a state, and the change that says it.

use std::sync::Arc;

use crate::config::{
    AnswerFiles, Backend, Cluster, Config, Daemon, Frontend, HealthCheck, Listener, Match, Protocol, Route,
};
use crate::ids::{BackendId, ClusterId, ListenerName};

/// One change, with everything read and checked that can be without the state it is made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    /// These are the settings of the process.
    Daemon(Arc<Daemon>),
    /// There is one more listener.
    ListenerAdd(Arc<Listener>),
    /// A listener is this; its address and protocol are what they were.
    ListenerUpdate(Arc<Listener>),
    /// There is a listener less.
    ListenerRemove(ListenerName),
    /// A listener accepts connections.
    ListenerActivate(ListenerName),
    /// A listener does not.
    ListenerDeactivate(ListenerName),
    /// There is one more cluster, without frontends and backends.
    ClusterAdd(Arc<Cluster>),
    /// The settings of a cluster are these; its frontends and backends stay.
    ClusterUpdate(Arc<Cluster>),
    /// There is a cluster less, with all that is in it.
    ClusterRemove(ClusterId),
    /// A cluster has one more frontend.
    FrontendAdd(ClusterId, Arc<Frontend>),
    /// A cluster has a frontend less: the one for these listeners that matches this.
    FrontendRemove(ClusterId, Vec<ListenerName>, Match),
    /// A cluster has one more backend.
    BackendAdd(ClusterId, Arc<Backend>),
    /// A backend is this; its address is what it was.
    BackendUpdate(ClusterId, Arc<Backend>),
    /// A cluster has a backend less.
    BackendRemove(ClusterId, BackendId),
    /// The backends of a cluster are checked like this.
    HealthCheckSet(ClusterId, HealthCheck),
    /// They are not checked.
    HealthCheckRemove(ClusterId),
    /// There is one more route.
    RouteAdd(Arc<Route>),
    /// There is a route less: the one for these listeners that matches this.
    RouteRemove(Vec<ListenerName>, Match),
    /// Ringway's own answers with a status are these.
    AnswerSet(AnswerFiles),
    /// They are the built-in ones.
    AnswerRemove(u16),
}

/// What became of a mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The state is another one.
    Changed,
    /// It said what was so already.
    Unchanged,
}

/// The mutations that make a configuration out of nothing: what names something comes after it.
pub(super) fn of_config(config: &Config) -> impl Iterator<Item = Mutation> {
    let daemon = std::iter::once(Mutation::Daemon(Arc::new(config.daemon.clone())));
    let of = |protocol| {
        let listeners = config.listeners.iter().filter(move |listener| listener.protocol == protocol);
        listeners.map(|listener| Mutation::ListenerAdd(Arc::new(listener.clone())))
    };
    let clusters = config.clusters.iter().flat_map(|cluster| {
        let settings = Cluster { frontends: Vec::new(), backends: Vec::new(), ..cluster.clone() };
        let id = move || cluster.id.clone();
        let frontends = cluster.frontends.iter();
        let backends = cluster.backends.iter();
        std::iter::once(Mutation::ClusterAdd(Arc::new(settings)))
            .chain(frontends.map(move |frontend| Mutation::FrontendAdd(id(), Arc::new(frontend.clone()))))
            .chain(backends.map(move |backend| Mutation::BackendAdd(id(), Arc::new(backend.clone()))))
    });
    let routes = config.routes.iter().map(|route| Mutation::RouteAdd(Arc::new(route.clone())));
    let answers = config.answers.iter().map(|answer| Mutation::AnswerSet(answer.clone()));
    daemon.chain(of(Protocol::Http)).chain(clusters).chain(of(Protocol::Tcp)).chain(routes).chain(answers)
}
