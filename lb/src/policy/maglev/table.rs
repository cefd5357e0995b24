//! How Maglev's table is filled.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Member;
use crate::hash::mix;
use crate::limits::{MAGLEV_SIZES, MAGLEV_SLOTS_PER_BACKEND, MAGLEV_SLOTS_PER_BACKEND_MIN};

/// No backend has taken the slot.
const FREE: u32 = u32::MAX;

/// The time from one turn to the next at weight 1; at weight w it is a w-th. Long enough for the rounding of that not to
/// matter, short enough for the last turn's time not to overflow.
const TURN: u64 = 1 << 40;

/// A backend that takes slots.
struct Taker {
    index: u32,
    /// The slot it looks at next.
    slot: u32,
    /// From one slot of its order to the next.
    skip: u32,
}

impl Taker {
    fn new(index: u32, identity: u64, slots: u32) -> Taker {
        let (offset, skip) = (mix(identity), mix(!identity));
        Taker {
            index,
            slot: (offset % u64::from(slots)) as u32,
            // The number of slots is prime: every step but zero visits them all.
            skip: (skip % u64::from(slots - 1)) as u32 + 1,
        }
    }

    /// Takes the first free slot of its order. There must be one.
    fn take(&mut self, table: &mut [u32]) {
        let slots = table.len() as u32;
        loop {
            let slot = self.slot as usize;
            self.slot = self.slot + self.skip - if self.slot >= slots - self.skip { slots } else { 0 };
            if table[slot] == FREE {
                table[slot] = self.index;
                return;
            }
        }
    }
}

/// The slab indexes of `members` by slot; none if there are no members.
pub(super) fn make(members: &[Member]) -> Vec<u32> {
    let mut sorted: Vec<_> = (0u32..).zip(members).filter(|(_, member)| member.weight > 0).collect();
    // By identity, because slab indexes differ between shards and processes.
    sorted.sort_unstable_by_key(|&(index, member)| (member.identity, index));
    if sorted.is_empty() {
        return Vec::new();
    }
    let slots = size_for(sorted.len());
    let weights: Vec<u32> = sorted.iter().map(|(_, member)| member.weight).collect();
    let mut takers: Vec<Taker> =
        sorted.iter().map(|&(index, member)| Taker::new(index, member.identity, slots)).collect();
    let mut table = vec![FREE; slots as usize];
    if weights.iter().all(|&weight| weight == weights[0]) {
        for turn in 0..slots as usize {
            takers[turn % sorted.len()].take(&mut table);
        }
    } else {
        // Who is due first is on; everybody is due at once in the beginning, so everybody gets a slot.
        let mut due: BinaryHeap<_> = (0..takers.len()).map(|rank| Reverse((0u64, rank))).collect();
        for _ in 0..slots {
            let mut next = due.peek_mut().expect("a turn is put back whenever one is taken");
            let Reverse((time, rank)) = *next;
            *next = Reverse((time.saturating_add(TURN / u64::from(weights[rank])), rank));
            drop(next);
            takers[rank].take(&mut table);
        }
    }
    table
}

/// How many slots a table for so many backends has.
fn size_for(backends: usize) -> u32 {
    let fits = |&size: &u32| {
        let per_backend =
            if size < EVEN_SIZE { MAGLEV_SLOTS_PER_BACKEND } else { MAGLEV_SLOTS_PER_BACKEND_MIN };
        size as usize / per_backend >= backends
    };
    let largest = MAGLEV_SIZES[MAGLEV_SIZES.len() - 1];
    MAGLEV_SIZES.into_iter().find(fits).unwrap_or(largest)
}

/// From this size on evenness gives way to memory.
const EVEN_SIZE: u32 = 65_537;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_primes_so_that_every_order_visits_every_slot() {
        for size in MAGLEV_SIZES {
            let is_prime = (2..).take_while(|d| d * d <= size).all(|d| size % d != 0);
            assert!(is_prime, "{size}");
        }
    }

    #[test]
    fn sizes_leave_each_backend_its_slots() {
        for (backends, size) in [
            (1, 4_093),
            (40, 4_093),
            (41, 16_381),
            (163, 16_381),
            (164, 65_537),
            (6_553, 65_537),
            (6_554, 262_147),
            (100_000, 1_048_583),
            (10_000_000, 16_777_259),
        ] {
            assert_eq!(size_for(backends), size, "{backends} backends");
        }
    }
}
