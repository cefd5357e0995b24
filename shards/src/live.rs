//! Configurations that follow each other on one shard: prepared while it serves by the one before, then taken over between
//! two turns, or left.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use ringway_core::Time;
use ringway_engine::{Deadline, Engine, Stream};

use crate::client::Phase;
use crate::cluster::Cluster;
use crate::limits::DRAIN_GRACE;
use crate::listener::Listener;
use crate::plan::{Action, ClusterStep, Leads, ListenerSet, RoutePlan, Step, Target};
use crate::shard::Shard;

/// What a route leads to, as one shard has it.
pub(crate) struct Route {
    /// The number of the configuration that brought it.
    since: u64,
    pub(crate) plan: Arc<RoutePlan>,
}

/// What becomes of a request.
pub(crate) enum Lead<E: Engine> {
    /// There is no rule for it.
    Nowhere,
    /// There was one: its listener was removed, and what it leads to is no more.
    Gone,
    /// This cluster gets it, changed by the route.
    Cluster { cluster: Rc<Cluster<E>>, route: Option<Rc<Route>> },
    /// It is answered here.
    Own(Rc<Route>),
}

impl<E: Engine> Lead<E> {
    /// What changes it on its way to a cluster.
    pub(crate) fn route(&self) -> Option<&Route> {
        match self {
            Lead::Cluster { route, .. } => route.as_deref(),
            Lead::Nowhere | Lead::Gone | Lead::Own(_) => None,
        }
    }

    /// What answers it, if that is done here.
    pub(crate) fn own(&self) -> Option<&Action> {
        match self {
            Lead::Own(route) => Some(&route.plan.action),
            Lead::Nowhere | Lead::Gone | Lead::Cluster { .. } => None,
        }
    }
}

/// The next configuration, and the sockets that it needs.
pub(crate) struct Prepared<E: Engine> {
    step: Arc<Step>,
    sockets: Vec<(u32, E::Listener)>,
}

/// A listener that is to accept, and on what.
pub(crate) type Opened<E> = (Rc<Listener<E>>, Rc<<E as Engine>::Listener>);

impl<E: Engine> Shard<E> {
    /// Makes ready for the next configuration. What was prepared before is left.
    ///
    /// # Errors
    /// Why it can not follow the present one, in words for an operator.
    pub(crate) fn prepare(&self, step: Arc<Step>, sockets: Vec<(u32, E::Socket)>) -> Result<(), String> {
        self.abort();
        let number = self.number.get();
        if step.base != number {
            return Err(format!(
                "it serves by configuration number {number}, and was to prepare what follows number {}",
                step.base
            ));
        }
        let adopt = |(slot, socket)| match self.engine.adopt_listener(socket) {
            Ok(listener) => Ok((slot, listener)),
            Err(error) => Err(format!("it has no room for another listening socket: {error}")),
        };
        let sockets = sockets.into_iter().map(adopt).collect::<Result<Vec<_>, _>>()?;
        let listeners = self.listeners.borrow();
        for (slot, set) in step.accepting() {
            let accepts = listeners.get(&slot).is_some_and(|listener| listener.is_accepting());
            if !accepts && !self.draining.get() && !sockets.iter().any(|(given, _)| *given == slot) {
                return Err(format!("listener {} has no socket for it", set.plan.name));
            }
        }
        *self.prepared.borrow_mut() = Some(Prepared { step, sockets });
        Ok(())
    }

    /// Leaves what was prepared.
    pub(crate) fn abort(&self) {
        drop(self.prepared.take());
        self.tell_changed();
    }

    /// Serves by what was prepared from now on, if anything was; the listeners that are to accept now.
    pub(crate) fn commit(self: &Rc<Self>) -> Vec<Opened<E>> {
        let Some(Prepared { step, mut sockets }) = self.prepared.take() else { return Vec::new() };
        let now = self.engine.now();
        for cluster in &step.clusters {
            self.commit_cluster(cluster, step.number, now);
        }
        {
            let mut routes = self.routes.borrow_mut();
            for (slot, plan) in &step.routes {
                let slot = *slot as usize;
                if routes.len() <= slot {
                    routes.resize_with(slot + 1, || None);
                }
                let route = |plan: &Arc<RoutePlan>| Route { since: step.number, plan: Arc::clone(plan) };
                routes[slot] = plan.as_ref().map(|plan| Rc::new(route(plan)));
            }
        }
        let mut opened = Vec::new();
        for listener in &step.listeners {
            let socket = sockets.iter().position(|(slot, _)| *slot == listener.slot);
            let socket = socket.map(|place| sockets.swap_remove(place).1);
            opened.extend(self.commit_listener(listener.slot, listener.set.as_ref(), socket, step.base));
        }
        if let Some(answers) = &step.answers {
            *self.answers.borrow_mut() = Arc::clone(answers);
        }
        for (slot, check) in &step.checks {
            self.prober.set_check(*slot, check.clone(), now, |signal| self.outbox.send(signal));
        }
        self.common_hash.set(step.common_hash);
        self.clients.set_max(step.connections_max);
        self.number.set(step.number);
        self.tell_changed();
        opened
    }

    fn commit_cluster(self: &Rc<Self>, step: &ClusterStep, number: u64, now: Time) {
        match step {
            ClusterStep::Set { slot, plan, removed, put } => {
                let known = self.cluster(*slot);
                let before = known.as_ref().map_or(0, |known| known.plan().hash);
                self.add_hash(plan.hash.wrapping_sub(before));
                let cluster = known.unwrap_or_else(|| {
                    let cluster = Cluster::new(*slot, number, Arc::clone(plan));
                    let mut clusters = self.clusters.borrow_mut();
                    let place = *slot as usize;
                    if clusters.len() <= place {
                        clusters.resize_with(place + 1, || None);
                    }
                    clusters[place] = Some(Rc::clone(&cluster));
                    cluster
                });
                cluster.set_plan(Arc::clone(plan));
                let leavings = cluster.reconcile(removed, put, now);
                self.clear_away(&cluster, leavings);
                self.refresh_fail_open(&cluster);
                // Those that wait may now get it.
                cluster.plan().queue.wake_all();
            }
            ClusterStep::Remove { slot } => {
                let gone = self.clusters.borrow_mut().get_mut(*slot as usize).and_then(Option::take);
                let Some(cluster) = gone else { return };
                self.add_hash(0u64.wrapping_sub(cluster.plan().hash));
                let leavings = cluster.retire();
                self.clear_away(&cluster, leavings);
                // There is nobody to wait for any more.
                cluster.plan().queue.wake_all();
            }
        }
    }

    fn add_hash(&self, hash: u64) {
        self.clusters_hash.set(self.clusters_hash.get().wrapping_add(hash));
    }

    /// The hash of all that it serves by.
    pub(crate) fn state_hash(&self) -> u64 {
        self.clusters_hash.get().wrapping_add(self.common_hash.get())
    }

    /// What is to be accepted on from now on, if anything.
    fn commit_listener(
        &self,
        slot: u32,
        set: Option<&ListenerSet>,
        socket: Option<E::Listener>,
        base: u64,
    ) -> Option<Opened<E>> {
        let Some(set) = set else {
            let gone = self.listeners.borrow_mut().remove(&slot)?;
            gone.retire(base);
            self.end_idle(|listener| Rc::ptr_eq(listener, &gone));
            return None;
        };
        let listener = match self.listeners.borrow_mut().entry(slot) {
            std::collections::hash_map::Entry::Occupied(known) => {
                known.get().set(set);
                Rc::clone(known.get())
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                Rc::clone(place.insert(Listener::new(slot, set)))
            }
        };
        if !set.active {
            listener.close();
            return None;
        }
        let socket = socket.filter(|_| !listener.is_accepting() && !self.draining.get())?;
        let socket = Rc::new(socket);
        listener.open(Rc::clone(&socket));
        Some((listener, socket))
    }

    /// Ends the idle connections of these listeners; what is busy ends with its request.
    pub(crate) fn end_idle(&self, of: impl Fn(&Rc<Listener<E>>) -> bool) {
        let grace = self.engine.now() + DRAIN_GRACE;
        self.clients.each(|client| {
            if !of(&client.listener) {
                return;
            }
            match client.phase.get() {
                // A deadline in the past: the next turn wakes the connection, and it ends.
                Phase::Idle => client.stream.set_deadline(Deadline::Recv, Time::ZERO),
                Phase::Fresh => client.stream.set_deadline(Deadline::Recv, grace),
                Phase::Busy => {}
            }
        });
    }

    /// The cluster in a slot.
    pub(crate) fn cluster(&self, slot: u32) -> Option<Rc<Cluster<E>>> {
        self.clusters.borrow().get(slot as usize)?.clone()
    }

    /// What a rule leads to. To be asked in one step with the look-up.
    pub(crate) fn follow(&self, listener: &Listener<E>, target: Target) -> Lead<E> {
        let cluster = |slot| self.cluster(slot).filter(|cluster| listener.knows(cluster.since));
        let lead = match target.read() {
            Leads::Cluster(slot) => cluster(slot).map(|cluster| Lead::Cluster { cluster, route: None }),
            Leads::Route(slot) => {
                let route = self.routes.borrow().get(slot as usize).cloned().flatten();
                let route = route.filter(|route| listener.knows(route.since));
                route.and_then(|route| match route.plan.action.cluster(&mut *self.rng.borrow_mut()) {
                    Some(slot) => cluster(slot).map(|cluster| Lead::Cluster { cluster, route: Some(route) }),
                    None => Some(Lead::Own(route)),
                })
            }
        };
        lead.unwrap_or(Lead::Gone)
    }

    /// The listener with that number. One that others have already and this shard has prepared is waited for; `None`: there is
    /// none, and will be none.
    pub(crate) async fn listener(&self, slot: u32) -> Option<Rc<Listener<E>>> {
        poll_fn(|cx| {
            if let Some(listener) = self.listeners.borrow().get(&slot) {
                return Poll::Ready(Some(Rc::clone(listener)));
            }
            let prepared = self.prepared.borrow();
            let comes = prepared.as_ref().is_some_and(|prepared| {
                prepared.step.listeners.iter().any(|listener| listener.slot == slot && listener.set.is_some())
            });
            if !comes {
                return Poll::Ready(None);
            }
            self.changed.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Something was committed, or is not going to be.
    fn tell_changed(&self) {
        for waker in self.changed.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}
