//! Messages of the Sozu command protocol, as far as tests speak them, by their field numbers.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use prost::{Enumeration, Message, Oneof};

/// What is asked.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Request {
    #[prost(
        oneof = "Ask",
        tags = "1, 2, 4, 6, 8, 10, 11, 12, 13, 14, 15, 16, 19, 24, 25, 26, 29, 30, 31, 35, 37, 39, 42, 46, 56, 1000"
    )]
    pub(crate) ask: Option<Ask>,
}

/// Of all that can be asked one.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Ask {
    #[prost(string, tag = "1")]
    SaveState(String),
    #[prost(string, tag = "2")]
    LoadState(String),
    #[prost(message, tag = "4")]
    ListWorkers(Nothing),
    #[prost(message, tag = "6")]
    ListListeners(Nothing),
    #[prost(message, tag = "8")]
    UpgradeMain(Nothing),
    #[prost(message, tag = "10")]
    SubscribeEvents(Nothing),
    #[prost(string, tag = "11")]
    ReloadConfiguration(String),
    #[prost(message, tag = "12")]
    Status(Nothing),
    #[prost(message, tag = "13")]
    AddCluster(Cluster),
    #[prost(string, tag = "14")]
    RemoveCluster(String),
    #[prost(message, tag = "15")]
    AddHttpFrontend(HttpFrontend),
    #[prost(message, tag = "16")]
    RemoveHttpFrontend(HttpFrontend),
    #[prost(message, tag = "19")]
    AddCertificate(AddCertificate),
    #[prost(message, tag = "24")]
    AddBackend(AddBackend),
    #[prost(message, tag = "25")]
    RemoveBackend(RemoveBackend),
    #[prost(message, tag = "26")]
    AddHttpListener(HttpListener),
    #[prost(message, tag = "29")]
    RemoveListener(RemoveListener),
    #[prost(message, tag = "30")]
    ActivateListener(SwitchListener),
    #[prost(message, tag = "31")]
    DeactivateListener(SwitchListener),
    #[prost(string, tag = "35")]
    QueryClusterById(String),
    #[prost(message, tag = "37")]
    QueryClustersHashes(Nothing),
    #[prost(message, tag = "39")]
    SoftStop(Nothing),
    #[prost(string, tag = "42")]
    Logging(String),
    #[prost(message, tag = "46")]
    CountRequests(Nothing),
    #[prost(message, tag = "56")]
    AddUdpListener(UdpListener),
    #[prost(string, tag = "1000")]
    Ringway(String),
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Nothing {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Address {
    #[prost(message, required, tag = "1")]
    ip: Ip,
    #[prost(uint32, required, tag = "2")]
    port: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Ip {
    #[prost(oneof = "Inner", tags = "1, 2")]
    inner: Option<Inner>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Inner {
    #[prost(fixed32, tag = "1")]
    V4(u32),
    #[prost(message, tag = "2")]
    V6(Uint128),
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Uint128 {
    #[prost(uint64, required, tag = "1")]
    low: u64,
    #[prost(uint64, required, tag = "2")]
    high: u64,
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        let inner = match address.ip() {
            IpAddr::V4(v4) => Inner::V4(v4.to_bits()),
            IpAddr::V6(v6) => {
                Inner::V6(Uint128 { low: v6.to_bits() as u64, high: (v6.to_bits() >> 64) as u64 })
            }
        };
        Address { ip: Ip { inner: Some(inner) }, port: u32::from(address.port()) }
    }
}

impl Address {
    pub(crate) fn socket(&self) -> SocketAddr {
        let ip = match self.ip.inner.as_ref().expect("an address is of one kind") {
            Inner::V4(bits) => IpAddr::V4((*bits).into()),
            Inner::V6(Uint128 { low, high }) => {
                IpAddr::V6((u128::from(*high) << 64 | u128::from(*low)).into())
            }
        };
        SocketAddr::new(ip, u16::try_from(self.port).expect("a port"))
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Cluster {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(bool, required, tag = "2")]
    pub(crate) sticky_session: bool,
    #[prost(bool, required, tag = "3")]
    pub(crate) https_redirect: bool,
    #[prost(enumeration = "Balancing", required, tag = "5")]
    pub(crate) load_balancing: i32,
    #[prost(btree_map = "string, string", tag = "9")]
    pub(crate) answers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum Balancing {
    RoundRobin = 0,
    Random = 1,
    LeastLoaded = 2,
    PowerOfTwo = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PathRule {
    /// 0: a prefix.
    #[prost(int32, required, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, required, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HttpFrontend {
    #[prost(string, optional, tag = "1")]
    pub(crate) cluster_id: Option<String>,
    #[prost(message, required, tag = "2")]
    pub(crate) address: Address,
    #[prost(string, required, tag = "3")]
    pub(crate) hostname: String,
    #[prost(message, required, tag = "4")]
    pub(crate) path: PathRule,
    /// 2: among the others.
    #[prost(int32, required, tag = "6")]
    pub(crate) position: i32,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(crate) tags: BTreeMap<String, String>,
}

impl HttpFrontend {
    /// Everything for a host at `address`.
    pub(crate) fn of(cluster: &str, address: SocketAddr, hostname: &str) -> HttpFrontend {
        HttpFrontend {
            cluster_id: Some(cluster.to_owned()),
            address: address.into(),
            hostname: hostname.to_owned(),
            path: PathRule { kind: 0, value: "/".to_owned() },
            position: 2,
            tags: BTreeMap::new(),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AddBackend {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(string, required, tag = "2")]
    pub(crate) backend_id: String,
    #[prost(message, required, tag = "3")]
    pub(crate) address: Address,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RemoveBackend {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(string, required, tag = "2")]
    pub(crate) backend_id: String,
    #[prost(message, required, tag = "3")]
    pub(crate) address: Address,
}

/// What clients send for a listener whose settings are the protocol's defaults.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HttpListener {
    #[prost(message, required, tag = "1")]
    pub(crate) address: Address,
    #[prost(bool, required, tag = "5")]
    pub(crate) expect_proxy: bool,
    #[prost(string, required, tag = "6")]
    pub(crate) sticky_name: String,
    #[prost(uint32, required, tag = "7")]
    pub(crate) front_timeout: u32,
    #[prost(uint32, required, tag = "8")]
    pub(crate) back_timeout: u32,
    #[prost(uint32, required, tag = "9")]
    pub(crate) connect_timeout: u32,
    #[prost(uint32, required, tag = "10")]
    pub(crate) request_timeout: u32,
    #[prost(bool, required, tag = "11")]
    pub(crate) active: bool,
}

impl HttpListener {
    pub(crate) fn at(address: SocketAddr) -> HttpListener {
        HttpListener {
            address: address.into(),
            expect_proxy: false,
            sticky_name: "SOZUBALANCEID".to_owned(),
            front_timeout: 60,
            back_timeout: 30,
            connect_timeout: 3,
            request_timeout: 10,
            active: false,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UdpListener {
    #[prost(message, required, tag = "1")]
    pub(crate) address: Address,
    #[prost(uint32, required, tag = "3")]
    pub(crate) front_timeout: u32,
    #[prost(uint32, required, tag = "4")]
    pub(crate) back_timeout: u32,
    #[prost(uint32, required, tag = "5")]
    pub(crate) max_rx_datagram_size: u32,
    #[prost(uint32, required, tag = "6")]
    pub(crate) max_flows: u32,
    #[prost(bool, required, tag = "7")]
    pub(crate) active: bool,
}

/// To activate or deactivate.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SwitchListener {
    #[prost(message, required, tag = "1")]
    pub(crate) address: Address,
    /// 0: HTTP.
    #[prost(int32, required, tag = "2")]
    pub(crate) proxy: i32,
    #[prost(bool, required, tag = "3")]
    pub(crate) scm: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RemoveListener {
    #[prost(message, required, tag = "1")]
    pub(crate) address: Address,
    /// 0: HTTP.
    #[prost(int32, required, tag = "2")]
    pub(crate) proxy: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AddCertificate {
    #[prost(message, required, tag = "1")]
    pub(crate) address: Address,
    #[prost(message, required, tag = "2")]
    pub(crate) certificate: CertificateAndKey,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CertificateAndKey {
    #[prost(string, required, tag = "1")]
    pub(crate) certificate: String,
    #[prost(string, required, tag = "3")]
    pub(crate) key: String,
}

/// What comes back.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Answer {
    #[prost(enumeration = "Status", required, tag = "1")]
    pub(crate) status: i32,
    #[prost(string, required, tag = "2")]
    pub(crate) message: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) content: Option<Content>,
    #[prost(string, optional, tag = "1000")]
    pub(crate) ringway_error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum Status {
    Ok = 0,
    Processing = 1,
    Failure = 2,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Content {
    #[prost(oneof = "Kind", tags = "1, 3, 4, 6, 9, 10, 13, 1000")]
    pub(crate) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Kind {
    #[prost(message, tag = "1")]
    Workers(Workers),
    #[prost(message, tag = "3")]
    Responses(Responses),
    #[prost(message, tag = "4")]
    Event(Event),
    #[prost(message, tag = "6")]
    Listeners(Listeners),
    #[prost(message, tag = "9")]
    Clusters(Clusters),
    #[prost(message, tag = "10")]
    Hashes(Hashes),
    #[prost(message, tag = "13")]
    Counts(Counts),
    #[prost(string, tag = "1000")]
    Ringway(String),
}

/// One for each worker, and for the main process.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Responses {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) of: BTreeMap<String, Content>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Workers {
    #[prost(message, repeated, tag = "1")]
    pub(crate) workers: Vec<Worker>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Worker {
    #[prost(uint32, required, tag = "1")]
    pub(crate) id: u32,
    #[prost(int32, required, tag = "2")]
    pub(crate) pid: i32,
    /// 0: it runs.
    #[prost(int32, required, tag = "3")]
    pub(crate) run_state: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Event {
    #[prost(int32, required, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, optional, tag = "2")]
    pub(crate) cluster_id: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) backend_id: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Listeners {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) http: BTreeMap<String, HttpListener>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Clusters {
    #[prost(message, repeated, tag = "1")]
    pub(crate) clusters: Vec<ClusterInformation>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ClusterInformation {
    #[prost(message, optional, tag = "1")]
    pub(crate) configuration: Option<Cluster>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) http_frontends: Vec<HttpFrontend>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) backends: Vec<AddBackend>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hashes {
    #[prost(btree_map = "string, uint64", tag = "1")]
    pub(crate) of: BTreeMap<String, u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Counts {
    #[prost(btree_map = "string, int32", tag = "1")]
    pub(crate) of: BTreeMap<String, i32>,
}
