//! What the board is to be told when the configuration changes.

use std::sync::Arc;

use ringway_core::config;
use ringway_health::board::Member;

/// One call for the board, with its arguments; in the order in which they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardChange {
    /// A cluster is added, or its settings are others.
    SetCluster {
        /// Its number.
        slot: u32,
        /// Without its frontends and backends.
        settings: Arc<config::Cluster>,
    },
    /// A cluster goes, and all its backends with it.
    RemoveCluster {
        /// Its number.
        slot: u32,
    },
    /// A backend is added.
    AddBackend {
        /// What it is called.
        member: Member,
        /// What it is.
        backend: Arc<config::Backend>,
    },
    /// A backend's settings are others; name and address stay.
    UpdateBackend {
        /// What it is called.
        member: Member,
        /// What it is now.
        backend: Arc<config::Backend>,
    },
    /// A backend goes.
    RemoveBackend {
        /// What it is called.
        member: Member,
    },
}
