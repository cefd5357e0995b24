//! The PROXY protocol, versions 1 and 2: whose connection this is, told in its first bytes.
//!
//! The specification is HAProxy's `doc/proxy-protocol.txt`; section numbers here are its. Bytes in, decisions out: there
//! is no I/O here, and whom to believe is not decided here either.
//!
//! Reading is strict, because a header decides which client an access list, a log or a limit is about: what deviates is
//! refused, and as early as can be told, so that a client which speaks no PROXY protocol does not wait for a deadline.
//! Each field is judged when it is complete, each byte of one as it comes by the characters that the field may have.
//!
//! Addresses are given in canonical form: an IPv4-mapped IPv6 address is the IPv4 address that it stands for, so that no
//! list of addresses is passed by another spelling.

mod crc32c;
mod v1;
mod v2;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header that is read, in bytes. Version 2 could announce 64 KiB; addresses take up to 216, and what proxies
/// are known to add (a certificate's name, a host name, an identifier) a few hundred. This much fits one receive buffer.
pub const HEADER_BYTES_MAX: usize = 4 * 1024;

/// The longest header of version 1, in bytes with its line end (2.1).
pub const LINE_BYTES_MAX: usize = 107;

/// Which form a header has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// How far the bytes at the start of a connection are a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// They may become one.
    Partial,
    /// They begin with one.
    Complete(Header),
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its length in bytes: what follows belongs to the connection.
    pub header_len: usize,
    /// Who connected. `None`, together with the destination: the header names nobody that has an IP address (`LOCAL`,
    /// `UNKNOWN`, unspecified, UNIX), and the connection is its sender's own.
    pub source: Option<SocketAddr>,
    /// To which address.
    pub destination: Option<SocketAddr>,
}

impl Header {
    fn anonymous(header_len: usize) -> Header {
        Header { header_len, source: None, destination: None }
    }

    fn new(header_len: usize, source: (IpAddr, u16), destination: (IpAddr, u16)) -> Header {
        let canonical = |(ip, port): (IpAddr, u16)| Some(SocketAddr::new(ip.to_canonical(), port));
        Header { header_len, source: canonical(source), destination: canonical(destination) }
    }
}

/// Why the bytes at the start of a connection are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Neither version begins like this.
    #[error(
        "the connection does not begin with a PROXY protocol header: its peer does not send one (check `send-proxy` \
         there), or this listener should not expect one"
    )]
    Missing,
    /// Version 1: something in the line is not as it must be.
    #[error("malformed PROXY protocol line: {0}")]
    Line(&'static str),
    /// Version 1: no line end where it must have come.
    #[error("the PROXY protocol line does not end within {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// Version 2: another version follows the signature.
    #[error("PROXY protocol header of version {0}, only 1 and 2 are known")]
    Version(u8),
    /// Version 2: an unassigned command.
    #[error("PROXY protocol header with the unassigned command {0}")]
    Command(u8),
    /// Version 2: an unassigned address family or transport protocol.
    #[error("PROXY protocol header with the unassigned address family and transport {0:#04x}")]
    Family(u8),
    /// Version 2: the header speaks of datagrams.
    #[error("PROXY protocol header for datagrams on a stream")]
    Datagram,
    /// Version 2: longer than we read.
    #[error(
        "PROXY protocol header of {bytes} bytes, more than {HEADER_BYTES_MAX}: does its sender add large TLVs?"
    )]
    TooLong {
        /// Its whole length.
        bytes: usize,
    },
    /// Version 2: too short for the addresses that it announces.
    #[error("PROXY protocol header that is too short for its addresses")]
    Addresses,
    /// Version 2: an extension that does not end with the header, or has not the length of its kind.
    #[error("PROXY protocol header with a malformed TLV")]
    Tlv,
    /// Version 2: the checksum is not that of the header.
    #[error("PROXY protocol header with a wrong checksum: it was damaged on its way")]
    Checksum,
}

/// Reads the header that `buf`, everything received so far, begins with. With more bytes, ask again from the start.
///
/// # Errors
/// As soon as no bytes that may follow could make it a header.
pub fn parse(buf: &[u8]) -> Result<Parsed, HeaderError> {
    match buf.first() {
        None => Ok(Parsed::Partial),
        Some(b'P') => v1::parse(buf),
        Some(_) => v2::parse(buf),
    }
}

/// Appends the header that says that `source` connected to `destination`.
///
/// One header has addresses of one family. If both can be told as IPv4, they are; otherwise an IPv4 address is told as
/// the IPv6 address that it is mapped to, in both versions, so that the source is never lost (as it would be with
/// `UNKNOWN` or `LOCAL`).
pub fn write(version: Version, source: SocketAddr, destination: SocketAddr, out: &mut Vec<u8>) {
    let endpoints = Endpoints::new(source, destination);
    match version {
        Version::V1 => v1::write(&endpoints, out),
        Version::V2 => v2::write(&endpoints, out),
    }
}

/// Two addresses of the same family.
struct Endpoints {
    ips: Ips,
    source_port: u16,
    destination_port: u16,
}

/// Source, then destination.
enum Ips {
    V4([Ipv4Addr; 2]),
    V6([Ipv6Addr; 2]),
}

impl Endpoints {
    fn new(source: SocketAddr, destination: SocketAddr) -> Endpoints {
        let ips = match (source.ip().to_canonical(), destination.ip().to_canonical()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Ips::V4([from, to]),
            (from, to) => Ips::V6([from, to].map(|ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            })),
        };
        Endpoints { ips, source_port: source.port(), destination_port: destination.port() }
    }
}
