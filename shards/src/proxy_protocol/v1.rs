//! Version 1: `PROXY TCP4 192.0.2.1 198.51.100.2 51000 443` and CRLF (2.1).

use std::fmt;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::{self, FromStr};

use super::{Endpoints, Header, HeaderError, Ips, LINE_BYTES_MAX, Parsed};

const START: &[u8] = b"PROXY ";
const TCP4: &[u8] = b"TCP4 ";
const TCP6: &[u8] = b"TCP6 ";
const UNKNOWN: &[u8] = b"UNKNOWN";

/// The longest address of each family: `255.255.255.255`; eight groups, the last two of which may be written as IPv4.
const IPV4_BYTES_MAX: usize = 15;
const IPV6_BYTES_MAX: usize = 45;
const PORT_BYTES_MAX: usize = 5;

/// A step's result; `None`: more bytes are needed.
type Step<T> = Result<Option<T>, HeaderError>;

pub(super) fn parse(buf: &[u8]) -> Result<Parsed, HeaderError> {
    let line = &buf[..buf.len().min(LINE_BYTES_MAX)];
    match parse_line(line)? {
        Some(header) => Ok(Parsed::Complete(header)),
        None if line.len() == LINE_BYTES_MAX => Err(HeaderError::LineTooLong),
        None => Ok(Parsed::Partial),
    }
}

fn parse_line(line: &[u8]) -> Step<Header> {
    let mut rest = line;
    let Some(()) = expect(&mut rest, START, HeaderError::Missing)? else { return Ok(None) };
    let not_known = HeaderError::Line("neither TCP4, TCP6 nor UNKNOWN");
    match rest.first() {
        None => Ok(None),
        Some(b'U') => match expect(&mut rest, UNKNOWN, not_known)? {
            Some(()) => unknown(rest, line.len()),
            None => Ok(None),
        },
        // Both begin alike: which it is shows at the fourth byte.
        Some(_) if rest.get(3) == Some(&b'6') => {
            let Some(()) = expect(&mut rest, TCP6, not_known)? else { return Ok(None) };
            let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
            endpoints::<Ipv6Addr>(rest, line.len(), is_part, IPV6_BYTES_MAX)
        }
        Some(_) => {
            let Some(()) = expect(&mut rest, TCP4, not_known)? else { return Ok(None) };
            let is_part = |byte: u8| byte.is_ascii_digit() || byte == b'.';
            endpoints::<Ipv4Addr>(rest, line.len(), is_part, IPV4_BYTES_MAX)
        }
    }
}

/// Takes `text` off, byte by byte as far as there are bytes.
fn expect(rest: &mut &[u8], text: &[u8], otherwise: HeaderError) -> Step<()> {
    let len = rest.len().min(text.len());
    if rest[..len] != text[..len] {
        return Err(otherwise);
    }
    *rest = &rest[len..];
    Ok((len == text.len()).then_some(()))
}

/// What follows `UNKNOWN` is of no meaning, but the line must end as a line does.
fn unknown(rest: &[u8], line_len: usize) -> Step<Header> {
    if rest.first().is_some_and(|byte| !b" \r".contains(byte)) {
        return Err(HeaderError::Line("neither TCP4, TCP6 nor UNKNOWN"));
    }
    let Some(end) = rest.iter().position(|byte| b"\r\n".contains(byte)) else { return Ok(None) };
    let mut after = &rest[end..];
    let ended = expect(&mut after, b"\r\n", HeaderError::Line("CR or LF without the other"))?;
    Ok(ended.map(|()| Header::anonymous(line_len - after.len())))
}

/// Two addresses and two ports.
fn endpoints<A: FromStr + Into<IpAddr>>(
    mut rest: &[u8],
    line_len: usize,
    is_part: fn(u8) -> bool,
    address_max: usize,
) -> Step<Header> {
    let mut ips = [None; 2];
    for (ip, why) in ips.iter_mut().zip(["bad source address", "bad destination address"]) {
        let Some(text) = field(&mut rest, is_part, address_max, b' ', why)? else { return Ok(None) };
        let address: A = text.parse().map_err(|_| HeaderError::Line(why))?;
        *ip = Some(address.into());
    }
    let mut ports = [0; 2];
    for (port, (end, why)) in ports
        .iter_mut()
        .zip([(b' ', "bad source port"), (b'\r', "bad destination port, or no CRLF behind it")])
    {
        let is_part = |byte: u8| byte.is_ascii_digit();
        let Some(text) = field(&mut rest, is_part, PORT_BYTES_MAX, end, why)? else { return Ok(None) };
        let padded = text.len() > 1 && text.starts_with('0');
        *port = text.parse().ok().filter(|_| !padded).ok_or(HeaderError::Line(why))?;
    }
    let Some(()) = expect(&mut rest, b"\n", HeaderError::Line("CR or LF without the other"))? else {
        return Ok(None);
    };
    let [Some(source), Some(destination)] = ips else { return Ok(None) };
    Ok(Some(Header::new(line_len - rest.len(), (source, ports[0]), (destination, ports[1]))))
}

/// Takes off a field and the byte `end` behind it.
fn field<'a>(
    rest: &mut &'a [u8],
    is_part: fn(u8) -> bool,
    max: usize,
    end: u8,
    why: &'static str,
) -> Step<&'a str> {
    let len = rest.iter().position(|&byte| !is_part(byte)).unwrap_or(rest.len());
    let (text, after) = rest.split_at(len);
    if len > max || after.first().is_some_and(|&byte| byte != end || len == 0) {
        return Err(HeaderError::Line(why));
    }
    if after.is_empty() {
        return Ok(None);
    }
    *rest = &after[1..];
    // All its characters are ASCII, by `is_part`.
    str::from_utf8(text).map(Some).map_err(|_| HeaderError::Line(why))
}

pub(super) fn write(endpoints: &Endpoints, out: &mut Vec<u8>) {
    let Endpoints { ips, source_port, destination_port } = endpoints;
    let written = match ips {
        Ips::V4([from, to]) => write!(out, "PROXY TCP4 {from} {to} {source_port} {destination_port}\r\n"),
        Ips::V6([from, to]) => {
            let (from, to) = (Groups(from), Groups(to));
            write!(out, "PROXY TCP6 {from} {to} {source_port} {destination_port}\r\n")
        }
    };
    written.expect("a vector takes whatever is written to it");
}

/// An address as eight groups. The specification knows groups of hexadecimal digits only; the usual text of an
/// IPv4-mapped address has its last two written as an IPv4 address.
struct Groups<'a>(&'a Ipv6Addr);

impl fmt::Display for Groups<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [s, t, u, v, w, x, y, z] = self.0.segments();
        write!(f, "{s:x}:{t:x}:{u:x}:{v:x}:{w:x}:{x:x}:{y:x}:{z:x}")
    }
}
