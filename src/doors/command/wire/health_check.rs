//! Health checks on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum HealthCheckMode {
    Http = 0,
    Tcp = 1,
}

/// A step of setting a check with secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ProtectedHealthCheckPhase {
    Capability = 0,
    Prepare = 1,
    Commit = 2,
    Abort = 3,
    Release = 4,
}

/// Statuses from one to another, both included.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HttpStatusRange {
    #[prost(uint32, required, tag = "1")]
    pub(crate) start: u32,
    #[prost(uint32, required, tag = "2")]
    pub(crate) end: u32,
}

/// A header field of the probe, by the fingerprint of its value.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HealthCheckHeader {
    #[prost(string, required, tag = "1")]
    pub(crate) name: String,
    #[prost(string, required, tag = "3")]
    pub(crate) fingerprint: String,
}

/// The value of such a field.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HealthCheckHeaderValue {
    #[prost(string, required, tag = "1")]
    pub(crate) name: String,
    #[prost(bytes = "vec", required, tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// How backends are asked whether they are well; times in seconds.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HealthCheckConfig {
    #[prost(string, required, tag = "1")]
    pub(crate) uri: String,
    #[prost(uint32, required, tag = "2")]
    pub(crate) interval: u32,
    #[prost(uint32, required, tag = "3")]
    pub(crate) timeout: u32,
    #[prost(uint32, required, tag = "4")]
    pub(crate) healthy_threshold: u32,
    #[prost(uint32, required, tag = "5")]
    pub(crate) unhealthy_threshold: u32,
    #[prost(uint32, required, tag = "6")]
    pub(crate) expected_status: u32,
    #[prost(enumeration = "HealthCheckMode", required, tag = "7")]
    pub(crate) mode: i32,
    #[prost(message, repeated, tag = "8")]
    pub(crate) accepted_statuses: Vec<HttpStatusRange>,
    #[prost(uint32, optional, tag = "9")]
    pub(crate) port: Option<u32>,
    #[prost(message, repeated, tag = "10")]
    pub(crate) headers: Vec<HealthCheckHeader>,
}

/// A check for a cluster.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SetHealthCheck {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(message, required, tag = "2")]
    pub(crate) config: HealthCheckConfig,
}

/// A check with secrets for a cluster.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SetProtectedHealthCheck {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(message, required, tag = "2")]
    pub(crate) config: HealthCheckConfig,
    #[prost(message, repeated, tag = "3")]
    pub(crate) values: Vec<HealthCheckHeaderValue>,
}

/// An order about such a check.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ProtectedHealthCheckOrder {
    #[prost(enumeration = "ProtectedHealthCheckPhase", required, tag = "1")]
    pub(crate) phase: i32,
    #[prost(string, required, tag = "2")]
    pub(crate) cluster_id: String,
    #[prost(uint64, required, tag = "3")]
    pub(crate) version: u64,
    #[prost(message, optional, tag = "4")]
    pub(crate) prepare: Option<SetProtectedHealthCheck>,
}

/// The reply to it.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ProtectedHealthCheckReply {
    #[prost(enumeration = "ProtectedHealthCheckPhase", required, tag = "1")]
    pub(crate) phase: i32,
    #[prost(string, required, tag = "2")]
    pub(crate) cluster_id: String,
    #[prost(uint64, required, tag = "3")]
    pub(crate) version: u64,
}

/// The checks by the names of their clusters.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HealthChecksList {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) map: BTreeMap<String, HealthCheckConfig>,
}
