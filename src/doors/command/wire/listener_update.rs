//! Changes of listeners on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::address::SocketAddress;
use super::frontend::HstsConfig;
use super::listener::{AlpnProtocols, ClientAuthPolicy, CustomHttpAnswers, ForwardedHeaders};

/// What changes of an HTTP listener.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UpdateHttpListenerConfig {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, optional, tag = "2")]
    pub(crate) public_address: Option<SocketAddress>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) expect_proxy: Option<bool>,
    #[prost(string, optional, tag = "4")]
    pub(crate) sticky_name: Option<String>,
    #[prost(uint32, optional, tag = "5")]
    pub(crate) front_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    pub(crate) back_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    pub(crate) connect_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "8")]
    pub(crate) request_timeout: Option<u32>,
    #[prost(message, optional, tag = "9")]
    pub(crate) http_answers: Option<CustomHttpAnswers>,
    #[prost(uint32, optional, tag = "20")]
    pub(crate) h2_max_rst_stream_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "21")]
    pub(crate) h2_max_ping_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "22")]
    pub(crate) h2_max_settings_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "23")]
    pub(crate) h2_max_empty_data_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "24")]
    pub(crate) h2_max_continuation_frames: Option<u32>,
    #[prost(uint32, optional, tag = "25")]
    pub(crate) h2_max_glitch_count: Option<u32>,
    #[prost(uint32, optional, tag = "26")]
    pub(crate) h2_initial_connection_window: Option<u32>,
    #[prost(uint32, optional, tag = "27")]
    pub(crate) h2_max_concurrent_streams: Option<u32>,
    #[prost(uint32, optional, tag = "28")]
    pub(crate) h2_stream_shrink_ratio: Option<u32>,
    #[prost(uint64, optional, tag = "29")]
    pub(crate) h2_max_rst_stream_lifetime: Option<u64>,
    #[prost(uint64, optional, tag = "30")]
    pub(crate) h2_max_rst_stream_abusive_lifetime: Option<u64>,
    #[prost(uint64, optional, tag = "31")]
    pub(crate) h2_max_rst_stream_emitted_lifetime: Option<u64>,
    #[prost(uint32, optional, tag = "32")]
    pub(crate) h2_max_header_list_size: Option<u32>,
    #[prost(uint32, optional, tag = "33")]
    pub(crate) h2_max_header_table_size: Option<u32>,
    #[prost(uint32, optional, tag = "34")]
    pub(crate) h2_stream_idle_timeout_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "35")]
    pub(crate) h2_graceful_shutdown_deadline_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "36")]
    pub(crate) h2_max_window_update_stream0_per_window: Option<u32>,
    #[prost(string, optional, tag = "37")]
    pub(crate) sozu_id_header: Option<String>,
    #[prost(btree_map = "string, string", tag = "38")]
    pub(crate) answers: BTreeMap<String, String>,
    #[prost(bool, optional, tag = "39")]
    pub(crate) elide_x_real_ip: Option<bool>,
    #[prost(bool, optional, tag = "40")]
    pub(crate) send_x_real_ip: Option<bool>,
    #[prost(uint32, optional, tag = "41")]
    pub(crate) h2_max_header_fields: Option<u32>,
    #[prost(enumeration = "ForwardedHeaders", optional, tag = "42")]
    pub(crate) forwarded_headers: Option<i32>,
    #[prost(uint32, optional, tag = "43")]
    pub(crate) h2_stream_refusal_percent: Option<u32>,
}

/// What changes of an HTTPS listener.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UpdateHttpsListenerConfig {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, optional, tag = "2")]
    pub(crate) public_address: Option<SocketAddress>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) expect_proxy: Option<bool>,
    #[prost(string, optional, tag = "4")]
    pub(crate) sticky_name: Option<String>,
    #[prost(uint32, optional, tag = "5")]
    pub(crate) front_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    pub(crate) back_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    pub(crate) connect_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "8")]
    pub(crate) request_timeout: Option<u32>,
    #[prost(message, optional, tag = "9")]
    pub(crate) http_answers: Option<CustomHttpAnswers>,
    #[prost(message, optional, tag = "10")]
    pub(crate) alpn_protocols: Option<AlpnProtocols>,
    #[prost(bool, optional, tag = "11")]
    pub(crate) strict_sni_binding: Option<bool>,
    #[prost(bool, optional, tag = "12")]
    pub(crate) disable_http11: Option<bool>,
    #[prost(uint32, optional, tag = "20")]
    pub(crate) h2_max_rst_stream_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "21")]
    pub(crate) h2_max_ping_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "22")]
    pub(crate) h2_max_settings_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "23")]
    pub(crate) h2_max_empty_data_per_window: Option<u32>,
    #[prost(uint32, optional, tag = "24")]
    pub(crate) h2_max_continuation_frames: Option<u32>,
    #[prost(uint32, optional, tag = "25")]
    pub(crate) h2_max_glitch_count: Option<u32>,
    #[prost(uint32, optional, tag = "26")]
    pub(crate) h2_initial_connection_window: Option<u32>,
    #[prost(uint32, optional, tag = "27")]
    pub(crate) h2_max_concurrent_streams: Option<u32>,
    #[prost(uint32, optional, tag = "28")]
    pub(crate) h2_stream_shrink_ratio: Option<u32>,
    #[prost(uint64, optional, tag = "29")]
    pub(crate) h2_max_rst_stream_lifetime: Option<u64>,
    #[prost(uint64, optional, tag = "30")]
    pub(crate) h2_max_rst_stream_abusive_lifetime: Option<u64>,
    #[prost(uint64, optional, tag = "31")]
    pub(crate) h2_max_rst_stream_emitted_lifetime: Option<u64>,
    #[prost(uint32, optional, tag = "32")]
    pub(crate) h2_max_header_list_size: Option<u32>,
    #[prost(uint32, optional, tag = "33")]
    pub(crate) h2_max_header_table_size: Option<u32>,
    #[prost(uint32, optional, tag = "34")]
    pub(crate) h2_stream_idle_timeout_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "35")]
    pub(crate) h2_graceful_shutdown_deadline_seconds: Option<u32>,
    #[prost(uint32, optional, tag = "36")]
    pub(crate) h2_max_window_update_stream0_per_window: Option<u32>,
    #[prost(string, optional, tag = "37")]
    pub(crate) sozu_id_header: Option<String>,
    #[prost(btree_map = "string, string", tag = "38")]
    pub(crate) answers: BTreeMap<String, String>,
    #[prost(bool, optional, tag = "39")]
    pub(crate) elide_x_real_ip: Option<bool>,
    #[prost(bool, optional, tag = "40")]
    pub(crate) send_x_real_ip: Option<bool>,
    #[prost(message, optional, tag = "41")]
    pub(crate) hsts: Option<HstsConfig>,
    #[prost(uint32, optional, tag = "42")]
    pub(crate) h2_max_header_fields: Option<u32>,
    #[prost(enumeration = "ForwardedHeaders", optional, tag = "43")]
    pub(crate) forwarded_headers: Option<i32>,
    #[prost(uint32, optional, tag = "44")]
    pub(crate) h2_stream_refusal_percent: Option<u32>,
    #[prost(message, optional, tag = "45")]
    pub(crate) client_auth_policy: Option<ClientAuthPolicy>,
}

/// What changes of a TCP listener.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UpdateTcpListenerConfig {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, optional, tag = "2")]
    pub(crate) public_address: Option<SocketAddress>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) expect_proxy: Option<bool>,
    #[prost(uint32, optional, tag = "4")]
    pub(crate) front_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "5")]
    pub(crate) back_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    pub(crate) connect_timeout: Option<u32>,
}

/// What changes of a UDP listener.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UpdateUdpListenerConfig {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, optional, tag = "2")]
    pub(crate) public_address: Option<SocketAddress>,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) front_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "4")]
    pub(crate) back_timeout: Option<u32>,
    #[prost(uint32, optional, tag = "5")]
    pub(crate) max_rx_datagram_size: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    pub(crate) max_flows: Option<u32>,
}
