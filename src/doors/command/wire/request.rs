//! Requests on the wire.

use serde::{Deserialize, Serialize};

use super::backend::{AddBackend, RemoveBackend};
use super::certificate::{AddCertificate, RemoveCertificate, ReplaceCertificate};
use super::cluster::Cluster;
use super::frontend::{RequestHttpFrontend, RequestTcpFrontend, RequestUdpFrontend};
use super::health_check::{ProtectedHealthCheckOrder, SetHealthCheck, SetProtectedHealthCheck};
use super::listener::{
    ActivateListener, DeactivateListener, HttpListenerConfig, HttpsListenerConfig, RemoveListener,
    TcpListenerConfig, UdpListenerConfig,
};
use super::listener_update::{
    UpdateHttpListenerConfig, UpdateHttpsListenerConfig, UpdateTcpListenerConfig, UpdateUdpListenerConfig,
};
use super::metrics::MetricsConfiguration;
use super::query::{
    CloseSessions, CountRequests, FrontendFilters, HardStop, ListListeners, ListWorkers,
    QueryCertificatesFilters, QueryClusterByDomain, QueryClustersHashes, QueryHealthChecks,
    QueryMaxConnectionsPerIp, QueryMaxConnectionsPerSubnet, QueryMetricsOptions,
    QueryProtectedHealthCheckSupport, ReturnListenSockets, SetMetricDetail, SoftStop, Status,
    SubscribeEvents, UpgradeMain,
};

/// What a client asks for.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    #[prost(
        oneof = "RequestType",
        tags = "1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 1000"
    )]
    pub(crate) request_type: Option<RequestType>,
}

/// What [`Request`] holds.
#[derive(Clone, PartialEq, prost::Oneof, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestType {
    #[prost(string, tag = "1")]
    SaveState(String),
    #[prost(string, tag = "2")]
    LoadState(String),
    #[prost(message, tag = "4")]
    ListWorkers(ListWorkers),
    #[prost(message, tag = "5")]
    ListFrontends(FrontendFilters),
    #[prost(message, tag = "6")]
    ListListeners(ListListeners),
    #[prost(string, tag = "7")]
    LaunchWorker(String),
    #[prost(message, tag = "8")]
    UpgradeMain(UpgradeMain),
    #[prost(uint32, tag = "9")]
    UpgradeWorker(u32),
    #[prost(message, tag = "10")]
    SubscribeEvents(SubscribeEvents),
    #[prost(string, tag = "11")]
    ReloadConfiguration(String),
    #[prost(message, tag = "12")]
    Status(Status),
    #[prost(message, boxed, tag = "13")]
    AddCluster(Box<Cluster>),
    #[prost(string, tag = "14")]
    RemoveCluster(String),
    #[prost(message, boxed, tag = "15")]
    AddHttpFrontend(Box<RequestHttpFrontend>),
    #[prost(message, boxed, tag = "16")]
    RemoveHttpFrontend(Box<RequestHttpFrontend>),
    #[prost(message, boxed, tag = "17")]
    AddHttpsFrontend(Box<RequestHttpFrontend>),
    #[prost(message, boxed, tag = "18")]
    RemoveHttpsFrontend(Box<RequestHttpFrontend>),
    #[prost(message, tag = "19")]
    AddCertificate(AddCertificate),
    #[prost(message, tag = "20")]
    ReplaceCertificate(ReplaceCertificate),
    #[prost(message, tag = "21")]
    RemoveCertificate(RemoveCertificate),
    #[prost(message, tag = "22")]
    AddTcpFrontend(RequestTcpFrontend),
    #[prost(message, tag = "23")]
    RemoveTcpFrontend(RequestTcpFrontend),
    #[prost(message, tag = "24")]
    AddBackend(AddBackend),
    #[prost(message, tag = "25")]
    RemoveBackend(RemoveBackend),
    #[prost(message, boxed, tag = "26")]
    AddHttpListener(Box<HttpListenerConfig>),
    #[prost(message, boxed, tag = "27")]
    AddHttpsListener(Box<HttpsListenerConfig>),
    #[prost(message, tag = "28")]
    AddTcpListener(TcpListenerConfig),
    #[prost(message, tag = "29")]
    RemoveListener(RemoveListener),
    #[prost(message, tag = "30")]
    ActivateListener(ActivateListener),
    #[prost(message, tag = "31")]
    DeactivateListener(DeactivateListener),
    #[prost(string, tag = "35")]
    QueryClusterById(String),
    #[prost(message, tag = "36")]
    QueryClustersByDomain(QueryClusterByDomain),
    #[prost(message, tag = "37")]
    QueryClustersHashes(QueryClustersHashes),
    #[prost(message, tag = "38")]
    QueryMetrics(QueryMetricsOptions),
    #[prost(message, tag = "39")]
    SoftStop(SoftStop),
    #[prost(message, tag = "40")]
    HardStop(HardStop),
    #[prost(enumeration = "MetricsConfiguration", tag = "41")]
    ConfigureMetrics(i32),
    #[prost(string, tag = "42")]
    Logging(String),
    #[prost(message, tag = "43")]
    ReturnListenSockets(ReturnListenSockets),
    #[prost(message, tag = "44")]
    QueryCertificatesFromTheState(QueryCertificatesFilters),
    #[prost(message, tag = "45")]
    QueryCertificatesFromWorkers(QueryCertificatesFilters),
    #[prost(message, tag = "46")]
    CountRequests(CountRequests),
    #[prost(message, boxed, tag = "47")]
    UpdateHttpListener(Box<UpdateHttpListenerConfig>),
    #[prost(message, boxed, tag = "48")]
    UpdateHttpsListener(Box<UpdateHttpsListenerConfig>),
    #[prost(message, tag = "49")]
    UpdateTcpListener(UpdateTcpListenerConfig),
    #[prost(uint64, tag = "50")]
    SetMaxConnectionsPerIp(u64),
    #[prost(message, tag = "51")]
    QueryMaxConnectionsPerIp(QueryMaxConnectionsPerIp),
    #[prost(message, tag = "52")]
    SetHealthCheck(SetHealthCheck),
    #[prost(string, tag = "53")]
    RemoveHealthCheck(String),
    #[prost(message, tag = "54")]
    QueryHealthChecks(QueryHealthChecks),
    #[prost(message, tag = "55")]
    SetMetricDetail(SetMetricDetail),
    #[prost(message, tag = "56")]
    AddUdpListener(UdpListenerConfig),
    #[prost(message, tag = "57")]
    UpdateUdpListener(UpdateUdpListenerConfig),
    #[prost(message, tag = "58")]
    AddUdpFrontend(RequestUdpFrontend),
    #[prost(message, tag = "59")]
    RemoveUdpFrontend(RequestUdpFrontend),
    #[prost(uint64, tag = "60")]
    SetMaxConnectionsPerSubnet(u64),
    #[prost(message, tag = "61")]
    QueryMaxConnectionsPerSubnet(QueryMaxConnectionsPerSubnet),
    #[prost(uint32, tag = "62")]
    SetMaxConnectionAttempts(u32),
    #[prost(message, boxed, tag = "63")]
    AddHttpsListenerWithClientAuth(Box<HttpsListenerConfig>),
    #[prost(message, boxed, tag = "64")]
    UpdateHttpsListenerWithClientAuth(Box<UpdateHttpsListenerConfig>),
    #[prost(message, tag = "65")]
    CloseSessions(CloseSessions),
    #[prost(message, boxed, tag = "66")]
    AddHttpFrontendWithHeaderPredicates(Box<RequestHttpFrontend>),
    #[prost(message, boxed, tag = "67")]
    RemoveHttpFrontendWithHeaderPredicates(Box<RequestHttpFrontend>),
    #[prost(message, boxed, tag = "68")]
    AddHttpsFrontendWithHeaderPredicates(Box<RequestHttpFrontend>),
    #[prost(message, boxed, tag = "69")]
    RemoveHttpsFrontendWithHeaderPredicates(Box<RequestHttpFrontend>),
    #[prost(message, boxed, tag = "70")]
    AddHttpFrontendWithSilentClose(Box<RequestHttpFrontend>),
    #[prost(message, boxed, tag = "71")]
    AddHttpsFrontendWithSilentClose(Box<RequestHttpFrontend>),
    #[prost(message, tag = "72")]
    AddUnixBackend(AddBackend),
    #[prost(message, tag = "73")]
    SetProtectedHealthCheck(SetProtectedHealthCheck),
    #[prost(message, tag = "74")]
    QueryProtectedHealthCheckSupport(QueryProtectedHealthCheckSupport),
    #[prost(message, tag = "75")]
    ProtectedHealthCheckOrder(ProtectedHealthCheckOrder),
    /// A [`ringway_core::Verb`] in JSON. Ringway's own.
    #[prost(string, tag = "1000")]
    Ringway(String),
}
