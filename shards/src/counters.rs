//! What a shard counts: plain cells on its own thread, handed out as a snapshot.

use std::cell::Cell;

/// A number that only its shard changes.
#[derive(Debug, Default)]
pub(crate) struct Count(Cell<u64>);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.set(self.0.get() + n);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A shard's counters.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Count,)*
        }

        /// A shard's counters at one moment. They only grow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct CountersSnapshot {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> CountersSnapshot {
                CountersSnapshot { $($name: self.$name.get(),)* }
            }
        }

        impl std::ops::AddAssign for CountersSnapshot {
            fn add_assign(&mut self, other: CountersSnapshot) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Client connections accepted.
    connections,
    /// Accepted client connections that another shard took over, because it had clearly fewer.
    handed_over,
    /// Client connections taken over that another shard had accepted.
    taken_over,
    /// Client connections closed at once, because their source had as many as it may.
    refused_sources,
    /// Client connections closed for the PROXY protocol header that they did not begin with, or whose peer may not send one.
    refused_greetings,
    /// Connections that became tunnels: TCP, Upgrade, CONNECT.
    tunnels,
    /// Bytes that tunnels passed on, in both directions.
    tunnel_bytes,
    /// Requests whose head was complete and valid.
    requests,
    /// Answers of backends, with a status of 1xx, that were passed on.
    responses_1xx,
    /// Answers with a status of 2xx.
    responses_2xx,
    /// Answers with a status of 3xx.
    responses_3xx,
    /// Answers with a status of 4xx.
    responses_4xx,
    /// Answers with a status of 5xx, and above.
    responses_5xx,
    /// Answers of our own, of any status; they stand in the classes as well.
    own_answers,
    /// Requests refused for their head or framing.
    rejected,
    /// Requests for which no backend could be selected.
    unserved,
    /// Requests whose client makes more than it may in a second: answered 429.
    rate_limited,
    /// Requests that waited at a limit.
    queued,
    /// Requests for which no room was made in time, or that found too many waiting; among `unserved`.
    queue_refused,
    /// Requests whose source had as many in flight as it may, for too long.
    source_refused,
    /// Tries beyond the first that the retry budget did not allow.
    retries_refused,
    /// Requests sent to a backend although it is not well, because no other was left.
    fail_open,
    /// Health checks run by this shard.
    probes,
    /// Those among them that failed.
    probes_failed,
    /// Health checks that were due and not run, because too many were waiting already.
    probes_skipped,
    /// Attempts to connect to a backend that failed.
    connect_failures,
    /// Attempts to connect for which this process had no descriptor, port or memory left.
    exhausted,
    /// Requests sent again because a connection ended before it answered.
    replays,
    /// Requests that went to another backend than the first.
    redispatches,
    /// Backend connections opened.
    backend_connections,
    /// Requests that went out on a connection used before.
    reused,
    /// Answers of backends that broke the protocol.
    bad_responses,
    /// Answers cut short because the backend or the client went away in the middle.
    aborted,
    /// Deadlines of clients that passed: head, body.
    client_timeouts,
    /// Deadlines of backends that passed: send, response head, response body.
    backend_timeouts,
}

impl Counters {
    /// Counts an answer by the class of its status.
    pub(crate) fn response(&self, status: u16) {
        match status {
            100..=199 => self.responses_1xx.one(),
            200..=299 => self.responses_2xx.one(),
            300..=399 => self.responses_3xx.one(),
            400..=499 => self.responses_4xx.one(),
            _ => self.responses_5xx.one(),
        }
    }
}
