//! Splicing: bytes from one socket to another, straight away.
//!
//! Much goes through a pipe, never through user space; less is copied through a buffer that stays in the cache, because
//! what is received is sent before anything else is touched. The ring could splice only on threads of the kernel that
//! block, and it sends what it received only after everything else of its turn, so these are plain calls that do not
//! wait: try first, and where there is nothing to take or no room, wait with a one-shot poll through the ring. A transfer
//! holds a pipe or buffer only while bytes are in it, that is while it waits for its receiver; one that waits for its
//! sender holds none.

use std::convert::Infallible;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use super::conn::{Armed, Conn, End, Sending, errno, register};
use super::pipes::Carrier;
use super::ring::{Op, Ready, Ring};
use super::state::State;
use super::token::Kind;
use crate::seam::{SpliceError, Spliced};
use crate::slab::Key;

/// Most that is moved from one connection in one turn, however fast its peer is: about 50 µs of work, after which all
/// others are heard. Four times as much would save bodies of 8 MiB a sixth of their cost, and let others wait as long as
/// that.
const TURN_BYTES: u64 = 256 * 1024;

/// What is worth a pipe, in bytes still to come. A copy through the cache costs less below: 60 µs for 256 KiB, through a pipe
/// 99; 234 against 402 for 1 MiB; 2,026 against 1,362 for 8 MiB.
const PIPE_FROM_BYTES: u64 = 4 * 1024 * 1024;

/// A splice under way, as its future holds it.
#[derive(Debug)]
pub(crate) struct Transfer {
    from: Key,
    to: Key,
    max: u64,
    /// How long `to` may take nothing.
    patience: Duration,
    /// What `to` had taken when it was waited for.
    waited_at: Option<u64>,
    /// What `to` has taken.
    moved: u64,
    /// Out of the pool.
    carrier: Option<Carrier>,
    /// What is in it.
    inside: u64,
    begun: bool,
}

impl Transfer {
    pub(crate) fn new(from: Key, to: Key, max: u64, patience: Duration) -> Transfer {
        Transfer {
            from,
            to,
            max,
            patience,
            waited_at: None,
            moved: 0,
            carrier: None,
            inside: 0,
            begun: false,
        }
    }

    /// Whether it is worth a pipe.
    fn is_large(&self) -> bool {
        self.max >= PIPE_FROM_BYTES
    }
}

/// Why a transfer goes no further now.
enum Halt {
    /// Somebody will wake it.
    Waits,
    /// It is over.
    Done(Result<Spliced, SpliceError>),
}

/// What was moved counts; what there was instead of more bytes is for the next call, which will meet it again.
fn halt(transfer: &Transfer, instead: Result<Spliced, SpliceError>) -> Halt {
    Halt::Done(if transfer.moved > 0 { Ok(Spliced::Moved(transfer.moved)) } else { instead })
}

fn uninterrupted(mut call: impl FnMut() -> io::Result<u64>) -> io::Result<u64> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<R: Ring> State<R> {
    pub(crate) fn poll_splice(
        &mut self,
        transfer: &mut Transfer,
        cx: &Context<'_>,
    ) -> Poll<Result<Spliced, SpliceError>> {
        let Err(halt) = self.go_on(transfer, cx);
        match halt {
            Halt::Waits => Poll::Pending,
            Halt::Done(outcome) => {
                self.end_splice(transfer);
                Poll::Ready(outcome)
            }
        }
    }

    /// Nobody polls this transfer any more. Should bytes be in its pipe, they are lost, and nothing may follow them.
    pub(crate) fn end_splice(&mut self, transfer: &mut Transfer) {
        if !std::mem::take(&mut transfer.begun) {
            return;
        }
        let lost = transfer.inside > 0;
        if let Some(carrier) = transfer.carrier.take() {
            if lost {
                self.carriers.discard(&mut self.ring, carrier);
            } else {
                self.carriers.put(carrier);
            }
        }
        transfer.inside = 0;
        if let Some(conn) = self.conns.get_mut(transfer.from) {
            conn.splicing().active = false;
            if lost {
                conn.end.get_or_insert(End::Failed(libc::ECANCELED));
            }
        }
        if let Some(conn) = self.conns.get_mut(transfer.to) {
            conn.splicing().writable_awaited = false;
            if lost && conn.sending == Sending::Idle {
                conn.sending = Sending::Failed(libc::ECANCELED);
            }
        }
    }

    fn go_on(&mut self, transfer: &mut Transfer, cx: &Context<'_>) -> Result<Infallible, Halt> {
        if transfer.inside > 0 {
            // The receiver had to be waited for. Whoever has set its deadline is to hear that it goes on.
            self.drain(transfer, cx)?;
            return Err(Halt::Done(Ok(Spliced::Moved(transfer.moved))));
        }
        self.prepare(transfer, cx)?;
        while transfer.moved < transfer.max {
            self.fill(transfer, cx)?;
            self.drain(transfer, cx)?;
        }
        Err(Halt::Done(Ok(Spliced::Moved(transfer.moved))))
    }

    /// Brings both sides to rest.
    fn prepare(&mut self, transfer: &mut Transfer, cx: &Context<'_>) -> Result<(), Halt> {
        let now = self.now;
        let gone = || Halt::Done(Err(SpliceError::Recv(errno(libc::EBADF))));
        let from = self.conns.get_mut(transfer.from).ok_or_else(gone)?;
        if !std::mem::replace(&mut transfer.begun, true) {
            let splicing = from.splicing();
            splicing.active = true;
            splicing.readable_told = false;
        }
        if !from.queue.is_empty() {
            return Err(Halt::Done(Ok(Spliced::Unavailable)));
        }
        match from.end {
            None => {}
            Some(End::Fin) => return Err(Halt::Done(Ok(Spliced::End))),
            Some(End::Failed(code)) => return Err(Halt::Done(Err(SpliceError::Recv(errno(code))))),
        }
        if let Armed::Multishot(group) | Armed::OneShot(group) = from.armed {
            let cancel = !std::mem::replace(&mut from.cancelling, true);
            register(&mut from.recv_waker, cx.waker());
            if cancel {
                self.cancel(Kind::Recv(group), transfer.from);
            }
            return Err(Halt::Waits);
        }
        let to = self.conns.get_mut(transfer.to).ok_or_else(gone)?;
        match to.sending {
            Sending::Idle => {}
            Sending::Failed(code) => return Err(Halt::Done(Err(SpliceError::Send(errno(code))))),
            Sending::InFlight(_) if now >= to.send_deadline => {
                return Err(Halt::Done(Err(SpliceError::Send(io::ErrorKind::TimedOut.into()))));
            }
            Sending::InFlight(_) => {
                register(&mut to.send_waker, cx.waker());
                self.watch_deadline(transfer.to);
                return Err(Halt::Waits);
            }
        }
        if !transfer.is_large() || self.never_waits(transfer.from) && self.never_waits(transfer.to) {
            Ok(())
        } else {
            Err(Halt::Done(Ok(Spliced::Unavailable)))
        }
    }

    /// Makes sure that plain calls on a connection do not wait.
    fn never_waits(&mut self, key: Key) -> bool {
        let Some(conn) = self.conns.get_mut(key) else { return false };
        let fd = conn.fd;
        let splicing = conn.splicing();
        splicing.nonblocking = splicing.nonblocking || self.ring.set_nonblocking(fd).is_ok();
        splicing.nonblocking
    }

    /// From the socket into a carrier, which is empty.
    fn fill(&mut self, transfer: &mut Transfer, cx: &Context<'_>) -> Result<(), Halt> {
        let (now, turn) = (self.now, self.counters.turns);
        let gone = || Halt::Done(Err(SpliceError::Recv(errno(libc::EBADF))));
        let conn = self.conns.get_mut(transfer.from).ok_or_else(gone)?;
        let fd = conn.fd;
        let splicing = conn.splicing();
        if splicing.turn != turn {
            (splicing.turn, splicing.turn_bytes) = (turn, 0);
        }
        let room = TURN_BYTES.saturating_sub(splicing.turn_bytes).min(transfer.max - transfer.moved);
        if room == 0 {
            if transfer.moved == 0 {
                register(&mut conn.recv_waker, cx.waker());
                self.yielded.push(transfer.from);
                return Err(Halt::Waits);
            }
            return Err(Halt::Done(Ok(Spliced::Moved(transfer.moved))));
        }
        let told = std::mem::take(&mut splicing.readable_told);
        let carrier = transfer.carrier.take();
        let carrier = carrier.or_else(|| match transfer.is_large() {
            true => self.carriers.take_pipe(&mut self.ring),
            false => self.carriers.take_buffer(),
        });
        let Some(mut carrier) = carrier else {
            return Err(halt(transfer, Ok(Spliced::Unavailable)));
        };
        let result = uninterrupted(|| match &mut carrier {
            Carrier::Pipe(pipe) => self.ring.splice(fd, pipe.write, room),
            Carrier::Buffer { bytes, start } => {
                *start = 0;
                let most = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                self.ring.recv_now(fd, &mut bytes[..most]).map(|count| count as u64)
            }
        });
        let conn = self.conns.get_mut(transfer.from).ok_or_else(gone)?;
        match result {
            Ok(0) => {
                self.carriers.put(carrier);
                conn.end = Some(End::Fin);
                Err(halt(transfer, Ok(Spliced::End)))
            }
            Ok(count) => {
                (transfer.carrier, transfer.inside) = (Some(carrier), count);
                conn.splicing().turn_bytes += count;
                self.counters.bytes_in += count;
                Ok(())
            }
            Err(error) => {
                self.carriers.put(carrier);
                match error.raw_os_error().unwrap_or(libc::EIO) {
                    libc::EAGAIN if transfer.moved > 0 => Err(Halt::Done(Ok(Spliced::Moved(transfer.moved)))),
                    // Readable and yet nothing to move: urgent data, which only a receive gets past.
                    libc::EAGAIN if told => Err(Halt::Done(Ok(Spliced::Unavailable))),
                    libc::EAGAIN if now >= conn.recv_deadline => {
                        Err(Halt::Done(Err(SpliceError::Recv(io::ErrorKind::TimedOut.into()))))
                    }
                    libc::EAGAIN => {
                        register(&mut conn.recv_waker, cx.waker());
                        self.poll(transfer.from, Ready::Readable);
                        self.watch_deadline(transfer.from);
                        Err(Halt::Waits)
                    }
                    // It is not the connection that fails: a receive may do.
                    libc::EINVAL | libc::ENOMEM | libc::ENOBUFS => {
                        Err(halt(transfer, Ok(Spliced::Unavailable)))
                    }
                    code => {
                        conn.end = Some(End::Failed(code));
                        Err(halt(transfer, Err(SpliceError::Recv(errno(code)))))
                    }
                }
            }
        }
    }

    /// From the carrier into the socket, until all of it is taken.
    fn drain(&mut self, transfer: &mut Transfer, cx: &Context<'_>) -> Result<(), Halt> {
        let now = self.now;
        let gone = || Halt::Done(Err(SpliceError::Send(errno(libc::EBADF))));
        while let (Some(carrier), true) = (&transfer.carrier, transfer.inside > 0) {
            let fd = self.conns.get(transfer.to).ok_or_else(gone)?.fd;
            let result = uninterrupted(|| match carrier {
                Carrier::Pipe(pipe) => self.ring.splice(pipe.read, fd, transfer.inside),
                Carrier::Buffer { bytes, start } => {
                    let out = &bytes[*start..][..transfer.inside as usize];
                    self.ring.send_now(fd, out).map(|count| count as u64)
                }
            });
            let conn = self.conns.get_mut(transfer.to).ok_or_else(gone)?;
            let code = match result {
                Ok(0) => libc::EPIPE,
                Ok(count) => {
                    let count = count.min(transfer.inside);
                    transfer.inside -= count;
                    transfer.moved += count;
                    self.counters.bytes_out += count;
                    self.counters.bytes_spliced += count;
                    if let Some(Carrier::Buffer { start, .. }) = &mut transfer.carrier {
                        *start += count as usize;
                    }
                    continue;
                }
                Err(error) => match error.raw_os_error().unwrap_or(libc::EIO) {
                    libc::EAGAIN
                        if transfer.waited_at == Some(transfer.moved) && now >= conn.send_deadline =>
                    {
                        libc::ETIMEDOUT
                    }
                    libc::EAGAIN => {
                        // Whenever it has taken something, its time begins anew.
                        if transfer.waited_at.replace(transfer.moved) != Some(transfer.moved) {
                            conn.send_deadline = now + transfer.patience;
                        }
                        register(&mut conn.send_waker, cx.waker());
                        conn.splicing().writable_awaited = true;
                        self.poll(transfer.to, Ready::Writable);
                        self.watch_deadline(transfer.to);
                        return Err(Halt::Waits);
                    }
                    code => code,
                },
            };
            // As for a send that failed: nothing more can be sent, and who receives from this peer is to hear of it.
            conn.sending = Sending::Failed(code);
            if code == libc::ETIMEDOUT {
                conn.end.get_or_insert(End::Failed(code));
            }
            conn.wake_recv();
            return Err(Halt::Done(Err(SpliceError::Send(errno(code)))));
        }
        Ok(())
    }

    fn poll(&mut self, key: Key, ready: Ready) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let fd = conn.fd;
        let splicing = conn.splicing();
        let (polled, kind) = match ready {
            Ready::Readable => (&mut splicing.readable_polled, Kind::Readable),
            Ready::Writable => (&mut splicing.writable_polled, Kind::Writable),
        };
        if !std::mem::replace(polled, true) {
            self.push(kind, key, Op::Poll { fd, ready });
        }
    }

    /// A poll has ended: with what it waited for, or because it was cancelled. Trying again tells.
    pub(super) fn on_poll(&mut self, key: Key, ready: Ready) {
        let Some(conn) = self.conns.get_mut(key) else {
            self.counters.stale += 1;
            return;
        };
        let splicing = conn.splicing();
        match ready {
            Ready::Readable => {
                (splicing.readable_polled, splicing.readable_told) = (false, true);
                conn.wake_recv();
            }
            Ready::Writable => {
                (splicing.writable_polled, splicing.writable_awaited) = (false, false);
                conn.wake_send();
            }
        }
        self.finish_close(key);
    }

    /// A turn is over: transfers that had moved enough in it go on.
    pub(crate) fn wake_yielded(&mut self) {
        for key in self.yielded.drain(..) {
            if let Some(conn) = self.conns.get_mut(key) {
                conn.wake_recv();
            }
        }
    }

    /// Closes the pipes: no task is left that could have one.
    pub(crate) fn close_pipes(&mut self) {
        self.carriers.close_idle(&mut self.ring);
    }
}

impl Conn {
    fn splicing(&mut self) -> &mut super::conn::Splicing {
        self.splicing.get_or_insert_default()
    }
}
