//! Verdicts and operators' wishes.

use super::*;

#[test]
fn an_unhealthy_backend_gets_nothing_new_and_finishes_what_it_has() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    bench.list.set_settings(Settings { policy: Policy::First, ..Settings::default() });
    let running = bench.begin(Time::ZERO, &Demand::first()).unwrap();
    let _ = bench.list.set_health(keys[0], false, Time::ZERO);
    assert_eq!(bench.get(keys[0]).requests(), 1);
    assert_eq!(bench.spread(Time::ZERO, 20, &keys), [0, 20]);
    assert_eq!(bench.list.end_request(running.key), Released::Kept);
    assert_eq!(bench.get(keys[0]).load().requests(), 0);
}

#[test]
fn becoming_healthy_forgives_the_back_off() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let (now, _) = bench.take_down(keys[0], Time::ZERO);
    let _ = bench.list.set_health(keys[0], false, now);
    let _ = bench.list.set_health(keys[0], true, now);
    assert!(bench.get(keys[0]).can_open(now) && bench.get(keys[0]).is_available());
    assert!(bench.spread(now, 20, &keys)[0] > 0, "seed {SEED}");
}

#[test]
fn being_called_healthy_again_forgives_nothing() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let _ = bench.fail(keys[0], Time::ZERO);
    let _ = bench.list.set_health(keys[0], true, at_millis(1));
    assert!(!bench.get(keys[0]).can_open(at_millis(1)));
    assert_eq!(bench.spread(at_millis(1), 20, &keys), [0, 20]);
}

#[test]
fn a_back_off_that_ends_while_unhealthy_leaves_it_unhealthy() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let _ = bench.fail(keys[0], Time::ZERO);
    let _ = bench.list.set_health(keys[0], false, at_millis(1));
    assert_eq!(bench.spread(at_millis(1_500), 20, &keys), [0, 20]);
}

#[test]
fn a_drained_backend_keeps_what_is_in_flight_and_serves_again_when_it_is_ready() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    assert!(bench.list.try_open(keys[0]));
    for admin in [Admin::Drain, Admin::Maint] {
        let _ = bench.list.set_admin(keys[0], admin, Time::ZERO);
        assert_eq!(bench.spread(Time::ZERO, 20, &keys), [0, 20]);
        assert_eq!((bench.get(keys[0]).admin(), bench.get(keys[0]).connections()), (admin, 1));
        assert_eq!(bench.list.status(keys[0]), Status::Normal);
        let _ = bench.list.set_admin(keys[0], Admin::Ready, Time::ZERO);
        assert!(bench.spread(Time::ZERO, 20, &keys)[0] > 0, "seed {SEED}");
    }
}

#[test]
fn a_window_that_was_open_when_it_was_drained_holds_when_it_is_ready_again() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let _ = bench.fail(keys[0], Time::ZERO);
    let _ = bench.list.set_admin(keys[0], Admin::Drain, at_millis(1));
    let _ = bench.list.set_admin(keys[0], Admin::Ready, at_millis(2));
    assert_eq!(bench.spread(at_millis(999), 20, &keys), [0, 20]);
    assert!(bench.spread(at_millis(1_000), 20, &keys)[0] > 0, "seed {SEED}");
}
