//! Power of N choices: draw some backends, take the least loaded. With two, the default.
//!
//! **Definition.** N distinct candidates are drawn, each in proportion to its weight. The one with the least load / weight
//! gets the request, where load is what the cluster's metric says, from all shards. On a tie it is the one drawn first.
//! Of N candidates or fewer all are compared.
//!
//! **Weights.** They enter twice. In the comparison they make full backends fill up in proportion. In the draw they
//! make idle ones share in proportion: while all loads are zero the first drawn wins, so shares are exactly the
//! weights'. Uniform draws would do neither: at idle they would ignore weights, and no backend of n could ever get
//! more than N/n of the requests, whatever its weight. With equal weights the draws are uniform and ties are random.
//!
//! **Bound.** With n requests on n backends the longest queue is ln ln n / ln N + O(1), against ln n / ln ln n for one
//! random choice: the second choice brings nearly all there is to gain. More help when several of few backends are slow,
//! because then two may both be slow. Cost for two: O(1), one random word and two counters read; with unequal weights
//! O(log n) at worst, and O(1) while they differ by small factors. For N: N times that.
//!
//! **Source.** M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001; Y. Azar
//! et al., "Balanced Allocations", 1994, for N.

use rand::Rng;
use ringway_core::Time;

use super::standing::Standing;
use super::{Metric, least_loaded};
use crate::limits::{CHOICES_MAX, REDRAWS_MAX};
use crate::pool::{Candidate, Pool};

/// A position in `pool`, which must not be empty.
pub(super) fn pick<R: Rng + ?Sized>(
    pool: &Pool,
    metric: Metric,
    now: Time,
    choices: u8,
    rng: &mut R,
) -> usize {
    if choices > 2 {
        return pick_of_many(pool, metric, now, choices, rng);
    }
    if pool.len() == 1 {
        return 0;
    }
    let (first, second) = if pool.is_equal() {
        two_uniform(pool, rng)
    } else {
        let first = pool.draw(rng);
        (first, pool.draw_other(rng, first))
    };
    lighter(pool, metric, now, first, second)
}

/// A position in `pool` that `admit` lets through; `None` if there is none.
pub(super) fn pick_admitted<R: Rng + ?Sized>(
    pool: &Pool,
    metric: Metric,
    now: Time,
    choices: u8,
    rng: &mut R,
    admit: impl Fn(&Candidate) -> bool,
) -> Option<usize> {
    let mut drawn = Drawn::default();
    let mut least = pool.draw_admitted(rng, &admit)?;
    drawn.add(least);
    for _ in 1..choices.clamp(2, CHOICES_MAX) {
        let another = |candidate: &Candidate| !drawn.indexes(pool).any(|index| index == candidate.index);
        let Some(next) = pool.draw_admitted(rng, |candidate| another(candidate) && admit(candidate)) else {
            break;
        };
        drawn.add(next);
        least = lighter(pool, metric, now, least, next);
    }
    Some(least)
}

/// Out of line, so that what two choices take stays small enough to become part of its caller.
#[inline(never)]
fn pick_of_many<R: Rng + ?Sized>(pool: &Pool, metric: Metric, now: Time, choices: u8, rng: &mut R) -> usize {
    let choices = choices.min(CHOICES_MAX);
    if pool.len() <= usize::from(choices) {
        return least_loaded::pick(pool, metric, now, rng);
    }
    let mut drawn = Drawn::default();
    let mut least = pool.draw(rng);
    drawn.add(least);
    for _ in 1..choices {
        // One so heavy that it is drawn again and again leaves a choice unused, which costs less than a search.
        let another = (0..REDRAWS_MAX).map(|_| pool.draw(rng)).find(|&position| !drawn.contains(position));
        if let Some(next) = another {
            drawn.add(next);
            least = lighter(pool, metric, now, least, next);
        }
    }
    least
}

/// The positions drawn for one pick.
#[derive(Default)]
struct Drawn {
    positions: [usize; CHOICES_MAX as usize],
    len: usize,
}

impl Drawn {
    fn add(&mut self, position: usize) {
        self.positions[self.len] = position;
        self.len += 1;
    }

    fn contains(&self, position: usize) -> bool {
        self.positions[..self.len].contains(&position)
    }

    fn indexes<'a>(&'a self, pool: &'a Pool) -> impl Iterator<Item = u32> + 'a {
        self.positions[..self.len].iter().map(|&position| pool.candidates()[position].index)
    }
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
#[inline(always)]
fn lighter(pool: &Pool, metric: Metric, now: Time, first: usize, second: usize) -> usize {
    let (a, b) = (&pool.candidates()[first], &pool.candidates()[second]);
    let second_wins = if pool.is_equal() {
        b.load.cost(metric, now) < a.load.cost(metric, now)
    } else {
        Standing::of(b, metric, now).is_lighter_than(Standing::of(a, metric, now))
    };
    if second_wins { second } else { first }
}

#[cfg(test)]
mod tests;
