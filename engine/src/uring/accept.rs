//! One listening socket's slot: the multishot accept, and what it brought that nobody has taken yet.

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::task::Waker;

/// Accepted connections that may wait to be taken. Beyond, accepting stops and the kernel's backlog is the queue.
pub(crate) const TAKEN_LATER_MAX: usize = 64;

/// What the accept operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepting {
    /// Not in flight; the next call to `accept` starts it.
    Off,
    /// In flight.
    On,
    /// Being cancelled.
    Cancelling,
    /// Descriptors or memory had run out: a timer starts it again.
    BackingOff,
    /// The socket can not accept any more, for this errno.
    Failed(i32),
}

/// A listening socket's slot.
#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) fd: RawFd,
    pub(crate) accepting: Accepting,
    /// No new connections are wanted; what is in `accepted` is still handed out.
    pub(crate) stopping: bool,
    /// The owner has let go: close the socket once the accept has ended.
    pub(crate) closing: bool,
    /// How many more are wanted for now.
    pub(crate) room: u32,
    pub(crate) accepted: VecDeque<RawFd>,
    pub(crate) waker: Option<Waker>,
}

impl Acceptor {
    pub(crate) fn new(fd: RawFd) -> Acceptor {
        Acceptor {
            fd,
            accepting: Accepting::Off,
            stopping: false,
            closing: false,
            room: u32::MAX,
            accepted: VecDeque::new(),
            waker: None,
        }
    }

    /// Whether accepting again and again could bring more than are wanted, before it is stopped.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.room as usize <= TAKEN_LATER_MAX
    }

    /// Whether the accept operation has posted its last completion.
    pub(crate) fn ended(&self) -> bool {
        !matches!(self.accepting, Accepting::On | Accepting::Cancelling)
    }

    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// What an accept that failed with `errno` calls for.
pub(crate) fn after_error(errno: i32) -> Accepting {
    match errno {
        libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS => Accepting::BackingOff,
        libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP | libc::EFAULT | libc::EPERM => {
            Accepting::Failed(errno)
        }
        // The connection died in the queue, the call was cancelled or interrupted: the socket is fine.
        _ => Accepting::Off,
    }
}
