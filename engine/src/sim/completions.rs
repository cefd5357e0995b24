//! A completion queue with a bound, and the list that takes what does not fit.

use std::collections::VecDeque;

use crate::uring::ring::Completion;

/// The queue as the kernel keeps it: nothing is lost when it runs over, but the rest waits for the next turn.
#[derive(Debug)]
pub(super) struct Completions {
    queue: VecDeque<Completion>,
    /// Most that `queue` holds.
    bound: usize,
    spilled: VecDeque<Completion>,
    overflows: u64,
    /// Mixes everything ever posted.
    trace: u64,
}

impl Completions {
    pub(super) fn new(bound: usize) -> Completions {
        Completions { queue: VecDeque::new(), bound, spilled: VecDeque::new(), overflows: 0, trace: 0 }
    }

    /// Whether the next one has to be spilled. Order is kept: while some are spilled, all that follow are.
    pub(super) fn is_full(&self) -> bool {
        !self.spilled.is_empty() || self.queue.len() >= self.bound
    }

    pub(super) fn post(&mut self, completion: Completion, now: u64) {
        for word in [completion.user_data, completion.result as u64, u64::from(completion.flags), now] {
            self.trace = (self.trace ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        if !self.is_full() {
            self.queue.push_back(completion);
            return;
        }
        if self.spilled.is_empty() {
            self.overflows += 1;
        }
        self.spilled.push_back(completion);
    }

    /// Moves what was spilled to where there is room now.
    pub(super) fn flush(&mut self) {
        while self.queue.len() < self.bound {
            let Some(completion) = self.spilled.pop_front() else { return };
            self.queue.push_back(completion);
        }
    }

    pub(super) fn reap(&mut self, into: &mut Vec<Completion>) {
        let count = self.queue.len().min(into.capacity() - into.len());
        into.extend(self.queue.drain(..count));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn overflows(&self) -> u64 {
        self.overflows
    }

    pub(super) fn trace(&self) -> u64 {
        self.trace
    }
}
