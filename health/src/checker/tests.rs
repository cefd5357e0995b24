//! What the checker promises, over real sockets; time is virtual but where a thread runs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU64};
use std::sync::mpsc;

use ringway_core::{Address, EventKind, Time};
use ringway_lb::Policy;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;
use crate::limits::PROBES_MAX;
use crate::owner::{address_hash, mix};

const SEED: u64 = 0xC4EC_4E12;
const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than any step a test needs the kernel for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A checker without its thread.
struct Bench {
    balancer: LoadBalancer,
    prober: Prober,
    clock: Arc<AtomicU64>,
    bell: OwnedFd,
    /// Where connecting takes for ever.
    holes: Vec<SocketAddr>,
}

impl Bench {
    fn new() -> Bench {
        let clock = Arc::new(AtomicU64::new(1));
        let hands = Arc::clone(&clock);
        let balancer =
            LoadBalancer::with_clock(move || Time::from_nanos(hands.load(Ordering::Relaxed)), SEED);
        let settings =
            CheckSettings { interval: INTERVAL, fast_interval: INTERVAL, timeout: TIMEOUT, rise: 3, fall: 3 };
        let prober = Prober::new(balancer.clone(), settings, SEED);
        let bell = eventfd(0, EventfdFlags::CLOEXEC).expect("a descriptor");
        Bench { balancer, prober, clock, bell, holes: Vec::new() }
    }

    /// Plays `time` in steps of `step`.
    fn play(&mut self, time: Duration, step: Duration) {
        for _ in 0..time.as_nanos() / step.as_nanos() {
            self.clock.fetch_add(step.as_nanos() as u64, Ordering::Relaxed);
            self.prober.turn(&self.bell, Duration::ZERO);
            // Virtual time stands still until the loopback has answered.
            let hole = self.holes.first().map(SocketAddr::port);
            let ends = |address: &Address| address.ip().is_none_or(|ip| Some(ip.port()) != hole);
            while self.prober.is_under_way(ends) {
                self.prober.turn(&self.bell, Duration::from_millis(10));
            }
            assert!(self.prober.under_way() <= PROBES_MAX);
        }
    }

    /// One probe of everybody.
    fn interval(&mut self) {
        self.play(INTERVAL, Duration::from_secs(1));
    }
}

/// Whether it is probed well within each interval of [`INTERVAL`], where chance does not move it over an end.
fn is_midway(address: &Address) -> bool {
    (u64::MAX / 5..u64::MAX / 5 * 4).contains(&mix(address_hash(address)))
}

/// On a loopback address of its own, where nobody else takes its port once it is closed.
fn listener() -> (TcpListener, SocketAddr) {
    static HOSTS: AtomicU16 = AtomicU16::new(1);
    loop {
        let [high, low] = HOSTS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let listener = TcpListener::bind((Ipv4Addr::new(127, 2, high, low), 0)).expect("a port");
        listener.set_nonblocking(true).expect("it is a socket");
        let address = listener.local_addr().expect("it is bound");
        if is_midway(&address.into()) {
            return (listener, address);
        }
    }
}

/// A port where nobody listens.
fn nobody() -> SocketAddr {
    listener().1
}

/// How many connections came since the last call. The last ones may be on their way still, if the machine is busy.
fn connections(listener: &TcpListener) -> usize {
    let accept = || std::iter::from_fn(|| listener.accept().ok()).count();
    let mut ready = [PollFd::new(listener, PollFlags::IN)];
    let mut count = accept();
    while poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 30_000_000 })).is_ok_and(|ready| ready > 0) {
        count += accept();
    }
    count
}

/// Addresses where connecting takes for ever: a listener whose queue is full. With what keeps them so.
fn black_holes(count: u16) -> (Vec<SocketAddr>, impl Drop) {
    struct Full(
        #[expect(dead_code, reason = "kept open")] OwnedFd,
        #[expect(dead_code, reason = "kept open")] Vec<OwnedFd>,
    );
    impl Drop for Full {
        fn drop(&mut self) {}
    }
    use rustix::net::{
        AddressFamily, SocketFlags, SocketType, bind, connect, getsockname, listen, socket_with,
    };
    let socket =
        |flags| socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("a descriptor");
    let listener = socket(SocketFlags::CLOEXEC);
    bind(&listener, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).expect("a port");
    listen(&listener, 0).expect("it is bound");
    let port =
        SocketAddr::try_from(getsockname(&listener).expect("it is bound")).expect("an IP address").port();
    let fill = |_| {
        let filler = socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
        let _ = connect(&filler, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        filler
    };
    let fillers: Vec<OwnedFd> = (0..4).map(fill).collect();
    let hole = |number: u16| SocketAddr::from(([127, 1, (number >> 8) as u8, number as u8], port));
    ((1..=count).map(hole).collect(), Full(listener, fillers))
}

#[test]
fn three_results_in_a_row_flip_a_verdict_in_either_direction() {
    let mut bench = Bench::new();
    let address = nobody();
    bench.balancer.register("api", [address], Policy::RoundRobin).expect("a name");
    let healthy = |bench: &mut Bench| {
        bench.interval();
        bench.balancer.healthy_count("api")
    };
    assert_eq!([healthy(&mut bench), healthy(&mut bench), healthy(&mut bench)], [1, 1, 0]);
    let _backend = TcpListener::bind(address).expect("nobody took the port");
    assert_eq!([healthy(&mut bench), healthy(&mut bench), healthy(&mut bench)], [0, 0, 1]);
}

#[test]
fn one_failure_among_successes_flips_nothing() {
    let mut bench = Bench::new();
    let address = nobody();
    bench.balancer.register("api", [address], Policy::RoundRobin).expect("a name");
    for _ in 0..3 {
        bench.interval();
        bench.interval();
        let _backend = TcpListener::bind(address).expect("nobody took the port");
        bench.interval();
    }
    assert_eq!(bench.balancer.healthy_count("api"), 1);
}

#[test]
fn results_start_from_what_was_stated() {
    let mut bench = Bench::new();
    bench.balancer.register("api", [nobody()], Policy::RoundRobin).expect("a name");
    (0..3).for_each(|_| bench.interval());
    assert_eq!(bench.balancer.healthy_count("api"), 0);
    let address = bench.balancer.members()[0].1.clone();
    assert!(bench.balancer.mark_health("api", address, true));
    (0..2).for_each(|_| bench.interval());
    assert_eq!(bench.balancer.healthy_count("api"), 1, "a single failure does not overrule a person");
    bench.interval();
    assert_eq!(bench.balancer.healthy_count("api"), 0, "three do");
}

#[test]
fn an_address_in_several_services_is_probed_once_for_all() {
    let mut bench = Bench::new();
    let (backend, address) = listener();
    for service in ["a", "b", "c", "d"] {
        bench.balancer.register(service, [address], Policy::RoundRobin).expect("a name");
    }
    (0..5).for_each(|_| bench.interval());
    assert_eq!(connections(&backend), 5);
    drop(backend);
    (0..3).for_each(|_| bench.interval());
    for service in ["a", "b", "c", "d"] {
        assert_eq!(bench.balancer.healthy_count(service), 0, "{service}");
    }
}

#[test]
fn what_comes_is_probed_and_what_goes_is_not() {
    let mut bench = Bench::new();
    let (first, first_address) = listener();
    let (second, second_address) = listener();
    bench.balancer.register("api", [first_address], Policy::RoundRobin).expect("a name");
    bench.interval();
    bench.balancer.update_backends("api", [second_address]);
    bench.interval();
    assert_eq!((connections(&first), connections(&second)), (1, 1));
    bench.balancer.unregister("api");
    bench.interval();
    assert_eq!((connections(&first), connections(&second)), (0, 0));
}

#[test]
fn a_dead_fleet_does_not_delay_the_probes_of_a_backend_that_lives() {
    let mut bench = Bench::new();
    // At 48 in 5 s, a round takes 60 s.
    let (holes, _full) = black_holes(600);
    bench.holes.clone_from(&holes);
    let (backend, address) = listener();
    bench.balancer.register("dead", holes, Policy::RoundRobin).expect("a name");
    bench.balancer.register("alive", [address], Policy::RoundRobin).expect("a name");
    let step = Duration::from_millis(250);
    // The first round, in which nobody knows.
    bench.play(Duration::from_secs(60), step);
    connections(&backend);
    for _ in 0..10 {
        bench.play(INTERVAL, step);
        let came = connections(&backend);
        assert!((1..=2).contains(&came), "seed {SEED}: probed {came} times in an interval");
    }
    bench.play(Duration::from_secs(60), step);
    assert_eq!((bench.balancer.healthy_count("dead"), bench.balancer.healthy_count("alive")), (0, 1));
}

#[test]
fn no_more_than_64_probes_are_under_way() {
    let mut bench = Bench::new();
    let (holes, _full) = black_holes(300);
    bench.holes.clone_from(&holes);
    bench.balancer.register("dead", holes, Policy::RoundRobin).expect("a name");
    let mut most = 0;
    for _ in 0..20 {
        bench.play(Duration::from_secs(1), Duration::from_millis(500));
        most = most.max(bench.prober.under_way());
    }
    assert_eq!(most, PROBES_MAX);
}

#[test]
fn backends_are_probed_all_through_the_interval() {
    let mut bench = Bench::new();
    let (backend, address) = listener();
    let addresses = (1..=100).map(|host| SocketAddr::from(([127, 3, 0, host], address.port())));
    drop(backend);
    let backend = TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).expect("nobody took the port");
    backend.set_nonblocking(true).expect("it is a socket");
    bench.balancer.register("api", addresses, Policy::RoundRobin).expect("a name");
    let mut second = || {
        bench.play(Duration::from_secs(1), Duration::from_millis(500));
        connections(&backend)
    };
    let seconds: Vec<usize> = (0..20).map(|_| second()).collect();
    // Those whose place was before the start come an interval later; chance moves a few over the end.
    assert!((185..=205).contains(&seconds.iter().sum::<usize>()), "seed {SEED}: {seconds:?}");
    // A tenth each is expected.
    assert!(seconds.iter().all(|count| *count <= 26), "seed {SEED}: {seconds:?}");
}

#[test]
fn a_unix_socket_is_probed_by_its_path() {
    let folder = std::env::temp_dir().join(format!("ringway-checker-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder of our own");
    let address =
        |number: u32| format!("unix:{}/{number}", folder.display()).parse::<Address>().expect("an address");
    let address = (0..).map(address).find(is_midway).expect("one of many");
    let Address::Unix(path) = &address else { unreachable!("by its form") };
    let backend = std::os::unix::net::UnixListener::bind(path).expect("a socket");
    let mut bench = Bench::new();
    let spec = ringway_lb::BackendSpec::new("app".parse().expect("a name"), address.clone());
    bench.balancer.register("api", [spec], Policy::RoundRobin).expect("a name");
    (0..4).for_each(|_| bench.interval());
    assert_eq!(bench.balancer.healthy_count("api"), 1);
    drop(backend);
    (0..3).for_each(|_| bench.interval());
    assert_eq!(bench.balancer.healthy_count("api"), 0);
    std::fs::remove_dir_all(&folder).expect("it is ours");
}

#[test]
fn the_thread_finds_who_is_dead_and_stops_when_dropped() {
    let balancer = LoadBalancer::new();
    let (backend, alive) = listener();
    balancer.register("api", [alive, nobody()], Policy::RoundRobin).expect("a name");
    let (sender, events) = mpsc::channel();
    let sender = Mutex::new(sender);
    balancer.subscribe(move |event| {
        let _ = sender.lock().expect("not poisoned").send(event.clone());
    });
    let tenth = Duration::from_millis(100);
    let checker = spawn_health_checker(&balancer, tenth, tenth).expect("a thread");
    let event = events.recv_timeout(PATIENCE).expect("one is dead");
    assert_eq!(event.kind, EventKind::HealthCheckUnhealthy);
    assert!(event.reason.starts_with("connect: Connection refused"), "{}", event.reason);
    assert!(checker.is_running());
    drop(checker);
    connections(&backend);
    assert!(TcpStream::connect(alive).is_ok(), "it listens still");
    assert_eq!(connections(&backend), 1, "and nobody else comes");
    assert_eq!(balancer.healthy_count("api"), 1);
}

#[test]
fn an_observer_may_stop_the_checker_that_called_it() {
    let balancer = LoadBalancer::new();
    balancer.register("api", [nobody()], Policy::RoundRobin).expect("a name");
    let checker: Arc<Mutex<Option<Checker>>> = Arc::default();
    let (sender, stopped) = mpsc::channel();
    let (held, sender) = (Arc::clone(&checker), Mutex::new(sender));
    balancer.subscribe(move |_| {
        drop(held.lock().expect("not poisoned").take());
        let _ = sender.lock().expect("not poisoned").send(());
    });
    let tenth = Duration::from_millis(100);
    *checker.lock().expect("not poisoned") =
        Some(spawn_health_checker(&balancer, tenth, tenth).expect("a thread"));
    stopped.recv_timeout(PATIENCE).expect("it came back from dropping it");
}

#[test]
fn settings_without_sense_start_nothing() {
    let balancer = LoadBalancer::new();
    let error = spawn_health_checker(&balancer, INTERVAL, INTERVAL * 2).expect_err("the timeout is too long");
    assert!(matches!(error, CheckerError::Settings(CheckError::Timeout)), "{error}");
}
