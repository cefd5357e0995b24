//! What a client may ask to be changed in the configuration: one change, as every door says it.
//!
//! A change names what it is about, and carries the keys of the configuration file's section for it: what can be written
//! into the file can be said here, with the same names, bounds and defaults, and is refused with the same words. As JSON:
//!
//! ```
//! use ringway_core::Change;
//!
//! let text = r#"{"change":"backend_add","cluster":"api","backend":"api-1","set":{"address":"10.0.0.1:80","weight":5}}"#;
//! let change: Change = serde_json::from_str(text).unwrap();
//! assert_eq!(serde_json::to_string(&change).unwrap(), text);
//! ```

use serde::{Deserialize, Serialize};

use crate::ids::{BackendId, ClusterId, ListenerName};

/// Keys of a section of the configuration file and their values, as JSON: tables are objects, durations and sizes texts such
/// as `"5s"` and `"16KiB"`.
pub type Keys = serde_json::Map<String, serde_json::Value>;

/// One change.
///
/// `…Add` begins with the defaults of the file and fails if the thing is there already; `…Update` begins with what is there,
/// fails if nothing is, and takes a key back to its default where its value is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Settings of the process, `[daemon]`: limits, `log_level`, `drain_timeout`. `shards` and files take a restart.
    DaemonUpdate {
        /// The keys that change.
        set: Keys,
    },
    /// A listener, `[[listeners]]`. It accepts connections if its key `active` says so.
    ListenerAdd {
        /// Its name.
        listener: ListenerName,
        /// Its keys.
        set: Keys,
    },
    /// Changes a listener in place; its open connections go on. Its address and protocol can not change.
    ListenerUpdate {
        /// Its name.
        listener: ListenerName,
        /// The keys that change.
        set: Keys,
    },
    /// Closes a listener for good. Open connections finish what they are at.
    ListenerRemove {
        /// Its name.
        listener: ListenerName,
    },
    /// A listener accepts connections from now on.
    ListenerActivate {
        /// Its name.
        listener: ListenerName,
    },
    /// A listener accepts none from now on; its address stays its own. Open connections go on.
    ListenerDeactivate {
        /// Its name.
        listener: ListenerName,
    },
    /// A cluster, `[clusters.NAME]`, without frontends and backends.
    ClusterAdd {
        /// Its name.
        cluster: ClusterId,
        /// Its keys.
        set: Keys,
    },
    /// Changes a cluster; its frontends, backends and their connections stay.
    ClusterUpdate {
        /// Its name.
        cluster: ClusterId,
        /// The keys that change.
        set: Keys,
    },
    /// Removes a cluster with its frontends and backends. Requests in progress finish.
    ClusterRemove {
        /// Its name.
        cluster: ClusterId,
    },
    /// Requests that a cluster gets, `[[clusters.NAME.frontends]]`.
    FrontendAdd {
        /// Who gets them.
        cluster: ClusterId,
        /// Which ones, and what is changed in them.
        set: Keys,
    },
    /// The cluster does not get them any more.
    FrontendRemove {
        /// Who gets them.
        cluster: ClusterId,
        /// Which ones: only the keys that say so (`listeners`, `hostname`, paths, `methods`, `headers`, `query`).
        set: Keys,
    },
    /// Who serves a cluster, `[[clusters.NAME.backends]]`.
    BackendAdd {
        /// Whom it serves.
        cluster: ClusterId,
        /// Its name.
        backend: BackendId,
        /// Its keys.
        set: Keys,
    },
    /// Changes a backend: weight, state, limits. Its address can not change.
    BackendUpdate {
        /// Whom it serves.
        cluster: ClusterId,
        /// Its name.
        backend: BackendId,
        /// The keys that change.
        set: Keys,
    },
    /// A backend gets no more requests. Those in progress finish.
    BackendRemove {
        /// Whom it serves.
        cluster: ClusterId,
        /// Its name.
        backend: BackendId,
    },
    /// How the backends of a cluster are asked whether they are well, `[clusters.NAME.health_check]`, in place of what was.
    HealthCheckSet {
        /// Whose backends.
        cluster: ClusterId,
        /// All its keys.
        set: Keys,
    },
    /// They are not asked any more, and are well.
    HealthCheckRemove {
        /// Whose backends.
        cluster: ClusterId,
    },
    /// Requests that no single cluster gets, `[[routes]]`.
    RouteAdd {
        /// Which ones, and what becomes of them.
        set: Keys,
    },
    /// Nothing becomes of them any more.
    RouteRemove {
        /// Which ones: only the keys that say so.
        set: Keys,
    },
    /// Ringway's own answers with a status, `[[answers]]`, in place of what was.
    AnswerSet {
        /// The status.
        status: u16,
        /// Its files.
        set: Keys,
    },
    /// The built-in answer with a status again.
    AnswerRemove {
        /// The status.
        status: u16,
    },
}

impl Change {
    /// Its name, as in JSON: `backend_add`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Change::DaemonUpdate { .. } => "daemon_update",
            Change::ListenerAdd { .. } => "listener_add",
            Change::ListenerUpdate { .. } => "listener_update",
            Change::ListenerRemove { .. } => "listener_remove",
            Change::ListenerActivate { .. } => "listener_activate",
            Change::ListenerDeactivate { .. } => "listener_deactivate",
            Change::ClusterAdd { .. } => "cluster_add",
            Change::ClusterUpdate { .. } => "cluster_update",
            Change::ClusterRemove { .. } => "cluster_remove",
            Change::FrontendAdd { .. } => "frontend_add",
            Change::FrontendRemove { .. } => "frontend_remove",
            Change::BackendAdd { .. } => "backend_add",
            Change::BackendUpdate { .. } => "backend_update",
            Change::BackendRemove { .. } => "backend_remove",
            Change::HealthCheckSet { .. } => "health_check_set",
            Change::HealthCheckRemove { .. } => "health_check_remove",
            Change::RouteAdd { .. } => "route_add",
            Change::RouteRemove { .. } => "route_remove",
            Change::AnswerSet { .. } => "answer_set",
            Change::AnswerRemove { .. } => "answer_remove",
        }
    }
}
