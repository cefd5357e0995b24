//! From a change to a mutation, by the readers of the configuration file.

use std::sync::Arc;

use super::keys::{backend_keys, cluster_keys, daemon_keys, listener_keys, merge};
use super::{ConfigState, Mutation};
use crate::change::{Change, Keys};
use crate::config::keys::Section;
use crate::config::{Problem, single};
use crate::verb::{ErrorCode, VerbError};

impl ConfigState {
    /// What a change means: its keys, on top of what is there where it updates something, as the configuration file is read.
    ///
    /// # Errors
    ///
    /// When a key is unknown or its value refused, with the words of the file's reader, or when what is updated is not there.
    pub fn resolve(&self, change: &Change) -> Result<Mutation, VerbError> {
        let mutation = match change {
            Change::DaemonUpdate { set } => {
                let keys = merged(Section::Daemon, daemon_keys(&self.daemon), set);
                Mutation::Daemon(Arc::new(single::daemon(&keys)?))
            }
            Change::ListenerAdd { listener, set } => {
                Mutation::ListenerAdd(Arc::new(single::listener(listener, set)?))
            }
            Change::ListenerUpdate { listener, set } => {
                let Some(state) = self.listeners.get(listener) else {
                    return Err(self.no_listener(listener, "listener"));
                };
                let keys = merged(Section::Listener, listener_keys(&state.listener), set);
                Mutation::ListenerUpdate(Arc::new(single::listener(listener, &keys)?))
            }
            Change::ListenerRemove { listener } => Mutation::ListenerRemove(listener.clone()),
            Change::ListenerActivate { listener } => Mutation::ListenerActivate(listener.clone()),
            Change::ListenerDeactivate { listener } => Mutation::ListenerDeactivate(listener.clone()),
            Change::ClusterAdd { cluster, set } => {
                Mutation::ClusterAdd(Arc::new(single::cluster(cluster, set)?))
            }
            Change::ClusterUpdate { cluster, set } => {
                let Some(state) = self.clusters.get(cluster) else {
                    return Err(self.no_cluster(cluster, "cluster"));
                };
                let keys = merged(Section::Cluster, cluster_keys(&state.settings), set);
                Mutation::ClusterUpdate(Arc::new(single::cluster(cluster, &keys)?))
            }
            Change::ClusterRemove { cluster } => Mutation::ClusterRemove(cluster.clone()),
            Change::FrontendAdd { cluster, set } => {
                Mutation::FrontendAdd(cluster.clone(), Arc::new(single::frontend(set)?))
            }
            Change::FrontendRemove { cluster, set } => {
                let (listeners, matching) = single::matching(set)?;
                Mutation::FrontendRemove(cluster.clone(), listeners, matching)
            }
            Change::BackendAdd { cluster, backend, set } => {
                Mutation::BackendAdd(cluster.clone(), Arc::new(single::backend(backend, set)?))
            }
            Change::BackendUpdate { cluster, backend, set } => {
                let Some(state) = self.clusters.get(cluster) else {
                    return Err(self.no_cluster(cluster, "cluster"));
                };
                let Some(before) = state.backend(backend) else {
                    return Err(self.no_backend(cluster, backend));
                };
                let keys = merged(Section::Backend, backend_keys(before), set);
                Mutation::BackendUpdate(cluster.clone(), Arc::new(single::backend(backend, &keys)?))
            }
            Change::BackendRemove { cluster, backend } => {
                Mutation::BackendRemove(cluster.clone(), backend.clone())
            }
            Change::HealthCheckSet { cluster, set } => {
                Mutation::HealthCheckSet(cluster.clone(), single::health_check(set)?)
            }
            Change::HealthCheckRemove { cluster } => Mutation::HealthCheckRemove(cluster.clone()),
            Change::RouteAdd { set } => Mutation::RouteAdd(Arc::new(single::route(set)?)),
            Change::RouteRemove { set } => {
                let (listeners, matching) = single::matching(set)?;
                Mutation::RouteRemove(listeners, matching)
            }
            Change::AnswerSet { status, set } => Mutation::AnswerSet(single::answer(*status, set)?),
            Change::AnswerRemove { status } => Mutation::AnswerRemove(*status),
        };
        Ok(mutation)
    }
}

fn merged(section: Section, mut base: Keys, set: &Keys) -> Keys {
    merge(section, &mut base, set);
    base
}

impl From<Box<Problem>> for VerbError {
    fn from(problem: Box<Problem>) -> VerbError {
        let message = match problem.hint {
            Some(hint) => format!("{}; {hint}", problem.message),
            None => problem.message,
        };
        let error = VerbError::new(ErrorCode::Invalid, message);
        if problem.key.is_empty() { error } else { error.field(problem.key) }
    }
}
