//! The queue of those that wait at a limit: one line for all shards.
//!
//! The queue knows nothing of what is limited. Whoever finds the limit reached joins, and *tries again when it is its turn*;
//! whoever gives something back calls [`WaitQueue::wake_one`] afterwards, which gives the turn to the first in line. A try
//! may fail all the same: what came free may be of no use to this one (a backend that its shard has in back-off), or
//! somebody who looked before there was a line took it. Then the turn goes to the next behind, and the one that failed keeps
//! its place. There is one line, so shards are served in the order their requests came, whichever shard gives back.
//!
//! A newcomer tries directly only while [`WaitQueue::is_empty`]; otherwise it joins. Those who join get one try as soon as
//! nobody before them has a turn, so that the first in line, waiting for one backend, does not keep an idle one from the rest.
//!
//! **No wake-up is lost.** Let `free` be what is limited, and `len` the length of the line.
//!
//! | who gives back | who joins |
//! |---|---|
//! | `free += 1` | `len += 1` |
//! | fence | fence |
//! | `len > 0`? then, under the lock: a turn for the first in line without one | try: `free > 0`? |
//!
//! Both fences are sequentially consistent, so one of the two comes first, and the later one's side sees the earlier one's
//! write: either the turn is given or the try succeeds. A turn is taken off a seat *before* the try, under the lock; a turn
//! given during a try thus stays, and causes another one. A turn ends only with success, or when everybody behind has tried
//! since what it stands for was given back. A seat that is left hands on the turn it did not use.
//!
//! Anything else that makes room (a backend comes back, a limit is raised) is to call [`WaitQueue::wake_all`].
//!
//! ```
//! use std::sync::Arc;
//! use std::task::{Context, Poll, Waker};
//!
//! use ringway_lb::WaitQueue;
//!
//! let queue = Arc::new(WaitQueue::new(100));
//! let mut cx = Context::from_waker(Waker::noop());
//! let mut waiter = queue.join().expect("not full");
//! assert_eq!(waiter.poll_turn(&mut cx), Poll::Ready(()), "one try before it sleeps");
//! assert_eq!(waiter.poll_turn(&mut cx), Poll::Pending, "which failed");
//!
//! queue.wake_one(); // somebody gave back
//! assert_eq!(waiter.poll_turn(&mut cx), Poll::Ready(()));
//! waiter.served(); // the try succeeded
//! assert!(queue.is_empty());
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A bounded line, first come first served, for all shards.
#[derive(Debug)]
pub struct WaitQueue {
    /// Length of the line; written under the lock, read without.
    len: AtomicUsize,
    len_max: AtomicUsize,
    line: Mutex<Line>,
}

/// A place in the line. Dropping it leaves the line, and hands on a turn that was not used.
#[derive(Debug)]
#[must_use = "dropping it leaves the line"]
pub struct Waiter {
    queue: Arc<WaitQueue>,
    /// `None` once it has left.
    ticket: Option<u64>,
}

#[derive(Debug)]
struct Line {
    /// By ticket, hence in the order they joined.
    seats: BTreeMap<u64, Seat>,
    next_ticket: u64,
    /// No seat before this ticket still waits for its first try.
    untried_from: u64,
    /// How many seats have a turn or are trying. While it is zero, nobody is untried.
    active: usize,
    /// Number of the last time that something was given back.
    given: u64,
}

#[derive(Debug, Default)]
struct Seat {
    /// To be called when it gets a turn; `None` while it is not asleep.
    waker: Option<Waker>,
    /// It is to try, and has not begun to.
    turn: Option<Turn>,
    /// It was told to try, and has not said what became of it.
    trying: Option<Turn>,
    /// Its last try saw all that was given back up to this number.
    seen: u64,
}

/// Why a seat is to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It never has, and nobody else is to. Stands for nothing that was given back, so it waits when somebody is after all.
    First,
    /// Something was given back by this number.
    Given(u64),
}

impl WaitQueue {
    /// For at most `len_max` that wait.
    #[must_use]
    pub const fn new(len_max: usize) -> WaitQueue {
        let line = Line { seats: BTreeMap::new(), next_ticket: 0, untried_from: 0, active: 0, given: 0 };
        WaitQueue { len: AtomicUsize::new(0), len_max: AtomicUsize::new(len_max), line: Mutex::new(line) }
    }

    /// At most `len_max` wait from now on. Those who wait already keep their places.
    pub fn set_max(&self, len_max: usize) {
        self.len_max.store(len_max, Ordering::Relaxed);
    }

    /// Whether nobody waits: one atomic load.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Takes the last place; `None` if the line is as long as it may be.
    #[must_use]
    pub fn join(self: &Arc<Self>) -> Option<Waiter> {
        let mut line = self.lock();
        if line.seats.len() >= self.len_max.load(Ordering::Relaxed) {
            return None;
        }
        let ticket = line.next_ticket;
        line.next_ticket += 1;
        line.seats.insert(ticket, Seat::default());
        self.len.store(line.seats.len(), Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let woken = line.settle();
        debug_assert!(woken.is_none(), "while nobody has a turn, nobody but this one is untried");
        drop(line);
        Some(Waiter { queue: Arc::clone(self), ticket: Some(ticket) })
    }

    /// Something was given back, before this call: the first in line that has no turn gets one. A fence and a load while
    /// nobody waits.
    pub fn wake_one(&self) {
        fence(Ordering::SeqCst);
        if self.is_empty() {
            return;
        }
        let mut line = self.lock();
        line.given += 1;
        let given = line.given;
        let woken = line.call_from(0, given);
        drop(line);
        wake([woken]);
    }

    /// Room was made in another way, before this call: everyone in line gets a turn, from front to back.
    pub fn wake_all(&self) {
        fence(Ordering::SeqCst);
        if self.is_empty() {
            return;
        }
        let mut line = self.lock();
        line.given += 1;
        line.active = line.seats.len();
        line.untried_from = line.next_ticket;
        let given = line.given;
        let woken: Vec<_> = line.seats.values_mut().map(|seat| seat.call(Turn::Given(given))).collect();
        drop(line);
        wake(woken);
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Ready when it is its turn to try. To poll again says that the try failed, and waits for the next turn in the same
    /// place.
    pub fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(ticket) = self.ticket else { return Poll::Pending };
        let mut line = self.queue.lock();
        let failed = line.fail(ticket);
        let handed_on = line.hand_on(ticket, failed);
        let (turn, settled) = if line.begin(ticket, cx.waker()) {
            (Poll::Ready(()), None)
        } else {
            (Poll::Pending, line.settle())
        };
        drop(line);
        wake([handed_on, settled]);
        turn
    }

    /// The try succeeded: it leaves the line.
    pub fn served(mut self) {
        self.leave(true);
    }

    fn leave(&mut self, is_served: bool) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut line = self.queue.lock();
        let Some(seat) = line.seats.remove(&ticket) else { return };
        self.queue.len.store(line.seats.len(), Ordering::Relaxed);
        line.active -= usize::from(seat.is_active());
        let unused = line.hand_on(ticket, seat.turn);
        let tried = line.hand_on(ticket, seat.trying.filter(|_| !is_served));
        let settled = line.settle();
        drop(line);
        wake([unused, tried, settled]);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.leave(false);
    }
}

impl Seat {
    fn is_active(&self) -> bool {
        self.turn.is_some() || self.trying.is_some()
    }

    /// Gives it a turn; tells whom to wake.
    fn call(&mut self, turn: Turn) -> Option<Waker> {
        self.turn = Some(turn);
        self.waker.take()
    }
}

impl Line {
    /// Something was given back: the first, from `ticket` on, gets a turn that neither has one already nor has tried since.
    /// So each is bothered at most once by what was given back.
    fn call_from(&mut self, ticket: u64, given: u64) -> Option<Waker> {
        let waits = |seat: &Seat| match seat.turn {
            None => seat.seen < given,
            Some(turn) => turn == Turn::First,
        };
        let (&ticket, seat) = self.seats.range_mut(ticket..).find(|(_, seat)| waits(seat))?;
        self.active += usize::from(!seat.is_active());
        self.untried_from = self.untried_from.max(ticket + 1);
        seat.call(Turn::Given(given))
    }

    /// The turn of `ticket` was of no use to it.
    fn hand_on(&mut self, ticket: u64, turn: Option<Turn>) -> Option<Waker> {
        match turn? {
            Turn::First => None,
            Turn::Given(given) => self.call_from(ticket + 1, given),
        }
    }

    /// While nobody has a turn, the first that never had one gets it.
    fn settle(&mut self) -> Option<Waker> {
        if self.active > 0 {
            return None;
        }
        let (&ticket, seat) = self.seats.range_mut(self.untried_from..).next()?;
        self.active = 1;
        self.untried_from = ticket + 1;
        seat.call(Turn::First)
    }

    /// The try of `ticket`, if it was trying, failed; tells why it had tried.
    fn fail(&mut self, ticket: u64) -> Option<Turn> {
        let seat = self.seats.get_mut(&ticket)?;
        let turn = seat.trying.take()?;
        self.active -= usize::from(seat.turn.is_none());
        Some(turn)
    }

    /// Uses the turn of `ticket`; if it has none, `waker` is called when it gets one.
    fn begin(&mut self, ticket: u64, waker: &Waker) -> bool {
        let Some(seat) = self.seats.get_mut(&ticket) else { return false };
        let mut turn = seat.turn.take();
        if turn == Some(Turn::First) && self.active > 1 {
            turn = None;
            self.active -= 1;
            self.untried_from = self.untried_from.min(ticket);
        }
        seat.trying = turn;
        if seat.trying.is_some() {
            seat.seen = self.given;
            seat.waker = None;
            return true;
        }
        match &mut seat.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        false
    }
}

/// Never under the lock: a waker may run anything.
fn wake(wakers: impl IntoIterator<Item = Option<Waker>>) {
    wakers.into_iter().flatten().for_each(Waker::wake);
}

#[cfg(test)]
mod tests;
