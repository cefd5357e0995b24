//! Responses on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::certificate::{CertificatesWithFingerprints, ListOfCertificatesByAddress};
use super::event::Event;
use super::health_check::{HealthChecksList, ProtectedHealthCheckReply};
use super::list::{
    ClosedSessions, ClusterHashes, ClusterInformations, ListedFrontends, ListenersList,
    MaxConnectionsPerIpLimit, MaxConnectionsPerSubnetLimit, RequestCounts, WorkerInfos,
};
use super::metrics::{
    AggregatedMetrics, AvailableMetrics, MetricDetailStatus, WorkerMetricDetailStatus, WorkerMetrics,
};

/// How a response ends, or whether more come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ResponseStatus {
    Ok = 0,
    Processing = 1,
    Failure = 2,
}

/// What a client is answered.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Response {
    #[prost(enumeration = "ResponseStatus", required, tag = "1")]
    pub(crate) status: i32,
    #[prost(string, required, tag = "2")]
    pub(crate) message: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) content: Option<ResponseContent>,
    /// A refusal as a [`ringway_core::VerbError`] in JSON. Ringway's own.
    #[prost(string, optional, tag = "1000")]
    pub(crate) ringway_error: Option<String>,
}

/// What it was asked for.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseContent {
    #[prost(
        oneof = "ContentType",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 1000"
    )]
    pub(crate) content_type: Option<ContentType>,
}

/// What [`ResponseContent`] holds.
#[derive(Clone, PartialEq, prost::Oneof, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContentType {
    #[prost(message, tag = "1")]
    Workers(WorkerInfos),
    #[prost(message, tag = "2")]
    Metrics(AggregatedMetrics),
    #[prost(message, tag = "3")]
    WorkerResponses(WorkerResponses),
    #[prost(message, tag = "4")]
    Event(Event),
    #[prost(message, tag = "5")]
    FrontendList(ListedFrontends),
    #[prost(message, tag = "6")]
    ListenersList(ListenersList),
    #[prost(message, tag = "7")]
    WorkerMetrics(WorkerMetrics),
    #[prost(message, tag = "8")]
    AvailableMetrics(AvailableMetrics),
    #[prost(message, tag = "9")]
    Clusters(ClusterInformations),
    #[prost(message, tag = "10")]
    ClusterHashes(ClusterHashes),
    #[prost(message, tag = "11")]
    CertificatesByAddress(ListOfCertificatesByAddress),
    #[prost(message, tag = "12")]
    CertificatesWithFingerprints(CertificatesWithFingerprints),
    #[prost(message, tag = "13")]
    RequestCounts(RequestCounts),
    #[prost(message, tag = "14")]
    MaxConnectionsPerIpLimit(MaxConnectionsPerIpLimit),
    #[prost(message, tag = "15")]
    HealthChecksList(HealthChecksList),
    #[prost(message, tag = "16")]
    MetricDetailStatus(MetricDetailStatus),
    #[prost(message, tag = "17")]
    WorkerMetricDetailStatus(WorkerMetricDetailStatus),
    #[prost(message, tag = "18")]
    MaxConnectionsPerSubnetLimit(MaxConnectionsPerSubnetLimit),
    #[prost(message, tag = "19")]
    ClosedSessions(ClosedSessions),
    #[prost(message, tag = "20")]
    ProtectedHealthCheckReply(ProtectedHealthCheckReply),
    /// A [`ringway_core::Answer`] in JSON. Ringway's own.
    #[prost(string, tag = "1000")]
    Ringway(String),
}

/// Contents by the names of those that gave them.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkerResponses {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) map: BTreeMap<String, ResponseContent>,
}
