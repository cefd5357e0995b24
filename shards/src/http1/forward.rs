//! The forwarding fields of one client connection, rendered once.

use std::io::Write;
use std::net::IpAddr;

/// How the client reached us, as `X-Forwarded-Proto` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

const HOST_NAME: &[u8] = b"X-Forwarded-Host: ";

/// The longest rendering: `https`, a five-digit port, a 39-byte IPv6 address.
const BYTES_MAX: usize = "X-Forwarded-Proto: https\r\n".len()
    + "X-Forwarded-Port: 65535\r\n".len()
    + "X-Forwarded-For: ".len()
    + 39
    + "\r\n".len()
    + HOST_NAME.len();

/// What every request of one client connection gets appended: proto, port, address, and the name of the host field, in
/// this order, so that the usual request costs one copy. 129 bytes, no pointer.
#[derive(Debug, Clone, Copy)]
pub struct ForwardPrefix {
    bytes: [u8; BYTES_MAX],
    /// Where the client's address starts: what it sent itself as `X-Forwarded-For` goes in front.
    address: u8,
    len: u8,
}

impl ForwardPrefix {
    /// Renders for a client at `client` that came in through a listener on `port`. IPv4-mapped addresses are written as
    /// IPv4.
    #[must_use]
    pub fn new(client: IpAddr, port: u16, scheme: Scheme) -> ForwardPrefix {
        let scheme = match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let mut bytes = [0; BYTES_MAX];
        let mut rest = &mut bytes[..];
        let room = rest.len();
        write!(rest, "X-Forwarded-Proto: {scheme}\r\nX-Forwarded-Port: {port}\r\nX-Forwarded-For: ")
            .expect("BYTES_MAX counts the longest scheme and port");
        let address = room - rest.len();
        write!(rest, "{}\r\n", client.to_canonical()).expect("BYTES_MAX counts the longest address");
        rest.write_all(HOST_NAME).expect("BYTES_MAX counts it");
        let len = room - rest.len();
        ForwardPrefix { bytes, address: address as u8, len: len as u8 }
    }

    /// Up to and with `X-Forwarded-For: `.
    #[inline(always)]
    pub(super) fn before_address(&self) -> &[u8] {
        &self.bytes[..usize::from(self.address)]
    }

    /// From the client's address up to and with `X-Forwarded-Host: `.
    #[inline(always)]
    pub(super) fn address_to_host(&self) -> &[u8] {
        &self.bytes[usize::from(self.address)..usize::from(self.len)]
    }

    /// Both at once.
    #[inline(always)]
    pub(super) fn whole(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// From the client's address to the end of its line: for a request without host.
    #[inline(always)]
    pub(super) fn address_line(&self) -> &[u8] {
        &self.bytes[usize::from(self.address)..usize::from(self.len) - HOST_NAME.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rendering_fits_and_the_shortest_is_as_short_as_it_should_be() {
        let longest = ForwardPrefix::new(
            "2001:1db8:2222:3333:4444:5555:6666:7777".parse().expect("address"),
            65535,
            Scheme::Https,
        );
        assert_eq!(
            longest.whole().escape_ascii().to_string(),
            "X-Forwarded-Proto: https\\r\\nX-Forwarded-Port: 65535\\r\\n\
             X-Forwarded-For: 2001:1db8:2222:3333:4444:5555:6666:7777\\r\\nX-Forwarded-Host: "
        );
        assert_eq!(longest.whole().len(), BYTES_MAX);
        let shortest = ForwardPrefix::new("::ffff:1.2.3.4".parse().expect("address"), 80, Scheme::Http);
        assert_eq!(shortest.address_line(), b"1.2.3.4\r\n");
        assert!(
            shortest.before_address().starts_with(b"X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n")
        );
    }
}
