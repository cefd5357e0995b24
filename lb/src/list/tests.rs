//! Tests of a cluster's list, each of one behaviour an operator sees.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::select::{Selection, Tier};
use super::*;
use crate::limits::TRIED_MAX;
use crate::tried::Tried;

const SEED: u64 = 0x5eed_0005;

fn at_millis(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn address(n: u16) -> Address {
    Address::Ip(([10, 0, 0, 1], n).into())
}

fn spec(n: u16) -> BackendSpec {
    BackendSpec { id: format!("b{n}").parse().unwrap(), address: address(n), weight: 100, backup: false }
}

fn backup(n: u16) -> BackendSpec {
    BackendSpec { backup: true, ..spec(n) }
}

struct Bench {
    list: BackendList,
    rng: SmallRng,
}

impl Bench {
    fn new(policy: Policy) -> Bench {
        let list = BackendList::new("api".parse().unwrap(), policy);
        Bench { list, rng: SmallRng::seed_from_u64(SEED) }
    }

    fn with(specs: impl IntoIterator<Item = BackendSpec>) -> (Bench, Vec<BackendKey>) {
        let mut bench = Bench::new(Policy::PowerOfTwo);
        let keys = specs.into_iter().map(|spec| bench.add(spec).key).collect();
        (bench, keys)
    }

    fn add(&mut self, spec: BackendSpec) -> Added {
        self.list.add(spec, Arc::new(InFlight::new()))
    }

    fn select(&mut self, now: Time) -> Option<Selection> {
        self.list.select(now, &mut self.rng, &Tried::NONE)
    }

    fn fail(&mut self, key: BackendKey, now: Time) -> Failed {
        self.list.on_failure(key, now, &mut self.rng)
    }

    /// Fails `key` until it is down; returns the time of the last failure and what it did.
    fn take_down(&mut self, key: BackendKey, from: Time) -> (Time, Failed) {
        let mut now = from;
        loop {
            let failed = self.fail(key, now);
            match failed.outcome {
                FailureOutcome::BackOff { until } => now = until,
                FailureOutcome::Down { .. } => return (now, failed),
                other => panic!("seed {SEED}: {other:?}"),
            }
        }
    }
}

#[test]
fn an_empty_cluster_selects_nothing_and_is_not_down() {
    let (mut bench, _) = Bench::with([]);
    assert_eq!(bench.select(Time::ZERO), None);
    assert_eq!(bench.list.availability(), Availability::Available);
}

#[test]
fn adding_again_updates_settings_and_keeps_back_off_and_counts() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    bench.list.begin_request(keys[0]);
    let _ = bench.fail(keys[0], Time::ZERO);

    let again = bench.add(BackendSpec { weight: 7, backup: true, ..spec(1) });
    assert_eq!(again, Added { key: keys[0], is_new: false, flip: None });
    let backend = bench.list.get(keys[0]).unwrap();
    assert_eq!(
        (backend.weight(), backend.is_backup(), backend.requests(), backend.load().get()),
        (7, true, 1, 1)
    );
    assert!(!backend.can_open(at_millis(999)));
    assert_eq!(bench.select(at_millis(999)).unwrap().key, keys[1]);
    assert_eq!(bench.list.len(), 2);
}

#[test]
fn a_primary_turned_backup_serves_only_after_the_primaries() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let _ = bench.add(backup(1));
    for _ in 0..50 {
        assert_eq!(bench.select(Time::ZERO).unwrap().key, keys[1]);
    }
}

#[test]
fn a_weight_of_zero_is_read_as_one() {
    let (bench, keys) = Bench::with([BackendSpec { weight: 0, ..spec(1) }]);
    assert_eq!(bench.list.get(keys[0]).unwrap().weight(), 1);
}

#[test]
fn backups_serve_while_no_primary_can_open() {
    let (mut bench, keys) = Bench::with([spec(1), backup(2)]);
    assert_eq!(bench.select(Time::ZERO).unwrap().tier, Tier::Primary);
    let _ = bench.fail(keys[0], Time::ZERO);
    let selection = bench.select(at_millis(1)).unwrap();
    assert_eq!((selection.key, selection.tier), (keys[1], Tier::Backup));
    assert_eq!(bench.select(at_millis(1_000)).unwrap().tier, Tier::Primary);
}

#[test]
fn a_removed_backend_drains_and_is_told_gone_once() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    bench.list.connection_opened(keys[0]);
    bench.list.begin_request(keys[0]);

    let removed = bench.list.remove_by_address(&address(1));
    assert_eq!(removed, Removed { ids: vec![spec(1).id], drained: vec![], flip: None });
    assert_eq!(bench.list.status(keys[0]), Status::Closing);
    assert_eq!(bench.select(Time::ZERO).unwrap().key, keys[1]);

    assert_eq!(bench.list.end_request(keys[0]), Released::Kept);
    assert_eq!(bench.list.connection_closed(keys[0]), Released::Drained(spec(1).id));
    assert_eq!(bench.list.status(keys[0]), Status::Closed);
    assert_eq!(bench.list.connection_closed(keys[0]), Released::Kept);
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
fn removal_takes_every_name_on_the_address_and_no_other() {
    let twin = BackendSpec { id: "twin".parse().unwrap(), ..spec(1) };
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

    bench.list.begin_request(keys[0]);
    bench.list.connection_opened(keys[0]);
    assert_eq!(bench.fail(keys[0], Time::ZERO).outcome, FailureOutcome::Ignored);
    assert_eq!(bench.list.end_request(keys[0]), Released::Kept);
    assert_eq!(bench.list.connection_closed(keys[0]), Released::Kept);
    let backend = bench.list.get(new).unwrap();
    assert_eq!((backend.requests(), backend.connections(), backend.load().get()), (0, 0, 0));
    assert!(backend.can_open(Time::ZERO));
}

#[test]
fn a_backend_added_while_its_predecessor_drains_is_another_one() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    bench.list.begin_request(keys[0]);
    let _ = bench.list.remove_by_address(&address(1));
    let added = bench.add(spec(1));
    assert!(added.is_new);
    assert_eq!(bench.select(Time::ZERO).unwrap().key, added.key);
    assert_eq!(bench.list.end_request(keys[0]), Released::Drained(spec(1).id));
    assert_eq!(bench.list.status(added.key), Status::Normal);
}

#[test]
fn waiting_backends_are_available_but_can_not_open_and_exhausted_ones_the_other_way_round() {
    let (mut bench, keys) = Bench::with([spec(1)]);
    let _ = bench.fail(keys[0], Time::ZERO);
    let backend = bench.list.get(keys[0]).unwrap();
    assert!(backend.is_available() && !backend.can_open(at_millis(1)));

    let _ = bench.take_down(keys[0], at_millis(1_000));
    let backend = bench.list.get(keys[0]).unwrap();
    assert!(!backend.is_available() && backend.can_open(backend.retry().wait_until()));
}

#[test]
fn the_latch_flips_once_each_way() {
    let (mut bench, keys) = Bench::with([spec(1), backup(2)]);
    let (now, failed) = bench.take_down(keys[0], Time::ZERO);
    assert_eq!(failed.flip, None, "the backup is still available");
    let (now, failed) = bench.take_down(keys[1], now);
    assert_eq!(failed.flip, Some(Flip::AllDown));
    assert_eq!(bench.list.availability(), Availability::AllDown);

    let again = bench.list.get(keys[0]).unwrap().retry().wait_until().max(now);
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
fn a_tried_address_is_not_selected_again_by_whatever_name() {
    let twin = BackendSpec { id: "twin".parse().unwrap(), ..spec(1) };
    for policy in [Policy::RoundRobin, Policy::PowerOfTwo] {
        let (mut bench, keys) = Bench::with([spec(1), twin.clone(), spec(2)]);
        bench.list.set_policy(policy);
        let mut tried = Tried::NONE;
        tried.insert(keys[0]);
        for _ in 0..50 {
            let selection = bench.list.select(Time::ZERO, &mut bench.rng, &tried).unwrap();
            assert_eq!(selection.key, keys[2], "seed {SEED}");
        }
        tried.insert(keys[2]);
        assert_eq!(bench.list.select(Time::ZERO, &mut bench.rng, &tried), None);
    }
}

#[test]
fn a_request_gets_no_further_backend_when_its_attempts_are_used_up() {
    let (mut bench, keys) = Bench::with((1..=20).map(spec));
    let mut tried = Tried::NONE;
    for key in &keys[..TRIED_MAX] {
        assert!(bench.list.select(Time::ZERO, &mut bench.rng, &tried).is_some());
        tried.insert(*key);
        tried.insert(*key);
    }
    assert_eq!(tried.as_slice(), &keys[..TRIED_MAX]);
    assert_eq!(bench.list.select(Time::ZERO, &mut bench.rng, &tried), None);
}

#[test]
fn what_a_dead_backend_leaves_is_shared_by_all_others() {
    for weights in [[100; 5], [100, 300, 200, 100, 300]] {
        let (mut bench, keys) =
            Bench::with((1..).zip(weights).map(|(n, weight)| BackendSpec { weight, ..spec(n) }));
        bench.list.set_policy(Policy::RoundRobin);
        (0..7).for_each(|_| _ = bench.select(Time::ZERO));
        let _ = bench.fail(keys[1], Time::ZERO);
        let rest = weights.iter().sum::<u32>() - weights[1];
        let mut counts = [0u32; 5];
        for _ in 0..rest {
            let key = bench.select(at_millis(1)).unwrap().key;
            counts[keys.iter().position(|k| *k == key).unwrap()] += 1;
        }
        assert_eq!(counts[1], 0);
        for at in [0, 2, 3, 4] {
            let off = counts[at].abs_diff(weights[at]);
            assert!(off <= 4, "seed {SEED}: {counts:?} picks for weights {weights:?}, the second being dead");
        }
    }
}

#[test]
fn power_of_two_sees_what_other_shards_have_in_flight() {
    let loads = [Arc::new(InFlight::new()), Arc::new(InFlight::new())];
    let (mut here, mut there) = (Bench::new(Policy::PowerOfTwo), Bench::new(Policy::PowerOfTwo));
    for (n, load) in (1..).zip(&loads) {
        let _ = here.list.add(spec(n), Arc::clone(load));
        let _ = there.list.add(spec(n), Arc::clone(load));
    }
    let busy = there.list.find(&spec(1).id, &address(1)).unwrap();
    there.list.begin_request(busy);
    for _ in 0..50 {
        assert_eq!(here.select(Time::ZERO).unwrap().address, address(2));
    }
    drop(there);
    assert_eq!(loads[0].get(), 0, "a shard that dies gives its load back");
}

#[test]
fn in_flight_counts_have_their_cache_lines_to_themselves() {
    assert_eq!((size_of::<InFlight>(), align_of::<InFlight>()), (128, 128));
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
    let backend = bench.list.get(keys[0]).unwrap();
    assert_eq!((backend.load().get(), backend.requests(), backend.connections()), (0, 0, 0));
}

mod fail_open {
    //! When nothing can open.

    use super::*;

    #[test]
    fn a_sole_backend_gets_nothing_during_its_first_window() {
        let (mut bench, keys) = Bench::with([spec(1)]);
        let _ = bench.fail(keys[0], Time::ZERO);
        assert_eq!(bench.select(at_millis(0)), None);
        assert_eq!(bench.select(at_millis(999)), None);
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
            if let Some(selection) = bench.select(now) {
                trials += 1;
                if now >= back_at {
                    let _ = bench.list.on_success(selection.key);
                    break;
                }
                let _ = bench.fail(selection.key, now);
            }
            now += Duration::from_millis(10);
        }
        assert!(
            now.since(back_at) <= Duration::from_millis(1_010),
            "seed {SEED}: found after {:?}",
            now.since(back_at)
        );
        // One a second, and one at the end of each window, of which there are about ten in that time.
        assert!(trials <= 330, "seed {SEED}: {trials} requests were sacrificed in 300 s");
        assert_eq!(
            bench.select(now).unwrap(),
            Selection { key: keys[0], address: address(1), tier: Tier::Primary }
        );
    }

    #[test]
    fn there_is_one_trial_at_a_time() {
        let (mut bench, keys) = Bench::with([spec(1)]);
        let (now, _) = bench.take_down(keys[0], Time::ZERO);
        assert!(
            bench.list.get(keys[0]).unwrap().retry().wait_until() > now + Duration::from_secs(1),
            "seed {SEED}"
        );
        assert_eq!(bench.select(now + Duration::from_millis(999)), None);
        let trial = now + Duration::from_secs(1);
        assert_eq!(bench.select(trial).unwrap().tier, Tier::FailOpen);
        assert_eq!(bench.select(trial), None);
        assert_eq!(bench.select(trial + Duration::from_millis(999)), None);
    }

    #[test]
    fn trials_go_to_primaries_first_then_to_the_longest_waiting() {
        let (mut bench, keys) = Bench::with([backup(1), spec(2), spec(3)]);
        let mut now = Time::ZERO;
        for key in &keys {
            (now, _) = bench.take_down(*key, now);
        }
        // Let every window end, so that the next failures put all three into back-off in an order that is known.
        now = keys.iter().map(|key| bench.list.get(*key).unwrap().retry().wait_until()).max().unwrap();
        for (millis, key) in (0..).zip(&keys) {
            let _ = bench.fail(*key, now + Duration::from_millis(millis));
        }
        let first = now + Duration::from_millis(1_002);
        let second = first + Duration::from_millis(1_001);
        for key in &keys {
            assert!(
                bench.list.get(*key).unwrap().retry().wait_until() > second,
                "seed {SEED}: window too short"
            );
        }

        // The one that has waited longest is refused once, and is then the one whose trial is more recent.
        let mut tried = Tried::NONE;
        tried.insert(keys[1]);
        assert_eq!(bench.list.select(first, &mut bench.rng, &tried).unwrap().key, keys[2]);
        let later = first + Duration::from_millis(1);
        let order = [later, later, later].map(|now| bench.select(now).map(|selection| selection.key));
        assert_eq!(order, [Some(keys[1]), Some(keys[0]), None]);
        let order = [second; 4].map(|now| bench.select(now).map(|selection| selection.key));
        assert_eq!(order, [Some(keys[2]), Some(keys[1]), Some(keys[0]), None]);
    }

    #[test]
    fn a_retry_gets_no_bad_backend_while_others_can_open() {
        let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
        let (now, _) = bench.take_down(keys[0], Time::ZERO);
        let mut tried = Tried::NONE;
        tried.insert(keys[1]);
        assert_eq!(bench.list.select(now + Duration::from_secs(1), &mut bench.rng, &tried), None);
    }

    #[test]
    fn flips_are_told_once_each_way() {
        let (mut bench, keys) = Bench::with([spec(1)]);
        let (now, _) = bench.take_down(keys[0], Time::ZERO);
        assert_eq!(bench.list.take_fail_open_flip(), None, "nothing was selected yet");
        assert!(bench.select(now + Duration::from_secs(1)).is_some());
        assert_eq!(bench.list.take_fail_open_flip(), Some(FailOpenFlip::Entered));
        assert!(bench.select(now + Duration::from_secs(2)).is_some());
        assert_eq!(bench.list.take_fail_open_flip(), None);
        assert!(bench.list.is_failing_open());
        let _ = bench.list.on_success(keys[0]);
        assert!(bench.select(now + Duration::from_secs(2)).is_some());
        assert_eq!(bench.list.take_fail_open_flip(), Some(FailOpenFlip::Left));
    }
}
