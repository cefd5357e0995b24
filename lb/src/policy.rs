//! The load-balancing policies and the choice among them.
//!
//! Each picks a position in a pool of backends that can open. `pick` serves a request's first attempt; `pick_admitted`
//! serves retries, which must avoid some backends and may therefore cost a scan.

use rand::Rng;

use crate::pool::{Candidate, Pool};

pub(crate) mod power_of_two;
pub(crate) mod round_robin;

use round_robin::RoundRobin;

/// How a cluster spreads requests over its backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// In turn, each as often as its weight says. Blind to load. See the source of `policy/round_robin.rs`.
    #[default]
    RoundRobin,
    /// The less loaded of two drawn at random. See the source of `policy/power_of_two.rs`.
    PowerOfTwo,
}

impl Policy {
    /// A position in `pool`, which must not be empty.
    pub(crate) fn pick<R: Rng + ?Sized>(self, pool: &Pool, turns: &mut RoundRobin, rng: &mut R) -> usize {
        match self {
            Policy::RoundRobin => turns.pick(pool, rng),
            Policy::PowerOfTwo => power_of_two::pick(pool, rng),
        }
    }

    /// A position in `pool` that `admit` lets through; `None` if there is none.
    pub(crate) fn pick_admitted<R: Rng + ?Sized>(
        self,
        pool: &Pool,
        turns: &mut RoundRobin,
        rng: &mut R,
        admit: impl Fn(&Candidate) -> bool,
    ) -> Option<usize> {
        match self {
            Policy::RoundRobin => turns.pick_admitted(pool, rng, admit),
            Policy::PowerOfTwo => power_of_two::pick_admitted(pool, rng, admit),
        }
    }
}
