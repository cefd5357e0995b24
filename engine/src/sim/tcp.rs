//! A connection of the simulated network: two ends, and what is under way between them.

use std::collections::VecDeque;
use std::net::SocketAddr;

use ringway_core::Address;

use crate::slab::Key;

/// What travels from one end to the other, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// The connection is established; sent by the end that connected.
    Established,
    /// As many bytes.
    Bytes(usize),
    /// Nothing more will come.
    Fin,
    /// The connection is no more.
    Rst,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Wire {
    /// Everything sent and not yet received: first what has arrived, then what is under way.
    pub(super) bytes: VecDeque<u8>,
    /// How much of `bytes` has arrived.
    pub(super) arrived: usize,
    pub(super) segments: VecDeque<Segment>,
    /// When the last of `segments` arrives.
    pub(super) last_at: u64,
    /// Most that `bytes` holds.
    pub(super) window: usize,
}

impl Wire {
    fn new(window: usize) -> Wire {
        Wire { bytes: VecDeque::new(), arrived: 0, segments: VecDeque::new(), last_at: 0, window }
    }

    pub(super) fn space(&self) -> usize {
        self.window - self.bytes.len()
    }

    /// Whether a sender that waits is told to go on: Linux waits for a third of the buffer, too.
    pub(super) fn is_writable(&self) -> bool {
        self.space() >= (self.window / 3).max(1)
    }

    /// Throws away the `count` bytes that come after those that have arrived.
    pub(super) fn lose(&mut self, count: usize) {
        self.bytes.drain(self.arrived..self.arrived + count);
    }
}

/// One end, as its host sees it.
#[derive(Debug)]
pub(super) struct End {
    /// `None` for a UNIX socket.
    pub(super) addr: Option<SocketAddr>,
    /// Whether a file, or a listener's queue, holds it.
    pub(super) attached: bool,
    pub(super) fin_sent: bool,
    pub(super) fin_received: bool,
    pub(super) reset: bool,
    /// Closing resets the connection (`SO_LINGER` of zero).
    pub(super) abortive: bool,
    /// What the next call is to be told, once (`sk_err`).
    pub(super) error: Option<i32>,
    /// Operations that wait for something to receive.
    pub(super) readers: Vec<Key>,
    /// Operations that wait for room to send, or for the connection.
    pub(super) writers: Vec<Key>,
}

impl End {
    fn new(addr: Option<SocketAddr>) -> End {
        End {
            addr,
            attached: false,
            fin_sent: false,
            fin_received: false,
            reset: false,
            abortive: false,
            error: None,
            readers: Vec::new(),
            writers: Vec::new(),
        }
    }
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Asked for.
    Connecting,
    /// There, as far as the end that asked knows.
    Established,
    /// It will not be, and why.
    Failed(i32),
}

/// A connection. End 0 is the one that asked for it; wire `i` leads away from end `i`.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) ends: [End; 2],
    pub(super) wires: [Wire; 2],
    pub(super) stage: Stage,
    /// One way, at least.
    pub(super) latency: u64,
    /// The listener that keeps a place for it.
    pub(super) listener: Option<usize>,
    /// Events that name it.
    pub(super) events: u32,
}

impl Link {
    pub(super) fn new(addrs: [Option<SocketAddr>; 2], latency: u64, windows: [usize; 2]) -> Link {
        Link {
            ends: addrs.map(End::new),
            wires: windows.map(Wire::new),
            stage: Stage::Connecting,
            latency,
            listener: None,
            events: 0,
        }
    }

    /// Whether a receive at this end has an answer: bytes, the end, or an error.
    pub(super) fn is_readable(&self, end: usize) -> bool {
        let me = &self.ends[end];
        self.wires[1 - end].arrived > 0
            || me.fin_received
            || me.reset
            || me.error.is_some()
            || matches!(self.stage, Stage::Failed(_))
    }

    /// What a receive at this end answers instead of bytes: 0 at the end of the stream, or an errno.
    pub(super) fn no_bytes(&mut self, end: usize) -> i32 {
        if let Stage::Failed(code) = self.stage {
            return code;
        }
        let me = &mut self.ends[end];
        // After a FIN there is nothing but the end of the stream (`SOCK_DONE`), whatever came later.
        if me.fin_received { 0 } else { me.error.take().unwrap_or(0) }
    }

    /// What a send from this end answers at once, if it can not go on: an errno.
    pub(super) fn refuses_bytes(&mut self, end: usize) -> Option<i32> {
        if let Stage::Failed(code) = self.stage {
            return Some(code);
        }
        let me = &mut self.ends[end];
        me.error.take().or((me.reset || me.fin_sent).then_some(libc::EPIPE))
    }

    /// Whether nobody and nothing knows of this connection any more.
    pub(super) fn is_over(&self) -> bool {
        self.events == 0 && !self.ends[0].attached && !self.ends[1].attached
    }
}

/// A listening socket.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) addr: Address,
    pub(super) open: bool,
    /// Connections to be accepted.
    pub(super) queue: VecDeque<Key>,
    /// Connections that will come to the queue: places kept for them.
    pub(super) reserved: usize,
    pub(super) backlog: usize,
    /// Operations that wait for a connection.
    pub(super) waiters: Vec<Key>,
}
