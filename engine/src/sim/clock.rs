//! The virtual clock and what is due when.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::dice::Dice;
use crate::slab::Key;

/// Something that happens inside the kernel or on the network.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The kernel looks at an operation.
    Attempt(Key),
    /// The next segment from this end of a connection arrives at the other one.
    Arrive(Key, usize),
    /// A connection request arrives; how often it was repeated.
    Syn(Key, u32),
    /// The answer to a connection request arrives: yes.
    SynAck(Key),
    /// The answer to a connection request arrives: nobody listens.
    Refused(Key),
    /// The network breaks the connection, as seen from this end.
    Break(Key, usize),
}

#[derive(Debug)]
struct Due {
    at: u64,
    /// Two things due at once happen in either order.
    lot: u32,
    /// Keeps equal lots apart.
    serial: u64,
    event: Event,
}

impl Due {
    fn rank(&self) -> (u64, u32, u64) {
        (self.at, self.lot, self.serial)
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Nanoseconds that pass only as the simulation says.
#[derive(Debug)]
pub(super) struct Clock {
    now: u64,
    due: BinaryHeap<Reverse<Due>>,
    scheduled: u64,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { now: 0, due: BinaryHeap::new(), scheduled: 0 }
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    pub(super) fn at(&mut self, at: u64, event: Event, dice: &mut Dice) {
        self.scheduled += 1;
        self.due.push(Reverse(Due { at, lot: dice.bits(), serial: self.scheduled, event }));
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.due.peek().map(|Reverse(due)| due.at)
    }

    /// Takes the next thing that is due by now.
    pub(super) fn pop_due(&mut self) -> Option<Event> {
        if self.next_at()? > self.now {
            return None;
        }
        self.due.pop().map(|Reverse(due)| due.event)
    }

    /// Never turns back.
    pub(super) fn advance_to(&mut self, at: u64) {
        self.now = self.now.max(at);
    }
}
