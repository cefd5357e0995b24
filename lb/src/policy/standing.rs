//! How candidates compare: load for weight.
//!
//! Multiplied crosswise: exact, and no division.

use ringway_core::Time;

use crate::policy::Metric;
use crate::pool::Candidate;

/// A candidate's load and weight at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    cost: u64,
    weight: u32,
}

impl Standing {
    pub(super) fn of(candidate: &Candidate, metric: Metric, now: Time) -> Standing {
        Standing { cost: candidate.load.cost(metric, now), weight: candidate.weight }
    }

    /// Whether it carries less for its weight.
    pub(super) fn is_lighter_than(self, other: Standing) -> bool {
        u128::from(self.cost) * u128::from(other.weight) < u128::from(other.cost) * u128::from(self.weight)
    }

    /// Whether both carry the same for their weights.
    pub(super) fn is_level_with(self, other: Standing) -> bool {
        u128::from(self.cost) * u128::from(other.weight) == u128::from(other.cost) * u128::from(self.weight)
    }
}
