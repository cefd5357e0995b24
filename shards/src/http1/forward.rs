//! The forwarding fields: what a listener says of itself, and the client's address, each rendered once.

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

/// The longest address, an IPv6 one of 39 bytes, and CR LF.
const ADDRESS_LINE_BYTES_MAX: usize = 39 + 2;

/// What every request through one listener gets appended: proto, port, and the name of the address field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerPrefix(Box<[u8]>);

impl ListenerPrefix {
    /// Renders for a listener on `port`.
    #[must_use]
    pub fn new(port: u16, scheme: Scheme) -> ListenerPrefix {
        let scheme = match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let text = format!("X-Forwarded-Proto: {scheme}\r\nX-Forwarded-Port: {port}\r\nX-Forwarded-For: ");
        ListenerPrefix(text.into_bytes().into())
    }
}

/// A client's address as `X-Forwarded-For` says it. 42 bytes, no pointer: every connection keeps one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    line: [u8; ADDRESS_LINE_BYTES_MAX],
    len: u8,
}

impl ClientAddress {
    /// Renders an address. IPv4-mapped ones are written as IPv4.
    #[must_use]
    pub fn new(client: IpAddr) -> ClientAddress {
        let mut line = [0; ADDRESS_LINE_BYTES_MAX];
        let mut rest = &mut line[..];
        write!(rest, "{}\r\n", client.to_canonical()).expect("the bound counts the longest address");
        let len = ADDRESS_LINE_BYTES_MAX - rest.len();
        ClientAddress { line, len: len as u8 }
    }

    #[inline(always)]
    fn line(&self) -> &[u8] {
        &self.line[..usize::from(self.len)]
    }
}

/// The forwarding fields of one request.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// Of the listener it came through.
    pub listener: &'a ListenerPrefix,
    /// Of its client.
    pub client: &'a ClientAddress,
}

impl Forward<'_> {
    /// How many bytes it all is at most, but for the host itself.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.listener.0.len() + ADDRESS_LINE_BYTES_MAX + HOST_NAME.len()
    }

    /// Appends the fields up to and with `X-Forwarded-For: `.
    #[inline(always)]
    pub(super) fn push_before_address(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.listener.0);
    }

    /// Appends the client's address to the end of its line.
    #[inline(always)]
    pub(super) fn push_address_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.client.line());
    }

    /// Appends the name of the field that is to hold the host.
    #[inline(always)]
    pub(super) fn push_host_name(out: &mut Vec<u8>) {
        out.extend_from_slice(HOST_NAME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(address: &str, port: u16, scheme: Scheme) -> String {
        let listener = ListenerPrefix::new(port, scheme);
        let client = ClientAddress::new(address.parse().expect("address"));
        let forward = Forward { listener: &listener, client: &client };
        let mut out = Vec::new();
        forward.push_before_address(&mut out);
        forward.push_address_line(&mut out);
        Forward::push_host_name(&mut out);
        assert!(out.len() <= forward.len());
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn the_longest_address_fits_and_mapped_ones_are_written_as_ipv4() {
        assert_eq!(
            rendered("2001:1db8:2222:3333:4444:5555:6666:7777", 65535, Scheme::Https),
            "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 65535\r\n\
             X-Forwarded-For: 2001:1db8:2222:3333:4444:5555:6666:7777\r\nX-Forwarded-Host: "
        );
        assert_eq!(
            rendered("::ffff:1.2.3.4", 80, Scheme::Http),
            "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: "
        );
    }
}
