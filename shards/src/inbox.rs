//! Bounded queues whose receiver is a task of a shard, and the commands that reach it through one.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use ringway_health::board::{Decision, Member};

use crate::limits::INBOX_COMMANDS_MAX;
use crate::{Snapshot, Step};

/// What a shard can be told. `S`: a socket on its way.
pub enum Command<S = OwnedFd> {
    /// Make ready for what this step leads to, with a listening socket for each listener that begins to accept, by its number.
    /// What was prepared before and not committed is left.
    Prepare {
        /// The way there from what was committed last.
        step: Arc<Step>,
        /// Not accepted on before the commit.
        sockets: Vec<(u32, S)>,
        /// Told whether it can, or why it can not. Called on the shard's thread.
        reply: Box<dyn FnOnce(Result<(), String>) + Send>,
    },
    /// Serve by what was prepared from now on; nothing if nothing was.
    Commit {
        /// Told the hash of the configuration that it serves by then. Called on the shard's thread.
        reply: Box<dyn FnOnce(u64) + Send>,
    },
    /// Leave what was prepared.
    Abort,
    /// Stop accepting, finish what runs, close what is idle; give up on the rest after this time.
    Drain {
        /// Counted from when the shard reads it.
        within: Duration,
    },
    /// End now, whatever runs.
    Stop,
    /// Take note of what was decided about a backend.
    Decide(Decision),
    /// Somebody has stated a verdict on a backend: if this shard checks it and finds otherwise, it is to say so again.
    State {
        /// Which backend.
        member: Member,
        /// What was stated.
        healthy: bool,
    },
    /// The shards that live share the health checks anew.
    Live(Arc<Live>),
    /// Report. Called on the shard's thread, so it only hands the snapshot on.
    Snapshot(Box<dyn FnOnce(Snapshot) + Send>),
    /// Panic. Not in release builds.
    #[cfg(debug_assertions)]
    Panic,
    /// Do nothing for so long, and let nobody else do anything. Not in release builds.
    #[cfg(debug_assertions)]
    Stall(Duration),
}

/// Who shares the health checks, and what they have found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The shards that live.
    pub shards: Vec<u16>,
    /// The backends that their checks find unwell, in ascending order.
    pub unhealthy: Vec<Member>,
}

impl<S> fmt::Debug for Command<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Prepare { step, .. } => write!(f, "Prepare({})", step.number()),
            Command::Commit { .. } => f.write_str("Commit"),
            Command::Abort => f.write_str("Abort"),
            Command::Drain { within } => write!(f, "Drain({within:?})"),
            Command::Stop => f.write_str("Stop"),
            Command::Decide(decision) => write!(f, "{decision:?}"),
            Command::State { member, healthy } => write!(f, "State({member:?}, {healthy})"),
            Command::Live(live) => write!(f, "{live:?}"),
            Command::Snapshot(_) => f.write_str("Snapshot"),
            #[cfg(debug_assertions)]
            Command::Panic => f.write_str("Panic"),
            #[cfg(debug_assertions)]
            Command::Stall(time) => write!(f, "Stall({time:?})"),
        }
    }
}

/// Why a command was not taken. It was not, and will not be, carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The shard has not read its inbox for a long time.
    #[error("the shard's inbox is full ({INBOX_COMMANDS_MAX} commands wait): it is stuck or overloaded")]
    Full,
    /// The shard has ended.
    #[error("the shard has ended")]
    Closed,
}

struct Queue<T> {
    items: VecDeque<T>,
    /// Most that may wait.
    bound: usize,
    waker: Option<Waker>,
    closed: bool,
}

/// The end for everybody else; of an inbox, the coordinator's.
pub struct Sender<T = Command>(Arc<Mutex<Queue<T>>>);

/// The shard's end.
pub struct Receiver<T = Command>(Arc<Mutex<Queue<T>>>);

/// An inbox.
#[must_use]
pub fn channel<S>() -> (Sender<Command<S>>, Receiver<Command<S>>) {
    bounded(INBOX_COMMANDS_MAX)
}

/// A queue in which `bound` items may wait.
pub(crate) fn bounded<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let queue = Queue { items: VecDeque::new(), bound, waker: None, closed: false };
    let queue = Arc::new(Mutex::new(queue));
    (Sender(Arc::clone(&queue)), Receiver(queue))
}

fn lock<T>(queue: &Mutex<Queue<T>>) -> MutexGuard<'_, Queue<T>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S> Sender<Command<S>> {
    /// Leaves a command and wakes the shard.
    ///
    /// # Errors
    /// When the inbox is full, or the shard has ended.
    pub fn send(&self, command: Command<S>) -> Result<(), SendError> {
        self.offer(command).map_err(|(error, _)| error)
    }
}

impl<T> Sender<T> {
    /// Leaves an item and wakes the shard; or hands it back, and says why.
    pub(crate) fn offer(&self, item: T) -> Result<(), (SendError, T)> {
        let waker = {
            let mut queue = lock(&self.0);
            if queue.closed {
                return Err((SendError::Closed, item));
            }
            if queue.items.len() == queue.bound {
                return Err((SendError::Full, item));
            }
            queue.items.push_back(item);
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// How many items wait.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.0).items.len()
    }

    /// Nothing is taken any more; what waits can still be received.
    pub(crate) fn close(&self) {
        let waker = {
            let mut queue = lock(&self.0);
            queue.closed = true;
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Receiver<T> {
    /// The next item. Cancel-safe.
    pub async fn next(&mut self) -> T {
        poll_fn(|cx| {
            let mut queue = lock(&self.0);
            match queue.items.pop_front() {
                Some(item) => Poll::Ready(item),
                None => {
                    queue.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Waits until there is an item to [`Receiver::take`]. `false`: there is none, and will be none.
    pub(crate) async fn is_filled(&mut self) -> bool {
        poll_fn(|cx| {
            let mut queue = lock(&self.0);
            if !queue.items.is_empty() || queue.closed {
                return Poll::Ready(!queue.items.is_empty());
            }
            queue.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The next item, if there is one.
    pub(crate) fn take(&mut self) -> Option<T> {
        lock(&self.0).items.pop_front()
    }

    /// Closes the queue; what still waited.
    pub(crate) fn end(&mut self) -> VecDeque<T> {
        let mut queue = lock(&self.0);
        queue.closed = true;
        std::mem::take(&mut queue.items)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Outside the lock: a reply that is dropped may wake somebody.
        drop(self.end());
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inbox::Sender")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inbox::Receiver")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_inbox_and_an_ended_shard_refuse_commands() {
        let (sender, receiver) = channel::<()>();
        for _ in 0..INBOX_COMMANDS_MAX {
            assert_eq!(sender.send(Command::Stop), Ok(()));
        }
        assert_eq!(sender.send(Command::Stop), Err(SendError::Full));
        drop(receiver);
        assert_eq!(sender.send(Command::Stop), Err(SendError::Closed));
    }

    #[test]
    fn a_closed_queue_gives_what_waits_and_hands_back_what_comes() {
        let (sender, mut receiver) = bounded(2);
        assert_eq!(sender.offer('a'), Ok(()));
        assert_eq!(sender.offer('b'), Ok(()));
        assert_eq!(sender.offer('c'), Err((SendError::Full, 'c')));
        sender.close();
        assert_eq!(sender.offer('c'), Err((SendError::Closed, 'c')));
        assert_eq!((receiver.take(), sender.waiting()), (Some('a'), 1));
        assert_eq!(receiver.end(), ['b']);
        assert_eq!(receiver.take(), None);
    }
}
