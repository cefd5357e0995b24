//! What is valid but hardly meant.

use std::fmt;

use super::{Config, Listener};
use crate::ids::{BackendId, ClusterId, ListenerName};

/// Something in a valid configuration that is hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// No frontend holds for the listener.
    NoFrontend {
        /// The listener that can only refuse.
        listener: ListenerName,
    },
    /// A backend is a listener of this process.
    Loop {
        /// The cluster of the backend.
        cluster: ClusterId,
        /// The backend.
        backend: BackendId,
        /// The listener that it is.
        listener: ListenerName,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::NoFrontend { listener } => {
                write!(f, "no frontend holds for listener \"{listener}\": each of its requests gets 404")
            }
            Warning::Loop { cluster, backend, listener } => write!(
                f,
                "backend \"{backend}\" of cluster \"{cluster}\" is listener \"{listener}\" of this process: \
                 requests may go round until a timeout"
            ),
        }
    }
}

impl Config {
    /// What is valid but hardly meant, for the log of a start and for a check.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let unused = self.listeners.iter().filter(|listener| !self.has_frontend(listener));
        let mut warnings: Vec<_> =
            unused.map(|listener| Warning::NoFrontend { listener: listener.name.clone() }).collect();
        for cluster in &self.clusters {
            for backend in &cluster.backends {
                let itself = self.listeners.iter().find(|listener| {
                    let (theirs, ours) = (backend.address, listener.address);
                    let every_address = ours.ip().is_unspecified() && theirs.ip().is_loopback();
                    theirs == ours || (theirs.port() == ours.port() && every_address)
                });
                warnings.extend(itself.map(|listener| Warning::Loop {
                    cluster: cluster.id.clone(),
                    backend: backend.id.clone(),
                    listener: listener.name.clone(),
                }));
            }
        }
        warnings
    }

    fn has_frontend(&self, listener: &Listener) -> bool {
        let mut frontends = self.clusters.iter().flat_map(|cluster| &cluster.frontends);
        frontends.any(|frontend| frontend.listeners.is_empty() || frontend.listeners.contains(&listener.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(listen: &str, frontend: &str, backend: &str) -> Vec<String> {
        let file = format!(
            r#"
            listeners = [{{ name = "a", address = "127.0.0.1:1" }}, {{ name = "b", address = "{listen}" }}]
            [clusters.c]
            frontends = [{{ {frontend} }}]
            backends = [{{ address = "{backend}" }}]
            "#
        );
        let config = Config::read("file", file.as_bytes()).expect("valid");
        config.warnings().iter().map(Warning::to_string).collect()
    }

    #[test]
    fn what_is_meant_gives_no_warning() {
        assert_eq!(warnings("0.0.0.0:2", "", "127.0.0.1:3"), [""; 0]);
        assert_eq!(warnings("0.0.0.0:2", r#"listeners = ["a", "b"]"#, "10.0.0.1:2"), [""; 0]);
    }

    #[test]
    fn a_listener_without_a_frontend_is_told() {
        let told = warnings("0.0.0.0:2", r#"listeners = ["a"]"#, "127.0.0.1:3");
        assert_eq!(told, [r#"no frontend holds for listener "b": each of its requests gets 404"#]);
    }

    #[test]
    fn a_backend_that_is_a_listener_is_told() {
        for (listen, backend) in [("10.0.0.1:2", "10.0.0.1:2"), ("0.0.0.0:2", "127.0.0.1:2")] {
            let told = warnings(listen, "", backend);
            assert!(told.len() == 1 && told[0].contains(r#"is listener "b""#), "{told:?}");
        }
    }
}
