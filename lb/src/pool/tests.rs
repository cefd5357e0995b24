//! Tests of the pool: draws follow weights, whatever way they are made.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;
use crate::hash::stable_hash;

const SEED: u64 = 0x5eed_0002;

/// A pool of idle candidates with these weights, in this order.
pub(crate) fn pool_of(weights: &[u32]) -> Pool {
    let mut pool = Pool::default();
    for (index, &weight) in weights.iter().enumerate() {
        pool.insert(candidate(index as u32, weight));
    }
    pool
}

/// An idle candidate, `index`-th in the configuration.
pub(crate) fn candidate(index: u32, weight: u32) -> Candidate {
    let identity = stable_hash(format!("backend {index}").as_bytes());
    Candidate { load: Arc::new(Load::new()), identity, weight, index, order: index }
}

/// Asserts that counts are in proportion to weights, give or take five standard deviations.
pub(crate) fn assert_shares(counts: &[u64], weights: &[u32], what: &str) {
    let picks = counts.iter().sum::<u64>() as f64;
    let total = weights.iter().map(|&weight| f64::from(weight)).sum::<f64>();
    for (position, (&count, &weight)) in counts.iter().zip(weights).enumerate() {
        let share = f64::from(weight) / total;
        let tolerance = 5.0 * (picks * share * (1.0 - share)).sqrt();
        assert!(
            (count as f64 - picks * share).abs() <= tolerance,
            "{what}: position {position} got {count} of {picks}, expected {:.0} ± {tolerance:.0}; all: {counts:?}",
            picks * share
        );
    }
}

#[test]
fn draws_are_in_proportion_to_weight() {
    for weights in [&[1, 1, 1, 1][..], &[100, 300], &[1, 2, 3, 4, 1_000]] {
        let pool = pool_of(weights);
        let mut rng = SmallRng::seed_from_u64(SEED);
        let mut counts = vec![0; weights.len()];
        for _ in 0..100_000 {
            counts[pool.draw(&mut rng)] += 1;
        }
        assert_shares(&counts, weights, &format!("seed {SEED}"));
    }
}

#[test]
fn a_second_draw_is_in_proportion_among_the_others() {
    for weights in [&[100, 300, 200][..], &[1, 2, 3, 4, 1_000], &[100; 4], &[5, 9]] {
        let pool = pool_of(weights);
        let mut rng = SmallRng::seed_from_u64(SEED);
        for first in 0..weights.len() {
            let mut counts = vec![0; weights.len()];
            for _ in 0..50_000 {
                counts[pool.draw_other(&mut rng, first)] += 1;
            }
            let mut others = weights.to_vec();
            others[first] = 0;
            assert_shares(&counts, &others, &format!("seed {SEED}, first {first} of {weights:?}"));
        }
    }
}

#[test]
fn redraws_and_the_scan_keep_the_proportion_among_the_admitted() {
    let weights = [50, 100, 300, 7];
    let pool = pool_of(&weights);
    let admit = |candidate: &Candidate| candidate.index != 2;
    let mut rng = SmallRng::seed_from_u64(SEED);
    let (mut drawn, mut scanned) = ([0; 4], [0; 4]);
    for _ in 0..100_000 {
        drawn[pool.draw_admitted(&mut rng, admit).unwrap()] += 1;
        scanned[pool.scan_admitted(&mut rng, admit).unwrap()] += 1;
    }
    assert_shares(&drawn, &[50, 100, 0, 7], &format!("redraws, seed {SEED}"));
    assert_shares(&scanned, &[50, 100, 0, 7], &format!("scan, seed {SEED}"));
}

#[test]
fn the_only_admitted_one_is_found_however_light_it_is() {
    let mut weights = vec![u32::MAX; 500];
    weights.push(1);
    let pool = pool_of(&weights);
    let mut rng = SmallRng::seed_from_u64(SEED);
    assert_eq!(pool.draw_admitted(&mut rng, |candidate| candidate.weight == 1), Some(500));
    assert_eq!(pool.draw_admitted(&mut rng, |_| false), None);
}

#[test]
fn the_largest_weight_is_known_as_members_come_and_go() {
    let mut pool = pool_of(&[5, 9, 7, 9]);
    let mut largest = vec![pool.weight_max];
    while !pool.is_empty() {
        pool.remove(1.min(pool.len() as u32 - 1));
        largest.push(pool.weight_max);
    }
    // Leaves 5 9 7, then 5 7, then 5, then nothing.
    assert_eq!(largest, [9, 9, 7, 5, 0]);
}

#[test]
fn equal_weights_are_recognised_as_members_come_and_go() {
    let mut pool = pool_of(&[u32::MAX, u32::MAX, u32::MAX - 1]);
    assert!(!pool.is_equal());
    assert_eq!(pool.remove(2), None);
    assert!(pool.is_equal());
    assert_eq!(pool.remove(0), Some(1));
    assert!(pool.is_equal());
    assert_eq!(pool.weights().total(), u64::from(u32::MAX));
}

#[test]
fn changing_weights_one_by_one_is_as_good_as_a_new_pool() {
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut weights = [100; 7];
    let mut pool = pool_of(&weights);
    for step in 0..1_000 {
        let position = draw::below(&mut rng, 7) as usize;
        weights[position] = [10, 100, 250][draw::below(&mut rng, 3) as usize];
        pool.set_weight(position as u32, weights[position]);
        let fresh = pool_of(&weights);
        let facts = |pool: &Pool| (pool.weights.total(), pool.squares, pool.is_equal, pool.weight_max);
        assert_eq!(facts(&pool), facts(&fresh), "seed {SEED}, step {step}: {weights:?}");
    }
}

#[test]
fn the_first_is_known_as_members_come_and_go() {
    let mut pool = pool_of(&[1; 40]);
    let mut rng = SmallRng::seed_from_u64(SEED);
    for step in 0..2_000 {
        if pool.len() > 1 && draw::below(&mut rng, 2) == 0 {
            let position = draw::below(&mut rng, pool.len() as u64) as u32;
            pool.remove(position);
        } else {
            let order = step + 100;
            pool.insert(Candidate { order, ..candidate(order, 1) });
        }
        let by_order = |admit: fn(&Candidate) -> bool| {
            let admitted = pool.candidates.iter().enumerate().filter(|(_, candidate)| admit(candidate));
            admitted.min_by_key(|(_, candidate)| candidate.order).map(|(position, _)| position)
        };
        assert_eq!(Some(pool.first()), by_order(|_| true), "seed {SEED}, step {step}");
        let is_third = |candidate: &Candidate| candidate.order.is_multiple_of(3);
        assert_eq!(pool.first_admitted(is_third), by_order(is_third), "seed {SEED}, step {step}");
    }
}
