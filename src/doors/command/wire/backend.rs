//! Backends on the wire.

use serde::{Deserialize, Serialize};

use super::address::SocketAddress;

/// A backend of a cluster.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AddBackend {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(string, required, tag = "2")]
    pub(crate) backend_id: String,
    #[prost(message, required, tag = "3")]
    pub(crate) address: SocketAddress,
    #[prost(string, optional, tag = "4")]
    pub(crate) sticky_id: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(crate) load_balancing_parameters: Option<LoadBalancingParams>,
    #[prost(bool, optional, tag = "6")]
    pub(crate) backup: Option<bool>,
    #[prost(string, optional, tag = "7")]
    pub(crate) unix_path: Option<String>,
}

/// Which backend goes.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RemoveBackend {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(string, required, tag = "2")]
    pub(crate) backend_id: String,
    #[prost(message, required, tag = "3")]
    pub(crate) address: SocketAddress,
}

/// How much of the load it gets.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LoadBalancingParams {
    #[prost(int32, required, tag = "1")]
    pub(crate) weight: i32,
}
