//! Bounded load: how much a backend chosen by a hash may carry.
//!
//! **Definition.** With m requests in flight to the cluster, the new one included, a backend of weight w of W in all may
//! get it while it then has at most ⌈c · m · w / W⌉, where c is the configured balance (125 %: a quarter more than its
//! fair share). Above, the request goes to the backend that its key prefers next.
//!
//! **Bound.** Nobody is above its share, hence a popular key can not drown the backend it belongs to. As c > 1, the shares
//! sum to more than m: somebody is always below. The price: of an overloaded backend's keys some go elsewhere, and a
//! backend that leaves moves O(1/(c − 1)²) times as many keys as without.
//!
//! Requests of other shards count, up to those that are being chosen at this very moment: each of them may add one.
//!
//! **Source.** V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018. The next
//! preferred one is found by another hash of the key, not by the next place on a ring: J. Chen, B. Coleman, A.
//! Shrivastava, "Revisiting Consistent Hashing with Bounded Loads", AAAI 2021, show that this spreads an overload
//! instead of handing it from neighbour to neighbour.

use crate::load::Load;
use crate::pool::{Candidate, Pool};

/// What each backend of a pool may carry at this moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// c · m in hundredths, to be shared by `weights`; `None`: no bound.
    percent: Option<u128>,
    /// W.
    weights: u64,
}

impl Bound {
    /// `balance` in percent, `total` the load of the cluster.
    pub(super) fn new(balance: Option<u16>, total: Option<&Load>, pool: &Pool) -> Bound {
        let percent = balance
            .zip(total)
            .map(|(balance, total)| u128::from(balance) * (u128::from(total.requests()) + 1));
        Bound { percent, weights: pool.weights().total() }
    }

    /// Whether the candidate may get one more.
    pub(super) fn admits(&self, candidate: &Candidate) -> bool {
        // For whole r: r + 1 ≤ ⌈x⌉ exactly when r < x. Multiplied out, so there is no division.
        self.percent.is_none_or(|percent| {
            let requests = u128::from(candidate.load.requests());
            requests * 100 * u128::from(self.weights) < percent * u128::from(candidate.weight)
        })
    }
}

#[cfg(test)]
mod tests;
