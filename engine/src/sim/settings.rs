//! What a simulation is made of: its seed, its limits, the times things take.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::faults::Faults;
use crate::uring::{self, GroupSettings};

/// What one system call costs: time goes on even in a loop that never waits, or it could not end.
pub(super) const ENTER_NS: RangeInclusive<u64> = 200..=2_000;
/// From the moment an operation can go on until the kernel looks at it (deferred task work).
pub(super) const TASK_WORK_NS: RangeInclusive<u64> = 0..=20_000;
/// The shortest a [`Fault::Late`](super::Fault::Late) operation is not looked at: longer than any latency.
pub(super) const LATE_MIN_NS: u64 = 1_000_000;
/// The longest a [`Fault::Late`](super::Fault::Late) operation is not looked at: shorter than proxies' deadlines.
pub const LATE_MAX_NS: u64 = 50_000_000;
/// From a cancel until its target ends, when the target may still deliver: room for bytes under way to arrive.
pub(super) const CANCEL_RACE_NS: RangeInclusive<u64> = 0..=300_000;
/// Repetitions of a connection request that nobody answers, 1 s, 2 s, 4 s … apart: the kernel gives up after 127 s.
pub(super) const SYN_RETRIES: u32 = 6;
/// Completions a multishot operation posts before others get their turn, as in the kernel.
pub(super) const MULTISHOT_ROUNDS: usize = 32;
/// Most work items a turn does under [`Fault::PartialBatch`](super::Fault::PartialBatch).
pub(super) const PARTIAL_BATCH_MAX: usize = 4;
/// What a buffer holds while the kernel owns it.
pub(super) const POISON: u8 = 0xDB;

/// One simulated host.
#[derive(Debug, Clone)]
pub struct SimSettings {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// Whether multishot receives can be limited, as from Linux 6.17 on.
    pub limits_multishot: bool,
    /// Room in the submission queue; a push to a full one submits.
    pub sq_entries: usize,
    /// Room in the completion queue. A small one shows what happens when it runs over.
    pub cq_entries: usize,
    /// Bytes on their way or unread in one direction of a connection; each direction draws its own.
    pub window_bytes: RangeInclusive<usize>,
    /// One way from end to end; each connection draws its own, and each segment up to as much again.
    pub latency: RangeInclusive<Duration>,
    /// Connections that wait to be accepted, unless [`Net::listen_with`](super::Net::listen_with) says otherwise.
    pub backlog: usize,
    /// Descriptors the host may have open (`RLIMIT_NOFILE`).
    pub descriptors_max: usize,
    /// How long, in real time, a wait without end may last when nothing is left that could end it but another thread.
    pub patience: Duration,
    /// Turns after which the simulation is taken to spin.
    pub turns_max: u64,
}

impl SimSettings {
    /// A well-behaved host: queues as large as production's, windows of 4 to 64 KiB so that senders do have to wait.
    #[must_use]
    pub fn new(seed: u64) -> SimSettings {
        SimSettings {
            seed,
            faults: Faults::none(),
            limits_multishot: true,
            sq_entries: 1024,
            cq_entries: 8192,
            window_bytes: 4 * 1024..=64 * 1024,
            latency: Duration::from_micros(2)..=Duration::from_micros(200),
            backlog: 1024,
            descriptors_max: 65_536,
            patience: Duration::from_secs(10),
            turns_max: 10_000_000,
        }
    }

    /// A host with the faults that `seed` draws, every third time with a completion queue that runs over, and every
    /// fourth time with an older kernel.
    #[must_use]
    pub fn faulty(seed: u64) -> SimSettings {
        let usual = SimSettings::new(seed);
        let cq_entries = if seed % 3 == 2 { 2 + (seed / 3 % 31) as usize } else { usual.cq_entries };
        SimSettings { faults: Faults::random(seed), limits_multishot: seed % 4 != 3, cq_entries, ..usual }
    }
}

/// Queues and buffer groups for an engine under test: a run sets up in microseconds, and buffers do run out.
#[must_use]
pub fn small_queues() -> uring::Settings {
    uring::Settings {
        sq_entries: 64,
        cq_entries: 256,
        accepted: GroupSettings { buffer_bytes: 256, initial: 8, max: 64 },
        connected: GroupSettings { buffer_bytes: 1024, initial: 4, max: 64 },
        bulk: GroupSettings { buffer_bytes: 4096, initial: 4, max: 32 },
        pipes_max: 4,
        pipe_bytes: 16 * 1024,
    }
}
