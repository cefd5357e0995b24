//! `host[:port]`, as it stands in a Host field or an absolute-form target (RFC 3986 §3.2, RFC 9110 §7.2).

use super::decimal;
use super::limits::HOST_BYTES_MAX;

/// Bytes of a registered name: unreserved, percent-encoding and sub-delims, but for the comma, at which a list parser
/// would split. Everything that ends an authority, hides one (`@`) or is not ASCII is left out.
const REG_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(
                byte as u8,
                b'-' | b'.'
                    | b'_'
                    | b'~'
                    | b'%'
                    | b'!'
                    | b'$'
                    | b'&'
                    | b'\''
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b';'
                    | b'='
            );
        byte += 1;
    }
    table
};

/// A valid authority without userinfo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    /// As it was received.
    pub bytes: &'a [u8],
    /// Without the port; an IPv6 literal keeps its brackets. In the case it was received.
    pub host: &'a [u8],
    /// The port, if one was given.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses `host[:port]`. The host must not be empty.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Authority<'a>, &'static str> {
        let host_len = match bytes.first() {
            Some(b'[') => literal_len(bytes)?,
            _ => bytes.iter().position(|&byte| !REG_NAME[byte as usize]).unwrap_or(bytes.len()),
        };
        let (host, rest) = bytes.split_at(host_len);
        if host.is_empty() {
            return Err("empty host name");
        }
        if host.len() > HOST_BYTES_MAX {
            return Err("host name longer than 255 bytes");
        }
        let port = match rest {
            [] | [b':'] => None,
            [b':', digits @ ..] => {
                let port =
                    decimal::parse(digits, u64::from(u16::MAX)).ok_or("invalid port after the host name")?;
                Some(port as u16)
            }
            _ => return Err("byte not allowed in a host name"),
        };
        Ok(Authority { bytes, host, port })
    }

    /// Whether both mean the same place, when a missing port means `default_port`.
    pub(super) fn is_same(&self, other: &Authority<'_>, default_port: u16) -> bool {
        self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
            && self.host.eq_ignore_ascii_case(other.host)
    }
}

/// The length of the `[…]` at the start of `bytes`. Its inside is only checked for its alphabet: whether it is an address
/// matters to whoever resolves it, and nobody does.
fn literal_len(bytes: &[u8]) -> Result<usize, &'static str> {
    let close =
        bytes.iter().position(|&byte| byte == b']').ok_or("address literal without closing bracket")?;
    let inside = &bytes[1..close];
    if inside.is_empty() || !inside.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
    {
        return Err("byte not allowed in an address literal");
    }
    Ok(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_told_apart() {
        for (text, host, port) in [
            ("example.com", "example.com", None),
            ("Example.com:8080", "Example.com", Some(8080)),
            ("example.com.", "example.com.", None),
            ("example.com:", "example.com", None),
            ("192.0.2.1:80", "192.0.2.1", Some(80)),
            ("[2001:db8::1]", "[2001:db8::1]", None),
            ("[2001:db8::1]:65535", "[2001:db8::1]", Some(65535)),
            ("a_b-c~d", "a_b-c~d", None),
        ] {
            let authority =
                Authority::parse(text.as_bytes()).unwrap_or_else(|reason| panic!("{text}: {reason}"));
            assert_eq!((authority.host, authority.port), (host.as_bytes(), port), "{text}");
            assert_eq!(authority.bytes, text.as_bytes());
        }
    }

    #[test]
    fn what_another_parser_could_split_is_refused() {
        for text in [
            "",
            ":80",
            "a,b",
            "a, b",
            "user@a",
            "user:pw@a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a b",
            "a\tb",
            "a\0",
            "é",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:-1",
            "a:+1",
            "a: 80",
            "[::1",
            "[]",
            "[::1]x",
            "[::g]",
            "[::1]:",
            "2001:db8::1",
            "<a>",
            "\"a\"",
        ] {
            let parsed = Authority::parse(text.as_bytes());
            // An empty port is legal after an address literal too.
            assert_eq!(parsed.is_ok(), text == "[::1]:", "{text:?}");
        }
        assert!(Authority::parse(&[b'a'; 255]).is_ok());
        assert!(Authority::parse(&[b'a'; 256]).is_err());
    }

    #[test]
    fn the_default_port_and_the_case_make_no_difference() {
        let parse = |text: &'static str| Authority::parse(text.as_bytes()).expect("valid");
        assert!(parse("Example.com").is_same(&parse("example.COM:80"), 80));
        assert!(!parse("example.com").is_same(&parse("example.com:80"), 443));
        assert!(!parse("example.com").is_same(&parse("example.org"), 80));
    }
}
