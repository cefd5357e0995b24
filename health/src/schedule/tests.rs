//! Evenness, the grid, and that a slow probe is not joined by a second one.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: f64) -> Time {
    Time::from_nanos((seconds * SECOND as f64) as u64)
}

fn every(interval_s: u64, fast_s: u64) -> CheckSettings {
    let (interval, fast_interval) = (Duration::from_secs(interval_s), Duration::from_secs(fast_s));
    CheckSettings { interval, fast_interval, ..CheckSettings::default() }
}

#[test]
fn ten_thousand_backends_come_evenly_from_the_first_second_on() {
    for seed in 0..3u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let begin = at(1234.567 + seed as f64);
        let mut schedule = Schedule::new();
        (0..10_000).for_each(|id| schedule.add(id, mix(u64::from(id) + seed), &every(10, 10), begin));
        let mut seconds = [0u32; 60];
        let mut probes = vec![0u32; 10_000];
        let end = begin + Duration::from_secs(60);
        let mut now = begin;
        while now < end {
            while let Some(id) = schedule.pop_due(now, &mut rng) {
                seconds[now.since(begin).as_secs() as usize] += 1;
                probes[id as usize] += 1;
                // Each hundredth is a black hole: it takes the whole timeout.
                schedule.done(id, now + Duration::from_millis(if id % 100 == 0 { 5000 } else { 2 }));
            }
            now = schedule.next_due();
        }
        let most = seconds.iter().max().unwrap();
        assert!(*most <= 1500, "seed {seed}: a mean of 1000 a second, and {seconds:?}");
        assert!(seconds.iter().all(|n| *n >= 500), "seed {seed}: {seconds:?}");
        assert!(
            probes.iter().all(|n| (5..=7).contains(n)),
            "seed {seed}: six intervals, at most one more or less"
        );
    }
}

#[test]
fn starts_stay_near_their_grid_and_do_not_drift() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut schedule = Schedule::new();
    schedule.add(7, 99, &every(10, 10), at(3.0));
    let first = schedule.next_due();
    assert!(first >= at(3.0) && first < at(13.0));
    for n in 0..1000u32 {
        let due = schedule.next_due();
        let place = first + Duration::from_secs(10) * n;
        let off = due.since(place).max(place.since(due));
        assert!(off <= Duration::from_millis(500), "start {n} is {off:?} away from its place");
        assert_eq!(schedule.pop_due(due, &mut rng), Some(7));
        schedule.done(7, due + Duration::from_millis(30));
    }
}

#[test]
fn a_backend_is_not_probed_twice_at_once_and_what_it_missed_is_left_out() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut schedule = Schedule::new();
    schedule.add(1, 0, &every(10, 10), at(0.0));
    let first = schedule.next_due();
    assert_eq!(schedule.pop_due(first, &mut rng), Some(1));
    let late = first + Duration::from_secs(47);
    assert_eq!((schedule.next_due(), schedule.pop_due(late, &mut rng)), (Time::NEVER, None));
    schedule.done(1, late);
    schedule.done(1, late);
    let next = schedule.next_due();
    assert!(
        next.since(first) >= Duration::from_millis(49_500)
            && next.since(first) <= Duration::from_millis(50_500)
    );
    assert_eq!(schedule.pop_due(next, &mut rng), Some(1));
    assert_eq!(schedule.pop_due(next, &mut rng), None);
}

#[test]
fn while_its_state_changes_a_backend_is_probed_at_the_fast_interval() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut schedule = Schedule::new();
    schedule.add(1, 42, &every(10, 1), at(0.0));
    let start = schedule.next_due();
    schedule.pop_due(start, &mut rng);
    schedule.set_fast(1, true, start);
    schedule.done(1, start);
    let fast = schedule.next_due();
    assert!(
        fast.since(start) >= Duration::from_millis(400) && fast.since(start) <= Duration::from_millis(1600)
    );
    schedule.set_fast(1, false, start);
    assert!(
        schedule.next_due() >= start + Duration::from_millis(4900),
        "back to the slow one, also while it waits"
    );
    schedule.set_fast(1, true, start);
    assert_eq!(schedule.next_due(), fast);
}

#[test]
fn another_shard_goes_on_in_the_same_grid() {
    let mut first = Schedule::new();
    let mut second = Schedule::new();
    for id in 0..100 {
        first.add(id, mix(u64::from(id)), &every(10, 10), at(0.0));
        let due = first.next_due();
        second.add(id + 1000, mix(u64::from(id)), &every(10, 10), at(20.0));
        assert_eq!(second.next_due(), due + Duration::from_secs(20));
        assert!(first.remove(id) && second.remove(id + 1000) && !first.remove(id));
    }
    assert!(first.is_empty() && first.next_due() == Time::NEVER);
}
