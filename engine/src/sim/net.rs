//! A simulated host from outside: its listening sockets, its limits, and what to ask it when the run is over.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use ringway_core::{Address, Time};

use super::faults::{Faults, Injected};
use super::settings::SimSettings;
use super::world::{Ledger, World};

/// The network and the descriptor table of one simulated host. Cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub struct Net {
    pub(super) world: Rc<RefCell<World>>,
}

impl Net {
    /// A host without sockets.
    ///
    /// # Panics
    /// When the settings leave no room to work in: queues of nothing, a window of no bytes, ranges that end before
    /// they begin.
    #[must_use]
    pub fn new(settings: SimSettings) -> Net {
        assert!(settings.sq_entries > 0 && settings.cq_entries > 0, "a queue needs room for one entry");
        assert!(*settings.window_bytes.start() > 0, "a connection needs a window of one byte");
        assert!(!settings.window_bytes.is_empty() && !settings.latency.is_empty(), "a range has no values");
        Net { world: Rc::new(RefCell::new(World::new(settings))) }
    }

    /// A listening socket at `addr`; port 0 takes a free one. The unspecified address listens at all of its family.
    ///
    /// # Panics
    /// When something listens there already.
    #[must_use]
    pub fn listen(&self, addr: SocketAddr) -> SimSocket {
        let backlog = self.world.borrow().settings.backlog;
        self.listen_with(addr, backlog)
    }

    /// A listening socket with room for `backlog` connections that wait to be accepted. Further requests are dropped,
    /// and repeated by who made them.
    ///
    /// # Panics
    /// When something listens there already.
    #[must_use]
    pub fn listen_with(&self, addr: SocketAddr, backlog: usize) -> SimSocket {
        self.listen_at(addr.into(), backlog)
    }

    /// A listening UNIX socket. Its file stays when it is closed, as files do; another may listen there then.
    ///
    /// # Panics
    /// When something listens there already.
    #[must_use]
    pub fn listen_unix(&self, path: &Path, backlog: usize) -> SimSocket {
        self.listen_at(Address::Unix(Arc::from(path)), backlog)
    }

    fn listen_at(&self, addr: Address, backlog: usize) -> SimSocket {
        let fd = self.world.borrow_mut().listen(addr, backlog);
        SimSocket::new(&self.world, fd)
    }

    /// Takes a connection that waits to be accepted, outside of any ring.
    #[must_use]
    pub fn accept(&self, listener: &SimSocket) -> Option<SimSocket> {
        let fd = self.world.borrow_mut().accept_now(listener.fd?)?;
        Some(SimSocket::new(&self.world, fd))
    }

    /// Both ends of a connection to `to`: the one that asked for it, and the one that was asked.
    #[must_use]
    pub fn pair(&self, to: SocketAddr) -> [SimSocket; 2] {
        let fds = self.world.borrow_mut().pair(to);
        fds.map(|fd| SimSocket::new(&self.world, fd))
    }

    /// From now on, connection requests to `addr` get no answer.
    pub fn black_hole(&self, addr: SocketAddr) {
        self.world.borrow_mut().black_holes.insert(addr);
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.world.borrow_mut().settings.faults = faults;
    }

    /// Changes how many descriptors may be open. What is open stays open.
    pub fn set_descriptors_max(&self, most: usize) {
        self.world.borrow_mut().files.set_most(most);
    }

    /// How many descriptors are open.
    #[must_use]
    pub fn open_descriptors(&self) -> usize {
        self.world.borrow().files.open()
    }

    /// How many connections the host still knows of: also those that nobody holds, until their last segment arrives.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.world.borrow().links.len()
    }

    /// Bytes sent, received and lost so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.world.borrow().ledger
    }

    /// What went wrong so far.
    #[must_use]
    pub fn injected(&self) -> Injected {
        self.world.borrow().injected
    }

    /// Operations and calls so far on descriptors that were not open: each is a descriptor used after it was closed,
    /// or closed twice.
    #[must_use]
    pub fn bad_descriptors(&self) -> u64 {
        self.world.borrow().bad_descriptors
    }

    /// Receive buffers that rings which have gone had not got back.
    #[must_use]
    pub fn buffers_missing(&self) -> usize {
        self.world.borrow().buffers_missing
    }

    /// The virtual clock.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::from_nanos(self.world.borrow().clock.now())
    }

    /// A number that two runs share only if their completions were the same, at the same times. Wake-ups by other
    /// threads come when they come: a run that has any is not repeatable.
    #[must_use]
    pub fn trace(&self) -> u64 {
        let world = self.world.borrow();
        world.rings.iter().fold(0, |trace, ring| trace.rotate_left(7) ^ ring.completions.trace())
    }

    /// What is in flight and how every connection stands, for whoever has to find out why nothing goes on.
    #[must_use]
    pub fn dump(&self) -> String {
        self.world.borrow().dump()
    }

    /// Lets everything that is under way arrive, however late, and nothing else happen.
    pub fn settle(&self) {
        let mut world = self.world.borrow_mut();
        while let Some(at) = world.clock.next_at() {
            world.clock.advance_to(at);
            world.run_due(usize::MAX);
        }
    }
}

/// An owned descriptor of a simulated host. Dropping it closes it.
#[derive(Debug)]
pub struct SimSocket {
    world: Rc<RefCell<World>>,
    /// `None` once it was given away.
    fd: Option<RawFd>,
}

impl SimSocket {
    pub(super) fn new(world: &Rc<RefCell<World>>, fd: RawFd) -> SimSocket {
        SimSocket { world: Rc::clone(world), fd: Some(fd) }
    }

    pub(super) fn into_fd(mut self) -> RawFd {
        self.fd.take().expect("a socket is given away once, by value")
    }

    /// Where it listens, or its own end of a connection; `None` for a socket that is neither.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.world.borrow_mut().local_addr(self.fd?)
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        if let Some(fd) = self.fd.take() {
            self.world.borrow_mut().close(fd);
        }
    }
}
