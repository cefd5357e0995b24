//! What requests ask with, on the wire.

use serde::{Deserialize, Serialize};

use super::address::SocketAddress;
use super::metrics::MetricDetail;

/// How fine metrics shall be for a while.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SetMetricDetail {
    #[prost(string, required, tag = "1")]
    pub(crate) client_id: String,
    #[prost(enumeration = "MetricDetail", optional, tag = "2")]
    pub(crate) detail: Option<i32>,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) ttl_seconds: Option<u32>,
    #[prost(bool, optional, tag = "4")]
    pub(crate) clear: Option<bool>,
    #[prost(string, optional, tag = "5")]
    pub(crate) reason: Option<String>,
    #[prost(int32, optional, tag = "6")]
    pub(crate) peer_pid: Option<i32>,
    #[prost(string, optional, tag = "7")]
    pub(crate) peer_session_ulid: Option<String>,
}

/// Which metrics.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct QueryMetricsOptions {
    #[prost(bool, required, tag = "1")]
    pub(crate) list: bool,
    #[prost(string, repeated, tag = "2")]
    pub(crate) cluster_ids: Vec<String>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) backend_ids: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) metric_names: Vec<String>,
    #[prost(bool, required, tag = "5")]
    pub(crate) no_clusters: bool,
    #[prost(bool, required, tag = "6")]
    pub(crate) workers: bool,
}

/// Which frontends; no protocol: all.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FrontendFilters {
    #[prost(bool, required, tag = "1")]
    pub(crate) http: bool,
    #[prost(bool, required, tag = "2")]
    pub(crate) https: bool,
    #[prost(bool, required, tag = "3")]
    pub(crate) tcp: bool,
    #[prost(string, optional, tag = "4")]
    pub(crate) domain: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) cluster_id: Option<String>,
}

/// Clusters for a host and path.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct QueryClusterByDomain {
    #[prost(string, required, tag = "1")]
    pub(crate) hostname: String,
    #[prost(string, optional, tag = "2")]
    pub(crate) path: Option<String>,
}

/// Which certificates.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct QueryCertificatesFilters {
    #[prost(string, optional, tag = "1")]
    pub(crate) domain: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) fingerprint: Option<String>,
}

/// The check of one cluster, or of all.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct QueryHealthChecks {
    #[prost(string, optional, tag = "1")]
    pub(crate) cluster_id: Option<String>,
}

/// Whose sessions are closed.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CloseSessions {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(string, optional, tag = "2")]
    pub(crate) backend_id: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub(crate) address: Option<SocketAddress>,
}

macro_rules! empty {
    ($($name:ident)*) => {$(
        /// Says nothing but its name.
        #[derive(Clone, Copy, PartialEq, prost::Message, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct $name {}
    )*};
}

empty! {
    ListWorkers
    ListListeners
    UpgradeMain
    SubscribeEvents
    Status
    QueryClustersHashes
    SoftStop
    HardStop
    ReturnListenSockets
    CountRequests
    QueryMaxConnectionsPerIp
    QueryMaxConnectionsPerSubnet
    QueryProtectedHealthCheckSupport
}
