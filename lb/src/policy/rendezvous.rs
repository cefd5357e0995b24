//! Rendezvous hashing: every backend bids for the request, the highest bid gets it.
//!
//! **Definition.** With h a hash of the request's key and the backend's identity, taken as a fraction in (0, 1), a backend
//! of weight w bids −w / ln h. Among equal weights that is the order of h itself. A backend that may not get the request
//! does not bid, so the next highest gets it. With a bound (`policy/bounded_load.rs`), those above it do not bid.
//!
//! **Bound.** Each key falls to a backend with probability w / W, independently of all other keys. When a backend comes or
//! goes, only the keys it has or had move: 1/n of them, the least possible; when it is back, it has the same ones again.
//! Cost: O(n), without touching more than the pool.
//!
//! **Source.** D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM ToN 6(1), 1998;
//! C. Schindelhauer, G. Schomaker, "Weighted Distributed Hash Tables", SPAA 2005, for weights.

use super::bounded_load::Bound;
use crate::hash::mix;
use crate::pool::{Candidate, Pool};

/// A position in `pool`, which must not be empty.
pub(super) fn pick(pool: &Pool, key: u64, bound: Bound) -> usize {
    let highest = highest(pool, key, |_| true).expect("a pool that is not empty has a highest bidder");
    if bound.admits(&pool.candidates()[highest]) {
        return highest;
    }
    // Only now are the loads of all looked at, which are not part of the pool.
    self::highest(pool, key, |candidate| bound.admits(candidate)).unwrap_or(highest)
}

/// A position in `pool` that `admit` lets through; `None` if there is none.
pub(super) fn pick_admitted(
    pool: &Pool,
    key: u64,
    bound: Bound,
    admit: impl Fn(&Candidate) -> bool,
) -> Option<usize> {
    highest(pool, key, |candidate| admit(candidate) && bound.admits(candidate))
        .or_else(|| highest(pool, key, admit))
}

/// The position of the highest bidder among those that `admit` lets through.
pub(super) fn highest(pool: &Pool, key: u64, admit: impl Fn(&Candidate) -> bool) -> Option<usize> {
    let key = mix(key);
    let bidders = pool.candidates().iter().enumerate().filter(|(_, candidate)| admit(candidate));
    let hash = |candidate: &Candidate| mix(key ^ candidate.identity);
    let bidder = if pool.is_equal() {
        bidders.max_by_key(|(_, candidate)| hash(candidate))
    } else {
        let bid = |candidate: &Candidate| f64::from(candidate.weight) / -fraction(hash(candidate)).ln();
        bidders
            .map(|(position, candidate)| (position, candidate, bid(candidate)))
            .max_by(|(_, _, a), (_, _, b)| a.total_cmp(b))
            .map(|(position, candidate, _)| (position, candidate))
    };
    bidder.map(|(position, _)| position)
}

/// In (0, 1): the upper 53 bits, from the middle of their step.
fn fraction(hash: u64) -> f64 {
    ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests;
