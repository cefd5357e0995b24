//! From host and path to whoever serves them.
//!
//! A router is built once per configuration and then only read. A look-up costs one hash of the host and one hash per
//! *length* of prefix that could match under it, however many hosts and prefixes there are; a host with a single `/` route
//! costs the first hash only. Nothing is allocated.

mod paths;

use ahash::AHashMap;
use paths::PathTable;

use crate::http1::limits::HOST_BYTES_MAX;

/// Longest host that is put in lower case on a small stack copy.
const SHORT_HOST_BYTES: usize = 64;

/// Which hosts a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostRule<'a> {
    /// This one, in any case, whatever the port.
    Exact(&'a str),
    /// Every host that has no matching route of its own, and requests without host.
    Any,
}

/// Why a set of routes cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Nothing would tell which one is meant.
    #[error(
        "two routes for host {host:?} and path prefix {prefix:?}: remove one, or give them different prefixes"
    )]
    Duplicate {
        /// `*` for any host.
        host: String,
        /// As given.
        prefix: String,
    },
    /// No request could match.
    #[error("path prefix {prefix:?} does not start with '/', or has a query: no request path can match it")]
    Prefix {
        /// As given.
        prefix: String,
    },
    /// No request could match.
    #[error(
        "host name {host:?} is empty, longer than 255 bytes, or has a port; ports belong to the listener"
    )]
    Host {
        /// As given.
        host: String,
    },
}

/// The routes of one listener; `T` is the handle of what they lead to.
#[derive(Debug, Clone)]
pub struct Router<T> {
    hosts: AHashMap<Box<[u8]>, PathTable<T>>,
    any: PathTable<T>,
}

impl<T: Copy> Router<T> {
    /// Builds the tables of `routes`: host, path prefix, target.
    ///
    /// A prefix matches whole path segments: `/api` matches `/api`, `/api/x` and `/api?x`, not `/apix`. A slash at its end
    /// makes no difference, and `/` matches everything, `*` included. Paths are compared as bytes, as they were received.
    pub fn build<'a>(
        routes: impl IntoIterator<Item = (HostRule<'a>, &'a str, T)>,
    ) -> Result<Router<T>, RouteError> {
        let mut router = Router { hosts: AHashMap::new(), any: PathTable::default() };
        for (host, prefix, target) in routes {
            let (table, host) = match host {
                HostRule::Any => (&mut router.any, "*"),
                HostRule::Exact(name) => {
                    let key = host_key(name).ok_or_else(|| RouteError::Host { host: name.to_string() })?;
                    (router.hosts.entry(key).or_default(), name)
                }
            };
            let Some(path) = paths::prefix_key(prefix) else {
                return Err(RouteError::Prefix { prefix: prefix.to_string() });
            };
            if table.insert(path, target).is_some() {
                return Err(RouteError::Duplicate { host: host.to_string(), prefix: prefix.to_string() });
            }
        }
        Ok(router)
    }

    /// The target for a request. `host` is the authority as received, with or without port, empty if there is none; `path`
    /// is the path with or without query.
    ///
    /// A host's own routes come first; where none of them matches the path, those for any host are tried. Under a host the
    /// longest matching prefix wins. A host longer than a DNS name can be matches nothing, not even a route for any host.
    #[inline]
    pub fn lookup(&self, host: &[u8], path: &[u8]) -> Option<T> {
        let host = bare_host(host);
        if host.len() > HOST_BYTES_MAX {
            return None;
        }
        let path = &path[..memchr::memchr(b'?', path).unwrap_or(path.len())];
        if !self.hosts.is_empty()
            && let Some(target) = self.paths_of(host).and_then(|table| table.lookup(path))
        {
            return Some(target);
        }
        self.any.lookup(path)
    }

    #[inline]
    fn paths_of(&self, host: &[u8]) -> Option<&PathTable<T>> {
        let has_upper = host.iter().fold(false, |upper, byte| upper | byte.is_ascii_uppercase());
        if !has_upper {
            self.hosts.get(host)
        } else if host.len() <= SHORT_HOST_BYTES {
            self.hosts.get(lower::<SHORT_HOST_BYTES>(host, &mut [0; SHORT_HOST_BYTES]))
        } else {
            self.hosts.get(lower::<HOST_BYTES_MAX>(host, &mut [0; HOST_BYTES_MAX]))
        }
    }
}

/// `host` without port and without the dot of a fully qualified name.
#[inline(always)]
fn bare_host(host: &[u8]) -> &[u8] {
    let host = match memchr::memrchr(b':', host) {
        // The colons of an address literal stand before its bracket.
        Some(colon) if !host[colon..].contains(&b']') => &host[..colon],
        _ => host,
    };
    host.strip_suffix(b".").unwrap_or(host)
}

/// `host` in lower case, in `copy`, which it fits.
#[inline(always)]
fn lower<'a, const N: usize>(host: &[u8], copy: &'a mut [u8; N]) -> &'a [u8] {
    let copy = &mut copy[..host.len()];
    copy.copy_from_slice(host);
    copy.make_ascii_lowercase();
    copy
}

/// What a configured host is stored under.
fn host_key(name: &str) -> Option<Box<[u8]>> {
    let bare = bare_host(name.as_bytes());
    let has_port = bare.len() + 1 < name.len();
    (!bare.is_empty() && bare.len() <= HOST_BYTES_MAX && !has_port).then(|| bare.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests;
