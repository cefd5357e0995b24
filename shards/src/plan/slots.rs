//! Numbers of places that are used again.

use std::collections::VecDeque;

/// How many places rest before the first of them is used again: what a shard says of who had it last may be on its way.
const RESTING_MIN: usize = 64;

/// Which numbers are taken.
#[derive(Debug, Default)]
pub(super) struct Slots {
    next: u32,
    /// Those that were given back, the oldest first.
    free: VecDeque<u32>,
}

/// What is to be taken from [`Slots`] and given back to them, while that is not settled.
#[derive(Debug, Default)]
pub(super) struct SlotChanges {
    taken: usize,
    pub(super) freed: Vec<u32>,
}

impl Slots {
    /// A number that nobody has.
    pub(super) fn take(&self, changes: &mut SlotChanges) -> u32 {
        let reusable = self.free.len().saturating_sub(RESTING_MIN);
        changes.taken += 1;
        match changes.taken {
            nth if nth <= reusable => self.free[nth - 1],
            nth => self.next + (nth - reusable - 1) as u32,
        }
    }

    /// Settles changes that were made of these slots as they are.
    pub(super) fn commit(&mut self, changes: SlotChanges) {
        let reusable = self.free.len().saturating_sub(RESTING_MIN).min(changes.taken);
        self.free.drain(..reusable);
        self.next += (changes.taken - reusable) as u32;
        self.free.extend(changes.freed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_once_and_used_again_after_a_rest() {
        let mut slots = Slots::default();
        let take = |slots: &mut Slots, count: usize, freed: Vec<u32>| {
            let mut changes = SlotChanges::default();
            let taken: Vec<u32> = (0..count).map(|_| slots.take(&mut changes)).collect();
            changes.freed = freed;
            slots.commit(changes);
            taken
        };
        assert_eq!(take(&mut slots, 3, vec![]), [0, 1, 2]);
        assert_eq!(take(&mut slots, 2, vec![1]), [3, 4]);
        assert_eq!(take(&mut slots, 1, vec![]), [5], "1 rests");
        let others: Vec<u32> = take(&mut slots, RESTING_MIN, vec![]);
        take(&mut slots, 0, others);
        assert_eq!(take(&mut slots, 2, vec![]), [1, 6 + RESTING_MIN as u32]);
    }

    #[test]
    fn what_is_not_settled_is_as_if_it_never_was() {
        let slots = Slots::default();
        for _ in 0..2 {
            assert_eq!(slots.take(&mut SlotChanges::default()), 0);
        }
    }
}
