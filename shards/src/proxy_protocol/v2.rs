//! Version 2: a signature, sixteen bytes in all with command and length, addresses, and extensions (2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Endpoints, HEADER_BYTES_MAX, Header, HeaderError, Ips, Parsed, crc32c};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const FIXED_BYTES: usize = 16;

const VERSION: u8 = 2;
/// Commands, in the lower half of their byte.
const LOCAL: u8 = 0;
const PROXY: u8 = 1;

/// Families with streams, and the bytes that their addresses take.
const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP4_BYTES: u16 = 12;
const TCP6: u8 = 0x21;
const TCP6_BYTES: u16 = 36;
const UNIX: u8 = 0x31;
const UNIX_BYTES: u16 = 216;
/// Families with datagrams.
const DATAGRAMS: [u8; 3] = [0x12, 0x22, 0x32];

/// The extension that is a checksum of the header (2.2.3), and the length of its value.
const TLV_CRC32C: u8 = 0x03;
const CRC32C_BYTES: usize = 4;

/// What is behind the first sixteen bytes.
enum Block {
    /// Nothing that concerns us, of whatever form: a connection of the sender's own, or one that it can not describe.
    Skipped,
    /// Addresses of this many bytes, then extensions.
    Addresses(u16),
}

pub(super) fn parse(buf: &[u8]) -> Result<Parsed, HeaderError> {
    let known = buf.len().min(SIGNATURE.len());
    if buf[..known] != SIGNATURE[..known] {
        return Err(HeaderError::Missing);
    }
    let Some(&command) = buf.get(12) else { return Ok(Parsed::Partial) };
    if command >> 4 != VERSION {
        return Err(HeaderError::Version(command >> 4));
    }
    let command = command & 0xF;
    if command > PROXY {
        return Err(HeaderError::Command(command));
    }
    let Some(&family) = buf.get(13) else { return Ok(Parsed::Partial) };
    let block = block(command, family)?;
    let Some(&[high, low]) = buf.get(14..FIXED_BYTES) else { return Ok(Parsed::Partial) };
    let length = u16::from_be_bytes([high, low]);
    let header_len = FIXED_BYTES + usize::from(length);
    if header_len > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong { bytes: header_len });
    }
    let address_bytes = match block {
        Block::Skipped if buf.len() < header_len => return Ok(Parsed::Partial),
        Block::Skipped => return Ok(Parsed::Complete(Header::anonymous(header_len))),
        Block::Addresses(bytes) if bytes > length => return Err(HeaderError::Addresses),
        Block::Addresses(bytes) => usize::from(bytes),
    };
    let Some(header) = buf.get(..header_len) else { return Ok(Parsed::Partial) };
    let (addresses, extensions) = header[FIXED_BYTES..].split_at(address_bytes);
    check_extensions(header, extensions)?;
    Ok(Parsed::Complete(endpoints(header_len, addresses)))
}

fn block(command: u8, family: u8) -> Result<Block, HeaderError> {
    match family {
        // With this command the family is of no meaning, whatever it is.
        _ if command == LOCAL => Ok(Block::Skipped),
        UNSPECIFIED => Ok(Block::Skipped),
        TCP4 => Ok(Block::Addresses(TCP4_BYTES)),
        TCP6 => Ok(Block::Addresses(TCP6_BYTES)),
        UNIX => Ok(Block::Addresses(UNIX_BYTES)),
        family if DATAGRAMS.contains(&family) => Err(HeaderError::Datagram),
        family => Err(HeaderError::Family(family)),
    }
}

/// Source, destination, and their ports; a path of a UNIX socket names nobody to us.
fn endpoints(header_len: usize, bytes: &[u8]) -> Header {
    let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    if let Some((ips, ports)) = bytes.split_first_chunk::<8>()
        && ports.len() == 4
    {
        let [a, b, c, d, e, f, g, h] = *ips;
        let (from, to) = (Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h));
        return Header::new(header_len, (from.into(), port(8)), (to.into(), port(10)));
    }
    let ip = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk::<16>).copied().map(Ipv6Addr::from);
    match (ip(0), ip(16)) {
        (Some(from), Some(to)) if bytes.len() == usize::from(TCP6_BYTES) => {
            Header::new(header_len, (IpAddr::V6(from), port(32)), (IpAddr::V6(to), port(34)))
        }
        _ => Header::anonymous(header_len),
    }
}

/// Walks the extensions to the header's end. None but the checksum is of use to us.
fn check_extensions(header: &[u8], mut rest: &[u8]) -> Result<(), HeaderError> {
    let mut checked = false;
    while !rest.is_empty() {
        let Some((&[kind, high, low], after)) = rest.split_first_chunk::<3>() else {
            return Err(HeaderError::Tlv);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some((value, next)) = after.split_at_checked(length) else { return Err(HeaderError::Tlv) };
        if kind == TLV_CRC32C {
            // It is taken with its own value as zeroes, which a second one could not be.
            let value: [u8; CRC32C_BYTES] = value.try_into().map_err(|_| HeaderError::Tlv)?;
            if std::mem::replace(&mut checked, true) {
                return Err(HeaderError::Tlv);
            }
            let before = &header[..header.len() - after.len()];
            if crc32c::checksum(&[before, &[0; CRC32C_BYTES], next]) != u32::from_be_bytes(value) {
                return Err(HeaderError::Checksum);
            }
        }
        rest = next;
    }
    Ok(())
}

pub(super) fn write(endpoints: &Endpoints, out: &mut Vec<u8>) {
    out.extend_from_slice(SIGNATURE);
    let (family, length) = match endpoints.ips {
        Ips::V4(_) => (TCP4, TCP4_BYTES),
        Ips::V6(_) => (TCP6, TCP6_BYTES),
    };
    out.extend_from_slice(&[VERSION << 4 | PROXY, family]);
    out.extend_from_slice(&length.to_be_bytes());
    match &endpoints.ips {
        Ips::V4(ips) => ips.iter().for_each(|ip| out.extend_from_slice(&ip.octets())),
        Ips::V6(ips) => ips.iter().for_each(|ip| out.extend_from_slice(&ip.octets())),
    }
    out.extend_from_slice(&endpoints.source_port.to_be_bytes());
    out.extend_from_slice(&endpoints.destination_port.to_be_bytes());
}
