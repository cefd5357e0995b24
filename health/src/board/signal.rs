//! What shards, probes and operators tell the board.

/// A backend, by two numbers: a late signal may find the slot of its cluster given to another, but never its serial number, and
/// so nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The slot of its cluster: free for another as soon as the cluster is removed.
    pub cluster: u32,
    /// Its serial number: given once in the life of the process.
    pub backend: u32,
}

/// One observation. What is said of a member that does not exist is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The rise/fall machine of the shard that probes it has flipped. Ignored where the cluster has no check (any more).
    Probed {
        /// Which backend.
        member: Member,
        /// What is held of it now.
        healthy: bool,
        /// Why.
        reason: String,
    },
    /// Somebody states a verdict, whatever the thresholds.
    Stated {
        /// Which backend.
        member: Member,
        /// What is held of it now.
        healthy: bool,
        /// Why.
        reason: String,
    },
    /// A shard could not connect to it, again and again: its retry policy is exhausted.
    Down {
        /// Which backend.
        member: Member,
        /// Why.
        reason: String,
    },
    /// A shard's request reached it, or its probes did often enough, after one said that it is down.
    Up {
        /// Which backend.
        member: Member,
    },
    /// A shard's request reached it, after that shard had failed to, though not often enough to say that it is down.
    Recovered {
        /// Which backend.
        member: Member,
    },
    /// So many failures in a row, over all shards, that its ejection is due.
    Outlier {
        /// Which backend.
        member: Member,
        /// What failed.
        kind: FailureKind,
        /// How many times in a row.
        run: u32,
    },
    /// What a shard sent there since it last said so.
    Counts {
        /// Which backend.
        member: Member,
        /// Requests that have ended.
        requests: u64,
        /// Those of them that failed; at most as many.
        failures: u64,
    },
    /// A shard has begun, or ceased, to send a cluster's requests to backends that can not open.
    FailOpen {
        /// The slot of the cluster.
        cluster: u32,
        /// Which shard.
        shard: u16,
        /// Whether it began.
        entered: bool,
    },
    /// A shard has nothing of a removed backend any more: no connection, no request.
    Drained {
        /// Which backend.
        member: Member,
        /// Which shard.
        shard: u16,
    },
    /// A shard has ended: what it said of fail-open does not hold any more, and it has nothing of any removed backend.
    ShardGone {
        /// Which shard.
        shard: u16,
    },
}

/// What failed in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// Answers of 500 to 599, gateway errors included.
    ServerErrors,
    /// Answers of 502, 503 and 504, broken answers, timeouts.
    GatewayErrors,
    /// Connects.
    ConnectFailures,
}
