//! Clusters and their health checks.

use std::sync::Arc;

use imbl::OrdMap;

use super::invalid;
use crate::config::{Cluster, HealthCheck};
use crate::ids::ClusterId;
use crate::state::refusal::exists;
use crate::state::uses::{Owner, Target};
use crate::state::{Applied, ClusterState, ConfigState, Items, hash};
use crate::verb::VerbError;

impl ConfigState {
    pub(super) fn add_cluster(&mut self, cluster: &Arc<Cluster>) -> Result<Applied, VerbError> {
        if self.clusters.contains_key(&cluster.id) {
            return Err(exists("cluster", format!("there is already a cluster \"{}\"", cluster.id)));
        }
        let settings = settings(cluster);
        let hash = hash::cluster(&settings);
        let state = ClusterState {
            ordinal: self.ordinal(),
            frontends: Items::default(),
            backends: Items::default(),
            ids: OrdMap::new(),
            sticky_ids: OrdMap::new(),
            sockets: 0,
            hash,
            settings,
        };
        self.replace_hash(0, hash);
        self.clusters.insert(cluster.id.clone(), Arc::new(state));
        Ok(Applied::Changed)
    }

    pub(super) fn update_cluster(&mut self, cluster: &Arc<Cluster>) -> Result<Applied, VerbError> {
        let Some(state) = self.clusters.get(&cluster.id) else {
            return Err(self.no_cluster(&cluster.id, "cluster"));
        };
        let settings = settings(cluster);
        if state.settings == settings {
            return Ok(Applied::Unchanged);
        }
        check_ports(settings.health_check.as_ref(), state, "health_check.port")?;
        let (before, after) = (hash::cluster(&state.settings), hash::cluster(&settings));
        self.change_cluster(&cluster.id, before, after, |state| state.settings = settings);
        Ok(Applied::Changed)
    }

    pub(super) fn set_health_check(
        &mut self,
        id: &ClusterId,
        check: Option<&HealthCheck>,
    ) -> Result<Applied, VerbError> {
        let Some(state) = self.clusters.get(id) else { return Err(self.no_cluster(id, "cluster")) };
        if state.settings.health_check.as_ref() == check {
            return Ok(Applied::Unchanged);
        }
        check_ports(check, state, "port")?;
        let settings = Cluster { health_check: check.cloned(), ..Cluster::clone(&state.settings) };
        let (before, after) = (hash::cluster(&state.settings), hash::cluster(&settings));
        self.change_cluster(id, before, after, |state| state.settings = Arc::new(settings));
        Ok(Applied::Changed)
    }

    pub(super) fn remove_cluster(&mut self, id: &ClusterId) -> Result<Applied, VerbError> {
        if !self.clusters.contains_key(id) {
            return Err(self.no_cluster(id, "cluster"));
        }
        self.check_unused(Target::Cluster(id.clone()), &format!("cluster \"{id}\""), "cluster")?;
        let state = self.clusters.remove(id).expect("it was just there");
        for (ordinal, frontend) in state.frontends.ordered() {
            let owner = Owner { cluster: Some(id.clone()), ordinal };
            self.forget_rule(&owner, &frontend.listeners, &frontend.matching, std::iter::empty());
        }
        self.backend_count -= state.backends.len();
        self.replace_hash(state.hash, 0);
        Ok(Applied::Changed)
    }

    /// Changes a cluster that is there; something in it has the hash `after` instead of `before`.
    pub(super) fn change_cluster(
        &mut self,
        id: &ClusterId,
        before: u64,
        after: u64,
        change: impl FnOnce(&mut ClusterState),
    ) {
        let state = Arc::make_mut(self.clusters.get_mut(id).expect("the caller has found it"));
        state.hash = state.hash.wrapping_sub(before).wrapping_add(after);
        change(state);
        self.replace_hash(before, after);
    }
}

/// A cluster without what a state keeps beside it.
fn settings(cluster: &Arc<Cluster>) -> Arc<Cluster> {
    if cluster.frontends.is_empty() && cluster.backends.is_empty() {
        return Arc::clone(cluster);
    }
    Arc::new(Cluster { frontends: Vec::new(), backends: Vec::new(), ..Cluster::clone(cluster) })
}

/// A check that has a port of its own can not ask a UNIX socket there.
fn check_ports(check: Option<&HealthCheck>, state: &ClusterState, field: &str) -> Result<(), VerbError> {
    if check.is_some_and(|check| check.port.is_some()) && state.sockets > 0 {
        let message = "a backend of the cluster listens on a UNIX socket, which has no ports; remove `port`, or \
                       put the backend into a cluster of its own";
        return Err(invalid(field, message));
    }
    Ok(())
}
