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

pub use cluster::{Backend, Cluster, Frontend, Policy};
pub use daemon::{Daemon, LogLevel};
pub use direct::DirectError;
pub use hostname::{Hostname, HostnameError};
pub use keys::{KEYS, Key, keys_markdown};
pub use listener::{Limits, Listener, Protocol, Timeouts};
pub use problem::{ConfigErrors, Problem};
pub use warnings::Warning;

mod check;
mod cluster;
mod daemon;
pub mod defaults;
mod direct;
mod hostname;
pub mod keys;
mod listener;
mod nearest;
mod problem;
mod read;
mod table;
mod units;
mod warnings;
mod word;

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
}

impl Config {
    /// The configuration that `content`, the bytes of a TOML file, describes. `file` is only the name that
    /// problems are reported under.
    ///
    /// # Errors
    ///
    /// Every problem of the file, in the order of their lines; of a file that is not TOML, the first.
    pub fn read(file: &str, content: &[u8]) -> Result<Config, ConfigErrors> {
        read::read(content).map_err(|problems| ConfigErrors::new(file, problems))
    }
}

#[cfg(test)]
mod tests;
