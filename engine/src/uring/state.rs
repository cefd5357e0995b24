//! The bookkeeping: which operation is in flight for whom, and what each completion means.
//!
//! Rules that hold throughout:
//! * A slot is freed only when nothing of it is in flight; its descriptor is closed last.
//! * A completion without an owner still returns its buffer and closes the descriptor it brought.
//! * A cancelled receive may have delivered bytes: they are queued like any others.
//! * Nothing here calls a future; waking only puts a task in line.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ringway_core::Time;

use super::accept::Acceptor;
use super::conn::{Armed, Conn, End, errno, register};
use super::pipes::Carriers;
use super::pool::{PoolChunk, RecvPool};
use super::ring::{Completion, Op, Ready, Ring, Wait};
use super::send::Messages;
use super::settings::Settings;
use super::token::{self, Kind};
use crate::Counters;
use crate::seam::{Mode, Out};
use crate::slab::{Key, Slab};
use crate::wheel::{TimerId, Wheel};

/// Chunks a stream may hold before its multishot receive is stopped; a peer that sends faster than its requests are
/// answered waits in its own socket. The kernel may add one batch (32) before the stop takes effect.
const QUEUED_CHUNKS_MAX: usize = 8;
/// Bytes after which a multishot receive ends and has to be started again. One peer can take no more than this at once, and
/// a large body is in large buffers soon; a peer with small messages needs a new receive every hundred of them or so.
const MULTISHOT_BYTES: u32 = 32 * 1024;
/// Buffer groups, in the order of `Settings::groups`.
pub(super) const ACCEPTED: u16 = 0;
pub(super) const CONNECTED: u16 = 1;
const BULK: u16 = 2;

pub(crate) type ChunkOf<R> = PoolChunk<<R as Ring>::Buffers>;
pub(crate) type OutOf<R> = Out<ChunkOf<R>>;

/// Where a timer leads.
pub(crate) enum Timer {
    Conn(Key),
    Accept(Key),
    Sleep(Key),
}

/// A task that sleeps; `None` once its time has come.
pub(crate) struct Sleeper {
    pub(crate) timer: Option<TimerId>,
    pub(crate) waker: Option<Waker>,
}

pub(crate) struct State<R: Ring> {
    pub(crate) ring: R,
    pub(crate) pool: Rc<RecvPool<R::Buffers>>,
    pub(crate) conns: Slab<Conn>,
    pub(crate) acceptors: Slab<Acceptor>,
    pub(crate) sleepers: Slab<Sleeper>,
    pub(super) messages: Messages<ChunkOf<R>>,
    pub(crate) wheel: Wheel<Timer>,
    /// Receives that found no buffer, oldest first, by group.
    starved: [VecDeque<Key>; 3],
    /// The turn in which each group was last enlarged.
    grown_in: [u64; 3],
    pub(super) carriers: Carriers,
    /// Connections whose splice goes on in the next turn.
    pub(crate) yielded: Vec<Key>,
    pub(crate) in_flight: u64,
    pub(crate) counters: Counters,
    pub(crate) now: Time,
    /// Scratch for the completions of a turn.
    pub(crate) batch: Vec<Completion>,
}

/// Completions taken in at once; more wait in the queue for the next pass of the same turn.
const REAP_MAX: usize = 1024;

impl<R: Ring> State<R> {
    pub(crate) fn new(ring: R, pool: Rc<RecvPool<R::Buffers>>, settings: &Settings) -> State<R> {
        let now = ring.now();
        State {
            ring,
            pool,
            conns: Slab::new(),
            acceptors: Slab::new(),
            sleepers: Slab::new(),
            messages: Messages::new(),
            wheel: Wheel::new(now),
            starved: [const { VecDeque::new() }; 3],
            grown_in: [0; 3],
            carriers: Carriers::new(settings.pipes_max, settings.pipe_bytes),
            yielded: Vec::new(),
            in_flight: 0,
            counters: Counters::default(),
            now,
            batch: Vec::with_capacity(REAP_MAX),
        }
    }

    /// Lets go of whatever a task has not.
    pub(crate) fn close_all(&mut self) {
        for key in self.conns.keys().collect::<Vec<_>>() {
            self.begin_close(key);
        }
        for key in self.acceptors.keys().collect::<Vec<_>>() {
            self.begin_close_acceptor(key);
        }
    }

    pub(super) fn push(&mut self, kind: Kind, key: Key, op: Op) {
        self.in_flight += 1;
        self.ring.push(token::encode(kind, key), op);
    }

    pub(super) fn cancel(&mut self, kind: Kind, key: Key) {
        self.counters.cancels += 1;
        let own = match kind {
            Kind::Accept => Kind::CancelAccept,
            Kind::Wakeups => Kind::CancelWakeups,
            _ => Kind::CancelConn,
        };
        self.push(own, key, Op::Cancel { target: token::encode(kind, key) });
    }

    /// A cancel found nothing. If what it was for is still in flight, the kernel was just about to queue that anew.
    fn cancel_again(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let recv = match conn.armed {
            Armed::Multishot(group) | Armed::OneShot(group) if conn.cancelling || conn.closing => {
                Some(Kind::Recv(group))
            }
            _ => None,
        };
        let send = (conn.closing && conn.send_in_flight()).then_some(Kind::Send);
        let connect = (conn.closing && conn.connecting).then_some(Kind::Connect);
        let [readable, writable] = if conn.closing { conn.polls() } else { [None; 2] };
        for kind in [recv, send, connect, readable, writable].into_iter().flatten() {
            self.cancel(kind, key);
        }
    }

    /// Starts listening for other threads' wake-ups.
    pub(crate) fn watch_wakeups(&mut self) {
        self.push(Kind::Wakeups, Key { index: 0, generation: 0 }, Op::Wakeups);
    }

    pub(crate) fn stop_wakeups(&mut self) {
        self.cancel(Kind::Wakeups, Key { index: 0, generation: 0 });
    }

    /// Takes one completion in. `true`: other threads have left wake-ups.
    pub(crate) fn complete(&mut self, completion: Completion, draining: bool) -> bool {
        self.counters.completions += 1;
        if !completion.more() {
            self.in_flight -= 1;
        }
        let Some((kind, key)) = token::decode(completion.user_data) else {
            self.counters.stale += 1;
            return false;
        };
        match kind {
            Kind::Recv(group) => self.on_recv(key, group, completion),
            Kind::Send => self.on_send(key, completion.result),
            Kind::Accept => self.on_accept(key, completion),
            Kind::Connect => self.on_connect(key, completion.result),
            Kind::Readable => self.on_poll(key, Ready::Readable),
            Kind::Writable => self.on_poll(key, Ready::Writable),
            Kind::Close => self.on_closed(key),
            Kind::Wakeups => {
                if !completion.more() && !draining {
                    self.watch_wakeups();
                }
                return true;
            }
            Kind::CancelConn if completion.result == -libc::ENOENT => self.cancel_again(key),
            Kind::CancelAccept if completion.result == -libc::ENOENT => self.cancel_accept_again(key),
            // It worked, or was too late: the target's own completion tells.
            Kind::CancelConn | Kind::CancelAccept | Kind::CancelWakeups | Kind::CloseStray => {}
        }
        false
    }

    pub(crate) fn open(&mut self, fd: RawFd, head_group: u16) -> io::Result<Key> {
        let key = self.conns.insert(Conn::new(fd, head_group));
        key.ok_or_else(|| {
            self.ring.close_now(fd);
            io::Error::from(io::ErrorKind::OutOfMemory)
        })
    }

    pub(crate) fn adopt(&mut self, socket: R::Socket) -> io::Result<Key> {
        let fd = self.ring.adopt(socket);
        self.open(fd, ACCEPTED)
    }

    /// The other way: the socket, if nothing of it is left in here.
    pub(crate) fn release(&mut self, key: Key) -> Option<R::Socket> {
        self.conns.get_mut(key).filter(|conn| conn.untouched())?;
        let conn = self.conns.remove(key)?;
        if let Some((timer, _)) = conn.timer {
            self.wheel.remove(timer);
        }
        Some(self.ring.release(conn.fd))
    }

    pub(crate) fn poll_recv(&mut self, key: Key, cx: &Context<'_>) -> Poll<io::Result<Option<ChunkOf<R>>>> {
        let (pool, now) = (Rc::clone(&self.pool), self.now);
        let Some(conn) = self.conns.get_mut(key) else { return Poll::Ready(Err(errno(libc::EBADF))) };
        if let Some(chunk) = conn.queue.pop(&pool) {
            if conn.queue.is_empty() && conn.mode != Mode::Body {
                self.arm(key);
            }
            return Poll::Ready(Ok(Some(chunk)));
        }
        match conn.end {
            Some(End::Fin) => return Poll::Ready(Ok(None)),
            Some(End::Failed(code)) => return Poll::Ready(Err(errno(code))),
            None => {}
        }
        if now >= conn.recv_deadline {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        register(&mut conn.recv_waker, cx.waker());
        self.arm(key);
        self.watch_deadline(key);
        Poll::Pending
    }

    pub(crate) fn has_pending(&self, key: Key) -> bool {
        self.conns.get(key).is_none_or(|conn| !conn.queue.is_empty() || conn.end.is_some())
    }

    pub(crate) fn set_mode(&mut self, key: Key, mode: Mode) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        conn.mode = mode;
        if mode == Mode::Body {
            if let Armed::Multishot(group) = conn.armed
                && !conn.cancelling
            {
                conn.cancelling = true;
                self.cancel(Kind::Recv(group), key);
            }
        } else if conn.queue.is_empty() {
            self.arm(key);
        }
    }

    /// Starts a receive unless there is one, or must not be one.
    fn arm(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if conn.armed != Armed::No || conn.starved || conn.closing || conn.end.is_some() || conn.splices() {
            return;
        }
        let poll_first = conn.mode == Mode::Idle;
        // A client that could empty the buffer group gets one buffer at a time; backends are trusted with it.
        let multishot =
            conn.mode != Mode::Body && (self.ring.limits_multishot() || conn.head_group == CONNECTED);
        // Slow readers may hold every bulk buffer; a body then goes on in small pieces instead of waiting for them.
        let bulk = conn.mode == Mode::Body && !self.pool.exhausted(BULK);
        let group = if bulk { BULK } else { conn.head_group };
        let limit_bytes = MULTISHOT_BYTES.max(self.pool.buffer_bytes(group));
        conn.armed = if multishot { Armed::Multishot(group) } else { Armed::OneShot(group) };
        conn.cancelling = false;
        let fd = conn.fd;
        self.counters.recvs += 1;
        self.push(Kind::Recv(group), key, Op::Recv { fd, group, multishot, limit_bytes, poll_first });
    }

    fn on_recv(&mut self, key: Key, group: u16, completion: Completion) {
        let Some(conn) = self.conns.get_mut(key) else {
            self.counters.stale += 1;
            if let Some(id) = completion.buffer() {
                self.pool.discard(group, id);
            }
            return;
        };
        if !completion.more() {
            conn.armed = Armed::No;
            conn.cancelling = false;
            if conn.splices() {
                // That is what it waits for.
                conn.wake_recv();
            }
        }
        let result = completion.result;
        if let Some(id) = completion.buffer() {
            if result > 0 && !conn.closing {
                conn.queue.push(&self.pool, group, id, result as u32);
                self.counters.bytes_in += result as u64;
            } else {
                self.pool.discard(group, id);
            }
        }
        match -result {
            0 => conn.end = Some(End::Fin),
            code if code < 0 => {}
            libc::ENOBUFS => {
                if !conn.closing {
                    self.starve(key, group);
                }
                self.finish_close(key);
                return;
            }
            libc::ECANCELED | libc::EINTR | libc::EAGAIN => {}
            code => conn.end = Some(End::Failed(code)),
        }
        if !conn.queue.is_empty() || conn.end.is_some() {
            conn.wake_recv();
        }
        if conn.closing {
            self.finish_close(key);
        } else if completion.more() {
            if conn.queue.len() > QUEUED_CHUNKS_MAX && !conn.cancelling {
                conn.cancelling = true;
                self.cancel(Kind::Recv(group), key);
            }
        } else if conn.queue.is_empty() && (conn.mode != Mode::Body || conn.recv_waker.is_some()) {
            // Ended without being asked to, or in order to change the mode: whoever waits still waits.
            self.arm(key);
        }
    }

    /// A receive found its group empty: enlarge it, or stand in line.
    ///
    /// Also where buffers have come home since: the group was too small for the moment, and an empty group costs an
    /// operation for each connection that runs into it. Once a turn is enough.
    fn starve(&mut self, key: Key, group: u16) {
        self.counters.no_buffers += 1;
        let may_grow = self.grown_in[usize::from(group)] != self.counters.turns;
        if may_grow && self.pool.grow(group) {
            self.grown_in[usize::from(group)] = self.counters.turns;
        }
        // A body goes on in small pieces where the large ones are all out: those who hold them may be waiting for it.
        if self.pool.free(group) > 0 || group == BULK && self.pool.exhausted(BULK) {
            self.arm(key);
        } else if let Some(conn) = self.conns.get_mut(key) {
            conn.starved = true;
            self.starved[usize::from(group)].push_back(key);
        }
    }

    /// Lets receives that wait for buffers go on, as far as buffers have come home.
    pub(crate) fn feed_starved(&mut self) {
        for group in 0..self.starved.len() {
            if self.starved[group].is_empty() || !self.pool.recovered(group as u16) {
                continue;
            }
            let mut room = self.pool.free(group as u16);
            while room > 0
                && let Some(key) = self.starved[group].pop_front()
            {
                // Those that have gone meanwhile need none.
                if let Some(conn) = self.conns.get_mut(key).filter(|conn| !conn.closing) {
                    conn.starved = false;
                    room -= 1;
                    self.arm(key);
                }
            }
        }
    }

    pub(crate) fn reset_on_close(&mut self, key: Key) {
        if let Some(conn) = self.conns.get(key) {
            let fd = conn.fd;
            self.ring.reset_on_close(fd);
        }
    }

    pub(crate) fn local_address(&mut self, key: Key) -> io::Result<SocketAddr> {
        let fd = self.conns.get(key).ok_or_else(|| errno(libc::EBADF))?.fd;
        self.ring.local(fd)
    }

    pub(crate) fn shutdown_write(&mut self, key: Key) {
        if let Some(conn) = self.conns.get(key) {
            let fd = conn.fd;
            self.ring.shutdown_write(fd);
        }
    }

    /// The owner lets go: cancel what is in flight; the last completion closes the descriptor.
    pub(crate) fn begin_close(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if conn.closing {
            return;
        }
        conn.closing = true;
        conn.queue.clear(&self.pool);
        (conn.recv_waker, conn.send_waker) = (None, None);
        if let Some((timer, _)) = conn.timer.take() {
            self.wheel.remove(timer);
        }
        let recv = match conn.armed {
            Armed::Multishot(group) | Armed::OneShot(group) if !conn.cancelling => Some(Kind::Recv(group)),
            _ => None,
        };
        let send = conn.send_in_flight().then_some(Kind::Send);
        let connect = conn.connecting.then_some(Kind::Connect);
        let [readable, writable] = conn.polls();
        for kind in [recv, send, connect, readable, writable].into_iter().flatten() {
            self.cancel(kind, key);
        }
        self.finish_close(key);
    }

    /// Closes the descriptor of a connection that is closing and has nothing in flight.
    pub(super) fn finish_close(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if conn.closing && conn.quiet() && !conn.close_posted {
            conn.close_posted = true;
            let fd = conn.fd;
            self.push(Kind::Close, key, Op::Close { fd });
        }
    }

    fn on_closed(&mut self, key: Key) {
        if let Some(mut conn) = self.conns.remove(key) {
            conn.wake_send();
        }
    }

    pub(crate) fn poll_closed(&mut self, key: Key, cx: &Context<'_>) -> Poll<()> {
        let Some(conn) = self.conns.get_mut(key) else { return Poll::Ready(()) };
        register(&mut conn.send_waker, cx.waker());
        Poll::Pending
    }

    /// Closes everything at once, as nobody will turn the ring any more: what is in flight ends with it. Connections are reset:
    /// whoever is at the other end must not take a part for the whole.
    pub(crate) fn abandon(&mut self) {
        // What was posted is the kernel's by then, closes among it: no descriptor is closed twice.
        let _ = self.ring.enter(Wait::No);
        let conns: Vec<Key> = self.conns.keys().collect();
        for key in conns {
            if let Some(conn) = self.conns.remove(key).filter(|conn| !conn.close_posted) {
                self.ring.reset_on_close(conn.fd);
                self.ring.close_now(conn.fd);
            }
        }
        let acceptors: Vec<Key> = self.acceptors.keys().collect();
        for key in acceptors {
            let Some(acceptor) = self.acceptors.remove(key) else { continue };
            for fd in acceptor.accepted.iter().chain([&acceptor.fd]) {
                self.ring.close_now(*fd);
            }
        }
    }

    pub(super) fn close_stray(&mut self, fd: RawFd) {
        self.push(Kind::CloseStray, Key { index: 0, generation: 0 }, Op::Close { fd });
    }

    /// A snapshot of the counters, gauges included.
    pub(crate) fn snapshot(&self, tasks: usize) -> Counters {
        Counters {
            buffer_growths: self.pool.growths(),
            overflows: self.ring.overflows(),
            in_flight: self.in_flight,
            streams: self.conns.len() as u64,
            listeners: self.acceptors.len() as u64,
            tasks: tasks as u64,
            chunks_out: self.pool.out(),
            pipes: self.carriers.open(),
            pipes_out: self.carriers.out(),
            ..self.counters
        }
    }
}
