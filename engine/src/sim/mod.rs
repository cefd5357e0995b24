//! The simulated engine: the bookkeeping of [`uring`] over a kernel that exists in memory only.
//!
//! A [`Net`] is one host: a descriptor table, a TCP of its own, a virtual clock that jumps to whatever happens next.
//! A [`SimRing`] is a ring of that host and answers operations as Linux does: which completions a multishot operation
//! posts and what ends it, when a receive takes its buffer, what a cancel says and in which order, what closing a
//! descriptor does *not* do. What Linux leaves open (when a completion comes, how a stream is cut into pieces, which
//! of two things due at once is first) is drawn from the seed, and so are the [`Fault`]s, if any are asked for.
//!
//! The same seed gives the same run. Misuse that a real kernel would let pass is a panic here: a buffer provided
//! twice or written to while it is not ours, a descriptor closed under an operation; a wait that nothing can end.
//!
//! What it does not model: urgent data, `SHUT_RD`, memory pressure, segments lost and repeated (TCP hides them).

mod bell;
mod buffers;
mod clock;
mod completions;
mod dice;
mod faults;
mod files;
mod memory;
mod net;
mod network;
mod ops;
mod pipes;
mod ring;
mod settings;
mod tcp;
mod world;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;

use ringway_core::Time;

pub use buffers::SimBuffers;
pub use faults::{Fault, Faults, Injected};
pub use net::{Net, SimSocket};
pub use ring::SimRing;
pub use settings::{LATE_MAX_NS, SimSettings, small_queues};
pub use world::Ledger;

use crate::uring::{self, Uring};

/// An engine on a simulated host.
pub type Sim = Uring<SimRing>;

/// How a simulation ended, after the engine has closed everything and the network has come to rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The engine's own account.
    pub engine: uring::Report,
    /// Descriptors left open.
    pub open_descriptors: usize,
    /// Connections left: each has an end that nobody has closed.
    pub connections: usize,
    /// Uses of descriptors that were not open.
    pub bad_descriptors: u64,
    /// Receive buffers that did not come home.
    pub buffers_missing: usize,
    /// Bytes over all connections.
    pub ledger: Ledger,
    /// What went wrong.
    pub injected: Injected,
    /// When the engine was done.
    pub ended_at: Time,
    /// Tells runs apart: see [`Net::trace`].
    pub trace: u64,
}

impl Report {
    /// Whether nothing is left that a run which has ended could leave behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let counters = self.engine.counters;
        let left =
            counters.in_flight + counters.streams + counters.listeners + counters.tasks + counters.chunks_out;
        left == 0
            && self.open_descriptors == 0
            && self.connections == 0
            && self.bad_descriptors == 0
            && self.buffers_missing == 0
            && self.ledger.sent == self.ledger.received + self.ledger.lost
    }
}

/// Runs `main` on the engine of a new simulated host until it completes; see [`Uring::run`].
///
/// # Errors
/// When `engine` has sizes that can not be.
///
/// # Panics
/// When the engine misuses the kernel, waits for what can not come or spins; the message has the seed.
pub fn run<T: 'static, F>(
    settings: &SimSettings,
    engine: &uring::Settings,
    main: impl FnOnce(Sim, Net) -> F,
) -> io::Result<(T, Report)>
where
    F: Future<Output = T> + 'static,
{
    let net = Net::new(settings.clone());
    let handle = net.clone();
    let (value, engine) = Uring::run(SimRing::new(&net), engine, |engine| main(engine, handle))?;
    let ended_at = net.now();
    net.settle();
    let report = Report {
        engine,
        open_descriptors: net.open_descriptors(),
        connections: net.connections(),
        bad_descriptors: net.bad_descriptors(),
        buffers_missing: net.buffers_missing(),
        ledger: net.ledger(),
        injected: net.injected(),
        ended_at,
        trace: net.trace(),
    };
    Ok((value, report))
}
