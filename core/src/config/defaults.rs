//! Every default and bound of the configuration, with its unit and its reason.

use std::time::Duration;

/// The most shards of one process: beyond the cores of today's largest servers, and few enough that a message to
/// each of them stays cheap.
pub const SHARDS_MAX: u16 = 1024;

/// How long requests in progress get when the process stops. What service managers give at the least: systemd kills
/// after 90 s, Kubernetes after 30 s.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Client connections per shard. Two sockets each: 20,000 descriptors, so that 26 shards fit in the 524,288 that
/// systemd lets a service ask for.
pub const MAX_CONNECTIONS_PER_SHARD: u32 = 10_000;
/// A shard without a connection would serve nothing.
pub const MAX_CONNECTIONS_PER_SHARD_MIN: u32 = 1;
/// `fs.nr_open`, the kernel's own bound on the descriptors of one process, is 1,048,576.
pub const MAX_CONNECTIONS_PER_SHARD_MAX: u32 = 1_000_000;

/// The shortest timeout: what the timers resolve. Zero is not "never": nothing waits for ever.
pub const TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// The longest timeout: what waits longer than a day is forgotten, not waiting.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A whole request head. An honest client sends it in one packet; ten seconds cover a bad mobile link and bound
/// clients that send a byte at a time.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A client connection between requests. Browsers close theirs after one to five minutes.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// A request body without progress. Several TCP retransmissions fit in.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A connect. Covers the retransmission of a lost SYN after 1 s, and leaves a retry time to help.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The first byte of a response. Longer is a job, not a request; who serves such raises it.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// A response body without progress. Several TCP retransmissions fit in.
pub const RESPONSE_BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that takes nothing. Several TCP retransmissions fit in; longer it only holds memory.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// A request head, in bytes: twice what common servers accept in one field, so that large cookies pass.
pub const HEAD_BYTES: usize = 16 * 1024;
/// The least head limit, in bytes: a browser's own fields without cookies nearly fill it.
pub const HEAD_BYTES_MIN: usize = 1024;
/// The largest head limit, in bytes: each head in progress may hold that much memory.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Header fields of one head: browsers send about 20, and chains of proxies add a few each.
pub const HEADERS: usize = 100;
/// The least: what a plain request already carries.
pub const HEADERS_MIN: usize = 8;
/// The most: the parser's scratch table of a shard has a slot for each.
pub const HEADERS_MAX: usize = 256;

/// A request target, in bytes: RFC 9112 section 3 asks for 8,000 at least.
pub const URI_BYTES: usize = 8 * 1024;
/// The least: room for a path and a short query.
pub const URI_BYTES_MIN: usize = 256;
/// The most: a target is a part of its head.
pub const URI_BYTES_MAX: usize = HEAD_BYTES_MAX;

/// Tries beyond the first: enough to step over a few dead backends.
pub const RETRIES: u8 = 3;
/// The most tries beyond the first: each one multiplies the load on a cluster that already fails.
pub const RETRIES_MAX: u8 = 16;

/// Idle connections per backend and shard: a burst's worth; a connection costs each side a descriptor.
pub const POOL_IDLE_MAX: usize = 128;
/// The largest such pool: there are no more ports to one backend from one address. 0 turns the pool off.
pub const POOL_IDLE_MAX_BOUND: usize = 65_535;
/// How long an idle connection is kept. Below nginx's keep-alive of 75 s, so that we close first and no request meets
/// a connection that is just being closed; backends that close sooner (Apache and Node.js: 5 s) ask for less.
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The host of a frontend that names none: any.
pub const HOSTNAME: &str = "*";
/// The path prefix of a frontend that names none: every path has it.
pub const PATH_PREFIX: &str = "/";
/// The longest path prefix, in bytes: routing compares it with every request of its host.
pub const PATH_PREFIX_BYTES_MAX: usize = 1024;

/// The weight of a backend: in the middle of the range on a logarithmic scale, so that there is room both ways.
pub const WEIGHT: u16 = 100;
/// The least weight. Zero would be a backend that is none; a drained one is removed instead.
pub const WEIGHT_MIN: u16 = 1;
/// The largest weight: three orders of magnitude between two backends are enough, and sums stay small.
pub const WEIGHT_MAX: u16 = 1000;
/// A backend serves all the time unless told otherwise.
pub const BACKUP: bool = false;
