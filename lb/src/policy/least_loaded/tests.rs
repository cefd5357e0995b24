//! Tests of least loaded: the least one, by weight, with ties left to chance.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;
use crate::pool::tests::{assert_shares, pool_of};

const SEED: u64 = 0x5eed_0006;

fn least(pool: &Pool, rng: &mut SmallRng) -> usize {
    pick(pool, Metric::Requests, Time::ZERO, rng)
}

/// Sends requests, none of which ends; returns how many each has.
fn fill(pool: &Pool, requests: usize) -> Vec<u64> {
    let mut rng = SmallRng::seed_from_u64(SEED);
    for _ in 0..requests {
        assert!(pool.candidates()[least(pool, &mut rng)].load.try_begin(u32::MAX));
    }
    pool.candidates().iter().map(|candidate| candidate.load.requests()).collect()
}

#[test]
fn equal_backends_fill_up_evenly() {
    assert_eq!(fill(&pool_of(&[100; 50]), 50), [1; 50]);
    assert_eq!(fill(&pool_of(&[100; 50]), 350), [7; 50]);
}

#[test]
fn full_backends_carry_what_their_weights_say() {
    assert_eq!(fill(&pool_of(&[100, 300, 50, 150]), 1_200), [200, 600, 100, 300]);
}

#[test]
fn among_equals_chance_decides_in_proportion_to_weight() {
    for weights in [&[100; 8][..], &[100, 300, 200, 1_000]] {
        let pool = pool_of(weights);
        let mut rng = SmallRng::seed_from_u64(SEED);
        let mut counts = vec![0; weights.len()];
        for _ in 0..50_000 {
            counts[least(&pool, &mut rng)] += 1;
        }
        assert_shares(&counts, weights, &format!("seed {SEED}"));
    }
}

#[test]
fn a_retry_gets_the_least_loaded_of_the_admitted() {
    let pool = pool_of(&[100; 4]);
    for (position, requests) in [0, 1, 2, 2].into_iter().enumerate() {
        for _ in 0..requests {
            assert!(pool.candidates()[position].load.try_begin(u32::MAX));
        }
    }
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut admitted = |from| {
        pick_admitted(&pool, Metric::Requests, Time::ZERO, &mut rng, |candidate| candidate.index >= from)
    };
    assert_eq!((admitted(0), admitted(1), admitted(4)), (Some(0), Some(1), None));
    let mut tied: Vec<_> = (0..100).filter_map(|_| admitted(2)).collect();
    tied.sort_unstable();
    tied.dedup();
    assert_eq!(tied, [2, 3], "seed {SEED}: both of the equals");
}
