//! The settings of the process as a whole.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::word::words;
use super::{ShardCount, defaults};

/// The process as a whole: `[daemon]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// How many shards run, at most [`defaults::SHARDS_MAX`]; `None`: as many as the cores that this process may
    /// run on.
    pub shards: Option<ShardCount>,
    /// How long requests in progress get to finish when the process stops.
    pub drain_timeout: Duration,
    /// The least important lines that still reach the log.
    pub log_level: LogLevel,
    /// How many client connections one shard holds; what comes beyond waits in the kernel's accept queue.
    pub max_connections_per_shard: u32,
    /// How many client connections the process holds; `None`: as many as its descriptors allow.
    pub max_connections: Option<u32>,
    /// How many client connections one source address may hold, over all shards; `None`: no limit. More are closed at
    /// once. An IPv6 source is its /64.
    pub max_connections_per_source: Option<u32>,
    /// How many requests one source address may have in flight, over all shards; `None`: no limit. More wait for
    /// [`Daemon::source_queue_timeout`].
    pub max_in_flight_per_source: Option<u32>,
    /// How long a request waits at the limit of its source; zero: it is answered at once.
    pub source_queue_timeout: Duration,
    /// How many requests of one source may wait.
    pub source_queue_max: u32,
    /// The UNIX socket that takes commands; `None`: there is none.
    pub command_socket: Option<PathBuf>,
    /// Where the running configuration is written to; `None`: only where a command says.
    pub state_file: Option<PathBuf>,
    /// Whether that is done after every change; only with a `state_file`.
    pub automatic_state_save: bool,
    /// Whether a start takes the state file in place of the configuration file, if it is newer; only with a `state_file`.
    pub load_state: bool,
    /// Who changed what, a line of text each; `None`: nowhere.
    pub audit_log: Option<PathBuf>,
    /// The same, a line of JSON each.
    pub audit_log_json: Option<PathBuf>,
    /// How long a turn of a shard may take before it is reported; zero: as long as it likes.
    pub turn_max: Duration,
    /// How long shards get to take up a change before it is given up.
    pub mutation_timeout: Duration,
    /// Whether a shard that has failed is started again.
    pub restart_shards: bool,
}

impl Default for Daemon {
    fn default() -> Daemon {
        Daemon {
            shards: None,
            drain_timeout: defaults::DRAIN_TIMEOUT,
            log_level: LogLevel::default(),
            max_connections_per_shard: defaults::MAX_CONNECTIONS_PER_SHARD,
            max_connections: None,
            max_connections_per_source: None,
            max_in_flight_per_source: None,
            source_queue_timeout: defaults::QUEUE_TIMEOUT,
            source_queue_max: defaults::SOURCE_QUEUE_MAX,
            command_socket: None,
            state_file: None,
            automatic_state_save: false,
            load_state: false,
            audit_log: None,
            audit_log_json: None,
            turn_max: defaults::TURN_MAX,
            mutation_timeout: defaults::MUTATION_TIMEOUT,
            restart_shards: true,
        }
    }
}

/// How important a log line is, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LogLevel {
    /// Something failed and needs a person.
    Error,
    /// Something is wrong but served around.
    Warn,
    /// What an operator wants to know of a healthy process.
    #[default]
    Info,
    /// The decisions behind it.
    Debug,
    /// Every step.
    Trace,
}

words!(LogLevel { Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace" });

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LogLevel, D::Error> {
        let word = <Cow<'_, str>>::deserialize(deserializer)?;
        LogLevel::from_word(&word).ok_or_else(|| de::Error::unknown_variant(&word, LogLevel::WORDS))
    }
}
