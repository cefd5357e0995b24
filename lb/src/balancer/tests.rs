//! What the library face promises, and the faults that it does not have.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ringway_core::EventKind;

use super::*;
use crate::backend::Status;
use crate::latch::Availability;
use crate::limits::RETRY_TRIES_MAX;
use crate::list::select::Tier;
use crate::policy::Metric;

const SEED: u64 = 0x1B_FACE;

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

fn balancer() -> (LoadBalancer, Clock) {
    let clock = Clock::default();
    clock.advance(Duration::from_secs(1));
    let hands = clock.clone();
    (LoadBalancer::with_clock(move || Time::from_nanos(hands.0.load(Ordering::Relaxed)), SEED), clock)
}

fn address(number: u16) -> SocketAddr {
    ([10, 0, (number >> 8) as u8, number as u8], 80).into()
}

fn addresses(count: u16) -> impl Iterator<Item = SocketAddr> {
    (1..=count).map(address)
}

/// "api" with this many backends.
fn service(count: u16, strategy: impl Into<Settings>) -> (LoadBalancer, Clock) {
    let (balancer, clock) = balancer();
    balancer.register("api", addresses(count), strategy).expect("a name");
    (balancer, clock)
}

fn number_of(selected: &Selected) -> u16 {
    let SocketAddr::V4(address) = selected.address().ip().expect("an IP address") else {
        unreachable!("IPv4 only")
    };
    u16::from_be_bytes([address.ip().octets()[2], address.ip().octets()[3]])
}

/// How often each of `count` backends is selected in `rounds`, one at a time.
fn spread(balancer: &LoadBalancer, count: u16, rounds: usize) -> Vec<usize> {
    let mut spread = vec![0; usize::from(count)];
    for _ in 0..rounds {
        spread[usize::from(number_of(&balancer.select("api").expect("one can open"))) - 1] += 1;
    }
    spread
}

fn backend(balancer: &LoadBalancer, number: u16) -> BackendSnapshot {
    let snapshot = balancer.group_snapshot("api").expect("it is registered");
    snapshot
        .backends
        .into_iter()
        .find(|backend| backend.address == address(number).into())
        .expect("it is there")
}

fn record(balancer: &LoadBalancer) -> Arc<Mutex<Vec<Event>>> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let recorder = Arc::clone(&events);
    balancer.subscribe(move |event| recorder.lock().expect("not poisoned").push(event.clone()));
    events
}

fn kinds(events: &Mutex<Vec<Event>>) -> Vec<EventKind> {
    events.lock().expect("not poisoned").drain(..).map(|event| event.kind).collect()
}

#[test]
fn it_goes_wherever_threads_go() {
    fn check<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn check_selected<T: Send + Sync + 'static>(_: &T) {}
    let (balancer, _) = service(1, Policy::RoundRobin);
    check(&balancer);
    check_selected(&balancer.select("api").expect("it can open"));
}

/// Fault 1: two asymmetric paths to the same bit. What states and what judges agree on one.
#[test]
fn stated_and_judged_health_are_one_bit_with_one_path_in_both_directions() {
    let (balancer, _) = service(2, Policy::RoundRobin);
    let events = record(&balancer);
    for (healthy, kind) in [(false, EventKind::HealthCheckUnhealthy), (true, EventKind::HealthCheckHealthy)] {
        assert!(balancer.mark_health("api", address(1), healthy));
        assert!(!balancer.mark_health("api", address(1), healthy), "it is so already");
        let mut seen = None;
        let judge = |is| {
            seen = Some(is);
            is
        };
        assert!(!balancer.judge_health("api", &address(1).into(), "probed", judge));
        assert_eq!(seen, Some(healthy), "the judge sees what was stated");
        assert_eq!(backend(&balancer, 1).healthy, healthy);
        assert_eq!(balancer.healthy_count("api"), 1 + usize::from(healthy));
        assert_eq!(kinds(&events), [kind], "told once");
    }
    assert!(
        !balancer.mark_health("api", address(9), false) && !balancer.mark_health("web", address(1), false)
    );
}

/// Fault 4: a lock for each backend, and a panic that ends it all.
#[test]
fn a_panic_under_the_lock_does_not_end_selection() {
    let fails = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&fails);
    let clock = move || {
        assert!(!switch.swap(false, Ordering::Relaxed), "the clock broke once");
        Time::from_nanos(1)
    };
    let balancer = LoadBalancer::with_clock(clock, SEED);
    balancer.register("api", addresses(2), Policy::RoundRobin).expect("a name");
    fails.store(true, Ordering::Relaxed);
    let clone = balancer.clone();
    assert!(std::thread::spawn(move || drop(clone.select("api"))).join().is_err());
    assert!(balancer.select("api").is_ok());
}

/// Fault 4: selection that looks at every backend.
#[test]
#[expect(clippy::disallowed_methods, reason = "compares what two sizes cost")]
fn selecting_costs_the_same_among_many_backends_as_among_few() {
    let cost = |count: u16| {
        let (balancer, _) = service(count, Policy::POWER_OF_TWO);
        let one = |_| {
            let start = std::time::Instant::now();
            (0..500).for_each(|_| drop(balancer.select("api").expect("one can open")));
            start.elapsed()
        };
        (0..5).map(one).min().expect("five rounds")
    };
    let (few, many) = (cost(20), cost(20_000));
    assert!(many < few * 20, "{few:?} for 500 of 20, {many:?} for 500 of 20,000");
}

/// Fault 5: between selecting and counting, everybody else picks the same "least" one.
#[test]
fn callers_that_select_at_the_same_moment_never_meet_at_the_same_least_backend() {
    const CALLERS: u16 = 8;
    for _ in 0..50 {
        let (balancer, _) = service(CALLERS, Policy::LeastLoaded);
        let start = std::sync::Barrier::new(usize::from(CALLERS));
        let selected: Vec<Selected> = std::thread::scope(|scope| {
            let one = || {
                start.wait();
                balancer.select("api").expect("one can open")
            };
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(one)).collect();
            callers.into_iter().map(|caller| caller.join().expect("no panic")).collect()
        });
        let mut numbers: Vec<u16> = selected.iter().map(number_of).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=CALLERS).collect::<Vec<_>>(), "one each");
    }
}

#[test]
fn a_limit_holds_while_threads_race_for_the_last_places() {
    let (balancer, _) = balancer();
    let limited = addresses(2).map(|address| BackendSpec { requests_max: 3, ..address.into() });
    balancer.register("api", limited, Policy::POWER_OF_TWO).expect("a name");
    let held: Vec<Selected> = std::thread::scope(|scope| {
        let one = || (0..5).filter_map(|_| balancer.select("api").ok()).collect::<Vec<_>>();
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        callers.into_iter().flat_map(|caller| caller.join().expect("no panic")).collect()
    });
    assert_eq!(held.len(), 6);
    assert_eq!(balancer.select("api").err(), Some(SelectError::NoBackend(NoBackend::Full)));
    drop(held);
    assert_eq!((backend(&balancer, 1).requests, backend(&balancer, 1).connections), (0, 0));
}

#[test]
fn a_backend_without_room_for_a_connection_is_passed_over() {
    let (balancer, _) = balancer();
    let limited = addresses(2).map(|address| BackendSpec { connections_max: 1, ..address.into() });
    balancer.register("api", limited, Policy::First).expect("a name");
    let held = [balancer.select("api").expect("a place"), balancer.select("api").expect("another")];
    assert_ne!(held[0].address(), held[1].address());
    assert_eq!(balancer.select("api").err(), Some(SelectError::NoBackend(NoBackend::Full)));
    assert_eq!((backend(&balancer, 1).requests, backend(&balancer, 1).connections), (1, 1));
}

/// Fault 6: ties go to the first.
#[test]
fn equally_loaded_backends_are_chosen_equally_often() {
    for policy in [Policy::LeastLoaded, Policy::POWER_OF_TWO] {
        let (balancer, _) = service(4, policy);
        let spread = spread(&balancer, 4, 4_000);
        // Five standard deviations of 1,000 expected.
        assert!(
            spread.iter().all(|count| (860..1_140).contains(count)),
            "seed {SEED}, {policy:?}: {spread:?}"
        );
    }
}

/// Fault 6: the successor of a dead backend gets its turns as well.
#[test]
fn the_turns_of_a_dead_backend_are_shared_by_all_others() {
    let (balancer, _) = service(5, Policy::RoundRobin);
    assert!(balancer.mark_health("api", address(2), false));
    assert_eq!(spread(&balancer, 5, 400), [100, 0, 100, 100, 100]);
}

/// Fault 7: no weights.
#[test]
fn shares_follow_weights() {
    let (balancer, _) = balancer();
    let specs = [(1, 300), (2, 100)].map(|(number, weight)| BackendSpec { weight, ..address(number).into() });
    balancer.register("api", specs, Policy::RoundRobin).expect("a name");
    assert_eq!(spread(&balancer, 2, 400), [300, 100]);
}

/// Fault 7: no slow start.
#[test]
fn a_returning_backend_is_eased_in() {
    let settings = Settings { slow_start: Duration::from_secs(10), ..Policy::RoundRobin.into() };
    let (balancer, clock) = service(2, settings);
    drop(balancer.select("api"));
    balancer.mark_health("api", address(1), false);
    clock.advance(Duration::from_secs(1));
    balancer.mark_health("api", address(1), true);
    let fresh = spread(&balancer, 2, 1_100);
    assert!(fresh[0] < fresh[1] / 5, "{fresh:?}");
    assert!(backend(&balancer, 1).share_percent < 100);
    clock.advance(Duration::from_secs(11));
    let warm = spread(&balancer, 2, 1_000);
    assert!(warm[0].abs_diff(warm[1]) < 20, "{warm:?}");
}

/// Fault 7: no backup tier, no fail-open.
#[test]
fn backups_serve_when_nothing_else_can_and_then_health_is_ignored() {
    let (balancer, _) = service(1, Policy::RoundRobin);
    balancer.add_backend("api", BackendSpec { backup: true, ..address(2).into() });
    let tier = |balancer: &LoadBalancer| {
        let selected = balancer.select("api").expect("one can open");
        (number_of(&selected), selected.tier())
    };
    assert_eq!(tier(&balancer), (1, Tier::Primary));
    balancer.mark_health("api", address(1), false);
    assert_eq!(tier(&balancer), (2, Tier::Backup));
    balancer.mark_health("api", address(2), false);
    assert_eq!(tier(&balancer), (1, Tier::FailOpen));
    let snapshot = balancer.group_snapshot("api").expect("it is registered");
    assert!(snapshot.is_failing_open && snapshot.fail_open_decisions == 1);
    assert_eq!(snapshot.availability, Availability::AllDown);
}

/// Fault 7: no passive health.
#[test]
fn a_backend_that_fails_gets_nothing_until_its_back_off_ends() {
    let (balancer, clock) = service(2, Policy::RoundRobin);
    let failing = loop {
        let selected = balancer.select("api").expect("one can open");
        if number_of(&selected) == 1 {
            break selected;
        }
    };
    failing.failed();
    assert_eq!(number_of(&failing.select_again().expect("the other one")), 2);
    drop(failing);
    assert_eq!(spread(&balancer, 2, 10), [0, 10]);
    assert!(backend(&balancer, 1).available && !backend(&balancer, 1).can_open);
    clock.advance(Duration::from_secs(1));
    assert_eq!(spread(&balancer, 2, 10), [5, 5]);
}

#[test]
fn an_outage_is_told_once_and_so_is_its_end() {
    let (balancer, clock) = service(1, Policy::RoundRobin);
    let events = record(&balancer);
    for _ in 0..RETRY_TRIES_MAX + 2 {
        balancer.select("api").expect("a trial").failed();
        clock.advance(Duration::from_secs(64));
    }
    assert_eq!(kinds(&events), [EventKind::BackendDown, EventKind::NoAvailableBackends]);
    balancer.select("api").expect("a trial").succeeded();
    assert_eq!(kinds(&events), [EventKind::BackendUp, EventKind::ClusterRecovered]);
}

/// Fault 7: nobody learns when a removed backend is done.
#[test]
fn a_removed_backend_finishes_what_it_has_and_tells_when_it_is_done() {
    let (balancer, _) = service(1, Policy::RoundRobin);
    let events = record(&balancer);
    let last = balancer.select("api").expect("it can open");
    assert!(balancer.remove_backend("api", address(1)) && !balancer.remove_backend("api", address(1)));
    assert_eq!(backend(&balancer, 1).status, Status::Closing);
    assert_eq!(balancer.select("api").err(), Some(SelectError::NoBackend(NoBackend::None)));
    assert_eq!(kinds(&events), []);
    drop(last);
    assert_eq!(kinds(&events), [EventKind::RemovedBackendHasNoConnections]);
    assert!(balancer.group_snapshot("api").expect("it is registered").backends.is_empty());
}

/// Fault 7: registering again forgets everything.
#[test]
fn registering_and_updating_keep_the_state_of_unchanged_addresses() {
    let (balancer, _) = service(3, Policy::RoundRobin);
    let held = balancer.select("api").expect("one can open");
    let kept = number_of(&held);
    held.failed();
    balancer.mark_health("api", address(kept), false);
    let before = backend(&balancer, kept);
    balancer.register("api", addresses(5), Policy::LeastLoaded).expect("a name");
    assert_eq!(backend(&balancer, kept), before);
    assert_eq!((balancer.backend_count("api"), balancer.healthy_count("api")), (5, 4));
    assert!(balancer.update_backends("api", [address(kept), address(9)]));
    assert_eq!(backend(&balancer, kept), before);
    let snapshot = balancer.group_snapshot("api").expect("it is registered");
    assert_eq!((snapshot.backends.len(), snapshot.settings.policy), (2, Policy::LeastLoaded));
    assert!(!balancer.update_backends("web", addresses(1)));
}

#[test]
fn an_address_is_one_backend_under_the_name_it_came_with() {
    let (balancer, _) = service(1, Policy::RoundRobin);
    balancer.mark_health("api", address(1), false);
    let other =
        BackendSpec { weight: 7, ..BackendSpec::new("other".parse().expect("a name"), address(1).into()) };
    assert!(balancer.add_backend("api", other));
    let known = backend(&balancer, 1);
    assert_eq!((balancer.backend_count("api"), known.id.as_str(), known.weight), (1, "10.0.0.1:80", 7));
    assert!(!known.healthy);
}

/// Fault 7: an update that compares every old address with every new one. With so many it would not come to an end.
#[test]
fn an_update_of_very_many_backends_keeps_what_is_known_of_each() {
    const COUNT: u16 = 60_000;
    let (balancer, _) = service(COUNT, Policy::RoundRobin);
    let last = address(COUNT);
    assert!(balancer.mark_health("api", last, false));
    assert!(balancer.update_backends("api", addresses(COUNT)));
    assert_eq!(balancer.backend_count("api"), usize::from(COUNT));
    assert_eq!(balancer.healthy_count("api"), usize::from(COUNT) - 1);
}

#[test]
fn services_are_listed_and_forgotten() {
    let (balancer, _) = service(1, Policy::RoundRobin);
    balancer.register("web", addresses(2), Policy::Random).expect("a name");
    assert!(balancer.register("no name", addresses(1), Policy::Random).is_err());
    let names = |balancer: &LoadBalancer| {
        balancer.list_service_names().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&balancer), ["api", "web"]);
    assert_eq!(balancer.members().len(), 3);
    let (version, held) = (balancer.members_version(), balancer.select("api").expect("it can open"));
    assert!(balancer.unregister("api") && !balancer.unregister("api"));
    assert_ne!(balancer.members_version(), version);
    assert_eq!((names(&balancer), balancer.backend_count("api")), (vec!["web".to_owned()], 0));
    assert_eq!(balancer.select("api").err(), Some(SelectError::UnknownService));
    held.succeeded();
}

#[test]
fn drained_backends_get_nothing_new_and_those_in_maintenance_are_not_checked() {
    let (balancer, _) = service(3, Policy::RoundRobin);
    assert!(balancer.set_admin("api", address(1), Admin::Drain));
    assert!(balancer.set_admin("api", address(2), Admin::Maint));
    assert_eq!(spread(&balancer, 3, 10), [0, 0, 10]);
    assert_eq!(balancer.members().len(), 2);
    assert!(balancer.set_admin("api", address(2), Admin::Ready) && balancer.members().len() == 3);
}

#[test]
fn where_latency_is_the_metric_answers_are_measured_and_failures_repel() {
    let (balancer, clock) = service(2, Settings { metric: Metric::Latency, ..Policy::LeastLoaded.into() });
    for _ in 0..2 {
        let selected = balancer.select("api").expect("one can open");
        clock.advance(Duration::from_millis(if number_of(&selected) == 1 { 500 } else { 5 }));
        selected.succeeded();
    }
    // Whichever came twice, the other is neutral: 30 ms.
    let before = [1, 2].map(|number| backend(&balancer, number).latency);
    let selected = balancer.select("api").expect("one can open");
    let fast = usize::from(number_of(&selected)) - 1;
    assert!(before[fast] < before[1 - fast], "{before:?}");
    selected.failed();
    assert!(backend(&balancer, number_of(&selected)).latency > Duration::from_millis(900));
}

#[test]
fn an_observer_may_call_back_and_hears_what_that_causes_afterwards() {
    let (balancer, _) = service(2, Policy::RoundRobin);
    let clone = balancer.clone();
    balancer.subscribe(move |event| {
        if event.kind == EventKind::HealthCheckUnhealthy {
            clone.mark_health("api", address(2), false);
        }
    });
    let events = record(&balancer);
    balancer.mark_health("api", address(1), false);
    let expected =
        [EventKind::HealthCheckUnhealthy, EventKind::HealthCheckUnhealthy, EventKind::NoAvailableBackends];
    assert_eq!(kinds(&events), expected);
}
