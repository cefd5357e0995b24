//! What the table of rates promises.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use super::*;

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

#[test]
fn a_burst_passes_at_once_and_then_the_rate_counts() {
    let table = RateTable::new(4, 3);
    let admitted = (0..10).filter(|_| table.take(1, at(0)).is_ok()).count();
    assert_eq!(admitted, 3);
    assert_eq!(table.take(1, at(100)), Err(Duration::from_millis(150)));
    assert_eq!(table.take(1, at(250)), Ok(()));
    assert_eq!(table.take(1, at(250)), Err(Duration::from_millis(250)));
    assert_eq!((0..10).filter(|_| table.take(1, at(10_000)).is_ok()).count(), 3, "never more than a burst");
}

#[test]
fn who_comes_back_when_told_to_is_admitted_and_not_a_moment_earlier() {
    let seed: u64 = rand::rng().random();
    let mut rng = SmallRng::seed_from_u64(seed);
    for _ in 0..50 {
        let table = RateTable::new(1 + rng.next_u32() % 1000, 1 + rng.next_u32() % 20);
        let mut now = at(1_000);
        for _ in 0..200 {
            now += Duration::from_nanos(rng.next_u64() % 1_000_000);
            if let Err(wait) = table.take(9, now) {
                assert!(table.take(9, now + wait - Duration::from_nanos(1)).is_err(), "seed {seed}");
                now += wait;
                assert_eq!(table.take(9, now), Ok(()), "seed {seed}");
            }
        }
    }
}

/// The bound itself, over every span between two admitted requests.
#[test]
fn no_span_of_time_admits_more_than_burst_and_rate_allow() {
    let seed: u64 = rand::rng().random();
    let mut rng = SmallRng::seed_from_u64(seed);
    for (rate, burst) in [(1, 1), (3, 5), (100, 10), (1000, 1)] {
        let table = RateTable::new(rate, burst);
        let mut admitted = Vec::new();
        let mut now = at(0);
        while admitted.len() < 300 {
            now += Duration::from_nanos(rng.next_u64() % (2_000_000_000 / u64::from(rate)));
            for _ in 0..rng.next_u32() % 8 {
                // Shards do not look at the clock at the same moment.
                let lag = Duration::from_micros(rng.next_u64() % 50);
                if table.take(5, now - lag).is_ok() {
                    admitted.push(now - lag);
                }
            }
        }
        for (first, from) in admitted.iter().enumerate() {
            for (last, to) in admitted.iter().enumerate().skip(first) {
                let span = to.since(*from).as_secs_f64() + 50e-6;
                let most = f64::from(burst) + span * f64::from(rate);
                assert!(
                    (last - first + 1) as f64 <= most + 1e-6,
                    "seed {seed}: {first} to {last} in {span} s"
                );
            }
        }
    }
}

#[test]
fn threads_together_get_no_more_than_the_burst() {
    let table = RateTable::new(1, 500);
    let admitted: usize = std::thread::scope(|scope| {
        let one = || (0..400).filter(|_| table.take(77, at(1)).is_ok()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(admitted, 500);
}

#[test]
fn entries_that_say_nothing_any_more_make_room() {
    let table = RateTable::with_keys_max(10, 1, RATE_STRIPES * 8);
    let stripe = &table.stripes[0];
    // All in one stripe; each is done 100 ms later, when 8 more have come.
    for key in 0..1_000u64 {
        assert_eq!(table.take(key, at(key * 15)), Ok(()), "key {key}");
        let stripe = stripe.lock().expect("not poisoned");
        assert!(stripe.full_at.len() <= 8 && stripe.full_at.len() == stripe.oldest.len());
    }
}

#[test]
fn where_a_part_is_full_new_clients_share_a_bucket_and_known_ones_keep_theirs() {
    let table = RateTable::with_keys_max(1, 2, RATE_STRIPES * 8);
    let known = 0..8u64;
    for key in known.clone() {
        assert_eq!(table.take(key, at(0)), Ok(()));
    }
    let admitted = (100..200u64).filter(|key| table.take(*key, at(0)).is_ok()).count();
    assert_eq!(admitted, 2, "one burst for all strangers together");
    for key in known {
        assert_eq!(table.take(key, at(0)), Ok(()));
        assert!(table.take(key, at(0)).is_err());
    }
    assert_eq!(table.take(1 << 32, at(0)), Ok(()), "other parts are not full");
    assert_eq!(table.take(100, at(60_000)), Ok(()));
    assert_eq!(table.stripes[0].lock().expect("not poisoned").full_at.len(), 5, "four went, one came");
}

#[test]
fn rates_at_their_ends_are_kept() {
    let fast = RateTable::new(u32::MAX, u32::MAX);
    assert!((0..1_000).all(|_| fast.take(1, at(0)).is_ok()));
    let slow = RateTable::new(0, 0);
    assert_eq!(slow.take(1, at(0)), Ok(()));
    assert_eq!(slow.take(1, at(0)), Err(Duration::from_secs(1)));
}
