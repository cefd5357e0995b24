//! Random: each backend as often as its weight says, by chance.
//!
//! **Definition.** A backend is drawn in proportion to its weight, whatever was drawn before.
//!
//! **Bound.** After k requests a backend of share p is off its share by about √(k·p·(1 − p)). With n requests on n
//! backends the longest queue is ln n / ln ln n. Cost: O(1), for unequal weights O(log n) at worst. No state, so shards
//! that know nothing of each other do not fall into step.
//!
//! **Source.** N. Johnson, S. Kotz, "Urn Models and Their Application", 1977, for the longest queue.

use rand::Rng;

use crate::pool::{Candidate, Pool};

/// A position in `pool`, which must not be empty.
pub(super) fn pick<R: Rng + ?Sized>(pool: &Pool, rng: &mut R) -> usize {
    pool.draw(rng)
}

/// A position in `pool` that `admit` lets through; `None` if there is none.
pub(super) fn pick_admitted<R: Rng + ?Sized>(
    pool: &Pool,
    rng: &mut R,
    admit: impl Fn(&Candidate) -> bool,
) -> Option<usize> {
    pool.draw_admitted(rng, admit)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;
    use crate::pool::tests::{assert_shares, pool_of};

    const SEED: u64 = 0x5eed_0005;

    #[test]
    fn shares_are_in_proportion_to_weight_whatever_the_load() {
        for weights in [&[100; 10][..], &[100, 300], &[1, 10, 100, 1_000]] {
            let pool = pool_of(weights);
            let mut rng = SmallRng::seed_from_u64(SEED);
            let mut counts = vec![0; weights.len()];
            for _ in 0..50_000 {
                let position = pick(&pool, &mut rng);
                counts[position] += 1;
                assert!(pool.candidates()[position].load.try_begin(u32::MAX));
            }
            assert_shares(&counts, weights, &format!("seed {SEED}"));
        }
    }

    #[test]
    fn a_retry_keeps_the_proportion_among_the_admitted() {
        let pool = pool_of(&[100, 200, 700]);
        let mut rng = SmallRng::seed_from_u64(SEED);
        let mut counts = [0; 3];
        for _ in 0..50_000 {
            counts[pick_admitted(&pool, &mut rng, |candidate| candidate.index != 2).unwrap()] += 1;
        }
        assert_shares(&counts, &[100, 200, 0], &format!("seed {SEED}"));
        assert_eq!(pick_admitted(&pool, &mut rng, |_| false), None);
    }
}
