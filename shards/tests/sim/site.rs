//! A shard on a simulated host, for scenarios that are written out step by step.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringway_core::{Config, Time};
use ringway_engine::sim::{self, Net, Sim, SimSettings, SimSocket};
use ringway_engine::{Engine, Listener};
use ringway_health::board::{self, Member};
use ringway_shards::{Command, Evictions, Gate, Launch, Plan, Snapshot, Summary, inbox};

use crate::config::{self, TCP, WEB, origin_address};
use crate::control::Control;
use crate::draw::{buffers, timeouts};
use crate::http::{Fail, Head, Wire};
use crate::rng;
use crate::run::settle;
use crate::script::Pace;
use crate::talk::{self, Signal, SimStream};

/// What comes on top of a deadline: a tick of the engine's wheel, the turn in which it fires, and the way of the bytes
/// that tell a peer.
pub(crate) const TURN: Duration = Duration::from_millis(2);
/// Longer than any deadline of a scenario.
const PATIENCE: Duration = Duration::from_secs(100);
/// What a scenario leaves is idle, so a drain needs no more.
const DRAIN: Duration = Duration::from_secs(1);

pub(crate) const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: sim.example\r\n\r\n";
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

/// How a connection has ended, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// After everything that was to come.
    Clean,
    /// In the middle.
    Reset,
}

struct Inner {
    engine: Sim,
    net: Net,
    process: Process,
    /// Where it listens for HTTP.
    web: SocketAddr,
    inbox: inbox::Sender<Command<SimSocket>>,
    /// What it told the coordinator and nobody has looked at yet.
    told: Arc<Mutex<Vec<board::Signal>>>,
    ended: Rc<(RefCell<Option<Summary>>, Signal)>,
}

/// What the shards of a process share.
#[derive(Clone)]
struct Process {
    plan: Arc<Plan>,
    control: Rc<Control>,
    gate: Arc<Gate>,
    evictions: Arc<Evictions>,
    /// How many shards share the health checks.
    shards: u16,
    /// How many of them run.
    running: Rc<Cell<u64>>,
}

/// A shard with an HTTP and a TCP listener and two backends that both use.
#[derive(Clone)]
pub(crate) struct Site(Rc<Inner>);

/// Runs a scenario; at its end the shard must be able to drain, and nothing may be left of it on the host, or count.
pub(crate) fn site<F: Future<Output = ()> + 'static>(
    seed: u64,
    change: impl FnOnce(&mut Config),
    scenario: impl FnOnce(Site) -> F,
) {
    site_among(seed, 1, change, scenario);
}

/// As [`site`], with the first of so many shards. The others do nothing.
pub(crate) fn site_among<F: Future<Output = ()> + 'static>(
    seed: u64,
    shards: u16,
    change: impl FnOnce(&mut Config),
    scenario: impl FnOnce(Site) -> F,
) {
    // Next to no latency, so that what passes is the deadline; small windows, so that senders do have to wait.
    let settings = SimSettings {
        latency: Duration::from_micros(1)..=Duration::from_micros(1),
        window_bytes: 4096..=4096,
        ..SimSettings::new(seed)
    };
    let mut config = config::base(2);
    for listener in &mut config.listeners {
        listener.timeouts = timeouts();
    }
    change(&mut config);
    let control = Control::new(&config);
    let plan = control.plan();
    let most = config.daemon.max_connections.unwrap_or(u32::MAX);
    let gate = Arc::new(Gate::configured(most, &config.daemon));
    let own = Arc::clone(&gate);
    let ((), report) = sim::run(&settings, &buffers(&mut rng(seed)), |engine, net| {
        let (control, evictions) = (Rc::new(control), Arc::default());
        let process = Process { plan, control, gate: own, evictions, shards, running: Rc::default() };
        let site = Site::open(engine, net, seed, [WEB, TCP], process);
        let scenario = scenario(site.clone());
        async move {
            scenario.await;
            site.close().await;
        }
    })
    .expect("sizes that fit");
    assert!(report.is_clean(), "something is left behind on the host: {report:?}");
    assert_eq!(report.engine.counters.pipes_out, 0, "a pipe did not come home");
    assert_eq!(gate.open(), 0, "a connection that ended still counts");
}

/// Checks that no request and no connection counts at any backend any more.
pub(crate) fn nothing_counts(plan: &Plan) {
    for (cluster, backend) in (0..4).flat_map(|cluster| (0..16).map(move |backend| (cluster, backend))) {
        let load = plan.load(Member { cluster, backend });
        assert_eq!(load, (0, 0), "requests and connections of backend {backend} that ended still count");
    }
}

impl Site {
    fn open(engine: Sim, net: Net, seed: u64, addresses: [SocketAddr; 2], process: Process) -> Site {
        let (inbox, receiver) = inbox::channel();
        let sockets = addresses.map(|address| net.listen(address)).into();
        let (plan, gate) = (process.control.plan(), Arc::clone(&process.gate));
        let id = process.running.get() as u16;
        process.running.set(u64::from(id) + 1);
        let told = Arc::<Mutex<Vec<board::Signal>>>::default();
        let own = Arc::clone(&told);
        let report = Arc::new(move |signal| {
            own.lock().unwrap_or_else(PoisonError::into_inner).push(signal);
            Ok(())
        });
        let (shards, evictions) = (process.shards, Arc::clone(&process.evictions));
        let alone = Launch::alone(plan, sockets, receiver, seed, gate);
        let launch = Launch { id, shards, evictions, report, ..alone };
        let ended: Rc<(RefCell<Option<Summary>>, Signal)> = Rc::default();
        let (shard, end) = (ringway_shards::run(engine.clone(), launch), Rc::clone(&ended));
        engine.spawn(async move {
            *end.0.borrow_mut() = Some(shard.await);
            end.1.give();
        });
        Site(Rc::new(Inner { engine, net, process, web: addresses[0], inbox, told, ended }))
    }

    /// Where the configuration is changed.
    pub(crate) fn control(&self) -> &Control {
        &self.0.process.control
    }

    pub(crate) fn net(&self) -> &Net {
        &self.0.net
    }

    /// Leaves a command for the shard.
    pub(crate) fn tell(&self, command: Command<SimSocket>) {
        self.0.inbox.send(command).expect("the shard runs");
    }

    /// Another shard of the same process. Whoever starts it drains it.
    pub(crate) fn another(&self) -> Site {
        let Inner { engine, net, process, .. } = &*self.0;
        let id = process.running.get() as u16;
        let addresses = [WEB, TCP].map(|address| SocketAddr::new(address.ip(), address.port() + 10 * id));
        Site::open(engine.clone(), net.clone(), u64::from(id), addresses, process.clone())
    }

    async fn close(self) {
        let ended = self.0.ended.0.borrow().is_some();
        if !ended {
            let summary = self.drain(DRAIN).await;
            assert!(summary.drained, "{summary:?}");
            settle(&self.0.engine, &self.0.net, self.0.process.running.get()).await;
            nothing_counts(&self.0.process.plan);
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.0.engine.now()
    }

    pub(crate) fn engine(&self) -> &Sim {
        &self.0.engine
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        talk::sleep(&self.0.engine, time).await;
    }

    /// A connection to the shard's HTTP listener.
    pub(crate) async fn client(&self) -> Wire {
        self.connect(self.0.web).await
    }

    /// A connection to one of its listeners.
    pub(crate) async fn connect(&self, to: SocketAddr) -> Wire {
        let deadline = self.now() + PATIENCE;
        self.wire(self.0.engine.connect(to, deadline).await.expect("the shard listens"))
    }

    fn wire(&self, stream: SimStream) -> Wire {
        let mut wire = Wire::new(stream);
        wire.deadline = self.now() + PATIENCE;
        wire
    }

    /// Has this backend listen.
    pub(crate) fn listen(&self, origin: usize) -> <Sim as Engine>::Listener {
        let socket = self.0.net.listen(origin_address(origin));
        self.0.engine.adopt_listener(socket).expect("room for a listener")
    }

    /// The next connection that a backend gets.
    pub(crate) async fn accept(&self, listener: &<Sim as Engine>::Listener) -> Wire {
        let accepted = listener.accept().await.expect("a listening socket");
        self.wire(accepted.expect("it was not stopped").0)
    }

    /// From now on, this backend answers no request for a connection.
    pub(crate) fn black_hole(&self, origin: usize) {
        self.0.net.black_hole(origin_address(origin));
    }

    /// Sends something; whether the peer, or the kernel for it, has taken it.
    pub(crate) async fn send(&self, wire: &Wire, bytes: &[u8]) -> bool {
        let engine = &self.0.engine;
        talk::send(engine, &wire.stream, bytes, Pace::AtOnce, &mut rng(0)).await.is_ok()
    }

    /// What the shard says of itself.
    pub(crate) async fn snapshot(&self) -> Snapshot {
        let (reply, answer) = std::sync::mpsc::channel();
        let command = Command::Snapshot(Box::new(move |snapshot| {
            let _ = reply.send(snapshot);
        }));
        self.0.inbox.send(command).expect("the shard runs");
        loop {
            if let Ok(snapshot) = answer.try_recv() {
                return snapshot;
            }
            self.0.engine.yield_now().await;
        }
    }

    /// What the shard told the coordinator since this was asked last, but for what it counted.
    pub(crate) fn told(&self) -> Vec<board::Signal> {
        let mut told = std::mem::take(&mut *self.0.told.lock().unwrap_or_else(PoisonError::into_inner));
        told.retain(|signal| !matches!(signal, board::Signal::Counts { .. }));
        told
    }

    /// Requests and failures of each backend that the shard has told, since this or [`Site::told`] was asked last.
    pub(crate) fn told_counts(&self) -> Vec<(u32, u64, u64)> {
        let told = std::mem::take(&mut *self.0.told.lock().unwrap_or_else(PoisonError::into_inner));
        let counts = told.into_iter().filter_map(|signal| match signal {
            board::Signal::Counts { member, requests, failures } => {
                Some((member.backend, requests, failures))
            }
            _ => None,
        });
        counts.collect()
    }

    /// Tells the shard something, and waits until it has taken note.
    pub(crate) async fn command(&self, command: Command<SimSocket>) {
        self.0.inbox.send(command).expect("the shard runs");
        self.snapshot().await;
    }

    /// Requests in flight on a backend, and connections to it.
    pub(crate) fn load(&self, backend: u32) -> (u64, u64) {
        self.0.process.plan.load(Member { cluster: 0, backend })
    }

    /// Has the shard drain, and waits until it has ended.
    pub(crate) async fn drain(&self, within: Duration) -> Summary {
        self.0.inbox.send(Command::Drain { within }).expect("the shard runs");
        self.0.ended.1.wait().await;
        self.0.ended.0.borrow().clone().expect("the shard has ended")
    }

    /// Checks that a deadline which began at `since`, or a moment later, has fired now: not before, and in the same turn.
    #[track_caller]
    pub(crate) fn fired(&self, what: &str, since: Time, deadline: Duration) {
        let took = self.now().since(since);
        assert!(
            (deadline..deadline + TURN).contains(&took),
            "{what}: after {took:?} instead of {deadline:?}"
        );
    }
}

/// Reads a head that must come.
pub(crate) async fn head(wire: &mut Wire) -> Head {
    wire.head().await.unwrap_or_else(|fail| panic!("no head: {fail:?}"))
}

/// The next request of a backend's connection, answered.
pub(crate) async fn serve(site: &Site, origin: &mut Wire) {
    head(origin).await;
    assert!(site.send(origin, OK).await);
}

/// Reads the answer of [`serve`].
pub(crate) async fn take_ok(client: &mut Wire) -> Head {
    let head = head(client).await;
    assert!(head.start.starts_with("HTTP/1.1 200 "), "{head:?}");
    client.skip(2).await.expect("the answer is whole");
    head
}

/// Reads an answer with this status that the proxy gives by itself.
pub(crate) async fn own_answer(wire: &mut Wire, status: u16) -> Head {
    let head = head(wire).await;
    assert!(head.start.starts_with(&format!("HTTP/1.1 {status} ")), "{status} expected: {head:?}");
    let len = head.number("content-length").expect("an own answer has its length");
    wire.skip(len).await.expect("an own answer is whole");
    head
}

/// Reads on until the connection ends, whatever comes before; how it ends.
pub(crate) async fn end(wire: &mut Wire) -> End {
    loop {
        match wire.more().await {
            Ok(()) => {}
            Err(Fail::End) => return End::Clean,
            Err(Fail::Broken(_)) => return End::Reset,
            Err(Fail::Late) => panic!("the connection does not end"),
        }
    }
}

/// Waits for the end of a connection on which nothing comes any more.
pub(crate) async fn silent_end(wire: &mut Wire) -> End {
    assert!(wire.is_empty(), "{}", wire.rest());
    let how = end(wire).await;
    assert!(wire.is_empty(), "bytes where silence is promised: {}", wire.rest());
    how
}
