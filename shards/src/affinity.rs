//! What of a request decides which backend it should get: the key that is hashed, and the cookie that keeps a client.

use std::net::IpAddr;

use ringway_core::config::HashKey;
use ringway_lb::stable_hash;

use crate::http1::Header;

/// Of a request, what keys are taken from.
#[derive(Clone, Copy)]
pub(crate) struct Traits<'a> {
    pub(crate) source: IpAddr,
    /// Path and query.
    pub(crate) target: &'a [u8],
    pub(crate) headers: &'a [Header<'a>],
}

impl<'a> Traits<'a> {
    /// Of a connection without requests.
    pub(crate) fn of_connection(source: IpAddr) -> Traits<'static> {
        Traits { source, target: &[], headers: &[] }
    }

    /// The hash of what `key` names; `None` if the request does not have it, and any backend will do.
    pub(crate) fn hash(&self, key: &HashKey) -> Option<u64> {
        match key {
            HashKey::Source => Some(source_hash(self.source)),
            HashKey::Uri => Some(self.target).filter(|target| !target.is_empty()).map(stable_hash),
            HashKey::Header(name) => self.header(name).map(stable_hash),
            HashKey::Cookie(name) => self.cookie(name).map(stable_hash),
        }
    }

    /// The value of the first field with this name.
    pub(crate) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let field = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        field.map(|header| header.value)
    }

    /// The value of the first cookie with this name (RFC 6265 section 4.2.1); names of cookies have a case.
    pub(crate) fn cookie(&self, name: &str) -> Option<&'a [u8]> {
        let fields = self.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("cookie"));
        let mut pairs = fields.flat_map(|header| header.value.split(|byte| *byte == b';'));
        pairs.find_map(|pair| {
            let value = pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(value.trim_ascii_end())
        })
    }
}

fn source_hash(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(address) => stable_hash(&address.octets()),
        IpAddr::V6(address) => stable_hash(&address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "192.0.2.7";

    fn with<T>(fields: &[(&'static str, &'static str)], test: impl FnOnce(Traits<'_>) -> T) -> T {
        let headers: Vec<_> =
            fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        test(Traits { source: SOURCE.parse().expect("an address"), target: b"/a?b", headers: &headers })
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_among_others() {
        for (field, value) in [
            ("id=7", Some("7")),
            ("a=b; id=7 ; c=d", Some("7")),
            ("xid=1;  id=a=b", Some("a=b")),
            ("id=; id=7", Some("")),
            ("ID=7", None),
            ("id", None),
            ("", None),
        ] {
            with(&[("Host", "h"), ("COOKIE", field)], |traits| {
                assert_eq!(traits.cookie("id"), value.map(str::as_bytes), "{field:?}");
            });
        }
        with(&[("cookie", "a=b"), ("cookie", "id=2")], |traits| {
            assert_eq!(traits.cookie("id"), Some(&b"2"[..]));
        });
    }

    #[test]
    fn what_is_hashed_is_what_the_key_names() {
        let user = HashKey::Header("x-user".into());
        let ann = with(&[("X-User", "ann")], |traits| traits.hash(&user));
        let bob = with(&[("x-user", "bob"), ("Cookie", "c=1")], |traits| traits.hash(&user));
        assert!(ann.is_some() && bob.is_some() && ann != bob);
        with(&[], |traits| {
            assert_eq!(traits.hash(&user), None);
            assert_eq!(traits.hash(&HashKey::Cookie("c".into())), None);
            assert_eq!(traits.hash(&HashKey::Uri), Some(stable_hash(b"/a?b")));
            assert_eq!(traits.hash(&HashKey::Source), Some(source_hash(SOURCE.parse().expect("an address"))));
            let mapped = "::ffff:192.0.2.7".parse().expect("an address");
            assert_eq!(traits.hash(&HashKey::Source), Some(source_hash(mapped)));
        });
        assert_eq!(Traits::of_connection(SOURCE.parse().expect("an address")).hash(&HashKey::Uri), None);
    }
}
