//! The backends of one tier that can open, packed densely for drawing.
//!
//! Membership follows back-off, so a draw never meets a backend that must be skipped: no scan while all is well, and
//! nobody inherits the share of a dead neighbour. A candidate carries what policies compare; the backend itself is
//! touched only when it wins.

use std::sync::Arc;

use rand::Rng;

use crate::draw;
use crate::limits::{REDRAWS_MAX, REJECTIONS_MAX};
use crate::load::Load;
use crate::weight_tree::WeightTree;
use order_tree::OrderTree;

mod order_tree;

/// A backend as policies see it. Never across two cache lines: a draw touches one line per candidate.
#[derive(Debug)]
#[repr(align(32))]
pub(crate) struct Candidate {
    pub(crate) load: Arc<Load>,
    /// A hash of its address that is the same in every process: what it is to policies that hash.
    pub(crate) identity: u64,
    /// At least 1.
    pub(crate) weight: u32,
    /// Its index in the slab.
    pub(crate) index: u32,
    /// Its place in the configuration. No two of a pool have the same, none has `u32::MAX`.
    pub(crate) order: u32,
}

/// Candidates by dense position. Positions change when a candidate leaves: the last one takes its place.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    candidates: Vec<Candidate>,
    weights: WeightTree,
    orders: OrderTree,
    /// Sum of the squared weights.
    squares: u128,
    is_equal: bool,
    /// The largest weight, zero if there is none.
    weight_max: u32,
}

impl Pool {
    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    pub(crate) fn len(&self) -> usize {
        self.candidates.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    pub(crate) fn weights(&self) -> &WeightTree {
        &self.weights
    }

    /// Whether all weights are the same.
    pub(crate) fn is_equal(&self) -> bool {
        self.is_equal
    }

    /// Makes room for `capacity` candidates in all.
    pub(crate) fn reserve(&mut self, capacity: usize) {
        self.candidates.reserve(capacity.saturating_sub(self.candidates.len()));
        self.weights.reserve(capacity);
        self.orders.reserve(capacity);
    }

    /// Takes a candidate in; returns its position.
    pub(crate) fn insert(&mut self, candidate: Candidate) -> u32 {
        self.weights.push(candidate.weight);
        self.orders.push(candidate.order);
        self.squares += square(candidate.weight);
        self.weight_max = self.weight_max.max(candidate.weight);
        self.candidates.push(candidate);
        self.compare_weights();
        (self.candidates.len() - 1) as u32
    }

    /// Lets the candidate at `position` go; returns the slab index of the one that moved there, if any did.
    pub(crate) fn remove(&mut self, position: u32) -> Option<u32> {
        let position = position as usize;
        let last_weight = self.candidates.last()?.weight;
        let gone = self.candidates.swap_remove(position);
        let moved = self.candidates.get(position);
        if let Some(moved) = moved {
            self.weights.replace(position, gone.weight, last_weight);
            self.orders.replace(position, moved.order);
        }
        self.weights.pop(last_weight);
        self.orders.pop();
        self.squares -= square(gone.weight);
        let moved = moved.map(|candidate| candidate.index);
        self.compare_weights();
        self.forget_weight(gone.weight);
        moved
    }

    /// Changes the weight of the candidate at `position`.
    pub(crate) fn set_weight(&mut self, position: u32, weight: u32) {
        let position = position as usize;
        let old = std::mem::replace(&mut self.candidates[position].weight, weight);
        self.weights.replace(position, old, weight);
        self.squares = self.squares - square(old) + square(weight);
        self.weight_max = self.weight_max.max(weight);
        self.compare_weights();
        if weight < old {
            self.forget_weight(old);
        }
    }

    /// Somebody no longer has this weight. If it was the largest, somebody else with it is usually found soon; a whole
    /// scan is made only when the one heavy backend leaves lighter ones behind.
    fn forget_weight(&mut self, weight: u32) {
        if weight == self.weight_max && !self.candidates.iter().any(|candidate| candidate.weight == weight) {
            self.weight_max = self.candidates.iter().map(|candidate| candidate.weight).max().unwrap_or(0);
        }
    }

    /// The position of the one that comes first in the configuration. The pool must not be empty.
    pub(crate) fn first(&self) -> usize {
        self.orders.first()
    }

    /// The position of the first in the configuration that `admit` lets through; `None` if there is none.
    pub(crate) fn first_admitted(&self, admit: impl Fn(&Candidate) -> bool) -> Option<usize> {
        self.orders.first_where(|position| admit(&self.candidates[position]))
    }

    /// n·Σw² ≥ (Σw)², with equality exactly when all w are the same (Cauchy–Schwarz): no need to look at them all.
    fn compare_weights(&mut self) {
        let total = u128::from(self.weights.total());
        self.is_equal = self.candidates.len() as u128 * self.squares == total * total;
    }

    /// A position drawn in proportion to weight. The pool must not be empty.
    pub(crate) fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> usize {
        if self.is_equal {
            return draw::below(rng, self.candidates.len() as u64) as usize;
        }
        self.draw_by_rejection(rng, usize::MAX)
            .unwrap_or_else(|| self.weights.position_of(draw::below(rng, self.weights.total())))
    }

    /// As [`Pool::draw`], among the positions other than `first`, of which there must be one.
    pub(crate) fn draw_other<R: Rng + ?Sized>(&self, rng: &mut R, first: usize) -> usize {
        if self.candidates.len() == 2 {
            return 1 - first;
        }
        self.draw_by_rejection(rng, first).unwrap_or_else(|| {
            // The point steps over what `first` covers.
            let covered = u64::from(self.candidates[first].weight);
            let point = draw::below(rng, self.weights.total() - covered);
            let is_beyond = point >= self.weights.start_of(first);
            self.weights.position_of(if is_beyond { point + covered } else { point })
        })
    }

    /// A position other than `except`, drawn uniformly and kept with probability weight / largest weight, hence in
    /// proportion to weight; `None` if no draw was kept. While weights differ by small factors this takes a fraction
    /// of the time of the search that it saves, whose every branch is a coin flip to the processor (1000 weights, two
    /// draws: 13 ns against 48 ns).
    #[inline(always)]
    fn draw_by_rejection<R: Rng + ?Sized>(&self, rng: &mut R, except: usize) -> Option<usize> {
        for _ in 0..REJECTIONS_MAX {
            let bits = rng.next_u64();
            let position = (((bits >> 32) * self.candidates.len() as u64) >> 32) as usize;
            let height = ((bits & u64::from(u32::MAX)) * u64::from(self.weight_max)) >> 32;
            if height < u64::from(self.candidates[position].weight) && position != except {
                return Some(position);
            }
        }
        None
    }

    /// As [`Pool::draw`], among the candidates that `admit` lets through; `None` if there are none.
    pub(crate) fn draw_admitted<R, F>(&self, rng: &mut R, mut admit: F) -> Option<usize>
    where
        R: Rng + ?Sized,
        F: FnMut(&Candidate) -> bool,
    {
        if self.is_empty() {
            return None;
        }
        for _ in 0..REDRAWS_MAX {
            let position = self.draw(rng);
            if admit(&self.candidates[position]) {
                return Some(position);
            }
        }
        self.scan_admitted(rng, admit)
    }

    /// As [`Pool::draw_admitted`], by looking at every candidate.
    pub(crate) fn scan_admitted<R, F>(&self, rng: &mut R, mut admit: F) -> Option<usize>
    where
        R: Rng + ?Sized,
        F: FnMut(&Candidate) -> bool,
    {
        let admitted =
            |candidate: &Candidate, admit: &mut F| if admit(candidate) { candidate.weight.into() } else { 0 };
        let total = self.candidates.iter().map(|candidate| admitted(candidate, &mut admit)).sum::<u64>();
        if total == 0 {
            return None;
        }
        let mut point = draw::below(rng, total);
        self.candidates.iter().position(|candidate| {
            let weight = admitted(candidate, &mut admit);
            let covers = point < weight;
            point = point.saturating_sub(weight);
            covers
        })
    }
}

fn square(weight: u32) -> u128 {
    u128::from(weight) * u128::from(weight)
}

#[cfg(test)]
pub(crate) mod tests;
