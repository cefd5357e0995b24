//! The keys of the configuration file: what each may be set to, its default and what it is for.
//!
//! The reader takes bounds and defaults from here, and so do the pages of the documentation, the schema for editors and
//! the printed configuration: there is no second list that could differ.

use std::fmt;
use std::time::Duration;

use super::units::{duration_text, size_text};

pub use markdown::keys_markdown;
pub use schema::schema_json;
pub use table::KEYS;

mod markdown;
mod schema;
mod table;

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
    /// `[listeners.forwarding]`
    Forwarding,
    /// `[listeners.rate_limit]`
    RateLimit,
    /// `[clusters.NAME]`
    Cluster,
    /// `[clusters.NAME.sticky]`
    Sticky,
    /// `[clusters.NAME.health_check]`
    HealthCheck,
    /// `[clusters.NAME.outlier_detection]`
    OutlierDetection,
    /// `[[clusters.NAME.frontends]]`
    Frontend,
    /// The tests of header fields and query parameters of a frontend or route.
    Predicate,
    /// The changes of header fields of a frontend or route.
    Edits,
    /// `[[clusters.NAME.backends]]`
    Backend,
    /// `[[routes]]`
    Route,
    /// `[routes.respond]`
    Respond,
    /// `[[answers]]`
    Answers,
}

impl Section {
    /// Every section, in the order of the documentation.
    pub const ALL: [Section; 18] = [
        Section::Root,
        Section::Daemon,
        Section::Listener,
        Section::Timeouts,
        Section::Limits,
        Section::Forwarding,
        Section::RateLimit,
        Section::Cluster,
        Section::Sticky,
        Section::HealthCheck,
        Section::OutlierDetection,
        Section::Frontend,
        Section::Predicate,
        Section::Edits,
        Section::Backend,
        Section::Route,
        Section::Respond,
        Section::Answers,
    ];

    /// The header as it stands in the file; empty for [`Section::Root`]. Of tables that stand in several places, the
    /// first.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Section::Root => "",
            Section::Daemon => "[daemon]",
            Section::Listener => "[[listeners]]",
            Section::Timeouts => "[listeners.timeouts]",
            Section::Limits => "[listeners.limits]",
            Section::Forwarding => "[listeners.forwarding]",
            Section::RateLimit => "[listeners.rate_limit]",
            Section::Cluster => "[clusters.NAME]",
            Section::Sticky => "[clusters.NAME.sticky]",
            Section::HealthCheck => "[clusters.NAME.health_check]",
            Section::OutlierDetection => "[clusters.NAME.outlier_detection]",
            Section::Frontend => "[[clusters.NAME.frontends]]",
            Section::Predicate => "[[clusters.NAME.frontends.headers]]",
            Section::Edits => "[clusters.NAME.frontends.request_headers]",
            Section::Backend => "[[clusters.NAME.backends]]",
            Section::Route => "[[routes]]",
            Section::Respond => "[routes.respond]",
            Section::Answers => "[[answers]]",
        }
    }

    /// What the section is for, in one line.
    #[must_use]
    pub const fn doc(self) -> &'static str {
        match self {
            Section::Root => "The tables of the file.",
            Section::Daemon => "The process as a whole.",
            Section::Listener => "An address that accepts connections.",
            Section::Timeouts => {
                "How long each step may take on this listener; `docs/deadlines.md` says what happens then. \
                 With `protocol = \"tcp\"` only `connect`, `send`, `tunnel` and `proxy_header` have a meaning."
            }
            Section::Limits => "What clients of this listener may ask for.",
            Section::Forwarding => {
                "What backends are told of where a request came from. Fields of these names that a client sent are \
                 dropped, unless it is one of `trusted_proxies`: then lists are continued and single values kept."
            }
            Section::RateLimit => {
                "How many requests per second one client may make, counted for the whole process; beyond it the answer is 429. \
                 The table turns it on."
            }
            Section::Cluster => {
                "A named set of backends behind one load-balancing policy. Limits hold for the whole process, not for each \
                 shard; at a limit a request waits for `queue_timeout`, and is then answered 503 with Retry-After."
            }
            Section::Sticky => {
                "Keeps each client at the backend that served it first, by a cookie, for as long as that backend can serve. \
                 The cookie's value is a keyed hash: a client can neither choose a backend by it nor learn its name. The \
                 table turns it on; an empty one means its defaults."
            }
            Section::HealthCheck => {
                "Asks the backends whether they are well: each once per interval for the whole process, whatever the number of \
                 shards. With `protocol = \"tcp\"` only `port`, the times, `rise` and `fall` have a meaning. The table turns \
                 it on; an empty one means its defaults."
            }
            Section::OutlierDetection => {
                "Takes a backend out for a while when requests show that it fails more than the others. The table turns it on; \
                 an empty one means its defaults."
            }
            Section::Frontend => {
                "Which requests the cluster gets. Of all frontends and routes that a request fits wholly the most specific one \
                 wins: an exact host before the longest wildcard before any host, then an exact path before a pattern (the \
                 first of the host) before the longest prefix, then the one with more tests, then one that names methods, \
                 then the first: frontends in the order of the file, then routes."
            }
            Section::Predicate => {
                "A test of a header field or a query parameter; `headers` and `query` of frontends and routes hold them. \
                 Exactly one of `equals`, `prefix`, `regex` and `present` stands in each."
            }
            Section::Edits => {
                "Changes to header fields: `request_headers` and `response_headers` of frontends and routes. First fields \
                 are removed, then set, then appended. Names that govern framing, the connection or forwarding are refused."
            }
            Section::Backend => "One server of the cluster.",
            Section::Route => {
                "What becomes of requests that no single cluster gets. Has every key of `[[clusters.NAME.frontends]]`, and \
                 exactly one of `cluster`, `split`, `redirect` and `respond`."
            }
            Section::Respond => "An answer without a backend. At most one of `body` and `file`.",
            Section::Answers => {
                "The text of Ringway's own answers with one status; at least one of `html` and `json`, and the client's \
                 Accept chooses. In the files `{status}`, `{reason}` and `{request_id}` stand for the number, its name and \
                 the request's id."
            }
        }
    }

    /// The section whose keys this one has as well.
    const fn base(self) -> Option<Section> {
        match self {
            Section::Route => Some(Section::Frontend),
            _ => None,
        }
    }

    /// The keys of the section, in the order of [`KEYS`], those that it shares with another included.
    pub fn keys(self) -> impl Iterator<Item = &'static Key> {
        // A base stands before what is built on it.
        self.base().into_iter().flat_map(|base| base.range()).chain(self.range())
    }

    /// The keys of this section alone.
    pub fn own_keys(self) -> impl Iterator<Item = &'static Key> {
        self.range().iter()
    }

    fn range(self) -> &'static [Key] {
        let (start, end) = RANGES[self as usize];
        &KEYS[start..end]
    }
}

/// Where the keys of each section stand in [`KEYS`].
const RANGES: [(usize, usize); Section::ALL.len()] = {
    let mut ranges = [(0, 0); Section::ALL.len()];
    let mut n = 0;
    while n < KEYS.len() {
        let range = &mut ranges[KEYS[n].section as usize];
        if range.1 == 0 {
            range.0 = n;
        } else {
            assert!(range.1 == n, "the keys of a section stand together");
        }
        range.1 = n + 1;
        n += 1;
    }
    ranges
};

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
    /// A whole number, one of a few.
    Number {
        /// The valid ones.
        numbers: &'static [u16],
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
    /// A table of strings whose keys are free.
    Pairs {
        /// What the keys and the strings are.
        holds: &'static str,
    },
    /// A table of whole numbers whose keys are free.
    Weights {
        /// What the keys are.
        holds: &'static str,
        /// The least number.
        min: u64,
        /// The largest.
        max: u64,
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
            Kind::Number { numbers } => {
                let numbers: Vec<_> = numbers.iter().map(u16::to_string).collect();
                write!(f, "`{}`", numbers.join("`, `"))
            }
            Kind::Boolean => f.write_str("boolean"),
            Kind::Word { words, .. } => write!(f, "`\"{}\"`", words.join("\"`, `\"")),
            Kind::Text { holds } => write!(f, "string: {holds}"),
            Kind::Texts { holds } => write!(f, "array of strings: {holds}"),
            Kind::Pairs { holds } => write!(f, "table of strings: {holds}"),
            Kind::Weights { holds, min, max } => write!(f, "table of integers, {min} to {max}: {holds}"),
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
    /// An array of texts.
    Texts(&'static [&'static str]),
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
            Fallback::Texts(texts) => write!(f, "`{texts:?}`"),
            Fallback::Means(what) => f.write_str(what),
        }
    }
}
