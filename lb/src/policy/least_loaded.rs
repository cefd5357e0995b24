//! Least loaded: the backend with the least load for its weight.
//!
//! **Definition.** Of all candidates the one with the least load / weight, where load is what the cluster's metric says,
//! from all shards. Among equals one is drawn in proportion to weight: shards that see the same loads do not all choose
//! the same backend, and idle backends share as their weights say.
//!
//! **Bound.** Join the shortest queue: with n requests on n equal backends no queue is longer than 1. Cost: O(n), a read
//! of each candidate's shared counters; up to some hundred backends that is affordable, beyond power of N choices is
//! nearly as good at a fraction.
//!
//! **Source.** W. Winston, "Optimality of the Shortest Line Discipline", J. Appl. Prob. 14(1), 1977.

use rand::Rng;
use ringway_core::Time;

use super::Metric;
use super::standing::Standing;
use crate::draw;
use crate::pool::{Candidate, Pool};

/// A position in `pool`, which must not be empty.
pub(super) fn pick<R: Rng + ?Sized>(pool: &Pool, metric: Metric, now: Time, rng: &mut R) -> usize {
    pick_admitted(pool, metric, now, rng, |_| true).expect("a pool that is not empty has a least loaded one")
}

/// A position in `pool` that `admit` lets through; `None` if there is none.
pub(super) fn pick_admitted<R: Rng + ?Sized>(
    pool: &Pool,
    metric: Metric,
    now: Time,
    rng: &mut R,
    admit: impl Fn(&Candidate) -> bool,
) -> Option<usize> {
    let mut least: Option<(usize, Standing)> = None;
    // The weights of the equals so far: each newcomer replaces the chosen one with its share of them (a reservoir of one).
    let mut equals = 0u64;
    for (position, candidate) in pool.candidates().iter().enumerate() {
        if !admit(candidate) {
            continue;
        }
        let standing = Standing::of(candidate, metric, now);
        let weight = u64::from(candidate.weight);
        match least {
            Some((_, best)) if best.is_lighter_than(standing) => {}
            Some((_, best)) if best.is_level_with(standing) => {
                equals += weight;
                if draw::below(rng, equals) < weight {
                    least = Some((position, standing));
                }
            }
            _ => {
                least = Some((position, standing));
                equals = weight;
            }
        }
    }
    least.map(|(position, _)| position)
}

#[cfg(test)]
mod tests;
