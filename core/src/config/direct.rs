//! The configuration that a command line without a file means: one listener, one cluster.

use std::net::SocketAddr;

use super::defaults::SHARDS_MAX;
use super::{Backend, Cluster, Config, Daemon, Frontend, Listener, ShardCount};
use crate::ids::{ClusterId, ListenerName};

/// Why addresses alone do not make a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectError {
    /// There is nobody to send requests to.
    #[error("no backend: give at least one address to send requests to")]
    NoBackend,
    /// One backend was given twice.
    #[error("backend {0} is given twice: give it once, or use a configuration file with weights")]
    Twice(SocketAddr),
    /// A backend has port 0.
    #[error("backend {0} has port 0, where nobody listens: give the port it listens on")]
    NoPort(SocketAddr),
    /// A backend is the listener itself.
    #[error("backend {0} is the address to listen on: requests would go round for ever")]
    Itself(SocketAddr),
    /// More shards than one process runs.
    #[error("{0} shards are too many: at most {SHARDS_MAX}")]
    Shards(ShardCount),
}

impl Config {
    /// What `ringway start --listen listen --to to[0] --to to[1] ...` means: listener `main`, cluster `default`,
    /// every host and every path, the rest by default.
    ///
    /// # Errors
    ///
    /// When `to` is empty, names a backend twice, or one that can not be a backend; when `shards` is too large.
    pub fn direct(
        listen: SocketAddr,
        to: &[SocketAddr],
        shards: Option<ShardCount>,
    ) -> Result<Config, DirectError> {
        if to.is_empty() {
            return Err(DirectError::NoBackend);
        }
        for (n, address) in to.iter().enumerate() {
            match *address {
                address if address.port() == 0 => return Err(DirectError::NoPort(address)),
                address if address == listen => return Err(DirectError::Itself(address)),
                address if to[..n].contains(&address) => return Err(DirectError::Twice(address)),
                _ => {}
            }
        }
        if let Some(shards) = shards.filter(|shards| shards.get() > SHARDS_MAX) {
            return Err(DirectError::Shards(shards));
        }
        let name = ListenerName::parse("main").expect("a valid name");
        let id = ClusterId::parse("default").expect("a valid name");
        let backends = to.iter().copied().map(Backend::new).collect();
        Ok(Config {
            daemon: Daemon { shards, ..Daemon::default() },
            listeners: vec![Listener::new(name, listen)],
            clusters: vec![Cluster::new(id, vec![Frontend::any()], backends)],
            routes: Vec::new(),
            answers: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_command_line_means_what_the_shortest_file_says() {
        let file = r#"
            daemon.shards = 2
            listeners = [{ name = "main", address = "127.0.0.1:8080" }]
            [clusters.default]
            frontends = [{}]
            backends = [{ address = "127.0.0.1:9001" }, { address = "127.0.0.1:9002" }]
        "#;
        let direct = Config::direct(at(8080), &[at(9001), at(9002)], ShardCount::new(2));
        assert_eq!(direct.expect("valid"), Config::read("file", file.as_bytes()).expect("valid"));
    }

    #[test]
    fn addresses_that_make_no_proxy_are_refused() {
        let direct = |to: &[SocketAddr], shards| Config::direct(at(8080), to, ShardCount::new(shards));
        assert_eq!(direct(&[], 1), Err(DirectError::NoBackend));
        assert_eq!(direct(&[at(1), at(2), at(1)], 1), Err(DirectError::Twice(at(1))));
        assert_eq!(direct(&[at(0)], 1), Err(DirectError::NoPort(at(0))));
        assert_eq!(direct(&[at(8080)], 1), Err(DirectError::Itself(at(8080))));
        assert!(direct(&[at(1)], SHARDS_MAX).is_ok());
        assert!(matches!(direct(&[at(1)], SHARDS_MAX + 1), Err(DirectError::Shards(_))));
    }
}
