//! Tests of power of N choices: shares at idle, the choice under load, the bound.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;
use crate::pool::tests::{assert_shares, pool_of};

const SEED: u64 = 0x5eed_0003;

/// By requests in flight, of two.
fn pick(pool: &Pool, rng: &mut SmallRng) -> usize {
    super::pick(pool, Metric::Requests, Time::ZERO, 2, rng)
}

fn pick_admitted(pool: &Pool, rng: &mut SmallRng, admit: impl Fn(&Candidate) -> bool) -> Option<usize> {
    super::pick_admitted(pool, Metric::Requests, Time::ZERO, 2, rng, admit)
}

fn load(pool: &Pool, position: usize, requests: usize) {
    for _ in 0..requests {
        assert!(pool.candidates()[position].load.try_begin(u32::MAX));
    }
}

fn counts_at_standing_load(pool: &Pool, picks: usize) -> Vec<u64> {
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut counts = vec![0; pool.len()];
    for _ in 0..picks {
        counts[pick(pool, &mut rng)] += 1;
    }
    counts
}

#[test]
fn idle_backends_share_in_proportion_to_weight() {
    for weights in
        [&[100, 100][..], &[100, 300], &[1, 1, 1, 1, 1], &[100, 200, 300, 50], &[1, 10, 1, 1, 1, 1, 1]]
    {
        let counts = counts_at_standing_load(&pool_of(weights), 100_000);
        assert_shares(&counts, weights, &format!("seed {SEED}, weights {weights:?}"));
    }
}

#[test]
fn of_two_the_lighter_one_wins_always() {
    let pool = pool_of(&[100, 100]);
    load(&pool, 0, 3);
    load(&pool, 1, 2);
    assert_eq!(counts_at_standing_load(&pool, 1_000), [0, 1_000], "seed {SEED}");
}

#[test]
fn load_counts_per_weight() {
    let pool = pool_of(&[100, 300]);
    load(&pool, 0, 1);
    load(&pool, 1, 2);
    assert_eq!(counts_at_standing_load(&pool, 1_000), [0, 1_000], "seed {SEED}: 2/300 is less than 1/100");
    load(&pool, 1, 2);
    assert_eq!(counts_at_standing_load(&pool, 1_000), [1_000, 0], "seed {SEED}: 1/100 is less than 4/300");
}

#[test]
fn the_heaviest_loaded_of_many_is_never_picked() {
    let pool = pool_of(&[100; 20]);
    load(&pool, 7, 1);
    let counts = counts_at_standing_load(&pool, 20_000);
    assert_eq!(counts[7], 0, "seed {SEED}");
    let mut weights = [100; 20];
    weights[7] = 0;
    assert_shares(&counts, &weights, &format!("seed {SEED}"));
}

#[test]
fn a_heavy_backend_gets_more_than_uniform_draws_could_give_it() {
    // Of ten, uniform draws would see the heavy one in 2 of 10 requests; its weight is worth 10 of 19.
    let mut weights = [100; 10];
    weights[4] = 1_000;
    let pool = pool_of(&weights);
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut counts = [0u64; 10];
    for _ in 0..10_000 {
        let position = pick(&pool, &mut rng);
        assert!(pool.candidates()[position].load.try_begin(u32::MAX));
        counts[position] += 1;
    }
    let share = counts[4] as f64 / 10_000.0;
    assert!(
        (share - 10.0 / 19.0).abs() < 0.02,
        "seed {SEED}: {share} of the requests, expected {}",
        10.0 / 19.0
    );
}

#[test]
fn the_longest_queue_stays_within_the_bound() {
    for seed in SEED..SEED + 20 {
        let pool = pool_of(&[100; 1_000]);
        let mut rng = SmallRng::seed_from_u64(seed);
        for _ in 0..1_000 {
            assert!(pool.candidates()[pick(&pool, &mut rng)].load.try_begin(u32::MAX));
        }
        // ln ln 1000 / ln 2 = 2.8; one random choice would give about 6.
        let longest = pool.candidates().iter().map(|candidate| candidate.load.requests()).max().unwrap();
        assert!(longest <= 4, "seed {seed}: a backend has {longest} of 1000 requests on 1000 backends");
    }
}

#[test]
fn a_retry_gets_the_lighter_of_the_admitted() {
    let pool = pool_of(&[100, 100, 100]);
    load(&pool, 1, 1);
    let mut rng = SmallRng::seed_from_u64(SEED);
    for _ in 0..1_000 {
        assert_eq!(pick_admitted(&pool, &mut rng, |candidate| candidate.index != 0), Some(2), "seed {SEED}");
        assert_eq!(pick_admitted(&pool, &mut rng, |candidate| candidate.index == 1), Some(1), "seed {SEED}");
        assert_eq!(pick_admitted(&pool, &mut rng, |_| false), None);
    }
}

#[test]
fn of_many_drawn_idle_ones_share_in_proportion_and_the_busiest_get_nothing() {
    for weights in [&[100; 20][..], &[100, 300, 200, 100, 50, 70, 90]] {
        for choices in [3, 5, 16, u8::MAX] {
            let pool = pool_of(weights);
            let mut rng = SmallRng::seed_from_u64(SEED);
            let mut counts = vec![0; weights.len()];
            for _ in 0..20_000 {
                counts[super::pick(&pool, Metric::Requests, Time::ZERO, choices, &mut rng)] += 1;
            }
            assert_shares(&counts, weights, &format!("seed {SEED}, {choices} of {weights:?}"));
        }
    }
    // Of three distinct ones two may be busy, the third is not.
    let pool = pool_of(&[100; 20]);
    load(&pool, 4, 1);
    load(&pool, 5, 2);
    let mut rng = SmallRng::seed_from_u64(SEED);
    for _ in 0..20_000 {
        let position = super::pick(&pool, Metric::Requests, Time::ZERO, 3, &mut rng);
        assert!(position != 4 && position != 5, "seed {SEED}: {position}");
        let admitted = super::pick_admitted(&pool, Metric::Requests, Time::ZERO, 3, &mut rng, |candidate| {
            candidate.index >= 4 && candidate.index < 7
        });
        assert_eq!(admitted, Some(6), "seed {SEED}");
    }
}

#[test]
fn more_choices_find_the_few_that_are_well() {
    let pool = pool_of(&[100; 40]);
    for position in 4..40 {
        load(&pool, position, 1);
    }
    let share_of_idle = |choices| {
        let mut rng = SmallRng::seed_from_u64(SEED);
        let picks = (0..20_000).map(|_| super::pick(&pool, Metric::Requests, Time::ZERO, choices, &mut rng));
        picks.filter(|&position| position < 4).count() as f64 / 20_000.0
    };
    // 1 - C(36, N) / C(40, N).
    for (choices, expected) in [(2, 0.192), (4, 0.355), (8, 0.607)] {
        let share = share_of_idle(choices);
        assert!((share - expected).abs() < 0.015, "seed {SEED}: {share} of the picks with {choices} choices");
    }
}

#[test]
fn the_metric_decides_what_load_is() {
    let pool = pool_of(&[100, 100]);
    load(&pool, 0, 1);
    assert!(pool.candidates()[1].load.try_open(u32::MAX));
    for candidate in pool.candidates() {
        let millis = if candidate.index == 0 { 10 } else { 50 };
        candidate.load.observe(std::time::Duration::from_millis(millis), Time::ZERO);
    }
    let mut rng = SmallRng::seed_from_u64(SEED);
    // Two requests of 10 ms each are sooner done than one of 50 ms.
    for (metric, lighter) in [(Metric::Requests, 1), (Metric::Connections, 0), (Metric::Latency, 0)] {
        for _ in 0..100 {
            assert_eq!(
                super::pick(&pool, metric, Time::ZERO, 2, &mut rng),
                lighter,
                "seed {SEED}: {metric:?}"
            );
        }
    }
}
