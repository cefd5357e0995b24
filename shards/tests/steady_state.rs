//! What a request costs once everything is warm: two send operations, no heap allocation, no buffer left behind.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use ringway_core::Config;
use ringway_core::config::{HashKey, LoadMetric, OutlierDetection, Policy, RateKey, RateLimit};
use ringway_engine::native;
use ringway_engine::uring::Settings;
use ringway_shards::inbox::{self, Sender};
use ringway_shards::{Command, Files, Gate, Launch, Plan, Snapshot, Summary};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; a count of a thread that is ending is let go.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const REQUEST: &[u8] =
    b"GET /index.html?q=1 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello, world";

/// An origin that answers each head it reads, one thread a connection.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                let mut seen = 0;
                loop {
                    let Ok(n @ 1..) = stream.read(&mut buffer[seen..]) else { return };
                    seen += n;
                    if buffer[..seen].ends_with(b"\r\n\r\n") {
                        seen = 0;
                        if stream.write_all(ANSWER).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}

struct Proxy {
    address: SocketAddr,
    inbox: Sender,
    shard: thread::JoinHandle<Summary>,
}

fn proxy(origin: SocketAddr, change: impl FnOnce(&mut Config)) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let mut config = Config::direct(address, &[origin], None).expect("a sound configuration");
    change(&mut config);
    let plan = Arc::new(Plan::new(&config, &[address], &Files::default(), &[0; 32]).expect("a sound plan"));
    let (inbox, receiver) = inbox::channel();
    let shard = thread::spawn(move || {
        let sockets = vec![OwnedFd::from(listener)];
        let gate = Arc::new(Gate::configured(u32::MAX, &config.daemon));
        let launch = Launch::alone(plan, sockets, receiver, 1, gate);
        let (summary, report) =
            native::run(&Settings::default(), |engine| ringway_shards::run(engine, launch))
                .expect("io_uring");
        assert_eq!(report.counters.in_flight, 0);
        assert_eq!(report.counters.chunks_out, 0);
        assert_eq!(report.counters.streams, 0);
        summary
    });
    Proxy { address, inbox, shard }
}

impl Proxy {
    /// The shard's snapshot, and the allocations its thread has made.
    fn snapshot(&self) -> (Snapshot, u64) {
        let (reply, answer) = mpsc::channel();
        let command = Command::Snapshot(Box::new(move |snapshot| {
            let _ = reply.send((snapshot, ALLOCATIONS.get()));
        }));
        self.inbox.send(command).expect("the shard runs");
        answer.recv_timeout(Duration::from_secs(5)).expect("the shard answers")
    }

    fn drain(self) -> Summary {
        self.inbox.send(Command::Drain { within: Duration::from_secs(5) }).expect("the shard runs");
        self.shard.join().expect("the shard ends well")
    }
}

fn request(client: &mut TcpStream) {
    client.write_all(REQUEST).expect("the proxy takes the request");
    let mut answer = [0; ANSWER.len()];
    client.read_exact(&mut answer).expect("the proxy answers");
    assert_eq!(answer.escape_ascii().to_string(), ANSWER.escape_ascii().to_string());
}

#[test]
fn a_warm_request_costs_two_sends_no_allocation_and_leaves_no_buffer() {
    costs_two_sends_and_nothing_else(|_| {});
}

#[test]
fn limits_that_are_not_reached_cost_neither() {
    costs_two_sends_and_nothing_else(|config| {
        config.daemon.max_connections_per_source = Some(100);
        config.daemon.max_in_flight_per_source = Some(100);
        config.listeners[0].rate_limit =
            Some(RateLimit { key: RateKey::Source, rate: 1_000_000, burst: 1_000_000 });
        let cluster = &mut config.clusters[0];
        (cluster.max_in_flight, cluster.max_connections) = (Some(100), Some(100));
        (cluster.backends[0].max_in_flight, cluster.backends[0].max_connections) = (Some(100), Some(100));
        cluster.outlier_detection = Some(OutlierDetection::default());
        (cluster.load_balancing, cluster.load_metric) = (Policy::LeastLoaded, LoadMetric::Latency);
    });
}

#[test]
fn being_chosen_by_a_hash_costs_neither() {
    costs_two_sends_and_nothing_else(|config| {
        let cluster = &mut config.clusters[0];
        (cluster.load_balancing, cluster.hash_key) = (Policy::Maglev, HashKey::Header("user-agent".into()));
        cluster.hash_balance = Some(125);
    });
}

fn costs_two_sends_and_nothing_else(change: impl FnOnce(&mut Config)) {
    const REQUESTS: u64 = 2_000;
    let proxy = proxy(origin(), change);
    let mut client = TcpStream::connect(proxy.address).expect("the proxy listens");
    for _ in 0..200 {
        request(&mut client);
    }
    // The first one pays for its own reply channel.
    proxy.snapshot();
    let (before, allocated_before) = proxy.snapshot();
    for _ in 0..REQUESTS {
        request(&mut client);
    }
    let (after, allocated_after) = proxy.snapshot();

    assert_eq!(after.counters.responses_2xx - before.counters.responses_2xx, REQUESTS);
    assert_eq!(after.engine.sends - before.engine.sends, 2 * REQUESTS, "send operations");
    let recvs = after.engine.recvs - before.engine.recvs;
    assert!(
        recvs <= REQUESTS / 100,
        "{recvs} receives started: the multishot ones go on for hundreds of requests"
    );
    assert_eq!(after.engine.cancels - before.engine.cancels, 0);
    assert_eq!(after.counters.backend_connections, 1);
    assert_eq!(after.engine.chunks_out, 0, "an idle connection holds no buffer");
    assert!(after.turn_max_us > 0 && after.uptime > before.uptime);
    // Snapshots are the only thing on the shard's thread that allocates: each sends its reply.
    let allocated = allocated_after - allocated_before;
    assert!(allocated <= 2, "{allocated} allocations for {REQUESTS} requests");

    drop(client);
    let summary = proxy.drain();
    assert!(summary.drained);
}

#[test]
fn idle_connections_hold_no_buffer_and_a_drain_closes_them() {
    const CLIENTS: usize = 500;
    let proxy = proxy(origin(), |_| {});
    let mut clients: Vec<TcpStream> =
        (0..CLIENTS).map(|_| TcpStream::connect(proxy.address).expect("the proxy listens")).collect();
    for client in &mut clients {
        request(client);
    }
    let (snapshot, _) = proxy.snapshot();
    assert_eq!(snapshot.connections, CLIENTS as u64);
    assert_eq!(snapshot.engine.chunks_out, 0);
    let summary = proxy.drain();
    assert!(summary.drained, "{summary:?}");
    for client in &mut clients {
        assert_eq!(client.read(&mut [0; 16]).expect("a clean end"), 0);
    }
}
