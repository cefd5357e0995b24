//! One shard: what its tasks share, its start and its end.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_core::Time;
use ringway_engine::{Deadline, Engine, Listener, Stream};
use ringway_lb::{BackendKey, BackendMap, ClusterKey, Released, Settings};

use crate::client::{Client, Phase};
use crate::counters::{Counters, CountersSnapshot};
use crate::gate::Gate;
use crate::inbox::{Command, Receiver};
use crate::limits::{DRAIN_GRACE, POOL_EVICTED_MAX, POOL_SWEEP_INTERVAL};
use crate::plan::Plan;
use crate::pool::Pool;
use crate::{accept, exchange, recycle, routing};

/// What a shard starts with.
#[derive(Debug)]
pub struct Launch<S> {
    /// Its number, from 0.
    pub id: u16,
    /// The configuration.
    pub plan: Arc<Plan>,
    /// One listening socket for each of the plan's listeners, in its order.
    pub sockets: Vec<S>,
    /// Where commands come from.
    pub inbox: Receiver,
    /// Seed of its random choices.
    pub seed: u64,
    /// Counts the connections of the process; the same for all its shards.
    pub gate: Arc<Gate>,
}

/// What a shard reports of itself.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Its number.
    pub shard: u16,
    /// Client connections open.
    pub connections: u64,
    /// Idle backend connections in the pool.
    pub pooled: u64,
    /// What it counted since its start.
    pub counters: CountersSnapshot,
    /// What its engine counted.
    pub engine: ringway_engine::Counters,
}

/// How a shard ended.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Every connection was finished; `false`: the deadline or a stop cut some off.
    pub drained: bool,
    /// How many were cut off.
    pub cut: u64,
    /// The last snapshot.
    pub snapshot: Snapshot,
}

/// What the tasks of a shard share.
pub(crate) struct Shard<E: Engine> {
    pub(crate) engine: E,
    pub(crate) id: u16,
    pub(crate) plan: Arc<Plan>,
    /// Of the plan's clusters, in its order.
    pub(crate) clusters: Vec<ClusterKey>,
    pub(crate) backends: RefCell<BackendMap>,
    pub(crate) rng: RefCell<SmallRng>,
    /// What look-ups need, for each listener.
    pub(crate) routing: RefCell<Vec<routing::Cache>>,
    pub(crate) pool: Pool<E::Stream>,
    pub(crate) counters: Counters,
    pub(crate) gate: Arc<Gate>,
    pub(crate) draining: Cell<bool>,
    pub(crate) clients: Clients<E>,
}

/// The open client connections, so that a drain finds the idle ones.
pub(crate) struct Clients<E: Engine> {
    open: RefCell<Vec<Rc<Client<E>>>>,
    /// Listeners that may still bring more: until their last connection has found its place.
    accepting: Cell<usize>,
    /// Waits for a connection to end: the drain, or accepting at the limit.
    ended: RefCell<Vec<Waker>>,
}

impl<E: Engine> Clients<E> {
    pub(crate) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    pub(crate) fn insert(&self, client: &Rc<Client<E>>) {
        let mut open = self.open.borrow_mut();
        client.place.set(open.len() as u32);
        open.push(Rc::clone(client));
    }

    pub(crate) fn remove(&self, client: &Client<E>) {
        let mut open = self.open.borrow_mut();
        let place = client.place.get() as usize;
        let removed = open.swap_remove(place);
        if let Some(moved) = open.get(place) {
            moved.place.set(place as u32);
        }
        drop(open);
        drop(removed);
        self.wake();
    }

    /// A listener accepts until its [`Clients::end_accepting`].
    fn begin_accepting(&self) {
        self.accepting.set(self.accepting.get() + 1);
    }

    fn end_accepting(&self) {
        self.accepting.set(self.accepting.get() - 1);
        self.wake();
    }

    fn wake(&self) {
        for waker in self.ended.borrow_mut().drain(..) {
            waker.wake();
        }
    }

    /// Completes when no connection is open, and none will be.
    async fn gone(&self) {
        poll_fn(|cx| {
            if self.len() == 0 && self.accepting.get() == 0 {
                return Poll::Ready(());
            }
            self.ended.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Completes when fewer than `limit` connections are open.
    pub(crate) async fn below(&self, limit: usize) {
        poll_fn(|cx| {
            if self.len() < limit {
                return Poll::Ready(());
            }
            self.ended.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl<E: Engine> Shard<E> {
    fn new(engine: E, id: u16, plan: Arc<Plan>, seed: u64, gate: Arc<Gate>) -> Rc<Shard<E>> {
        let mut backends = BackendMap::new();
        let clusters = plan
            .clusters
            .iter()
            .map(|cluster| {
                let key = backends.add_cluster(cluster.id.clone(), Settings { policy: cluster.policy });
                for (spec, load) in &cluster.backends {
                    // A fresh list has no flip to tell: no backend is down yet.
                    let _ = backends.cluster_mut(key).add(spec.clone(), Arc::clone(load));
                }
                key
            })
            .collect();
        let caches = plan.listeners.iter().map(|listener| listener.router.cache()).collect();
        Rc::new(Shard {
            routing: RefCell::new(caches),
            pool: Pool::new(plan.clusters.len()),
            engine,
            id,
            plan,
            clusters,
            backends: RefCell::new(backends),
            rng: RefCell::new(SmallRng::seed_from_u64(seed)),
            counters: Counters::default(),
            gate,
            draining: Cell::new(false),
            clients: Clients {
                open: RefCell::default(),
                accepting: Cell::default(),
                ended: RefCell::default(),
            },
        })
    }

    /// A backend connection ended.
    pub(crate) fn connection_closed(&self, cluster: usize, key: BackendKey) {
        let mut backends = self.backends.borrow_mut();
        self.released(backends.cluster_mut(self.clusters[cluster]).connection_closed(key));
    }

    /// How many more client connections may come, as far as this shard knows.
    pub(crate) fn room(&self) -> u32 {
        let here = self.plan.connections_max.saturating_sub(self.clients.len());
        self.gate.room().min(u32::try_from(here).unwrap_or(u32::MAX))
    }

    /// Closes some idle backend connections, so that their descriptors are of use; whether there were any.
    pub(crate) fn evict_idle(&self) -> bool {
        let evicted = self.pool.evict(POOL_EVICTED_MAX, |cluster, key| self.connection_closed(cluster, key));
        evicted > 0
    }

    /// Tells when a removed backend has ended its last connection.
    pub(crate) fn released(&self, released: Released) {
        if let Released::Drained(backend) = released {
            tracing::info!(shard = self.id, %backend, "the removed backend has no connections any more");
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            shard: self.id,
            connections: self.clients.len() as u64,
            pooled: self.pool.len() as u64,
            counters: self.counters.snapshot(),
            engine: self.engine.counters(),
        }
    }

    /// Closes what is idle; what is busy ends with its request.
    fn begin_drain(&self) {
        self.draining.set(true);
        let grace = self.engine.now() + DRAIN_GRACE;
        for client in self.clients.open.borrow().iter() {
            match client.phase.get() {
                // A deadline in the past: the next turn wakes the connection, and it ends.
                Phase::Idle => client.stream.set_deadline(Deadline::Recv, Time::ZERO),
                Phase::Fresh => client.stream.set_deadline(Deadline::Recv, grace),
                Phase::Busy => {}
            }
        }
    }
}

/// Runs a shard until it was told to end and has done so.
///
/// # Panics
/// When there are fewer sockets than listeners, or the engine can not take one: nothing was accepted yet.
pub async fn run<E: Engine>(engine: E, launch: Launch<E::Socket>) -> Summary {
    let Launch { id, plan, sockets, mut inbox, seed, gate } = launch;
    assert_eq!(sockets.len(), plan.listeners(), "a shard needs one socket for each listener");
    let shard = Shard::new(engine, id, plan, seed, gate);
    let recycler = recycle::Recycler::new();
    let mut listeners = Vec::new();
    for (index, socket) in sockets.into_iter().enumerate() {
        let listener = shard.engine.adopt_listener(socket).expect("a new engine has room for its listeners");
        let listener = Rc::new(listener);
        listeners.push(Rc::clone(&listener));
        let accepting =
            accept::run(Rc::clone(&shard), listener, index, Rc::clone(&recycler), exchange::exchange::<E>);
        shard.clients.begin_accepting();
        let own = Rc::clone(&shard);
        shard.engine.spawn(async move {
            accepting.await;
            own.clients.end_accepting();
        });
    }
    shard.engine.spawn(sweep(Rc::clone(&shard)));
    let within = loop {
        match inbox.next().await {
            Command::Snapshot(reply) => reply(shard.snapshot()),
            Command::Drain { within } => break within,
            Command::Stop => break Duration::ZERO,
        }
    };
    shard.begin_drain();
    for listener in listeners {
        listener.stop();
    }
    if within > Duration::ZERO {
        let deadline = shard.engine.now() + within;
        drain(&shard, &mut inbox, deadline).await;
    }
    let cut = shard.clients.len() as u64;
    Summary { drained: cut == 0, cut, snapshot: shard.snapshot() }
}

/// Waits until the last connection has ended, the deadline has passed, or a stop is commanded.
async fn drain<E: Engine>(shard: &Rc<Shard<E>>, inbox: &mut Receiver, deadline: Time) {
    // Connections that were accepted and not yet looked at are served, too.
    let mut ended = Box::pin(shard.clients.gone());
    let mut late = Box::pin(shard.engine.sleep_until(deadline));
    loop {
        let mut command = Box::pin(inbox.next());
        let event = poll_fn(|cx| {
            if ended.as_mut().poll(cx).is_ready() || late.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            command.as_mut().poll(cx).map(Some)
        })
        .await;
        drop(command);
        match event {
            None | Some(Command::Stop) => return,
            Some(Command::Snapshot(reply)) => reply(shard.snapshot()),
            Some(Command::Drain { .. }) => {}
        }
    }
}

/// Finds idle backend connections that were closed by the other side, or have been idle for too long.
async fn sweep<E: Engine>(shard: Rc<Shard<E>>) {
    loop {
        let next = shard.engine.now() + POOL_SWEEP_INTERVAL;
        shard.engine.sleep_until(next).await;
        let now = shard.engine.now();
        let plan = &shard.plan;
        shard.pool.sweep(
            |cluster, since, opened| {
                let cluster = &plan.clusters[cluster];
                now.since(since) >= cluster.pool_idle_timeout || now.since(opened) >= cluster.pool_max_age
            },
            |cluster, key| shard.connection_closed(cluster, key),
        );
    }
}
