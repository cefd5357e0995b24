//! Addresses on the wire.

use serde::{Deserialize, Serialize};

/// An address and a port.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SocketAddress {
    #[prost(message, required, tag = "1")]
    pub(crate) ip: IpAddress,
    #[prost(uint32, required, tag = "2")]
    pub(crate) port: u32,
}

/// An address: version 4 as a number in the order of its octets, or version 6.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct IpAddress {
    #[prost(oneof = "IpVersion", tags = "1, 2")]
    pub(crate) inner: Option<IpVersion>,
}

/// What [`IpAddress`] holds.
#[derive(Clone, PartialEq, prost::Oneof, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IpVersion {
    #[prost(fixed32, tag = "1")]
    V4(u32),
    #[prost(message, tag = "2")]
    V6(Uint128),
}

/// 128 bits.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Uint128 {
    #[prost(uint64, required, tag = "1")]
    pub(crate) low: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) high: u64,
}
