//! Tests of power of two choices: shares at idle, the choice under load, the bound.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;
use crate::pool::tests::{assert_shares, pool_of};

const SEED: u64 = 0x5eed_0003;

fn load(pool: &Pool, position: usize, requests: usize) {
    for _ in 0..requests {
        pool.candidates()[position].load.begin();
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
        pool.candidates()[position].load.begin();
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
            pool.candidates()[pick(&pool, &mut rng)].load.begin();
        }
        // ln ln 1000 / ln 2 = 2.8; one random choice would give about 6.
        let longest = pool.candidates().iter().map(|candidate| candidate.load.get()).max().unwrap();
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
