//! Adding, changing and removing.

use super::*;

#[test]
fn an_empty_cluster_selects_nothing_and_is_not_down() {
    let (mut bench, _) = Bench::with([]);
    assert_eq!(bench.select(Time::ZERO), Err(NoBackend::None));
    assert_eq!(bench.list.availability(), Availability::Available);
    assert_eq!(bench.list.counts(), Counts::default());
}

#[test]
fn a_policy_set_before_any_backend_goes_for_those_that_come() {
    let mut bench = Bench::new(Settings { policy: Policy::First, ..Settings::default() });
    let keys: Vec<_> = (1..=4).map(|n| bench.add(spec(n)).key).collect();
    assert_eq!(bench.spread(Time::ZERO, 20, &keys), [20, 0, 0, 0]);
    bench.list.set_settings(Settings { policy: Policy::RoundRobin, ..Settings::default() });
    assert_eq!(bench.spread(Time::ZERO, 20, &keys), [5; 4]);
}

#[test]
fn adding_again_updates_settings_and_keeps_back_off_health_admin_and_counts() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    bench.list.set_settings(Settings { policy: Policy::First, ..Settings::default() });
    assert_eq!(bench.begin(Time::ZERO, &Demand::first()).unwrap().key, keys[0]);
    let _ = bench.fail(keys[0], Time::ZERO);

    let again = bench.add(BackendSpec {
        weight: 7,
        backup: true,
        sticky_id: "blue".into(),
        requests_max: 3,
        connections_max: 2,
        admin: Admin::Maint,
        ..spec(1)
    });
    assert_eq!(again, Added { key: keys[0], is_new: false, flip: None });
    let backend = bench.get(keys[0]);
    assert_eq!((backend.weight(), backend.is_backup(), &**backend.sticky_id()), (7, true, "blue"));
    assert_eq!((backend.requests(), backend.load().requests(), backend.admin()), (1, 1, Admin::Ready));
    assert_eq!((bench.list.by_sticky("blue"), bench.list.by_sticky("b1")), (Some(keys[0]), None));
    assert!(!bench.get(keys[0]).can_open(at_millis(999)) && !bench.get(keys[0]).retry().is_clean());
    assert_eq!(bench.select(at_millis(999)).unwrap().key, keys[1]);

    // Two connections are all it takes from now on, and it may have three requests.
    assert_eq!([0; 3].map(|_| bench.list.try_open(keys[0])), [true, true, false]);
    let _ = bench.list.set_admin(keys[1], Admin::Maint, at_millis(1_000));
    let more = [0; 3].map(|_| bench.begin(at_millis(1_000), &Demand::first()).map(|selection| selection.key));
    assert_eq!(more, [Ok(keys[0]), Ok(keys[0]), Err(NoBackend::Full)]);
    assert_eq!(bench.list.len(), 2);
}

#[test]
fn adding_again_keeps_a_verdict_and_a_drain() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2), spec(3)]);
    let _ = bench.list.set_health(keys[0], false, Time::ZERO);
    let _ = bench.list.set_admin(keys[1], Admin::Drain, Time::ZERO);
    for n in 1..=3 {
        let _ = bench.add(spec(n));
    }
    assert_eq!(bench.spread(Time::ZERO, 20, &keys), [0, 0, 20]);
}

#[test]
fn a_primary_turned_backup_serves_only_after_the_primaries() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let _ = bench.add(backup(1));
    assert_eq!(bench.spread(Time::ZERO, 50, &keys), [0, 50]);
}

#[test]
fn weights_beyond_the_bounds_are_read_as_the_nearest() {
    let (bench, keys) =
        Bench::with([BackendSpec { weight: 0, ..spec(1) }, BackendSpec { weight: u32::MAX, ..spec(2) }]);
    assert_eq!((bench.get(keys[0]).weight(), bench.get(keys[1]).weight()), (1, 1_000_000));
}

#[test]
fn a_backend_that_is_added_in_maintenance_gets_nothing_until_it_is_ready() {
    let (mut bench, keys) = Bench::with([spec(1), BackendSpec { admin: Admin::Maint, ..spec(2) }]);
    assert_eq!(bench.spread(Time::ZERO, 20, &keys), [20, 0]);
    let _ = bench.list.set_admin(keys[1], Admin::Ready, Time::ZERO);
    assert!(bench.spread(Time::ZERO, 20, &keys)[1] > 0, "seed {SEED}");
}

#[test]
fn a_removed_backend_drains_and_is_told_gone_once() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    bench.list.set_settings(Settings { policy: Policy::First, ..Settings::default() });
    assert_eq!(bench.begin(Time::ZERO, &Demand::first()).unwrap().key, keys[0]);
    assert!(bench.list.try_open(keys[0]));

    let removed = bench.list.remove_by_address(&address(1));
    assert_eq!(removed, Removed { ids: vec![spec(1).id], drained: vec![], flip: None });
    assert_eq!(bench.list.status(keys[0]), Status::Closing);
    assert_eq!((bench.list.counts().configured, bench.list.counts().closing), (1, 1));
    assert_eq!(bench.select(Time::ZERO).unwrap().key, keys[1]);
    assert_eq!(bench.list.by_sticky("b1"), None);

    assert_eq!(bench.list.end_request(keys[0]), Released::Kept);
    assert_eq!(bench.list.connection_closed(keys[0]), Released::Drained(spec(1).id));
    assert_eq!(bench.list.status(keys[0]), Status::Closed);
    assert_eq!(bench.list.connection_closed(keys[0]), Released::Kept);
}

#[test]
fn nothing_revives_a_closing_backend() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    assert!(bench.list.try_open(keys[0]));
    let _ = bench.list.remove_by_address(&address(1));
    let _ = bench.list.set_health(keys[0], false, Time::ZERO);
    let _ = bench.list.set_health(keys[0], true, Time::ZERO);
    let _ = bench.list.set_down(keys[0], Time::ZERO, &mut bench.rng);
    let _ = bench.list.set_up(keys[0], Time::ZERO);
    let _ = bench.list.set_admin(keys[0], Admin::Drain, Time::ZERO);
    let _ = bench.list.set_admin(keys[0], Admin::Ready, Time::ZERO);
    let _ = bench.fail(keys[0], Time::ZERO);
    let _ = bench.list.on_success(keys[0]);
    assert_eq!(bench.list.status(keys[0]), Status::Closing);
    assert_eq!(bench.spread(Time::ZERO, 20, &keys), [0, 20]);
}

#[test]
fn an_idle_backend_is_gone_as_soon_as_it_is_removed() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let removed = bench.list.remove_by_address(&address(1));
    assert_eq!(removed.drained, [spec(1).id]);
    assert_eq!(bench.list.status(keys[0]), Status::Closed);
    assert!(bench.list.is_empty());
}

#[test]
fn one_of_two_names_of_an_address_can_go_alone() {
    let twin = BackendSpec { id: id("twin"), ..spec(1) };
    let (mut bench, keys) = Bench::with([spec(1), twin.clone(), spec(2)]);
    assert!(bench.list.try_open(keys[1]));
    assert_eq!(
        bench.list.remove(keys[1]),
        Removed { ids: vec![twin.id.clone()], drained: vec![], flip: None }
    );
    assert_eq!(
        bench.list.remove(keys[1]),
        Removed { ids: vec![], drained: vec![], flip: None },
        "it is closing"
    );
    assert_eq!(bench.list.find(&twin.id, &address(1)), None);
    assert_eq!(bench.list.find(&spec(1).id, &address(1)), Some(keys[0]));
    let [kept, gone, other] = bench.spread(Time::ZERO, 40, &keys)[..] else { panic!("three keys") };
    assert!(kept > 0 && gone == 0 && other > 0);
    assert_eq!(bench.list.connection_closed(keys[1]), Released::Drained(twin.id));
    assert_eq!(bench.list.remove(keys[0]).drained, [spec(1).id]);
    assert_eq!(bench.list.remove_by_address(&address(1)).ids, []);
}

#[test]
fn removal_takes_every_name_on_the_address_and_no_other() {
    let twin = BackendSpec { id: id("twin"), ..spec(1) };
    let (mut bench, keys) = Bench::with([spec(1), twin.clone(), spec(2)]);
    assert_eq!(bench.list.remove_by_address(&address(1)).ids, [spec(1).id, twin.id]);
    assert_eq!(bench.list.status(keys[2]), Status::Normal);
    assert_eq!(
        bench.list.remove_by_address(&address(3)),
        Removed { ids: vec![], drained: vec![], flip: None }
    );
}

#[test]
fn a_stale_key_touches_nobody() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let _ = bench.list.remove_by_address(&address(1));
    let new = bench.add(spec(2)).key;
    assert_eq!(new.index, keys[0].index, "the place is used again");

    assert!(!bench.list.try_open(keys[0]));
    assert_eq!(bench.fail(keys[0], Time::ZERO).outcome, FailureOutcome::Ignored);
    assert_eq!(bench.list.end_request(keys[0]), Released::Kept);
    assert_eq!(bench.list.connection_closed(keys[0]), Released::Kept);
    let _ = bench.list.set_health(keys[0], false, Time::ZERO);
    let _ = bench.list.set_admin(keys[0], Admin::Maint, Time::ZERO);
    let _ = bench.list.set_down(keys[0], Time::ZERO, &mut bench.rng);
    let backend = bench.get(new);
    assert_eq!((backend.requests(), backend.connections()), (0, 0));
    assert_eq!((backend.load().requests(), backend.load().connections()), (0, 0));
    assert!(backend.can_open(Time::ZERO));
}

#[test]
fn a_backend_added_while_its_predecessor_drains_is_another_one() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    assert_eq!(bench.begin(Time::ZERO, &Demand::first()).unwrap().key, keys[0]);
    let _ = bench.list.remove_by_address(&address(1));
    let added = bench.add(spec(1));
    assert!(added.is_new);
    assert_eq!(bench.select(Time::ZERO).unwrap().key, added.key);
    assert_eq!(bench.list.end_request(keys[0]), Released::Drained(spec(1).id));
    assert_eq!(bench.list.status(added.key), Status::Normal);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "never began")]
fn ending_more_than_began_is_a_defect() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let _ = bench.list.end_request(keys[0]);
}

#[test]
#[cfg(not(debug_assertions))]
fn ending_more_than_began_leaves_the_shared_count_alone() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    assert_eq!(bench.list.end_request(keys[0]), Released::Kept);
    assert_eq!(bench.list.connection_closed(keys[0]), Released::Kept);
    let backend = bench.get(keys[0]);
    assert_eq!((backend.load().requests(), backend.requests(), backend.connections()), (0, 0, 0));
}
