//! What is valid but hardly meant.

use std::collections::BTreeSet;
use std::fmt;

use super::{Action, Config, Listener, Protocol};
use crate::ids::{BackendId, ClusterId, ListenerName};

mod balancing;

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
    /// A key says something that another one leaves without effect.
    NoEffect {
        /// The way to the key, as in [`Problem::key`](super::Problem::key).
        key: String,
        /// Why it has none.
        why: &'static str,
    },
    /// No backend of a cluster is `ready`.
    NoneReady {
        /// The cluster that serves nothing.
        cluster: ClusterId,
    },
    /// A health check asks for HTTP where connections are passed on as they come.
    CheckOfTcp {
        /// The cluster that only TCP listeners lead to.
        cluster: ClusterId,
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
            Warning::NoEffect { key, why } => write!(f, "{key} has no effect: {why}"),
            Warning::NoneReady { cluster } => {
                write!(f, "no backend of cluster \"{cluster}\" is \"ready\": each of its requests gets 503")
            }
            Warning::CheckOfTcp { cluster } => write!(
                f,
                "the health check of cluster \"{cluster}\" speaks HTTP, and only listeners that speak tcp lead there: \
                 a backend that does not speak HTTP is unhealthy; say `protocol = \"tcp\"`, or the `port` that does"
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
        balancing::daemon(&self.daemon, &mut warnings);
        let (routed, relayed) = (self.routed(), self.relayed());
        for cluster in &self.clusters {
            let gets_requests = !cluster.frontends.is_empty() || routed.contains(&cluster.id);
            let gets_connections = relayed.contains(&cluster.id);
            if !gets_requests && !gets_connections {
                warnings.push(Warning::Unreached { cluster: cluster.id.clone() });
            }
            balancing::cluster(cluster, gets_connections && !gets_requests, &mut warnings);
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

    /// The clusters that a route leads to.
    fn routed(&self) -> BTreeSet<&ClusterId> {
        let routes = self.routes.iter().flat_map(|route| match &route.action {
            Action::Split(weights) => weights.as_slice(),
            Action::Redirect(_) | Action::Respond(_) => &[],
        });
        routes.map(|(cluster, _)| cluster).collect()
    }

    /// The clusters that a listener leads to by itself: it speaks TCP.
    fn relayed(&self) -> BTreeSet<&ClusterId> {
        self.listeners.iter().filter_map(|listener| listener.cluster.as_ref()).collect()
    }
}

#[cfg(test)]
mod tests;
