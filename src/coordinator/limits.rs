//! Numbers of the coordinator that are not configured, each with its unit and reason.

use std::time::Duration;

/// Connections that wait in the kernel for a shard to accept them, per listening socket. The kernel's own cap,
/// `net.core.somaxconn`, is the same number by default.
pub(super) const LISTEN_BACKLOG: i32 = 4096;

/// Submission queue entries of the coordinator's ring. It handles signals and messages, and a file now and then.
pub(super) const RING_ENTRIES: u32 = 64;

/// How long the shards are given beyond the drain deadline, to cancel what is in flight and close what is open: some
/// milliseconds each, unless a shard is stuck.
pub(super) const DRAIN_GRACE: Duration = Duration::from_secs(2);

/// How long one snapshot is waited for. A shard answers between two turns; one that does not within this is left out.
pub(super) const SNAPSHOT_WAIT: Duration = Duration::from_secs(1);

/// Descriptors that a process has besides its connections and listeners: standard streams, rings, wake-ups.
pub(super) const DESCRIPTORS_BASE: u64 = 64;

/// Descriptors per shard besides connections and listeners: its ring and its wake-up.
pub(super) const DESCRIPTORS_PER_SHARD: u64 = 2;

/// What shards have found out about backends and the coordinator has not looked at: one for each backend of a large
/// installation. Beyond, shards keep it.
pub(super) const SIGNALS_WAITING_MAX: usize = 16 * 1024;
