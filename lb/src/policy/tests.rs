//! What the tests of several policies share: who gets which key, and what a backend that is away may change of it.

use crate::pool::Pool;
use crate::pool::tests::{assert_shares, candidate, pool_of};

/// Weights of pools that lose their fifth backend for a while.
pub(crate) const AWAY_WEIGHTS: [[u32; 10]; 2] = [[100; 10], [100, 300, 200, 100, 50, 100, 100, 10, 700, 100]];

/// How many keys each backend has.
pub(crate) fn counts(owners: &[u32], backends: usize) -> Vec<u64> {
    let mut counts = vec![0; backends];
    owners.iter().for_each(|&owner| counts[owner as usize] += 1);
    counts
}

/// Asserts that a backend that is away moves its own keys alone, to the others by their weights, and gets the same ones back.
/// `owners` says who gets the keys from `seed` on.
pub(crate) fn assert_only_its_keys_move(
    weights: &[u32; 10],
    seed: u64,
    mut owners: impl FnMut(&Pool) -> Vec<u32>,
) {
    const AWAY: u32 = 4;
    let mut pool = pool_of(weights);
    let before = owners(&pool);
    pool.remove(AWAY);
    let during = owners(&pool);
    let mut moved = Vec::new();
    for (key, (&before, &during)) in before.iter().zip(&during).enumerate() {
        assert!(before == during || before == AWAY, "key {seed} + {key} moved from {before} to {during}");
        if before == AWAY {
            moved.push(during);
        }
    }
    let mut others = *weights;
    others[AWAY as usize] = 0;
    assert_shares(&counts(&moved, others.len()), &others, &format!("moved keys from {seed}"));
    pool.insert(candidate(AWAY, weights[AWAY as usize]));
    assert_eq!(owners(&pool), before, "keys from {seed}");
}
