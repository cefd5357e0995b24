//! What responses list, on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::backend::AddBackend;
use super::cluster::Cluster;
use super::frontend::{RequestHttpFrontend, RequestTcpFrontend, RequestUdpFrontend};
use super::listener::{HttpListenerConfig, HttpsListenerConfig, TcpListenerConfig, UdpListenerConfig};

/// How a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum RunState {
    Running = 0,
    Stopping = 1,
    Stopped = 2,
    NotAnswering = 3,
}

/// A worker.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkerInfo {
    #[prost(uint32, required, tag = "1")]
    pub(crate) id: u32,
    #[prost(int32, required, tag = "2")]
    pub(crate) pid: i32,
    #[prost(enumeration = "RunState", required, tag = "3")]
    pub(crate) run_state: i32,
}

/// All workers.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkerInfos {
    #[prost(message, repeated, tag = "1")]
    pub(crate) vec: Vec<WorkerInfo>,
}

/// How often each request was made.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RequestCounts {
    #[prost(btree_map = "string, int32", tag = "1")]
    pub(crate) map: BTreeMap<String, i32>,
}

/// Frontends.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ListedFrontends {
    #[prost(message, repeated, tag = "1")]
    pub(crate) http_frontends: Vec<RequestHttpFrontend>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) https_frontends: Vec<RequestHttpFrontend>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) tcp_frontends: Vec<RequestTcpFrontend>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) udp_frontends: Vec<RequestUdpFrontend>,
}

/// Listeners by their addresses.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ListenersList {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) http_listeners: BTreeMap<String, HttpListenerConfig>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(crate) https_listeners: BTreeMap<String, HttpsListenerConfig>,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(crate) tcp_listeners: BTreeMap<String, TcpListenerConfig>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(crate) udp_listeners: BTreeMap<String, UdpListenerConfig>,
}

/// A cluster with its frontends and backends.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClusterInformation {
    #[prost(message, optional, tag = "1")]
    pub(crate) configuration: Option<Cluster>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) http_frontends: Vec<RequestHttpFrontend>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) https_frontends: Vec<RequestHttpFrontend>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) tcp_frontends: Vec<RequestTcpFrontend>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) backends: Vec<AddBackend>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) udp_frontends: Vec<RequestUdpFrontend>,
}

/// Clusters.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClusterInformations {
    #[prost(message, repeated, tag = "1")]
    pub(crate) vec: Vec<ClusterInformation>,
}

/// The hash of each cluster.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClusterHashes {
    #[prost(btree_map = "string, uint64", tag = "1")]
    pub(crate) map: BTreeMap<String, u64>,
}

/// The limit of connections of one address; 0: none.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MaxConnectionsPerIpLimit {
    #[prost(uint64, required, tag = "1")]
    pub(crate) limit: u64,
}

/// The limit of connections of one network; 0: none.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MaxConnectionsPerSubnetLimit {
    #[prost(uint64, required, tag = "1")]
    pub(crate) limit: u64,
    #[prost(uint32, required, tag = "2")]
    pub(crate) ipv4_prefix: u32,
    #[prost(uint32, required, tag = "3")]
    pub(crate) ipv6_prefix: u32,
}

/// How many sessions were closed.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClosedSessions {
    #[prost(uint64, required, tag = "1")]
    pub(crate) closed: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) draining: u64,
}
