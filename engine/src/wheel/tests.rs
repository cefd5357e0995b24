//! The wheel against a sorted list, by seed.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ringway_core::Time;

use super::*;

fn ms(ms: u64) -> Time {
    Time::from_nanos(ms * TICK_NS)
}

#[test]
fn timers_fire_like_a_sorted_list_whatever_is_inserted_and_removed() {
    for seed in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut now = Time::from_nanos(rng.random_range(0..1 << 50));
        let mut wheel = Wheel::new(now);
        let mut model: BTreeMap<u32, (Time, TimerId)> = BTreeMap::new();
        for name in 0..400_u32 {
            let span = Duration::from_nanos(1 << rng.random_range(10..43));
            let at = now + span.mul_f64(rng.random_range(0.0..1.0));
            model.insert(name, (at, wheel.insert(at, name)));
            if rng.random_bool(0.3) {
                let victim = *model.keys().nth(rng.random_range(0..model.len())).expect("one");
                let (_, id) = model.remove(&victim).expect("it is there");
                assert_eq!(wheel.remove(id), Some(victim), "seed {seed}");
            }
            if rng.random_bool(0.5) {
                now += Duration::from_nanos(1 << rng.random_range(10..41));
                wheel.advance(now, |name| {
                    let (at, _) = model.remove(&name).expect("a timer fires once");
                    assert!(at <= now, "seed {seed}: {at:?} fired early, at {now:?}");
                });
                for (name, (at, _)) in &model {
                    assert!(
                        *at + Duration::from_millis(1) > now,
                        "seed {seed}: {name} is late: {at:?} {now:?}"
                    );
                }
            }
            assert_eq!(wheel.len(), model.len(), "seed {seed}");
            match (wheel.next(), model.values().map(|(at, _)| *at).min()) {
                (None, None) => {}
                (Some(next), Some(first)) => {
                    assert!(next <= first + Duration::from_millis(1), "seed {seed}: would oversleep");
                }
                (next, first) => panic!("seed {seed}: wheel says {next:?}, list says {first:?}"),
            }
        }
    }
}

#[test]
fn many_far_timers_do_not_wake_an_idle_loop_each_millisecond() {
    let mut wheel = Wheel::new(ms(0));
    for i in 0..4000 {
        wheel.insert(ms(60_000 + i), i);
    }
    let (mut now, mut wakes) = (ms(0), 0);
    while now < ms(59_000) {
        now = wheel.next().expect("timers wait");
        wheel.advance(now, |_| {});
        wakes += 1;
    }
    assert!(wakes <= 64, "{wakes} wakes in a minute");
}
