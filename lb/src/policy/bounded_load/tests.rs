//! Tests of bounded load: the bound itself, and both hashes within it.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;
use crate::draw;
use crate::policy::maglev::Maglev;
use crate::policy::rendezvous;
use crate::pool::tests::pool_of;

const SEED: u64 = 0x5eed_0008;

/// ⌈balance · total · weight / weights⌉.
fn capacity(balance: u16, total: u64, weight: u32, weights: u64) -> u64 {
    (u64::from(balance) * total * u64::from(weight)).div_ceil(100 * weights)
}

#[test]
fn a_backend_is_admitted_up_to_its_capacity_exactly() {
    let mut rng = SmallRng::seed_from_u64(SEED);
    for step in 0..2_000 {
        let weights = [0; 5].map(|_| 1 + draw::below(&mut rng, 300) as u32);
        let pool = pool_of(&weights);
        let balance = 101 + draw::below(&mut rng, 900) as u16;
        let total = Load::new();
        for candidate in pool.candidates() {
            for _ in 0..draw::below(&mut rng, 20) {
                assert!(total.try_begin(u32::MAX) && candidate.load.try_begin(u32::MAX));
            }
        }
        let bound = Bound::new(Some(balance), Some(&total), &pool);
        let fits = |candidate: &Candidate| {
            let capacity = capacity(balance, total.requests() + 1, candidate.weight, pool.weights().total());
            candidate.load.requests() < capacity
        };
        for candidate in pool.candidates() {
            assert_eq!(bound.admits(candidate), fits(candidate), "seed {SEED}, step {step}: {pool:?}");
        }
        assert!(pool.candidates().iter().any(fits), "seed {SEED}, step {step}: somebody is below");
    }
}

#[test]
fn without_a_balance_or_a_total_there_is_no_bound() {
    let pool = pool_of(&[100, 100]);
    let total = Load::new();
    for _ in 0..1_000 {
        assert!(pool.candidates()[0].load.try_begin(u32::MAX));
    }
    let admits = |balance, total| Bound::new(balance, total, &pool).admits(&pool.candidates()[0]);
    assert!(admits(None, Some(&total)) && admits(Some(125), None));
    assert!(!admits(Some(125), Some(&total)));
}

#[test]
fn popular_keys_never_push_anybody_above_the_bound() {
    for weights in [&[100; 12][..], &[100, 300, 200, 50, 1_000, 70, 400]] {
        for balance in [110, 125, 200] {
            for is_maglev in [true, false] {
                stay_within(weights, balance, is_maglev);
            }
        }
    }
}

/// Requests of keys as uneven as in practice come and go; a third of them is for one key.
fn stay_within(weights: &[u32], balance: u16, is_maglev: bool) {
    let pool = pool_of(weights);
    let mut maglev = Maglev::default();
    for candidate in pool.candidates() {
        maglev.joined(candidate.index, candidate.identity, candidate.weight);
    }
    let total = Load::new();
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut running: Vec<usize> = Vec::new();
    for step in 0..4_000 {
        if !running.is_empty() && draw::below(&mut rng, 100) < 40 {
            let ended = running.swap_remove(draw::below(&mut rng, running.len() as u64) as usize);
            pool.candidates()[ended].load.end(1);
            total.end(1);
            continue;
        }
        let key = match draw::below(&mut rng, 3) {
            0 => 1,
            _ => 2 + draw::below(&mut rng, 1_000),
        };
        let bound = Bound::new(Some(balance), Some(&total), &pool);
        let position = if is_maglev {
            maglev.pick(&pool, key, bound, Some)
        } else {
            rendezvous::pick(&pool, key, bound)
        };
        let candidate = &pool.candidates()[position];
        assert!(total.try_begin(u32::MAX) && candidate.load.try_begin(u32::MAX));
        running.push(position);
        let capacity = capacity(balance, total.requests(), candidate.weight, pool.weights().total());
        assert!(
            candidate.load.requests() <= capacity,
            "seed {SEED}, step {step}, Maglev {is_maglev}: {} requests at a capacity of {capacity}",
            candidate.load.requests()
        );
    }
}
