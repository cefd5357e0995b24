//! Everything that a run found out.

use crate::cli::Kind;
use crate::peer::Skipped;
use crate::round::Round;
use crate::stats::Spread;

/// A run, from the machine to the last round.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Name and value of what a reader must know beside the figures.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Length of each answer's body.
    pub(crate) body_bytes: usize,
    /// Whether each request had a connection of its own.
    pub(crate) close: bool,
    /// Rounds of the load straight on the origin.
    pub(crate) direct: Vec<Round>,
    /// The peers, each with the same number of rounds.
    pub(crate) measured: Vec<Measured>,
    /// The peers that could not be measured.
    pub(crate) skipped: Vec<Skipped>,
    /// What was noticed about the machine before the first round.
    pub(crate) warnings: Vec<String>,
}

/// A peer and its rounds.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Which one.
    pub(crate) kind: Kind,
    /// What it says about its version.
    pub(crate) version: String,
    /// How it was started.
    pub(crate) command: String,
    /// Its rounds, the oldest first.
    pub(crate) rounds: Vec<Round>,
}

impl Outcome {
    /// The peer that the others are compared with: Ringway, or the first one when it was left out.
    pub(crate) fn base(&self) -> Option<&Measured> {
        self.measured.first()
    }

    /// The median rate of the load straight on the origin.
    pub(crate) fn direct_per_s(&self) -> f64 {
        spread(&self.direct, Round::per_s).median
    }

    /// How many times more the load generator and the origin can do without the peer than with it.
    pub(crate) fn head_room(&self, peer: &Measured) -> f64 {
        self.direct_per_s() / peer.spread(Round::per_s).median
    }
}

impl Measured {
    /// A quantity over the rounds.
    pub(crate) fn spread(&self, of: fn(&Round) -> f64) -> Spread {
        spread(&self.rounds, of)
    }

    /// Failures over all rounds.
    pub(crate) fn errors(&self) -> u64 {
        self.rounds.iter().map(|round| round.load.errors.total()).sum()
    }

    /// A quantity of `base` divided by this peer's, for each pair of rounds that ran one after the other.
    pub(crate) fn ratio(&self, base: &Measured, of: fn(&Round) -> f64) -> Spread {
        let pairs = base.rounds.iter().zip(&self.rounds);
        Spread::of(pairs.map(|(ours, theirs)| of(ours) / of(theirs))).expect(ONE_ROUND)
    }
}

/// Statistics of a quantity over rounds, of which there is at least one.
pub(crate) fn spread(rounds: &[Round], of: fn(&Round) -> f64) -> Spread {
    Spread::of(rounds.iter().map(of)).expect(ONE_ROUND)
}

const ONE_ROUND: &str = "the command line asks for one round at least, and a round has at least one request";

#[cfg(test)]
pub(crate) mod tests;
