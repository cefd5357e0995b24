//! Failures, back-off, and the latch that reports.

use super::*;

#[test]
fn waiting_backends_are_available_but_can_not_open_and_exhausted_ones_the_other_way_round() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let _ = bench.fail(keys[0], Time::ZERO);
    let backend = bench.get(keys[0]);
    assert!(backend.is_available() && !backend.can_open(at_millis(1)));

    let _ = bench.take_down(keys[0], at_millis(1_000));
    let backend = bench.get(keys[0]);
    assert!(!backend.is_available() && backend.can_open(backend.retry().wait_until()));
}

#[test]
fn each_reason_not_to_open_is_enough_and_each_reason_not_to_be_available() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2), spec(3), spec(4)]);
    let _ = bench.list.set_health(keys[1], false, Time::ZERO);
    let _ = bench.list.set_admin(keys[2], Admin::Drain, Time::ZERO);
    let _ = bench.list.set_admin(keys[3], Admin::Maint, Time::ZERO);
    let questions =
        keys.iter().map(|&key| bench.get(key)).map(|b| (b.can_open(Time::ZERO), b.is_available()));
    assert_eq!(questions.collect::<Vec<_>>(), [(true, true), (false, false), (false, true), (false, false)]);
    let counts = bench.list.counts();
    assert_eq!((counts.configured, counts.healthy, counts.available, counts.ready), (4, 3, 2, 1));
}

#[test]
fn the_latch_flips_once_each_way() {
    let (mut bench, keys) = Bench::with([spec(1), backup(2)]);
    let (now, failed) = bench.take_down(keys[0], Time::ZERO);
    assert_eq!(failed.flip, None, "the backup is still available");
    let (now, failed) = bench.take_down(keys[1], now);
    assert_eq!(failed.flip, Some(Flip::AllDown));
    assert_eq!(bench.list.availability(), Availability::AllDown);

    let again = bench.get(keys[0]).retry().wait_until().max(now);
    assert_eq!(bench.fail(keys[0], again).flip, None, "already down");
    let up = bench.list.on_success(keys[0]);
    assert_eq!(up, Succeeded { outcome: SuccessOutcome::Up, flip: Some(Flip::Recovered) });
    assert_eq!(bench.list.on_success(keys[1]).flip, None, "already available");
}

#[test]
fn the_latch_follows_adding_and_removing() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let _ = bench.take_down(keys[0], Time::ZERO);
    assert_eq!(bench.list.remove_by_address(&address(2)).flip, Some(Flip::AllDown));
    assert_eq!(bench.add(spec(3)).flip, Some(Flip::Recovered));
    assert_eq!(bench.list.remove_by_address(&address(3)).flip, Some(Flip::AllDown));
    assert_eq!(
        bench.list.remove_by_address(&address(1)).flip,
        Some(Flip::Recovered),
        "an empty cluster is not down"
    );
}

#[test]
fn the_latch_follows_whatever_takes_the_last_backend_away() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let key = keys[0];
    assert_eq!(bench.list.set_health(key, false, Time::ZERO).flip, Some(Flip::AllDown));
    assert_eq!(bench.list.set_health(key, false, Time::ZERO).flip, None);
    assert_eq!(bench.list.set_admin(key, Admin::Maint, Time::ZERO).flip, None, "already down");
    assert_eq!(bench.list.set_health(key, true, Time::ZERO).flip, None, "still in maintenance");
    assert_eq!(bench.list.set_admin(key, Admin::Drain, Time::ZERO).flip, Some(Flip::Recovered));
    assert_eq!(bench.list.set_down(key, Time::ZERO, &mut bench.rng).flip, Some(Flip::AllDown));
    assert_eq!(bench.list.set_up(key, Time::ZERO).flip, Some(Flip::Recovered));
}

#[test]
fn a_backend_that_is_down_elsewhere_is_down_here_and_up_again_when_it_is_there() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let _ = bench.list.set_down(keys[0], Time::ZERO, &mut bench.rng);
    let backend = bench.get(keys[0]);
    let until = backend.retry().wait_until();
    assert!(!backend.is_available() && backend.retry().is_exhausted());
    assert!((1..=31_000).contains(&until.as_millis()), "seed {SEED}: until {until:?}");
    assert_eq!(bench.spread(at_millis(999), 20, &keys), [0, 20]);
    // What it knows itself is no news.
    let _ = bench.list.set_down(keys[0], at_millis(999), &mut bench.rng);
    assert_eq!(bench.get(keys[0]).retry().wait_until(), until);

    let _ = bench.list.set_up(keys[0], at_millis(999));
    assert!(bench.get(keys[0]).is_available());
    assert!(bench.spread(at_millis(999), 20, &keys)[0] > 0, "seed {SEED}");
}

#[test]
fn what_a_dead_backend_leaves_is_shared_by_all_others() {
    for weights in [[100; 5], [100, 300, 200, 100, 300]] {
        let specs = (1..).zip(weights).map(|(n, weight)| BackendSpec { weight, ..spec(n) });
        let round_robin = Settings { policy: Policy::RoundRobin, ..Settings::default() };
        let (mut bench, keys) = Bench::with_settings(round_robin, specs);
        (0..7).for_each(|_| _ = bench.select(Time::ZERO));
        let _ = bench.fail(keys[1], Time::ZERO);
        let rest = weights.iter().sum::<u32>() - weights[1];
        let counts = bench.spread(at_millis(1), rest as usize, &keys);
        assert_eq!(counts[1], 0);
        for at in [0, 2, 3, 4] {
            let off = counts[at].abs_diff(weights[at] as usize);
            assert!(off <= 4, "seed {SEED}: {counts:?} picks for weights {weights:?}, the second being dead");
        }
    }
}

#[test]
fn a_failure_of_one_that_is_unhealthy_counts() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let _ = bench.list.set_health(keys[0], false, Time::ZERO);
    assert_eq!(bench.select(Time::ZERO).unwrap().tier, Tier::FailOpen);
    assert_eq!(bench.fail(keys[0], Time::ZERO).outcome, FailureOutcome::BackOff { until: at_millis(1_000) });
    assert_eq!(bench.select(at_millis(999)), Err(NoBackend::None));
}
