//! Numbers of the data plane that are not configured, each with its unit and reason.

use std::time::Duration;

/// Commands that may wait for a shard. It takes all of them between two turns, but one lost is a backend that it takes for what
/// it is not, and each of a large installation may be decided about at once, twice. More means that the shard is stuck.
pub const INBOX_COMMANDS_MAX: usize = 64 * 1024;

/// A body piece up to this size is copied behind its head, so that both go out as one piece: cheaper than a message of
/// two vectors. In bytes.
pub const JOIN_BYTES_MAX: usize = 2 * 1024;

/// A body with more than this still to come is received in large buffers, one at a time. Below, switching costs more
/// than it saves. In bytes.
pub const BULK_BYTES_MIN: u64 = 32 * 1024;

/// How often a shard looks whether there is room again once the process holds all the connections it may: another shard's
/// connection ended, and told nobody.
pub const GATE_RETRY: Duration = Duration::from_millis(10);

/// A body with at least this much still to come is spliced from socket to socket. In bytes.
pub const SPLICE_BYTES_MIN: u64 = 64 * 1024;

/// Exchanges kept for reuse: the memory of requests in progress. Above, it is given back to the allocator.
pub const EXCHANGES_KEPT_MAX: usize = 1024;

/// How often idle backend connections are looked through for closed and expired ones.
pub const POOL_SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Idle backend connections closed at once when a new one can not be had for lack of descriptors: enough that the next
/// requests need not come here as well.
pub const POOL_EVICTED_MAX: usize = 16;

/// How long a connection on which nothing was received yet is waited for once a drain has begun: its first request may be
/// on its way.
pub const DRAIN_GRACE: Duration = Duration::from_millis(500);

/// After an answer that leaves part of a request unread, how long its bytes are still taken and dropped: closing at once
/// would reset the connection and could destroy the answer on its way.
pub const LINGER_MAX: Duration = Duration::from_secs(2);

/// How many bytes are dropped that way at most.
pub const LINGER_BYTES_MAX: usize = 256 * 1024;

/// Connections that may be on their way from other shards to one. It takes them between two turns, so more means that it is
/// stuck; the others then keep them.
pub const HANDED_OVER_MAX: usize = 256;

/// A connection that ends sooner was short: for the balance between shards it did not count. Shards even out by themselves
/// what lasts no longer.
pub const SHORT_CONNECTION_MAX: Duration = Duration::from_secs(1);

/// Interim answers (1xx) passed on for one request; a backend that sends more never comes to the point.
pub const INTERIM_RESPONSES_MAX: u32 = 16;

/// Health checks that run at once in the process: 64 that time out after 5 s are 13 a second, and 64 descriptors are always
/// there.
pub const PROBES_AT_ONCE_MAX: u32 = 64;

/// Those of them that addresses may take whose last check timed out: however many answer nothing, the others find a slot.
pub const PROBES_SLOW_MAX: u32 = 48;

/// Health checks that may wait for a slot, over all shards; one that finds no place is left out this time.
pub const PROBES_WAITING_MAX: usize = 100_000;

/// How long a request waits for a connection that another shard may have idle, where requests are not to wait at all: it
/// takes that shard a turn to give it up.
pub const EVICTION_WAIT: Duration = Duration::from_millis(50);

/// How often in a row a shard gives a limited connection to requests of its own while those of others wait as well: each time
/// that it gives one up costs a new connection, and they wait so much longer.
pub const KEPT_IN_A_ROW_MAX: u32 = 16;

/// How long a connection lies idle before it is given up where requests of its own shard wait for one as well: those that can
/// use it take it in the next turn.
pub const EVICTION_IDLE_MIN: Duration = Duration::from_millis(1);

/// How often a shard asks the others for idle connections at most.
pub const EVICTION_INTERVAL: Duration = Duration::from_millis(5);

/// How long the rest of a health check's answer is still taken once its verdict is known.
pub const PROBE_LINGER_MAX: Duration = Duration::from_millis(500);
