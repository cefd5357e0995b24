//! How the coordinator talks to a shard: a bounded queue whose receiver is a task of the shard.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::Snapshot;
use crate::limits::INBOX_COMMANDS_MAX;

/// What a shard can be told.
pub enum Command {
    /// Stop accepting, finish what runs, close what is idle; give up on the rest after this time.
    Drain {
        /// Counted from when the shard reads it.
        within: Duration,
    },
    /// End now, whatever runs.
    Stop,
    /// Report. Called on the shard's thread, so it only hands the snapshot on.
    Snapshot(Box<dyn FnOnce(Snapshot) + Send>),
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Drain { within } => write!(f, "Drain({within:?})"),
            Command::Stop => f.write_str("Stop"),
            Command::Snapshot(_) => f.write_str("Snapshot"),
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

#[derive(Default)]
struct Queue {
    commands: VecDeque<Command>,
    waker: Option<Waker>,
    closed: bool,
}

/// The coordinator's end.
#[derive(Clone)]
pub struct Sender(Arc<Mutex<Queue>>);

/// The shard's end.
pub struct Receiver(Arc<Mutex<Queue>>);

/// An inbox.
#[must_use]
pub fn channel() -> (Sender, Receiver) {
    let queue = Arc::new(Mutex::new(Queue::default()));
    (Sender(Arc::clone(&queue)), Receiver(queue))
}

impl Sender {
    /// Leaves a command and wakes the shard.
    ///
    /// # Errors
    /// When the inbox is full, or the shard has ended.
    pub fn send(&self, command: Command) -> Result<(), SendError> {
        let waker = {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.closed {
                return Err(SendError::Closed);
            }
            if queue.commands.len() == INBOX_COMMANDS_MAX {
                return Err(SendError::Full);
            }
            queue.commands.push_back(command);
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

impl Receiver {
    /// The next command. Cancel-safe.
    pub async fn next(&mut self) -> Command {
        poll_fn(|cx| {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match queue.commands.pop_front() {
                Some(command) => Poll::Ready(command),
                None => {
                    queue.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let commands = {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queue.closed = true;
            std::mem::take(&mut queue.commands)
        };
        // Outside the lock: a reply that is dropped may wake somebody.
        drop(commands);
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inbox::Sender")
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inbox::Receiver")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_inbox_and_an_ended_shard_refuse_commands() {
        let (sender, receiver) = channel();
        for _ in 0..INBOX_COMMANDS_MAX {
            assert_eq!(sender.send(Command::Stop), Ok(()));
        }
        assert_eq!(sender.send(Command::Stop), Err(SendError::Full));
        drop(receiver);
        assert_eq!(sender.send(Command::Stop), Err(SendError::Closed));
    }
}
