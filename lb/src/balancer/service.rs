//! One service: its list of backends behind a lock, and the events that changes to it cause.

use std::sync::{Arc, Mutex, PoisonError};

use ahash::{AHashMap, AHashSet};
use rand::rngs::SmallRng;
use ringway_core::{Address, BackendId, ClusterId, Event, EventKind, Time};

use super::context::Context;
use super::snapshot::{BackendSnapshot, GroupSnapshot};
use crate::backend::BackendKey;
use crate::demand::Demand;
use crate::latch::Flip;
use crate::list::BackendList;
use crate::list::outcome::Released;
use crate::list::select::{NoBackend, Selection};
use crate::list::tally::Counts;
use crate::load::{FailureKind, Load};
use crate::policy::Metric;
use crate::retry::{FailureOutcome, SuccessOutcome};
use crate::spec::{Admin, BackendSpec, Settings};

#[derive(Debug)]
pub(super) struct Service {
    id: ClusterId,
    context: Arc<Context>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    list: BackendList,
    /// The configured backends: an address is one.
    keys: AHashMap<Address, BackendKey>,
    rng: SmallRng,
    /// What the call that holds the lock caused.
    events: Vec<Event>,
}

impl Service {
    pub(super) fn new(id: ClusterId, context: Arc<Context>) -> Service {
        let list = BackendList::new(id.clone(), Settings::default(), Arc::new(Load::new()));
        let state = State { list, keys: AHashMap::new(), rng: context.rng(), events: Vec::new() };
        Service { id, context, state: Mutex::new(state) }
    }

    pub(super) fn id(&self) -> &ClusterId {
        &self.id
    }

    /// Does `work` under the lock, then tells the events it caused. A panic elsewhere has left a list that is sound: its
    /// changes are made by calls that do not panic halfway.
    fn with<T>(&self, work: impl FnOnce(&mut State, Time) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that the list never sees time go backwards.
        let now = self.context.now();
        let result = work(&mut state, now);
        let has_events = !state.events.is_empty();
        if has_events {
            self.context.note(state.events.drain(..));
        }
        drop(state);
        if has_events {
            self.context.tell();
        }
        result
    }

    /// Makes these its backends, and these its settings.
    pub(super) fn set(&self, settings: Option<Settings>, backends: Vec<BackendSpec>) {
        self.with(|state, _| {
            if let Some(settings) = settings {
                state.list.set_settings(settings);
            }
            let wanted: AHashSet<&Address> = backends.iter().map(|spec| &spec.address).collect();
            let gone: Vec<Address> =
                state.keys.keys().filter(|address| !wanted.contains(address)).cloned().collect();
            // New ones first: a service whose backends are all replaced is not without one in between.
            for spec in backends {
                state.add(spec);
            }
            for address in &gone {
                state.remove(address);
            }
        });
    }

    pub(super) fn add(&self, spec: BackendSpec) {
        self.with(|state, _| state.add(spec));
    }

    pub(super) fn remove(&self, address: &Address) -> bool {
        self.with(|state, _| state.remove(address))
    }

    pub(super) fn set_admin(&self, address: &Address, admin: Admin) -> bool {
        self.with(|state, now| {
            let Some(&key) = state.keys.get(address) else { return false };
            let changed = state.list.set_admin(key, admin, now);
            state.flipped(changed.flip, || format!("{address} is {admin:?}"));
            true
        })
    }

    pub(super) fn judge_health(
        &self,
        address: &Address,
        reason: &str,
        judge: impl FnOnce(bool) -> bool,
    ) -> bool {
        self.with(|state, now| {
            let Some(&key) = state.keys.get(address) else { return false };
            let Some(backend) = state.list.get(key) else { return false };
            let (was_healthy, was_down) = (backend.is_healthy(), backend.retry().is_exhausted());
            let healthy = judge(was_healthy);
            if healthy == was_healthy {
                return false;
            }
            let changed = state.list.set_health(key, healthy, now);
            let kind = if healthy { EventKind::HealthCheckHealthy } else { EventKind::HealthCheckUnhealthy };
            state.happened(kind, key, reason);
            let is_down = state.list.get(key).is_some_and(|backend| backend.retry().is_exhausted());
            if was_down && !is_down {
                state.happened(EventKind::BackendUp, key, reason);
            }
            state.flipped(changed.flip, || format!("{address}: {reason}"));
            true
        })
    }

    /// Selects, and counts a request and a connection. A backend that has as many connections as it may is passed over.
    pub(super) fn select(&self, demand: &Demand<'_>) -> Result<(Selection, Time), NoBackend> {
        self.with(|state, now| {
            let (mut tried, mut otherwise) = (*demand.tried, NoBackend::None);
            loop {
                let demand = Demand { tried: &tried, ..*demand };
                let selection = match state.list.select(now, &mut state.rng, &demand) {
                    Err(NoBackend::None) => return Err(otherwise),
                    selected => selected?,
                };
                if state.list.try_open(selection.key) {
                    return Ok((selection, now));
                }
                let _ = state.list.end_request(selection.key);
                tried.insert(selection.key);
                otherwise = NoBackend::Full;
            }
        })
    }

    /// Ends what [`Service::select`] counted.
    pub(super) fn release(&self, key: BackendKey, address: &Address) {
        self.with(|state, _| {
            let released = [state.list.connection_closed(key), state.list.end_request(key)];
            for released in released {
                if let Released::Drained(id) = released {
                    state.drained(&id, address);
                }
            }
        });
    }

    pub(super) fn succeeded(&self, key: BackendKey, since: Time) {
        self.with(|state, now| {
            let Some(backend) = state.list.get(key) else { return };
            backend.load().connected();
            backend.load().succeeded();
            if state.list.settings().metric == Metric::Latency {
                backend.load().observe(now.since(since), now);
            }
            let succeeded = state.list.on_success(key);
            if succeeded.outcome == SuccessOutcome::Up {
                state.happened(EventKind::BackendUp, key, "it was tried and answered");
            }
            state.flipped(succeeded.flip, || "a backend answered".to_owned());
        });
    }

    pub(super) fn failed(&self, key: BackendKey) {
        self.with(|state, now| {
            let Some(backend) = state.list.get(key) else { return };
            backend.load().failed(FailureKind::Gateway);
            if state.list.settings().metric == Metric::Latency {
                backend.load().penalise(now);
            }
            let failed = state.list.on_failure(key, now, &mut state.rng);
            if let FailureOutcome::Down { .. } = failed.outcome {
                state.happened(EventKind::BackendDown, key, "it failed again and again");
            }
            state.flipped(failed.flip, || "its last backend failed again and again".to_owned());
        });
    }

    pub(super) fn counts(&self) -> Counts {
        self.with(|state, _| state.list.counts())
    }

    pub(super) fn members(&self) -> Vec<(ClusterId, Address)> {
        self.with(|state, _| {
            let checked = |key: &BackendKey| {
                state.list.get(*key).is_some_and(|backend| backend.admin() != Admin::Maint)
            };
            let members = state.keys.iter().filter(|(_, key)| checked(key));
            members.map(|(address, _)| (self.id.clone(), address.clone())).collect()
        })
    }

    pub(super) fn snapshot(&self) -> GroupSnapshot {
        self.with(|state, now| {
            let list = &state.list;
            let mut backends: Vec<_> = list.iter().map(|(_, backend)| backend).collect();
            backends.sort_unstable_by_key(|backend| backend.order);
            GroupSnapshot {
                service: self.id.clone(),
                settings: *list.settings(),
                availability: list.availability(),
                is_failing_open: list.is_failing_open(),
                fail_open_decisions: list.fail_open_decisions(),
                backends: backends.into_iter().map(|backend| BackendSnapshot::new(backend, now)).collect(),
            }
        })
    }
}

impl State {
    fn add(&mut self, mut spec: BackendSpec) {
        if let Some(known) = self.keys.get(&spec.address).and_then(|key| self.list.get(*key)) {
            spec.id = known.id().clone();
        }
        let address = spec.address.clone();
        let added = self.list.add(spec, Arc::new(Load::new()));
        self.keys.insert(address.clone(), added.key);
        self.flipped(added.flip, || format!("{address} was added"));
    }

    fn remove(&mut self, address: &Address) -> bool {
        if self.keys.remove(address).is_none() {
            return false;
        }
        let removed = self.list.remove_by_address(address);
        for id in removed.drained {
            self.drained(&id, address);
        }
        self.flipped(removed.flip, || format!("{address} was removed"));
        true
    }

    fn happened(&mut self, kind: EventKind, key: BackendKey, reason: &str) {
        let event = Event::new(kind).cluster(self.list.id()).because(reason);
        self.events.push(match self.list.get(key) {
            Some(backend) => event.backend(backend.id(), backend.address()),
            None => event,
        });
    }

    fn flipped(&mut self, flip: Option<Flip>, reason: impl FnOnce() -> String) {
        let kind = match flip {
            None => return,
            Some(Flip::AllDown) => EventKind::NoAvailableBackends,
            Some(Flip::Recovered) => EventKind::ClusterRecovered,
        };
        self.events.push(Event::new(kind).cluster(self.list.id()).because(reason()));
    }

    fn drained(&mut self, id: &BackendId, address: &Address) {
        let event = Event::new(EventKind::RemovedBackendHasNoConnections).cluster(self.list.id());
        self.events.push(event.backend(id, address).because("it was removed, and what it had is over"));
    }
}
