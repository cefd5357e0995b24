//! The PROXY protocol as clients and origins of a run speak it, with none of the proxy's own code.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ringway_core::config::SendProxy;

use crate::http::{Fail, Wire};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Where clients say that they connected to.
pub(crate) const DESTINATION: ([u8; 4], u16) = ([10, 255, 0, 1], 443);

/// Who a client says it is, on its `nth` connection.
pub(crate) fn source(client: usize, nth: u64) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + client as u8], 20_000 + nth as u16))
}

/// A header that names `source`, in version 2 or 1.
pub(crate) fn write(binary: bool, source: SocketAddr) -> Vec<u8> {
    let (to, port) = DESTINATION;
    let IpAddr::V4(from) = source.ip() else { panic!("clients have IPv4 addresses here") };
    if !binary {
        let to = Ipv4Addr::from(to);
        return format!("PROXY TCP4 {from} {to} {} {port}\r\n", source.port()).into_bytes();
    }
    let mut header = SIGNATURE.to_vec();
    // Version and command, family and transport, the length of what follows: addresses, and an extension to skip.
    header.extend_from_slice(&[0x21, 0x11, 0, 12 + 5]);
    header.extend_from_slice(&from.octets());
    header.extend_from_slice(&to);
    header.extend_from_slice(&source.port().to_be_bytes());
    header.extend_from_slice(&port.to_be_bytes());
    header.extend_from_slice(&[0xE0, 0, 2, b'h', b'i']);
    header
}

/// Reads the header that a backend connection begins with: source and destination.
pub(crate) async fn read(wire: &mut Wire, version: SendProxy) -> Result<[SocketAddr; 2], Fail> {
    if version == SendProxy::V1 {
        let line = wire.line().await?;
        let words: Vec<_> = line.split(' ').collect();
        let ["PROXY", "TCP4", from, to, from_port, to_port] = words[..] else { panic!("no header: {line}") };
        let address = |ip: &str, port: &str| format!("{ip}:{port}").parse().expect("an address");
        return Ok([address(from, from_port), address(to, to_port)]);
    }
    let fixed = wire.read(16).await?;
    assert_eq!((&fixed[..12], &fixed[12..14]), (&SIGNATURE[..], &[0x21, 0x11][..]), "no header: {fixed:?}");
    let rest = wire.read(usize::from(u16::from_be_bytes([fixed[14], fixed[15]]))).await?;
    let address = |ip: usize, port: usize| {
        let ip: [u8; 4] = rest[ip..ip + 4].try_into().expect("four bytes");
        SocketAddr::from((ip, u16::from_be_bytes([rest[port], rest[port + 1]])))
    };
    Ok([address(0, 8), address(4, 10)])
}
