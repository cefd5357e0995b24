//! Events on the wire.

use serde::{Deserialize, Serialize};

use super::address::SocketAddress;
use super::metrics::MetricDetail;

/// A fact. Its kind is the number of a [`ringway_core::EventKind`].
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    #[prost(int32, required, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, optional, tag = "2")]
    pub(crate) cluster_id: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) backend_id: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) address: Option<SocketAddress>,
    #[prost(message, optional, tag = "5")]
    pub(crate) metric_detail: Option<MetricDetailTransition>,
}

/// From one detail of metrics to another.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MetricDetailTransition {
    #[prost(enumeration = "MetricDetail", required, tag = "1")]
    pub(crate) previous_effective: i32,
    #[prost(enumeration = "MetricDetail", required, tag = "2")]
    pub(crate) effective: i32,
    #[prost(string, required, tag = "3")]
    pub(crate) transition_kind: String,
    #[prost(string, optional, tag = "4")]
    pub(crate) client_id: Option<String>,
}
