//! One connection's slot: what is in flight for it, what was received and not yet taken, who waits.

use std::io;
use std::os::fd::RawFd;
use std::task::Waker;

use ringway_core::Time;

use super::addr::RawAddr;
use super::pool::ChunkQueue;
use super::token::Kind;
use crate::seam::Mode;
use crate::wheel::TimerId;

/// The receive in flight, and the buffer group it takes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Armed {
    No,
    Multishot(u16),
    OneShot(u16),
}

/// How a stream ended for the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer sent its FIN.
    Fin,
    /// An errno.
    Failed(i32),
}

/// The send direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Nothing in flight; the last one went well.
    Idle,
    /// This one of the engine's messages is in flight.
    InFlight(u32),
    /// The last one failed with this errno, and so does every one to come.
    Failed(i32),
}

/// What a connection needs that splices.
#[derive(Debug, Default)]
pub(crate) struct Splicing {
    /// A splice from here is under way: no receive is started.
    pub(crate) active: bool,
    /// The descriptor was made non-blocking, which plain calls on it need.
    pub(crate) nonblocking: bool,
    /// The poll for it to become readable is in flight …
    pub(crate) readable_polled: bool,
    /// … or has ended since the last try.
    pub(crate) readable_told: bool,
    /// The poll for it to become writable is in flight.
    pub(crate) writable_polled: bool,
    /// Somebody waits for that.
    pub(crate) writable_awaited: bool,
    /// The turn in which bytes were last moved from here, and how many in it.
    pub(crate) turn: u64,
    pub(crate) turn_bytes: u64,
}

/// A connection's slot.
pub(crate) struct Conn {
    pub(crate) fd: RawFd,
    pub(crate) mode: Mode,
    /// Buffer group for heads.
    pub(crate) head_group: u16,
    pub(crate) armed: Armed,
    /// The receive in flight is being cancelled.
    pub(crate) cancelling: bool,
    /// Waits in the list of receives that found no buffer.
    pub(crate) starved: bool,
    /// The owner has let go: everything in flight is being cancelled, then the descriptor is closed.
    pub(crate) closing: bool,
    /// The close operation is under way.
    pub(crate) close_posted: bool,
    /// The connect operation is in flight.
    pub(crate) connecting: bool,
    pub(crate) end: Option<End>,
    pub(crate) queue: ChunkQueue,
    pub(crate) sending: Sending,
    /// Only connections that splice pay for it.
    pub(crate) splicing: Option<Box<Splicing>>,
    pub(crate) addr: Option<Box<RawAddr>>,
    /// Result of the connect operation, once it is there.
    pub(crate) connected: Option<i32>,
    pub(crate) recv_waker: Option<Waker>,
    /// Waits for the send, or the connect, or the close.
    pub(crate) send_waker: Option<Waker>,
    pub(crate) recv_deadline: Time,
    pub(crate) send_deadline: Time,
    /// The entry in the wheel, and the time it stands at: never later than a deadline somebody waits for.
    pub(crate) timer: Option<(TimerId, Time)>,
}

impl Conn {
    pub(crate) fn new(fd: RawFd, head_group: u16) -> Conn {
        Conn {
            fd,
            mode: Mode::Head,
            head_group,
            armed: Armed::No,
            cancelling: false,
            starved: false,
            closing: false,
            close_posted: false,
            connecting: false,
            end: None,
            queue: ChunkQueue::new(),
            sending: Sending::Idle,
            splicing: None,
            addr: None,
            connected: None,
            recv_waker: None,
            send_waker: None,
            recv_deadline: Time::NEVER,
            send_deadline: Time::NEVER,
            timer: None,
        }
    }

    pub(crate) fn send_in_flight(&self) -> bool {
        matches!(self.sending, Sending::InFlight(_))
    }

    /// Whether no operation but a close is in flight.
    pub(crate) fn quiet(&self) -> bool {
        self.armed == Armed::No
            && !self.connecting
            && !self.send_in_flight()
            && self.polls().iter().all(Option::is_none)
    }

    /// Whether another engine could take the socket over, and nobody would notice.
    pub(crate) fn untouched(&self) -> bool {
        self.quiet()
            && !self.closing
            && !self.starved
            && self.queue.is_empty()
            && self.end.is_none()
            && self.sending == Sending::Idle
            && self.splicing.is_none()
    }

    /// Whether a splice from here is under way.
    pub(crate) fn splices(&self) -> bool {
        self.splicing.as_ref().is_some_and(|splicing| splicing.active)
    }

    /// The polls in flight.
    pub(crate) fn polls(&self) -> [Option<Kind>; 2] {
        self.splicing.as_ref().map_or([None; 2], |splicing| {
            [
                splicing.readable_polled.then_some(Kind::Readable),
                splicing.writable_polled.then_some(Kind::Writable),
            ]
        })
    }

    /// Whether somebody waits for it to take more.
    pub(crate) fn send_awaited(&self) -> bool {
        self.send_in_flight()
            || self.connecting
            || self.splicing.as_ref().is_some_and(|splicing| splicing.writable_awaited)
    }

    pub(crate) fn wake_recv(&mut self) {
        if let Some(waker) = self.recv_waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn wake_send(&mut self) {
        if let Some(waker) = self.send_waker.take() {
            waker.wake();
        }
    }
}

/// Remembers who waits, without a new waker when it is the same task as before.
pub(crate) fn register(slot: &mut Option<Waker>, waker: &Waker) {
    match slot {
        Some(old) if old.will_wake(waker) => {}
        _ => *slot = Some(waker.clone()),
    }
}

pub(crate) fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}
