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

/// The least of a limit of connections, for the process or for one source: none would serve nothing.
pub const CONNECTIONS_MIN: u32 = 1;
/// The most of such a limit: `fs.nr_open`, as for a shard.
pub const CONNECTIONS_MAX: u32 = MAX_CONNECTIONS_PER_SHARD_MAX;

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

/// A tunnel without a byte. WebSocket libraries ping every 20 to 60 seconds; databases' clients are quiet for longer.
pub const TUNNEL_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// A whole request. Downloads of hours are legitimate; what takes a day is lost.
pub const TOTAL_TIMEOUT: Duration = TIMEOUT_MAX;
/// A PROXY protocol header: proxies send it with the connection.
pub const PROXY_HEADER_TIMEOUT: Duration = Duration::from_secs(3);

/// What clients may upgrade to: what browsers ask for.
pub const UPGRADES: &[&str] = &["websocket"];
/// CONNECT makes a proxy a way to anywhere that its backends can reach: who wants that says so.
pub const ALLOW_CONNECT: bool = false;

/// The longest name of a protocol of `upgrades`, in bytes: it is kept while the answer is awaited. `websocket` has 9.
pub const UPGRADE_BYTES_MAX: usize = 32;

/// The least rate of a request body, in bytes per second: a tenth of a modem, so that nobody honest is cut off, and a
/// connection can not be held by a byte every half minute.
pub const BODY_RATE: usize = 100;

/// The largest least rate, in bytes per second: above, honest clients on usual lines are cut off.
pub const BODY_RATE_MAX: usize = 1024 * 1024;

/// After an answer that leaves part of a request unread, how long its bytes are still taken and dropped: closing at once
/// would reset the connection and could destroy the answer on its way. Not configurable.
pub const LINGER: Duration = Duration::from_secs(2);

/// The least number of requests per connection: none would serve nothing.
pub const REQUESTS_PER_CONNECTION_MIN: u32 = 1;
/// The most: who wants more wants no limit.
pub const REQUESTS_PER_CONNECTION_MAX: u32 = 1_000_000_000;

/// Networks of `trusted_proxies`: a content network publishes about 30; each is compared per connection.
pub const TRUSTED_PROXIES_MAX: usize = 256;
/// Protocols of `upgrades`: there are few, and each is compared per upgrade.
pub const UPGRADES_MAX: usize = 16;

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

/// How old a connection to a backend may get: an hour spreads connections over backends that were added, at no cost.
pub const POOL_MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// The host of a frontend that names none: any.
pub const HOSTNAME: &str = "*";
/// The path prefix of a frontend that names none: every path has it.
pub const PATH_PREFIX: &str = "/";
/// The longest path prefix, in bytes: routing compares it with every request of its host.
pub const PATH_PREFIX_BYTES_MAX: usize = 1024;

/// Frontends and routes of one process: the router holds that many in a few hundred MiB.
pub const ROUTES_MAX: usize = 1_000_000;
/// Methods of one rule: there are nine common ones.
pub const METHODS_MAX: usize = 16;
/// Tests of header fields, or of query parameters, of one rule: each costs a look at every field of a request.
pub const PREDICATES_MAX: usize = 8;
/// The longest value that a test compares with, in bytes.
pub const PREDICATE_VALUE_BYTES_MAX: usize = 1024;
/// The longest name of a header field or query parameter, in bytes: the longest in use are half of it.
pub const FIELD_NAME_BYTES_MAX: usize = 128;
/// The longest value of a header field that is set, in bytes: a Content-Security-Policy fits, and a few fit a head.
pub const FIELD_VALUE_BYTES_MAX: usize = 4096;
/// Fields that one rule removes, sets or appends, of each: each costs a look at every field of a message.
pub const EDITS_MAX: usize = 32;

/// The longest pattern, in bytes: what is longer can not be read either.
pub const PATTERN_BYTES_MAX: usize = 1024;
/// The largest compiled pattern, in bytes: an automaton of a path with some alternatives takes a tenth.
pub const PATTERN_SIZE_MAX: usize = 256 * 1024;
/// Patterns of one process: 1,024 of the largest are 256 MiB.
pub const PATTERNS_MAX: usize = 1024;

/// Clusters of one split: a canary has two, an experiment a few.
pub const SPLIT_CLUSTERS_MAX: usize = 32;
/// The largest weight in a split: a hundredth of a percent is one of it.
pub const SPLIT_WEIGHT_MAX: u32 = 10_000;

/// The longest Location of a redirect, in bytes, before its placeholders are filled in.
pub const REDIRECT_BYTES_MAX: usize = 2048;
/// The status of a redirect: for now, so that a mistake is not remembered by browsers.
pub const REDIRECT_STATUS: u16 = 302;
/// The statuses of a redirect.
pub const REDIRECT_STATUSES: &[u16] = &[301, 302, 303, 307, 308];

/// The least status of an answer of a route: below are interim ones, which end nothing.
pub const RESPOND_STATUS_MIN: u16 = 200;
/// The largest status of an answer of a route (RFC 9110 section 15).
pub const RESPOND_STATUS_MAX: u16 = 599;
/// The Content-Type of an answer of a route.
pub const CONTENT_TYPE: &str = "text/plain; charset=utf-8";
/// The longest body in the configuration file, in bytes: what is longer belongs into a file of its own.
pub const INLINE_BODY_BYTES_MAX: usize = 16 * 1024;
/// The longest path of a file, in bytes: `PATH_MAX` of the kernel without its closing NUL.
pub const FILE_PATH_BYTES_MAX: usize = 4095;

/// The statuses that Ringway itself answers with.
pub const ANSWER_STATUSES: &[u16] =
    &[400, 404, 408, 413, 414, 417, 421, 429, 431, 500, 501, 502, 503, 504, 505];

/// The weight of a backend: in the middle of the range on a logarithmic scale, so that there is room both ways.
pub const WEIGHT: u16 = 100;
/// The least weight. Zero would be a backend that is none; a drained one is removed instead.
pub const WEIGHT_MIN: u16 = 1;
/// The largest weight: three orders of magnitude between two backends are enough, and sums stay small.
pub const WEIGHT_MAX: u16 = 1000;
/// A backend serves all the time unless told otherwise.
pub const BACKUP: bool = false;
