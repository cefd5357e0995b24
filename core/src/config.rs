//! The effective configuration, as plain data.
//!
//! A [`Config`] that exists is a valid one when it came from [`Config::read`] or [`Config::direct`]: names are
//! unique, every reference has its target, every number lies in its bounds. The fields are open so that tests and
//! tools can build their own.
//!
//! ```
//! use ringway_core::Config;
//!
//! let file = r#"
//! [[listeners]]
//! name = "web"
//! address = "127.0.0.1:8080"
//! [[clusters.site.frontends]]
//! [[clusters.site.backends]]
//! adress = "127.0.0.1:9000"
//! "#;
//! let errors = Config::read("ringway.toml", file.as_bytes()).unwrap_err();
//! assert!(errors.to_string().contains(
//!     "ringway.toml:7:1: clusters.site.backends[0].adress: unknown key; did you mean \"address\"?"
//! ));
//! ```
//!
//! [`defaults`] holds every default and bound, [`keys`] the one table of the keys of the file.

use std::num::NonZero;
use std::path::{Path, PathBuf};

pub use answers::AnswerFiles;
pub use cluster::{AdminState, Backend, Cluster, HashKey, LoadMetric, Policy, SendProxy};
pub use daemon::{Daemon, LogLevel};
pub use deadline::{Deadline, deadlines_markdown};
pub use direct::DirectError;
pub use forwarding::{Forwarding, RequestId};
pub use health_check::{CheckProtocol, HealthCheck, OutlierDetection};
pub use hostname::{Hostname, HostnameError};
pub use keys::{KEYS, Key, keys_markdown, schema_json};
pub use listener::{Limits, Listener, Protocol, Timeouts};
pub use problem::{ConfigErrors, Problem};
pub use rate_limit::{RateKey, RateLimit};
pub use rewrite::{HeaderEdits, Rewrite};
pub use route::{
    Action, Content, Frontend, Match, PathMatch, Predicate, Redirect, RedirectStatus, Respond, Route, Test,
};
pub use sticky::{SameSite, Sticky};
pub use warnings::Warning;

mod answers;
mod check;
mod cluster;
mod daemon;
pub mod deadline;
pub mod defaults;
mod direct;
mod forwarding;
mod health_check;
mod hostname;
pub mod keys;
mod listener;
mod nearest;
mod parse;
mod problem;
mod rate_limit;
mod read;
mod rewrite;
mod route;
mod sticky;
mod table;
mod units;
mod warnings;
mod word;
mod write;

pub(crate) use check::Described;
pub(crate) use nearest::nearest;
pub(crate) use read::single;
pub use write::keys::{
    answer_keys, backend_keys, cluster_keys, daemon_keys, frontend_keys, health_check_keys, listener_keys,
    match_keys, route_keys,
};

/// How many shards a process runs.
pub type ShardCount = NonZero<u16>;

/// Everything the file says, with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The process as a whole.
    pub daemon: Daemon,
    /// Where connections come in, in the order of the file; names and addresses are unique.
    pub listeners: Vec<Listener>,
    /// Where requests go, in the order of the file; names are unique.
    pub clusters: Vec<Cluster>,
    /// Requests that no single cluster gets, in the order of the file.
    pub routes: Vec<Route>,
    /// Ringway's own answers, in the order of the file; no two for one status.
    pub answers: Vec<AnswerFiles>,
}

impl Config {
    /// The configuration that `content`, the bytes of a TOML file, describes. `file` is the name that problems are reported
    /// under; its folder is what relative paths in the file begin at.
    ///
    /// # Errors
    ///
    /// Every problem of the file, in the order of their lines; of a file that is not TOML, the first.
    pub fn read(file: &str, content: &[u8]) -> Result<Config, ConfigErrors> {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        read::read(folder, content).map_err(|problems| ConfigErrors::new(file, problems))
    }

    /// The path of every file that the configuration names; a relative one begins where the process runs.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let answers =
            self.answers.iter_mut().flat_map(|answer| [&mut answer.html, &mut answer.json]).flatten();
        let bodies = self.routes.iter_mut().filter_map(|route| match &mut route.action {
            Action::Respond(Respond { body: Content::File(file), .. }) => Some(file),
            Action::Respond(_) | Action::Split(_) | Action::Redirect(_) => None,
        });
        let stickies = self.clusters.iter_mut().filter_map(|cluster| cluster.sticky.as_mut());
        let secrets = stickies.filter_map(|sticky| sticky.secret_file.as_mut());
        answers.chain(bodies).chain(secrets)
    }
}

#[cfg(test)]
pub(crate) mod tests;
