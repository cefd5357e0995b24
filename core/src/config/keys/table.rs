//! The one table of the keys.

use std::time::Duration;

use super::{Fallback, Key, Kind, Section};
use crate::config::defaults as d;
use crate::config::{LogLevel, Policy, Protocol, RequestId, SendProxy};
use crate::ids::ID_BYTES_MAX;

const _: () = assert!(ID_BYTES_MAX == 128, "the text of NAME says so");
const NAME: Kind = Kind::Text { holds: "a name of at most 128 visible characters" };
const ADDRESS: Kind = Kind::Text { holds: "`IP:port` or `[IPv6]:port`" };
const BACKEND_ADDRESS: Kind = Kind::Text { holds: "`IP:port`, `[IPv6]:port` or `unix:/path`" };
const PATH: Kind = Kind::Text { holds: "a path, starting with `/`" };
const PATTERN: Kind = Kind::Text { holds: "a regular expression" };
const FILE: Kind =
    Kind::Text { holds: "the path of a file, relative to the folder of the configuration file" };
const FIELDS: Kind = Kind::Pairs { holds: "names of header fields and their values" };
const ITS_DEFAULTS: Fallback = Fallback::Means("its defaults");
const NONE: Fallback = Fallback::Means("none");
const NO_LIMIT: Fallback = Fallback::Means("no limit");
const NO_CHANGE: Fallback = Fallback::Means("no change");

const fn key(section: Section, name: &'static str, kind: Kind, fallback: Fallback, doc: &'static str) -> Key {
    Key { section, name, kind, fallback, doc }
}

const fn timeout(section: Section, name: &'static str, default: Duration, doc: &'static str) -> Key {
    let kind = Kind::Duration { min: d::TIMEOUT_MIN, max: d::TIMEOUT_MAX };
    key(section, name, kind, Fallback::Duration(default), doc)
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

    key(Section::Listener, "name", NAME, Fallback::Required,
        "What frontends and routes call it; unique."),
    key(Section::Listener, "address", ADDRESS, Fallback::Required,
        "Where to listen; unique. Port 0 lets the kernel choose a free one."),
    word(Section::Listener, "protocol", Protocol::WORDS, &["https"], Protocol::Http.as_str(),
        "What is spoken on it. With `\"tcp\"` bytes are passed on as they come, and no frontend or route holds for it."),
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

    word(Section::Cluster, "load_balancing", Policy::WORDS, &[], Policy::PowerOfTwo.as_str(),
        "Who gets the next request: each in turn, or of two at random the less busy one."),
    integer(Section::Cluster, "retries", (0, d::RETRIES_MAX as u64), Fallback::Integer(d::RETRIES as u64),
        "Tries beyond the first."),
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
    key(Section::Cluster, "frontends", Kind::Tables(Section::Frontend), NONE,
        "Which requests come here; routes and TCP listeners may lead here as well."),
    key(Section::Cluster, "backends", Kind::Tables(Section::Backend), Fallback::Required,
        "Who serves them: at least one."),

    key(Section::Frontend, "listeners", Kind::Texts { holds: "names of listeners" },
        Fallback::Means("all that speak HTTP"),
        "The listeners it holds for."),
    key(Section::Frontend, "hostname",
        Kind::Text { holds: "a host without port, `*.` and a name for every host below it, or `*` for any" },
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
    key(Section::Frontend, "host", Kind::Text { holds: "a host, with or without port" }, NO_CHANGE,
        "The host that backends are asked for."),

    key(Section::Predicate, "name", Kind::Text { holds: "the name of a header field or query parameter" },
        Fallback::Required,
        "Whose values are tested; where there are several, one of them suffices."),
    key(Section::Predicate, "equals", Kind::Text { holds: "a value" }, NONE,
        "Its value is this."),
    key(Section::Predicate, "prefix", Kind::Text { holds: "the begin of a value" }, NONE,
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

    key(Section::Route, "cluster", NAME, NONE,
        "This cluster gets them."),
    key(Section::Route, "split",
        Kind::Weights { holds: "names of clusters and their weights", min: 0, max: d::SPLIT_WEIGHT_MAX as u64 }, NONE,
        "These clusters get them by weight, drawn anew for each request."),
    key(Section::Route, "redirect", Kind::Text { holds: "a URL, in which `{host}`, `{path}` and `{query}` stand for the request's" },
        NONE,
        "The client is sent there; `{query}` brings its `?` along."),
    key(Section::Route, "redirect_status", Kind::Number { numbers: d::REDIRECT_STATUSES },
        Fallback::Integer(d::REDIRECT_STATUS as u64),
        "With which status: 301 and 308 are for good, 307 and 308 keep the method."),
    key(Section::Route, "respond", Kind::Table(Section::Respond), NONE,
        "They are answered without a backend."),

    integer(Section::Respond, "status", (d::RESPOND_STATUS_MIN as u64, d::RESPOND_STATUS_MAX as u64), Fallback::Required,
        "The status of the answer."),
    key(Section::Respond, "content_type", Kind::Text { holds: "a media type" }, Fallback::Text(d::CONTENT_TYPE),
        "Its Content-Type."),
    key(Section::Respond, "body", Kind::Text { holds: "at most 16 KiB" }, Fallback::Means("empty"),
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
