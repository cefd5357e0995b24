//! One shard: what its tasks share, its start and its end.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use ahash::AHashMap;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_core::Time;
use ringway_engine::Engine;
use ringway_health::board::{Decision, Member};
use ringway_lb::BackendKey;

use crate::affinity::Traits;
use crate::balance::{Balance, Balancer};
use crate::client::{Client, Next};
use crate::cluster::Cluster;
use crate::counters::{Counters, CountersSnapshot};
use crate::evict::Evictions;
use crate::gate::Gate;
use crate::http1::answer::Answers;
use crate::inbox::{Command, Live, Receiver};
use crate::limits::{POOL_EVICTED_MAX, POOL_SWEEP_INTERVAL};
use crate::listener::Listener;
use crate::live::{Prepared, Route};
use crate::plan::Plan;
use crate::prober::{ProbeSlots, Prober};
use crate::report::{Outbox, Report};
use crate::upstream::Affinity;
use crate::{accept, evict, exchange, prober, recycle};

/// What a shard starts with.
pub struct Launch<S> {
    /// Its number, from 0.
    pub id: u16,
    /// The configuration.
    pub plan: Arc<Plan>,
    /// A listening socket for each of [`Plan::listeners`], by its number.
    pub sockets: Vec<(u32, S)>,
    /// Where commands come from.
    pub inbox: Receiver<Command<S>>,
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
    /// The only shard of its process, which nobody listens to. `sockets` in the order of [`Plan::listeners`].
    #[must_use]
    pub fn alone(
        plan: Arc<Plan>,
        sockets: Vec<S>,
        inbox: Receiver<Command<S>>,
        seed: u64,
        gate: Arc<Gate>,
    ) -> Launch<S> {
        let (probes, evictions) = (Arc::default(), Arc::default());
        let sockets = plan.listeners().map(|(slot, _)| slot).zip(sockets).collect();
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
    /// It accepts nothing any more, and ends with its last connection.
    pub draining: bool,
    /// Client connections open.
    pub connections: u64,
    /// Idle backend connections in the pool.
    pub pooled: u64,
    /// Health checks that are this shard's.
    pub checks: u64,
    /// The hash of the configuration that it serves by: that of the coordinator's state.
    pub state_hash: u64,
    /// The longest turn since the last snapshot, in microseconds.
    pub turn_max_us: u64,
    /// How long it has been running.
    pub uptime: Duration,
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
    /// The number of the configuration that it serves by; 0: none yet.
    pub(crate) number: Cell<u64>,
    /// The next one, once it is prepared.
    pub(crate) prepared: RefCell<Option<Prepared<E>>>,
    /// Those who wait for it to be committed, or not.
    pub(crate) changed: RefCell<Vec<Waker>>,
    /// By slot.
    pub(crate) clusters: RefCell<Vec<Option<Rc<Cluster<E>>>>>,
    /// By slot.
    pub(crate) routes: RefCell<Vec<Option<Rc<Route>>>>,
    pub(crate) listeners: RefCell<AHashMap<u32, Rc<Listener<E>>>>,
    pub(crate) answers: RefCell<Arc<Answers>>,
    /// The hashes of all clusters together.
    pub(crate) clusters_hash: Cell<u64>,
    /// The hash of the rest of the configuration.
    pub(crate) common_hash: Cell<u64>,
    pub(crate) prober: Prober,
    pub(crate) outbox: Outbox,
    pub(crate) evictions: Arc<Evictions>,
    /// When it last asked the others for connections, or will.
    pub(crate) asked_at: Cell<Time>,
    pub(crate) rng: RefCell<SmallRng>,
    pub(crate) counters: Counters,
    pub(crate) gate: Arc<Gate>,
    pub(crate) balancer: Option<Balancer<E::Socket>>,
    pub(crate) draining: Cell<bool>,
    pub(crate) clients: Clients<E>,
    born: Time,
}

/// What a shard's state is made from.
struct Parts<S> {
    balancer: Option<Balancer<S>>,
    id: u16,
    seed: u64,
    gate: Arc<Gate>,
    probes: Arc<ProbeSlots>,
    evictions: Arc<Evictions>,
    report: Arc<Report>,
}

/// The open client connections, so that a drain finds the idle ones.
pub(crate) struct Clients<E: Engine> {
    open: RefCell<Vec<Rc<Client<E>>>>,
    /// How many there may be.
    max: Cell<usize>,
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

    /// So many there may be from now on. Those who are there stay.
    pub(crate) fn set_max(&self, max: usize) {
        self.max.set(max);
        self.wake();
    }

    pub(crate) fn each(&self, mut look: impl FnMut(&Client<E>)) {
        self.open.borrow().iter().for_each(|client| look(client));
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

    /// Completes when fewer connections are open than there may be.
    pub(crate) async fn below_max(&self) {
        poll_fn(|cx| {
            if self.len() < self.max.get() {
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
        let Parts { balancer, id, seed, gate, probes, evictions, report } = launch;
        Rc::new(Shard {
            number: Cell::new(0),
            prepared: RefCell::new(None),
            changed: RefCell::default(),
            clusters: RefCell::default(),
            routes: RefCell::default(),
            listeners: RefCell::default(),
            answers: RefCell::default(),
            clusters_hash: Cell::new(0),
            common_hash: Cell::new(0),
            prober: Prober::new(id, probes),
            outbox: Outbox::new(report),
            evictions,
            asked_at: Cell::new(Time::ZERO),
            born: engine.now(),
            engine,
            id,
            rng: RefCell::new(SmallRng::seed_from_u64(seed)),
            counters: Counters::default(),
            gate,
            balancer,
            draining: Cell::new(false),
            clients: Clients {
                open: RefCell::default(),
                max: Cell::new(usize::MAX),
                accepting: Cell::default(),
                ended: RefCell::default(),
            },
        })
    }

    /// Does something with each cluster of the configuration, which it must not change.
    pub(crate) fn each_cluster(&self, work: impl FnMut(&Rc<Cluster<E>>)) {
        self.clusters.borrow().iter().flatten().for_each(work);
    }

    /// What a request says about which backend of `cluster` it should get.
    pub(crate) fn affinity(&self, cluster: &Cluster<E>, request: &Traits<'_>) -> Affinity {
        let plan = cluster.plan();
        let hash = plan.hash_key.as_ref().and_then(|key| request.hash(key));
        let sticky = plan.cookies.as_ref().and_then(|cookies| {
            let id = cookies.id(request.cookie(cookies.name())?)?;
            cluster.list.borrow().by_sticky(id)
        });
        Affinity { hash, sticky }
    }

    /// A backend of the configuration, and its cluster.
    pub(crate) fn find(&self, member: Member) -> Option<(Rc<Cluster<E>>, BackendKey)> {
        let cluster = self.cluster(member.cluster)?;
        let key = cluster.seats.borrow().key(member.backend)?;
        Some((cluster, key))
    }

    /// Carries out what the coordinator has decided about a backend.
    fn decide(&self, decision: Decision) {
        let (Decision::Health { member, .. } | Decision::Reach { member, .. }) = decision;
        let Some((cluster, key)) = self.find(member) else { return };
        let now = self.engine.now();
        {
            let list = &mut *cluster.list.borrow_mut();
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
        self.refresh_fail_open(&cluster);
        // Those that wait may now get it: as many as it takes.
        cluster.plan().queue.wake_all();
    }

    /// Works out which health checks are this shard's among those that live.
    fn share_checks(&self, live: &Live) {
        self.prober.share(live, self.engine.now());
    }

    /// How many more client connections may come, as far as this shard knows.
    pub(crate) fn room(&self) -> u32 {
        let here = self.clients.max.get().saturating_sub(self.clients.len());
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
        let mut left = POOL_EVICTED_MAX;
        self.each_cluster(|cluster| {
            left -= cluster.pool.evict(left, |key, stream| self.close_connection(cluster, key, stream));
        });
        left < POOL_EVICTED_MAX
    }

    fn snapshot(&self) -> Snapshot {
        let mut pooled = 0;
        self.each_cluster(|cluster| pooled += cluster.pool.len() as u64);
        Snapshot {
            shard: self.id,
            draining: self.draining.get(),
            connections: self.clients.len() as u64,
            pooled,
            checks: self.prober.owned() as u64,
            state_hash: self.state_hash(),
            turn_max_us: self.engine.heartbeat().take_longest().as_micros() as u64,
            uptime: self.engine.now().since(self.born),
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
        self.end_idle(|_| true);
        self.listeners.borrow().values().for_each(|listener| listener.close());
    }

    /// Does what every command asks for but those that end the shard, which come back.
    fn carry_out(
        self: &Rc<Self>,
        command: Command<E::Socket>,
        open: &impl Fn(Rc<Listener<E>>, Rc<E::Listener>),
    ) -> Option<Ending> {
        match command {
            Command::Prepare { step, sockets, reply } => reply(self.prepare(step, sockets)),
            Command::Commit { reply } => {
                for (listener, socket) in self.commit() {
                    open(listener, socket);
                }
                reply(self.state_hash());
            }
            Command::Abort => self.abort(),
            Command::Snapshot(reply) => reply(self.snapshot()),
            Command::Decide(decision) => self.decide(decision),
            Command::State { member, healthy } => self.prober.state(member, healthy),
            Command::Live(live) => self.share_checks(&live),
            Command::Drain { within } => return Some(Ending::Drain(within)),
            Command::Stop => return Some(Ending::Stop),
            #[cfg(debug_assertions)]
            Command::Panic => panic!("as it was told to"),
            #[cfg(debug_assertions)]
            Command::Stall(time) => stall(time),
        }
        None
    }
}

/// How a shard was told to end.
enum Ending {
    Drain(Duration),
    Stop,
}

/// Holds the whole shard up.
#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "it is a fault, and wanted")]
fn stall(time: Duration) {
    std::thread::sleep(time);
}

/// Runs a shard until it was told to end and has done so.
///
/// # Panics
/// When a listener has no socket, or the engine can not take one: nothing was accepted yet.
pub async fn run<E: Engine>(engine: E, launch: Launch<E::Socket>) -> Summary {
    let Launch { id, plan, sockets, mut inbox, seed, gate, balance, shards, probes, evictions, report } =
        launch;
    let (balancer, handed) = balance.map(|balance| Balancer::join(balance, id, engine.now())).unzip();
    let shard = Shard::new(engine, Parts { balancer, id, seed, gate, probes, evictions, report });
    let recycler = recycle::Recycler::new();
    let own = (Rc::clone(&shard), Rc::clone(&recycler));
    let open = move |listener: Rc<Listener<E>>, socket: Rc<E::Listener>| {
        accept_on(&own.0, listener, socket, &own.1, exchange::exchange::<E>);
    };
    shard.prepare(Arc::clone(&plan.0), sockets).unwrap_or_else(|error| panic!("shard {id}: {error}"));
    drop(plan);
    for (listener, socket) in shard.commit() {
        open(listener, socket);
    }
    shard.share_checks(&Live { shards: (0..shards).collect(), unhealthy: Vec::new() });
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
    let ending = loop {
        let command = inbox.next().await;
        if let Some(ending) = shard.carry_out(command, &open) {
            break ending;
        }
    };
    shard.begin_drain();
    if let Ending::Drain(within) = ending
        && within > Duration::ZERO
    {
        let deadline = shard.engine.now() + within;
        drain(&shard, &mut inbox, deadline).await;
    }
    let arriving = shard.balancer.as_ref().map_or(0, Balancer::arriving);
    let cut = (shard.clients.len() + arriving) as u64;
    Summary { drained: cut == 0, cut, snapshot: shard.snapshot() }
}

/// Starts the task that accepts on a listener's socket.
fn accept_on<E, F, M>(
    shard: &Rc<Shard<E>>,
    listener: Rc<Listener<E>>,
    socket: Rc<E::Listener>,
    recycler: &Rc<recycle::Recycler<F>>,
    exchange: M,
) where
    E: Engine,
    F: Future<Output = Next<E::Chunk>> + 'static,
    M: Fn(Rc<Client<E>>, E::Chunk) -> F + Copy + 'static,
{
    let accepting = accept::run(Rc::clone(shard), listener, socket, Rc::clone(recycler), exchange);
    shard.clients.begin_accepting();
    let own = Rc::clone(shard);
    shard.engine.spawn(async move {
        accepting.await;
        own.clients.end_accepting();
    });
}

/// Waits until the last connection has ended, the deadline has passed, or a stop is commanded.
async fn drain<E: Engine>(shard: &Rc<Shard<E>>, inbox: &mut Receiver<Command<E::Socket>>, deadline: Time) {
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
        let Some(command) = event else { return };
        // It accepts nothing any more: what would be opened is closed.
        if let Some(Ending::Stop) = shard.carry_out(command, &|_, _| {}) {
            return;
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
        shard.each_cluster(|cluster| {
            let (idle_timeout, age_max) = {
                let plan = cluster.plan();
                (plan.pool_idle_timeout, plan.pool_max_age)
            };
            cluster.pool.sweep(
                |since, opened| now.since(since) >= idle_timeout || now.since(opened) >= age_max,
                |key, stream| shard.close_connection(cluster, key, stream),
            );
            // An answer of the last request that came may have shown that a backend is well.
            shard.refresh_fail_open(cluster);
        });
        shard.flush_watch();
    }
}
