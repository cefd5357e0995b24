//! When nothing can open, or too little is healthy.

use super::*;

#[test]
fn a_sole_backend_gets_nothing_during_its_first_window() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let _ = bench.fail(keys[0], Time::ZERO);
    assert_eq!(bench.select(at_millis(0)), Err(NoBackend::None));
    assert_eq!(bench.select(at_millis(999)), Err(NoBackend::None));
    assert_eq!(bench.select(at_millis(1_000)).unwrap().tier, Tier::Primary);
}

#[test]
fn a_sole_origin_that_is_back_is_found_within_a_second_however_long_it_was_dead() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let mut now = Time::ZERO;
    let back_at = at_millis(300_123);
    let mut trials = 0;
    // A request every 10 ms; each that is let through finds out.
    loop {
        if let Ok(selection) = bench.select(now) {
            trials += 1;
            if now >= back_at {
                let _ = bench.list.on_success(selection.key);
                break;
            }
            let _ = bench.fail(selection.key, now);
        }
        now += Duration::from_millis(10);
    }
    let found = now.since(back_at);
    assert!(found <= Duration::from_millis(1_010), "seed {SEED}: found after {found:?}");
    // One a second, and one at the end of each window, of which there are about ten in that time.
    assert!(trials <= 330, "seed {SEED}: {trials} requests were sacrificed in 300 s");
    let selection = Selection { key: keys[0], address: address(1), tier: Tier::Primary };
    assert_eq!(bench.select(now), Ok(selection));
}

#[test]
fn there_is_one_trial_at_a_time() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let (now, _) = bench.take_down(keys[0], Time::ZERO);
    assert!(bench.get(keys[0]).retry().wait_until() > now + Duration::from_secs(1), "seed {SEED}");
    assert_eq!(bench.select(now + Duration::from_millis(999)), Err(NoBackend::None));
    let trial = now + Duration::from_secs(1);
    assert_eq!(bench.select(trial).unwrap().tier, Tier::FailOpen);
    assert_eq!(bench.select(trial), Err(NoBackend::None));
    assert_eq!(bench.select(trial + Duration::from_millis(999)), Err(NoBackend::None));
}

#[test]
fn a_trial_that_a_limit_refused_is_not_spent() {
    let (mut bench, keys) =
        Bench::with_settings(Settings { requests_max: 1, ..Settings::default() }, [spec(1)]);
    let running = bench.begin(Time::ZERO, &Demand::first()).unwrap();
    let (now, _) = bench.take_down(keys[0], Time::ZERO);
    let trial = now + Duration::from_secs(1);
    assert_eq!(bench.select(trial), Err(NoBackend::Full));
    let _ = bench.list.end_request(running.key);
    assert_eq!(bench.select(trial).unwrap().tier, Tier::FailOpen);
}

#[test]
fn trials_go_to_primaries_first_then_to_the_longest_waiting() {
    let (mut bench, keys) = Bench::with([backup(1), spec(2), spec(3)]);
    let mut now = Time::ZERO;
    for key in &keys {
        (now, _) = bench.take_down(*key, now);
    }
    // Let every window end, so that the next failures put all three into back-off in an order that is known.
    now = keys.iter().map(|key| bench.get(*key).retry().wait_until()).max().unwrap();
    for (millis, key) in (0..).zip(&keys) {
        let _ = bench.fail(*key, now + Duration::from_millis(millis));
    }
    let first = now + Duration::from_millis(1_002);
    let second = first + Duration::from_millis(1_001);
    for key in &keys {
        assert!(bench.get(*key).retry().wait_until() > second, "seed {SEED}: window too short");
    }

    // The one that has waited longest is refused once, and is then the one whose trial is more recent.
    assert_eq!(bench.retry(first, &tried(&keys[1..2])).unwrap().key, keys[2]);
    let later = first + Duration::from_millis(1);
    let order = [later; 3].map(|now| bench.select(now).map(|selection| selection.key));
    assert_eq!(order, [Ok(keys[1]), Ok(keys[0]), Err(NoBackend::None)]);
    let order = [second; 4].map(|now| bench.select(now).map(|selection| selection.key));
    assert_eq!(order, [Ok(keys[2]), Ok(keys[1]), Ok(keys[0]), Err(NoBackend::None)]);
}

#[test]
fn a_retry_gets_no_bad_backend_while_others_can_open() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2), spec(3)]);
    let (now, _) = bench.take_down(keys[0], Time::ZERO);
    let _ = bench.list.set_health(keys[2], false, now);
    assert_eq!(bench.retry(now + Duration::from_secs(1), &tried(&keys[1..2])), Err(NoBackend::None));
}

#[test]
fn unhealthy_backends_serve_before_trials_are_made_and_primaries_before_backups() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2), spec(3), backup(4)]);
    for key in &keys {
        let _ = bench.list.set_health(*key, false, Time::ZERO);
    }
    let (now, _) = bench.take_down(keys[0], Time::ZERO);
    let now = now + Duration::from_secs(1);
    assert!(bench.get(keys[0]).retry().wait_until() > now, "seed {SEED}");
    let counts = bench.spread(now, 40, &keys);
    assert!(counts[0] == 0 && counts[1] > 0 && counts[2] > 0 && counts[3] == 0, "seed {SEED}: {counts:?}");
    let order = [&keys[1..3], &keys[1..], &keys[..]].map(|gone| bench.retry(now, &tried(gone)));
    let order = order.map(|selected| selected.map(|selection| selection.key));
    assert_eq!(order, [Ok(keys[3]), Ok(keys[0]), Err(NoBackend::None)]);
}

#[test]
fn drained_backends_and_those_in_maintenance_are_no_last_resort() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let _ = bench.list.set_admin(keys[0], Admin::Drain, Time::ZERO);
    let _ = bench.list.set_admin(keys[1], Admin::Maint, Time::ZERO);
    assert_eq!(bench.select(Time::ZERO), Err(NoBackend::None));
}

#[test]
fn flips_are_told_once_each_way_and_every_decision_is_counted() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    for key in &keys {
        let _ = bench.list.set_health(*key, false, Time::ZERO);
    }
    assert_eq!(bench.list.take_fail_open_flip(), None, "nothing was selected yet");
    assert!(bench.select(Time::ZERO).is_ok());
    assert_eq!(bench.list.take_fail_open_flip(), Some(FailOpenFlip::Entered));
    assert!(bench.select(Time::ZERO).is_ok());
    assert_eq!(bench.list.take_fail_open_flip(), None);
    assert!(bench.list.is_failing_open());
    let _ = bench.list.set_health(keys[0], true, Time::ZERO);
    assert!(bench.select(Time::ZERO).is_ok());
    assert_eq!(bench.list.take_fail_open_flip(), Some(FailOpenFlip::Left));
    assert!(bench.select(Time::ZERO).is_ok());
    assert_eq!((bench.list.take_fail_open_flip(), bench.list.fail_open_decisions()), (None, 2));
}

#[test]
fn fail_open_is_not_left_for_a_backend_that_has_yet_to_prove_itself() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let (now, _) = bench.take_down(keys[0], Time::ZERO);
    assert_eq!(bench.select(now + Duration::from_secs(1)).unwrap().tier, Tier::FailOpen);
    assert_eq!(bench.list.take_fail_open_flip(), Some(FailOpenFlip::Entered));
    // Its window is over, so it can open; whether it answers is another question.
    let now = bench.get(keys[0]).retry().wait_until();
    assert_eq!(bench.select(now).unwrap().tier, Tier::Primary);
    assert_eq!(bench.list.take_fail_open_flip(), None);
    let _ = bench.list.on_success(keys[0]);
    assert!(bench.select(now).is_ok());
    assert_eq!(bench.list.take_fail_open_flip(), Some(FailOpenFlip::Left));
}

#[test]
fn a_cluster_without_requests_leaves_fail_open_when_asked_and_for_no_other_backend() {
    let settings = Settings { panic_percent: 50, ..Settings::default() };
    let (mut bench, keys) = Bench::with_settings(settings, [spec(1), spec(2), backup(3)]);
    let refresh = |bench: &mut Bench| {
        bench.list.refresh_fail_open();
        bench.list.take_fail_open_flip()
    };
    for key in &keys {
        let _ = bench.list.set_health(*key, false, Time::ZERO);
    }
    assert_eq!(refresh(&mut bench), None);
    assert!(bench.select(Time::ZERO).is_ok());
    assert_eq!(refresh(&mut bench), Some(FailOpenFlip::Entered));
    let _ = bench.list.set_health(keys[2], true, Time::ZERO);
    assert_eq!(refresh(&mut bench), None, "one of three is still a panic");
    let _ = bench.list.set_admin(keys[0], Admin::Maint, Time::ZERO);
    // Half of those that serve, but it has failed.
    let _ = bench.fail(keys[2], Time::ZERO);
    assert_eq!(refresh(&mut bench), None, "it waits");
    let now = bench.get(keys[2]).retry().wait_until();
    assert_eq!(bench.select(now).unwrap().tier, Tier::Backup);
    assert_eq!(refresh(&mut bench), None, "it may be tried, and has yet to answer");
    let _ = bench.list.on_success(keys[2]);
    assert_eq!(refresh(&mut bench), Some(FailOpenFlip::Left));
    assert_eq!(refresh(&mut bench), None);
}

#[test]
fn below_the_panic_threshold_health_is_ignored_and_each_gets_its_share_by_weight() {
    let settings = Settings { panic_percent: 50, policy: Policy::Random, ..Settings::default() };
    let specs = (1..=4).map(|n| BackendSpec { weight: u32::from(n) * 100, ..spec(n) });
    let (mut bench, keys) = Bench::with_settings(settings, specs.chain([backup(5), backup(6)]));
    for key in &keys[..3] {
        let _ = bench.list.set_health(*key, false, Time::ZERO);
    }
    assert_eq!(bench.select(Time::ZERO).unwrap().tier, Tier::Primary, "half of them are healthy");
    let _ = bench.list.set_health(keys[5], false, Time::ZERO);
    assert_eq!(bench.select(Time::ZERO).unwrap().tier, Tier::Panic);
    assert_eq!(bench.list.take_fail_open_flip(), Some(FailOpenFlip::Entered));

    let counts = bench.spread(Time::ZERO, 10_000, &keys);
    for (n, count) in (1..=4).zip(&counts) {
        assert!(count.abs_diff(n * 1_000) < 150, "seed {SEED}: {counts:?} of 10,000 by weights 1 to 4");
    }
    assert_eq!(counts[4..], [0, 0]);
    assert_eq!(bench.list.fail_open_decisions(), 10_001);
    let _ = bench.list.set_health(keys[0], true, Time::ZERO);
    assert_eq!(bench.select(Time::ZERO).unwrap().tier, Tier::Primary);
    assert_eq!(bench.list.take_fail_open_flip(), Some(FailOpenFlip::Left));
}

#[test]
fn backends_that_are_out_do_not_make_the_others_panic() {
    let settings = Settings { panic_percent: 50, ..Settings::default() };
    let (mut bench, keys) = Bench::with_settings(settings, (1..=4).map(spec));
    for key in &keys[..3] {
        let _ = bench.list.set_admin(*key, Admin::Maint, Time::ZERO);
        let _ = bench.list.set_health(*key, false, Time::ZERO);
    }
    assert_eq!(bench.select(Time::ZERO).unwrap().tier, Tier::Primary);
}
