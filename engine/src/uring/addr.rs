//! Socket addresses in the shape the kernel takes them.

use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// A `sockaddr_in` or `sockaddr_in6` with its length.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RawAddr {
    pub(crate) addr: AddrUnion,
    pub(crate) len: libc::socklen_t,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union AddrUnion {
    pub(crate) family: libc::sa_family_t,
    pub(crate) v4: libc::sockaddr_in,
    pub(crate) v6: libc::sockaddr_in6,
}

impl RawAddr {
    /// Room for the kernel to write an address into.
    pub(crate) fn empty() -> RawAddr {
        // SAFETY: both members are plain integers, for which all-zero bytes are a value.
        let addr = AddrUnion { v6: unsafe { mem::zeroed() } };
        RawAddr { addr, len: mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t }
    }

    /// The address in Rust's shape; `None` for a family that is neither IPv4 nor IPv6.
    #[must_use]
    pub fn to_std(&self) -> Option<SocketAddr> {
        // SAFETY: `family` stands first in every member of the union, and all were initialised in full.
        match i32::from(unsafe { self.addr.family }) {
            libc::AF_INET => {
                // SAFETY: the family says which member was written.
                let v4 = unsafe { self.addr.v4 };
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port)))
            }
            libc::AF_INET6 => {
                // SAFETY: the family says which member was written.
                let v6 = unsafe { self.addr.v6 };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Some(SocketAddr::V6(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id)))
            }
            _ => None,
        }
    }
}

/// Where the kernel writes an address.
pub(crate) fn as_mut_ptr(raw: &mut RawAddr) -> *mut libc::sockaddr {
    std::ptr::from_mut(&mut raw.addr).cast()
}

impl From<&SocketAddr> for RawAddr {
    fn from(addr: &SocketAddr) -> RawAddr {
        let mut raw = RawAddr::empty();
        match addr {
            SocketAddr::V4(v4) => {
                raw.addr.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                    sin_zero: [0; 8],
                };
                raw.len = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
            }
            SocketAddr::V6(v6) => {
                raw.addr.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: v6.scope_id(),
                };
            }
        }
        raw
    }
}

impl std::fmt::Debug for RawAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawAddr({:?})", self.to_std())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["127.0.0.1:80", "0.0.0.0:0", "[::1]:8080", "[fe80::1%3]:65535"] {
            let addr: SocketAddr = text.parse().expect("an address");
            assert_eq!(RawAddr::from(&addr).to_std(), Some(addr));
        }
    }
}
