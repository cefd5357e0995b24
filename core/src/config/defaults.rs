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

/// A turn of a shard that is worth a report: all connections of the shard wait for its end, and a turn of real work takes less
/// than a millisecond.
pub const TURN_MAX: Duration = Duration::from_secs(1);
/// The longest of it: a shard that stands still for a minute serves nobody.
pub const TURN_MAX_BOUND: Duration = Duration::from_secs(60);
/// How long shards get to take up a change: a thousand turns of real work, and less than the patience of who asks.
pub const MUTATION_TIMEOUT: Duration = Duration::from_secs(2);
/// The least of it: a busy shard needs a few turns.
pub const MUTATION_TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// The most of it: all other changes wait behind.
pub const MUTATION_TIMEOUT_MAX: Duration = Duration::from_secs(60);

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
/// The least weight. Zero would be a backend that is none; one that is to get nothing has its `state`.
pub const WEIGHT_MIN: u16 = 1;
/// The largest weight: three orders of magnitude between two backends are enough, and sums stay small.
pub const WEIGHT_MAX: u16 = 1000;
/// A backend serves all the time unless told otherwise.
pub const BACKUP: bool = false;

/// Backends that `power_of_two` draws: the second choice brings nearly all that there is to gain.
pub const CHOICES: u8 = 2;
/// The least number of choices: one would be random.
pub const CHOICES_MIN: u8 = 2;
/// The most choices: beyond, `least_loaded` is meant.
pub const CHOICES_MAX: u8 = 16;
/// The least bound of a hashed backend, in percent of its fair share: at 100 every uneven moment moves clients.
pub const HASH_BALANCE_MIN: u16 = 101;
/// The largest such bound: ten times its share is none.
pub const HASH_BALANCE_MAX: u16 = 1000;
/// Health is believed, however bad it looks, unless an operator says otherwise.
pub const PANIC_THRESHOLD: u8 = 0;
/// The largest of settings in percent that are a part of a whole.
pub const PERCENT_MAX: u8 = 100;
/// The longest slow start: who needs longer warms up before it takes traffic.
pub const SLOW_START_MAX: Duration = Duration::from_secs(60 * 60);
/// A backend that comes back gets its whole share at once: most have nothing to warm up.
pub const SLOW_START: Duration = Duration::ZERO;

/// The least of a limit of requests in flight or connections: none would serve nothing.
pub const IN_FLIGHT_MIN: u32 = 1;
/// The most of such a limit: more is no limit.
pub const IN_FLIGHT_MAX: u32 = 1_000_000;
/// How long a request waits at a limit: not at all, because a client that is told at once may try elsewhere.
pub const QUEUE_TIMEOUT: Duration = Duration::ZERO;
/// The longest wait at a limit: longer no client waits.
pub const QUEUE_TIMEOUT_MAX: Duration = Duration::from_secs(5 * 60);
/// Requests that may wait for a cluster: each holds its head in memory.
pub const QUEUE_MAX: u32 = 1024;
/// Requests of one source that may wait.
pub const SOURCE_QUEUE_MAX: u32 = 16;
/// The shortest such queue: who wants none leaves the time to wait at zero.
pub const QUEUE_MAX_MIN: u32 = 1;
/// The longest such queue.
pub const QUEUE_MAX_BOUND: u32 = 1_000_000;

/// Tries beyond the first, in percent of the requests: a fifth more load is what a cluster in trouble stands (Finagle and
/// Envoy take the same).
pub const RETRY_BUDGET: u8 = 20;
/// Tries beyond the first that are always allowed, per second: a quiet cluster has no other budget.
pub const RETRY_BUDGET_MIN: u32 = 3;
/// The most of them.
pub const RETRY_BUDGET_MIN_MAX: u32 = 1_000_000;

/// The least rate of a rate limit, in requests per second.
pub const RATE_MIN: u32 = 1;
/// The largest rate and burst.
pub const RATE_MAX: u32 = 1_000_000;

/// The name of the cookie that keeps clients at their backends.
pub const STICKY_COOKIE: &str = "ringway";
/// The longest name of a cookie, in bytes.
pub const COOKIE_NAME_BYTES_MAX: usize = 128;
/// The shortest life of a cookie: Max-Age counts whole seconds, and zero deletes it.
pub const STICKY_MAX_AGE_MIN: Duration = Duration::from_secs(1);
/// The longest life of a cookie: browsers cut at 400 days.
pub const STICKY_MAX_AGE_MAX: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// The least length of a secret, in bytes: 128 bits.
pub const SECRET_BYTES_MIN: usize = 16;

/// The method of a health check.
pub const CHECK_METHOD: &str = "GET";
/// Its target.
pub const CHECK_PATH: &str = "/";
/// Which statuses say that a backend is well.
pub const CHECK_STATUSES: &str = "2xx";
/// The longest target of a check, in bytes.
pub const CHECK_PATH_BYTES_MAX: usize = 1024;
/// From one probe to the next.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// The shortest interval: a check is no load test.
pub const CHECK_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// The longest interval: an hour without a look is no check.
pub const CHECK_INTERVAL_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a probe may take.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// Successes in a row until an unhealthy backend is healthy.
pub const CHECK_RISE: u32 = 3;
/// Failures in a row until a healthy backend is unhealthy.
pub const CHECK_FALL: u32 = 3;
/// The least of both: none would be a verdict without a probe.
pub const CHECK_THRESHOLD_MIN: u32 = 1;
/// The largest of both.
pub const CHECK_THRESHOLD_MAX: u32 = 100;
/// The longest text that the body of an answer is searched for, in bytes.
pub const CHECK_BODY_BYTES_MAX: usize = 1024;
/// Header fields of a check.
pub const CHECK_HEADERS_MAX: usize = 32;

/// Failed answers in a row that speak against a backend: not one bad request, not a burst of a hundred.
pub const OUTLIER_SERVER_ERRORS: u32 = 5;
/// The same for gateway errors.
pub const OUTLIER_GATEWAY_ERRORS: u32 = 5;
/// The same for connects that fail.
pub const OUTLIER_CONNECT_FAILURES: u32 = 5;
/// The largest of these.
pub const OUTLIER_CONSECUTIVE_MAX: u32 = 1_000_000;
/// Standard deviations below the mean, in hundredths: 1.9, as Envoy takes.
pub const OUTLIER_SUCCESS_RATE_DEVIATIONS: u32 = 190;
/// The largest.
pub const OUTLIER_SUCCESS_RATE_DEVIATIONS_MAX: u32 = 10_000;
/// Requests of a backend in an interval: fewer show no rate.
pub const OUTLIER_SUCCESS_RATE_REQUESTS: u32 = 100;
/// The least of them: nothing was asked, nothing is known.
pub const OUTLIER_SUCCESS_RATE_REQUESTS_MIN: u32 = 1;
/// The most: a busy backend has not as many in an interval.
pub const OUTLIER_SUCCESS_RATE_REQUESTS_MAX: u32 = 1_000_000;
/// Backends that are compared: fewer have no deviation to speak of.
pub const OUTLIER_SUCCESS_RATE_BACKENDS: u32 = 5;
/// The least of them: one alone has nothing to differ from.
pub const OUTLIER_SUCCESS_RATE_BACKENDS_MIN: u32 = 2;
/// The most: clusters with more have their thousands all the same.
pub const OUTLIER_SUCCESS_RATE_BACKENDS_MAX: u32 = 10_000;
/// How often success rates are judged.
pub const OUTLIER_INTERVAL: Duration = Duration::from_secs(10);
/// The shortest interval: shorter ones see too few requests.
pub const OUTLIER_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// The longest: later nobody remembers what was wrong.
pub const OUTLIER_INTERVAL_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a backend is out the first time.
pub const OUTLIER_EJECTION_TIME: Duration = Duration::from_secs(30);
/// The longest that it is out.
pub const OUTLIER_EJECTION_TIME_MAX: Duration = Duration::from_secs(5 * 60);
/// The share of a cluster that may be out, in percent: half of it must carry the rest.
pub const OUTLIER_EJECTED_MAX: u8 = 50;
/// The least such share: none is no detection.
pub const OUTLIER_EJECTED_MAX_MIN: u8 = 1;
