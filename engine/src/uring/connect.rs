//! Connecting: an operation of the ring for IP, a plain call for UNIX sockets.
//!
//! A UNIX socket is connected or refused on the spot, with one exception: its backlog is full. The ring must not be asked
//! to wait for that: a new UNIX socket always polls writable, so the kernel tries in circles and then hands the operation
//! to a thread that blocks. Nothing tells when there is room, so the engine tries again by the clock.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll};
use std::time::Duration;

use ringway_core::Time;

use super::addr::RawAddr;
use super::conn::{errno, register};
use super::ring::{Op, Ring};
use super::state::{CONNECTED, State};
use super::token::Kind;
use crate::seam::Deadline;
use crate::slab::Key;

/// How long to wait before a UNIX socket with a full backlog is tried again: a server that accepts at all does so within
/// milliseconds …
pub(super) const BACKLOG_WAIT: Duration = Duration::from_millis(1);
/// … and each wait is twice the one before, up to this one: many that wait must not be a load of their own.
pub(super) const BACKLOG_WAIT_MAX: Duration = Duration::from_millis(32);

impl<R: Ring> State<R> {
    pub(crate) fn connect(&mut self, to: &SocketAddr, deadline: Time) -> io::Result<Key> {
        let fd = self.ring.socket(to)?;
        let key = self.open(fd, CONNECTED)?;
        let addr = Box::new(RawAddr::from(to));
        let pointer: *const RawAddr = &*addr;
        if let Some(conn) = self.conns.get_mut(key) {
            (conn.addr, conn.connecting) = (Some(addr), true);
        }
        self.push(Kind::Connect, key, Op::Connect { fd, addr: pointer });
        self.set_deadline(key, Deadline::Send, deadline);
        Ok(key)
    }

    /// Connects to a UNIX socket, now or not at all; `None`: its backlog is full.
    pub(crate) fn connect_unix(&mut self, to: &Path) -> io::Result<Option<Key>> {
        match self.ring.connect_unix(to) {
            Ok(fd) => self.open(fd, CONNECTED).map(Some),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The outcome of a connect, when it is there.
    pub(crate) fn poll_connect(&mut self, key: Key, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(key) else { return Poll::Ready(Err(errno(libc::EBADF))) };
        match conn.connected {
            Some(0) => {
                conn.send_deadline = Time::NEVER;
                Poll::Ready(Ok(()))
            }
            Some(code) => Poll::Ready(Err(errno(code))),
            None if now >= conn.send_deadline => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            None => {
                register(&mut conn.send_waker, cx.waker());
                Poll::Pending
            }
        }
    }

    pub(super) fn on_connect(&mut self, key: Key, result: i32) {
        let Some(conn) = self.conns.get_mut(key) else {
            self.counters.stale += 1;
            return;
        };
        (conn.connecting, conn.addr) = (false, None);
        conn.connected = Some(-result.min(0));
        conn.wake_send();
        self.finish_close(key);
    }
}
