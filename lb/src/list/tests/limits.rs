//! Limits, over all shards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rand::Rng;

use super::*;

#[test]
fn a_full_backend_leaves_requests_to_those_with_room() {
    for policy in
        [Policy::First, Policy::POWER_OF_TWO, Policy::RoundRobin, Policy::LeastLoaded, Policy::Maglev]
    {
        let settings = Settings { policy, ..Settings::default() };
        let (mut bench, keys) = Bench::with_settings(settings, [limited(1, 2), limited(2, 3)]);
        let demand = Demand { hash: Some(5), ..Demand::first() };
        for _ in 0..5 {
            assert_eq!(bench.begin(Time::ZERO, &demand).unwrap().tier, Tier::Primary);
        }
        assert_eq!([0, 1].map(|at| bench.get(keys[at]).requests()), [2, 3], "seed {SEED}: {policy:?}");
        assert_eq!(bench.begin(Time::ZERO, &demand), Err(NoBackend::Full));
        assert_eq!(bench.list.end_request(keys[0]), Released::Kept);
        assert_eq!(bench.begin(Time::ZERO, &demand).unwrap().key, keys[0]);
    }
}

#[test]
fn full_primaries_do_not_overflow_to_backups() {
    let (mut bench, _) = Bench::with([limited(1, 1), backup(2)]);
    assert!(bench.begin(Time::ZERO, &Demand::first()).is_ok());
    assert_eq!(bench.begin(Time::ZERO, &Demand::first()), Err(NoBackend::Full));
}

#[test]
fn a_retry_waits_for_the_one_that_is_left_if_that_is_full() {
    let (mut bench, keys) = Bench::with([limited(1, 1), limited(2, 1)]);
    let first = bench.begin(Time::ZERO, &Demand::first()).unwrap();
    let second = bench.begin(Time::ZERO, &Demand::first()).unwrap();
    assert_eq!(bench.retry(Time::ZERO, &tried(&[first.key])), Err(NoBackend::Full));
    assert_eq!(bench.retry(Time::ZERO, &tried(&keys)), Err(NoBackend::None));
    let _ = bench.list.end_request(second.key);
    assert_eq!(bench.retry(Time::ZERO, &tried(&[first.key])).unwrap().key, second.key);
}

#[test]
fn a_cluster_without_backends_is_not_full() {
    let (mut bench, keys) =
        Bench::with_settings(Settings { requests_max: 1, ..Settings::default() }, [spec(1)]);
    assert!(bench.begin(Time::ZERO, &Demand::first()).is_ok());
    assert_eq!(bench.begin(Time::ZERO, &Demand::first()), Err(NoBackend::Full));
    let _ = bench.list.set_admin(keys[0], Admin::Maint, Time::ZERO);
    assert_eq!(bench.begin(Time::ZERO, &Demand::first()), Err(NoBackend::None));
}

#[test]
fn connections_are_limited_per_backend_and_per_cluster() {
    let settings = Settings { connections_max: 3, ..Settings::default() };
    let two = |n| BackendSpec { connections_max: 2, ..spec(n) };
    let (mut bench, keys) = Bench::with_settings(settings, [two(1), two(2)]);
    assert_eq!([0; 3].map(|_| bench.list.try_open(keys[0])), [true, true, false]);
    assert_eq!([0; 2].map(|_| bench.list.try_open(keys[1])), [true, false]);
    assert_eq!(bench.list.connection_closed(keys[0]), Released::Kept);
    assert!(bench.list.try_open(keys[1]));
    assert_eq!((bench.list.counts().connections, bench.total.connections()), (3, 3));
}

#[test]
fn a_limit_set_later_counts_what_began_before_and_gives_it_back_when_it_goes() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    for _ in 0..3 {
        assert!(bench.begin(Time::ZERO, &Demand::first()).is_ok());
    }
    assert!(bench.list.try_open(keys[0]));
    assert_eq!((bench.total.requests(), bench.total.connections()), (0, 0), "nothing is measured by it");
    let limits = Settings { requests_max: 2, connections_max: 2, ..Settings::default() };
    bench.list.set_settings(limits);
    assert_eq!((bench.total.requests(), bench.total.connections()), (3, 1));
    let _ = bench.list.end_request(keys[0]);
    assert_eq!(bench.begin(Time::ZERO, &Demand::first()), Err(NoBackend::Full));
    let _ = bench.list.end_request(keys[0]);
    assert!(bench.begin(Time::ZERO, &Demand::first()).is_ok());
    bench.list.set_settings(Settings::default());
    assert_eq!((bench.total.requests(), bench.total.connections()), (0, 0));
    bench.list.set_settings(limits);
    let Bench { list, total, .. } = bench;
    assert_eq!(total.requests(), 2);
    drop(list);
    assert_eq!((total.requests(), total.connections()), (0, 0), "a shard that dies gives back what it had");
}

/// Counts how many there are at once, apart from the code under test.
#[derive(Default)]
struct Gauge {
    now: AtomicU64,
    most: AtomicU64,
}

impl Gauge {
    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn limits_hold_for_the_process_however_shards_race() {
    const REQUESTS: usize = 3_000;
    for (cluster_max, backend_max) in [(7, u32::MAX), (u32::MAX, 3), (5, 3)] {
        let settings = Settings { requests_max: cluster_max, ..Settings::default() };
        let total = Arc::new(Load::new());
        let loads = [(); 2].map(|()| Arc::new(Load::new()));
        let (cluster, backends) = (Gauge::default(), [Gauge::default(), Gauge::default()]);
        let served = AtomicU64::new(0);
        thread::scope(|scope| {
            for shard in 0..4 {
                let (total, loads) = (Arc::clone(&total), loads.clone());
                let (cluster, backends, served) = (&cluster, &backends, &served);
                scope.spawn(move || {
                    let mut list = BackendList::new("api".parse().unwrap(), settings, total);
                    let mut rng = SmallRng::seed_from_u64(SEED + shard);
                    let keys = [1, 2].map(|n| {
                        list.add(limited(n, backend_max), Arc::clone(&loads[usize::from(n) - 1])).key
                    });
                    let mut running = Vec::new();
                    for request in 1..=REQUESTS {
                        if let Ok(selection) = list.select(Time::ZERO, &mut rng, &Demand::first()) {
                            let at = keys.iter().position(|key| *key == selection.key).unwrap();
                            cluster.enter();
                            backends[at].enter();
                            running.push((selection.key, at));
                            served.fetch_add(1, Ordering::Relaxed);
                        }
                        if running.len() > 2 || request == REQUESTS || rng.next_u64() % 2 == 0 {
                            thread::yield_now();
                            for (key, at) in running.drain(..) {
                                backends[at].leave();
                                cluster.leave();
                                let _ = list.end_request(key);
                            }
                        }
                    }
                });
            }
        });
        let most = |gauge: &Gauge| gauge.most.load(Ordering::SeqCst);
        assert!(most(&cluster) <= u64::from(cluster_max), "seed {SEED}: {} at once", most(&cluster));
        for backend in &backends {
            assert!(most(backend) <= u64::from(backend_max), "seed {SEED}: {} at once", most(backend));
        }
        assert!(served.into_inner() > 1_000, "seed {SEED}: limits left nearly nothing");
        assert!(loads.iter().all(|load| load.requests() == 0) && total.requests() == 0);
    }
}
