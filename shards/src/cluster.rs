//! A cluster as one shard has it: the backends it selects from, their idle connections, its part of what is counted.
//!
//! Requests in progress hold it. So one that was removed from the configuration ends with the last of them, and nothing that a
//! request holds across a wait is looked up again by a number that may be another's by then.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ringway_core::Time;
use ringway_engine::{Engine, Stream as _};
use ringway_health::board::{Member, Signal};
use ringway_lb::{BackendKey, BackendList, BudgetShare, FailOpenFlip, Load, Released};

use crate::plan::{BackendSeed, ClusterPlan};
use crate::pool::Shelves;
use crate::seats::Seats;
use crate::shard::Shard;

/// A cluster.
pub(crate) struct Cluster<E: Engine> {
    /// Its number, as long as it is in the configuration.
    pub(crate) slot: u32,
    /// The number of the configuration that brought it.
    pub(crate) since: u64,
    plan: RefCell<Arc<ClusterPlan>>,
    pub(crate) list: RefCell<BackendList>,
    pub(crate) seats: RefCell<Seats>,
    /// Idle connections to its backends.
    pub(crate) pool: Shelves<E::Stream>,
    retry_budget: RefCell<BudgetShare>,
    /// How many requests of this shard wait for a connection.
    pub(crate) starving: Cell<usize>,
    /// How often in a row this shard kept a connection although requests of others wait for one as well.
    pub(crate) kept: Cell<u32>,
    /// It is in the configuration no longer.
    is_removed: Cell<bool>,
}

/// What changing a cluster leaves to be done with its shard.
pub(crate) struct Leavings<E: Engine> {
    /// Idle connections to backends that were removed.
    pub(crate) idle: Vec<(BackendKey, E::Stream)>,
    /// Backends that were removed and have nothing any more.
    pub(crate) drained: Vec<Member>,
}

impl<E: Engine> Cluster<E> {
    /// A cluster without backends.
    pub(crate) fn new(slot: u32, since: u64, plan: Arc<ClusterPlan>) -> Rc<Cluster<E>> {
        let list = BackendList::new(plan.id.clone(), plan.settings, Arc::clone(&plan.total));
        Rc::new(Cluster {
            slot,
            since,
            list: RefCell::new(list),
            seats: RefCell::default(),
            pool: Shelves::default(),
            retry_budget: RefCell::new(plan.retry_budget.share()),
            starving: Cell::new(0),
            kept: Cell::new(0),
            is_removed: Cell::new(false),
            plan: RefCell::new(plan),
        })
    }

    /// Its settings. Not to be held across a wait.
    pub(crate) fn plan(&self) -> Ref<'_, ClusterPlan> {
        Ref::map(self.plan.borrow(), |plan| &**plan)
    }

    /// Goes by these settings from now on.
    pub(crate) fn set_plan(&self, plan: Arc<ClusterPlan>) {
        plan.queue.set_max(plan.queue_max);
        self.list.borrow_mut().set_settings(plan.settings);
        let before = self.plan.replace(plan);
        let plan = self.plan.borrow();
        if !Arc::ptr_eq(&before.retry_budget, &plan.retry_budget) {
            *self.retry_budget.borrow_mut() = plan.retry_budget.share();
        }
    }

    /// Removes some backends, and adds or changes others.
    pub(crate) fn reconcile(&self, removed: &[u32], put: &[BackendSeed], now: Time) -> Leavings<E> {
        let mut leavings = Leavings { idle: Vec::new(), drained: Vec::new() };
        for serial in removed {
            self.remove(*serial, &mut leavings);
        }
        let (mut list, mut seats) = (self.list.borrow_mut(), self.seats.borrow_mut());
        for seed in put {
            // The flips are the coordinator's to tell: it has the same configuration.
            let added = list.add(seed.spec.clone(), Arc::clone(&seed.load));
            if added.is_new {
                seats.insert(added.key, seed.serial);
            } else {
                let _ = list.set_admin(added.key, seed.spec.admin, now);
            }
        }
        leavings
    }

    fn remove(&self, serial: u32, leavings: &mut Leavings<E>) {
        let Some(key) = self.seats.borrow_mut().close(serial) else { return };
        let removed = self.list.borrow_mut().remove(key);
        self.pool.clear(key, |stream| leavings.idle.push((key, stream)));
        if !removed.drained.is_empty() {
            leavings.drained.extend(self.vacate(key));
        }
    }

    /// It is in the configuration no longer: its backends go, and it ends with the last request that holds it.
    pub(crate) fn retire(&self) -> Leavings<E> {
        self.is_removed.set(true);
        let all = self.seats.borrow().serials();
        let mut leavings = Leavings { idle: Vec::new(), drained: Vec::new() };
        for serial in all {
            self.remove(serial, &mut leavings);
        }
        leavings
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.is_removed.get()
    }

    /// What the coordinator calls a backend.
    pub(crate) fn member(&self, key: BackendKey) -> Option<Member> {
        self.seats.borrow().serial(key).map(|backend| Member { cluster: self.slot, backend })
    }

    /// A removed backend has nothing any more.
    fn vacate(&self, key: BackendKey) -> Option<Member> {
        self.seats.borrow_mut().vacate(key).map(|backend| Member { cluster: self.slot, backend })
    }

    /// Counts a request: some more of them may be tried again.
    pub(crate) fn count_request(&self, now: Time) {
        self.retry_budget.borrow_mut().deposit(now);
    }

    /// Takes a retry out of its budget, if there is one left.
    pub(crate) fn may_retry(&self, now: Time) -> bool {
        self.retry_budget.borrow_mut().withdraw(now)
    }

    pub(crate) fn with_load<T>(&self, key: BackendKey, work: impl FnOnce(&Load) -> T) -> Option<T> {
        self.list.borrow().get(key).map(|backend| work(backend.load()))
    }

    /// Leaves fail-open if a request that came now would: none may come.
    pub(crate) fn leave_fail_open(&self) -> Option<FailOpenFlip> {
        let mut list = self.list.borrow_mut();
        if !list.is_failing_open() {
            return None;
        }
        list.refresh_fail_open();
        list.take_fail_open_flip()
    }
}

impl<E: Engine> Shard<E> {
    /// Closes a backend connection. Where they are limited it counts until that is done: what takes its place must not
    /// reach the backend before its end does.
    pub(crate) fn close_connection(
        self: &Rc<Self>,
        cluster: &Rc<Cluster<E>>,
        key: BackendKey,
        stream: E::Stream,
    ) {
        if !cluster.plan().limits_connections {
            drop(stream);
            return self.connection_closed(cluster, key);
        }
        let (shard, cluster) = (Rc::clone(self), Rc::clone(cluster));
        self.engine.spawn(async move {
            stream.close().await;
            shard.connection_closed(&cluster, key);
        });
    }

    /// A backend connection is no more, or was not made.
    pub(crate) fn connection_closed(&self, cluster: &Cluster<E>, key: BackendKey) {
        let released = cluster.list.borrow_mut().connection_closed(key);
        self.released(cluster, key, &released);
        cluster.plan().room_was_made();
    }

    /// Tells when a removed backend has ended its last request and connection.
    pub(crate) fn released(&self, cluster: &Cluster<E>, key: BackendKey, released: &Released) {
        if let Released::Drained(backend) = released {
            tracing::debug!(shard = self.id, %backend, "the removed backend has no connections here any more");
            if let Some(member) = cluster.vacate(key) {
                self.outbox.send(Signal::Drained { member, shard: self.id });
            }
        }
    }

    /// Does what a change of a cluster left to be done.
    pub(crate) fn clear_away(self: &Rc<Self>, cluster: &Rc<Cluster<E>>, leavings: Leavings<E>) {
        for (key, stream) in leavings.idle {
            self.close_connection(cluster, key, stream);
        }
        for member in leavings.drained {
            self.outbox.send(Signal::Drained { member, shard: self.id });
        }
    }
}
