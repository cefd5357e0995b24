//! Tests of round robin: exact shares, even spacing, no inheritance.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;
use crate::pool::tests::pool_of;

const SEED: u64 = 0x5eed_0004;

/// Off its share by no more than this many picks after `picks`, as the module promises.
fn deviation_max(picks: usize) -> f64 {
    1.0 + (picks as f64).ln() / 2.0
}

/// Asserts that nobody is further off its share than promised.
fn assert_even(counts: &[f64], weights: &[u32], seed: u64) {
    let picks: f64 = counts.iter().sum();
    let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    for (count, &weight) in counts.iter().zip(weights) {
        let off = count - picks * f64::from(weight) / total;
        assert!(
            off.abs() <= deviation_max(picks as usize),
            "seed {seed}: {off} off after {picks} picks of {weights:?}"
        );
    }
}

fn picks(pool: &Pool, turns: &mut RoundRobin, count: usize, seed: u64) -> Vec<usize> {
    let mut rng = SmallRng::seed_from_u64(seed);
    (0..count).map(|_| turns.pick(pool, &mut rng)).collect()
}

fn random_weights(rng: &mut SmallRng) -> Vec<u32> {
    let len = 2 + draw::below(rng, 20) as usize;
    let weight_max = [3, 10, 300, 1_000_000][draw::below(rng, 4) as usize];
    (0..len).map(|_| 1 + draw::below(rng, weight_max) as u32).collect()
}

#[test]
fn equal_weights_take_turns() {
    let taken = picks(&pool_of(&[100; 5]), &mut RoundRobin::default(), 50, SEED);
    for window in taken.windows(6) {
        assert_eq!(window[0], window[5], "seed {SEED}: {taken:?}");
        assert!((1..5).all(|i| window[i] != window[0]), "seed {SEED}: {taken:?}");
    }
}

#[test]
fn shards_begin_at_different_backends() {
    for weights in [[100; 8], [100, 300, 100, 300, 100, 300, 100, 300]] {
        let pool = pool_of(&weights);
        let mut first: Vec<_> =
            (SEED..SEED + 64).map(|seed| picks(&pool, &mut RoundRobin::default(), 1, seed)[0]).collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 8, "from seed {SEED}: 64 shards begin at {first:?} only");
    }
}

#[test]
fn nobody_is_ever_far_off_its_share() {
    for seed in SEED..SEED + 200 {
        let weights = random_weights(&mut SmallRng::seed_from_u64(seed));
        let mut counts = vec![0.0; weights.len()];
        for position in picks(&pool_of(&weights), &mut RoundRobin::default(), 20_000, seed) {
            counts[position] += 1.0;
            assert_even(&counts, &weights, seed);
        }
    }
}

#[test]
fn gaps_between_picks_take_at_most_three_values() {
    for seed in SEED..SEED + 300 {
        let weights = random_weights(&mut SmallRng::seed_from_u64(seed));
        let pool = pool_of(&weights);
        if pool.is_equal() {
            continue;
        }
        let taken = picks(&pool, &mut RoundRobin::default(), 20_000, seed);
        for position in 0..weights.len() {
            let at: Vec<usize> = (0..taken.len()).filter(|&k| taken[k] == position).collect();
            let mut gaps: Vec<usize> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
            gaps.sort_unstable();
            gaps.dedup();
            assert!(gaps.len() <= 3, "seed {seed}: position {position} of {weights:?} has gaps {gaps:?}");
            if let [a, b, c] = gaps[..] {
                assert_eq!(a + b, c, "seed {seed}: position {position} of {weights:?}");
            }
        }
    }
}

#[test]
fn those_that_remain_share_what_one_leaves() {
    for weights in [&[100; 6][..], &[100, 300, 50, 100, 20, 500]] {
        for gone in 0..6 {
            let mut pool = pool_of(weights);
            let mut turns = RoundRobin::default();
            picks(&pool, &mut turns, 137, SEED);
            pool.remove(gone);
            let remaining: Vec<u32> = pool.candidates().iter().map(|candidate| candidate.weight).collect();
            let mut counts = vec![0.0; remaining.len()];
            for position in picks(&pool, &mut turns, 500, SEED) {
                counts[position] += 1.0;
                assert_even(&counts, &remaining, SEED);
            }
        }
    }
}

#[test]
fn one_that_returns_is_not_served_in_a_burst() {
    let mut pool = pool_of(&[100, 300, 200]);
    let mut turns = RoundRobin::default();
    let away = crate::pool::tests::candidate(2, 200);
    pool.remove(2);
    picks(&pool, &mut turns, 10_000, SEED);
    pool.insert(away);
    let taken = picks(&pool, &mut turns, 30, SEED);
    let served = taken.iter().filter(|&&position| position == 2).count();
    assert!((8..=12).contains(&served), "seed {SEED}: {served} of 30 picks, its share is 10: {taken:?}");
}

#[test]
fn a_retry_skips_what_it_must_not_get() {
    for weights in [[100, 100, 100], [1, 1_000_000, 1]] {
        let pool = pool_of(&weights);
        let mut turns = RoundRobin::default();
        let mut rng = SmallRng::seed_from_u64(SEED);
        for _ in 0..300 {
            let taken = turns.pick_admitted(&pool, &mut rng, |candidate| candidate.index != 1);
            assert!(matches!(taken, Some(0 | 2)), "seed {SEED}: {taken:?}");
        }
        assert_eq!(turns.pick_admitted(&pool, &mut rng, |_| false), None);
    }
}
