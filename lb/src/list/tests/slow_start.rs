//! Slow start: what share a backend gets, and when.

use super::*;

const PERIOD: Duration = Duration::from_secs(9);

fn random(slow_start: Duration) -> Settings {
    Settings { policy: Policy::Random, slow_start, ..Settings::default() }
}

/// The share of the first of two equal backends, of what both get, in percent.
fn share(bench: &mut Bench, now: Time, keys: &[BackendKey]) -> f64 {
    let counts = bench.spread(now, 5_000, &keys[..2]);
    counts[0] as f64 * 100.0 / 5_000.0
}

/// What the share must be when the first gets `tenths` tenths of its weight.
fn expected(tenths: f64) -> f64 {
    100.0 * tenths / (tenths + 10.0)
}

#[track_caller]
fn assert_share(bench: &mut Bench, now: Time, keys: &[BackendKey], tenths: u8) {
    let (share, expected) = (share(bench, now, keys), expected(f64::from(tenths)));
    assert!((share - expected).abs() < 3.0, "seed {SEED}: {share} % at {now:?} instead of {expected} %");
    assert_eq!(bench.get(keys[0]).share_percent(), tenths * 10);
}

#[test]
fn what_is_there_at_the_first_selection_has_its_whole_share() {
    let (mut bench, keys) = Bench::with_settings(random(PERIOD), [spec(1), spec(2)]);
    assert_share(&mut bench, Time::ZERO, &keys, 10);
}

#[test]
fn whoever_comes_back_gains_a_tenth_each_ninth_of_the_period() {
    let back: [fn(&mut Bench, BackendKey); 4] = [
        |bench, key| {
            let _ = bench.list.set_health(key, false, Time::ZERO);
            let _ = bench.list.set_health(key, true, Time::ZERO);
        },
        |bench, key| {
            let _ = bench.list.set_admin(key, Admin::Maint, Time::ZERO);
            let _ = bench.list.set_admin(key, Admin::Ready, Time::ZERO);
        },
        |bench, key| {
            let _ = bench.list.set_down(key, Time::ZERO, &mut bench.rng);
            let _ = bench.list.set_up(key, Time::ZERO);
        },
        |bench, _| {
            let _ = bench.list.remove_by_address(&address(1));
            let _ = bench.add(spec(1));
        },
    ];
    for make in back {
        let (mut bench, mut keys) = Bench::with_settings(random(PERIOD), [spec(1), spec(2)]);
        assert!(bench.select(Time::ZERO).is_ok());
        make(&mut bench, keys[0]);
        keys[0] = bench.list.find(&spec(1).id, &address(1)).unwrap();
        // The period begins with the first selection after that.
        let from = at_millis(5_000);
        for (seconds, tenths) in [(0, 1), (1, 2), (2, 3), (4, 5), (7, 8), (9, 10), (20, 10)] {
            assert_share(&mut bench, from + Duration::from_secs(seconds), &keys, tenths);
        }
    }
}

#[test]
fn weight_one_can_be_eased_in_as_well() {
    let one = |n| BackendSpec { weight: 1, ..spec(n) };
    let (mut bench, keys) = Bench::with_settings(random(PERIOD), [one(1), one(2)]);
    assert!(bench.select(Time::ZERO).is_ok());
    let _ = bench.list.set_health(keys[0], false, Time::ZERO);
    let _ = bench.list.set_health(keys[0], true, Time::ZERO);
    assert_share(&mut bench, Time::ZERO, &keys, 1);
    assert_share(&mut bench, at_millis(4_500), &keys, 5);
}

#[test]
fn a_window_neither_begins_nor_ends_it_but_being_down_does() {
    let (mut bench, keys) = Bench::with_settings(random(PERIOD), [spec(1), spec(2)]);
    assert!(bench.select(Time::ZERO).is_ok());
    let _ = bench.fail(keys[0], Time::ZERO);
    assert_share(&mut bench, at_millis(1_000), &keys, 10);

    let _ = bench.list.set_health(keys[0], false, at_millis(1_000));
    let _ = bench.list.set_health(keys[0], true, at_millis(1_000));
    assert!(bench.select(at_millis(1_000)).is_ok());
    let _ = bench.fail(keys[0], at_millis(3_000));
    assert_eq!(bench.spread(at_millis(3_999), 50, &keys), [0, 50]);
    assert_share(&mut bench, at_millis(4_100), &keys, 4);

    let (_, _) = bench.take_down(keys[0], at_millis(20_000));
    let back = bench.get(keys[0]).retry().wait_until();
    assert_share(&mut bench, back, &keys, 1);
}

#[test]
fn without_a_period_there_is_none_and_taking_it_away_ends_it() {
    let (mut bench, keys) = Bench::with_settings(random(Duration::ZERO), [spec(1), spec(2)]);
    assert!(bench.select(Time::ZERO).is_ok());
    for (period, tenths) in [(Duration::ZERO, 10), (PERIOD, 1)] {
        bench.list.set_settings(random(period));
        let _ = bench.list.set_health(keys[0], false, Time::ZERO);
        let _ = bench.list.set_health(keys[0], true, Time::ZERO);
        assert_share(&mut bench, Time::ZERO, &keys, tenths);
    }
    bench.list.set_settings(random(Duration::ZERO));
    assert_share(&mut bench, Time::ZERO, &keys, 10);
}

#[test]
fn a_new_weight_holds_at_once_in_the_same_step() {
    let (mut bench, keys) = Bench::with_settings(random(PERIOD), [spec(1), spec(2)]);
    assert!(bench.select(Time::ZERO).is_ok());
    let _ = bench.list.set_health(keys[0], false, Time::ZERO);
    let _ = bench.list.set_health(keys[0], true, Time::ZERO);
    assert!(bench.select(Time::ZERO).is_ok());
    let _ = bench.add(BackendSpec { weight: 400, ..spec(1) });
    let share = share(&mut bench, at_millis(4_500), &keys);
    let expected = expected(4.0 * 5.0);
    assert!((share - expected).abs() < 3.0, "seed {SEED}: {share} % instead of {expected} %");
}

#[test]
fn all_of_a_thousand_get_there() {
    let (mut bench, keys) = Bench::with_settings(random(PERIOD), (1..=1_000).map(spec));
    assert!(bench.select(Time::ZERO).is_ok());
    for (millis, key) in (0..).zip(&keys) {
        let now = at_millis(millis);
        let _ = bench.list.set_health(*key, false, now);
        let _ = bench.list.set_health(*key, true, now);
        assert!(bench.select(now).is_ok());
    }
    let _ = bench.list.remove_by_address(&address(500));
    assert!(bench.select(at_millis(9_000)).is_ok());
    assert!(bench.get(keys[999]).share_percent() < 100);
    assert!(bench.select(at_millis(10_100)).is_ok());
    assert!(bench.list.iter().all(|(_, backend)| backend.share_percent() == 100));
    assert!(bench.list.ramps.indices().is_empty());
}
