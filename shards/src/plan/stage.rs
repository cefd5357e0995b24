//! From what was touched to what shards are told: compiled in a draft that leaves the book alone.

mod clusters;
mod listeners;

use std::net::SocketAddr;
use std::sync::Arc;

use ahash::AHashMap;
use ringway_core::config::{self, Match};
use ringway_core::state::{ClusterState, ConfigState, Items, Touched};
use ringway_core::{BackendId, ClusterId, ListenerName};
use ringway_lb::Load;

use super::board::BoardChange;
use super::checks::CheckChanges;
use super::cluster::{CookieKey, Limited};
use super::planner::{Cluster, Listener, Planner};
use super::route::{RoutePlan, Target};
use super::slots::SlotChanges;
use super::step::{ClusterStep, ListenerStep, Step};
use super::{ClusterPlan, PlanError};
use crate::files::Files;
use crate::http1::answer::{AnswerText, Answers};

/// Of routes among rules that are equal otherwise: they come behind frontends.
const ROUTES: u64 = 1 << 63;

/// A change that was compiled and is not settled.
#[derive(Debug)]
pub struct Staged {
    pub(super) step: Arc<Step>,
    board: Vec<BoardChange>,
    to_open: Vec<(u32, ListenerName)>,
    changes: Changes,
}

/// What is entered in the book once it is settled.
#[derive(Debug, Default)]
struct Changes {
    clusters: Vec<(ClusterId, Option<ClusterChange>)>,
    cluster_slots: SlotChanges,
    next_backend: u32,
    listeners: Vec<(ListenerName, Option<Listener>)>,
    next_listener: u32,
    routes: Items<config::Route>,
    /// The slots of routes, by their ordinal; `None`: it goes.
    route_slots: Vec<(u64, Option<u32>)>,
    slots_of_routes: SlotChanges,
    checks: CheckChanges,
    clusters_hash: u64,
}

/// What a cluster in the book becomes.
#[derive(Debug)]
struct ClusterChange {
    slot: u32,
    state: Arc<ClusterState>,
    plan: Arc<ClusterPlan>,
    limited: Limited,
    cookie_key: Option<CookieKey>,
    removed: Vec<(BackendId, u32)>,
    added: Vec<(BackendId, u32, Arc<Load>)>,
    /// The slots of frontends that change requests, by their ordinal; `None`: it goes.
    route_slots: Vec<(u64, Option<u32>)>,
}

impl Staged {
    /// What every shard is to prepare, and then to commit.
    #[must_use]
    pub fn step(&self) -> &Arc<Step> {
        &self.step
    }

    /// What the board is to be told, in this order, once it is settled.
    #[must_use]
    pub fn board(&self) -> &[BoardChange] {
        &self.board
    }

    /// The listeners that accept from then on and did not before: each shard needs a listening socket for each of them, by
    /// its number.
    #[must_use]
    pub fn listeners_to_open(&self) -> Vec<(u32, ListenerName)> {
        self.to_open.clone()
    }

    /// Enters it in the book that it was made of.
    pub(super) fn enter(self, planner: &mut Planner) {
        let Staged { step, changes, .. } = self;
        for (id, change) in changes.clusters {
            match change {
                Some(change) => change.enter(id, planner),
                None => {
                    let gone = planner.clusters.remove(&id);
                    for (serial, _) in gone.iter().flat_map(|gone| gone.members.values()) {
                        planner.loads.remove(serial);
                    }
                }
            }
        }
        planner.cluster_slots.commit(changes.cluster_slots);
        planner.next_backend = changes.next_backend;
        for (name, listener) in changes.listeners {
            match listener {
                Some(listener) => _ = planner.listeners.insert(name, listener),
                None => _ = planner.listeners.remove(&name),
            }
        }
        planner.next_listener = changes.next_listener;
        planner.routes = changes.routes;
        note(&mut planner.route_slots, changes.route_slots);
        planner.slots_of_routes.commit(changes.slots_of_routes);
        note(&mut planner.route_plans, step.routes.iter().cloned());
        planner.checks.commit(changes.checks, &step.checks);
        if let Some(answers) = &step.answers {
            planner.answers = Arc::clone(answers);
        }
        planner.connections_max = step.connections_max;
        planner.clusters_hash = changes.clusters_hash;
        planner.common_hash = step.common_hash;
        planner.number = step.number;
    }
}

impl ClusterChange {
    fn enter(self, id: ClusterId, planner: &mut Planner) {
        let ClusterChange { slot, state, plan, limited, cookie_key, removed, added, route_slots } = self;
        let cluster = planner.clusters.entry(id).or_insert_with(|| Cluster {
            slot,
            state: Arc::clone(&state),
            plan: Arc::clone(&plan),
            limited,
            cookie_key: None,
            members: AHashMap::new(),
            route_slots: AHashMap::new(),
        });
        (cluster.state, cluster.plan, cluster.limited) = (state, plan, limited);
        cluster.cookie_key = cookie_key;
        for (id, serial) in removed {
            cluster.members.remove(&id);
            planner.loads.remove(&serial);
        }
        for (id, serial, load) in added {
            planner.loads.insert(serial, Arc::clone(&load));
            cluster.members.insert(id, (serial, load));
        }
        note(&mut cluster.route_slots, route_slots);
    }
}

/// Enters what is there and removes what is not.
fn note<K, V>(map: &mut AHashMap<K, V>, changes: impl IntoIterator<Item = (K, Option<V>)>)
where
    K: std::hash::Hash + Eq,
{
    for (key, value) in changes {
        match value {
            Some(value) => _ = map.insert(key, value),
            None => _ = map.remove(&key),
        }
    }
}

/// Which requests of which listeners are meant.
#[derive(Clone, Copy)]
struct Scope<'a> {
    /// Empty: all.
    listeners: &'a [ListenerName],
    matching: &'a Match,
}

impl Scope<'_> {
    fn is_for(&self, listener: &ListenerName) -> bool {
        self.listeners.is_empty() || self.listeners.contains(listener)
    }
}

/// A rule of routers.
#[derive(Clone, Copy)]
struct Rule<'a> {
    scope: Scope<'a>,
    order: u64,
    target: Target,
}

/// A change while it is compiled.
pub(super) struct Draft<'a> {
    book: &'a Planner,
    to: &'a ConfigState,
    files: &'a Files,
    changes: Changes,
    board: Vec<BoardChange>,
    to_open: Vec<(u32, ListenerName)>,
    clusters: Vec<ClusterStep>,
    routes: Vec<(u32, Option<Arc<RoutePlan>>)>,
    listeners: Vec<ListenerStep>,
    /// The slots of clusters that are added.
    new_clusters: AHashMap<ClusterId, u32>,
    /// The slots of frontends and routes that are added, by their ordinal.
    new_routes: AHashMap<u64, u32>,
    removed: Vec<Scope<'a>>,
    added: Vec<Rule<'a>>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(book: &'a Planner, to: &'a ConfigState, files: &'a Files) -> Draft<'a> {
        let changes = Changes {
            next_backend: book.next_backend,
            next_listener: book.next_listener,
            routes: book.routes.clone(),
            clusters_hash: book.clusters_hash,
            ..Changes::default()
        };
        Draft {
            book,
            to,
            files,
            changes,
            board: Vec::new(),
            to_open: Vec::new(),
            clusters: Vec::new(),
            routes: Vec::new(),
            listeners: Vec::new(),
            new_clusters: AHashMap::new(),
            new_routes: AHashMap::new(),
            removed: Vec::new(),
            added: Vec::new(),
        }
    }

    pub(super) fn stage(
        mut self,
        touched: &Touched,
        addresses: &dyn Fn(&ListenerName) -> Option<SocketAddr>,
    ) -> Result<Staged, PlanError> {
        let mut clusters: Vec<_> = touched.clusters.iter().collect();
        clusters.sort_by_key(|id| self.to.cluster(id).map(|cluster| cluster.ordinal));
        for id in clusters {
            self.cluster(id)?;
        }
        if touched.routes {
            self.routes()?;
        }
        let mut listeners: Vec<_> = touched.listeners.iter().collect();
        listeners.sort_by_key(|name| self.to.listener(name).map(|listener| listener.ordinal));
        self.listeners(&listeners, addresses)?;
        let answers = if touched.answers { Some(Arc::new(self.answers()?)) } else { None };
        let checks = self.book.checks.compile(&self.changes.checks);
        let step = Step {
            base: self.book.number,
            number: self.book.number + 1,
            common_hash: self.to.hash().wrapping_sub(self.changes.clusters_hash),
            connections_max: self.to.daemon().max_connections_per_shard as usize,
            answers,
            clusters: self.clusters,
            routes: self.routes,
            listeners: self.listeners,
            checks,
        };
        let Draft { board, to_open, changes, .. } = self;
        Ok(Staged { step: Arc::new(step), board, to_open, changes })
    }

    /// Routes that were added, changed and removed.
    fn routes(&mut self) -> Result<(), PlanError> {
        let (book, to) = (self.book, self.to);
        for (ordinal, before, after) in book.routes.diff(to.routes()) {
            if let Some(route) = before {
                let slot = book.route_slots.get(&ordinal).copied();
                self.removed.push(Scope { listeners: &route.listeners, matching: &route.matching });
                self.free_route(slot);
                self.changes.route_slots.push((ordinal, None));
            }
            if let Some(route) = after {
                let plan = RoutePlan::of_route(route, |id| self.cluster_slot(id), self.files)?;
                let slot = self.take_route(ordinal, plan);
                self.changes.route_slots.push((ordinal, Some(slot)));
                let scope = Scope { listeners: &route.listeners, matching: &route.matching };
                self.added.push(Rule { scope, order: ordinal | ROUTES, target: Target::route(slot) });
            }
        }
        self.changes.routes = to.routes().clone();
        Ok(())
    }

    fn answers(&self) -> Result<Answers, PlanError> {
        let texts = self.to.answers().map(|answer| AnswerText {
            status: answer.status,
            html: answer.html.as_ref().map(|path| self.files.content(path)),
            json: answer.json.as_ref().map(|path| self.files.content(path)),
        });
        Ok(Answers::compile(&texts.collect::<Vec<_>>())?)
    }

    /// The slot of a cluster that will be there.
    fn cluster_slot(&self, id: &ClusterId) -> Result<u32, PlanError> {
        if let Some(slot) = self.new_clusters.get(id) {
            return Ok(*slot);
        }
        let known = self.book.clusters.get(id).filter(|_| self.to.cluster(id).is_some());
        known.map(|known| known.slot).ok_or_else(|| PlanError::NoCluster { cluster: id.clone() })
    }

    fn take_route(&mut self, ordinal: u64, plan: RoutePlan) -> u32 {
        let slot = self.book.slots_of_routes.take(&mut self.changes.slots_of_routes);
        self.routes.push((slot, Some(Arc::new(plan))));
        self.new_routes.insert(ordinal, slot);
        slot
    }

    fn free_route(&mut self, slot: Option<u32>) {
        if let Some(slot) = slot {
            self.routes.push((slot, None));
            self.changes.slots_of_routes.freed.push(slot);
        }
    }
}
