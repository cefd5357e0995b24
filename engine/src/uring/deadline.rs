//! Deadlines of connections, and the wheel that all timers stand in.

use ringway_core::Time;

use super::accept::Accepting;
use super::conn::End;
use super::ring::Ring;
use super::state::{State, Timer};
use crate::seam::Deadline;
use crate::slab::Key;

/// Timers fired at once without a detour through the heap.
const DUE_AT_ONCE: usize = 64;

impl<R: Ring> State<R> {
    pub(crate) fn set_deadline(&mut self, key: Key, which: Deadline, at: Time) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        match which {
            Deadline::Recv => conn.recv_deadline = at,
            Deadline::Send => conn.send_deadline = at,
        }
        self.watch_deadline(key);
    }

    /// Makes sure that the wheel comes by not later than the first deadline somebody waits for.
    pub(super) fn watch_deadline(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let mut first = Time::NEVER;
        if conn.recv_waker.is_some() {
            first = first.min(conn.recv_deadline);
        }
        if conn.send_awaited() {
            first = first.min(conn.send_deadline);
        }
        if first == Time::NEVER {
            return;
        }
        match conn.timer {
            // The usual case: the deadline moved on; the entry fires early, looks, and goes in again.
            Some((_, at)) if at <= first => {}
            timer => {
                if let Some((id, _)) = timer {
                    self.wheel.remove(id);
                }
                conn.timer = Some((self.wheel.insert(first, Timer::Conn(key)), first));
            }
        }
    }

    fn on_conn_timer(&mut self, key: Key) {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(key) else { return };
        conn.timer = None;
        // A send that is overdue is told to whoever waits, for bytes of this peer too: it takes nothing any more.
        if now >= conn.send_deadline && conn.send_awaited() {
            conn.wake_send();
            if let Some(splicing) = &mut conn.splicing {
                splicing.writable_awaited = false;
            }
            if conn.send_in_flight() {
                conn.send_deadline = Time::ZERO;
                conn.end.get_or_insert(End::Failed(libc::ETIMEDOUT));
                conn.wake_recv();
            }
        }
        if now >= conn.recv_deadline {
            conn.wake_recv();
        }
        self.watch_deadline(key);
    }

    /// Fires what is due.
    pub(crate) fn advance(&mut self) {
        let mut due: [Option<Timer>; DUE_AT_ONCE] = [const { None }; DUE_AT_ONCE];
        let mut later = Vec::new();
        let mut count = 0;
        self.wheel.advance(self.now, |timer| {
            if count < due.len() {
                due[count] = Some(timer);
                count += 1;
            } else {
                later.push(timer);
            }
        });
        for timer in due.into_iter().flatten().chain(later) {
            match timer {
                Timer::Conn(key) => self.on_conn_timer(key),
                Timer::Accept(key) => {
                    if let Some(acceptor) = self.acceptors.get_mut(key)
                        && acceptor.accepting == Accepting::BackingOff
                    {
                        acceptor.accepting = Accepting::Off;
                        self.start_accept(key);
                    }
                }
                Timer::Sleep(key) => {
                    if let Some(sleeper) = self.sleepers.get_mut(key) {
                        sleeper.timer = None;
                        if let Some(waker) = sleeper.waker.take() {
                            waker.wake();
                        }
                    }
                }
            }
        }
    }
}
