//! A client's address, rendered once per connection.

use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};

/// The longest address, an IPv6 one of 39 bytes, and CR LF.
const LINE_BYTES_MAX: usize = 39 + 2;

/// A client's address, and how `X-Forwarded-For` says it. 58 bytes, no pointer: every connection keeps one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    line: [u8; LINE_BYTES_MAX],
    len: u8,
    /// As IPv6, IPv4 mapped into it.
    octets: [u8; 16],
}

impl ClientAddress {
    pub(super) const LINE_BYTES_MAX: usize = LINE_BYTES_MAX;

    /// Renders an address. IPv4-mapped ones are written as IPv4.
    #[must_use]
    pub fn new(client: IpAddr) -> ClientAddress {
        let client = client.to_canonical();
        let octets = match client {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        let mut line = [0; LINE_BYTES_MAX];
        let mut rest = &mut line[..];
        write!(rest, "{client}\r\n").expect("the bound counts the longest address");
        let len = (LINE_BYTES_MAX - rest.len()) as u8;
        ClientAddress { line, len, octets }
    }

    /// The address; one that was mapped into IPv6 comes back as IPv4.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        Ipv6Addr::from(self.octets).to_canonical()
    }

    /// With CR LF.
    #[inline(always)]
    pub(super) fn line(&self) -> &[u8] {
        &self.line[..usize::from(self.len)]
    }

    /// Without.
    pub(super) fn text(&self) -> &[u8] {
        &self.line[..usize::from(self.len) - 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_address_fits_and_mapped_ones_are_ipv4() {
        for (address, text) in [
            ("2001:1db8:2222:3333:4444:5555:6666:7777", "2001:1db8:2222:3333:4444:5555:6666:7777"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("255.255.255.255", "255.255.255.255"),
            ("::1", "::1"),
        ] {
            let client = ClientAddress::new(address.parse().expect("address"));
            assert_eq!(client.text(), text.as_bytes());
            assert_eq!(client.line(), format!("{text}\r\n").as_bytes());
            assert_eq!(client.ip().to_string(), text);
        }
    }
}
