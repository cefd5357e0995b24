//! The seam: what a shard may ask of an engine, and nothing else.
//!
//! Three decisions shape it. *Receiving returns a chunk the engine owns*: whether it came from a multishot receive, a
//! provided buffer or a copy is the engine's business, and an idle connection holds no buffer. *Cancel safety lives in
//! the engine*: dropping a future only removes the waiter; bytes already received stay in the stream's queue.
//! *Deadlines are fields of the connection*: no timer is armed and disarmed for each operation.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::ops::DerefMut;
use std::sync::Arc;
use std::time::Duration;

use ringway_core::{Address, Time};

use crate::{Buffer, Counters, Heartbeat};

/// One thread's event loop. Cloning gives another handle to the same loop.
pub trait Engine: Clone + 'static {
    /// A socket before the engine adopts it and after it gives it back: an owned descriptor on real engines.
    type Socket: 'static;
    /// A received piece of bytes.
    type Chunk: Chunk;
    /// A connected stream.
    type Stream: Stream<Chunk = Self::Chunk, Socket = Self::Socket>;
    /// A listening socket.
    type Listener: Listener<Stream = Self::Stream, Socket = Self::Socket>;

    /// Runs `task` on this thread until it ends or the engine stops.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// The time at the start of this turn of the loop.
    fn now(&self) -> Time;

    /// Completes at the first turn whose time is not before `at`.
    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static;

    /// Completes after every task that is ready now has had its turn and pending completions were taken in.
    fn yield_now(&self) -> impl Future<Output = ()> + 'static;

    /// Takes over a bound, listening, blocking socket.
    ///
    /// # Errors
    /// When the engine has no slot left for it.
    fn adopt_listener(&self, socket: Self::Socket) -> io::Result<Self::Listener>;

    /// Takes over a connected, blocking socket.
    ///
    /// # Errors
    /// When the engine has no slot left for it.
    fn adopt_stream(&self, socket: Self::Socket) -> io::Result<Self::Stream>;

    /// Connects to `to`, with a new socket, until `deadline` at the latest. Dropping the future gives the attempt up.
    ///
    /// # Errors
    /// `TimedOut` at the deadline; otherwise what the kernel says (`ConnectionRefused`, no descriptors left …; `NotFound`
    /// where no UNIX socket is).
    fn connect(
        &self,
        to: impl Into<Address> + 'static,
        deadline: Time,
    ) -> impl Future<Output = io::Result<Self::Stream>> + 'static;

    /// An empty buffer to build an outgoing message in; it goes back to its pool when it is dropped.
    fn buffer(&self) -> Buffer;

    /// What this engine has done so far.
    fn counters(&self) -> Counters;

    /// Where it shows its turns to other threads.
    fn heartbeat(&self) -> Arc<Heartbeat>;
}

/// Whether an error says that this process or machine has run out of something (descriptors, memory, ports), and nothing
/// about the peer. A UNIX socket whose backlog is full is not such an error: [`Engine::connect`] waits for room there and
/// says `TimedOut` at its deadline, since it is the server that does not keep up.
#[must_use]
pub fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS | libc::EADDRNOTAVAIL | libc::EAGAIN)
    ) || error.kind() == io::ErrorKind::OutOfMemory
}

/// A listening socket inside an engine. Dropping it closes the socket.
pub trait Listener: 'static {
    /// What [`Listener::accept`] gives.
    type Stream;
    /// What [`Listener::into_socket`] gives.
    type Socket;

    /// The next connection and its peer; `None` once [`Listener::stop`] was called and everything accepted before has
    /// been handed out. Cancel-safe: a connection accepted while the future is dropped is handed to the next call.
    ///
    /// Running out of descriptors or memory is not an error here: the engine counts it, waits and goes on.
    ///
    /// # Errors
    /// Only for good: the socket is no listening socket (any more).
    fn accept(&self) -> impl Future<Output = io::Result<Option<(Self::Stream, SocketAddr)>>>;

    /// Says how many more connections are wanted for now; none: accepting pauses, and who comes meanwhile waits in the
    /// kernel's queue. What was accepted ahead is handed out all the same. Starts as [`u32::MAX`].
    fn set_room(&self, connections: u32);

    /// Stops accepting: connections not yet accepted stay in the kernel's queue for whoever gets the socket next.
    fn stop(&self);

    /// Gives the listening socket back, unclosed. Connections accepted and not handed out are closed: take them with
    /// [`Listener::accept`] until it says `None` first.
    fn into_socket(self) -> impl Future<Output = Self::Socket>;
}

/// A connected stream inside an engine. Dropping it closes the connection, whatever is in flight.
///
/// Receiving and sending are independent; each is for one waiter at a time.
pub trait Stream: 'static {
    /// What [`Stream::recv`] gives.
    type Chunk: Chunk;
    /// What [`Stream::into_socket`] gives.
    type Socket;

    /// The next piece of bytes, never an empty one; `None` at the end of the stream, and again at every call after.
    /// Cancel-safe.
    ///
    /// # Errors
    /// `TimedOut` when the [`Deadline::Recv`] has passed and nothing is queued (the stream goes on working);
    /// `ConnectionReset` and its like for good.
    fn recv(&self) -> impl Future<Output = io::Result<Option<Self::Chunk>>>;

    /// Whether the next [`Stream::recv`] would answer at once: bytes, the end or an error are there.
    fn has_pending(&self) -> bool;

    /// Says what the next bytes are, so that the engine receives them the cheapest way. Starts as [`Mode::Head`].
    fn set_mode(&self, mode: Mode);

    /// Starts sending `out`, all of it. One send may be in flight: call [`Stream::sent`] before the next.
    ///
    /// # Panics
    /// When the one before is still in flight.
    fn post(&self, out: Out<Self::Chunk>);

    /// Waits until nothing is in flight and says how the last [`Stream::post`] went. The bytes have then been handed to
    /// the kernel and their buffers are home. Cancel-safe: the send goes on.
    ///
    /// # Errors
    /// `TimedOut` when the [`Deadline::Send`] has passed; `BrokenPipe`, `ConnectionReset`. The stream is then of no use
    /// for sending.
    fn sent(&self) -> impl Future<Output = io::Result<()>>;

    /// [`Stream::post`], then [`Stream::sent`].
    ///
    /// # Errors
    /// As for [`Stream::sent`].
    fn send(&self, out: Out<Self::Chunk>) -> impl Future<Output = io::Result<()>> {
        self.post(out);
        self.sent()
    }

    /// Tells the peer that nothing more will be sent (FIN). Call it after [`Stream::sent`].
    fn shutdown_write(&self);

    /// Has the connection end with a reset, whenever it is closed: the peer must not take what it has for the whole.
    fn reset_on_close(&self);

    /// This end's address, as the peer of a TCP connection knows it.
    ///
    /// # Errors
    /// `Unsupported` for a UNIX socket; `NotConnected` and its like when the connection has gone already.
    fn local_address(&self) -> io::Result<SocketAddr>;

    /// Moves the next bytes that this stream receives, at most `max` of them, to `to` without copying them through user
    /// space. Completes as soon as some were moved and all of those were taken by `to`.
    ///
    /// It is a receive on `self` and a send on `to`: [`Deadline::Recv`] of `self` bounds the wait for the first byte,
    /// `patience` each wait for `to` to take some of what it is given; it becomes `to`'s [`Deadline::Send`] when that has to
    /// be waited for. A send in flight on `to` is waited for first, by its own deadline; a receive in flight on `self` is
    /// stopped first. One stream that is always readable yields to others by itself.
    ///
    /// Not cancel-safe: dropped half-way, bytes may be lost, and both streams are good for closing only. As long as it
    /// has not received a byte, it can be dropped like a [`Stream::recv`].
    ///
    /// # Panics
    /// When `max` is zero, or `to` belongs to another engine.
    ///
    /// # Errors
    /// Which side it was, and what a receive or a send would have said. After [`SpliceError::Send`] bytes may be lost.
    fn splice(
        &self,
        to: &Self,
        max: u64,
        patience: Duration,
    ) -> impl Future<Output = Result<Spliced, SpliceError>>;

    /// Sets or clears ([`Time::NEVER`]) one of the stream's two deadlines.
    fn set_deadline(&self, which: Deadline, at: Time);

    /// Gives the socket back, unclosed, for another engine to adopt. Deadlines and the mode do not go along; what the
    /// peer has sent does, and what [`Stream::reset_on_close`] has said.
    ///
    /// # Errors
    /// The stream itself, as it was: something of it is in flight or was received, it has ended, or it has spliced. One
    /// that was accepted or connected and not yet received from has nothing of all that, once its sends are done.
    fn into_socket(self) -> Result<Self::Socket, Self>
    where
        Self: Sized;

    /// Closes the connection and completes when nothing of it is in flight and its descriptor is free.
    fn close(self) -> impl Future<Output = ()>;
}

/// What [`Stream::splice`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spliced {
    /// So many bytes were moved, never none.
    Moved(u64),
    /// The stream has ended, and so will every receive say.
    End,
    /// Not now: bytes are queued to be received first, no pipe is free, or the next bytes are of a kind that can not be
    /// moved. Receive and send once, and try again.
    Unavailable,
}

/// Which side of a [`Stream::splice`] failed.
#[derive(Debug, thiserror::Error)]
pub enum SpliceError {
    /// Receiving: `TimedOut` when the [`Deadline::Recv`] has passed (the stream goes on working), or as for
    /// [`Stream::recv`].
    #[error("receiving failed")]
    Recv(#[source] io::Error),
    /// Sending, as for [`Stream::sent`]. What was in between is lost, and nothing more can be sent.
    #[error("sending failed")]
    Send(#[source] io::Error),
}

/// What the next bytes of a stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Probably nothing for a while: wait for the socket to become readable before trying.
    Idle,
    /// A message head, probably there or on its way: small buffers, as many as come.
    Head,
    /// A body: large buffers, one at a time, the next only when it is asked for. That is the back-pressure.
    Body,
}

/// Which of a stream's deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The latest moment for the next [`Stream::recv`] to have something.
    Recv,
    /// The latest moment for the send in flight to be done.
    Send,
}

/// A received piece of bytes, still owned by the engine's buffer pool; returning it is dropping it.
pub trait Chunk: DerefMut<Target = [u8]> + 'static {
    /// Drops the first `n` bytes.
    ///
    /// # Panics
    /// When there are fewer than `n`.
    fn advance(&mut self, n: usize);

    /// Keeps the first `n` bytes only; does nothing when there are no more than that.
    fn truncate(&mut self, n: usize);

    /// Cuts off the first `n` bytes as a chunk of their own; `self` keeps the rest.
    ///
    /// # Panics
    /// When there are fewer than `n`.
    #[must_use]
    fn split_to(&mut self, n: usize) -> Self;
}

/// What is to be sent, owned by the engine until it is.
#[derive(Debug)]
pub enum Out<C> {
    /// Bytes that live for ever.
    Static(&'static [u8]),
    /// A message built in a buffer.
    Buffer(Buffer),
    /// A chunk as it was received.
    Chunk(C),
    /// A head built in a buffer and the received bytes that follow it, in one operation.
    Both(Buffer, C),
}

impl<C: Chunk> Out<C> {
    /// How many bytes this is.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Out::Static(bytes) => bytes.len(),
            Out::Buffer(buffer) => buffer.len(),
            Out::Chunk(chunk) => chunk.len(),
            Out::Both(buffer, chunk) => buffer.len() + chunk.len(),
        }
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
