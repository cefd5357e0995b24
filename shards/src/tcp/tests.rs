//! TCP listeners of a whole shard on a simulated host.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use ringway_core::Config;
use ringway_core::config::{Protocol, SendProxy};
use ringway_engine::sim::{Net, Sim, SimSettings, SimSocket};
use ringway_engine::{Engine, Listener, Stream};

use crate::proxy_protocol::{self, Parsed, Version};
use crate::tunnel::tests::{SimStream, run, seeds, send, take};
use crate::{Command, Files, Gate, Launch, Plan, Summary, inbox};

type SimListener = <Sim as Engine>::Listener;

const PROXY: SocketAddr = local(8080);
const ORIGINS: [SocketAddr; 2] = [local(9000), local(9001)];
/// Longer than anything takes that does not wait for a deadline.
const SOON: Duration = Duration::from_millis(50);

const fn local(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

async fn accept(listener: &SimListener) -> SimStream {
    listener.accept().await.expect("it listens").expect("it was not stopped").0
}

/// A shard with one TCP listener.
struct Site {
    engine: Sim,
    net: Net,
    inbox: inbox::Sender<Command<SimSocket>>,
    summary: Rc<RefCell<Option<Summary>>>,
}

impl Site {
    fn open(engine: Sim, net: Net, seed: u64, change: impl FnOnce(&mut Config)) -> Site {
        let mut config = Config::direct(PROXY, &ORIGINS, None).expect("a sound configuration");
        config.clusters[0].frontends.clear();
        config.listeners[0].protocol = Protocol::Tcp;
        config.listeners[0].cluster = Some(config.clusters[0].id.clone());
        change(&mut config);
        let plan = Plan::new(&config, &[PROXY], &Files::default(), &[0; 32]).expect("a sound plan");
        let (inbox, receiver) = inbox::channel();
        let gate = Arc::new(Gate::new(u32::MAX, None));
        let launch = Launch::alone(Arc::new(plan), vec![net.listen(PROXY)], receiver, seed, gate);
        let summary: Rc<RefCell<Option<Summary>>> = Rc::default();
        let (shard, end) = (crate::run(engine.clone(), launch), Rc::clone(&summary));
        engine.spawn(async move { *end.borrow_mut() = Some(shard.await) });
        Site { engine, net, inbox, summary }
    }

    async fn connect(&self) -> SimStream {
        self.engine.connect(PROXY, self.engine.now() + SOON).await.expect("the proxy listens")
    }

    /// Has this origin listen.
    fn listen(&self, origin: usize) -> SimListener {
        let socket = self.net.listen(ORIGINS[origin]);
        self.engine.adopt_listener(socket).expect("room for a listener")
    }

    async fn sleep(&self, time: Duration) {
        self.engine.sleep_until(self.engine.now() + time).await;
    }

    /// Drains the shard, which has nothing to do.
    async fn close(self) -> Summary {
        self.inbox.send(Command::Drain { within: Duration::from_secs(1) }).expect("a shard takes commands");
        self.sleep(Duration::from_secs(2)).await;
        self.summary.take().expect("a drain ends")
    }
}

fn site<F: Future<Output = ()> + 'static>(
    change: impl Fn(&mut Config, &mut SmallRng),
    case: impl Fn(Site, SmallRng) -> F,
) {
    seeds(50, |seed| {
        run(&SimSettings::new(seed), |engine, net| {
            let mut rng = SmallRng::seed_from_u64(seed);
            let site = Site::open(engine, net, seed, |config| change(config, &mut rng));
            case(site, rng)
        });
    });
}

#[test]
fn a_connection_goes_to_a_backend_that_takes_it_and_the_backend_may_speak_first() {
    site(
        |_, _| {},
        |site, _| async move {
            // The other origin refuses.
            let listener = site.listen(1);
            let client = site.connect().await;
            let origin = accept(&listener).await;
            send(&site.engine, &origin, b"220 ready").await.expect("the tunnel works");
            assert_eq!(take(&client, 9).await, b"220 ready");
            send(&site.engine, &client, b"QUIT").await.expect("the tunnel works");
            client.shutdown_write();
            assert_eq!(take(&origin, 4).await, b"QUIT");
            assert!(origin.recv().await.expect("the tunnel works").is_none());
            send(&site.engine, &origin, b"221 bye").await.expect("the tunnel works");
            origin.shutdown_write();
            assert_eq!(take(&client, 7).await, b"221 bye");
            assert!(client.recv().await.expect("the tunnel works").is_none());
            let summary = site.close().await;
            assert!(summary.drained);
            let counters = summary.snapshot.counters;
            assert_eq!((counters.tunnels, counters.tunnel_bytes), (1, 20));
        },
    );
}

#[test]
fn without_a_backend_the_client_is_reset() {
    site(
        |_, _| {},
        |site, _| async move {
            let client = site.connect().await;
            let error = client.recv().await.expect_err("a reset");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            let counters = site.close().await.snapshot.counters;
            assert_eq!((counters.unserved, counters.connect_failures, counters.tunnels), (1, 2, 0));
        },
    );
}

#[test]
fn the_backend_is_told_whose_connection_it_is() {
    site(
        |config, _| {
            config.listeners[0].proxy_protocol = true;
            config.listeners[0].trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
            config.clusters[0].send_proxy = SendProxy::V2;
            config.clusters[0].backends.truncate(1);
        },
        |site, mut rng| async move {
            let source = "198.51.100.7:4711".parse().expect("an address");
            let destination = "[2001:db8::1]:25".parse().expect("an address");
            let mut bytes = Vec::new();
            let version = if rng.random() { Version::V1 } else { Version::V2 };
            proxy_protocol::write(version, source, destination, &mut bytes);
            bytes.extend_from_slice(b"HELO");
            let listener = site.listen(0);
            let client = site.connect().await;
            let cut = rng.random_range(0..=bytes.len());
            for piece in [&bytes[..cut], &bytes[cut..]] {
                send(&site.engine, &client, piece).await.expect("the tunnel works");
                site.sleep(Duration::from_micros(rng.random_range(0..1_000))).await;
            }
            let origin = accept(&listener).await;
            let mut expected = Vec::new();
            proxy_protocol::write(Version::V2, source, destination, &mut expected);
            let header_len = expected.len();
            expected.extend_from_slice(b"HELO");
            let received = take(&origin, expected.len()).await;
            assert_eq!(received, expected);
            let Ok(Parsed::Complete(header)) = proxy_protocol::parse(&received) else { panic!("no header") };
            assert_eq!((header.header_len, header.source), (header_len, Some(source)));
        },
    );
}

#[test]
fn a_client_that_sends_no_header_is_refused_at_once() {
    site(
        |config, _| {
            config.listeners[0].proxy_protocol = true;
            config.listeners[0].trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        },
        |site, _| async move {
            let client = site.connect().await;
            let begin = site.engine.now();
            send(&site.engine, &client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .expect("a new connection");
            assert!(client.recv().await.is_err());
            assert!(site.engine.now() < begin + SOON);
            assert_eq!(site.close().await.snapshot.counters.refused_greetings, 1);
        },
    );
}

#[test]
fn a_header_from_a_peer_that_is_not_trusted_is_refused() {
    site(
        |config, _| {
            config.listeners[0].proxy_protocol = true;
            config.listeners[0].trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        },
        |site, _| async move {
            let client = site.connect().await;
            // It may be refused before this is sent.
            let _ = send(&site.engine, &client, b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nHELO").await;
            assert!(client.recv().await.is_err());
            let counters = site.close().await.snapshot.counters;
            assert_eq!((counters.refused_greetings, counters.tunnels), (1, 0));
        },
    );
}

#[test]
fn a_drain_lets_a_tunnel_live_until_its_deadline_and_counts_it_as_cut_off() {
    site(
        |config, _| config.clusters[0].backends.truncate(1),
        |site, _| async move {
            let within = Duration::from_secs(10);
            let listener = site.listen(0);
            let client = site.connect().await;
            let origin = accept(&listener).await;
            site.inbox.send(Command::Drain { within }).expect("a shard takes commands");
            for _ in 0..9 {
                site.sleep(Duration::from_secs(1)).await;
                send(&site.engine, &client, b"still").await.expect("the tunnel lives");
                assert_eq!(take(&origin, 5).await, b"still");
            }
            site.sleep(Duration::from_secs(2)).await;
            let summary = site.summary.take().expect("a drain ends");
            assert!(!summary.drained);
            assert_eq!(summary.cut, 1);
        },
    );
}
