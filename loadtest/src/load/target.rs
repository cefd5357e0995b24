//! What a load asks for: `http://host:port/path`.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// A parsed and resolved URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where connections go.
    pub address: SocketAddr,
    /// The `Host` of the requests.
    pub host: String,
    /// Path and query; starts with `/`.
    pub path: String,
}

/// A URL that can not be asked for.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is not one that this generator speaks.
    #[error("{0:?} is not a URL to ask for: write http://HOST:PORT/PATH (https is not supported)")]
    Url(String),
    /// Its host has no address.
    #[error("{host:?} can not be resolved: {error}")]
    Resolve {
        /// Host and port.
        host: String,
        /// What the resolver said.
        error: io::Error,
    },
}

impl Target {
    /// The root of whoever listens at `address`.
    #[must_use]
    pub fn root(address: SocketAddr) -> Target {
        Target { address, host: address.to_string(), path: "/".to_owned() }
    }

    /// Parses a URL and resolves its host; of several addresses, the first counts.
    ///
    /// # Errors
    /// When it is no `http` URL, or the host is unknown.
    pub fn parse(url: &str) -> Result<Target, TargetError> {
        let wrong = || TargetError::Url(url.to_owned());
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong());
        }
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.is_empty() || host.contains(['@', '#']) {
            return Err(wrong());
        }
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let with_port = if has_port { host.to_owned() } else { format!("{host}:80") };
        let resolved = with_port.to_socket_addrs().and_then(|mut addresses| {
            addresses.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it has no address"))
        });
        let address = resolved.map_err(|error| TargetError::Resolve { host: host.to_owned(), error })?;
        Ok(Target { address, host: host.to_owned(), path })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_an_address_a_host_and_a_path() {
        let target = Target::parse("http://127.0.0.1:8080/a/b?c=d#e").expect("valid");
        assert_eq!(target.address, "127.0.0.1:8080".parse().expect("an address"));
        assert_eq!((target.host.as_str(), target.path.as_str()), ("127.0.0.1:8080", "/a/b?c=d"));
        let target = Target::parse("http://[::1]?size=1").expect("valid");
        assert_eq!(target.address, "[::1]:80".parse().expect("an address"));
        assert_eq!((target.host.as_str(), target.path.as_str()), ("[::1]", "/?size=1"));
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for url in ["", "127.0.0.1:80", "https://127.0.0.1/", "http://", "http:///x", "http://127.0.0.1/a b"]
        {
            assert!(matches!(Target::parse(url), Err(TargetError::Url(_))), "{url}");
        }
        assert!(matches!(Target::parse("http://127.0.0.1:x/"), Err(TargetError::Resolve { .. })));
    }
}
