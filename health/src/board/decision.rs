//! What the board decides, for shards to follow and operators to read.

use ringway_core::{ClusterId, Event};

use super::signal::Member;

/// One consequence. Each tells a change, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// For all shards.
    Decide(Decision),
    /// For operators.
    Event(Event),
    /// The first shard sends requests of this cluster to backends that can not open, or the last one ceased to.
    FailOpen {
        /// Which cluster.
        cluster: ClusterId,
        /// Whether it began.
        entered: bool,
    },
}

/// What all shards do alike from now on. At first every backend is healthy and up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Whether it gets requests: its check says so, and it is not ejected.
    Health {
        /// Which backend.
        member: Member,
        /// Whether it gets requests.
        healthy: bool,
    },
    /// Whether it can be reached. A shard that found out by itself hears it as well, and one that had no part in it may hear
    /// what it knows.
    Reach {
        /// Which backend.
        member: Member,
        /// Whether it can be.
        up: bool,
    },
}
