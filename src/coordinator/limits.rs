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

/// Verbs of all doors that wait for the coordinator: one for each client of the command socket, and some.
pub(super) const ASKS_WAITING_MAX: usize = 4096;

/// Verbs that are taken together in one step. More would make the first of them wait for no gain.
pub(super) const GROUP_VERBS_MAX: usize = 256;

/// How often it is looked whether a shard's turn takes too long.
pub(super) const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// How long the first start waits after a shard has failed. Each failure doubles it …
pub(super) const RESTART_WAIT_MIN: Duration = Duration::from_millis(100);

/// … up to this …
pub(super) const RESTART_WAIT_MAX: Duration = Duration::from_secs(10);

/// … until one has run for so long.
pub(super) const RESTART_STABLE: Duration = Duration::from_secs(60);

/// Clusters that are named in the answer to `status`, of those that are down.
pub(super) const CLUSTERS_DOWN_SHOWN: usize = 1000;

/// How long an address that was given up counts as our own: until every shard has closed its sockets, which takes it some turns.
pub(super) const SOCKETS_LINGER: Duration = Duration::from_secs(2);

/// How many turns the doors get at the end to hand the last answers over. The first one takes them; writing is not waited for.
pub(super) const ANSWER_TURNS: usize = 8;
