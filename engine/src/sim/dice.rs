//! The one source of chance in a simulation.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// A seeded generator: the same on every machine and in every version of `rand`, or a seed would prove nothing.
#[derive(Debug)]
pub(super) struct Dice {
    rng: Xoshiro256PlusPlus,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice { rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    pub(super) fn coin(&mut self) -> bool {
        self.rng.random()
    }

    pub(super) fn bits(&mut self) -> u32 {
        self.rng.random()
    }

    /// A number in `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.rng.random_range(low..=high)
    }

    /// A size in `1..=most`.
    pub(super) fn up_to(&mut self, most: usize) -> usize {
        self.rng.random_range(1..=most as u64) as usize
    }

    /// Draws nothing for a probability of zero: switching a fault off does not cost.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        probability > 0.0 && self.rng.random::<f32>() < probability
    }
}
