//! The simulated host as a whole: everything its parts share, and who wakes whom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ringway_core::Address;

use super::bell::Bell;
use super::buffers::Groups;
use super::clock::{Clock, Event};
use super::completions::Completions;
use super::dice::Dice;
use super::faults::{Fault, Injected};
use super::files::{Files, Kind};
use super::network::EPHEMERAL_PORTS;
use super::ops::Flight;
use super::pipes::Inside;
use super::settings::{SimSettings, TASK_WORK_NS};
use super::tcp::{Link, Listener, Segment};
use crate::slab::{Key, Slab};

/// What one ring has that others have not.
#[derive(Debug)]
pub(super) struct RingState {
    pub(super) completions: Completions,
    pub(super) groups: Groups,
    pub(super) bell: Bell,
    /// The operation that waits for the bell.
    pub(super) wakeups: Option<Key>,
    /// Operations that can be cancelled, by user data.
    pub(super) targets: BTreeMap<u64, Key>,
    pub(super) in_flight: usize,
}

/// Bytes over all connections, both directions. What was sent was received, was lost or is still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Taken from sends.
    pub sent: u64,
    /// Given to receives.
    pub received: u64,
    /// Thrown away because the receiving end was closed or reset.
    pub lost: u64,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: SimSettings,
    pub(super) clock: Clock,
    pub(super) dice: Dice,
    pub(super) injected: Injected,
    pub(super) files: Files,
    pub(super) links: Slab<Link>,
    pub(super) listeners: Vec<Listener>,
    /// Which listener is where.
    pub(super) bound: BTreeMap<Address, usize>,
    /// Files of UNIX sockets; nobody removes them.
    pub(super) paths: BTreeSet<Arc<Path>>,
    pub(super) black_holes: BTreeSet<SocketAddr>,
    pub(super) pipes: Slab<Inside>,
    pub(super) flights: Slab<Flight>,
    pub(super) rings: Vec<RingState>,
    pub(super) ledger: Ledger,
    /// Operations and calls on descriptors that were not open.
    pub(super) bad_descriptors: u64,
    /// Buffers that rings which have gone had not got back.
    pub(super) buffers_missing: usize,
    pub(super) next_port: u16,
}

impl World {
    pub(super) fn new(settings: SimSettings) -> World {
        World {
            clock: Clock::new(),
            dice: Dice::new(settings.seed),
            injected: Injected::default(),
            files: Files::new(settings.descriptors_max),
            links: Slab::new(),
            listeners: Vec::new(),
            bound: BTreeMap::new(),
            paths: BTreeSet::new(),
            black_holes: BTreeSet::new(),
            pipes: Slab::new(),
            flights: Slab::new(),
            rings: Vec::new(),
            ledger: Ledger::default(),
            bad_descriptors: 0,
            buffers_missing: 0,
            next_port: EPHEMERAL_PORTS,
            settings,
        }
    }

    /// Whether a fault happens here and now.
    pub(super) fn hits(&mut self, fault: Fault) -> bool {
        let hit = self.dice.chance(self.settings.faults.of(fault));
        if hit {
            self.injected.add(fault);
        }
        hit
    }

    /// Does what is due by now, at most `most` things.
    pub(super) fn run_due(&mut self, most: usize) {
        for _ in 0..most {
            let Some(event) = self.clock.pop_due() else { return };
            match event {
                Event::Attempt(flight) => self.attempt(flight),
                _ => self.on_network(event),
            }
        }
    }

    // Files

    /// One holder of a file less; the last one closes it.
    pub(super) fn let_go(&mut self, file: Key) {
        match self.files.drop_hold(file) {
            None | Some(Kind::Fresh) => {}
            Some(Kind::Stream(link, end)) => self.detach(link, end),
            Some(Kind::Pipe(pipe)) => self.close_pipe_end(pipe),
            Some(Kind::Listener(listener)) => {
                let me = &mut self.listeners[listener];
                me.open = false;
                let queue = std::mem::take(&mut me.queue);
                let addr = me.addr.clone();
                self.bound.remove(&addr);
                for link in queue {
                    // The client meets a reset, whatever it has sent.
                    self.transmit(link, 1, Segment::Rst);
                    self.link(link).ends[1].reset = true;
                    self.detach(link, 1);
                }
            }
        }
    }

    /// Closes a descriptor; `false` when it is not open.
    pub(super) fn close(&mut self, fd: i32) -> bool {
        let Some(file) = self.files.close(fd) else {
            self.bad_descriptors += 1;
            return false;
        };
        self.let_go(file);
        true
    }

    // Waking

    pub(super) fn wake_readers(&mut self, link: Key, end: usize) {
        while let Some(flight) = self.link(link).ends[end].readers.pop() {
            self.wake(flight, 0);
        }
    }

    /// Wakes who waits for room, `after` from now: it is the other end that has made room.
    pub(super) fn wake_writers(&mut self, link: Key, end: usize, after: u64) {
        while let Some(flight) = self.link(link).ends[end].writers.pop() {
            self.wake(flight, after);
        }
    }

    pub(super) fn wake_acceptors(&mut self, listener: usize) {
        while let Some(flight) = self.listeners[listener].waiters.pop() {
            self.wake(flight, 0);
        }
    }

    pub(super) fn wake(&mut self, flight: Key, after: u64) {
        let (low, high) = TASK_WORK_NS.into_inner();
        let delay = after + self.dice.between(low, high);
        self.attempt_in(flight, delay);
    }
}
