//! Listening: multishot accepts, what they bring, and how they end.

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::task::{Context, Poll};
use std::time::Duration;

use super::accept::{self, Accepting, Acceptor};
use super::conn::{errno, register};
use super::ring::{Completion, Op, Ring};
use super::state::{ACCEPTED, State, Timer};
use super::token::Kind;
use crate::slab::Key;

/// How long accepting pauses when descriptors or memory have run out.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

impl<R: Ring> State<R> {
    pub(super) fn start_accept(&mut self, key: Key) {
        let Some(acceptor) = self.acceptors.get_mut(key) else { return };
        let is_wanted = acceptor.room > 0 && !acceptor.stopping && !acceptor.closing;
        if acceptor.accepting == Accepting::Off && is_wanted {
            acceptor.accepting = Accepting::On;
            let (fd, multishot) = (acceptor.fd, !acceptor.is_nearly_full());
            self.push(Kind::Accept, key, Op::Accept { fd, multishot });
        }
    }

    pub(super) fn on_accept(&mut self, key: Key, completion: Completion) {
        let Some(acceptor) = self.acceptors.get_mut(key) else {
            self.counters.stale += 1;
            if completion.result >= 0 {
                self.close_stray(completion.result);
            }
            return;
        };
        if completion.result >= 0 {
            self.counters.accepted += 1;
            acceptor.accepted.push_back(completion.result);
        }
        if !completion.more() {
            let cancelled = acceptor.accepting == Accepting::Cancelling;
            acceptor.accepting = if cancelled || completion.result >= 0 {
                Accepting::Off
            } else {
                accept::after_error(-completion.result)
            };
            if acceptor.accepting == Accepting::BackingOff {
                self.counters.accept_backoffs += 1;
                self.wheel.insert(self.now + ACCEPT_BACKOFF, Timer::Accept(key));
            }
        }
        acceptor.wake();
        if acceptor.closing {
            self.finish_close_acceptor(key);
        } else if acceptor.accepted.len() >= accept::TAKEN_LATER_MAX && acceptor.accepting == Accepting::On {
            acceptor.accepting = Accepting::Cancelling;
            self.cancel(Kind::Accept, key);
        }
    }

    pub(crate) fn poll_accept(
        &mut self,
        key: Key,
        cx: &Context<'_>,
    ) -> Poll<io::Result<Option<(Key, SocketAddr)>>> {
        loop {
            let Some(acceptor) = self.acceptors.get_mut(key) else {
                return Poll::Ready(Err(errno(libc::EBADF)));
            };
            if let Some(fd) = acceptor.accepted.pop_front() {
                match self.ring.peer(fd) {
                    Ok(peer) => return Poll::Ready(self.open(fd, ACCEPTED).map(|key| Some((key, peer)))),
                    // It went away while it waited.
                    Err(_) => {
                        self.close_stray(fd);
                        continue;
                    }
                }
            }
            if acceptor.stopping && acceptor.ended() {
                return Poll::Ready(Ok(None));
            }
            if let Accepting::Failed(code) = acceptor.accepting {
                return Poll::Ready(Err(errno(code)));
            }
            register(&mut acceptor.waker, cx.waker());
            self.start_accept(key);
            return Poll::Pending;
        }
    }

    /// See [`State::cancel_again`].
    pub(super) fn cancel_accept_again(&mut self, key: Key) {
        if self.acceptors.get(key).is_some_and(|acceptor| acceptor.accepting == Accepting::Cancelling) {
            self.cancel(Kind::Accept, key);
        }
    }

    pub(crate) fn set_room(&mut self, key: Key, connections: u32) {
        let Some(acceptor) = self.acceptors.get_mut(key) else { return };
        let was_nearly_full = acceptor.is_nearly_full();
        acceptor.room = connections;
        // What is in flight brings one more at most, or was begun when there was more room.
        if connections == 0 || acceptor.is_nearly_full() && !was_nearly_full {
            self.cancel_accept(key);
        } else if acceptor.waker.is_some() {
            self.start_accept(key);
        }
    }

    pub(crate) fn stop_accept(&mut self, key: Key) {
        let Some(acceptor) = self.acceptors.get_mut(key) else { return };
        acceptor.stopping = true;
        acceptor.wake();
        self.cancel_accept(key);
    }

    fn cancel_accept(&mut self, key: Key) {
        let Some(acceptor) = self.acceptors.get_mut(key) else { return };
        if acceptor.accepting == Accepting::On {
            acceptor.accepting = Accepting::Cancelling;
            self.cancel(Kind::Accept, key);
        }
    }

    /// Completes when the accept has ended; the socket is then free to go elsewhere.
    pub(crate) fn poll_release(&mut self, key: Key, cx: &Context<'_>) -> Poll<Option<RawFd>> {
        let Some(acceptor) = self.acceptors.get_mut(key) else { return Poll::Ready(None) };
        if !acceptor.ended() {
            register(&mut acceptor.waker, cx.waker());
            return Poll::Pending;
        }
        let acceptor = self.acceptors.remove(key);
        Poll::Ready(acceptor.map(|acceptor| {
            for fd in acceptor.accepted {
                self.close_stray(fd);
            }
            acceptor.fd
        }))
    }

    pub(crate) fn begin_close_acceptor(&mut self, key: Key) {
        self.stop_accept(key);
        if let Some(acceptor) = self.acceptors.get_mut(key) {
            acceptor.closing = true;
            acceptor.waker = None;
            self.finish_close_acceptor(key);
        }
    }

    fn finish_close_acceptor(&mut self, key: Key) {
        if self.acceptors.get(key).is_some_and(Acceptor::ended)
            && let Some(acceptor) = self.acceptors.remove(key)
        {
            for fd in acceptor.accepted {
                self.close_stray(fd);
            }
            self.close_stray(acceptor.fd);
        }
    }
}
