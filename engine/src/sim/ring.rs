//! The ring of a simulated host: a turn of its loop, and the plain system calls.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::Path;
use std::rc::Rc;

use ringway_core::Time;

use super::bell::Bell;
use super::buffers::{Groups, SimBuffers};
use super::completions::Completions;
use super::faults::Fault;
use super::files::Kind;
use super::net::{Net, SimSocket};
use super::settings::{ENTER_NS, PARTIAL_BATCH_MAX};
use super::tcp::Stage;
use super::world::{RingState, World};
use crate::uring::ring::{Completion, Op, Pipe, Ring, Unpark, Wait};

/// Submission and completion queues of a simulated kernel.
#[derive(Debug)]
pub struct SimRing {
    world: Rc<RefCell<World>>,
    index: usize,
    queue: Vec<(u64, Op)>,
    turns: u64,
}

impl SimRing {
    /// A ring of this host. Several may share one: what one does, the others' turns see.
    #[must_use]
    pub fn new(net: &Net) -> SimRing {
        let world = Rc::clone(&net.world);
        let mut host = world.borrow_mut();
        let index = host.rings.len();
        let completions = Completions::new(host.settings.cq_entries);
        host.rings.push(RingState {
            completions,
            groups: Groups::default(),
            bell: Bell::default(),
            wakeups: None,
            targets: Default::default(),
            in_flight: 0,
        });
        drop(host);
        SimRing { world, index, queue: Vec::new(), turns: 0 }
    }

    /// Operations submitted whose final completion was not posted yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.world.borrow().rings[self.index].in_flight
    }

    fn submit(&mut self) {
        let mut world = self.world.borrow_mut();
        for (user_data, op) in self.queue.drain(..) {
            world.submit(self.index, user_data, op);
        }
    }
}

impl World {
    /// Lets things happen until this ring has a completion or the wait is over.
    fn turn(&mut self, ring: usize, wait: Wait) {
        let (low, high) = ENTER_NS.into_inner();
        self.clock.advance_to(self.clock.now() + self.dice.between(low, high));
        self.rings[ring].completions.flush();
        let batch =
            if self.hits(Fault::PartialBatch) { self.dice.up_to(PARTIAL_BATCH_MAX) } else { usize::MAX };
        self.run_due(batch);
        self.answer_bell(ring);
        let Wait::Until(until) = wait else { return };
        if self.hits(Fault::SpuriousWake) {
            return;
        }
        while self.rings[ring].completions.is_empty() {
            match self.clock.next_at() {
                Some(at) if at <= until.as_nanos() => {
                    self.clock.advance_to(at);
                    self.run_due(batch);
                }
                _ if until != Time::NEVER => return self.clock.advance_to(until.as_nanos()),
                _ => {
                    if !self.rings[ring].bell.wait(self.settings.patience) {
                        panic!("simulation stalled: nothing can ever happen\n{}", self.dump());
                    }
                    let answered = self.rings[ring].wakeups.is_some();
                    assert!(answered, "simulation stalled: nobody waits for the bell\n{}", self.dump());
                }
            }
            self.answer_bell(ring);
        }
    }

    /// What is going on, for whoever has to find out why nothing is.
    pub(super) fn dump(&self) -> String {
        let mut text = format!(
            "seed {}, {} ns, {} descriptors open, {:?}, {:?}",
            self.settings.seed,
            self.clock.now(),
            self.files.open(),
            self.settings.faults,
            self.ledger,
        );
        for key in self.flights.keys() {
            let _ = write!(text, "\n{:?}", self.flights.get(key));
        }
        for key in self.links.keys() {
            let Some(link) = self.links.get(key) else { continue };
            let _ = write!(text, "\nconnection, {:?}", link.stage);
            for (end, wire) in link.ends.iter().zip(&link.wires) {
                let (arrived, sent) = (wire.arrived, wire.bytes.len());
                let _ = write!(
                    text,
                    "\n  {:?}: attached {}, reset {}, fin sent {}, received {}; sent {sent} B of {}, arrived {arrived}",
                    end.addr, end.attached, end.reset, end.fin_sent, end.fin_received, wire.window
                );
            }
        }
        text
    }
}

impl Ring for SimRing {
    type Socket = SimSocket;
    type Buffers = SimBuffers;

    fn push(&mut self, user_data: u64, op: Op) {
        self.queue.push((user_data, op));
        if self.queue.len() >= self.world.borrow().settings.sq_entries {
            self.submit();
        }
    }

    fn enter(&mut self, wait: Wait) -> io::Result<()> {
        self.submit();
        let mut world = self.world.borrow_mut();
        self.turns += 1;
        assert!(self.turns <= world.settings.turns_max, "simulation spins\n{}", world.dump());
        world.turn(self.index, wait);
        Ok(())
    }

    fn reap(&mut self, into: &mut Vec<Completion>) {
        self.world.borrow_mut().rings[self.index].completions.reap(into);
    }

    fn now(&self) -> Time {
        Time::from_nanos(self.world.borrow().clock.now())
    }

    fn limits_multishot(&self) -> bool {
        self.world.borrow().settings.limits_multishot
    }

    fn overflows(&self) -> u64 {
        self.world.borrow().rings[self.index].completions.overflows()
    }

    fn buffer_groups(&mut self, entries: &[u16]) -> io::Result<SimBuffers> {
        let good = |entries: &u16| entries.is_power_of_two() && *entries <= 32_768;
        if !entries.iter().all(good) {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(self.world.borrow().rings[self.index].groups.set_up(entries))
    }

    fn unpark(&self) -> Box<dyn Unpark> {
        Box::new(self.world.borrow().rings[self.index].bell.clone())
    }

    fn socket(&mut self, _to: &SocketAddr) -> io::Result<RawFd> {
        let mut world = self.world.borrow_mut();
        if !world.files.has_room() || world.hits(Fault::NoDescriptors) {
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        Ok(world.files.insert(Kind::Fresh))
    }

    fn connect_unix(&mut self, to: &Path) -> io::Result<RawFd> {
        self.world.borrow_mut().connect_unix(to).map_err(io::Error::from_raw_os_error)
    }

    fn set_nonblocking(&mut self, fd: RawFd) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        let Some(file) = world.files.lookup(fd) else {
            world.bad_descriptors += 1;
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        };
        world.files.set_nonblocking(file);
        Ok(())
    }

    fn pipe(&mut self, bytes: u32) -> io::Result<Pipe> {
        self.world.borrow_mut().pipe(bytes as usize).map_err(io::Error::from_raw_os_error)
    }

    fn splice(&mut self, from: RawFd, to: RawFd, max: u64) -> io::Result<u64> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let moved = self.world.borrow_mut().splice(from, to, max);
        moved.map(|count| count as u64).map_err(io::Error::from_raw_os_error)
    }

    fn recv_now(&mut self, fd: RawFd, bytes: &mut [u8]) -> io::Result<usize> {
        self.world.borrow_mut().recv_now(fd, bytes).map_err(io::Error::from_raw_os_error)
    }

    fn send_now(&mut self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        self.world.borrow_mut().send_now(fd, bytes).map_err(io::Error::from_raw_os_error)
    }

    fn peer(&mut self, fd: RawFd) -> io::Result<SocketAddr> {
        let mut world = self.world.borrow_mut();
        let Some(file) = world.files.lookup(fd) else {
            world.bad_descriptors += 1;
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        };
        let not_connected = io::Error::from_raw_os_error(libc::ENOTCONN);
        let Kind::Stream(link, end) = world.files.kind(file) else { return Err(not_connected) };
        let link = world.link(link);
        if link.ends[end].reset || link.stage != Stage::Established {
            return Err(not_connected);
        }
        link.ends[1 - end].addr.ok_or(io::ErrorKind::Unsupported.into())
    }

    fn local(&mut self, fd: RawFd) -> io::Result<SocketAddr> {
        let mut world = self.world.borrow_mut();
        if world.files.lookup(fd).is_none() {
            world.bad_descriptors += 1;
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        world.local_addr(fd).ok_or(io::ErrorKind::Unsupported.into())
    }

    fn reset_on_close(&mut self, fd: RawFd) {
        let mut world = self.world.borrow_mut();
        let Some(file) = world.files.lookup(fd) else {
            world.bad_descriptors += 1;
            return;
        };
        if let Kind::Stream(link, end) = world.files.kind(file) {
            world.link(link).ends[end].abortive = true;
        }
    }

    fn shutdown_write(&mut self, fd: RawFd) {
        let mut world = self.world.borrow_mut();
        let Some(file) = world.files.lookup(fd) else {
            world.bad_descriptors += 1;
            return;
        };
        if let Kind::Stream(link, end) = world.files.kind(file) {
            world.finish_sending(link, end);
        }
    }

    fn adopt(&mut self, socket: SimSocket) -> RawFd {
        socket.into_fd()
    }

    fn release(&mut self, fd: RawFd) -> SimSocket {
        SimSocket::new(&self.world, fd)
    }

    fn close_now(&mut self, fd: RawFd) {
        let mut world = self.world.borrow_mut();
        if let Some(file) = world.files.lookup(fd) {
            assert!(
                world.files.is_quiet(file),
                "descriptor {fd} closed with operations in flight\n{}",
                world.dump()
            );
        }
        world.close(fd);
    }
}

impl Drop for SimRing {
    /// The kernel cancels what is in flight, and writes to no buffer any more.
    fn drop(&mut self) {
        let mut world = self.world.borrow_mut();
        let mut mine: Vec<_> = world.flights.keys().collect();
        mine.retain(|key| world.flights.get(*key).is_some_and(|flight| flight.ring == self.index));
        for key in mine {
            world.forget_flight(key);
        }
        let missing = world.rings[self.index].groups.forget();
        world.buffers_missing += missing;
    }
}
