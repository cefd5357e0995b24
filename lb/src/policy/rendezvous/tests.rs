//! Tests of rendezvous hashing: shares, the least possible movement, the bound.

use super::*;
use crate::load::Load;
use crate::policy::tests::{AWAY_WEIGHTS, assert_only_its_keys_move, counts};
use crate::pool::tests::{assert_shares, pool_of};

const SEED: u64 = 0x5eed_0007;
const KEYS: u64 = 20_000;

fn unbound(pool: &Pool) -> Bound {
    Bound::new(None, None, pool)
}

/// The slab index of the backend of each key.
fn owners(pool: &Pool) -> Vec<u32> {
    (SEED..SEED + KEYS).map(|key| pool.candidates()[pick(pool, key, unbound(pool))].index).collect()
}

#[test]
fn keys_are_shared_in_proportion_to_weight() {
    for weights in [&[100; 20][..], &[100, 300, 200, 1_000, 5]] {
        let owners = owners(&pool_of(weights));
        assert_shares(&counts(&owners, weights.len()), weights, &format!("keys from {SEED}"));
    }
}

#[test]
fn a_backend_that_is_away_moves_only_its_own_keys_and_gets_the_same_ones_back() {
    for weights in AWAY_WEIGHTS {
        assert_only_its_keys_move(&weights, SEED, owners);
    }
}

#[test]
fn a_larger_weight_moves_keys_only_to_who_got_it() {
    let mut pool = pool_of(&[100; 10]);
    let before = owners(&pool);
    pool.set_weight(3, 150);
    let after = owners(&pool);
    assert!(
        before.iter().zip(&after).all(|(before, after)| before == after || *after == 3),
        "keys from {SEED}"
    );
    assert!(counts(&after, 10)[3] > counts(&before, 10)[3] * 13 / 10, "keys from {SEED}");
}

#[test]
fn a_retry_gets_the_next_highest() {
    let pool = pool_of(&[100; 10]);
    for key in SEED..SEED + 1_000 {
        let first = pick(&pool, key, unbound(&pool));
        let second = pick_admitted(&pool, key, unbound(&pool), |other| other.index != first as u32).unwrap();
        let mut without = pool_of(&[100; 10]);
        without.remove(first as u32);
        let next = without.candidates()[pick(&without, key, unbound(&without))].index;
        assert_eq!(pool.candidates()[second].index, next, "key {key}");
        assert_eq!(pick_admitted(&pool, key, unbound(&pool), |_| false), None);
    }
}

#[test]
fn one_key_fills_its_backend_to_the_bound_then_the_next() {
    let pool = pool_of(&[100; 10]);
    let total = Load::new();
    for requests in 0..400 {
        let position = pick(&pool, SEED, Bound::new(Some(150), Some(&total), &pool));
        assert!(total.try_begin(u32::MAX) && pool.candidates()[position].load.try_begin(u32::MAX));
        let fullest = pool.candidates().iter().map(|candidate| candidate.load.requests()).max().unwrap();
        // ⌈1.5 · m / 10⌉
        assert!(fullest <= (3 * (requests + 1u64)).div_ceil(20), "{fullest} of {}", requests + 1);
    }
    let busy = pool.candidates().iter().filter(|candidate| candidate.load.requests() > 0).count();
    assert_eq!(busy, 7, "one key occupies no more backends than the bound asks for");
}
