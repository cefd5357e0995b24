//! Addresses both ways.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ringway_core::VerbError;

use super::field::invalid;
use crate::doors::command::wire::{IpAddress, IpVersion, SocketAddress, Uint128};

/// As the protocol has it.
pub(in crate::doors::command) fn to_wire(address: SocketAddr) -> SocketAddress {
    let ip = match address.ip() {
        IpAddr::V4(ip) => IpVersion::V4(u32::from(ip)),
        IpAddr::V6(ip) => {
            let bits = u128::from(ip);
            // The halves.
            IpVersion::V6(Uint128 { low: bits as u64, high: (bits >> 64) as u64 })
        }
    };
    SocketAddress { ip: IpAddress { inner: Some(ip) }, port: u32::from(address.port()) }
}

/// As it is in `field` of a request.
pub(super) fn from_wire(field: &str, address: &SocketAddress) -> Result<SocketAddr, VerbError> {
    let ip = match &address.ip.inner {
        Some(IpVersion::V4(ip)) => IpAddr::V4(Ipv4Addr::from(*ip)),
        Some(IpVersion::V6(ip)) => IpAddr::V6(Ipv6Addr::from(u128::from(ip.high) << 64 | u128::from(ip.low))),
        None => return Err(invalid(field, "the address is missing")),
    };
    let port = u16::try_from(address.port)
        .map_err(|_| invalid(field, format!("{} is not a port: 0 to 65535", address.port)))?;
    Ok(SocketAddr::new(ip, port))
}

/// What fills the place of an address where there is none: 0.0.0.0:0.
pub(super) fn nowhere() -> SocketAddress {
    to_wire(SocketAddr::from(([0, 0, 0, 0], 0)))
}
