//! Backends.

use std::sync::Arc;

use super::invalid;
use crate::config::Backend;
use crate::ids::{BackendId, ClusterId};
use crate::state::refusal::exists;
use crate::state::{Applied, ClusterState, ConfigState, hash};
use crate::verb::VerbError;

impl ConfigState {
    pub(super) fn add_backend(
        &mut self,
        cluster: &ClusterId,
        backend: &Arc<Backend>,
    ) -> Result<Applied, VerbError> {
        let Some(state) = self.clusters.get(cluster) else { return Err(self.no_cluster(cluster, "cluster")) };
        if state.ids.contains_key(&backend.id) {
            let message = format!("cluster \"{cluster}\" already has a backend \"{}\"", backend.id);
            return Err(exists("backend", message));
        }
        check_kept_by(state, backend)?;
        let has_port = state.settings.health_check.as_ref().is_some_and(|check| check.port.is_some());
        if has_port && backend.address.ip().is_none() {
            let message = "a UNIX socket has no ports, and the health check of the cluster asks one; remove its \
                           `port`, or put the backend into a cluster of its own";
            return Err(invalid("address", message));
        }
        let ordinal = self.ordinal();
        self.change_cluster(cluster, 0, hash::backend(cluster, backend), |state| {
            state.note_backend(ordinal, backend);
        });
        self.backend_count += 1;
        Ok(Applied::Changed)
    }

    pub(super) fn update_backend(
        &mut self,
        cluster: &ClusterId,
        backend: &Arc<Backend>,
    ) -> Result<Applied, VerbError> {
        let Some(state) = self.clusters.get(cluster) else { return Err(self.no_cluster(cluster, "cluster")) };
        let (ordinal, before) = self.found(state, cluster, &backend.id)?;
        if before == *backend {
            return Ok(Applied::Unchanged);
        }
        if before.address != backend.address {
            let message = format!(
                "a backend keeps its address, {}; remove it and add it where it shall be",
                before.address
            );
            return Err(invalid("address", message));
        }
        if before.sticky_id != backend.sticky_id {
            check_kept_by(state, backend)?;
        }
        let (hash_before, hash_after) = (hash::backend(cluster, &before), hash::backend(cluster, backend));
        self.change_cluster(cluster, hash_before, hash_after, |state| {
            state.forget_backend(ordinal, &before);
            state.note_backend(ordinal, backend);
        });
        Ok(Applied::Changed)
    }

    pub(super) fn remove_backend(
        &mut self,
        cluster: &ClusterId,
        id: &BackendId,
    ) -> Result<Applied, VerbError> {
        let Some(state) = self.clusters.get(cluster) else { return Err(self.no_cluster(cluster, "cluster")) };
        let (ordinal, backend) = self.found(state, cluster, id)?;
        self.change_cluster(cluster, hash::backend(cluster, &backend), 0, |state| {
            state.forget_backend(ordinal, &backend);
        });
        self.backend_count -= 1;
        Ok(Applied::Changed)
    }

    fn found(
        &self,
        state: &ClusterState,
        cluster: &ClusterId,
        id: &BackendId,
    ) -> Result<(u64, Arc<Backend>), VerbError> {
        let ordinal = state.ids.get(id).copied();
        let backend = ordinal.and_then(|ordinal| Some((ordinal, state.backends.get(ordinal)?.clone())));
        backend.ok_or_else(|| self.no_backend(cluster, id))
    }
}

impl ClusterState {
    fn note_backend(&mut self, ordinal: u64, backend: &Arc<Backend>) {
        self.ids.insert(backend.id.clone(), ordinal);
        if let Some(sticky_id) = &backend.sticky_id {
            self.sticky_ids.insert(Arc::clone(sticky_id), ordinal);
        }
        self.sockets += u32::from(backend.address.ip().is_none());
        self.backends.insert(ordinal, Arc::clone(backend));
    }

    fn forget_backend(&mut self, ordinal: u64, backend: &Backend) {
        self.ids.remove(&backend.id);
        if let Some(sticky_id) = &backend.sticky_id {
            self.sticky_ids.remove(sticky_id);
        }
        self.sockets -= u32::from(backend.address.ip().is_none());
        self.backends.remove(ordinal);
    }
}

/// Clients of two backends are not kept by the same: a `sticky_id`, or without one the name.
fn check_kept_by(state: &ClusterState, backend: &Backend) -> Result<(), VerbError> {
    let kept_by = backend.sticky_id.as_deref().unwrap_or(backend.id.as_str());
    let named = state.ids.get(kept_by).and_then(|ordinal| state.backends.get(*ordinal));
    let by_name = named.filter(|other| other.sticky_id.is_none());
    let by_sticky_id = state.sticky_ids.get(kept_by).and_then(|ordinal| state.backends.get(*ordinal));
    match by_name.into_iter().chain(by_sticky_id).find(|other| other.id != backend.id) {
        None => Ok(()),
        Some(other) => {
            let message = format!(
                "clients of backend \"{}\" are already kept by \"{kept_by}\"; give each a `sticky_id` of its own",
                other.id
            );
            Err(exists("sticky_id", message))
        }
    }
}
