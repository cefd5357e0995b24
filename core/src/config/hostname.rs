//! The host a frontend answers for.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

/// The longest host name, in bytes (RFC 1035 section 3.1, without the root's dot).
const HOST_BYTES_MAX: usize = 253;
/// The longest label of a host name, in bytes (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// Which hosts a frontend answers for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hostname {
    /// Every host, also a request that names none.
    Any,
    /// One host: lower case, without port and without the root's trailing dot; an IPv6 address in brackets.
    Exact(Arc<str>),
    /// Every host that has at least one label where this has `*`: `*.` and a name in lower case.
    Wildcard(Arc<str>),
}

/// Why a text is not a [`Hostname`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// The text has no characters.
    #[error("a host name needs at least one character")]
    Empty,
    /// The text is longer than a host name can be.
    #[error("a host name has at most {HOST_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// The length of the text.
        bytes: usize,
    },
    /// A `*` that is neither the whole text nor its first label.
    #[error("a * stands for the first labels of a host name only")]
    Wildcard,
    /// The text ends in a port.
    #[error("a host name has no port")]
    Port,
    /// The text is a URL.
    #[error("a host name has no scheme and no path")]
    Url,
    /// A letter of another alphabet.
    #[error("{character:?} is not ASCII")]
    NotAscii {
        /// The first such character.
        character: char,
    },
    /// Between two dots, or a dot and an end, stands no valid label.
    #[error("{label:?} is not a label of a host name: 1 to 63 of a-z, 0-9, - and _, no - at its ends")]
    Label {
        /// The first such part.
        label: String,
    },
    /// Brackets without an IPv6 address.
    #[error("no IPv6 address stands in the brackets")]
    Ipv6,
}

impl HostnameError {
    /// What to write instead, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            HostnameError::Empty => Some("write \"*\" for every host"),
            HostnameError::Wildcard => Some("write \"*.example.com\", or \"*\" for every host"),
            HostnameError::Port => Some("write the host alone; `listeners` selects the port"),
            HostnameError::Url => Some("write the host alone; `path_prefix` selects the path"),
            HostnameError::NotAscii { .. } => {
                Some("write the name as it is on the wire, with \"xn--\" labels")
            }
            HostnameError::TooLong { .. } | HostnameError::Label { .. } | HostnameError::Ipv6 => None,
        }
    }
}

impl Hostname {
    /// The host `text` stands for: `*`, `*.` and a name, a name in any case, or an address.
    ///
    /// # Errors
    ///
    /// When `text` is none of these.
    pub fn parse(text: &str) -> Result<Hostname, HostnameError> {
        if text == "*" {
            return Ok(Hostname::Any);
        }
        if text.starts_with('[') {
            return ipv6(text);
        }
        let host = text.strip_suffix('.').unwrap_or(text);
        if host.is_empty() {
            return Err(HostnameError::Empty);
        }
        let (wildcard, name) = match host.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, host),
        };
        if name.contains('*') {
            return Err(HostnameError::Wildcard);
        }
        if host.contains('/') {
            return Err(HostnameError::Url);
        }
        if let Some((_, port)) = host.rsplit_once(':')
            && port.parse::<u16>().is_ok()
        {
            return Err(HostnameError::Port);
        }
        if let Some(character) = host.chars().find(|c| !c.is_ascii()) {
            return Err(HostnameError::NotAscii { character });
        }
        if host.len() > HOST_BYTES_MAX {
            return Err(HostnameError::TooLong { bytes: host.len() });
        }
        if let Some(label) = name.split('.').find(|label| !is_label(label)) {
            return Err(HostnameError::Label { label: label.to_owned() });
        }
        let host = host.to_ascii_lowercase().into();
        Ok(if wildcard { Hostname::Wildcard(host) } else { Hostname::Exact(host) })
    }

    /// The host as text; `*` for [`Hostname::Any`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Hostname::Any => "*",
            Hostname::Exact(host) | Hostname::Wildcard(host) => host,
        }
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An underscore is no letter of RFC 952, but names with one are in use and resolve.
fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn ipv6(text: &str) -> Result<Hostname, HostnameError> {
    let Some((inside, after)) = text[1..].split_once(']') else {
        return Err(HostnameError::Ipv6);
    };
    if after.starts_with(':') {
        return Err(HostnameError::Port);
    }
    match inside.parse::<Ipv6Addr>() {
        Ok(address) if after.is_empty() => Ok(Hostname::Exact(format!("[{address}]").into())),
        _ => Err(HostnameError::Ipv6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Result<Hostname, HostnameError> {
        Ok(Hostname::Exact(text.into()))
    }

    #[test]
    fn one_host_has_one_form() {
        assert_eq!(Hostname::parse("*"), Ok(Hostname::Any));
        assert_eq!(Hostname::parse("API.Example.com"), exact("api.example.com"));
        assert_eq!(Hostname::parse("api.example.com."), exact("api.example.com"));
        assert_eq!(Hostname::parse("10.0.0.1"), exact("10.0.0.1"));
        assert_eq!(Hostname::parse("[0:0::1]"), exact("[::1]"));
        assert_eq!(Hostname::parse("my_host"), exact("my_host"));
        assert_eq!(Hostname::parse("*.Example.com."), Ok(Hostname::Wildcard("*.example.com".into())));
    }

    #[test]
    fn what_is_no_host_says_why() {
        let label = |label: &str| HostnameError::Label { label: label.to_owned() };
        for (text, error) in [
            ("", HostnameError::Empty),
            (".", HostnameError::Empty),
            ("a.*.com", HostnameError::Wildcard),
            ("*.*.com", HostnameError::Wildcard),
            ("*a.com", HostnameError::Wildcard),
            ("**", HostnameError::Wildcard),
            ("*.", HostnameError::Wildcard),
            ("*..com", label("")),
            ("*.example.com:80", HostnameError::Port),
            ("example.com:8080", HostnameError::Port),
            ("[::1]:8080", HostnameError::Port),
            ("http://example.com", HostnameError::Url),
            ("[::1", HostnameError::Ipv6),
            ("[1.2.3.4]", HostnameError::Ipv6),
            ("[::1]x", HostnameError::Ipv6),
            ("bücher.example", HostnameError::NotAscii { character: 'ü' }),
            ("a..b", label("")),
            ("-a.b", label("-a")),
            ("a.b-", label("b-")),
            ("a b.c", label("a b")),
        ] {
            assert_eq!(Hostname::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Hostname::parse(&"a.".repeat(200)), Err(HostnameError::TooLong { bytes: 399 }));
        assert!(matches!(Hostname::parse(&"a".repeat(64)), Err(HostnameError::Label { .. })));
    }
}
