use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ringway_core::state::ConfigState;
use ringway_core::{Config, ListenerName};
use ringway_engine::Out;
use ringway_engine::sim::{self, Net, Sim, SimSettings, SimSocket};

use super::*;
use crate::{Balance, Command, Files, Gate, Launch, Plan, Planner, inbox};

const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
/// Where a listener listens that comes later.
const OTHER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);
const SEEDS: u64 = 20;
/// How many connections the shard may serve at once.
const ROOM: u32 = 3;

/// A shard without clients, and another one that hands some over.
struct Scene {
    config: Config,
    engine: Sim,
    net: Net,
    balance: Arc<Balance<SimSocket>>,
    gate: Arc<Gate>,
    inbox: inbox::Sender<Command<SimSocket>>,
}

/// Runs a scenario until it ends, and the shard with it, whatever it does.
fn scene<F: Future<Output = ()> + 'static>(scenario: impl Fn(Scene) -> F) {
    for seed in 0..SEEDS {
        // Shown where it fails.
        println!("seed {seed}");
        let mut config = Config::direct(PROXY, &[NOBODY], None).expect("a sound configuration");
        config.daemon.max_connections_per_shard = ROOM;
        let plan = Plan::new(&config, &[PROXY], &Files::default(), &[0; 32]).expect("a sound plan");
        let (gate, balance) = (Arc::new(Gate::new(u32::MAX, None)), Balance::new(2));
        let (own_gate, own_balance) = (Arc::clone(&gate), Arc::clone(&balance));
        let ((), report) = sim::run(&SimSettings::new(seed), &sim::small_queues(), |engine, net| {
            let (inbox, receiver) = inbox::channel();
            let sockets = vec![net.listen(PROXY)];
            let launch = Launch::alone(Arc::new(plan), sockets, receiver, seed, Arc::clone(&own_gate));
            let launch = Launch { balance: Some(Arc::clone(&own_balance)), ..launch };
            let shard = crate::run(engine.clone(), launch);
            engine.spawn(async move {
                let _summary = shard.await;
            });
            scenario(Scene { config, engine, net, balance: own_balance, gate: own_gate, inbox })
        })
        .expect("sizes that fit");
        assert!(report.is_clean(), "something is left behind on the host: {report:?}");
        assert_eq!((gate.open(), balance.load(0)), (0, 0), "connections that ended still count");
    }
}

impl Scene {
    /// The client's end of a connection that is handed over to the shard.
    fn hand_over(&self) -> <Sim as Engine>::Stream {
        self.hand_over_of(0)
    }

    /// The same, of the listener with this number.
    fn hand_over_of(&self, listener: u32) -> <Sim as Engine>::Stream {
        let [client, socket] = self.net.pair(PROXY);
        assert!(self.gate.enter());
        let peer = (Ipv4Addr::LOCALHOST, 1).into();
        self.balance.push(0, Handed { listener, socket, peer });
        self.engine.adopt_stream(client).expect("room for a stream")
    }

    /// How many connections the shard serves.
    async fn open(&self) -> u64 {
        let (reply, answer) = mpsc::channel();
        let report = move |snapshot: crate::Snapshot| {
            let _ = reply.send(snapshot.connections);
        };
        self.inbox.send(Command::Snapshot(Box::new(report))).expect("the shard runs");
        loop {
            if let Ok(open) = answer.try_recv() {
                return open;
            }
            self.engine.yield_now().await;
        }
    }

    async fn sleep(&self, ms: u64) {
        self.engine.sleep_until(self.engine.now() + Duration::from_millis(ms)).await;
    }
}

#[test]
fn what_is_handed_over_waits_for_room_and_is_served_then() {
    scene(|scene| async move {
        scene.engine.yield_now().await;
        let clients: Vec<_> = (0..3 * ROOM).map(|_| scene.hand_over()).collect();
        for client in clients {
            scene.sleep(1).await;
            assert!(scene.open().await <= u64::from(ROOM));
            client.send(Out::Static(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")).await.expect("it is taken");
            let answer = client.recv().await.expect("it is served").expect("an answer");
            assert!(answer.starts_with(b"HTTP/1.1 "), "{}", answer.escape_ascii());
        }
    });
}

#[test]
fn what_waits_when_the_shard_ends_counts_nothing_any_more() {
    scene(|scene| async move {
        scene.engine.yield_now().await;
        let _clients: Vec<_> = (0..3 * ROOM).map(|_| scene.hand_over()).collect();
        scene.sleep(1).await;
        assert_eq!(scene.open().await, u64::from(ROOM));
        assert_eq!(scene.balance.load(0), 3 * ROOM);
    });
}

#[test]
fn what_waits_when_the_shard_drains_is_served_before_it_ends() {
    scene(|scene| async move {
        scene.engine.yield_now().await;
        let clients: Vec<_> = (0..2 * ROOM).map(|_| scene.hand_over()).collect();
        let within = Duration::from_secs(10);
        scene.inbox.send(Command::Drain { within }).expect("the shard runs");
        for client in clients {
            client.send(Out::Static(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")).await.expect("it is taken");
            let answer = client.recv().await.expect("it is served").expect("an answer");
            assert!(answer.starts_with(b"HTTP/1.1 "), "{}", answer.escape_ascii());
        }
        scene.sleep(1).await;
        assert_eq!(scene.balance.load(0), 0);
    });
}

impl Scene {
    /// Has the shard prepare another listener, whose number is 1.
    fn prepare(&self) {
        let state = ConfigState::from_config(&self.config);
        let mut planner = Planner::new([0; 32]);
        let stage = |planner: &Planner, from: &ConfigState, to: &ConfigState| {
            let touched = ConfigState::touched(from, to);
            planner.stage(&touched, to, &|_| None, &Files::default()).expect("a sound plan")
        };
        let first = stage(&planner, &ConfigState::new(), &state);
        planner.commit(first);
        let mut config = self.config.clone();
        let name = ListenerName::parse("other").expect("a name");
        config.listeners.push(ringway_core::config::Listener::new(name, OTHER));
        let to = ConfigState::from_config(&config);
        let staged = stage(&planner, &state, &to);
        let sockets = staged.listeners_to_open();
        let sockets = sockets.into_iter().map(|(slot, _)| (slot, self.net.listen(OTHER))).collect();
        let reply = Box::new(|prepared: Result<(), String>| assert_eq!(prepared, Ok(())));
        let command = Command::Prepare { step: Arc::clone(staged.step()), sockets, reply };
        self.inbox.send(command).expect("the shard runs");
    }
}

/// Asks on a connection that was handed over; whether it is served.
async fn is_served(client: &<Sim as Engine>::Stream) -> bool {
    let asked = client.send(Out::Static(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")).await;
    asked.is_ok() && matches!(client.recv().await, Ok(Some(answer)) if answer.starts_with(b"HTTP/1.1 "))
}

#[test]
fn what_is_handed_over_of_a_listener_that_is_only_prepared_waits_for_the_commit() {
    scene(|scene| async move {
        scene.prepare();
        scene.engine.yield_now().await;
        let (early, behind) = (scene.hand_over_of(1), scene.hand_over());
        scene.sleep(20).await;
        assert_eq!(scene.open().await, 0, "it serves nothing of it yet");
        scene.inbox.send(Command::Commit { reply: Box::new(|_| ()) }).expect("the shard runs");
        assert!(is_served(&early).await && is_served(&behind).await);
    });
}

#[test]
fn what_is_handed_over_of_a_listener_that_never_comes_is_closed() {
    scene(|scene| async move {
        scene.prepare();
        scene.engine.yield_now().await;
        let (early, behind) = (scene.hand_over_of(1), scene.hand_over());
        scene.inbox.send(Command::Abort).expect("the shard runs");
        assert!(!is_served(&early).await && is_served(&behind).await);
        assert!(!is_served(&scene.hand_over_of(7)).await, "nobody knows it");
    });
}
