//! Sending: one message in flight per connection, kept until the kernel has taken all of it.

use std::io;
use std::ptr;
use std::task::{Context, Poll};

use super::conn::{Sending, errno, register};
use super::ring::{Op, Ring};
use super::state::{OutOf, State};
use super::token::Kind;
use crate::seam::{Chunk, Out};
use crate::slab::Key;

/// A message in flight. Connections that send nothing cost nothing of this: the places are used in turn.
pub(crate) struct Message<C> {
    out: Option<Out<C>>,
    /// Bytes that operations before the one in flight have taken.
    done: u32,
    /// For a message of two pieces; boxed, so that the kernel's pointers hold while the places move.
    vectors: Option<Box<Vectors>>,
}

struct Vectors {
    header: libc::msghdr,
    pieces: [libc::iovec; 2],
}

/// The messages in flight of all connections.
pub(crate) struct Messages<C> {
    places: Vec<Message<C>>,
    free: Vec<u32>,
}

impl<C: Chunk> Messages<C> {
    pub(crate) fn new() -> Messages<C> {
        Messages { places: Vec::new(), free: Vec::new() }
    }

    fn insert(&mut self, out: Out<C>) -> u32 {
        match self.free.pop() {
            Some(index) => {
                let message = &mut self.places[index as usize];
                (message.out, message.done) = (Some(out), 0);
                index
            }
            None => {
                self.places.push(Message { out: Some(out), done: 0, vectors: None });
                (self.places.len() - 1) as u32
            }
        }
    }

    /// Whatever was sent goes home.
    fn remove(&mut self, index: u32) {
        self.places[index as usize].out = None;
        self.free.push(index);
    }
}

impl<C: Chunk> Message<C> {
    /// Bytes that are still to be sent.
    fn left(&self) -> usize {
        self.out.as_ref().map_or(0, Out::len) - self.done as usize
    }

    /// The operation that sends what is left.
    fn operation(&mut self, fd: std::os::fd::RawFd) -> Op {
        let skip = self.done as usize;
        let (first, second): (&[u8], &[u8]) = match &self.out {
            None => (&[], &[]),
            Some(Out::Static(bytes)) => (bytes, &[]),
            Some(Out::Buffer(buffer)) => (buffer, &[]),
            Some(Out::Chunk(chunk)) => (chunk, &[]),
            Some(Out::Both(buffer, chunk)) => (buffer, chunk),
        };
        let (first, second) = if skip < first.len() {
            (&first[skip..], second)
        } else {
            (&second[skip - first.len()..], &[] as &[u8])
        };
        if second.is_empty() {
            // Longer than 4 GiB it can not be: a length is an i32 in a completion, and messages are far below.
            return Op::Send { fd, bytes: first.as_ptr(), len: first.len() as u32 };
        }
        let piece =
            |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let pieces = [piece(first), piece(second)];
        let vectors = self.vectors.get_or_insert_with(|| {
            // SAFETY: a message header of zeroes is a valid, empty one.
            Box::new(Vectors { header: unsafe { std::mem::zeroed() }, pieces })
        });
        vectors.pieces = pieces;
        vectors.header.msg_iov = vectors.pieces.as_mut_ptr();
        vectors.header.msg_iovlen = 2;
        Op::SendMsg { fd, msg: ptr::from_ref(&vectors.header) }
    }
}

impl<R: Ring> State<R> {
    pub(crate) fn post(&mut self, key: Key, out: OutOf<R>) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        match conn.sending {
            Sending::InFlight(_) => panic!("one send at a time: wait with `sent` before the next `post`"),
            Sending::Failed(_) => {}
            Sending::Idle if out.is_empty() => {}
            Sending::Idle => {
                conn.sending = Sending::InFlight(self.messages.insert(out));
                self.push_send(key);
            }
        }
    }

    /// Submits what is left of the message in flight.
    fn push_send(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let Sending::InFlight(message) = conn.sending else { return };
        let op = self.messages.places[message as usize].operation(conn.fd);
        self.counters.sends += 1;
        self.push(Kind::Send, key, op);
        self.watch_deadline(key);
    }

    pub(super) fn on_send(&mut self, key: Key, result: i32) {
        let Some(conn) = self.conns.get_mut(key) else {
            self.counters.stale += 1;
            return;
        };
        let Sending::InFlight(index) = conn.sending else {
            self.counters.stale += 1;
            return;
        };
        let message = &mut self.messages.places[index as usize];
        if result > 0 {
            self.counters.bytes_out += result as u64;
            message.done += result as u32;
            if message.left() > 0 && !conn.closing {
                self.counters.sends_short += 1;
                self.push_send(key);
                return;
            }
        } else if matches!(-result, libc::EINTR | libc::EAGAIN) && !conn.closing {
            self.push_send(key);
            return;
        }
        // Whatever was in flight goes home now: an idle connection holds no buffer.
        self.messages.remove(index);
        conn.sending = match result {
            1.. => Sending::Idle,
            0 => Sending::Failed(libc::EPIPE),
            error => Sending::Failed(-error),
        };
        conn.wake_send();
        if result <= 0 {
            conn.wake_recv();
        }
        self.finish_close(key);
    }

    pub(crate) fn poll_sent(&mut self, key: Key, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(key) else { return Poll::Ready(Err(errno(libc::EBADF))) };
        match conn.sending {
            Sending::Idle => Poll::Ready(Ok(())),
            Sending::Failed(code) => Poll::Ready(Err(errno(code))),
            Sending::InFlight(_) if now >= conn.send_deadline => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Sending::InFlight(_) => {
                register(&mut conn.send_waker, cx.waker());
                self.watch_deadline(key);
                Poll::Pending
            }
        }
    }
}
