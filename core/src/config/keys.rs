//! Every key of the configuration file: its type, its bounds, its default and what it is for.
//!
//! The reader takes bounds and defaults from here, and so does the page of the documentation: there is no second
//! list that could differ.

use std::fmt;
use std::time::Duration;

use super::defaults as d;
use super::units::{duration_text, size_text};
use super::{LogLevel, Policy, Protocol};
use crate::ids::ID_BYTES_MAX;

/// One key of the configuration file.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The table it stands in.
    pub section: Section,
    /// Its name.
    pub name: &'static str,
    /// What it may be set to.
    pub kind: Kind,
    /// What holds where it is left out.
    pub fallback: Fallback,
    /// What it is for, in one line.
    pub doc: &'static str,
}

/// A table of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The file itself.
    Root,
    /// `[daemon]`
    Daemon,
    /// `[[listeners]]`
    Listener,
    /// `[listeners.timeouts]`
    Timeouts,
    /// `[listeners.limits]`
    Limits,
    /// `[clusters.NAME]`
    Cluster,
    /// `[[clusters.NAME.frontends]]`
    Frontend,
    /// `[[clusters.NAME.backends]]`
    Backend,
}

impl Section {
    /// Every section, in the order of the documentation.
    pub const ALL: [Section; 8] = [
        Section::Root,
        Section::Daemon,
        Section::Listener,
        Section::Timeouts,
        Section::Limits,
        Section::Cluster,
        Section::Frontend,
        Section::Backend,
    ];

    /// The header as it stands in the file; empty for [`Section::Root`].
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Section::Root => "",
            Section::Daemon => "[daemon]",
            Section::Listener => "[[listeners]]",
            Section::Timeouts => "[listeners.timeouts]",
            Section::Limits => "[listeners.limits]",
            Section::Cluster => "[clusters.NAME]",
            Section::Frontend => "[[clusters.NAME.frontends]]",
            Section::Backend => "[[clusters.NAME.backends]]",
        }
    }

    /// What the section is for, in one line.
    #[must_use]
    pub const fn doc(self) -> &'static str {
        match self {
            Section::Root => "The tables of the file.",
            Section::Daemon => "The process as a whole.",
            Section::Listener => "An address that accepts connections.",
            Section::Timeouts => "How long each step of a request may take on this listener.",
            Section::Limits => "How large the head of a request may be on this listener.",
            Section::Cluster => "A named set of backends behind one load-balancing policy.",
            Section::Frontend => {
                "Which requests the cluster gets. The most specific frontend wins: \
                                  an exact host before any host, then the longest path."
            }
            Section::Backend => "One server of the cluster.",
        }
    }

    /// The keys of the section, in the order of [`KEYS`].
    pub fn keys(self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(move |key| key.section == self)
    }
}

/// What a key may be set to; bounds belong to the range.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string with a whole number and its unit.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// A number of bytes, or a string with a whole number and its unit.
    Size {
        /// The least, in bytes.
        min: u64,
        /// The most, in bytes.
        max: u64,
    },
    /// A whole number.
    Integer {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// `true` or `false`.
    Boolean,
    /// A string, one of a few.
    Word {
        /// The valid ones.
        words: &'static [&'static str],
        /// Those that a person may expect and that this build can not serve.
        absent: &'static [&'static str],
    },
    /// A string.
    Text {
        /// What it holds.
        holds: &'static str,
    },
    /// An array of strings.
    Texts {
        /// What each holds.
        holds: &'static str,
    },
    /// One table.
    Table(Section),
    /// Any number of tables.
    Tables(Section),
    /// Any number of tables, each with a name of its own.
    Named(Section),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Duration { min, max } => {
                write!(f, "duration, {} to {}", duration_text(*min), duration_text(*max))
            }
            Kind::Size { min, max } => write!(f, "size, {} to {}", size_text(*min), size_text(*max)),
            Kind::Integer { min, max } => write!(f, "integer, {min} to {max}"),
            Kind::Boolean => f.write_str("boolean"),
            Kind::Word { words, .. } => write!(f, "`\"{}\"`", words.join("\"`, `\"")),
            Kind::Text { holds } => write!(f, "string: {holds}"),
            Kind::Texts { holds } => write!(f, "array of strings: {holds}"),
            Kind::Table(section) | Kind::Named(section) | Kind::Tables(section) => {
                write!(f, "table, `{}`", section.header())
            }
        }
    }
}

/// What holds where a key is left out.
#[derive(Debug, Clone, Copy)]
pub enum Fallback {
    /// Nothing: the key must be there. Of tables, at least one.
    Required,
    /// A duration.
    Duration(Duration),
    /// A number of bytes.
    Size(u64),
    /// A number.
    Integer(u64),
    /// Yes or no.
    Boolean(bool),
    /// A text, or a word.
    Text(&'static str),
    /// Something that can not be written in its place.
    Means(&'static str),
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fallback::Required => f.write_str("required"),
            Fallback::Duration(duration) => write!(f, "`\"{}\"`", duration_text(*duration)),
            Fallback::Size(bytes) => write!(f, "`\"{}\"`", size_text(*bytes)),
            Fallback::Integer(number) => write!(f, "`{number}`"),
            Fallback::Boolean(value) => write!(f, "`{value}`"),
            Fallback::Text(text) => write!(f, "`\"{text}\"`"),
            Fallback::Means(what) => f.write_str(what),
        }
    }
}

const _: () = assert!(ID_BYTES_MAX == 128, "the text of NAME says so");
const NAME: Kind = Kind::Text { holds: "a name of at most 128 visible characters" };
const ADDRESS: Kind = Kind::Text { holds: "`IP:port` or `[IPv6]:port`" };
const ITS_DEFAULTS: Fallback = Fallback::Means("its defaults");

const fn key(section: Section, name: &'static str, kind: Kind, fallback: Fallback, doc: &'static str) -> Key {
    Key { section, name, kind, fallback, doc }
}

const fn timeout(section: Section, name: &'static str, default: Duration, doc: &'static str) -> Key {
    let kind = Kind::Duration { min: d::TIMEOUT_MIN, max: d::TIMEOUT_MAX };
    key(section, name, kind, Fallback::Duration(default), doc)
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
    key(Section::Root, "clusters", Kind::Named(Section::Cluster), Fallback::Required,
        "Where requests go: at least one. `NAME` is the name of the cluster."),

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
        "How many client connections one shard holds."),

    key(Section::Listener, "name", NAME, Fallback::Required,
        "What frontends call it; unique."),
    key(Section::Listener, "address", ADDRESS, Fallback::Required,
        "Where to listen; unique. Port 0 lets the kernel choose a free one."),
    word(Section::Listener, "protocol", Protocol::WORDS, &["https", "tcp"], Protocol::Http.as_str(),
        "What is spoken on it."),
    key(Section::Listener, "timeouts", Kind::Table(Section::Timeouts), ITS_DEFAULTS,
        "How long each step of a request may take."),
    key(Section::Listener, "limits", Kind::Table(Section::Limits), ITS_DEFAULTS,
        "How large the head of a request may be."),

    timeout(Section::Timeouts, "head", d::HEAD_TIMEOUT,
        "From the first byte of a request's head to its last; for the first request, from the connection's start to its first byte as well."),
    timeout(Section::Timeouts, "idle", d::IDLE_TIMEOUT,
        "A client connection between two requests."),
    timeout(Section::Timeouts, "body", d::BODY_TIMEOUT,
        "A request body without progress."),
    timeout(Section::Timeouts, "connect", d::CONNECT_TIMEOUT,
        "Connecting to a backend, per try."),
    timeout(Section::Timeouts, "response", d::RESPONSE_TIMEOUT,
        "From the end of the request to the first byte of the response's head."),
    timeout(Section::Timeouts, "response_body", d::RESPONSE_BODY_TIMEOUT,
        "A response body without progress."),
    timeout(Section::Timeouts, "send", d::SEND_TIMEOUT,
        "A peer, on either side, that does not take what is sent to it."),

    size("head_bytes", (d::HEAD_BYTES_MIN, d::HEAD_BYTES_MAX), d::HEAD_BYTES,
        "The whole head of a request; beyond it the answer is 431."),
    integer(Section::Limits, "headers", (d::HEADERS_MIN as u64, d::HEADERS_MAX as u64),
        Fallback::Integer(d::HEADERS as u64),
        "The number of header fields; beyond it the answer is 431."),
    size("uri_bytes", (d::URI_BYTES_MIN, d::URI_BYTES_MAX), d::URI_BYTES,
        "The request target; beyond it the answer is 414."),

    word(Section::Cluster, "load_balancing", Policy::WORDS, &[], Policy::PowerOfTwo.as_str(),
        "Who gets the next request: each in turn, or of two at random the less busy one."),
    integer(Section::Cluster, "retries", (0, d::RETRIES_MAX as u64), Fallback::Integer(d::RETRIES as u64),
        "Tries beyond the first."),
    integer(Section::Cluster, "pool_idle_max", (0, d::POOL_IDLE_MAX_BOUND as u64),
        Fallback::Integer(d::POOL_IDLE_MAX as u64),
        "How many idle connections each shard keeps to each backend."),
    timeout(Section::Cluster, "pool_idle_timeout", d::POOL_IDLE_TIMEOUT,
        "How long an idle connection to a backend is kept."),
    key(Section::Cluster, "frontends", Kind::Tables(Section::Frontend), Fallback::Required,
        "Which requests come here: at least one."),
    key(Section::Cluster, "backends", Kind::Tables(Section::Backend), Fallback::Required,
        "Who serves them: at least one."),

    key(Section::Frontend, "listeners", Kind::Texts { holds: "names of listeners" },
        Fallback::Means("all of them"),
        "The listeners it holds for."),
    key(Section::Frontend, "hostname", Kind::Text { holds: "a host without port, or `*` for any" },
        Fallback::Text(d::HOSTNAME),
        "The host a request asks for."),
    key(Section::Frontend, "path_prefix", Kind::Text { holds: "a path, starting with `/`" },
        Fallback::Text(d::PATH_PREFIX),
        "What the path of a request begins with, in whole segments: `/api` matches `/api` and `/api/x`, not `/apix`."),

    key(Section::Backend, "id", NAME, Fallback::Means("the text of its address"),
        "What logs and metrics call it; unique in the cluster."),
    key(Section::Backend, "address", ADDRESS, Fallback::Required,
        "Where it listens."),
    integer(Section::Backend, "weight", (d::WEIGHT_MIN as u64, d::WEIGHT_MAX as u64),
        Fallback::Integer(d::WEIGHT as u64),
        "Its share of the requests, relative to the other weights of the cluster."),
    key(Section::Backend, "backup", Kind::Boolean, Fallback::Boolean(d::BACKUP),
        "Serves only while no other backend of the cluster can."),
];

/// The tables of all keys in Markdown, one per section.
#[must_use]
pub fn keys_markdown() -> String {
    let sections = Section::ALL.map(|section| {
        let title = match section {
            Section::Root => "The file".to_owned(),
            section => format!("`{}`", section.header()),
        };
        let rows: String = section
            .keys()
            .map(|key| format!("| `{}` | {} | {} | {} |\n", key.name, key.kind, key.fallback, key.doc))
            .collect();
        format!(
            "### {title}\n\n{}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{rows}",
            section.doc()
        )
    });
    sections.join("\n")
}
