//! Listeners on the wire, and what turns them on and off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::address::SocketAddress;
use super::certificate::TlsVersion;
use super::frontend::HstsConfig;

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ListenerType {
    Http = 0,
    Https = 1,
    Tcp = 2,
    Udp = 3,
}

/// Which fields tell backends of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ForwardedHeaders {
    Both = 0,
    XForwarded = 1,
    Rfc7239 = 2,
    None = 3,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ClientAuthMode {
    None = 0,
    Optional = 1,
    Required = 2,
}

/// What clients' certificates are checked against.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClientAuthPolicy {
    #[prost(enumeration = "ClientAuthMode", optional, tag = "1")]
    pub(crate) client_auth: Option<i32>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) client_ca_certificates: Vec<String>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) client_ca_crls: Vec<String>,
}

/// Texts of answers by their status.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CustomHttpAnswers {
    #[prost(string, optional, tag = "1")]
    pub(crate) answer_301: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) answer_400: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) answer_401: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) answer_404: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) answer_408: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) answer_413: Option<String>,
    #[prost(string, optional, tag = "11")]
    pub(crate) answer_421: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub(crate) answer_502: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub(crate) answer_503: Option<String>,
    #[prost(string, optional, tag = "9")]
    pub(crate) answer_504: Option<String>,
    #[prost(string, optional, tag = "10")]
    pub(crate) answer_507: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub(crate) answer_429: Option<String>,
}

/// Protocols that a listener offers.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AlpnProtocols {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
}

/// An HTTP listener; times in seconds.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HttpListenerConfig {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, optional, tag = "2")]
    pub(crate) public_address: Option<SocketAddress>,
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
    #[prost(message, optional, tag = "12")]
    pub(crate) http_answers: Option<CustomHttpAnswers>,
    #[prost(uint32, optional, tag = "13")]
    pub(crate) h2_max_rst_stream_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "14")]
    pub(crate) h2_max_ping_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "15")]
    pub(crate) h2_max_settings_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "16")]
    pub(crate) h2_max_empty_data_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "17")]
    pub(crate) h2_max_continuation_frames: Option<u32>,
    #[prost(uint32, optional, tag = "18")]
    pub(crate) h2_max_glitch_count: Option<u32>,
    #[prost(uint32, optional, tag = "19")]
    pub(crate) h2_initial_connection_window: Option<u32>,
    #[prost(uint32, optional, tag = "20")]
    pub(crate) h2_max_concurrent_streams: Option<u32>,
    #[prost(uint32, optional, tag = "21")]
    pub(crate) h2_stream_shrink_ratio: Option<u32>,
    #[prost(uint64, optional, tag = "22")]
    pub(crate) h2_max_rst_stream_lifetime: Option<u64>,
    #[prost(uint64, optional, tag = "23")]
    pub(crate) h2_max_rst_stream_abusive_lifetime: Option<u64>,
    #[prost(uint64, optional, tag = "27")]
    pub(crate) h2_max_rst_stream_emitted_lifetime: Option<u64>,
    #[prost(uint32, optional, tag = "24")]
    pub(crate) h2_max_header_list_size: Option<u32>,
    #[prost(uint32, optional, tag = "25")]
    pub(crate) h2_stream_idle_timeout_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "26")]
    pub(crate) h2_max_header_table_size: Option<u32>,
    #[prost(uint32, optional, tag = "28")]
    pub(crate) h2_graceful_shutdown_deadline_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "29")]
    pub(crate) h2_max_window_update_stream0_per_window: Option<u32>,
    #[prost(string, optional, tag = "30")]
    pub(crate) sozu_id_header: Option<String>,
    #[prost(btree_map = "string, string", tag = "31")]
    pub(crate) answers: BTreeMap<String, String>,
    #[prost(bool, optional, tag = "32")]
    pub(crate) elide_x_real_ip: Option<bool>,
    #[prost(bool, optional, tag = "33")]
    pub(crate) send_x_real_ip: Option<bool>,
    #[prost(uint32, optional, tag = "34")]
    pub(crate) h2_max_header_fields: Option<u32>,
    #[prost(string, optional, tag = "35")]
    pub(crate) interface: Option<String>,
    #[prost(enumeration = "ForwardedHeaders", optional, tag = "36")]
    pub(crate) forwarded_headers: Option<i32>,
    #[prost(uint32, optional, tag = "37")]
    pub(crate) h2_stream_refusal_percent: Option<u32>,
}

/// An HTTPS listener; times in seconds.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HttpsListenerConfig {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, optional, tag = "2")]
    pub(crate) public_address: Option<SocketAddress>,
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
    #[prost(enumeration = "TlsVersion", repeated, packed = "false", tag = "12")]
    pub(crate) versions: Vec<i32>,
    #[prost(string, repeated, tag = "13")]
    pub(crate) cipher_list: Vec<String>,
    #[prost(string, repeated, tag = "14")]
    pub(crate) cipher_suites: Vec<String>,
    #[prost(string, repeated, tag = "15")]
    pub(crate) signature_algorithms: Vec<String>,
    #[prost(string, repeated, tag = "16")]
    pub(crate) groups_list: Vec<String>,
    #[prost(string, optional, tag = "17")]
    pub(crate) certificate: Option<String>,
    #[prost(string, repeated, tag = "18")]
    pub(crate) certificate_chain: Vec<String>,
    #[prost(string, optional, tag = "19")]
    pub(crate) key: Option<String>,
    #[prost(uint64, required, tag = "20")]
    pub(crate) send_tls13_tickets: u64,
    #[prost(message, optional, tag = "21")]
    pub(crate) http_answers: Option<CustomHttpAnswers>,
    #[prost(string, repeated, tag = "22")]
    pub(crate) alpn_protocols: Vec<String>,
    #[prost(uint32, optional, tag = "23")]
    pub(crate) h2_max_rst_stream_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "24")]
    pub(crate) h2_max_ping_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "25")]
    pub(crate) h2_max_settings_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "26")]
    pub(crate) h2_max_empty_data_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "27")]
    pub(crate) h2_max_continuation_frames: Option<u32>,
    #[prost(uint32, optional, tag = "28")]
    pub(crate) h2_max_glitch_count: Option<u32>,
    #[prost(uint32, optional, tag = "29")]
    pub(crate) h2_initial_connection_window: Option<u32>,
    #[prost(uint32, optional, tag = "30")]
    pub(crate) h2_max_concurrent_streams: Option<u32>,
    #[prost(uint32, optional, tag = "31")]
    pub(crate) h2_stream_shrink_ratio: Option<u32>,
    #[prost(uint64, optional, tag = "32")]
    pub(crate) h2_max_rst_stream_lifetime: Option<u64>,
    #[prost(uint64, optional, tag = "33")]
    pub(crate) h2_max_rst_stream_abusive_lifetime: Option<u64>,
    #[prost(uint64, optional, tag = "39")]
    pub(crate) h2_max_rst_stream_emitted_lifetime: Option<u64>,
    #[prost(uint32, optional, tag = "34")]
    pub(crate) h2_max_header_list_size: Option<u32>,
    #[prost(bool, optional, tag = "35")]
    pub(crate) strict_sni_binding: Option<bool>,
    #[prost(bool, optional, tag = "36")]
    pub(crate) disable_http11: Option<bool>,
    #[prost(uint32, optional, tag = "37")]
    pub(crate) h2_stream_idle_timeout_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "38")]
    pub(crate) h2_max_header_table_size: Option<u32>,
    #[prost(uint32, optional, tag = "40")]
    pub(crate) h2_graceful_shutdown_deadline_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "41")]
    pub(crate) h2_max_window_update_stream0_per_window: Option<u32>,
    #[prost(string, optional, tag = "42")]
    pub(crate) sozu_id_header: Option<String>,
    #[prost(btree_map = "string, string", tag = "43")]
    pub(crate) answers: BTreeMap<String, String>,
    #[prost(bool, optional, tag = "44")]
    pub(crate) elide_x_real_ip: Option<bool>,
    #[prost(bool, optional, tag = "45")]
    pub(crate) send_x_real_ip: Option<bool>,
    #[prost(message, optional, tag = "46")]
    pub(crate) hsts: Option<HstsConfig>,
    #[prost(uint32, optional, tag = "47")]
    pub(crate) h2_max_header_fields: Option<u32>,
    #[prost(string, optional, tag = "48")]
    pub(crate) interface: Option<String>,
    #[prost(enumeration = "ForwardedHeaders", optional, tag = "49")]
    pub(crate) forwarded_headers: Option<i32>,
    #[prost(uint32, optional, tag = "50")]
    pub(crate) h2_stream_refusal_percent: Option<u32>,
    #[prost(enumeration = "ClientAuthMode", optional, tag = "51")]
    pub(crate) client_auth: Option<i32>,
    #[prost(string, repeated, tag = "52")]
    pub(crate) client_ca_certificates: Vec<String>,
    #[prost(string, repeated, tag = "53")]
    pub(crate) client_ca_crls: Vec<String>,
}

/// A TCP listener; times in seconds.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TcpListenerConfig {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, optional, tag = "2")]
    pub(crate) public_address: Option<SocketAddress>,
    #[prost(bool, required, tag = "3")]
    pub(crate) expect_proxy: bool,
    #[prost(uint32, required, tag = "4")]
    pub(crate) front_timeout: u32,
    #[prost(uint32, required, tag = "5")]
    pub(crate) back_timeout: u32,
    #[prost(uint32, required, tag = "6")]
    pub(crate) connect_timeout: u32,
    #[prost(bool, required, tag = "7")]
    pub(crate) active: bool,
    #[prost(uint32, optional, tag = "8")]
    pub(crate) sni_preread_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "9")]
    pub(crate) sni_preread_max_bytes: Option<u32>,
    #[prost(string, optional, tag = "10")]
    pub(crate) interface: Option<String>,
}

/// A UDP listener; times in seconds.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UdpListenerConfig {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, optional, tag = "2")]
    pub(crate) public_address: Option<SocketAddress>,
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
    #[prost(string, optional, tag = "8")]
    pub(crate) interface: Option<String>,
}

/// Which listener goes.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RemoveListener {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(enumeration = "ListenerType", required, tag = "2")]
    pub(crate) proxy: i32,
    #[prost(string, optional, tag = "3")]
    pub(crate) interface: Option<String>,
}

/// Which listener accepts connections from now on.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ActivateListener {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(enumeration = "ListenerType", required, tag = "2")]
    pub(crate) proxy: i32,
    #[prost(bool, required, tag = "3")]
    pub(crate) from_scm: bool,
    #[prost(string, optional, tag = "4")]
    pub(crate) interface: Option<String>,
}

/// Which listener accepts none from now on.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DeactivateListener {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(enumeration = "ListenerType", required, tag = "2")]
    pub(crate) proxy: i32,
    #[prost(bool, required, tag = "3")]
    pub(crate) to_scm: bool,
    #[prost(string, optional, tag = "4")]
    pub(crate) interface: Option<String>,
}
