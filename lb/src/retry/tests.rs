//! Tests of the retry policy: windows, jitter, exhaustion, what is ignored.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;

const SEED: u64 = 0x5eed_0001;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Fails as soon as each window is over; returns the windows' lengths.
fn windows_in_a_row(count: usize, rng: &mut SmallRng) -> Vec<Duration> {
    let mut policy = RetryPolicy::default();
    let mut now = Time::from_nanos(5);
    (0..count)
        .map(|_| {
            assert!(policy.is_okay(now));
            policy.on_failure(now, rng);
            let length = policy.wait_until().since(now);
            now = policy.wait_until();
            length
        })
        .collect()
}

#[test]
fn windows_grow_within_the_documented_ranges() {
    let longest = [1, 1, 3, 7, 15, 31, 63, 63, 63];
    for seed in SEED..SEED + 500 {
        let windows = windows_in_a_row(longest.len(), &mut SmallRng::seed_from_u64(seed));
        for (k, (window, longest)) in windows.iter().zip(longest).enumerate() {
            assert!(
                (secs(1)..=secs(longest)).contains(window),
                "seed {seed}: window {} lasts {window:?}, at most {longest} s allowed",
                k + 1
            );
        }
    }
}

#[test]
fn jitter_uses_the_whole_range_and_differs_between_shards() {
    let mut shortest = Duration::MAX;
    let mut longest = Duration::ZERO;
    let mut seen = Vec::new();
    for seed in SEED..SEED + 500 {
        let window = windows_in_a_row(7, &mut SmallRng::seed_from_u64(seed))[6];
        shortest = shortest.min(window);
        longest = longest.max(window);
        seen.push(window);
    }
    assert!(shortest < secs(3) && longest > secs(61), "from seed {SEED}: {shortest:?} to {longest:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 500, "from seed {SEED}: two shards drew the same window");
}

#[test]
fn the_sixth_counted_failure_means_down_and_is_told_once() {
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut policy = RetryPolicy::default();
    let mut now = Time::ZERO;
    for k in 1..=8 {
        let outcome = policy.on_failure(now, &mut rng);
        now = policy.wait_until();
        let expected = match k {
            1..=5 => FailureOutcome::BackOff { until: now },
            6 => FailureOutcome::Down { until: now },
            _ => FailureOutcome::StillDown { until: now },
        };
        assert_eq!(outcome, expected, "failure {k}");
        assert_eq!(policy.is_exhausted(), k >= 6);
    }
    assert_eq!(policy.on_success(), SuccessOutcome::Up);
    assert_eq!(policy.on_success(), SuccessOutcome::Unchanged);
}

#[test]
fn failures_inside_the_window_are_ignored() {
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut policy = RetryPolicy::default();
    let now = Time::from_nanos(1);
    let until = now + secs(1);
    assert_eq!(policy.on_failure(now, &mut rng), FailureOutcome::BackOff { until });
    for millis in [0, 1, 999] {
        let inside = now + Duration::from_millis(millis);
        assert_eq!(policy.on_failure(inside, &mut rng), FailureOutcome::Ignored);
        assert!(!policy.is_okay(inside));
    }
    assert!(policy.is_okay(until), "the window's end belongs to the time after it");
    assert_eq!(policy.on_failure(until, &mut rng), FailureOutcome::BackOff { until: until + secs(1) });
}

#[test]
fn being_exhausted_elsewhere_opens_the_window_of_the_sixth_failure_and_shortens_none() {
    for seed in SEED..SEED + 200 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut policy = RetryPolicy::default();
        let now = Time::from_nanos(5);
        assert!(policy.is_clean());
        policy.exhaust(now, &mut rng);
        let window = policy.wait_until().since(now);
        assert!(policy.is_exhausted() && !policy.is_clean());
        assert!((secs(1)..=secs(31)).contains(&window), "seed {seed}: {window:?}");
        let until = policy.wait_until();
        policy.exhaust(now, &mut rng);
        assert!(policy.wait_until() >= until, "seed {seed}");
        assert_eq!(policy.on_success(), SuccessOutcome::Up);
    }
}

#[test]
fn a_success_resets_the_windows() {
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut policy = RetryPolicy::default();
    let mut now = Time::ZERO;
    for _ in 0..4 {
        policy.on_failure(now, &mut rng);
        now = policy.wait_until();
    }
    assert_eq!(policy.on_success(), SuccessOutcome::Recovered);
    assert!(policy.is_okay(Time::ZERO));
    assert_eq!(policy.on_failure(now, &mut rng), FailureOutcome::BackOff { until: now + secs(1) });
}
