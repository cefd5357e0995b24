//! From typed things back to changes: what a state file, a list and an audit line say.

use super::{ConfigState, Mutation, keys};
use crate::change::Change;
use crate::config::Protocol;
use crate::config::keys::Section;

impl Mutation {
    /// The change that says it, complete in itself: keys at their defaults are left out where a thing is added, and `null`
    /// where one is updated, whatever they were before.
    #[must_use]
    pub fn to_change(&self) -> Change {
        match self {
            Mutation::Daemon(daemon) => {
                Change::DaemonUpdate { set: keys::complete(Section::Daemon, keys::daemon_keys(daemon)) }
            }
            Mutation::ListenerAdd(listener) => {
                Change::ListenerAdd { listener: listener.name.clone(), set: keys::listener_keys(listener) }
            }
            Mutation::ListenerUpdate(listener) => Change::ListenerUpdate {
                listener: listener.name.clone(),
                set: keys::complete(Section::Listener, keys::listener_keys(listener)),
            },
            Mutation::ListenerRemove(name) => Change::ListenerRemove { listener: name.clone() },
            Mutation::ListenerActivate(name) => Change::ListenerActivate { listener: name.clone() },
            Mutation::ListenerDeactivate(name) => Change::ListenerDeactivate { listener: name.clone() },
            Mutation::ClusterAdd(cluster) => {
                Change::ClusterAdd { cluster: cluster.id.clone(), set: keys::cluster_keys(cluster) }
            }
            Mutation::ClusterUpdate(cluster) => Change::ClusterUpdate {
                cluster: cluster.id.clone(),
                set: keys::complete(Section::Cluster, keys::cluster_keys(cluster)),
            },
            Mutation::ClusterRemove(cluster) => Change::ClusterRemove { cluster: cluster.clone() },
            Mutation::FrontendAdd(cluster, frontend) => {
                Change::FrontendAdd { cluster: cluster.clone(), set: keys::frontend_keys(frontend) }
            }
            Mutation::FrontendRemove(cluster, listeners, matching) => Change::FrontendRemove {
                cluster: cluster.clone(),
                set: keys::match_keys(listeners, matching),
            },
            Mutation::BackendAdd(cluster, backend) => Change::BackendAdd {
                cluster: cluster.clone(),
                backend: backend.id.clone(),
                set: keys::backend_keys(backend),
            },
            Mutation::BackendUpdate(cluster, backend) => Change::BackendUpdate {
                cluster: cluster.clone(),
                backend: backend.id.clone(),
                set: keys::complete(Section::Backend, keys::backend_keys(backend)),
            },
            Mutation::BackendRemove(cluster, backend) => {
                Change::BackendRemove { cluster: cluster.clone(), backend: backend.clone() }
            }
            Mutation::HealthCheckSet(cluster, check) => {
                Change::HealthCheckSet { cluster: cluster.clone(), set: keys::health_check_keys(check) }
            }
            Mutation::HealthCheckRemove(cluster) => Change::HealthCheckRemove { cluster: cluster.clone() },
            Mutation::RouteAdd(route) => Change::RouteAdd { set: keys::route_keys(route) },
            Mutation::RouteRemove(listeners, matching) => {
                Change::RouteRemove { set: keys::match_keys(listeners, matching) }
            }
            Mutation::AnswerSet(answer) => {
                Change::AnswerSet { status: answer.status, set: keys::answer_keys(answer) }
            }
            Mutation::AnswerRemove(status) => Change::AnswerRemove { status: *status },
        }
    }

    /// The change that says it to somebody who knows `before`: of an update only the keys that differ.
    #[must_use]
    pub fn to_patch(&self, before: &ConfigState) -> Change {
        let mut change = self.to_change();
        let patched = match (self, &mut change) {
            (Mutation::Daemon(daemon), Change::DaemonUpdate { set }) => {
                let from = keys::daemon_keys(&before.daemon);
                Some((set, keys::patch(Section::Daemon, &from, &keys::daemon_keys(daemon))))
            }
            (Mutation::ListenerUpdate(listener), Change::ListenerUpdate { set, .. }) => {
                before.listener(&listener.name).map(|state| {
                    let from = keys::listener_keys(&state.listener);
                    (set, keys::patch(Section::Listener, &from, &keys::listener_keys(listener)))
                })
            }
            (Mutation::ClusterUpdate(cluster), Change::ClusterUpdate { set, .. }) => {
                before.cluster(&cluster.id).map(|state| {
                    let from = keys::cluster_keys(&state.settings);
                    (set, keys::patch(Section::Cluster, &from, &keys::cluster_keys(cluster)))
                })
            }
            (Mutation::BackendUpdate(cluster, backend), Change::BackendUpdate { set, .. }) => {
                let old = before.cluster(cluster).and_then(|state| state.backend(&backend.id));
                old.map(|old| {
                    let from = keys::backend_keys(old);
                    (set, keys::patch(Section::Backend, &from, &keys::backend_keys(backend)))
                })
            }
            _ => None,
        };
        if let Some((set, patch)) = patched {
            *set = patch;
        }
        change
    }
}

impl ConfigState {
    /// The changes that make this state out of [`ConfigState::new`]: settings that are not at their defaults, listeners that
    /// speak HTTP, clusters, each followed by its frontends and backends, listeners that speak TCP, which lead to one of them,
    /// routes, answers. Each in the order in which they were added.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        let set = keys::daemon_keys(&self.daemon);
        let daemon = (!set.is_empty()).then_some(Change::DaemonUpdate { set });
        let of = |protocol| {
            let listeners =
                self.listeners_in_order().filter(move |state| state.listener.protocol == protocol);
            listeners.map(|state| {
                let listener = &state.listener;
                Change::ListenerAdd { listener: listener.name.clone(), set: keys::listener_keys(listener) }
            })
        };
        let clusters = self.clusters_in_order().flat_map(|state| {
            let id = move || state.settings.id.clone();
            let settings = Change::ClusterAdd { cluster: id(), set: keys::cluster_keys(&state.settings) };
            let frontends = state.frontends.iter().map(move |frontend| Change::FrontendAdd {
                cluster: id(),
                set: keys::frontend_keys(frontend),
            });
            let backends = state.backends.iter().map(move |backend| Change::BackendAdd {
                cluster: id(),
                backend: backend.id.clone(),
                set: keys::backend_keys(backend),
            });
            std::iter::once(settings).chain(frontends).chain(backends)
        });
        let routes = self.routes.iter().map(|route| Change::RouteAdd { set: keys::route_keys(route) });
        let answers = self
            .answers
            .values()
            .map(|answer| Change::AnswerSet { status: answer.status, set: keys::answer_keys(answer) });
        let (http, tcp) = (of(Protocol::Http), of(Protocol::Tcp));
        daemon.into_iter().chain(http).chain(clusters).chain(tcp).chain(routes).chain(answers)
    }
}
