//! The load-balancing policies and the choice among them.
//!
//! Each picks a position in a pool of backends. `pick` serves a request's first attempt; `pick_admitted` serves those
//! that must not get some of the pool's backends, because they were tried or are full, and may therefore cost a scan.
//!
//! | policy | goes by | cost for n backends |
//! |---|---|---|
//! | round robin | turns | O(1); unequal weights O(log n) |
//! | random | chance | O(1); unequal weights O(log n) at worst |
//! | power of N | load of N | O(N) times that of random |
//! | least loaded | load of all | O(n) |
//! | Maglev | a hash of the request | O(1) |
//! | rendezvous | a hash of the request | O(n) |
//! | first | the configuration's order | O(log n) |
//!
//! Nobody breaks ties by position: where two are as good, chance decides, or the first of the configuration would get
//! more than its share from every shard at once.

use rand::Rng;
use ringway_core::Time;

use crate::limits::CHOICES_DEFAULT;
use crate::load::Load;
use crate::pool::{Candidate, Pool};

mod bounded_load;
mod first;
mod least_loaded;
mod maglev;
mod power_of;
mod random;
mod rendezvous;
mod round_robin;
mod standing;

use bounded_load::Bound;
use maglev::Maglev;
use round_robin::RoundRobin;

/// How a cluster spreads requests over its backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// In turn, each as often as its weight says. Blind to load. See the source of `policy/round_robin.rs`.
    RoundRobin,
    /// At random, each as often as its weight says. See the source of `policy/random.rs`.
    Random,
    /// The least loaded for its weight. See the source of `policy/least_loaded.rs`.
    LeastLoaded,
    /// The least loaded of some drawn at random. See the source of `policy/power_of.rs`.
    PowerOf {
        /// How many are drawn, 2 to [`CHOICES_MAX`](crate::limits::CHOICES_MAX); others are read as the nearest.
        choices: u8,
    },
    /// By a hash of the request, through a table. See the source of `policy/maglev.rs`.
    Maglev,
    /// By a hash of the request and each backend, the highest. See the source of `policy/rendezvous.rs`.
    Rendezvous,
    /// The first of the configuration. See the source of `policy/first.rs`.
    First,
}

impl Policy {
    /// The less loaded of two.
    pub const POWER_OF_TWO: Policy = Policy::PowerOf { choices: CHOICES_DEFAULT };
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::POWER_OF_TWO
    }
}

/// What policies that compare loads compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Metric {
    /// Requests in flight.
    #[default]
    Requests,
    /// Open connections.
    Connections,
    /// Requests in flight times how long an answer takes.
    Latency,
}

/// What a cluster's settings say about choosing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Choosing {
    pub(crate) policy: Policy,
    pub(crate) metric: Metric,
    /// The most that a hashed backend may carry, in percent of its fair share; `None`: no bound.
    pub(crate) balance: Option<u16>,
}

/// What one pick goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// Of what the cluster hashes of a request; without, the policies that hash draw at random.
    pub(crate) hash: Option<u64>,
    pub(crate) now: Time,
    /// Of the cluster, when it is counted. Without, there is no bound on hashed backends.
    pub(crate) total: Option<&'a Load>,
}

/// A policy and what it keeps for one tier of one list.
#[derive(Debug)]
pub(crate) struct Chooser {
    choosing: Choosing,
    turns: RoundRobin,
    maglev: Maglev,
}

/// The backends of the tier.
impl Chooser {
    pub(crate) fn new(choosing: Choosing) -> Chooser {
        Chooser { choosing, turns: RoundRobin::default(), maglev: Maglev::default() }
    }

    pub(crate) fn set(&mut self, choosing: Choosing) {
        self.choosing = choosing;
        if choosing.policy != Policy::Maglev {
            self.maglev.forget_table();
        }
    }

    /// A backend is configured, whether it can open or not: from now on it has its keys, and has them again whenever it
    /// comes back. Again for the same index: changes the weight. `weight` is the one of its settings, at least 1.
    pub(crate) fn joined(&mut self, index: u32, identity: u64, weight: u32) {
        self.maglev.joined(index, identity, weight);
    }

    /// The backend is no longer configured.
    pub(crate) fn left(&mut self, index: u32) {
        self.maglev.left(index);
    }
}

/// Choosing. `place` says where in `pool` the backend at a slab index is, `None` if it is not.
impl Chooser {
    /// A position in `pool`, which must not be empty.
    pub(crate) fn pick<R: Rng + ?Sized>(
        &mut self,
        pool: &Pool,
        ask: &Ask<'_>,
        place: impl Fn(u32) -> Option<u32>,
        rng: &mut R,
    ) -> usize {
        let Choosing { policy, metric, balance } = self.choosing;
        match policy {
            Policy::PowerOf { choices } => power_of::pick(pool, metric, ask.now, choices, rng),
            Policy::RoundRobin => self.turns.pick(pool, rng),
            Policy::Random => random::pick(pool, rng),
            Policy::LeastLoaded => least_loaded::pick(pool, metric, ask.now, rng),
            Policy::First => first::pick(pool),
            Policy::Maglev => match ask.hash {
                Some(key) => self.maglev.pick(pool, key, Bound::new(balance, ask.total, pool), place),
                None => random::pick(pool, rng),
            },
            Policy::Rendezvous => match ask.hash {
                Some(key) => rendezvous::pick(pool, key, Bound::new(balance, ask.total, pool)),
                None => random::pick(pool, rng),
            },
        }
    }

    /// A position in `pool` that `admit` lets through; `None` if there is none.
    pub(crate) fn pick_admitted<R: Rng + ?Sized, F: Fn(&Candidate) -> bool>(
        &mut self,
        pool: &Pool,
        ask: &Ask<'_>,
        place: impl Fn(u32) -> Option<u32>,
        rng: &mut R,
        admit: F,
    ) -> Option<usize> {
        if pool.is_empty() {
            return None;
        }
        let Choosing { policy, metric, balance } = self.choosing;
        match policy {
            Policy::PowerOf { choices } => {
                power_of::pick_admitted(pool, metric, ask.now, choices, rng, admit)
            }
            Policy::RoundRobin => self.turns.pick_admitted(pool, rng, admit),
            Policy::Random => random::pick_admitted(pool, rng, admit),
            Policy::LeastLoaded => least_loaded::pick_admitted(pool, metric, ask.now, rng, admit),
            Policy::First => first::pick_admitted(pool, admit),
            Policy::Maglev => match ask.hash {
                Some(key) => {
                    let bound = Bound::new(balance, ask.total, pool);
                    self.maglev.pick_admitted(pool, key, bound, place, admit)
                }
                None => random::pick_admitted(pool, rng, admit),
            },
            Policy::Rendezvous => match ask.hash {
                Some(key) => {
                    rendezvous::pick_admitted(pool, key, Bound::new(balance, ask.total, pool), admit)
                }
                None => random::pick_admitted(pool, rng, admit),
            },
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
