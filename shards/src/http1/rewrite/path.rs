//! A path whose matched prefix is replaced.

/// Another prefix in the place of the one that a route matched.
///
/// The path (what is before the first `?`) is the old prefix and a rest, which is empty or starts with `/`. The new path is
/// the new prefix and the rest, with exactly one `/` between them however many the rest starts with: `//host` at the start of
/// a path is a host to whoever takes it for a reference (RFC 3986 §4.2), and stripping must not make one. It starts with one
/// `/`. Everything else, `//` further behind, `..` and the query included, stays as it is.
///
/// | old | new | path | becomes |
/// |---|---|---|---|
/// | `/api` | `/` | `/api`, `/api/`, `/api//` | `/` |
/// | `/api` | `/` | `/api//x?y=//z` | `/x?y=//z` |
/// | `/api` | `/v2` | `/api`, `/api/x` | `/v2`, `/v2/x` |
/// | `/api` | `/v2/` | `/api`, `/api/x` | `/v2/`, `/v2/x` |
/// | `/` | `/v2` | `/`, `/x` | `/v2/`, `/v2/x` |
///
/// What the old prefix does not match, `*` among it, is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix {
    /// Without slashes at its end: matches in whole segments.
    old: Box<[u8]>,
    /// Starts with exactly one slash.
    new: Box<[u8]>,
}

impl Prefix {
    pub(super) fn new(old: &str, new: &str) -> Prefix {
        let new = format!("/{}", new.trim_start_matches('/'));
        Prefix { old: old.trim_end_matches('/').as_bytes().into(), new: new.into_bytes().into() }
    }

    /// Bytes that the new path has at most beyond those of the old one.
    pub(super) fn len(&self) -> usize {
        self.new.len() + 1
    }

    /// Appends what `target`, path and query, becomes. `false`: nothing, as it is none of those the prefix matches.
    pub(super) fn push(&self, target: &[u8], out: &mut Vec<u8>) -> bool {
        let path_len = memchr::memchr(b'?', target).unwrap_or(target.len());
        let (path, query) = target.split_at(path_len);
        // A URL without path means its root.
        let path = if path.is_empty() { b"/" } else { path };
        let Some(rest) = path.strip_prefix(&*self.old) else { return false };
        match rest {
            [] => out.extend_from_slice(&self.new),
            [b'/', ..] => {
                let start = rest.iter().position(|&byte| byte != b'/').unwrap_or(rest.len());
                out.extend_from_slice(self.new.strip_suffix(b"/").unwrap_or(&self.new));
                out.push(b'/');
                out.extend_from_slice(&rest[start..]);
            }
            _ => return false,
        }
        out.extend_from_slice(query);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replaced(old: &str, new: &str, target: &str) -> Option<String> {
        let mut out = Vec::new();
        let replaced = Prefix::new(old, new).push(target.as_bytes(), &mut out);
        replaced.then(|| String::from_utf8(out).expect("ASCII"))
    }

    #[test]
    fn a_prefix_is_stripped_or_replaced_and_the_rest_stays() {
        for (old, new, target, want) in [
            ("/api", "/", "/api", "/"),
            ("/api", "/", "/api/", "/"),
            ("/api", "/", "/api?a=/b", "/?a=/b"),
            ("/api", "/", "/api/x/../y;z//?a?b", "/x/../y;z//?a?b"),
            ("/api/", "/", "/api/x", "/x"),
            ("/api/", "/", "/api", "/"),
            ("/api", "/v2", "/api", "/v2"),
            ("/api", "/v2", "/api/", "/v2/"),
            ("/api", "/v2", "/api/x", "/v2/x"),
            ("/api", "/v2/", "/api", "/v2/"),
            ("/api", "/v2/", "/api/x?y", "/v2/x?y"),
            ("/", "/v2", "/", "/v2/"),
            ("/", "/v2", "/x", "/v2/x"),
            ("/", "/v2", "", "/v2/"),
            ("/", "/v2", "?a", "/v2/?a"),
            ("/a/b", "/c", "/a/b/b", "/c/b"),
        ] {
            assert_eq!(replaced(old, new, target).as_deref(), Some(want), "{old} {new} {target}");
        }
    }

    #[test]
    fn what_looks_like_a_host_is_not_left_at_the_start() {
        for target in ["/api//evil.example", "/api///evil.example", "/api////evil.example"] {
            assert_eq!(replaced("/api", "/", target).as_deref(), Some("/evil.example"), "{target}");
            assert_eq!(replaced("/api", "//", target).as_deref(), Some("/evil.example"), "{target}");
        }
        assert_eq!(replaced("/", "/", "//evil.example").as_deref(), Some("/evil.example"));
        assert_eq!(replaced("/api", "/", "/api//?//").as_deref(), Some("/?//"));
    }

    #[test]
    fn what_is_not_below_the_prefix_is_left_alone() {
        for target in ["*", "/", "/ap", "/apix", "/x/api", "/%61pi/x", "", "?/api"] {
            assert_eq!(replaced("/api", "/", target), None, "{target}");
        }
        assert_eq!(replaced("/", "/v2", "*"), None);
    }

    proptest! {
        #[test]
        fn a_replaced_path_starts_with_one_slash_and_keeps_its_end(
            old in "(/[ab]{0,2}){1,3}/{0,2}", new in "/{1,3}([ab]{1,2}/{0,2})?", rest in "/{0,3}[ab/.?]{0,6}",
        ) {
            let target = format!("{}/{rest}", old.trim_end_matches('/'));
            let replaced = replaced(&old, &new, &target).expect("it matches");
            prop_assert!(replaced.starts_with('/') && !replaced.starts_with("//"), "{}", replaced);
            prop_assert!(replaced.ends_with(rest.trim_start_matches('/')), "{} of {}", replaced, target);
        }
    }
}
