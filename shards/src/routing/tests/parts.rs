//! Rules and requests in few words.

use ringway_core::config::{Hostname, Match, PathMatch, Predicate, Test};

use crate::routing::{Asked, RouteError, Router};

pub(super) fn any() -> Match {
    Match::any()
}

/// Every path of a host, or of a wildcard.
pub(super) fn host(name: &str) -> Match {
    let hostname = match name {
        wildcard if wildcard.starts_with("*.") => Hostname::Wildcard(name.into()),
        _ => Hostname::Exact(name.into()),
    };
    Match { hostname, ..Match::any() }
}

/// A path of any host.
pub(super) fn path(path: PathMatch) -> Match {
    Match { path, ..Match::any() }
}

pub(super) fn exact(path: &str) -> PathMatch {
    PathMatch::Exact(path.into())
}

pub(super) fn prefix(path: &str) -> PathMatch {
    PathMatch::Prefix(path.into())
}

pub(super) fn regex(pattern: &str) -> PathMatch {
    PathMatch::Regex(pattern.into())
}

/// What a field, or a parameter, must be like: `name`, `!name`, `name=value`, `name^start` or `name~pattern`.
pub(super) fn predicate(text: &str) -> Predicate {
    let (name, test) = match text.find(['=', '^', '~']) {
        None if text.starts_with('!') => (&text[1..], Test::Absent),
        None => (text, Test::Present),
        Some(at) => {
            let value = text[at + 1..].into();
            let test = match text.as_bytes()[at] {
                b'=' => Test::Equals(value),
                b'^' => Test::Prefix(value),
                _ => Test::Regex(value),
            };
            (&text[..at], test)
        }
    };
    Predicate { name: name.into(), test }
}

/// A router whose targets are the numbers of the rules.
pub(super) fn build(rules: &[Match]) -> Result<Router<u32>, RouteError> {
    Router::build(rules.iter().zip(0..))
}

pub(super) fn router(rules: impl IntoIterator<Item = Match>) -> Router<u32> {
    build(&rules.into_iter().collect::<Vec<_>>()).expect("valid rules")
}

pub(super) fn asked<'a>(host: &'a str, path: &'a str) -> Asked<'a> {
    Asked { host: host.as_bytes(), path: path.as_bytes(), method: b"GET", headers: &[] }
}

/// Where a GET without fields goes.
pub(super) fn get(router: &Router<u32>, host: &str, path: &str) -> Option<u32> {
    router.lookup(&asked(host, path), &mut router.cache())
}
