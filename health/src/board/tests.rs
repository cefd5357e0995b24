//! Scenes: what is told, to whom, and how often.

use std::time::Duration;

use ringway_core::config::{AdminState, HealthCheck, OutlierDetection};
use ringway_core::{Event, EventKind};

use super::*;

mod model;

const fn at(seconds: u64) -> Time {
    Time::from_nanos(seconds * 1_000_000_000)
}

const fn member(backend: u32) -> Member {
    Member { cluster: 0, backend }
}

/// A cluster of `backends`, with a check and outlier detection.
fn cluster(name: &str, backends: u16) -> config::Cluster {
    let backend = |port| config::Backend::new(([127, 0, 0, 1], port).into());
    let mut cluster =
        config::Cluster::new(name.parse().unwrap(), Vec::new(), (1..=backends).map(backend).collect());
    cluster.health_check = Some(HealthCheck::default());
    cluster.outlier_detection = Some(OutlierDetection::default());
    cluster
}

/// A board that is asked at times, and what it tells, in short.
struct Scene {
    board: Board,
    now: Time,
}

impl Scene {
    fn new(cluster: &config::Cluster) -> Scene {
        let mut scene = Scene { board: Board::new(), now: at(0) };
        assert_eq!(scene.set(0, cluster), [""; 0]);
        assert_eq!(scene.add(0, &cluster.backends), [""; 0]);
        scene
    }

    /// A cluster with these settings, or these settings for the cluster in the slot.
    fn set(&mut self, slot: u32, cluster: &config::Cluster) -> Vec<String> {
        self.batch(|board, now, out| board.set_cluster(slot, cluster, now, out))
    }

    /// Backends with the serial numbers from `first` on.
    fn add(&mut self, first: u32, backends: &[config::Backend]) -> Vec<String> {
        self.batch(|board, _, _| {
            (first..).zip(backends).for_each(|(n, new)| board.add_backend(member(n), new))
        })
    }

    fn admin(&mut self, backend: u32, state: AdminState) -> Vec<String> {
        self.batch(|board, _, out| {
            let address = board.backend(member(backend)).unwrap().address.ip().unwrap();
            let update = config::Backend { state, ..config::Backend::new(address) };
            board.update_backend(member(backend), &update, out);
        })
    }

    fn remove(&mut self, backend: u32, shards: &[u16]) -> Vec<String> {
        self.batch(|board, _, out| board.remove_backend(member(backend), shards, out))
    }

    fn drained(&mut self, backend: u32, shard: u16) -> Vec<String> {
        self.signal(Signal::Drained { member: member(backend), shard })
    }

    /// Changes of the configuration that hold all at once, and what is told of them.
    fn batch(&mut self, changes: impl FnOnce(&mut Board, Time, &mut Vec<Output>)) -> Vec<String> {
        let mut out = Vec::new();
        changes(&mut self.board, self.now, &mut out);
        self.board.tick(self.now, &mut out);
        told(&out)
    }

    fn signal(&mut self, signal: Signal) -> Vec<String> {
        let mut out = Vec::new();
        self.board.signal(signal, self.now, &mut out);
        told(&out)
    }

    fn tick(&mut self, now: Time) -> Vec<String> {
        let mut out = Vec::new();
        self.now = now;
        self.board.tick(now, &mut out);
        told(&out)
    }

    fn probed(&mut self, backend: u32, healthy: bool) -> Vec<String> {
        self.signal(Signal::Probed { member: member(backend), healthy, reason: "probed".to_owned() })
    }

    fn down(&mut self, backend: u32) -> Vec<String> {
        self.signal(Signal::Down { member: member(backend), reason: "refused".to_owned() })
    }

    fn up(&mut self, backend: u32) -> Vec<String> {
        self.signal(Signal::Up { member: member(backend) })
    }

    fn outlier(&mut self, backend: u32) -> Vec<String> {
        self.signal(Signal::Outlier { member: member(backend), kind: FailureKind::ServerErrors, run: 5 })
    }

    fn gauges(&self) -> Gauges {
        self.board.gauges(0).unwrap()
    }
}

/// Outputs in short: a name and whom it is about; backends go by their ports.
fn told(out: &[Output]) -> Vec<String> {
    let short = |output: &Output| match output {
        Output::Decide(Decision::Health { member, healthy }) => {
            format!("health {} {healthy}", member.backend)
        }
        Output::Decide(Decision::Reach { member, up }) => format!("reach {} {up}", member.backend),
        Output::Event(Event { kind, address, .. }) => match address {
            Some(address) => format!("{kind} {}", address.ip().unwrap().port() - 1),
            None => kind.to_string(),
        },
        Output::FailOpen { entered, .. } => format!("fail-open {entered}"),
    };
    out.iter().map(short).collect()
}

#[test]
fn each_verdict_is_told_once_with_its_reason() {
    let mut scene = Scene::new(&cluster("shop", 2));
    let mut out = Vec::new();
    let reason = "answered 500, accepted are 2xx".to_owned();
    scene.board.signal(
        Signal::Probed { member: member(1), healthy: false, reason: reason.clone() },
        at(1),
        &mut out,
    );
    let address: ringway_core::Address = "127.0.0.1:2".parse().unwrap();
    let event = Event::new(EventKind::HealthCheckUnhealthy)
        .cluster(&"shop".parse().unwrap())
        .backend(&"127.0.0.1:2".parse().unwrap(), &address)
        .because(reason.clone());
    let decision = Decision::Health { member: member(1), healthy: false };
    assert_eq!(out, [Output::Event(event), Output::Decide(decision)]);
    assert_eq!(scene.board.backend(member(1)).unwrap().unhealthy, Some(&*reason));
    assert_eq!(scene.probed(1, false), [""; 0]);
    assert_eq!(scene.signal(Signal::Stated { member: member(1), healthy: false, reason }), [""; 0]);
    let stated = Signal::Stated { member: member(1), healthy: true, reason: String::new() };
    assert_eq!(scene.signal(stated), ["HEALTH_CHECK_HEALTHY 1", "health 1 true"]);
    assert_eq!(scene.probed(1, true), [""; 0]);
}

#[test]
fn the_first_shard_that_finds_it_down_and_the_first_that_finds_it_up_are_told() {
    let mut scene = Scene::new(&cluster("shop", 2));
    assert_eq!(scene.up(0), [""; 0]);
    assert_eq!(scene.down(0), ["BACKEND_DOWN 0", "reach 0 false"]);
    assert_eq!(scene.down(0), [""; 0]);
    assert_eq!((scene.gauges().unreachable, scene.gauges().available), (1, 1));
    assert_eq!(scene.up(0), ["BACKEND_UP 0", "reach 0 true"]);
    assert_eq!(scene.up(0), [""; 0]);
}

#[test]
fn what_one_shard_reaches_again_no_other_holds_back_and_nothing_is_told() {
    let mut scene = Scene::new(&cluster("shop", 2));
    let recovered = Signal::Recovered { member: member(0) };
    assert_eq!(scene.signal(recovered.clone()), ["reach 0 true"]);
    assert!(!scene.down(0).is_empty());
    assert!(scene.signal(recovered).is_empty(), "that it is down ends with `Up` alone");
    assert!(scene.signal(Signal::Recovered { member: member(7) }).is_empty());
}

#[test]
fn a_probe_that_finds_it_well_again_has_reached_it() {
    let mut scene = Scene::new(&cluster("shop", 1));
    assert_eq!(scene.down(0), ["BACKEND_DOWN 0", "reach 0 false", "NO_AVAILABLE_BACKENDS 0"]);
    assert_eq!(scene.probed(0, true), [""; 0], "no flip: probes had not failed yet");
    assert_eq!(scene.probed(0, false), ["HEALTH_CHECK_UNHEALTHY 0", "health 0 false"]);
    assert_eq!(
        scene.probed(0, true),
        ["HEALTH_CHECK_HEALTHY 0", "BACKEND_UP 0", "health 0 true", "reach 0 true", "CLUSTER_RECOVERED 0"]
    );
    assert_eq!(scene.up(0), [""; 0]);
}

#[test]
fn an_outage_is_told_once_whatever_it_is_made_of() {
    let mut scene = Scene::new(&cluster("shop", 4));
    assert_eq!(scene.probed(0, false), ["HEALTH_CHECK_UNHEALTHY 0", "health 0 false"]);
    assert_eq!(scene.down(1), ["BACKEND_DOWN 1", "reach 1 false"]);
    assert_eq!(scene.outlier(2), ["BACKEND_EJECTED 2", "health 2 false"]);
    assert_eq!(scene.admin(3, AdminState::Drain), [""; 0], "who drains still serves");
    let mut out = Vec::new();
    let mut update = cluster("shop", 4).backends.swap_remove(3);
    update.state = AdminState::Maint;
    scene.board.update_backend(member(3), &update, &mut out);
    scene.board.tick(scene.now, &mut out);
    assert_eq!(told(&out), ["NO_AVAILABLE_BACKENDS 3"]);
    let [Output::Event(event)] = &out[..] else { panic!("{out:?}") };
    assert_eq!(event.reason, "of 4 backends, 1 unhealthy, 1 ejected, 1 unreachable, 1 in maintenance");
    let gauges = Gauges {
        configured: 4,
        healthy: 3,
        ejected: 1,
        unreachable: 1,
        in_maintenance: 1,
        is_all_down: true,
        ejections_total: 1,
        all_down_total: 1,
        ..Gauges::default()
    };
    assert_eq!(scene.gauges(), gauges);
    assert_eq!(scene.up(1), ["BACKEND_UP 1", "reach 1 true", "CLUSTER_RECOVERED 1"]);
    assert_eq!(scene.probed(0, true), ["HEALTH_CHECK_HEALTHY 0", "health 0 true"]);
    assert!(!scene.gauges().is_all_down);
}

#[test]
fn a_cluster_without_backends_is_never_all_down_and_one_in_maintenance_is_at_once() {
    let mut scene = Scene::new(&cluster("empty", 0));
    assert!(!scene.gauges().is_all_down);
    let mut resting = cluster("empty", 2).backends;
    resting.iter_mut().for_each(|backend| backend.state = AdminState::Maint);
    assert_eq!(scene.add(0, &resting), ["NO_AVAILABLE_BACKENDS"]);
    assert!(scene.gauges().is_all_down);
    assert_eq!(scene.board.clusters_down(), 1);
    assert_eq!(scene.admin(1, AdminState::Drain), ["CLUSTER_RECOVERED 1"]);
    assert_eq!(scene.board.clusters_down(), 0);
}

#[test]
fn what_is_in_between_two_changes_of_a_batch_is_not_told() {
    let mut first = cluster("shop", 2);
    first.backends[0].state = AdminState::Maint;
    let mut scene = Scene::new(&first);
    let new = cluster("shop", 3).backends;
    let told = scene.batch(|board, now, out| {
        board.remove_backend(member(0), &[], out);
        board.remove_backend(member(1), &[1], out);
        assert_eq!(board.next_tick(), Time::ZERO, "a batch is looked at as soon as it is over");
        board.set_cluster(0, &first, now, out);
        board.add_backend(member(2), &new[2]);
    });
    assert_eq!(told, ["REMOVED_BACKEND_HAS_NO_CONNECTIONS 0"]);
    assert_eq!((scene.gauges().configured, scene.gauges().available), (1, 1));
    // Nor is it where a signal comes before a tick.
    let mut out = Vec::new();
    scene.board.remove_backend(member(2), &[], &mut out);
    scene.board.add_backend(member(3), &new[0]);
    assert_eq!(scene.down(3), ["BACKEND_DOWN 0", "reach 3 false", "NO_AVAILABLE_BACKENDS 0"]);
}

#[test]
fn a_removed_backend_has_no_connections_once_each_shard_has_said_so() {
    let mut scene = Scene::new(&cluster("shop", 3));
    assert_eq!(scene.remove(1, &[0, 1, 2]), [""; 0]);
    assert_eq!(scene.board.backend(member(1)), None);
    assert_eq!((scene.down(1), scene.probed(1, false), scene.outlier(1)), Default::default());
    assert_eq!((scene.drained(1, 0), scene.drained(1, 0), scene.drained(1, 7)), Default::default());
    assert_eq!(scene.signal(Signal::ShardGone { shard: 1 }), [""; 0]);
    let told = ["REMOVED_BACKEND_HAS_NO_CONNECTIONS 1"];
    assert_eq!(scene.drained(1, 2), told);
    assert_eq!(scene.drained(1, 2), [""; 0]);
    // A shard may be faster than the board.
    assert_eq!((scene.drained(0, 2), scene.drained(0, 0)), Default::default());
    assert_eq!(scene.remove(0, &[0, 2]), ["REMOVED_BACKEND_HAS_NO_CONNECTIONS 0"]);
    assert_eq!(scene.remove(0, &[0, 2]), [""; 0]);
    // A shard that is gone has nothing of any.
    assert_eq!(scene.remove(2, &[4]), [""; 0]);
    assert_eq!(scene.signal(Signal::ShardGone { shard: 4 }), ["REMOVED_BACKEND_HAS_NO_CONNECTIONS 2"]);
}

#[test]
fn of_a_removed_cluster_nothing_is_told_but_the_end_of_its_connections_and_its_slot_is_free() {
    let mut scene = Scene::new(&cluster("shop", 2));
    scene.down(0);
    scene.probed(1, false);
    scene.signal(Signal::FailOpen { cluster: 0, shard: 3, entered: true });
    assert_eq!(scene.board.clusters_down(), 1);
    assert_eq!(scene.batch(|board, _, out| board.remove_cluster(0, &[3], out)), [""; 0]);
    assert_eq!((scene.board.clusters_down(), scene.board.gauges(0)), (0, None));
    assert_eq!(scene.board.next_tick(), Time::NEVER, "its timers went with it");
    assert_eq!(scene.drained(1, 3), ["REMOVED_BACKEND_HAS_NO_CONNECTIONS 1"]);
    let other = cluster("other", 2);
    assert_eq!(scene.set(0, &other), [""; 0]);
    assert_eq!(scene.add(7, &other.backends), [""; 0]);
    assert_eq!((scene.gauges().available, scene.gauges().fail_open_shards), (2, 0));
    assert_eq!((scene.up(0), scene.probed(1, true)), Default::default(), "they were the other's");
    assert_eq!(scene.signal(Signal::ShardGone { shard: 3 }), ["REMOVED_BACKEND_HAS_NO_CONNECTIONS 0"]);
}

#[test]
fn an_outage_that_ends_with_the_last_backend_is_over_when_another_is_available() {
    let mut scene = Scene::new(&cluster("shop", 2));
    scene.down(0);
    // The last that was unavailable goes: what stays is available.
    assert_eq!(scene.down(1), ["BACKEND_DOWN 1", "reach 1 false", "NO_AVAILABLE_BACKENDS 1"]);
    assert_eq!(scene.up(1), ["BACKEND_UP 1", "reach 1 true", "CLUSTER_RECOVERED 1"]);
    assert_eq!(scene.remove(0, &[9]), [""; 0]);
    assert_eq!(scene.down(1), ["BACKEND_DOWN 1", "reach 1 false", "NO_AVAILABLE_BACKENDS 1"]);
    // All are gone: it has not recovered, nor is it all down.
    assert_eq!(scene.remove(1, &[9]), [""; 0]);
    assert!(!scene.gauges().is_all_down);
    assert_eq!(scene.board.clusters_down(), 0);
    let mut new = cluster("shop", 5).backends;
    new[3].state = AdminState::Maint;
    assert_eq!(scene.add(3, &new[3..4]), [""; 0], "that none is available was told");
    assert!(scene.gauges().is_all_down);
    assert_eq!(scene.add(4, &new[4..]), ["CLUSTER_RECOVERED 4"]);
    // The last that was available goes.
    assert_eq!(scene.remove(4, &[9]), ["NO_AVAILABLE_BACKENDS"]);
    assert_eq!((scene.gauges().all_down_total, scene.gauges().recovered_total), (3, 2));
}

#[test]
fn where_fewer_may_be_out_the_first_to_return_do_at_once() {
    let mut scene = Scene::new(&cluster("shop", 4));
    assert_eq!(scene.outlier(2), ["BACKEND_EJECTED 2", "health 2 false"]);
    scene.tick(at(5));
    assert_eq!(scene.outlier(1), ["BACKEND_EJECTED 1", "health 1 false"]);
    assert_eq!(scene.remove(0, &[9]), ["BACKEND_RETURNED 2", "health 2 true"], "1 of 3, not 2");
    assert_eq!(scene.gauges().ejected, 1);
    assert_eq!(scene.tick(at(30)), [""; 0], "its timer went with its ejection");
    assert_eq!(scene.outlier(2), [""; 0]);
    let mut none = cluster("shop", 0);
    none.outlier_detection = None;
    assert_eq!(scene.set(0, &none), ["BACKEND_RETURNED 1", "health 1 true"]);
    assert_eq!(scene.board.backend(member(1)).unwrap().ejections, 0, "a new detection begins anew");
    assert_eq!((scene.outlier(1), scene.board.next_tick()), (Vec::new(), Time::NEVER));
    // A removed backend takes its ejection along.
    scene.set(0, &cluster("shop", 0));
    assert_eq!(scene.outlier(1), ["BACKEND_EJECTED 1", "health 1 false"]);
    assert_eq!(scene.remove(1, &[9]), [""; 0]);
    assert_eq!(scene.gauges().ejected, 0);
    assert_eq!(scene.tick(at(500)), [""; 0]);
}

#[test]
fn a_shard_that_begins_hears_what_differs() {
    let mut scene = Scene::new(&cluster("shop", 6));
    assert_eq!(scene.board.decisions(), []);
    scene.probed(0, false);
    scene.down(2);
    scene.outlier(3);
    scene.outlier(4);
    scene.probed(4, false);
    scene.admin(5, AdminState::Maint);
    scene.down(4);
    let decisions: Vec<_> = scene.board.decisions().into_iter().map(Output::Decide).collect();
    assert_eq!(
        told(&decisions),
        ["health 0 false", "reach 2 false", "health 3 false", "health 4 false", "reach 4 false"]
    );
    assert_eq!(scene.board.unhealthy(), [member(0), member(4)]);
}

#[test]
fn an_ejected_backend_returns_and_stays_out_longer_each_time() {
    let mut scene = Scene::new(&cluster("shop", 2));
    let settings = OutlierDetection::default();
    let mut out_for = Vec::new();
    for _ in 0..12 {
        assert_eq!(scene.outlier(0), ["BACKEND_EJECTED 0", "health 0 false"]);
        assert_eq!(scene.outlier(0), [""; 0], "it is out already");
        let (until, reason) = scene.board.backend(member(0)).unwrap().ejected.unwrap();
        assert_eq!(reason, "5 server errors in a row");
        out_for.push(until.since(scene.now).as_secs());
        while scene.board.next_tick() < until {
            assert_eq!(scene.tick(scene.board.next_tick()), [""; 0]);
        }
        assert_eq!(scene.tick(until), ["BACKEND_RETURNED 0", "health 0 true"]);
    }
    assert_eq!(out_for, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
    assert_eq!(scene.gauges().ejections_refused_total, 0, "who is out already is not refused");
    // Each interval without ejection makes the next one shorter.
    let quiet = scene.now + settings.interval * 10;
    while scene.board.next_tick() <= quiet {
        scene.tick(scene.board.next_tick());
    }
    let times = scene.board.backend(member(0)).unwrap().ejections;
    assert_eq!(times, 12 - 10);
    scene.now = quiet;
    scene.outlier(0);
    let (until, _) = scene.board.backend(member(0)).unwrap().ejected.unwrap();
    assert_eq!(until.since(scene.now), settings.ejection_time * 3);
}

#[test]
fn no_more_than_the_allowed_share_is_out() {
    for (backends, percent, most) in [(1, 50, 0), (5, 50, 2), (10, 19, 1), (4, 100, 4), (3, 0, 0)] {
        let mut shop = cluster("shop", backends);
        shop.outlier_detection =
            Some(OutlierDetection { ejected_max: percent, ..OutlierDetection::default() });
        let mut scene = Scene::new(&shop);
        (0..u32::from(backends)).for_each(|backend| drop(scene.outlier(backend)));
        let gauges = scene.gauges();
        assert_eq!(gauges.ejected, most, "{percent} % of {backends}");
        assert_eq!(gauges.ejections_refused_total, u64::from(u32::from(backends) - most));
    }
}

#[test]
fn only_runs_that_are_long_enough_eject() {
    let run = |settings: Option<OutlierDetection>, kind, run| {
        let mut shop = cluster("shop", 2);
        shop.outlier_detection = settings;
        let mut scene = Scene::new(&shop);
        !scene.signal(Signal::Outlier { member: member(0), kind, run }).is_empty()
    };
    use FailureKind::{ConnectFailures, GatewayErrors, ServerErrors};
    let settings = OutlierDetection {
        server_errors: 7,
        gateway_errors: 3,
        connect_failures: 0,
        ..OutlierDetection::default()
    };
    for (kind, failures, ejects) in [
        (ServerErrors, 6, false),
        (ServerErrors, 7, true),
        (GatewayErrors, 2, false),
        (GatewayErrors, 3, true),
        (ConnectFailures, 1_000, false),
    ] {
        assert_eq!(run(Some(settings), kind, failures), ejects, "{failures} {kind:?}");
        assert!(!run(None, kind, failures), "nobody asked for ejection");
    }
}

#[test]
fn a_backend_that_is_ejected_and_unwell_needs_both_to_end() {
    let mut scene = Scene::new(&cluster("shop", 2));
    assert_eq!(scene.outlier(0), ["BACKEND_EJECTED 0", "health 0 false"]);
    assert_eq!(scene.probed(0, false), ["HEALTH_CHECK_UNHEALTHY 0"]);
    assert_eq!(scene.tick(at(30)), ["BACKEND_RETURNED 0"]);
    assert_eq!(scene.outlier(0), ["BACKEND_EJECTED 0"]);
    assert_eq!(scene.probed(0, true), ["HEALTH_CHECK_HEALTHY 0"]);
    assert_eq!(scene.tick(at(90)), ["BACKEND_RETURNED 0", "health 0 true"]);
}

#[test]
fn success_rates_are_judged_at_each_interval_over_what_it_brought() {
    let mut scene = Scene::new(&cluster("shop", 6));
    let counts = |scene: &mut Scene, backend, failures| {
        for _ in 0..2 {
            let counts = Signal::Counts { member: member(backend), requests: 100, failures };
            assert_eq!(scene.signal(counts), [""; 0]);
        }
    };
    (0..6).for_each(|backend| counts(&mut scene, backend, if backend == 4 { 60 } else { 1 }));
    assert_eq!(scene.board.next_tick(), at(10));
    assert_eq!(scene.tick(at(9)), [""; 0]);
    assert_eq!(scene.tick(at(10)), ["BACKEND_EJECTED 4", "health 4 false"]);
    assert_eq!(scene.tick(at(20)), [""; 0], "what was judged is not judged again");
    assert_eq!(scene.tick(at(40)), ["BACKEND_RETURNED 4", "health 4 true"]);
}

#[test]
fn a_cluster_without_check_is_well_and_late_probes_do_not_count() {
    let mut scene = Scene::new(&cluster("shop", 2));
    scene.probed(0, false);
    scene.probed(1, false);
    let mut unchecked = cluster("shop", 0);
    unchecked.health_check = None;
    assert_eq!(
        scene.set(0, &unchecked),
        [
            "HEALTH_CHECK_HEALTHY 0",
            "health 0 true",
            "HEALTH_CHECK_HEALTHY 1",
            "health 1 true",
            "CLUSTER_RECOVERED 0"
        ]
    );
    assert_eq!(scene.probed(0, false), [""; 0]);
    let stated = Signal::Stated { member: member(0), healthy: false, reason: String::new() };
    assert_eq!(scene.signal(stated), ["HEALTH_CHECK_UNHEALTHY 0", "health 0 false"]);
    assert_eq!(scene.set(0, &cluster("shop", 0)), [""; 0]);
    assert_eq!(
        scene.probed(1, false),
        ["HEALTH_CHECK_UNHEALTHY 1", "health 1 false", "NO_AVAILABLE_BACKENDS 1"]
    );
}

#[test]
fn failing_open_is_told_for_the_first_shard_and_the_last() {
    let mut scene = Scene::new(&cluster("shop", 2));
    let mut say = |shard, entered| scene.signal(Signal::FailOpen { cluster: 0, shard, entered });
    assert_eq!(say(3, false), [""; 0]);
    assert_eq!(say(3, true), ["fail-open true"]);
    assert_eq!(say(3, true), [""; 0]);
    assert_eq!(say(5, true), [""; 0]);
    assert_eq!(say(3, false), [""; 0]);
    assert_eq!(scene.gauges().fail_open_shards, 1);
    assert_eq!(scene.signal(Signal::ShardGone { shard: 4 }), [""; 0]);
    assert_eq!(scene.signal(Signal::ShardGone { shard: 5 }), ["fail-open false"]);
    assert_eq!((scene.gauges().fail_open_shards, scene.gauges().fail_open_total), (0, 1));
}

#[test]
fn what_is_said_of_nobody_is_ignored_and_a_late_tick_ends() {
    let mut strange = cluster("shop", 2);
    let zero =
        OutlierDetection { interval: Duration::ZERO, ejection_time: Duration::ZERO, ..Default::default() };
    strange.outlier_detection = Some(zero);
    let mut scene = Scene::new(&strange);
    assert_eq!((scene.probed(2, false), scene.down(2), scene.up(2), scene.outlier(2)), Default::default());
    let nobody = Member { cluster: 1, backend: 0 };
    let mut out = Vec::new();
    let resting =
        config::Backend { state: AdminState::Maint, ..config::Backend::new(([127, 0, 0, 1], 9).into()) };
    for member in [nobody, member(2)] {
        scene.board.update_backend(member, &resting, &mut out);
        scene.board.remove_backend(member, &[0], &mut out);
        scene.board.signal(Signal::Drained { member, shard: 0 }, at(0), &mut out);
    }
    scene.board.add_backend(nobody, &resting);
    scene.board.remove_cluster(1, &[0], &mut out);
    scene.board.signal(Signal::Counts { member: nobody, requests: 1, failures: 1 }, at(0), &mut out);
    scene.board.signal(Signal::FailOpen { cluster: 1, shard: 0, entered: true }, at(0), &mut out);
    assert_eq!((out, scene.board.gauges(1), scene.board.backend(nobody)), (Vec::new(), None, None));
    scene.outlier(0);
    assert_eq!(scene.tick(at(1_000_000)), ["BACKEND_RETURNED 0", "health 0 true"]);
    assert!(scene.board.next_tick() > scene.now);
}
