//! A tunnel: bytes of two connections passed on both ways, until both directions have ended.
//!
//! A direction holds at most one chunk on its way out and one received meanwhile, so a slow reader slows its sender down,
//! and memory does not depend on either. The end of one direction is passed on as such (half-close); the other goes on.
//! Where there is much to pass on it goes from socket to socket, without a copy through user space, if the engine can.
//!
//! Whatever else ends a tunnel, also that its future is dropped (a drain's deadline), ends both connections with a reset:
//! neither peer must take what it has for the whole.

mod pace;

#[cfg(test)]
pub(crate) mod tests;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use ringway_core::Time;
use ringway_engine::{Deadline, Engine, Mode, Out, SpliceError, Spliced, Stream};

use crate::call::Call;
use crate::counters::Count;
use crate::upstream::Upstream;
use pace::Pace;

/// How long a bulk transfer may pause before it is none any more. Longer pauses are those of people and of protocols;
/// until then the direction may hold one of the engine's few pipes.
const BULK_PAUSE_MAX: Duration = Duration::from_millis(200);

/// What a tunnel goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// How long it may be without a byte in either direction.
    pub(crate) idle: Duration,
    /// How long a peer has for taking one piece.
    pub(crate) send: Duration,
    /// Counts the bytes, of both directions, as they are passed on.
    pub(crate) passed: &'a Count,
}

/// One of the two connections, and what was received from it before the tunnel began.
pub(crate) struct Peer<'a, S: Stream> {
    pub(crate) stream: &'a S,
    pub(crate) received: Option<S::Chunk>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

/// Why a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Both directions came to their end.
    Complete,
    /// There was no byte in either direction for too long.
    Idle,
    /// This peer did not take what was sent to it, or gave no sign of life.
    Stalled(Side),
    /// This peer's connection broke.
    Reset(Side),
}

/// How a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) cause: Cause,
    /// Bytes received from A and passed on.
    pub(crate) from_a: u64,
    /// Bytes received from B and passed on.
    pub(crate) from_b: u64,
}

/// A client and the backend that it got, until both directions have ended: how long, and counted where, the client's listener
/// and shard say.
pub(crate) async fn between<E: Engine>(
    call: &Call<'_, E>,
    upstream: &Upstream<E>,
    from_client: Option<E::Chunk>,
    from_backend: Option<E::Chunk>,
) {
    let shard = &call.client.shard;
    shard.counters.tunnels.one();
    let timeouts = call.timeouts();
    let settings =
        Settings { idle: timeouts.tunnel, send: timeouts.send, passed: &shard.counters.tunnel_bytes };
    let client = Peer { stream: &call.client.stream, received: from_client };
    let backend = Peer { stream: upstream.stream(), received: from_backend };
    let Ended { cause, from_a, from_b } = relay(&shard.engine, client, backend, settings).await;
    tracing::debug!(
        shard = shard.id,
        ?cause,
        from_client = from_a,
        from_backend = from_b,
        "the tunnel has ended"
    );
}

/// Passes bytes on between `a` and `b` until both directions have ended, or one of them can not go on. Close both
/// connections then.
pub(crate) async fn relay<E: Engine>(
    engine: &E,
    a: Peer<'_, E::Stream>,
    b: Peer<'_, E::Stream>,
    settings: Settings<'_>,
) -> Ended {
    let cut = Cut(Some([a.stream, b.stream]));
    let last = Cell::new(engine.now());
    let (from_a, from_b) = (Cell::new(0), Cell::new(0));
    let shared = Shared { engine, settings, last: &last };
    let mut there = Direction::new(shared, a.stream, b.stream, [Side::A, Side::B], &from_a);
    let mut back = Direction::new(shared, b.stream, a.stream, [Side::B, Side::A], &from_b);
    let mut there = pin!(there.run(a.received));
    let mut back = pin!(back.run(b.received));
    let (mut is_there, mut is_back) = (false, false);
    let cause = poll_fn(|cx| {
        if !is_there && let Poll::Ready(ended) = there.as_mut().poll(cx) {
            match ended {
                Ok(()) => is_there = true,
                Err(cause) => return Poll::Ready(cause),
            }
        }
        if !is_back && let Poll::Ready(ended) = back.as_mut().poll(cx) {
            match ended {
                Ok(()) => is_back = true,
                Err(cause) => return Poll::Ready(cause),
            }
        }
        if is_there && is_back { Poll::Ready(Cause::Complete) } else { Poll::Pending }
    })
    .await;
    if cause == Cause::Complete {
        cut.disarm();
    }
    Ended { cause, from_a: from_a.get(), from_b: from_b.get() }
}

/// Has both connections end with a reset, unless the tunnel came to its end.
struct Cut<'a, S: Stream>(Option<[&'a S; 2]>);

impl<S: Stream> Cut<'_, S> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<S: Stream> Drop for Cut<'_, S> {
    fn drop(&mut self) {
        for stream in self.0.iter().flatten() {
            stream.reset_on_close();
        }
    }
}

/// What both directions know.
struct Shared<'a, E> {
    engine: &'a E,
    settings: Settings<'a>,
    /// When the last byte was received, or a piece was taken, in either direction.
    last: &'a Cell<Time>,
}

impl<E> Clone for Shared<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Shared<'_, E> {}

/// One of the two directions.
struct Direction<'a, E: Engine> {
    shared: Shared<'a, E>,
    from: &'a E::Stream,
    to: &'a E::Stream,
    /// Who `from` and `to` are.
    sides: [Side; 2],
    bytes: &'a Cell<u64>,
    pace: Pace,
    /// Where `from`'s receive deadline stands. It is not moved with each byte: when it fires, it is set to where it
    /// should be by then.
    deadline: Time,
}

impl<'a, E: Engine> Direction<'a, E> {
    fn new(
        shared: Shared<'a, E>,
        from: &'a E::Stream,
        to: &'a E::Stream,
        sides: [Side; 2],
        bytes: &'a Cell<u64>,
    ) -> Direction<'a, E> {
        Direction { shared, from, to, sides, bytes, pace: Pace::new(), deadline: Time::ZERO }
    }

    /// Passes everything on, and the end behind it.
    async fn run(&mut self, received: Option<<E::Stream as Stream>::Chunk>) -> Result<(), Cause> {
        self.from.set_mode(Mode::Head);
        self.watch(self.idle_at());
        if let Some(chunk) = received {
            self.pass(chunk).await?;
        }
        while let Some(chunk) = self.next().await? {
            self.pass(chunk).await?;
        }
        // A connection that breaks says so once. Where a send was told, what is received then looks like an end: it is one
        // only if that peer has taken what it was sent. (Both directions are one task, so one waiter.)
        let [from, _] = self.sides;
        self.from.sent().await.map_err(|error| not_taken(&error, from))?;
        self.sent().await?;
        self.to.shutdown_write();
        Ok(())
    }

    /// The next chunk, after everything that was spliced before it; `None` at the end.
    async fn next(&mut self) -> Result<Option<<E::Stream as Stream>::Chunk>, Cause> {
        loop {
            if self.pace.is_bulk() {
                match self.splice().await? {
                    Some(Spliced::End) => return Ok(None),
                    Some(Spliced::Moved(_)) | None => continue,
                    Some(Spliced::Unavailable) => {}
                }
            }
            match self.from.recv().await {
                Ok(chunk) => return Ok(chunk),
                Err(error) => self.quiet(&error)?,
            }
        }
    }

    /// Moves some of a bulk transfer; `None`: it has paused, and is none any more.
    async fn splice(&mut self) -> Result<Option<Spliced>, Cause> {
        let now = self.shared.engine.now();
        self.watch(self.idle_at().min(now + BULK_PAUSE_MAX));
        match self.from.splice(self.to, u64::MAX, self.shared.settings.send).await {
            Ok(spliced) => {
                if let Spliced::Moved(count) = spliced {
                    self.note(count);
                    self.pace(count);
                }
                Ok(Some(spliced))
            }
            Err(SpliceError::Recv(error)) => self.quiet(&error).map(|()| None),
            Err(SpliceError::Send(error)) => Err(not_taken(&error, self.sides[1])),
        }
    }

    /// Starts sending a chunk, once the one before it was taken.
    async fn pass(&mut self, chunk: <E::Stream as Stream>::Chunk) -> Result<(), Cause> {
        let count = chunk.len() as u64;
        self.shared.last.set(self.shared.engine.now());
        self.sent().await?;
        self.note(count);
        self.to.set_deadline(Deadline::Send, self.shared.engine.now() + self.shared.settings.send);
        self.to.post(Out::Chunk(chunk));
        self.pace(count);
        Ok(())
    }

    /// Waits until everything posted was taken.
    async fn sent(&self) -> Result<(), Cause> {
        let [_, to] = self.sides;
        self.to.sent().await.map_err(|error| not_taken(&error, to))
    }

    /// Bytes go on.
    fn note(&self, count: u64) {
        self.shared.last.set(self.shared.engine.now());
        self.bytes.set(self.bytes.get() + count);
        self.shared.settings.passed.add(count);
    }

    /// Has the engine receive the way that is cheapest for what comes.
    fn pace(&mut self, count: u64) {
        let was_bulk = self.pace.is_bulk();
        self.pace.note(count, self.from.has_pending());
        if self.pace.is_bulk() != was_bulk {
            self.change_mode();
        }
    }

    fn change_mode(&mut self) {
        if self.pace.is_bulk() {
            self.from.set_mode(Mode::Body);
        } else {
            self.from.set_mode(Mode::Head);
            self.watch(self.idle_at());
        }
    }

    /// Receiving gave nothing. That is an error only if the time for it has come.
    fn quiet(&mut self, error: &io::Error) -> Result<(), Cause> {
        if error.kind() != io::ErrorKind::TimedOut {
            return Err(Cause::Reset(self.sides[0]));
        }
        let now = self.shared.engine.now();
        if now < self.deadline {
            // Not our deadline but the connection's own: nothing of what we sent was acknowledged.
            return Err(Cause::Stalled(self.sides[0]));
        }
        if now >= self.idle_at() {
            return Err(Cause::Idle);
        }
        if self.pace.is_bulk() {
            self.pace = Pace::new();
            self.change_mode();
        } else {
            self.watch(self.idle_at());
        }
        Ok(())
    }

    /// When the tunnel has been idle for too long, as far as is known now.
    fn idle_at(&self) -> Time {
        self.shared.last.get() + self.shared.settings.idle
    }

    fn watch(&mut self, at: Time) {
        self.deadline = at;
        self.from.set_deadline(Deadline::Recv, at);
    }
}

/// Why a peer did not take what was sent to it.
fn not_taken(error: &io::Error, peer: Side) -> Cause {
    if error.kind() == io::ErrorKind::TimedOut { Cause::Stalled(peer) } else { Cause::Reset(peer) }
}
