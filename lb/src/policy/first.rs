//! First: the first backend of the configuration that can take the request.
//!
//! **Definition.** Of the backends that can open and are below their limits, the one that the configuration names first.
//! Without limits one backend gets everything. Weights mean nothing here.
//!
//! **Bound.** At any time only as many backends are busy as their limits require, so that the rest may be switched off.
//! Cost: O(log n), and O(log n) more for each full one that is skipped.
//!
//! **Source.** HAProxy's `balance first`. No two backends have the same place, so there are no ties.

use crate::pool::{Candidate, Pool};

/// A position in `pool`, which must not be empty.
pub(super) fn pick(pool: &Pool) -> usize {
    pool.first()
}

/// A position in `pool` that `admit` lets through; `None` if there is none.
pub(super) fn pick_admitted(pool: &Pool, admit: impl Fn(&Candidate) -> bool) -> Option<usize> {
    pool.first_admitted(admit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::tests::{candidate, pool_of};

    /// Requests are sent until all are full; returns how many each has in the configuration's order.
    fn fill(pool: &Pool, requests: usize, limit: u32) -> Vec<u64> {
        for _ in 0..requests {
            let mut position = pick(pool);
            if !pool.candidates()[position].load.try_begin(limit) {
                position =
                    pick_admitted(pool, |candidate| candidate.load.requests() < u64::from(limit)).unwrap();
                assert!(pool.candidates()[position].load.try_begin(limit));
            }
        }
        let mut loads: Vec<_> = pool.candidates().iter().map(|c| (c.order, c.load.requests())).collect();
        loads.sort_unstable();
        loads.into_iter().map(|(_, requests)| requests).collect()
    }

    #[test]
    fn each_is_filled_before_the_next() {
        assert_eq!(fill(&pool_of(&[100, 900, 1, 100, 100]), 8, 3), [3, 3, 2, 0, 0]);
    }

    #[test]
    fn the_order_of_the_configuration_counts_not_that_of_return() {
        let mut pool = pool_of(&[100; 5]);
        pool.remove(0);
        pool.remove(1);
        pool.insert(candidate(0, 100));
        assert_eq!(pool.candidates()[pick(&pool)].index, 0);
        // The second is away still.
        assert_eq!(fill(&pool, 5, 2), [2, 2, 1, 0]);
        assert_eq!(pick_admitted(&pool, |_| false), None);
    }
}
