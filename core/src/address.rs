//! Where a backend listens: an IP address with its port, or a UNIX socket.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest path of a UNIX socket, in bytes: `sun_path` of unix(7) without its closing NUL.
pub const UNIX_PATH_BYTES_MAX: usize = 107;

/// What the text of a UNIX socket's address starts with.
const UNIX: &str = "unix:";

/// The address of a server. A clone is at most a reference count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// TCP.
    Ip(SocketAddr),
    /// A stream socket in the file system, by its absolute path.
    Unix(Arc<Path>),
}

/// Why a text is not an [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither form.
    #[error("neither IP:port nor unix:/path")]
    Form,
    /// The path of a socket does not start with `/`.
    #[error("the path of a UNIX socket must be absolute")]
    Relative,
    /// The path of a socket does not fit the kernel's structure.
    #[error("the path of a UNIX socket has at most {UNIX_PATH_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// The length of the path.
        bytes: usize,
    },
    /// The kernel would end the path there.
    #[error("the path of a UNIX socket has no NUL")]
    Nul,
}

impl Address {
    /// The IP address, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Address::Ip(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Ip(address)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let Some(path) = text.strip_prefix(UNIX) else {
            return text.parse().map(Address::Ip).map_err(|_| AddressError::Form);
        };
        match path {
            _ if !path.starts_with('/') => Err(AddressError::Relative),
            _ if path.len() > UNIX_PATH_BYTES_MAX => Err(AddressError::TooLong { bytes: path.len() }),
            _ if path.contains('\0') => Err(AddressError::Nul),
            _ => Ok(Address::Unix(Arc::from(Path::new(path)))),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        <Cow<'_, str>>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_comes_back_as_it_was_written() {
        for text in ["127.0.0.1:80", "[::1]:8080", "unix:/run/app.sock"] {
            assert_eq!(text.parse::<Address>().expect("an address").to_string(), text);
        }
    }

    #[test]
    fn what_no_socket_can_have_is_refused() {
        let long = format!("unix:/{}", "x".repeat(UNIX_PATH_BYTES_MAX));
        for (text, error) in [
            ("localhost:80", AddressError::Form),
            ("/run/app.sock", AddressError::Form),
            ("unix:run/app.sock", AddressError::Relative),
            ("unix:", AddressError::Relative),
            ("unix:/a\0b", AddressError::Nul),
            (&long, AddressError::TooLong { bytes: UNIX_PATH_BYTES_MAX + 1 }),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text:?}");
        }
    }
}
