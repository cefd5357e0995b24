//! Smooth weighted round robin: each backend in turn, as often as its weight says, spread evenly.
//!
//! **Definition.** With equal weights, a cursor over the pool. Otherwise the weights lie end to end on a circle; a point
//! walks round it in steps of 1/φ of its length (φ the golden ratio), and the backend that covers the point is picked.
//!
//! **Bound.** While the set does not change:
//! - after k picks no backend is off its share by more than 1 + ln k / 2 picks: by 8 in a million (tested over random
//!   weights);
//! - the gaps between a backend's picks take at most three values, the largest being the sum of the others (three-gap
//!   theorem), so no backend is served in bursts. The golden ratio is the step that keeps them most alike.
//!
//! Cost: O(1) for equal weights, else O(log n). There is no state per backend: one that fails leaves the pool and those
//! that remain share its picks, so its successor does not inherit them; one that returns owes and is owed nothing.
//!
//! **Source.** H. Weyl, "Über die Gleichverteilung von Zahlen mod. Eins", 1916; V. T. Sós, "On the distribution mod 1 of
//! the sequence nα", 1958, for the gaps; D. Knuth, TAOCP 3, §6.4, for the golden ratio.

use rand::Rng;

use crate::draw;
use crate::limits::REDRAWS_MAX;
use crate::pool::{Candidate, Pool};

/// The step in units of 2⁻⁶⁴ of the circle: 1/φ.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin {
    /// Equal weights: the next position.
    cursor: usize,
    /// Unequal weights: the next point, in units of 2⁻⁶⁴ of the circle, whatever its length.
    point: u64,
    is_started: bool,
}

impl RoundRobin {
    /// A position in `pool`, which must not be empty.
    pub(crate) fn pick<R: Rng + ?Sized>(&mut self, pool: &Pool, rng: &mut R) -> usize {
        if !self.is_started {
            self.start(pool, rng);
        }
        if pool.is_equal() {
            let position = if self.cursor < pool.len() { self.cursor } else { 0 };
            self.cursor = position + 1;
            return position;
        }
        let weights = pool.weights();
        let position = weights.position_of(draw::scale(self.point, weights.total()));
        self.point = self.point.wrapping_add(STEP);
        position
    }

    /// A position in `pool` that `admit` lets through; `None` if there is none.
    pub(crate) fn pick_admitted<R: Rng + ?Sized>(
        &mut self,
        pool: &Pool,
        rng: &mut R,
        admit: impl Fn(&Candidate) -> bool,
    ) -> Option<usize> {
        if pool.is_empty() {
            return None;
        }
        for _ in 0..REDRAWS_MAX {
            let position = self.pick(pool, rng);
            if admit(&pool.candidates()[position]) {
                return Some(position);
            }
        }
        pool.scan_admitted(rng, admit)
    }

    /// Shards begin at different places, or they would all send their first requests to the same backend.
    #[cold]
    fn start<R: Rng + ?Sized>(&mut self, pool: &Pool, rng: &mut R) {
        self.cursor = draw::below(rng, pool.len() as u64) as usize;
        self.point = rng.next_u64();
        self.is_started = true;
    }
}

#[cfg(test)]
mod tests;
