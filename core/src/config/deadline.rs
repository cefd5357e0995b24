//! Every state of a connection that has a deadline: which key sets it, what it covers, and what is answered.
//!
//! No state is without one: whatever a peer does or leaves out, each connection ends. `docs/deadlines.md` is written from
//! here.

use std::fmt::Write as _;
use std::time::Duration;

use super::defaults;
use super::keys::{Fallback, KEYS, Key, Section};
use super::units::{duration_text, size_text};

/// A state of a connection that ends by itself, in the order in which a connection comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deadline {
    /// The PROXY protocol header of a client connection is awaited.
    ProxyHeader,
    /// The head of a request is awaited.
    RequestHead,
    /// The next request of a connection is awaited.
    Idle,
    /// The next piece of a request's body is awaited.
    RequestBody,
    /// A request's body comes in pieces, but slowly.
    RequestBodyRate,
    /// A request waits at a limit.
    Queue,
    /// A connection to a backend is being made.
    Connect,
    /// The head of a response is awaited.
    ResponseHead,
    /// The next piece of a response's body is awaited.
    ResponseBody,
    /// A peer has something to take.
    Send,
    /// A tunnel is quiet.
    Tunnel,
    /// A request is in progress.
    Total,
    /// The last answer of a connection is out, and its client may still be sending.
    Linger,
    /// The process stops.
    Drain,
}

/// What a deadline is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Time, to the millisecond.
    Time,
    /// Bytes per second, the least that is enough.
    Rate,
}

impl Deadline {
    /// Every one, in the order of the documentation.
    pub const ALL: [Deadline; 14] = [
        Deadline::ProxyHeader,
        Deadline::RequestHead,
        Deadline::Idle,
        Deadline::RequestBody,
        Deadline::RequestBodyRate,
        Deadline::Queue,
        Deadline::Connect,
        Deadline::ResponseHead,
        Deadline::ResponseBody,
        Deadline::Send,
        Deadline::Tunnel,
        Deadline::Total,
        Deadline::Linger,
        Deadline::Drain,
    ];

    /// The state, in the words of an operator.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Deadline::ProxyHeader => "PROXY protocol header",
            Deadline::RequestHead => "request head",
            Deadline::Idle => "idle keep-alive",
            Deadline::RequestBody => "request body",
            Deadline::RequestBodyRate => "request body, rate",
            Deadline::Queue => "queue",
            Deadline::Connect => "connect",
            Deadline::ResponseHead => "response head",
            Deadline::ResponseBody => "response body",
            Deadline::Send => "send",
            Deadline::Tunnel => "tunnel idle",
            Deadline::Total => "total",
            Deadline::Linger => "linger",
            Deadline::Drain => "drain",
        }
    }

    /// The key of the configuration file that sets it; `None`: it is fixed. Of [`Deadline::Queue`], the one of a cluster's
    /// limits.
    #[must_use]
    pub fn key(self) -> Option<&'static Key> {
        let (section, name) = match self {
            Deadline::ProxyHeader => (Section::Timeouts, "proxy_header"),
            Deadline::RequestHead => (Section::Timeouts, "head"),
            Deadline::Idle => (Section::Timeouts, "idle"),
            Deadline::RequestBody => (Section::Timeouts, "body"),
            Deadline::RequestBodyRate => (Section::Limits, "body_rate"),
            Deadline::Queue => (Section::Cluster, "queue_timeout"),
            Deadline::Connect => (Section::Timeouts, "connect"),
            Deadline::ResponseHead => (Section::Timeouts, "response"),
            Deadline::ResponseBody => (Section::Timeouts, "response_body"),
            Deadline::Send => (Section::Timeouts, "send"),
            Deadline::Tunnel => (Section::Timeouts, "tunnel"),
            Deadline::Total => (Section::Timeouts, "total"),
            Deadline::Linger => return None,
            Deadline::Drain => (Section::Daemon, "drain_timeout"),
        };
        KEYS.iter().find(|key| key.section == section && key.name == name)
    }

    /// What it is counted in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Deadline::RequestBodyRate => Unit::Rate,
            _ => Unit::Time,
        }
    }

    /// What holds where its key is left out, as it is written in the file; a rate is per second.
    #[must_use]
    pub fn default_text(self) -> String {
        match self.key().map(|key| key.fallback) {
            Some(Fallback::Duration(duration)) => duration_text(duration),
            Some(Fallback::Size(bytes)) => size_text(bytes),
            // The one that has no key.
            _ => duration_text(Deadline::FIXED),
        }
    }

    /// How long [`Deadline::Linger`] lasts.
    const FIXED: Duration = defaults::LINGER;

    /// From when to when it is counted.
    #[must_use]
    pub const fn covers(self) -> &'static str {
        match self {
            Deadline::ProxyHeader => {
                "From the connection's start to the end of the header, on listeners with `proxy_protocol`."
            }
            Deadline::RequestHead => {
                "From the first byte of a head to its last; for the first request of a connection, from the connection's \
                 start (or the end of its PROXY protocol header) to that first byte as well."
            }
            Deadline::Idle => "From the end of an answer to the first byte of the next request.",
            Deadline::RequestBody => {
                "From one piece of the body to the next; while a backend does not take what is there, the `send` of that backend counts instead."
            }
            Deadline::RequestBodyRate => {
                "The average over each period of `timeouts.body` in which the body was waited for."
            }
            Deadline::Queue => {
                "From the moment a request meets a limit of its cluster or of the backends until one may take it; zero is no \
                 wait, but for the 50 ms that another shard has to give up an idle connection. At the limit of its source, `[daemon]` `source_queue_timeout` counts instead."
            }
            Deadline::Connect => "Each try of a connection to a backend, from its start.",
            Deadline::ResponseHead => {
                "From the end of the request to the end of the response's head; interim answers (1xx) do not prolong it."
            }
            Deadline::ResponseBody => {
                "From one piece of the body to the next; while the client does not take what is there, its `send` counts instead."
            }
            Deadline::Send => {
                "From the moment something is given to the kernel until it has taken all of it, on either side."
            }
            Deadline::Tunnel => {
                "From one byte, in either direction, to the next, on TCP listeners and after an Upgrade or CONNECT."
            }
            Deadline::Total => {
                "From the first byte of a request to the last of its response. A tunnel is not a request: it ends with the 101, or the 2xx of CONNECT."
            }
            Deadline::Linger => {
                "After an answer that leaves part of the request unread, how long its rest is taken and dropped: closing at once would reset the connection, and could destroy the answer on its way."
            }
            Deadline::Drain => "From the signal to stop until everything is closed.",
        }
    }

    /// What happens when it has passed.
    #[must_use]
    pub const fn answer(self) -> &'static str {
        match self {
            Deadline::ProxyHeader => {
                "The connection is closed: who it is from is not known, so nobody is answered."
            }
            Deadline::RequestHead => "408 and close; without an answer if no byte of the head came.",
            Deadline::Idle => "The connection is closed, without an answer.",
            Deadline::RequestBody | Deadline::RequestBodyRate => {
                "408 and close; a reset if part of an answer is out already. The backend's connection is dropped."
            }
            Deadline::Queue => "503 with Retry-After.",
            Deadline::Connect => {
                "The next backend is tried; 503 when there is none left. On a TCP listener the client's connection is reset."
            }
            Deadline::ResponseHead => "504; the backend's connection is dropped.",
            Deadline::ResponseBody => {
                "The client's connection is reset, so that it does not take the part for the whole."
            }
            Deadline::Send => {
                "A client: its connection is reset. A backend: its connection is dropped, and the client gets 502 unless an answer has begun."
            }
            Deadline::Tunnel => "Both sides are reset, so that neither takes what it has for the whole.",
            Deadline::Total => {
                "408 and close while the request still comes, 504 while the answer has not begun, else a reset."
            }
            Deadline::Linger => "The connection is closed.",
            Deadline::Drain => "Every connection that is left is closed, wherever it is.",
        }
    }
}

/// The table of all deadlines in Markdown.
#[must_use]
pub fn deadlines_markdown() -> String {
    let mut table =
        "| state | key | unit | default | covers | when it has passed |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for deadline in Deadline::ALL {
        let key = match deadline.key() {
            Some(key) => format!("`{}` `{}`", key.section.header(), key.name),
            None => "not configurable".to_owned(),
        };
        let unit = match deadline.unit() {
            Unit::Time => "duration",
            Unit::Rate => "bytes per second",
        };
        let (name, default, covers, answer) =
            (deadline.name(), deadline.default_text(), deadline.covers(), deadline.answer());
        let _ = writeln!(table, "| {name} | {key} | {unit} | {default} | {covers} | {answer} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::Kind;

    #[test]
    fn every_deadline_but_the_fixed_one_has_its_key() {
        for deadline in Deadline::ALL {
            let fits = match (deadline.key().map(|key| key.kind), deadline.unit()) {
                (Some(Kind::Duration { .. }), Unit::Time) | (Some(Kind::Size { .. }), Unit::Rate) => true,
                (None, _) => deadline == Deadline::Linger,
                _ => false,
            };
            assert!(fits, "{deadline:?}");
        }
    }

    /// A timeout that no state of a connection has would be a key without an effect.
    #[test]
    fn every_timeout_of_a_listener_is_the_deadline_of_one_state() {
        for key in Section::Timeouts.keys() {
            let states = Deadline::ALL.iter().filter_map(|deadline| deadline.key());
            let same = states.filter(|other| other.section == key.section && other.name == key.name);
            assert_eq!(same.count(), 1, "{}", key.name);
        }
    }

    #[test]
    fn the_table_has_one_row_for_each() {
        let table = deadlines_markdown();
        assert_eq!(table.lines().count(), 2 + Deadline::ALL.len());
        for line in [
            "| request body, rate | `[listeners.limits]` `body_rate` | bytes per second | 100B |",
            "| queue | `[clusters.NAME]` `queue_timeout` | duration | 0s |",
            "| linger | not configurable | duration | 2s |",
        ] {
            assert!(table.lines().any(|have| have.starts_with(line)), "{line}\n{table}");
        }
        assert!(table.lines().all(|line| line.matches('|').count() == 7), "{table}");
    }
}
