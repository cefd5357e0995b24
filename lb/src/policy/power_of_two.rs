//! Power of two choices: draw two backends, take the less loaded.
//!
//! **Definition.** Two distinct candidates are drawn, each in proportion to its weight. The one with the smaller
//! load / weight gets the request, where load is the requests in flight from all shards. On a tie it is the first
//! drawn.
//!
//! **Weights.** They enter twice. In the comparison they make full backends fill up in proportion. In the draw they
//! make idle ones share in proportion: while all loads are zero the first drawn wins, so shares are exactly the
//! weights'. Uniform draws would do neither: at idle they would ignore weights, and no backend of n could ever get
//! more than 2/n of the requests, whatever its weight. With equal weights the draws are uniform and ties are random.
//!
//! **Bound.** With n requests on n backends the longest queue is ln ln n / ln 2 + O(1), against ln n / ln ln n for one
//! random choice. Cost: O(1), one random word and two counters read; with unequal weights O(log n) at worst, and O(1)
//! while they differ by small factors.
//!
//! **Source.** M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001.

use rand::Rng;

use crate::pool::{Candidate, Pool};

/// A position in `pool`, which must not be empty.
pub(crate) fn pick<R: Rng + ?Sized>(pool: &Pool, rng: &mut R) -> usize {
    if pool.len() == 1 {
        return 0;
    }
    let (first, second) = if pool.is_equal() {
        two_uniform(pool, rng)
    } else {
        let first = pool.draw(rng);
        (first, pool.draw_other(rng, first))
    };
    lighter(pool, first, second)
}

/// A position in `pool` that `admit` lets through; `None` if there is none.
pub(crate) fn pick_admitted<R: Rng + ?Sized>(
    pool: &Pool,
    rng: &mut R,
    admit: impl Fn(&Candidate) -> bool,
) -> Option<usize> {
    let first = pool.draw_admitted(rng, &admit)?;
    let taken = pool.candidates()[first].index;
    let second = pool.draw_admitted(rng, |candidate| candidate.index != taken && admit(candidate));
    Some(second.map_or(first, |second| lighter(pool, first, second)))
}

/// Two positions from the halves of one random word: the second is drawn among one less, and steps over the first.
fn two_uniform<R: Rng + ?Sized>(pool: &Pool, rng: &mut R) -> (usize, usize) {
    let len = pool.len() as u64;
    let bits = rng.next_u64();
    let first = ((bits >> 32) * len) >> 32;
    let second = ((bits & u64::from(u32::MAX)) * (len - 1)) >> 32;
    (first as usize, (second + u64::from(second >= first)) as usize)
}

/// `second` if its load per weight is smaller, else `first`.
fn lighter(pool: &Pool, first: usize, second: usize) -> usize {
    let (a, b) = (&pool.candidates()[first], &pool.candidates()[second]);
    // Multiplied crosswise: exact, and no division.
    let second_wins = if pool.is_equal() {
        b.load.get() < a.load.get()
    } else {
        u128::from(b.load.get()) * u128::from(a.weight) < u128::from(a.load.get()) * u128::from(b.weight)
    };
    if second_wins { second } else { first }
}

#[cfg(test)]
mod tests;
