//! The ring behind the bookkeeping: the few things the engine needs from a kernel, real or simulated.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::Path;

use ringway_core::Time;

use super::addr::RawAddr;

/// One operation for the kernel. Every operation posts exactly one *final* completion (without [`Completion::more`]);
/// multishot ones may post others before it.
///
/// Pointers stay valid until the final completion: the engine keeps what they point to in the operation's slot.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// Accept: each result is a new descriptor (close-on-exec, blocking).
    Accept {
        /// The listening socket.
        fd: RawFd,
        /// Again and again, not just once.
        multishot: bool,
    },
    /// Receive into a buffer that the kernel takes from `group` when there is data.
    Recv {
        /// The socket.
        fd: RawFd,
        /// Buffer group.
        group: u16,
        /// Go on receiving until it ends for a reason (`false`: one completion only).
        multishot: bool,
        /// A multishot ends with the completion that brings it to this many bytes. Only where
        /// [`Ring::limits_multishot`] says so.
        limit_bytes: u32,
        /// Wait for the socket to become readable before the first try.
        poll_first: bool,
    },
    /// Send one piece, all of it (`MSG_WAITALL | MSG_NOSIGNAL`); may come back short all the same.
    Send {
        /// The socket.
        fd: RawFd,
        /// First byte.
        bytes: *const u8,
        /// How many.
        len: u32,
    },
    /// Send several pieces in one message, flags as for `Send`.
    SendMsg {
        /// The socket.
        fd: RawFd,
        /// The message header; its vectors point to the pieces.
        msg: *const libc::msghdr,
    },
    /// Connect a new socket.
    Connect {
        /// The socket.
        fd: RawFd,
        /// Where to.
        addr: *const RawAddr,
    },
    /// Wait, once, until a socket has something to receive, or room to send: the end, a reset and errors count as both.
    Poll {
        /// The socket.
        fd: RawFd,
        /// Which of the two.
        ready: Ready,
    },
    /// Cancel the operation with this user data. Result 0: it will end soon; `-ENOENT`: there is none;
    /// `-EALREADY`: too late, it is completing. Its completion may come before or after the target's.
    Cancel {
        /// The target's user data.
        target: u64,
    },
    /// Close a descriptor.
    Close {
        /// The descriptor.
        fd: RawFd,
    },
    /// Post a completion each time another thread has called the [`Unpark`] of this ring (multishot).
    Wakeups,
}

/// What [`Op::Poll`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Something to receive.
    Readable,
    /// Room to send.
    Writable,
}

/// The two ends of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pipe {
    /// Where bytes come out.
    pub read: RawFd,
    /// Where bytes go in.
    pub write: RawFd,
}

/// What the kernel says of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// The operation's user data.
    pub user_data: u64,
    /// Its result, or a negated errno.
    pub result: i32,
    /// `IORING_CQE_F_*`.
    pub flags: u32,
}

impl Completion {
    /// `IORING_CQE_F_BUFFER`: the upper 16 bits of the flags are a buffer id.
    pub const F_BUFFER: u32 = 1;
    /// `IORING_CQE_F_MORE`: the operation goes on.
    pub const F_MORE: u32 = 2;

    /// Whether the operation goes on and will post again.
    #[must_use]
    pub fn more(self) -> bool {
        self.flags & Self::F_MORE != 0
    }

    /// The buffer that the kernel took for this completion.
    #[must_use]
    pub fn buffer(self) -> Option<u16> {
        (self.flags & Self::F_BUFFER != 0).then_some((self.flags >> 16) as u16)
    }
}

/// How long [`Ring::enter`] may wait for a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    No,
    /// Until there is one, or until this time ([`Time::NEVER`]: however long it takes).
    Until(Time),
}

/// A submission and completion queue pair, and the plain system calls that go with it.
pub trait Ring: 'static {
    /// A socket as it comes from outside.
    type Socket: 'static;
    /// The receive-buffer groups of this ring.
    type Buffers: BufferRing;

    /// Queues an operation; it is submitted with the next [`Ring::enter`], or at once when the queue is full.
    fn push(&mut self, user_data: u64, op: Op);

    /// Submits what is queued and waits. The one system call of a turn.
    ///
    /// # Errors
    /// Only what can not be helped by taking completions in and coming back.
    fn enter(&mut self, wait: Wait) -> io::Result<()>;

    /// Moves the completions that are there to `into`, oldest first, at most its spare capacity.
    fn reap(&mut self, into: &mut Vec<Completion>);

    /// Reads the clock.
    fn now(&self) -> Time;

    /// Whether multishot receives can be limited (Linux 6.17). Without a limit one peer that sends fast empties a whole
    /// buffer group in a single turn.
    fn limits_multishot(&self) -> bool;

    /// How often the completion queue has run over.
    fn overflows(&self) -> u64;

    /// Makes the buffer groups, empty: group `i` may get up to `entries[i]` buffers (a power of two, ≤ 32,768).
    ///
    /// # Errors
    /// When the kernel refuses (too old, no lockable memory left).
    fn buffer_groups(&mut self, entries: &[u16]) -> io::Result<Self::Buffers>;

    /// What other threads call to end a wait.
    fn unpark(&self) -> Box<dyn Unpark>;

    /// A new blocking, close-on-exec stream socket for `to`'s family, without Nagle's delay.
    ///
    /// # Errors
    /// No descriptors or memory left.
    fn socket(&mut self, to: &SocketAddr) -> io::Result<RawFd>;

    /// A new stream socket, connected to the UNIX socket at `to` without waiting.
    ///
    /// # Errors
    /// `WouldBlock`: the backlog there is full. Else why it can not be: `NotFound`, `ConnectionRefused`, no descriptors …
    fn connect_unix(&mut self, to: &Path) -> io::Result<RawFd>;

    /// Has plain calls on a socket never wait. Operations of the ring wait all the same.
    ///
    /// # Errors
    /// The kernel does not want to.
    fn set_nonblocking(&mut self, fd: RawFd) -> io::Result<()>;

    /// A new close-on-exec pipe with room for about `bytes`, or as much as the kernel lets it have.
    ///
    /// # Errors
    /// No descriptors or memory left, or no more of it for pipes of this user.
    fn pipe(&mut self, bytes: u32) -> io::Result<Pipe>;

    /// Moves at most `max` bytes between a pipe and a socket, which was made non-blocking; 0 at the end of the stream.
    /// An operation of the ring would do the same on a thread of its own.
    ///
    /// # Errors
    /// `WouldBlock`: nothing to take, or no room. `InvalidInput`: what comes next can only be received. `BrokenPipe`,
    /// `ConnectionReset` …
    fn splice(&mut self, from: RawFd, to: RawFd, max: u64) -> io::Result<u64>;

    /// Receives into `bytes`, which is not empty, without waiting; 0 at the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock`: nothing is there. `ConnectionReset` …
    fn recv_now(&mut self, fd: RawFd, bytes: &mut [u8]) -> io::Result<usize>;

    /// Sends some of `bytes`, which is not empty, without waiting.
    ///
    /// # Errors
    /// `WouldBlock`: there is no room. `BrokenPipe`, `ConnectionReset` …
    fn send_now(&mut self, fd: RawFd, bytes: &[u8]) -> io::Result<usize>;

    /// The peer's address.
    ///
    /// # Errors
    /// `NotConnected` when the peer has gone already.
    fn peer(&mut self, fd: RawFd) -> io::Result<SocketAddr>;

    /// A socket's own address.
    ///
    /// # Errors
    /// `Unsupported` when it is not an IP address; `NotConnected` and its like when the connection has gone already.
    fn local(&mut self, fd: RawFd) -> io::Result<SocketAddr>;

    /// `shutdown(fd, SHUT_WR)`; a peer that has gone already is no error.
    fn shutdown_write(&mut self, fd: RawFd);

    /// `SO_LINGER` of zero: closing discards what is unsent and resets the connection.
    fn reset_on_close(&mut self, fd: RawFd);

    /// Makes a descriptor of a socket.
    fn adopt(&mut self, socket: Self::Socket) -> RawFd;

    /// Makes a socket of a descriptor.
    fn release(&mut self, fd: RawFd) -> Self::Socket;

    /// Closes a descriptor on which nothing is in flight, at once.
    fn close_now(&mut self, fd: RawFd);
}

/// Where received bytes go: buffers are provided, the kernel takes them, the engine provides them again.
pub trait BufferRing: Debug + 'static {
    /// Gives the kernel buffer `id` of `group`: `len` bytes at `bytes`.
    ///
    /// The memory must stay valid and untouched until a completion names the buffer, or the ring is gone.
    fn provide(&self, group: u16, id: u16, bytes: *mut u8, len: u32);
}

/// Ends a wait from another thread.
pub trait Unpark: Send + Sync {
    /// Makes the current or next [`Ring::enter`] return. May be called any number of times.
    fn unpark(&self);
}
