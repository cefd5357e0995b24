//! What is told of the process when somebody asks: listeners, clusters, frontends, shards.

use std::sync::Arc;

use ringway_core::change::Keys;
use ringway_core::config::{AdminState, Hostname, Match, PathMatch};
use ringway_core::state::{self, ClusterState, ConfigState, ListenerState};
use ringway_core::verb::{BackendInfo, ClusterInfo, ListenerInfo, ShardInfo};
use ringway_core::{Answer, BackendId, ClusterId, ErrorCode, ListenerName, Time, VerbError};
use ringway_health::board::{BackendState, Board};
use ringway_shards::{Planner, Snapshot};

use super::limits::CLUSTERS_DOWN_SHOWN;
use super::roster::Roster;
use super::sockets::Listeners;

/// What can be asked without asking the shards.
pub(super) struct View<'a> {
    pub(super) state: &'a ConfigState,
    pub(super) planner: &'a Planner,
    pub(super) board: &'a Board,
    pub(super) listening: &'a Listeners,
}

impl View<'_> {
    pub(super) fn listeners(&self) -> Vec<ListenerInfo> {
        let info = |known: &Arc<ListenerState>| {
            let listener = &known.listener;
            ListenerInfo {
                listener: listener.name.clone(),
                address: self.listening.address(&listener.name).unwrap_or(listener.address).to_string(),
                active: listener.active,
                set: state::listener_keys(listener),
            }
        };
        self.state.listeners().map(info).collect()
    }

    /// Clusters that have backends and none that is available.
    pub(super) fn clusters_down(&self) -> Vec<ClusterId> {
        let ids = self.state.clusters().map(|cluster| &cluster.settings.id);
        let is_down = |id: &&ClusterId| {
            let gauges = self.planner.cluster_slot(id).and_then(|slot| self.board.gauges(slot));
            gauges.is_some_and(|gauges| gauges.is_all_down)
        };
        ids.filter(is_down).take(CLUSTERS_DOWN_SHOWN).cloned().collect()
    }

    pub(super) fn clusters(
        &self,
        only: Option<&ClusterId>,
        domain: Option<&str>,
        path: Option<&str>,
    ) -> Result<Answer, VerbError> {
        if let Some(id) = only
            && self.state.cluster(id).is_none()
        {
            let message = format!("there is no cluster \"{id}\"");
            return Err(VerbError::new(ErrorCode::NotFound, message).field("cluster"));
        }
        let mut clusters = Vec::new();
        for cluster in self.some(only) {
            let id = &cluster.settings.id;
            let fits = |matching: &Match| serves(matching, domain, path);
            if (domain.is_some() || path.is_some())
                && !cluster.frontends.iter().any(|frontend| fits(&frontend.matching))
            {
                continue;
            }
            let backends: Vec<_> = cluster.backends.iter().map(|backend| self.backend(id, backend)).collect();
            clusters.push(ClusterInfo {
                cluster: id.clone(),
                available: backends.iter().any(|backend| backend.state == "up" || backend.state == "drain"),
                hash: cluster.hash(),
                set: state::cluster_keys(&cluster.settings),
                frontends: cluster.frontends.iter().map(|frontend| state::frontend_keys(frontend)).collect(),
                backends,
            });
        }
        Ok(Answer::Clusters { clusters })
    }

    /// The cluster that is meant, or all.
    fn some(&self, only: Option<&ClusterId>) -> impl Iterator<Item = &Arc<ClusterState>> {
        let one = only.map(|id| self.state.cluster(id));
        let all = only.is_none().then(|| self.state.clusters());
        one.flatten().into_iter().chain(all.into_iter().flatten())
    }

    fn backend(&self, cluster: &ClusterId, backend: &ringway_core::config::Backend) -> BackendInfo {
        let member = self.planner.member(cluster, &backend.id);
        let known = member.and_then(|member| self.board.backend(member));
        let (requests, connections) = member.map_or((0, 0), |member| self.planner.load(member));
        BackendInfo {
            backend: BackendId::clone(&backend.id),
            address: backend.address.to_string(),
            state: known.map_or_else(|| "up".to_owned(), |known| backend_word(&known)),
            requests,
            connections,
            set: state::backend_keys(backend),
        }
    }

    pub(super) fn frontends(
        &self,
        only: Option<&ClusterId>,
        domain: Option<&str>,
        listener: Option<&ListenerName>,
    ) -> Result<Answer, VerbError> {
        let holds = |listeners: &[ListenerName]| {
            listener.is_none_or(|listener| listeners.is_empty() || listeners.contains(listener))
        };
        let mut frontends: Vec<Keys> = Vec::new();
        for cluster in self.some(only) {
            let id = &cluster.settings.id;
            for frontend in &cluster.frontends {
                if holds(&frontend.listeners) && serves(&frontend.matching, domain, None) {
                    let mut keys: Keys = [("cluster".to_owned(), id.as_str().into())].into_iter().collect();
                    keys.extend(state::frontend_keys(frontend));
                    frontends.push(keys);
                }
            }
        }
        if only.is_none() {
            let routes = self.state.routes().iter();
            let routes =
                routes.filter(|route| holds(&route.listeners) && serves(&route.matching, domain, None));
            frontends.extend(routes.map(|route| state::route_keys(route)));
        }
        Ok(Answer::Frontends { frontends })
    }
}

/// Whether a request for this host, and this path, may be meant.
fn serves(matching: &Match, domain: Option<&str>, path: Option<&str>) -> bool {
    let of_host = domain.is_none_or(|domain| match &matching.hostname {
        Hostname::Any => true,
        Hostname::Exact(name) => name.eq_ignore_ascii_case(domain),
        Hostname::Wildcard(name) => {
            let suffix = name.strip_prefix('*').unwrap_or(name).to_ascii_lowercase();
            let domain = domain.to_ascii_lowercase();
            domain == name.to_ascii_lowercase() || (domain.len() > suffix.len() && domain.ends_with(&suffix))
        }
    });
    of_host
        && path.is_none_or(|path| match &matching.path {
            PathMatch::Exact(exact) => **exact == *path,
            PathMatch::Prefix(prefix) => {
                let rest = path.strip_prefix(prefix.trim_end_matches('/'));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            }
            PathMatch::Regex(pattern) => {
                ringway_core::Pattern::compile(pattern).is_ok_and(|pattern| pattern.matches(path.as_bytes()))
            }
        })
}

/// What is held of a backend, in a word or with its reason.
pub(super) fn backend_word(state: &BackendState<'_>) -> String {
    match state {
        BackendState { admin: AdminState::Maint, .. } => "maint".to_owned(),
        BackendState { unreachable: Some(reason), .. } => format!("unreachable: {reason}"),
        BackendState { unhealthy: Some(reason), .. } => format!("unhealthy: {reason}"),
        BackendState { ejected: Some((_, reason)), .. } => format!("ejected: {reason}"),
        BackendState { admin: AdminState::Drain, .. } => "drain".to_owned(),
        _ => "up".to_owned(),
    }
}

/// The shards, without what only they know. `is_draining`: all of them were told to drain.
pub(super) fn shards(roster: &Roster, is_draining: bool, now: Time) -> Vec<ShardInfo> {
    let info = |place: &super::roster::Place| ShardInfo {
        shard: place.id,
        state: if is_draining { "draining" } else { place.state() }.to_owned(),
        core: place.core,
        uptime_s: now.since(place.since).as_secs(),
        restarts: place.restarts,
        connections: 0,
        requests: 0,
        pooled: 0,
        turn_max_us: 0,
        state_hash: 0,
    };
    let leaving = roster.leaving().iter().map(|shard| ShardInfo {
        shard: shard.id,
        state: "draining".to_owned(),
        core: shard.core,
        uptime_s: now.since(shard.since).as_secs(),
        restarts: 0,
        connections: 0,
        requests: 0,
        pooled: 0,
        turn_max_us: 0,
        state_hash: 0,
    });
    roster.places().iter().map(info).chain(leaving).collect()
}

/// With what they have said of themselves.
pub(super) fn with_snapshots(mut infos: Vec<ShardInfo>, snapshots: &[Snapshot]) -> Vec<ShardInfo> {
    for info in &mut infos {
        if info.state == "restarting" {
            continue;
        }
        let is_draining = info.state == "draining";
        let known = snapshots.iter().find(|known| known.shard == info.shard && known.draining == is_draining);
        match known {
            Some(known) => {
                info.connections = known.connections;
                info.requests = known.counters.requests;
                info.pooled = known.pooled;
                info.turn_max_us = known.turn_max_us;
                info.state_hash = known.state_hash;
            }
            None => info.state = "not answering".to_owned(),
        }
    }
    infos
}
