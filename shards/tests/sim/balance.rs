//! Several shards on one host that balance connections between them: each listens at addresses of its own, so that a
//! scenario says who accepts what.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rand::RngExt;
use ringway_core::Config;
use ringway_engine::sim::{self, Net, Sim, SimSettings, SimSocket};
use ringway_engine::{Engine, Listener};
use ringway_shards::{Balance, Command, Files, Gate, Launch, Plan, Snapshot, Summary, inbox};

use crate::config::{self, TCP, WEB, origin_address};
use crate::draw::{buffers, timeouts};
use crate::http::Wire;
use crate::proxy_header;
use crate::script::{Pace, Route};
use crate::site::{End, end, own_answer};
use crate::talk::{self, Signal};
use crate::{rng, seeds};

const SEEDS: u64 = 40;
/// Longer than anything a scenario waits for.
const PATIENCE: Duration = Duration::from_secs(100);
/// What a scenario leaves is idle, and may linger.
const DRAIN: Duration = Duration::from_secs(5);
/// Time for a connection to be accepted, and to find its shard.
const SOON: Duration = Duration::from_millis(5);

/// A shard, and how it ended.
struct One {
    inbox: inbox::Sender<Command<SimSocket>>,
    ended: Rc<(RefCell<Option<Summary>>, Signal)>,
}

impl One {
    async fn drain(&self, within: Duration) -> Summary {
        // It may have been told before.
        let _ = self.inbox.send(Command::Drain { within });
        self.ended.1.wait().await;
        self.ended.0.borrow().clone().expect("it has ended")
    }
}

struct Inner {
    engine: Sim,
    net: Net,
    shards: Vec<One>,
    balance: Arc<Balance<SimSocket>>,
    gate: Arc<Gate>,
}

/// Some shards with an HTTP and a TCP listener each.
#[derive(Clone)]
struct House(Rc<Inner>);

/// Runs a scenario with so many shards; at its end all of them must be able to drain, and nothing may be left of them.
fn house<F: Future<Output = ()> + 'static>(
    seed: u64,
    shards: u16,
    change: impl FnOnce(&mut Config),
    scenario: impl FnOnce(House) -> F,
) {
    let mut config = config::base(1);
    config.routes = vec![config::fixed_rule()];
    for listener in &mut config.listeners {
        listener.timeouts = timeouts();
    }
    change(&mut config);
    let plan = Arc::new(Plan::new(&config, &[WEB, TCP], &Files::default(), &[0; 32]).expect("a sound plan"));
    let gate = Arc::new(Gate::configured(u32::MAX, &config.daemon));
    let balance = Balance::new(shards.into());
    let (theirs, counted) = (Arc::clone(&gate), Arc::clone(&balance));
    let ((), report) = sim::run(&SimSettings::new(seed), &buffers(&mut rng(seed)), |engine, net| {
        let start = |id| {
            let (inbox, receiver) = inbox::channel();
            let sockets = [WEB, TCP].map(|of| net.listen(at(of, id))).into();
            let (seed, gate) = (seed << 8 | u64::from(id), Arc::clone(&theirs));
            let launch = Launch {
                id,
                balance: Some(Arc::clone(&counted)),
                shards,
                ..Launch::alone(Arc::clone(&plan), sockets, receiver, seed, gate)
            };
            let ended: Rc<(RefCell<Option<Summary>>, Signal)> = Rc::default();
            let (shard, end) = (ringway_shards::run(engine.clone(), launch), Rc::clone(&ended));
            engine.spawn(async move {
                *end.0.borrow_mut() = Some(shard.await);
                end.1.give();
            });
            One { inbox, ended }
        };
        let shards = (0..shards).map(start).collect();
        let house = House(Rc::new(Inner { engine, net, shards, balance: counted, gate: theirs }));
        let scenario = scenario(house.clone());
        async move {
            scenario.await;
            house.close().await;
        }
    })
    .expect("sizes that fit");
    assert!(report.is_clean(), "something is left behind on the host: {report:?}");
    assert_eq!(gate.open(), 0, "a connection that ended still counts");
    let loads: Vec<_> = (0..shards).map(|shard| balance.load(shard)).collect();
    assert_eq!(loads, vec![0; shards.into()], "a connection that ended still weighs");
}

/// Where a shard listens.
fn at(listener: SocketAddr, shard: u16) -> SocketAddr {
    SocketAddr::new(listener.ip(), listener.port() + 10 * shard)
}

impl House {
    /// A connection that this shard accepts.
    async fn connect(&self, listener: SocketAddr, shard: u16) -> Wire {
        let engine = &self.0.engine;
        let deadline = engine.now() + PATIENCE;
        let mut wire = Wire::new(engine.connect(at(listener, shard), deadline).await.expect("it listens"));
        wire.deadline = deadline;
        wire
    }

    async fn send(&self, wire: &Wire, bytes: &[u8]) {
        let sent = talk::send(&self.0.engine, &wire.stream, bytes, Pace::AtOnce, &mut rng(0)).await;
        sent.expect("the shard takes it");
    }

    /// A request, and its answer.
    async fn ask(&self, wire: &mut Wire) {
        let request = format!("GET {} HTTP/1.1\r\nHost: sim.example\r\n\r\n", Route::Fixed.prefix());
        self.send(wire, request.as_bytes()).await;
        own_answer(wire, 203).await;
    }

    /// A client of this shard that was served and stays.
    async fn client(&self, shard: u16) -> Wire {
        let mut wire = self.connect(WEB, shard).await;
        self.ask(&mut wire).await;
        wire
    }

    async fn sleep(&self, time: Duration) {
        talk::sleep(&self.0.engine, time).await;
    }

    fn loads(&self) -> Vec<u32> {
        (0..self.0.shards.len() as u16).map(|shard| self.0.balance.load(shard)).collect()
    }

    /// How many connections each shard serves.
    async fn open(&self) -> Vec<u64> {
        let (reply, answer) = mpsc::channel();
        for shard in &self.0.shards {
            let reply = reply.clone();
            let report = move |snapshot: Snapshot| {
                let _ = reply.send(snapshot.connections);
            };
            shard.inbox.send(Command::Snapshot(Box::new(report))).expect("it runs");
        }
        let mut open = Vec::new();
        while open.len() < self.0.shards.len() {
            self.0.engine.yield_now().await;
            open.extend(answer.try_iter());
        }
        open
    }

    /// Drains every shard; what each has counted, in their order.
    async fn drain(&self) -> Vec<Summary> {
        let mut summaries = Vec::new();
        for shard in &self.0.shards {
            let summary = shard.drain(DRAIN).await;
            assert!(summary.drained, "{summary:?}");
            summaries.push(summary);
        }
        summaries
    }

    async fn close(self) {
        let since = self.0.engine.now();
        let open = |shard: &&One| shard.ended.0.borrow().is_none();
        for shard in self.0.shards.iter().filter(open) {
            let summary = shard.drain(DRAIN).await;
            assert!(summary.drained, "{summary:?}");
        }
        let took = self.0.engine.now().since(since);
        assert!(took < DRAIN, "there was nothing to wait for: {took:?}");
        // The sweep of each shard's pool goes on until its engine ends: only what they had open must be gone.
        for _ in 0..100 {
            let counters = self.0.engine.counters();
            if [counters.streams, counters.listeners, counters.chunks_out] == [0; 3] {
                return;
            }
            self.sleep(Duration::from_millis(50)).await;
        }
        panic!("something is left in drained shards: {:?}", self.0.engine.counters());
    }
}

#[test]
fn connections_that_all_come_to_one_shard_are_served_by_all() {
    seeds::each("connections_that_all_come_to_one_shard_are_served_by_all", SEEDS, |seed| {
        house(
            seed,
            4,
            |_| {},
            |house| async move {
                let mut clients = Vec::new();
                for _ in 0..64 {
                    clients.push(house.client(0).await);
                }
                assert!(house.loads().iter().all(|load| *load <= 18), "{:?}", house.loads());
                assert_eq!((house.loads().iter().sum::<u32>(), house.0.gate.open()), (64, 64));
                // They are served where they are now, again and again.
                for client in &mut clients {
                    house.ask(client).await;
                }
                let loads = house.loads();
                for (summary, load) in house.drain().await.iter().zip(&loads) {
                    let counters = &summary.snapshot.counters;
                    let kept = counters.connections - counters.handed_over;
                    assert_eq!(kept + counters.taken_over, u64::from(*load), "{counters:?}");
                    assert_eq!(counters.connections, if summary.snapshot.shard == 0 { 64 } else { 0 });
                    assert_eq!(counters.requests, u64::from(2 * load), "{counters:?}");
                }
                for client in &mut clients {
                    assert_eq!(end(client).await, End::Clean);
                }
            },
        );
    });
}

#[test]
fn a_shard_that_drains_takes_nothing_more_and_loses_nothing_that_was_on_its_way() {
    let name = "a_shard_that_drains_takes_nothing_more_and_loses_nothing_that_was_on_its_way";
    seeds::each(name, SEEDS, |seed| {
        house(
            seed,
            2,
            |_| {},
            |house| async move {
                let mut rng = rng(seed);
                let mut clients = Vec::new();
                for _ in 0..rng.random_range(3..10) {
                    clients.push(house.client(0).await);
                }
                // Some come as it drains: by then they are accepted, on their way, or just there.
                let coming: Vec<_> = (0..12).map(|_| house.connect(WEB, 0)).collect();
                let mut late = Vec::new();
                for coming in coming {
                    late.push(coming.await);
                    if rng.random::<f64>() < 0.1 {
                        let _ = house.0.shards[1].inbox.send(Command::Drain { within: DRAIN });
                    }
                    if rng.random() {
                        house.sleep(Duration::from_micros(rng.random_range(0..200))).await;
                    }
                }
                let _ = house.0.shards[1].inbox.send(Command::Drain { within: DRAIN });
                for client in &mut late {
                    house.ask(client).await;
                }
                let taken = house.0.shards[1].drain(DRAIN).await.snapshot.counters.taken_over;
                assert!(taken > 0);
                // From now on the other one has all of them.
                let before = house.loads()[0];
                for _ in 0..10 {
                    clients.push(house.client(0).await);
                }
                assert_eq!(house.loads(), [before + 10, 0]);
            },
        );
    });
}

#[test]
fn a_source_has_its_limit_over_all_shards_and_by_the_name_its_proxy_gives() {
    let limit = |config: &mut Config| {
        config.daemon.max_connections_per_source = Some(3);
        config.listeners[0].proxy_protocol = true;
        config.listeners[0].trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    };
    let name = "a_source_has_its_limit_over_all_shards_and_by_the_name_its_proxy_gives";
    seeds::each(name, SEEDS, |seed| {
        house(seed, 3, limit, |house| async move {
            let mut clients = Vec::new();
            for nth in 0..9 {
                let mut wire = house.connect(WEB, 0).await;
                let source = proxy_header::source(nth % 3, nth as u64);
                house.send(&wire, &proxy_header::write(nth % 2 == 0, source)).await;
                house.ask(&mut wire).await;
                clients.push(wire);
            }
            assert!(house.loads().iter().all(|load| *load >= 2), "{:?}", house.loads());
            for shard in 0..3 {
                let mut wire = house.connect(WEB, shard).await;
                house.send(&wire, &proxy_header::write(false, proxy_header::source(1, 50))).await;
                assert_eq!(end(&mut wire).await, End::Reset);
            }
            drop(clients.remove(1));
            house.sleep(SOON).await;
            let mut wire = house.connect(WEB, 0).await;
            house.send(&wire, &proxy_header::write(false, proxy_header::source(1, 51))).await;
            house.ask(&mut wire).await;
        });
    });
}

#[test]
fn a_shard_at_its_limit_is_not_pushed_beyond_it_and_everybody_has_a_turn() {
    const CLIENTS: usize = 40;
    let limit = |config: &mut Config| config.daemon.max_connections_per_shard = 4;
    let name = "a_shard_at_its_limit_is_not_pushed_beyond_it_and_everybody_has_a_turn";
    seeds::each(name, SEEDS, |seed| {
        house(seed, 2, limit, |house| async move {
            let served = Rc::new(Cell::new(0));
            for n in 0..CLIENTS {
                let (own, served) = (house.clone(), Rc::clone(&served));
                house.0.engine.spawn(async move {
                    let client = own.client(u16::from(n % 3 == 0)).await;
                    own.sleep(SOON / 5).await;
                    drop(client);
                    served.set(served.get() + 1);
                });
            }
            while served.get() < CLIENTS {
                house.sleep(SOON / 50).await;
                let open = house.open().await;
                assert!(open.iter().all(|open| *open <= 4), "{open:?}");
            }
        });
    });
}

#[test]
fn a_connection_of_a_tcp_listener_stays_one() {
    seeds::each("a_connection_of_a_tcp_listener_stays_one", SEEDS, |seed| {
        house(
            seed,
            2,
            |_| {},
            |house| async move {
                let socket = house.0.net.listen(origin_address(0));
                let origin = house.0.engine.adopt_listener(socket).expect("room for a listener");
                let mut tunnels = Vec::new();
                for n in 0..6_u8 {
                    let mut client = house.connect(TCP, 0).await;
                    let (backend, _) = origin.accept().await.expect("it listens").expect("nobody stops it");
                    let mut backend = Wire::new(backend);
                    house.send(&backend, &[b'a' + n; 100]).await;
                    assert_eq!(client.read(100).await.expect("it comes through"), [b'a' + n; 100]);
                    house.send(&client, &[b'A' + n; 100]).await;
                    assert_eq!(backend.read(100).await.expect("it comes through"), [b'A' + n; 100]);
                    tunnels.push((client, backend));
                }
                assert!(house.loads().iter().all(|load| (2..=4).contains(load)), "{:?}", house.loads());
            },
        );
    });
}
