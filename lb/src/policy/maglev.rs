//! Maglev hashing: a table says which backend a key belongs to.
//!
//! **Definition.** Each backend has its own order of preference over the slots of a table, from a hash of its identity.
//! In turns, as often as their weights say, backends take the first slot of their order that is free, until none is. A
//! key belongs to the backend of the slot that its hash names.
//!
//! The table is made of the *configured* backends. If the one that a key belongs to is away, full, already tried or above
//! its bound (`policy/bounded_load.rs`), another hash of the key names another slot. So a backend that is away for a
//! while moves only its own keys, evenly over the others, and has the same ones again when it is back.
//!
//! **Bound.** Backends of equal weight have equally many slots, give or take one. The size of the table is a prime
//! ([`MAGLEV_SIZES`](crate::limits::MAGLEV_SIZES)) with at least 100 slots for each of up to 655 backends, so that their
//! shares are even to 1 %; with at least 10 for each of more, even to 10 %. A backend that is removed from the configuration
//! moves its 1/n of the keys and few others; most keys move when the number of backends crosses a step of the sizes. Every
//! backend has one slot at least, however small its weight.
//!
//! Cost: O(1), two reads. The table is made anew by the first request after the configuration changed: O(m) for m slots
//! and equal weights, else O(m log n).
//!
//! **Source.** D. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4.

use super::bounded_load::Bound;
use super::rendezvous;
use crate::draw;
use crate::hash::mix;
use crate::limits::MAGLEV_PROBES_MAX;
use crate::pool::{Candidate, Pool};

mod table;

/// The configured backends of a tier and the table made of them.
#[derive(Debug, Default)]
pub(super) struct Maglev {
    /// By slab index.
    members: Vec<Member>,
    /// Slab indexes by slot; empty if it is to be made.
    table: Vec<u32>,
}

/// A configured backend.
#[derive(Debug, Clone, Copy, Default)]
struct Member {
    identity: u64,
    /// Zero: no backend of this tier has this index.
    weight: u32,
}

impl Maglev {
    pub(super) fn joined(&mut self, index: u32, identity: u64, weight: u32) {
        let index = index as usize;
        if self.members.len() <= index {
            self.members.resize(index + 1, Member::default());
        }
        self.members[index] = Member { identity, weight };
        self.table.clear();
    }

    pub(super) fn left(&mut self, index: u32) {
        if let Some(member) = self.members.get_mut(index as usize) {
            *member = Member::default();
            self.table.clear();
        }
    }

    pub(super) fn forget_table(&mut self) {
        self.table = Vec::new();
    }

    /// A position in `pool`, which must not be empty.
    pub(super) fn pick(
        &mut self,
        pool: &Pool,
        key: u64,
        bound: Bound,
        place: impl Fn(u32) -> Option<u32>,
    ) -> usize {
        self.pick_admitted(pool, key, bound, place, |_| true)
            .expect("a pool that is not empty has a candidate that anything is let through to")
    }

    /// A position in `pool` that `admit` lets through; `None` if there is none.
    pub(super) fn pick_admitted(
        &mut self,
        pool: &Pool,
        key: u64,
        bound: Bound,
        place: impl Fn(u32) -> Option<u32>,
        admit: impl Fn(&Candidate) -> bool,
    ) -> Option<usize> {
        self.probe(key, |index| {
            let position = place(index)? as usize;
            let candidate = &pool.candidates()[position];
            (admit(candidate) && bound.admits(candidate)).then_some(position)
        })
        .or_else(|| rendezvous::pick_admitted(pool, key, bound, admit))
    }

    /// What `accept` makes of the first backend it accepts, in the order that the key prefers.
    fn probe(&mut self, key: u64, accept: impl Fn(u32) -> Option<usize>) -> Option<usize> {
        if self.table.is_empty() {
            self.table = table::make(&self.members);
        }
        let slots = self.table.len() as u64;
        if slots == 0 {
            return None;
        }
        let mut hash = key;
        (0..MAGLEV_PROBES_MAX).find_map(|_| {
            hash = mix(hash.wrapping_add(PROBE_STEP));
            accept(self.table[draw::scale(hash, slots) as usize])
        })
    }
}

/// Keeps a key of zero from hashing to zero for ever: odd, without pattern (the golden ratio).
const PROBE_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests;
