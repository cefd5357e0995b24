//! The verbs of the control plane: what any door may ask of the coordinator, what it answers, and why it refuses.
//!
//! Verbs know nothing of the doors they come through. All of them are JSON as well (serde), which is what the command
//! socket's own field and the log use.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::change::{Change, Keys};
use crate::config::LogLevel;
use crate::event::{EventKind, Record};
use crate::ids::{BackendId, ClusterId, ListenerName};

/// Who asks, as the kernel says of the other end of a UNIX socket (`SO_PEERCRED`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Process.
    pub pid: i32,
    /// The number of its connection, counted from 1 since the start; 0: the process itself or a signal to it.
    pub session: u64,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Actor { uid, gid, pid, session } = self;
        write!(f, "uid={uid} gid={gid} pid={pid} session={session}")
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verb {
    /// Changes of the configuration, in their order: all of them or none, as one generation.
    Apply {
        /// At most [`CHANGES_MAX`].
        changes: Vec<Change>,
        /// Say what would become of it, and do nothing.
        #[serde(default)]
        dry_run: bool,
    },
    /// Reads the configuration file again, and applies what is different from what runs.
    Reload {
        /// Another file than the one of the start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
        /// Only say what is different.
        #[serde(default)]
        dry_run: bool,
    },
    /// Writes the running configuration to a state file.
    StateSave {
        /// Where, an absolute path; else `daemon.state_file`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
    },
    /// Applies what a state file says and the running configuration does not, removals included.
    StateLoad {
        /// Where, an absolute path; else `daemon.state_file`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
        /// Only say what is different.
        #[serde(default)]
        dry_run: bool,
    },
    /// How many changes were asked for since the start, by their names.
    CountRequests,
    /// How the process stands.
    Status,
    /// Clusters, their backends and frontends.
    Clusters {
        /// Only this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<ClusterId>,
        /// Only those that have a frontend for this host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        domain: Option<String>,
        /// Only those that have a frontend for this path, beside the host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// Listeners.
    Listeners,
    /// Frontends and routes.
    Frontends {
        /// Only those of this cluster.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<ClusterId>,
        /// Only those for this host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        domain: Option<String>,
        /// Only those of this listener.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listener: Option<ListenerName>,
    },
    /// The hash of the state, of each cluster, and what each shard has.
    Hashes,
    /// The whole running configuration, as changes that make it out of nothing.
    Configuration,
    /// States what is held of a backend, whatever its checks say, until they find the opposite.
    MarkHealth {
        /// Whose backend.
        cluster: ClusterId,
        /// Which one.
        backend: BackendId,
        /// What is held of it.
        healthy: bool,
    },
    /// The least important lines that still reach the log.
    LogLevel {
        /// They.
        level: LogLevel,
    },
    /// Events from now on, or from an earlier one on. The answer is [`Answer::Subscribed`]; then events come.
    Subscribe {
        /// The first one wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<u64>,
        /// Only these kinds; empty: all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kinds: Vec<EventKind>,
        /// Whoever reads too slowly is told how many events that cost, and no more comes. Else the rest does.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        no_gaps: bool,
    },
    /// Ends the process.
    Stop {
        /// Cut off what runs, instead of draining.
        #[serde(default)]
        hard: bool,
    },
    /// Replaces a shard by a new one on its core and sockets; the old one drains.
    ShardRelaunch {
        /// Which.
        shard: u16,
    },
    /// Harms a shard, for tests: only builds with debug assertions do it, others refuse with [`ErrorCode::NotInThisBuild`].
    Fault {
        /// Which.
        shard: u16,
        /// It panics.
        #[serde(default)]
        panic: bool,
        /// Else its present turn takes so long, in milliseconds.
        #[serde(default)]
        stall_ms: u64,
    },
    /// Something that a later version does: refused with [`ErrorCode::NotInThisBuild`].
    Unavailable {
        /// What, in a word or two.
        feature: String,
    },
}

/// Most changes of one batch.
pub const CHANGES_MAX: usize = 1_000_000;

impl Verb {
    /// Its name, as in JSON: `state_save`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Verb::Apply { .. } => "apply",
            Verb::Reload { .. } => "reload",
            Verb::StateSave { .. } => "state_save",
            Verb::StateLoad { .. } => "state_load",
            Verb::CountRequests => "count_requests",
            Verb::Status => "status",
            Verb::Clusters { .. } => "clusters",
            Verb::Listeners => "listeners",
            Verb::Frontends { .. } => "frontends",
            Verb::Hashes => "hashes",
            Verb::Configuration => "configuration",
            Verb::MarkHealth { .. } => "mark_health",
            Verb::LogLevel { .. } => "log_level",
            Verb::Subscribe { .. } => "subscribe",
            Verb::Stop { .. } => "stop",
            Verb::ShardRelaunch { .. } => "shard_relaunch",
            Verb::Fault { .. } => "fault",
            Verb::Unavailable { .. } => "unavailable",
        }
    }

    /// Whether it may change something, and so stands in the audit log.
    #[must_use]
    pub const fn is_audited(&self) -> bool {
        match self {
            Verb::CountRequests
            | Verb::Status
            | Verb::Clusters { .. }
            | Verb::Listeners
            | Verb::Frontends { .. }
            | Verb::Hashes
            | Verb::Configuration => false,
            Verb::Apply { .. }
            | Verb::Reload { .. }
            | Verb::StateSave { .. }
            | Verb::StateLoad { .. }
            | Verb::MarkHealth { .. }
            | Verb::LogLevel { .. }
            | Verb::Subscribe { .. }
            | Verb::Stop { .. }
            | Verb::ShardRelaunch { .. }
            | Verb::Fault { .. }
            | Verb::Unavailable { .. } => true,
        }
    }
}

/// What the coordinator answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It was done, and there is no more to say.
    Done {
        /// The generation of the configuration now.
        generation: u64,
    },
    /// What was changed, or would be.
    Changed {
        /// The generation of the configuration now.
        generation: u64,
        /// It was only asked what would be.
        dry_run: bool,
        /// What changed, in its order; what was there already is not among it. Left out for `apply` that was no dry run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<Change>,
        /// How many it were.
        count: usize,
        /// Shards that have not confirmed it in time, by name; they will as soon as they can.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        late: Vec<String>,
    },
    /// A state file was written.
    Saved {
        /// Where.
        file: PathBuf,
        /// How many changes stand in it.
        count: usize,
    },
    /// How often each change was asked for.
    Counts(BTreeMap<String, u64>),
    /// How the process stands.
    Status(Box<Status>),
    /// Clusters.
    Clusters {
        /// In the order of their names.
        clusters: Vec<ClusterInfo>,
    },
    /// Listeners.
    Listeners {
        /// In the order of their names.
        listeners: Vec<ListenerInfo>,
    },
    /// Frontends and routes.
    Frontends {
        /// Each as its keys say; `cluster` beside them where it is a frontend's.
        frontends: Vec<Keys>,
    },
    /// Hashes.
    Hashes {
        /// Of the whole state, as the coordinator has it.
        state: u64,
        /// By the name of the shard: of what it serves by.
        shards: BTreeMap<String, u64>,
        /// By the cluster's name.
        clusters: BTreeMap<String, u64>,
    },
    /// The running configuration.
    Configuration {
        /// Changes that make it out of nothing.
        changes: Vec<Change>,
    },
    /// Events come from here on.
    Subscribed {
        /// The number of the next event.
        next: u64,
        /// How many that were asked for are not kept any more.
        missed: u64,
    },
    /// An event, to a subscriber.
    Event(Box<Record>),
    /// A subscriber was too slow: so many events are lost to it.
    Missed {
        /// How many.
        missed: u64,
    },
}

/// How the process stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of Ringway.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// Since its start, in seconds.
    pub uptime_s: u64,
    /// Of the configuration: how often it was changed.
    pub generation: u64,
    /// The hash of the configuration.
    pub state_hash: u64,
    /// Is it stopping?
    pub draining: bool,
    /// In the order of their numbers.
    pub shards: Vec<ShardInfo>,
    /// In the order of their names.
    pub listeners: Vec<ListenerInfo>,
    /// How many there are.
    pub clusters: usize,
    /// Those of which no backend is available, in the order of their names; at most 1,000.
    pub clusters_down: Vec<ClusterId>,
}

/// A shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// Its number.
    pub shard: u16,
    /// `running`, `draining`, `restarting`, or `not answering`.
    pub state: String,
    /// The core it runs on.
    pub core: usize,
    /// Since it was started, in seconds.
    pub uptime_s: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// Client connections open.
    pub connections: u64,
    /// Requests since its start.
    pub requests: u64,
    /// Idle backend connections.
    pub pooled: u64,
    /// The longest turn since the last look, in microseconds.
    pub turn_max_us: u64,
    /// The hash of what it serves by; 0 if it does not answer.
    pub state_hash: u64,
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListenerInfo {
    /// Its name.
    pub listener: ListenerName,
    /// Where it really listens.
    pub address: String,
    /// Whether it accepts connections.
    pub active: bool,
    /// Its keys, those at their defaults left out.
    pub set: Keys,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterInfo {
    /// Its name.
    pub cluster: ClusterId,
    /// Whether one of its backends is available; a cluster without backends is not.
    pub available: bool,
    /// The hash of its configuration.
    pub hash: u64,
    /// Its keys, those at their defaults left out.
    pub set: Keys,
    /// Which requests it gets.
    pub frontends: Vec<Keys>,
    /// Who serves it.
    pub backends: Vec<BackendInfo>,
}

/// A backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendInfo {
    /// Its name.
    pub backend: BackendId,
    /// Its address as text.
    pub address: String,
    /// `up`, `drain`, `maint`, or why it gets nothing: `unhealthy: …`, `ejected: …`, `unreachable: …`.
    pub state: String,
    /// Requests in flight, of all shards.
    pub requests: u64,
    /// Connections, of all shards.
    pub connections: u64,
    /// Its keys, those at their defaults left out.
    pub set: Keys,
}

/// Why a verb was refused; nothing was applied.
///
/// Displays as one line: `backend_add: weight: expected …`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerbError {
    /// The kind of reason.
    pub code: ErrorCode,
    /// Of several changes the one that is refused, the first being 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<usize>,
    /// The argument or key that is wrong, if one is: `health_check.interval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl VerbError {
    /// A refusal for `code`.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> VerbError {
        VerbError { code, change: None, field: None, message: message.into() }
    }

    /// It is this argument or key that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> VerbError {
        self.field = Some(field.into());
        self
    }

    /// It is this one of several changes.
    #[must_use]
    pub fn change(mut self, change: usize) -> VerbError {
        self.change = Some(change);
        self
    }
}

impl fmt::Display for VerbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(change) = self.change {
            write!(f, "change {change}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for VerbError {}

/// The kinds of reasons to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// An argument is not what it can be.
    Invalid,
    /// What it is about is not there.
    NotFound,
    /// What it would add is there already, or collides with something.
    Exists,
    /// Something still needs what it would remove.
    InUse,
    /// A file could not be read or written.
    Io,
    /// A shard could not follow; none of them did.
    Shard,
    /// A later version does that.
    NotInThisBuild,
    /// More than a bound allows; try again, or with less.
    Busy,
    /// The process is stopping.
    Stopping,
}

impl ErrorCode {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::Invalid => "invalid",
            ErrorCode::NotFound => "not_found",
            ErrorCode::Exists => "exists",
            ErrorCode::InUse => "in_use",
            ErrorCode::Io => "io",
            ErrorCode::Shard => "shard",
            ErrorCode::NotInThisBuild => "not_in_this_build",
            ErrorCode::Busy => "busy",
            ErrorCode::Stopping => "stopping",
        }
    }
}
