//! The four forms of a request target (RFC 9112 §3.2).

use super::authority::Authority;
use super::field;
use super::method::Method;

/// What a request target says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Path and query. `*`, or starts with `/`; but empty or starting with `?` for an absolute-form target without a path,
    /// and empty for an authority-form one.
    pub(super) path: &'a [u8],
    /// The authority of an absolute-form target, with the default port of its scheme; that of an authority-form one, with
    /// 0, which is no port.
    pub(super) absolute: Option<(Authority<'a>, u16)>,
}

impl<'a> Target<'a> {
    /// Reads the target of a request that is not CONNECT.
    pub(super) fn parse(method: Method<'_>, target: &'a [u8]) -> Result<Target<'a>, &'static str> {
        // One pass without branches: this runs over the longest part of most request lines.
        let bad =
            target.iter().fold(false, |bad, &byte| bad | (byte.wrapping_sub(0x21) > 0x5d) | (byte == b'#'));
        if bad {
            return Err("byte not allowed in the request target");
        }
        match target {
            [b'/', ..] => Ok(Target { path: target, absolute: None }),
            b"*" if method == Method::Options => Ok(Target { path: target, absolute: None }),
            b"*" => Err("target * with a method other than OPTIONS"),
            _ => Target::parse_absolute(method, target),
        }
    }

    /// Reads the target of a CONNECT: host and port, nothing else (RFC 9112 §3.2.3).
    #[cold]
    pub(super) fn parse_authority(target: &'a [u8]) -> Result<Target<'a>, &'static str> {
        match Authority::parse(target)? {
            authority @ Authority { port: Some(1..), .. } => {
                Ok(Target { path: b"", absolute: Some((authority, 0)) })
            }
            _ => Err("CONNECT without host and port"),
        }
    }

    #[cold]
    fn parse_absolute(method: Method<'_>, target: &'a [u8]) -> Result<Target<'a>, &'static str> {
        let colon = memchr::memchr(b':', target).ok_or("request target is neither a path nor a URL")?;
        let default_port = match &target[..colon] {
            scheme if field::is(scheme, b"http") => 80,
            scheme if field::is(scheme, b"https") => 443,
            _ => {
                return Err(
                    "request target with a scheme other than http and https, or authority-form without CONNECT",
                );
            }
        };
        let rest = target[colon..].strip_prefix(b"://").ok_or("URL without authority as request target")?;
        let end = rest.iter().position(|&byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = Authority::parse(authority)?;
        // RFC 9112 §3.2.4: OPTIONS for a URL without path asks about the server as a whole.
        let path = if path.is_empty() && method == Method::Options { b"*" } else { path };
        Ok(Target { path, absolute: Some((authority, default_port)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path, and an authority with its default port.
    type Read = (String, Option<(String, u16)>);

    fn path(method: Method<'_>, target: &str) -> Result<Read, &'static str> {
        let target = Target::parse(method, target.as_bytes())?;
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        Ok((text(target.path), target.absolute.map(|(authority, port)| (text(authority.bytes), port))))
    }

    #[test]
    fn each_form_gives_its_path_and_authority() {
        let at = |host: &str, port| Some((host.to_string(), port));
        for (method, target, path_want, absolute) in [
            (Method::Get, "/", "/", None),
            (Method::Get, "/a?b=/c", "/a?b=/c", None),
            (Method::Options, "*", "*", None),
            (Method::Get, "http://a/b", "/b", at("a", 80)),
            (Method::Get, "HTTPS://a:1/b?c", "/b?c", at("a:1", 443)),
            (Method::Get, "http://a", "", at("a", 80)),
            (Method::Get, "http://a?b", "?b", at("a", 80)),
            (Method::Options, "http://a", "*", at("a", 80)),
        ] {
            assert_eq!(path(method, target), Ok((path_want.to_string(), absolute)), "{target}");
        }
    }

    #[test]
    fn targets_that_are_of_no_form_are_refused() {
        for target in [
            "*",
            "a",
            "a:80",
            "a/b",
            "?a",
            "ftp://a/",
            "http:/a",
            "http:a",
            "http://",
            "http:///a",
            "http://u@a/",
            "http://u:p@a/",
            "http://a,b/",
            "http://a b/",
            "/a#b",
            "/\u{e9}",
            "/a\u{7f}",
            "/a\u{1}",
            "//a\\#",
        ] {
            assert!(path(Method::Get, target).is_err(), "{target:?}");
        }
    }
}
