//! What is valid but hardly meant.

use std::collections::BTreeSet;
use std::fmt;

use super::{Action, Config, Listener, Protocol};
use crate::ids::{BackendId, ClusterId, ListenerName};

/// Something in a valid configuration that is hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// No frontend and no route holds for the listener.
    NoFrontend {
        /// The listener that can only refuse.
        listener: ListenerName,
    },
    /// No frontend, no route and no listener leads to a cluster.
    Unreached {
        /// The cluster that gets nothing.
        cluster: ClusterId,
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
            Warning::Unreached { cluster } => write!(
                f,
                "no frontend, no route and no listener leads to cluster \"{cluster}\": it gets nothing"
            ),
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
        let reached = self.reached();
        for cluster in &self.clusters {
            if cluster.frontends.is_empty() && !reached.contains(&cluster.id) {
                warnings.push(Warning::Unreached { cluster: cluster.id.clone() });
            }
            for backend in &cluster.backends {
                let itself = self.listeners.iter().find(|listener| {
                    let ours = listener.address;
                    let Some(theirs) = backend.address.ip() else { return false };
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

    /// Whether anything says what becomes of the listener's connections.
    fn has_frontend(&self, listener: &Listener) -> bool {
        let frontends = self.clusters.iter().flat_map(|cluster| &cluster.frontends);
        let mut listeners = frontends
            .map(|frontend| &frontend.listeners)
            .chain(self.routes.iter().map(|route| &route.listeners));
        listener.protocol == Protocol::Tcp
            || listeners.any(|names| names.is_empty() || names.contains(&listener.name))
    }

    /// The clusters that a route or a listener leads to.
    fn reached(&self) -> BTreeSet<&ClusterId> {
        let routes = self.routes.iter().flat_map(|route| match &route.action {
            Action::Split(weights) => weights.as_slice(),
            Action::Redirect(_) | Action::Respond(_) => &[],
        });
        let listeners = self.listeners.iter().filter_map(|listener| listener.cluster.as_ref());
        routes.map(|(cluster, _)| cluster).chain(listeners).collect()
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
    fn a_cluster_that_nobody_leads_to_is_told() {
        let told = |rest: &str| {
            let file = format!(
                r#"
                listeners = [{{ name = "a", address = "127.0.0.1:1", {rest}
                [clusters]
                seen = {{ frontends = [{{}}], backends = [{{ address = "127.0.0.1:3" }}] }}
                c = {{ backends = [{{ address = "127.0.0.1:3" }}] }}
                "#
            );
            let config = Config::read("file", file.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
            config.warnings().iter().map(Warning::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            told("}]"),
            [r#"no frontend, no route and no listener leads to cluster "c": it gets nothing"#]
        );
        assert_eq!(told(r#"protocol = "tcp", cluster = "c" }]"#), [""; 0]);
        assert_eq!(told("}]\nroutes = [{ hostname = \"x\", cluster = \"c\" }]"), [""; 0]);
        assert_eq!(told("}]\nroutes = [{ hostname = \"x\", split = { seen = 1, c = 0 } }]"), [""; 0]);
    }

    #[test]
    fn a_route_serves_a_listener_as_a_frontend_does() {
        let file = r#"
            listeners = [{ name = "a", address = "127.0.0.1:1" }, { name = "b", address = "127.0.0.1:2" }]
            routes = [{ listeners = ["b"], redirect = "https://{host}{path}{query}" }]
            clusters.c = { frontends = [{ listeners = ["a"] }], backends = [{ address = "127.0.0.1:3" }] }
        "#;
        let config = Config::read("file", file.as_bytes()).expect("valid");
        assert_eq!(config.warnings(), []);
    }

    #[test]
    fn a_backend_that_is_a_listener_is_told() {
        for (listen, backend) in [("10.0.0.1:2", "10.0.0.1:2"), ("0.0.0.0:2", "127.0.0.1:2")] {
            let told = warnings(listen, "", backend);
            assert!(told.len() == 1 && told[0].contains(r#"is listener "b""#), "{told:?}");
        }
    }
}
