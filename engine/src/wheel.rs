//! Timers: a hashed wheel of two levels, one millisecond fine, seventeen minutes wide.
//!
//! Inserting, removing and finding the next deadline cost O(1) and allocate nothing once warm. A timer never fires
//! early and at most one tick late; one beyond the wheel's width waits in the last coarse slot and is sorted in again.

use ringway_core::Time;

/// Width of a tick.
const TICK_NS: u64 = 1_000_000;
/// Slots of each level: fine ones are a tick wide, coarse ones 1,024 ticks.
const SLOTS: usize = 1024;
const SLOT_BITS: u32 = SLOTS.trailing_zeros();
const WORDS: usize = SLOTS / 64;
const NONE: u32 = u32::MAX;

/// A timer in the wheel. It is the owner's to remove; once fired it is gone by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerId(u32);

#[derive(Debug)]
struct Entry<T> {
    tick: u64,
    list: u32,
    prev: u32,
    next: u32,
    target: Option<T>,
}

/// Which slots of a level have timers.
#[derive(Debug)]
struct Occupied {
    words: [u64; WORDS],
}

impl Occupied {
    fn set(&mut self, slot: usize) {
        self.words[slot / 64] |= 1 << (slot % 64);
    }

    fn clear(&mut self, slot: usize) {
        self.words[slot / 64] &= !(1 << (slot % 64));
    }

    /// Distance from `from` to the next occupied slot, going round.
    fn next(&self, from: usize) -> Option<usize> {
        let first = self.words[from / 64] >> (from % 64);
        if first != 0 {
            return Some(first.trailing_zeros() as usize);
        }
        for step in 1..=WORDS {
            let word = self.words[(from / 64 + step) % WORDS];
            if word != 0 {
                let slot = (from / 64 + step) % WORDS * 64 + word.trailing_zeros() as usize;
                return Some((slot + SLOTS - from) % SLOTS);
            }
        }
        None
    }
}

/// Timers that each lead to a `T`.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    /// Heads of the slots' lists: fine ones first, then coarse ones.
    heads: Vec<u32>,
    fine: Occupied,
    coarse: Occupied,
    /// Every timer at or before this tick has fired.
    tick: u64,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now: Time) -> Wheel<T> {
        Wheel {
            entries: Vec::new(),
            free: Vec::new(),
            heads: vec![NONE; 2 * SLOTS],
            fine: Occupied { words: [0; WORDS] },
            coarse: Occupied { words: [0; WORDS] },
            tick: now.as_nanos() / TICK_NS,
        }
    }

    /// How many timers wait.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Has `target` fire at the first [`Wheel::advance`] not before `at`.
    pub(crate) fn insert(&mut self, at: Time, target: T) -> TimerId {
        let tick = at.as_nanos().div_ceil(TICK_NS).max(self.tick + 1);
        let entry = Entry { tick, list: NONE, prev: NONE, next: NONE, target: Some(target) };
        let index = match self.free.pop() {
            Some(index) => {
                self.entries[index as usize] = entry;
                index
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        self.link(index);
        TimerId(index)
    }

    /// Takes a timer out that has not fired.
    pub(crate) fn remove(&mut self, id: TimerId) -> Option<T> {
        self.unlink(id.0);
        self.free.push(id.0);
        self.entries[id.0 as usize].target.take()
    }

    /// When [`Wheel::advance`] has something to do next.
    pub(crate) fn next(&self) -> Option<Time> {
        let start = self.tick + 1;
        let fine = self.fine.next(start as usize % SLOTS).map(|distance| start + distance as u64);
        let block = self.tick >> SLOT_BITS;
        // A coarse slot is due when its block of fine ticks begins; the current block's was sorted in already.
        let coarse = self
            .coarse
            .next((block + 1) as usize % SLOTS)
            .map(|distance| (block + 1 + distance as u64) << SLOT_BITS);
        let tick = match (fine, coarse) {
            (Some(fine), Some(coarse)) => fine.min(coarse),
            (fine, coarse) => fine.or(coarse)?,
        };
        Some(Time::from_nanos(tick * TICK_NS))
    }

    /// Moves on to `now` and hands every timer that is due to `fire`, roughly in order.
    pub(crate) fn advance(&mut self, now: Time, mut fire: impl FnMut(T)) {
        let until = now.as_nanos() / TICK_NS;
        while self.tick < until {
            // Jump over what is empty: an idle hour costs no more than an idle millisecond.
            let next = match self.next() {
                Some(at) => (at.as_nanos() / TICK_NS).min(until),
                None => until,
            };
            self.tick = next.max(self.tick + 1);
            if self.tick.is_multiple_of(SLOTS as u64) {
                self.sort_in((self.tick >> SLOT_BITS) as usize % SLOTS);
            }
            let slot = self.tick as usize % SLOTS;
            while self.heads[slot] != NONE {
                let index = self.heads[slot];
                self.unlink(index);
                self.free.push(index);
                if let Some(target) = self.entries[index as usize].target.take() {
                    fire(target);
                }
            }
        }
    }

    /// Spreads a coarse slot's timers over the fine ones.
    fn sort_in(&mut self, coarse: usize) {
        let mut index = std::mem::replace(&mut self.heads[SLOTS + coarse], NONE);
        self.coarse.clear(coarse);
        while index != NONE {
            let next = self.entries[index as usize].next;
            self.link(index);
            index = next;
        }
    }

    fn link(&mut self, index: u32) {
        let tick = self.entries[index as usize].tick.max(self.tick);
        let blocks = (tick >> SLOT_BITS) - (self.tick >> SLOT_BITS);
        let list = if blocks == 0 {
            tick as usize % SLOTS
        } else {
            let block = (self.tick >> SLOT_BITS) + blocks.min(SLOTS as u64 - 1);
            SLOTS + block as usize % SLOTS
        };
        let head = self.heads[list];
        if head != NONE {
            self.entries[head as usize].prev = index;
        }
        let entry = &mut self.entries[index as usize];
        (entry.list, entry.prev, entry.next) = (list as u32, NONE, head);
        self.heads[list] = index;
        if list < SLOTS { self.fine.set(list) } else { self.coarse.set(list - SLOTS) }
    }

    fn unlink(&mut self, index: u32) {
        let Entry { list, prev, next, .. } = self.entries[index as usize];
        let list = list as usize;
        if prev == NONE {
            self.heads[list] = next;
            if next == NONE {
                if list < SLOTS { self.fine.clear(list) } else { self.coarse.clear(list - SLOTS) }
            }
        } else {
            self.entries[prev as usize].next = next;
        }
        if next != NONE {
            self.entries[next as usize].prev = prev;
        }
    }
}

#[cfg(test)]
mod tests;
