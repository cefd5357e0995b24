//! Clusters that were touched: their settings, frontends and backends.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use ringway_core::config::{self, AdminState};
use ringway_core::state::ClusterState;
use ringway_core::{Address, BackendId, ClusterId};
use ringway_health::board::Member;
use ringway_lb::Load;

use super::{BoardChange, ClusterChange, Draft, PlanError, Rule, Scope};
use crate::plan::cluster::{self, ClusterPlan, CookieKey, Limited};
use crate::plan::planner::Cluster;
use crate::plan::route::{RoutePlan, Target};
use crate::plan::step::{BackendSeed, ClusterStep};

/// What becomes of the backends of a cluster.
#[derive(Default)]
struct Backends<'a> {
    removed: Vec<(u32, &'a Arc<config::Backend>)>,
    changed: Vec<Changed<'a>>,
    added: Vec<(u32, Arc<Load>, &'a Arc<config::Backend>)>,
}

struct Changed<'a> {
    serial: u32,
    load: Arc<Load>,
    before: &'a Arc<config::Backend>,
    after: &'a Arc<config::Backend>,
}

/// What a cluster's settings come to.
struct Compiled {
    plan: Arc<ClusterPlan>,
    limited: Limited,
    cookie_key: Option<CookieKey>,
}

/// The slots of frontends that change requests, by their ordinal; `None`: it goes.
type RouteSlots = Vec<(u64, Option<u32>)>;

impl<'a> Draft<'a> {
    pub(super) fn cluster(&mut self, id: &ClusterId) -> Result<(), PlanError> {
        match (self.book.clusters.get(id), self.to.cluster(id)) {
            (Some(known), None) => self.remove_cluster(id, known),
            (known, Some(to)) => self.set_cluster(id, known, to)?,
            (None, None) => {}
        }
        Ok(())
    }

    fn remove_cluster(&mut self, id: &ClusterId, known: &'a Cluster) {
        for (ordinal, frontend) in known.state.frontends.ordered() {
            self.remove_frontend(known, ordinal, frontend);
        }
        for backend in known.state.backends.iter() {
            if let Some((serial, _)) = known.members.get(&backend.id) {
                self.uncheck(known, *serial, backend);
            }
        }
        self.changes.cluster_slots.freed.push(known.slot);
        self.changes.clusters_hash = self.changes.clusters_hash.wrapping_sub(known.plan.hash);
        self.changes.clusters.push((id.clone(), None));
        self.clusters.push(ClusterStep::Remove { slot: known.slot });
        self.board.push(BoardChange::RemoveCluster { slot: known.slot });
    }

    fn set_cluster(
        &mut self,
        id: &ClusterId,
        known: Option<&'a Cluster>,
        to: &'a Arc<ClusterState>,
    ) -> Result<(), PlanError> {
        let slot = match known {
            Some(known) => known.slot,
            None => self.book.cluster_slots.take(&mut self.changes.cluster_slots),
        };
        if known.is_none() {
            self.new_clusters.insert(id.clone(), slot);
        }
        if known.is_none_or(|known| !Arc::ptr_eq(&known.state.settings, &to.settings)) {
            self.board.push(BoardChange::SetCluster { slot, settings: Arc::clone(&to.settings) });
        }
        let route_slots = self.frontends(slot, known, to);
        let backends = self.backends(known, to);
        self.checks(slot, known, to, &backends);
        let Compiled { plan, limited, cookie_key } = self.plan(id, known, to, &backends)?;
        let before = known.map_or(0, |known| known.plan.hash);
        self.changes.clusters_hash = self.changes.clusters_hash.wrapping_sub(before).wrapping_add(plan.hash);
        self.tell_board(slot, &backends);
        let removed = backends.removed.iter().map(|(serial, _)| *serial).collect();
        let put = backends.put().collect();
        self.clusters.push(ClusterStep::Set { slot, plan: Arc::clone(&plan), removed, put });
        let Backends { removed, added, .. } = backends;
        let change = ClusterChange {
            slot,
            state: Arc::clone(to),
            plan,
            limited,
            cookie_key,
            removed: removed.into_iter().map(|(serial, backend)| (backend.id.clone(), serial)).collect(),
            added: added
                .into_iter()
                .map(|(serial, load, backend)| (backend.id.clone(), serial, load))
                .collect(),
            route_slots,
        };
        self.changes.clusters.push((id.clone(), Some(change)));
        Ok(())
    }

    /// Its rules that come and go.
    fn frontends(&mut self, slot: u32, known: Option<&'a Cluster>, to: &'a ClusterState) -> RouteSlots {
        let mut slots = Vec::new();
        let Some(known) = known else {
            for (ordinal, frontend) in to.frontends.ordered() {
                self.add_frontend(slot, ordinal, frontend, &mut slots);
            }
            return slots;
        };
        for (ordinal, before, after) in known.state.frontends.diff(&to.frontends) {
            if let Some(frontend) = before {
                self.remove_frontend(known, ordinal, frontend);
                slots.push((ordinal, None));
            }
            if let Some(frontend) = after {
                self.add_frontend(slot, ordinal, frontend, &mut slots);
            }
        }
        slots
    }

    fn add_frontend(
        &mut self,
        slot: u32,
        ordinal: u64,
        frontend: &'a config::Frontend,
        slots: &mut RouteSlots,
    ) {
        let target = match RoutePlan::of_frontend(frontend, slot) {
            None => Target::cluster(slot),
            Some(plan) => {
                let route = self.take_route(ordinal, plan);
                slots.push((ordinal, Some(route)));
                Target::route(route)
            }
        };
        let scope = Scope { listeners: &frontend.listeners, matching: &frontend.matching };
        self.added.push(Rule { scope, order: ordinal, target });
    }

    fn remove_frontend(&mut self, known: &Cluster, ordinal: u64, frontend: &'a config::Frontend) {
        self.removed.push(Scope { listeners: &frontend.listeners, matching: &frontend.matching });
        self.free_route(known.route_slots.get(&ordinal).copied());
    }

    /// Its backends that come, go and change. Who has the same name and address as one before is that one.
    fn backends(&mut self, known: Option<&'a Cluster>, to: &'a ClusterState) -> Backends<'a> {
        let mut gone: AHashMap<(&BackendId, &Address), &'a Arc<config::Backend>> = AHashMap::new();
        let mut come = Vec::new();
        match known {
            None => come.extend(to.backends.iter()),
            Some(known) => {
                for (_, before, after) in known.state.backends.diff(&to.backends) {
                    gone.extend(before.map(|before| ((&before.id, &before.address), before)));
                    come.extend(after);
                }
            }
        }
        let mut backends = Backends::default();
        for after in come {
            let before = gone.remove(&(&after.id, &after.address));
            match known.and_then(|known| Some((before?, known.members.get(&after.id)?))) {
                Some((before, (serial, load))) => {
                    let load = Arc::clone(load);
                    backends.changed.push(Changed { serial: *serial, load, before, after });
                }
                None => {
                    backends.added.push((self.changes.next_backend, Arc::default(), after));
                    self.changes.next_backend += 1;
                }
            }
        }
        let serial = |backend: &config::Backend| Some(known?.members.get(&backend.id)?.0);
        backends.removed =
            gone.into_values().filter_map(|backend| Some((serial(backend)?, backend))).collect();
        backends.removed.sort_unstable_by_key(|(serial, _)| *serial);
        backends
    }

    fn checks(
        &mut self,
        slot: u32,
        known: Option<&'a Cluster>,
        to: &'a ClusterState,
        backends: &Backends<'a>,
    ) {
        let check = to.settings.health_check.as_ref();
        for (serial, _, backend) in &backends.added {
            self.check(slot, check, *serial, backend);
        }
        let Some(known) = known else { return };
        for (serial, backend) in &backends.removed {
            self.uncheck(known, *serial, backend);
        }
        let is_same = known.state.settings.health_check.as_ref() == check;
        for Changed { serial, before, after, .. } in &backends.changed {
            if !is_same || is_checked(before) != is_checked(after) {
                self.uncheck(known, *serial, before);
                self.check(slot, check, *serial, after);
            }
        }
        if is_same {
            return;
        }
        let mut others: AHashSet<&BackendId> =
            backends.added.iter().map(|(.., backend)| &backend.id).collect();
        others.extend(backends.changed.iter().map(|changed| &changed.after.id));
        for backend in to.backends.iter().filter(|backend| !others.contains(&backend.id)) {
            if let Some((serial, _)) = known.members.get(&backend.id) {
                self.uncheck(known, *serial, backend);
                self.check(slot, check, *serial, backend);
            }
        }
    }

    fn check(
        &mut self,
        slot: u32,
        check: Option<&config::HealthCheck>,
        serial: u32,
        backend: &config::Backend,
    ) {
        if let Some(check) = check.filter(|_| is_checked(backend)) {
            let member = Member { cluster: slot, backend: serial };
            self.book.checks.add(&mut self.changes.checks, member, &backend.address, check);
        }
    }

    fn uncheck(&mut self, known: &Cluster, serial: u32, backend: &config::Backend) {
        if let Some(check) = known.state.settings.health_check.as_ref().filter(|_| is_checked(backend)) {
            let member = Member { cluster: known.slot, backend: serial };
            self.book.checks.remove(&mut self.changes.checks, member, &backend.address, check);
        }
    }

    fn plan(
        &self,
        id: &ClusterId,
        known: Option<&Cluster>,
        to: &ClusterState,
        backends: &Backends<'_>,
    ) -> Result<Compiled, PlanError> {
        let mut limited = known.map(|known| known.limited).unwrap_or_default();
        backends.removed.iter().for_each(|(_, backend)| limited.subtract(backend));
        for Changed { before, after, .. } in &backends.changed {
            limited.subtract(before);
            limited.add(after);
        }
        backends.added.iter().for_each(|(.., backend)| limited.add(backend));
        let before = known.map(|known| &*known.plan);
        let key =
            CookieKey::new(&to.settings, known.and_then(|known| known.cookie_key.as_ref()), self.files)?;
        let cookies = cluster::cookies(
            &to.settings,
            to.backends.iter().map(|backend| &**backend),
            before.and_then(|before| before.cookies.as_deref()),
            (key.as_ref(), &self.book.secret.0),
        );
        let hash = self.to.cluster_hash(id).unwrap_or_default();
        let plan = Arc::new(ClusterPlan::new(&to.settings, hash, before, limited, cookies));
        Ok(Compiled { plan, limited, cookie_key: key })
    }

    fn tell_board(&mut self, slot: u32, backends: &Backends<'_>) {
        let member = |serial: u32| Member { cluster: slot, backend: serial };
        for (serial, _) in &backends.removed {
            self.board.push(BoardChange::RemoveBackend { member: member(*serial) });
        }
        for Changed { serial, before, after, .. } in &backends.changed {
            if before != after {
                let backend = Arc::clone(after);
                self.board.push(BoardChange::UpdateBackend { member: member(*serial), backend });
            }
        }
        for (serial, _, backend) in &backends.added {
            let backend = Arc::clone(backend);
            self.board.push(BoardChange::AddBackend { member: member(*serial), backend });
        }
    }
}

impl Backends<'_> {
    /// Those that shards have to look at.
    fn put(&self) -> impl Iterator<Item = BackendSeed> {
        let changed = self.changed.iter().map(|changed| (changed.serial, &changed.load, changed.after));
        let added = self.added.iter().map(|(serial, load, backend)| (*serial, load, *backend));
        changed.chain(added).map(|(serial, load, backend)| BackendSeed {
            serial,
            spec: cluster::spec(backend),
            load: Arc::clone(load),
        })
    }
}

fn is_checked(backend: &config::Backend) -> bool {
    backend.state != AdminState::Maint
}
