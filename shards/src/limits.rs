//! Numbers of the data plane that are not configured, each with its unit and reason.

use std::time::Duration;

/// Commands that may wait for a shard. It takes all of them between two turns, so more means that it is stuck.
pub const INBOX_COMMANDS_MAX: usize = 1024;

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

/// Interim answers (1xx) passed on for one request; a backend that sends more never comes to the point.
pub const INTERIM_RESPONSES_MAX: u32 = 16;
