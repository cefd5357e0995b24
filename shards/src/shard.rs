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
use ringway_health::board::Decision;
use ringway_lb::{BackendKey, BackendMap, BudgetShare, ClusterKey, Released};

use crate::affinity::Traits;
use crate::balance::{Balance, Balancer};
use crate::client::{Client, Phase};
use crate::counters::{Counters, CountersSnapshot};
use crate::evict::{Evictions, Starving};
use crate::gate::Gate;
use crate::inbox::{Command, Live, Receiver};
use crate::limits::{DRAIN_GRACE, POOL_EVICTED_MAX, POOL_SWEEP_INTERVAL};
use crate::plan::Plan;
use crate::pool::Pool;
use crate::prober::{ProbeSlots, Prober};
use crate::report::{Outbox, Report};
use crate::upstream::Affinity;
use crate::watch::Tally;
use crate::{accept, evict, exchange, prober, recycle, routing};

/// What a shard starts with.
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
    /// Spreads connections over the shards; the same for all of them. `None`: who accepts one serves it.
    pub balance: Option<Arc<Balance<S>>>,
    /// How many shards the process has, this one included: they share the health checks.
    pub shards: u16,
    /// How many health checks run; the same for all shards.
    pub probes: Arc<ProbeSlots>,
    /// How shards ask each other for connections; the same for all of them.
    pub evictions: Arc<Evictions>,
    /// What it finds out about backends goes there.
    pub report: Arc<Report>,
}

impl<S> Launch<S> {
    /// The only shard of its process, which nobody listens to.
    #[must_use]
    pub fn alone(plan: Arc<Plan>, sockets: Vec<S>, inbox: Receiver, seed: u64, gate: Arc<Gate>) -> Launch<S> {
        let (probes, evictions) = (Arc::default(), Arc::default());
        Launch {
            id: 0,
            plan,
            sockets,
            inbox,
            seed,
            gate,
            balance: None,
            shards: 1,
            probes,
            evictions,
            report: Arc::new(|_| Ok(())),
        }
    }
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
    /// Health checks that are this shard's.
    pub checks: u64,
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
    /// By cluster: the backends in the plan's order.
    pub(crate) members: Vec<Vec<BackendKey>>,
    /// By cluster and backend: what success rates are reckoned from. Empty where they are not.
    pub(crate) tallies: RefCell<Vec<Vec<Tally>>>,
    /// By cluster.
    retry_budgets: RefCell<Vec<BudgetShare>>,
    pub(crate) prober: Prober,
    pub(crate) outbox: Outbox,
    pub(crate) evictions: Arc<Evictions>,
    /// Its own requests that wait for connections.
    pub(crate) starving: Starving,
    /// When it last asked the others for connections, or will.
    pub(crate) asked_at: Cell<Time>,
    pub(crate) rng: RefCell<SmallRng>,
    /// What look-ups need, for each listener.
    pub(crate) routing: RefCell<Vec<routing::Cache>>,
    pub(crate) pool: Pool<E::Stream>,
    pub(crate) counters: Counters,
    pub(crate) gate: Arc<Gate>,
    pub(crate) balancer: Option<Balancer<E::Socket>>,
    pub(crate) draining: Cell<bool>,
    pub(crate) clients: Clients<E>,
}

/// What a shard's state is made from.
struct Parts<S> {
    balancer: Option<Balancer<S>>,
    id: u16,
    plan: Arc<Plan>,
    seed: u64,
    gate: Arc<Gate>,
    probes: Arc<ProbeSlots>,
    evictions: Arc<Evictions>,
    report: Arc<Report>,
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
    fn new(engine: E, launch: Parts<E::Socket>) -> Rc<Shard<E>> {
        let Parts { balancer, id, plan, seed, gate, probes, evictions, report } = launch;
        let mut backends = BackendMap::new();
        let (mut clusters, mut members) = (Vec::new(), Vec::new());
        for cluster in &plan.clusters {
            let total = Arc::clone(&cluster.total);
            let key = backends.add_cluster(cluster.id.clone(), cluster.settings, total);
            let list = backends.cluster_mut(key);
            // What flips here is where the coordinator begins: it has the same configuration.
            members.push(
                cluster
                    .backends
                    .iter()
                    .map(|(spec, load)| list.add(spec.clone(), Arc::clone(load)).key)
                    .collect(),
            );
            clusters.push(key);
        }
        let tallies = plan.clusters.iter().map(|cluster| match cluster.compares_success_rates() {
            true => vec![Tally::default(); cluster.backends.len()],
            false => Vec::new(),
        });
        let tallies = RefCell::new(tallies.collect());
        let budgets = plan.clusters.iter().map(|cluster| cluster.retry_budget.share());
        let retry_budgets = RefCell::new(budgets.collect());
        let caches = plan.listeners.iter().map(|listener| listener.router.cache()).collect();
        Rc::new(Shard {
            routing: RefCell::new(caches),
            pool: Pool::new(plan.clusters.len()),
            prober: Prober::new(id, plan.checks.len(), probes),
            outbox: Outbox::new(report),
            evictions,
            starving: Starving::new(plan.clusters.len()),
            asked_at: Cell::new(Time::ZERO),
            members,
            tallies,
            retry_budgets,
            engine,
            id,
            plan,
            clusters,
            backends: RefCell::new(backends),
            rng: RefCell::new(SmallRng::seed_from_u64(seed)),
            counters: Counters::default(),
            gate,
            balancer,
            draining: Cell::new(false),
            clients: Clients {
                open: RefCell::default(),
                accepting: Cell::default(),
                ended: RefCell::default(),
            },
        })
    }

    /// Closes a backend connection. Where they are limited it counts until that is done: what takes its place must not
    /// reach the backend before its end does.
    pub(crate) fn close_connection(self: &Rc<Self>, cluster: usize, key: BackendKey, stream: E::Stream) {
        if !self.plan.clusters[cluster].limits_connections {
            drop(stream);
            return self.connection_closed(cluster, key);
        }
        let shard = Rc::clone(self);
        self.engine.spawn(async move {
            stream.close().await;
            shard.connection_closed(cluster, key);
        });
    }

    /// A backend connection is no more, or was not made.
    pub(crate) fn connection_closed(&self, cluster: usize, key: BackendKey) {
        let mut backends = self.backends.borrow_mut();
        self.released(backends.cluster_mut(self.clusters[cluster]).connection_closed(key));
        self.plan.clusters[cluster].room_was_made();
    }

    /// What a request says about which backend of `cluster` it should get.
    pub(crate) fn affinity(&self, cluster: usize, request: &Traits<'_>) -> Affinity {
        let plan = &self.plan.clusters[cluster];
        let hash = plan.hash_key.as_ref().and_then(|key| request.hash(key));
        let sticky = plan.cookies.as_ref().and_then(|cookies| {
            let id = cookies.id(request.cookie(cookies.name())?)?;
            self.backends.borrow().cluster(self.clusters[cluster]).by_sticky(id)
        });
        Affinity { hash, sticky }
    }

    /// Counts a request to `cluster`: some more of them may be tried again.
    pub(crate) fn count_request(&self, cluster: usize) {
        self.retry_budgets.borrow_mut()[cluster].deposit(self.engine.now());
    }

    /// Takes a retry out of the cluster's budget, if there is one left.
    pub(crate) fn may_retry(&self, cluster: usize) -> bool {
        let now = self.engine.now();
        self.retry_budgets.borrow_mut()[cluster].withdraw(now)
    }

    /// Carries out what the coordinator has decided about a backend.
    fn decide(&self, decision: Decision) {
        let (Decision::Health { member, .. } | Decision::Reach { member, .. }) = decision;
        let cluster = member.cluster as usize;
        let Some(key) = self.members[cluster].get(member.backend as usize).copied() else { return };
        let now = self.engine.now();
        {
            let mut backends = self.backends.borrow_mut();
            let list = backends.cluster_mut(self.clusters[cluster]);
            // The flips are the coordinator's to tell.
            let _ = match decision {
                Decision::Health { healthy, .. } => {
                    // That it is down is another matter: who forgot it here would not tell that it is up again.
                    let is_down = list.get(key).is_some_and(|backend| backend.retry().is_exhausted());
                    if healthy && let Some(backend) = list.get(key) {
                        // Every shard does, which does no harm: what one forgets too late has only just begun.
                        backend.load().forget_failures();
                    }
                    let changed = list.set_health(key, healthy, now);
                    if is_down { list.set_down(key, now, &mut *self.rng.borrow_mut()) } else { changed }
                }
                Decision::Reach { up: true, .. } => list.set_up(key, now),
                Decision::Reach { up: false, .. } => list.set_down(key, now, &mut *self.rng.borrow_mut()),
            };
        }
        self.refresh_fail_open(cluster);
        // Those that wait may now get it: as many as it takes.
        self.plan.clusters[cluster].queue.wake_all();
    }

    /// Works out which health checks are this shard's among those that live.
    fn share_checks(&self, live: &Live) {
        self.prober.share(&self.plan.checks, live, self.engine.now());
    }

    /// How many more client connections may come, as far as this shard knows.
    pub(crate) fn room(&self) -> u32 {
        let here = self.plan.connections_max.saturating_sub(self.clients.len());
        self.gate.room().min(u32::try_from(here).unwrap_or(u32::MAX))
    }

    /// A client connection that the gate has let in is none any more.
    pub(crate) fn forget(&self) {
        self.gate.leave();
        if let Some(balancer) = &self.balancer {
            balancer.forget();
        }
    }

    /// Closes some idle backend connections, so that their descriptors are of use; whether there were any.
    pub(crate) fn evict_idle(self: &Rc<Self>) -> bool {
        let evicted = self.pool.evict(POOL_EVICTED_MAX, |cluster, key, stream| {
            self.close_connection(cluster, key, stream);
        });
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
            checks: self.prober.owned() as u64,
            counters: self.counters.snapshot(),
            engine: self.engine.counters(),
        }
    }

    /// Closes what is idle; what is busy ends with its request.
    fn begin_drain(&self) {
        self.draining.set(true);
        if let Some(balancer) = &self.balancer {
            balancer.close();
        }
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
    let Launch { id, plan, sockets, mut inbox, seed, gate, balance, shards, probes, evictions, report } =
        launch;
    assert_eq!(sockets.len(), plan.listeners(), "a shard needs one socket for each listener");
    let (balancer, handed) = balance.map(|balance| Balancer::join(balance, id, engine.now())).unzip();
    let shard = Shard::new(engine, Parts { balancer, id, plan, seed, gate, probes, evictions, report });
    shard.share_checks(&Live { shards: (0..shards).collect(), unhealthy: Vec::new() });
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
    if let Some(handed) = handed {
        let arrivals = accept::Arrivals::new(&shard, handed);
        let taking = accept::take_over(arrivals, recycler, exchange::exchange::<E>);
        shard.clients.begin_accepting();
        let own = Rc::clone(&shard);
        shard.engine.spawn(async move {
            taking.await;
            own.clients.end_accepting();
        });
    }
    shard.engine.spawn(sweep(Rc::clone(&shard)));
    shard.engine.spawn(prober::run(Rc::clone(&shard)));
    shard.engine.spawn(evict::run(Rc::clone(&shard)));
    let within = loop {
        match inbox.next().await {
            Command::Snapshot(reply) => reply(shard.snapshot()),
            Command::Decide(decision) => shard.decide(decision),
            Command::Live(live) => shard.share_checks(&live),
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
    let arriving = shard.balancer.as_ref().map_or(0, Balancer::arriving);
    let cut = (shard.clients.len() + arriving) as u64;
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
            Some(Command::Decide(decision)) => shard.decide(decision),
            Some(Command::Live(shards)) => shard.share_checks(&shards),
            Some(Command::Drain { .. }) => {}
        }
    }
}

/// Finds idle backend connections that were closed by the other side, have been idle for too long, or are waited for. Tells
/// the coordinator what was counted meanwhile.
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
            |cluster, key, stream| shard.close_connection(cluster, key, stream),
        );
        // An answer of the last request that came may have shown that a backend is well.
        (0..plan.clusters.len()).for_each(|cluster| shard.refresh_fail_open(cluster));
        shard.flush_watch();
    }
}
