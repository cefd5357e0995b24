//! The one table of the keys.

use std::time::Duration;

use super::{Fallback, Key, Kind, Section};
use crate::config::defaults as d;
use crate::config::{
    AdminState, CheckProtocol, LoadMetric, LogLevel, Policy, Protocol, RequestId, SameSite, SendProxy,
};
use crate::ids::ID_BYTES_MAX;

const _: () = assert!(ID_BYTES_MAX == 128, "the text of NAME says so");
const NAME: Kind = text("a name of at most 128 visible characters");
const ADDRESS: Kind = text("`IP:port` or `[IPv6]:port`");
const BACKEND_ADDRESS: Kind = text("`IP:port`, `[IPv6]:port` or `unix:/path`");
const PATH: Kind = text("a path, starting with `/`");
const PATTERN: Kind = text("a regular expression");
const FILE: Kind = text("the path of a file, relative to the folder of the configuration file");
const FIELDS: Kind = Kind::Pairs { holds: "names of header fields and their values" };
const ITS_DEFAULTS: Fallback = Fallback::Means("its defaults");
const NONE: Fallback = Fallback::Means("none");
const NO_LIMIT: Fallback = Fallback::Means("no limit");
const NO_CHANGE: Fallback = Fallback::Means("no change");

const fn text(holds: &'static str) -> Kind {
    Kind::Text { holds }
}

const fn key(section: Section, name: &'static str, kind: Kind, fallback: Fallback, doc: &'static str) -> Key {
    Key { section, name, kind, fallback, doc }
}

const fn timeout(section: Section, name: &'static str, default: Duration, doc: &'static str) -> Key {
    let kind = Kind::Duration { min: d::TIMEOUT_MIN, max: d::TIMEOUT_MAX };
    key(section, name, kind, Fallback::Duration(default), doc)
}

const fn times(
    section: Section,
    name: &'static str,
    (min, max): (Duration, Duration),
    fallback: Fallback,
    doc: &'static str,
) -> Key {
    key(section, name, Kind::Duration { min, max }, fallback, doc)
}

const fn queue(section: Section, name: &'static str, doc: &'static str) -> Key {
    times(section, name, (Duration::ZERO, d::QUEUE_TIMEOUT_MAX), Fallback::Duration(d::QUEUE_TIMEOUT), doc)
}

/// A limit that holds over all shards.
const fn limit(section: Section, name: &'static str, doc: &'static str) -> Key {
    integer(section, name, (d::IN_FLIGHT_MIN as u64, d::IN_FLIGHT_MAX as u64), NO_LIMIT, doc)
}

const fn count(
    section: Section,
    name: &'static str,
    (min, max): (u32, u32),
    default: u32,
    doc: &'static str,
) -> Key {
    integer(section, name, (min as u64, max as u64), Fallback::Integer(default as u64), doc)
}

const fn flag(section: Section, name: &'static str, default: bool, doc: &'static str) -> Key {
    key(section, name, Kind::Boolean, Fallback::Boolean(default), doc)
}

const fn word(
    section: Section,
    name: &'static str,
    words: &'static [&'static str],
    absent: &'static [&'static str],
    default: &'static str,
    doc: &'static str,
) -> Key {
    key(section, name, Kind::Word { words, absent }, Fallback::Text(default), doc)
}

const fn integer(
    section: Section,
    name: &'static str,
    (min, max): (u64, u64),
    fallback: Fallback,
    doc: &'static str,
) -> Key {
    key(section, name, Kind::Integer { min, max }, fallback, doc)
}

const fn size(name: &'static str, (min, max): (usize, usize), default: usize, doc: &'static str) -> Key {
    let kind = Kind::Size { min: min as u64, max: max as u64 };
    key(Section::Limits, name, kind, Fallback::Size(default as u64), doc)
}

/// Every key, in the order of the documentation.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key(Section::Root, "daemon", Kind::Table(Section::Daemon), ITS_DEFAULTS,
        "The process as a whole."),
    key(Section::Root, "listeners", Kind::Tables(Section::Listener), Fallback::Required,
        "Where connections come in: at least one."),
    key(Section::Root, "clusters", Kind::Named(Section::Cluster), NONE,
        "Where requests go: at least one, unless there are routes. `NAME` is the name of the cluster."),
    key(Section::Root, "routes", Kind::Tables(Section::Route), NONE,
        "What becomes of requests that no single cluster gets."),
    key(Section::Root, "answers", Kind::Tables(Section::Answers), NONE,
        "Texts for Ringway's own answers."),

    integer(Section::Daemon, "shards", (1, d::SHARDS_MAX as u64),
        Fallback::Means("the cores that this process may run on"),
        "How many shards run, each on a core of its own."),
    timeout(Section::Daemon, "drain_timeout", d::DRAIN_TIMEOUT,
        "How long requests in progress get to finish when the process stops."),
    word(Section::Daemon, "log_level", LogLevel::WORDS, &[], LogLevel::Info.as_str(),
        "The least important lines that still reach the log."),
    integer(Section::Daemon, "max_connections_per_shard",
        (d::MAX_CONNECTIONS_PER_SHARD_MIN as u64, d::MAX_CONNECTIONS_PER_SHARD_MAX as u64),
        Fallback::Integer(d::MAX_CONNECTIONS_PER_SHARD as u64),
        "How many client connections one shard holds; what comes beyond waits in the kernel's accept queue."),
    integer(Section::Daemon, "max_connections", (d::CONNECTIONS_MIN as u64, d::CONNECTIONS_MAX as u64),
        Fallback::Means("as many as its descriptors allow"),
        "How many client connections the process holds; what comes beyond waits in the kernel's accept queue."),
    integer(Section::Daemon, "max_connections_per_source", (d::CONNECTIONS_MIN as u64, d::CONNECTIONS_MAX as u64),
        NO_LIMIT,
        "How many client connections one source address may hold, an IPv6 source being its /64; more are closed at once."),
    limit(Section::Daemon, "max_in_flight_per_source",
        "How many requests one source address may have in flight; more wait for `source_queue_timeout`."),
    queue(Section::Daemon, "source_queue_timeout",
        "How long a request waits at the limit of its source; then, and with `0s` at once, the answer is 503 with Retry-After."),
    count(Section::Daemon, "source_queue_max", (d::QUEUE_MAX_MIN, d::QUEUE_MAX_BOUND), d::SOURCE_QUEUE_MAX,
        "How many requests of one source may wait; more are answered at once."),
    key(Section::Daemon, "command_socket", text("the path of a UNIX socket, relative to the folder of the configuration file"), NONE,
        "Where commands come in: `ringway` subcommands and other clients. Only its owner may use it."),
    key(Section::Daemon, "state_file", FILE, NONE,
        "Where the running configuration is written to, by command or by itself."),
    flag(Section::Daemon, "automatic_state_save", false,
        "Whether it is written after every change; needs `state_file`."),
    flag(Section::Daemon, "load_state", false,
        "Whether a start takes the state file in place of this one, if it is the newer of the two; needs `state_file`."),
    key(Section::Daemon, "audit_log", FILE, NONE,
        "Who asked for what change and what became of it, a line of text each."),
    key(Section::Daemon, "audit_log_json", FILE, NONE,
        "The same, a line of JSON each."),
    times(Section::Daemon, "turn_max", (Duration::ZERO, d::TURN_MAX_BOUND), Fallback::Duration(d::TURN_MAX),
        "How long a turn of a shard may take before it is reported as stalled; with `0s` as long as it likes."),
    times(Section::Daemon, "mutation_timeout", (d::MUTATION_TIMEOUT_MIN, d::MUTATION_TIMEOUT_MAX),
        Fallback::Duration(d::MUTATION_TIMEOUT),
        "How long shards get to take up a change; then none of them does, and it is refused."),
    flag(Section::Daemon, "restart_shards", true,
        "Whether a shard that has failed is started again."),

    key(Section::Listener, "name", NAME, Fallback::Required,
        "What frontends and routes call it; unique."),
    key(Section::Listener, "address", ADDRESS, Fallback::Required,
        "Where to listen; unique. Port 0 lets the kernel choose a free one."),
    word(Section::Listener, "protocol", Protocol::WORDS, &["https"], Protocol::Http.as_str(),
        "What is spoken on it. With `\"tcp\"` bytes are passed on as they come, and no frontend or route holds for it."),
    flag(Section::Listener, "active", true,
        "Whether it accepts connections. If not, its address is its own all the same, and a command can make it."),
    key(Section::Listener, "cluster", NAME, Fallback::Means("none; required with `protocol = \"tcp\"`"),
        "Who serves its connections; only with `protocol = \"tcp\"`."),
    flag(Section::Listener, "proxy_protocol", false,
        "Whether each connection begins with a PROXY protocol header, version 1 or 2, from one of `trusted_proxies`; others are closed."),
    key(Section::Listener, "trusted_proxies", Kind::Texts { holds: "networks, as in `10.0.0.0/8`, or addresses" },
        Fallback::Texts(&[]),
        "Peers that may say on whose behalf they connect, by PROXY protocol or forwarding fields."),
    key(Section::Listener, "upgrades", Kind::Texts { holds: "names of protocols" },
        Fallback::Texts(d::UPGRADES),
        "What clients may change the protocol to, by Upgrade; other wishes are not passed on."),
    flag(Section::Listener, "allow_connect", d::ALLOW_CONNECT,
        "Whether CONNECT is passed on; else it is answered 501."),
    key(Section::Listener, "timeouts", Kind::Table(Section::Timeouts), ITS_DEFAULTS,
        "How long each step may take."),
    key(Section::Listener, "limits", Kind::Table(Section::Limits), ITS_DEFAULTS,
        "What clients may ask for."),
    key(Section::Listener, "forwarding", Kind::Table(Section::Forwarding), ITS_DEFAULTS,
        "What backends are told of where a request came from."),
    key(Section::Listener, "rate_limit", Kind::Table(Section::RateLimit), NO_LIMIT,
        "How many requests per second one client may make."),

    timeout(Section::Timeouts, "head", d::HEAD_TIMEOUT,
        "From the first byte of a request's head to its last; for the first request, from the connection's start to its first byte as well."),
    timeout(Section::Timeouts, "idle", d::IDLE_TIMEOUT,
        "A client connection between two requests."),
    timeout(Section::Timeouts, "body", d::BODY_TIMEOUT,
        "A request body without progress; also the period that `limits.body_rate` is measured over."),
    timeout(Section::Timeouts, "connect", d::CONNECT_TIMEOUT,
        "Connecting to a backend, per try."),
    timeout(Section::Timeouts, "response", d::RESPONSE_TIMEOUT,
        "From the end of the request to the last byte of the response's head."),
    timeout(Section::Timeouts, "response_body", d::RESPONSE_BODY_TIMEOUT,
        "A response body without progress."),
    timeout(Section::Timeouts, "send", d::SEND_TIMEOUT,
        "A peer, on either side, that does not take what is sent to it."),
    timeout(Section::Timeouts, "tunnel", d::TUNNEL_TIMEOUT,
        "A tunnel (TCP, WebSocket, CONNECT) without a byte in either direction."),
    timeout(Section::Timeouts, "total", d::TOTAL_TIMEOUT,
        "From the first byte of a request to the last of its response; tunnels are not requests."),
    timeout(Section::Timeouts, "proxy_header", d::PROXY_HEADER_TIMEOUT,
        "From the connection's start to the end of its PROXY protocol header."),

    size("head_bytes", (d::HEAD_BYTES_MIN, d::HEAD_BYTES_MAX), d::HEAD_BYTES,
        "The whole head of a request; beyond it the answer is 431."),
    integer(Section::Limits, "headers", (d::HEADERS_MIN as u64, d::HEADERS_MAX as u64),
        Fallback::Integer(d::HEADERS as u64),
        "The number of header fields; beyond it the answer is 431."),
    size("uri_bytes", (d::URI_BYTES_MIN, d::URI_BYTES_MAX), d::URI_BYTES,
        "The request target; beyond it the answer is 414."),
    size("body_rate", (0, d::BODY_RATE_MAX), d::BODY_RATE,
        "The least rate of a request's body per second, over each period of `timeouts.body`; slower is answered 408. 0 takes any."),
    integer(Section::Limits, "requests_per_connection",
        (d::REQUESTS_PER_CONNECTION_MIN as u64, d::REQUESTS_PER_CONNECTION_MAX as u64), NO_LIMIT,
        "How many requests one connection may carry; the answer to the last says that it ends."),
    times(Section::Limits, "connection_max_age", (d::TIMEOUT_MIN, d::TIMEOUT_MAX), NO_LIMIT,
        "How old a connection may get, give or take a tenth: the next answer says that it ends. Tunnels are left alone."),

    flag(Section::Forwarding, "x_forwarded_for", true,
        "`X-Forwarded-For`: the client's address."),
    flag(Section::Forwarding, "x_forwarded_proto", true,
        "`X-Forwarded-Proto`: `http`, or `https`."),
    flag(Section::Forwarding, "x_forwarded_host", true,
        "`X-Forwarded-Host`: the host that the client asked for."),
    flag(Section::Forwarding, "x_forwarded_port", true,
        "`X-Forwarded-Port`: the port of the listener."),
    flag(Section::Forwarding, "forwarded", false,
        "`Forwarded` (RFC 7239): for, host and proto in one."),
    word(Section::Forwarding, "request_id", RequestId::WORDS, &[], RequestId::Off.as_str(),
        "`X-Request-Id`: left alone, added where the client sent none, or always a new one."),

    key(Section::RateLimit, "key", text("`source` or `header:NAME`"), Fallback::Text("source"),
        "Who counts as one client: a source address, an IPv6 one being its /64, or a value of a header field; those without it are one."),
    integer(Section::RateLimit, "rate", (d::RATE_MIN as u64, d::RATE_MAX as u64), Fallback::Required,
        "Requests per second."),
    integer(Section::RateLimit, "burst", (d::RATE_MIN as u64, d::RATE_MAX as u64), Fallback::Means("the same as `rate`"),
        "Requests that a client may make at once, after it was quiet."),

    word(Section::Cluster, "load_balancing", Policy::WORDS, &[], Policy::PowerOfTwo.as_str(),
        "Who gets the next request: in turn, at random, the least loaded of all or of `choices` at random, by a hash, or the first."),
    word(Section::Cluster, "load_metric", LoadMetric::WORDS, &[], LoadMetric::Requests.as_str(),
        "What `least_loaded` and `power_of_two` compare: requests in flight, open connections, or requests times how long answers take."),
    integer(Section::Cluster, "choices", (d::CHOICES_MIN as u64, d::CHOICES_MAX as u64), Fallback::Integer(d::CHOICES as u64),
        "How many backends `power_of_two` draws to take the least loaded of."),
    key(Section::Cluster, "hash_key", text("`source`, `uri`, `header:NAME` or `cookie:NAME`"), Fallback::Text("source"),
        "What `maglev` and `rendezvous` hash: the client's address, path and query, or the value of a header field or cookie."),
    integer(Section::Cluster, "hash_balance", (d::HASH_BALANCE_MIN as u64, d::HASH_BALANCE_MAX as u64),
        Fallback::Means("no bound"),
        "The most that a hashed backend may carry, in percent of its fair share; beyond, the next one gets the request."),
    times(Section::Cluster, "slow_start", (Duration::ZERO, d::SLOW_START_MAX), Fallback::Duration(d::SLOW_START),
        "How long a backend that comes back takes to get its whole share; with `0s` it gets it at once."),
    integer(Section::Cluster, "panic_threshold", (0, d::PERCENT_MAX as u64), Fallback::Integer(d::PANIC_THRESHOLD as u64),
        "Below this share of healthy backends, in percent, health is ignored, so that the few are not overrun; 0: never."),
    limit(Section::Cluster, "max_in_flight",
        "How many requests the cluster may have in flight."),
    limit(Section::Cluster, "max_connections",
        "How many connections there may be to its backends together."),
    queue(Section::Cluster, "queue_timeout",
        "How long a request waits at a limit of the cluster or its backends; then, and with `0s` at once, the answer is 503 with Retry-After. For a connection that another shard has idle it waits 50 ms in any case."),
    count(Section::Cluster, "queue_max", (d::QUEUE_MAX_MIN, d::QUEUE_MAX_BOUND), d::QUEUE_MAX,
        "How many requests may wait; more are answered at once."),
    integer(Section::Cluster, "retries", (0, d::RETRIES_MAX as u64), Fallback::Integer(d::RETRIES as u64),
        "Tries beyond the first, of one request."),
    integer(Section::Cluster, "retry_budget", (0, d::PERCENT_MAX as u64), Fallback::Integer(d::RETRY_BUDGET as u64),
        "Tries beyond the first, of all requests together, in percent of the requests."),
    count(Section::Cluster, "retry_budget_min", (0, d::RETRY_BUDGET_MIN_MAX), d::RETRY_BUDGET_MIN,
        "How many of them are allowed per second, however few requests there are."),
    integer(Section::Cluster, "pool_idle_max", (0, d::POOL_IDLE_MAX_BOUND as u64),
        Fallback::Integer(d::POOL_IDLE_MAX as u64),
        "How many idle connections each shard keeps to each backend."),
    timeout(Section::Cluster, "pool_idle_timeout", d::POOL_IDLE_TIMEOUT,
        "How long an idle connection to a backend is kept."),
    timeout(Section::Cluster, "pool_max_age", d::POOL_MAX_AGE,
        "How old a connection to a backend may get before it is not used again."),
    integer(Section::Cluster, "pool_max_requests",
        (d::REQUESTS_PER_CONNECTION_MIN as u64, d::REQUESTS_PER_CONNECTION_MAX as u64), NO_LIMIT,
        "How many requests one connection to a backend may carry."),
    word(Section::Cluster, "send_proxy", SendProxy::WORDS, &[], SendProxy::Off.as_str(),
        "The PROXY protocol header that begins each connection to a backend. Such a connection carries one request only, or one TCP connection."),
    key(Section::Cluster, "sticky", Kind::Table(Section::Sticky), Fallback::Means("off"),
        "Keeps each client at its backend, by a cookie."),
    key(Section::Cluster, "health_check", Kind::Table(Section::HealthCheck), Fallback::Means("off: all are well"),
        "Asks the backends whether they are well."),
    key(Section::Cluster, "outlier_detection", Kind::Table(Section::OutlierDetection), Fallback::Means("off"),
        "Takes out backends that fail more than the others."),
    key(Section::Cluster, "frontends", Kind::Tables(Section::Frontend), NONE,
        "Which requests come here; routes and TCP listeners may lead here as well."),
    key(Section::Cluster, "backends", Kind::Tables(Section::Backend), Fallback::Required,
        "Who serves them: at least one."),

    key(Section::Sticky, "cookie", text("the name of a cookie"), Fallback::Text(d::STICKY_COOKIE),
        "Its name, whose case matters."),
    key(Section::Sticky, "secret_file", FILE, Fallback::Means("a key that is drawn at the start, so that a restart forgets who was where"),
        "Holds the key of the hash: at least 16 bytes that nobody guesses. The same file in several processes keeps clients across them."),
    flag(Section::Sticky, "secure", false,
        "`Secure`: browsers send it by https only."),
    flag(Section::Sticky, "http_only", true,
        "`HttpOnly`: scripts do not see it."),
    word(Section::Sticky, "same_site", SameSite::WORDS, &[], SameSite::Lax.as_str(),
        "`SameSite`: with which requests of other sites browsers send it; `\"unset\"` leaves it to them, `\"none\"` (with all) needs `secure`."),
    times(Section::Sticky, "max_age", (d::STICKY_MAX_AGE_MIN, d::STICKY_MAX_AGE_MAX), Fallback::Means("until the browser ends"),
        "`Max-Age`: how long browsers keep it, in whole seconds."),

    word(Section::HealthCheck, "protocol", CheckProtocol::WORDS, &[], CheckProtocol::Http.as_str(),
        "What is spoken: nothing, where a connection suffices; HTTP/1.1; or HTTP/2 in clear, with prior knowledge."),
    key(Section::HealthCheck, "method", text("a method, as in `GET`"), Fallback::Text(d::CHECK_METHOD),
        "The method of the request."),
    key(Section::HealthCheck, "path", text("a path, starting with `/`, with or without query"), Fallback::Text(d::CHECK_PATH),
        "What is asked for."),
    key(Section::HealthCheck, "host", text("a host, with or without port"), Fallback::Means("the address that is asked"),
        "The host that is asked for."),
    key(Section::HealthCheck, "headers", FIELDS, NONE,
        "More header fields of the request."),
    key(Section::HealthCheck, "statuses", text("statuses, ranges and classes, as in `200,300-399,4xx`, or `any`"), Fallback::Text(d::CHECK_STATUSES),
        "The statuses that say that a backend is well."),
    key(Section::HealthCheck, "body", text("at most 1024 bytes"), Fallback::Means("anything"),
        "What the body of the answer must contain."),
    integer(Section::HealthCheck, "port", (1, u16::MAX as u64), Fallback::Means("where the backend serves"),
        "The port that is asked."),
    times(Section::HealthCheck, "interval", (d::CHECK_INTERVAL_MIN, d::CHECK_INTERVAL_MAX), Fallback::Duration(d::CHECK_INTERVAL),
        "From one probe of a backend to the next."),
    times(Section::HealthCheck, "fast_interval", (d::CHECK_INTERVAL_MIN, d::CHECK_INTERVAL_MAX), Fallback::Means("the same as `interval`"),
        "The same while its state is changing; at most `interval`."),
    times(Section::HealthCheck, "timeout", (d::TIMEOUT_MIN, d::CHECK_INTERVAL_MAX), Fallback::Means("5s, or the shorter interval where that is less"),
        "How long a probe may take, connect and answer together; at most the shorter interval."),
    count(Section::HealthCheck, "rise", (d::CHECK_THRESHOLD_MIN, d::CHECK_THRESHOLD_MAX), d::CHECK_RISE,
        "Successes in a row until an unhealthy backend is healthy."),
    count(Section::HealthCheck, "fall", (d::CHECK_THRESHOLD_MIN, d::CHECK_THRESHOLD_MAX), d::CHECK_FALL,
        "Failures in a row until a healthy backend is unhealthy."),

    count(Section::OutlierDetection, "server_errors", (0, d::OUTLIER_CONSECUTIVE_MAX), d::OUTLIER_SERVER_ERRORS,
        "Answers of 500 to 599, and what counts as a gateway error, in a row; 0: they are not counted."),
    count(Section::OutlierDetection, "gateway_errors", (0, d::OUTLIER_CONSECUTIVE_MAX), d::OUTLIER_GATEWAY_ERRORS,
        "Answers of 502, 503 and 504, broken answers and timeouts, in a row; 0: they are not counted."),
    count(Section::OutlierDetection, "connect_failures", (0, d::OUTLIER_CONSECUTIVE_MAX), d::OUTLIER_CONNECT_FAILURES,
        "Connects that failed, in a row; 0: they are not counted."),
    count(Section::OutlierDetection, "success_rate_deviations",
        (0, d::OUTLIER_SUCCESS_RATE_DEVIATIONS_MAX), d::OUTLIER_SUCCESS_RATE_DEVIATIONS,
        "How far below the mean of the cluster its success rate must be, in hundredths of the standard deviation; 0: rates are not compared."),
    count(Section::OutlierDetection, "success_rate_requests",
        (d::OUTLIER_SUCCESS_RATE_REQUESTS_MIN, d::OUTLIER_SUCCESS_RATE_REQUESTS_MAX), d::OUTLIER_SUCCESS_RATE_REQUESTS,
        "Requests in an interval from which on a backend has a success rate."),
    count(Section::OutlierDetection, "success_rate_backends",
        (d::OUTLIER_SUCCESS_RATE_BACKENDS_MIN, d::OUTLIER_SUCCESS_RATE_BACKENDS_MAX), d::OUTLIER_SUCCESS_RATE_BACKENDS,
        "Backends with a success rate from which on rates are compared."),
    times(Section::OutlierDetection, "interval", (d::OUTLIER_INTERVAL_MIN, d::OUTLIER_INTERVAL_MAX), Fallback::Duration(d::OUTLIER_INTERVAL),
        "How often success rates are compared."),
    timeout(Section::OutlierDetection, "ejection_time", d::OUTLIER_EJECTION_TIME,
        "How long a backend is out the first time; the n-th time n times as long."),
    times(Section::OutlierDetection, "ejection_time_max",
        (d::TIMEOUT_MIN, d::TIMEOUT_MAX), Fallback::Means("5m, or `ejection_time` where that is more"),
        "The longest that it is out; at least `ejection_time`."),
    integer(Section::OutlierDetection, "ejected_max",
        (d::OUTLIER_EJECTED_MAX_MIN as u64, d::PERCENT_MAX as u64), Fallback::Integer(d::OUTLIER_EJECTED_MAX as u64),
        "The share of the cluster that may be out, in percent, rounded down to whole backends."),

    key(Section::Frontend, "listeners", Kind::Texts { holds: "names of listeners" },
        Fallback::Means("all that speak HTTP"),
        "The listeners it holds for."),
    key(Section::Frontend, "hostname",
        text("a host without port, `*.` and a name for every host below it, or `*` for any"),
        Fallback::Text(d::HOSTNAME),
        "The host a request asks for."),
    key(Section::Frontend, "path", PATH, NONE,
        "What the path of a request is, exactly. Excludes `path_prefix` and `path_regex`."),
    key(Section::Frontend, "path_prefix", PATH, Fallback::Text(d::PATH_PREFIX),
        "What the path of a request begins with, in whole segments: `/api` matches `/api` and `/api/x`, not `/apix`."),
    key(Section::Frontend, "path_regex", PATTERN, NONE,
        "What the path of a request is like, from end to end. Excludes `path` and `path_prefix`."),
    key(Section::Frontend, "methods", Kind::Texts { holds: "methods, as in `GET`" }, Fallback::Means("all of them"),
        "The methods of requests."),
    key(Section::Frontend, "headers", Kind::Tables(Section::Predicate), NONE,
        "Tests of header fields; all must hold."),
    key(Section::Frontend, "query", Kind::Tables(Section::Predicate), NONE,
        "Tests of query parameters, as they are on the wire; all must hold."),
    key(Section::Frontend, "request_headers", Kind::Table(Section::Edits), NO_CHANGE,
        "Changes to the header fields of requests."),
    key(Section::Frontend, "response_headers", Kind::Table(Section::Edits), NO_CHANGE,
        "Changes to the header fields of their answers."),
    flag(Section::Frontend, "strip_prefix", false,
        "Backends are asked for the path without `path_prefix`: the same as `replace_prefix = \"/\"`."),
    key(Section::Frontend, "replace_prefix", PATH, NO_CHANGE,
        "What takes the place of `path_prefix` in the path that backends are asked for."),
    key(Section::Frontend, "host", text("a host, with or without port"), NO_CHANGE,
        "The host that backends are asked for."),

    key(Section::Predicate, "name", text("the name of a header field or query parameter"),
        Fallback::Required,
        "Whose values are tested; where there are several, one of them suffices."),
    key(Section::Predicate, "equals", text("a value"), NONE,
        "Its value is this."),
    key(Section::Predicate, "prefix", text("the begin of a value"), NONE,
        "Its value begins with this."),
    key(Section::Predicate, "regex", PATTERN, NONE,
        "Its value is like this, from end to end."),
    key(Section::Predicate, "present", Kind::Boolean, NONE,
        "It is there, or not, whatever its value."),

    key(Section::Edits, "remove", Kind::Texts { holds: "names of header fields" }, Fallback::Texts(&[]),
        "Every field of these names goes."),
    key(Section::Edits, "set", FIELDS, NONE,
        "Every field of the name goes, and one with this value comes."),
    key(Section::Edits, "append", FIELDS, NONE,
        "One more field comes."),

    key(Section::Backend, "id", NAME, Fallback::Means("the text of its address; required for `unix:`"),
        "What logs and metrics call it; unique in the cluster."),
    key(Section::Backend, "address", BACKEND_ADDRESS, Fallback::Required,
        "Where it listens."),
    integer(Section::Backend, "weight", (d::WEIGHT_MIN as u64, d::WEIGHT_MAX as u64),
        Fallback::Integer(d::WEIGHT as u64),
        "Its share of the requests, relative to the other weights of the cluster."),
    flag(Section::Backend, "backup", d::BACKUP,
        "Serves only while no other backend of the cluster can."),
    word(Section::Backend, "state", AdminState::WORDS, &[], AdminState::Ready.as_str(),
        "What an operator wants of it: it serves; it gets nothing new but is still checked; or it is left alone."),
    key(Section::Backend, "sticky_id", NAME, Fallback::Means("its `id`"),
        "What its clients are kept by, with `sticky`; unique in the cluster. One that stays the same when `id` changes keeps them."),
    limit(Section::Backend, "max_in_flight",
        "How many requests it may have in flight."),
    limit(Section::Backend, "max_connections",
        "How many connections there may be to it."),

    key(Section::Route, "cluster", NAME, NONE,
        "This cluster gets them."),
    key(Section::Route, "split",
        Kind::Weights { holds: "names of clusters and their weights", min: 0, max: d::SPLIT_WEIGHT_MAX as u64 }, NONE,
        "These clusters get them by weight, drawn anew for each request."),
    key(Section::Route, "redirect", text("a URL, in which `{host}`, `{path}` and `{query}` stand for the request's"),
        NONE,
        "The client is sent there; `{query}` brings its `?` along."),
    key(Section::Route, "redirect_status", Kind::Number { numbers: d::REDIRECT_STATUSES },
        Fallback::Integer(d::REDIRECT_STATUS as u64),
        "With which status: 301 and 308 are for good, 307 and 308 keep the method."),
    key(Section::Route, "respond", Kind::Table(Section::Respond), NONE,
        "They are answered without a backend."),

    integer(Section::Respond, "status", (d::RESPOND_STATUS_MIN as u64, d::RESPOND_STATUS_MAX as u64), Fallback::Required,
        "The status of the answer."),
    key(Section::Respond, "content_type", text("a media type"), Fallback::Text(d::CONTENT_TYPE),
        "Its Content-Type."),
    key(Section::Respond, "body", text("at most 16 KiB"), Fallback::Means("empty"),
        "Its body."),
    key(Section::Respond, "file", FILE, NONE,
        "Its body is the content of this file, read when the configuration is loaded."),

    key(Section::Answers, "status", Kind::Number { numbers: d::ANSWER_STATUSES }, Fallback::Required,
        "The status it is for; unique."),
    key(Section::Answers, "html", FILE, NONE,
        "For people."),
    key(Section::Answers, "json", FILE, NONE,
        "For programs."),
];

const _: () = assert!(d::INLINE_BODY_BYTES_MAX == 16 * 1024, "the text of `body` says so");
const _: () = assert!(d::CHECK_BODY_BYTES_MAX == 1024, "the text of `body` of a check says so");
const _: () = assert!(d::CHECK_TIMEOUT.as_secs() == 5, "the text of its `timeout` says so");
const _: () =
    assert!(d::OUTLIER_EJECTION_TIME_MAX.as_secs() == 5 * 60, "the text of `ejection_time_max` says so");
const _: () = assert!(d::SECRET_BYTES_MIN == 16, "the text of `secret_file` says so");
