//! Clusters on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::health_check::HealthCheckConfig;

/// Who gets the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum LoadBalancingAlgorithms {
    RoundRobin = 0,
    Random = 1,
    LeastLoaded = 2,
    PowerOfTwo = 3,
    Hrw = 4,
    Maglev = 5,
}

/// What load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum LoadMetric {
    Connections = 0,
    Requests = 1,
    ConnectionTime = 2,
}

/// Who expects or sends the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ProxyProtocolConfig {
    Expect = 0,
    Send = 1,
    Relay = 2,
}

/// What becomes of a subset of backends that is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ShardMode {
    Fallback = 0,
    Strict = 1,
}

/// What keeps datagrams at a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum UdpAffinityKey {
    SourceIp = 0,
    SourceIpPort = 1,
}

/// How UDP backends are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum UdpHealthMode {
    Off = 0,
    TcpProbe = 1,
    UdpProbe = 2,
}

/// A cluster without its frontends and backends.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(bool, required, tag = "2")]
    pub(crate) sticky_session: bool,
    #[prost(bool, required, tag = "3")]
    pub(crate) https_redirect: bool,
    #[prost(enumeration = "ProxyProtocolConfig", optional, tag = "4")]
    pub(crate) proxy_protocol: Option<i32>,
    #[prost(enumeration = "LoadBalancingAlgorithms", required, tag = "5")]
    pub(crate) load_balancing: i32,
    #[prost(string, optional, tag = "6")]
    pub(crate) answer_503: Option<String>,
    #[prost(enumeration = "LoadMetric", optional, tag = "7")]
    pub(crate) load_metric: Option<i32>,
    #[prost(bool, optional, tag = "8")]
    pub(crate) http2: Option<bool>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub(crate) answers: BTreeMap<String, String>,
    #[prost(uint32, optional, tag = "10")]
    pub(crate) https_redirect_port: Option<u32>,
    #[prost(string, repeated, tag = "11")]
    pub(crate) authorized_hashes: Vec<String>,
    #[prost(string, optional, tag = "12")]
    pub(crate) www_authenticate: Option<String>,
    #[prost(uint64, optional, tag = "13")]
    pub(crate) max_connections_per_ip: Option<u64>,
    #[prost(uint32, optional, tag = "14")]
    pub(crate) retry_after: Option<u32>,
    #[prost(message, optional, tag = "15")]
    pub(crate) health_check: Option<HealthCheckConfig>,
    #[prost(message, optional, tag = "16")]
    pub(crate) udp: Option<UdpClusterConfig>,
    #[prost(uint64, optional, tag = "17")]
    pub(crate) max_connections_per_subnet: Option<u64>,
    #[prost(string, optional, tag = "18")]
    pub(crate) affinity_header: Option<String>,
    #[prost(string, optional, tag = "19")]
    pub(crate) affinity_cookie: Option<String>,
    #[prost(uint32, optional, tag = "20")]
    pub(crate) shard_percent: Option<u32>,
    #[prost(uint32, optional, tag = "21")]
    pub(crate) shard_min_backends: Option<u32>,
    #[prost(enumeration = "ShardMode", optional, tag = "22")]
    pub(crate) shard_mode: Option<i32>,
    #[prost(uint32, optional, tag = "23")]
    pub(crate) max_connection_attempts: Option<u32>,
}

/// What only clusters for UDP have.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UdpClusterConfig {
    #[prost(enumeration = "UdpAffinityKey", optional, tag = "1")]
    pub(crate) affinity_key: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) responses: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) requests: Option<u32>,
    #[prost(bool, optional, tag = "4")]
    pub(crate) send_proxy_protocol: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    pub(crate) proxy_protocol_every_datagram: Option<bool>,
    #[prost(message, optional, tag = "6")]
    pub(crate) health: Option<UdpHealthConfig>,
}

/// How their backends are asked whether they are well.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UdpHealthConfig {
    #[prost(enumeration = "UdpHealthMode", optional, tag = "1")]
    pub(crate) mode: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) tcp_port: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) rise: Option<u32>,
    #[prost(uint32, optional, tag = "4")]
    pub(crate) fall: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    pub(crate) fail_open: Option<bool>,
    #[prost(bytes = "vec", optional, tag = "6")]
    pub(crate) udp_probe_payload: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "7")]
    pub(crate) probe_interval_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "8")]
    pub(crate) probe_timeout_seconds: Option<u32>,
}
