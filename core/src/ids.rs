//! The names of listeners, clusters and backends.
//!
//! A name is 1 to [`ID_BYTES_MAX`] bytes of visible ASCII without `"`, `'`, `` ` ``, `\`, `/`, `?`, `#`, `%`, `,`
//! and `;`: so it stands unquoted and unescaped in a log line, a metric label, a segment of a URL path and a
//! comma-separated list. An address such as `[::1]:8080` is a valid name, which is what a backend without a name of
//! its own gets.
//!
//! A clone is a reference count, not a copy: names travel with every event and record.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest name, in bytes: with its neighbours it still fits a line of a terminal or of a log.
pub const ID_BYTES_MAX: usize = 128;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has no characters.
    #[error("a name needs at least one character")]
    Empty,
    /// The text is longer than [`ID_BYTES_MAX`].
    #[error("a name has at most {ID_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// The length of the text.
        bytes: usize,
    },
    /// The text has a character that names do without.
    #[error(
        "{character:?} at character {position} is not allowed in a name: \
         visible ASCII without \" ' ` \\ / ? # % , ;"
    )]
    Character {
        /// The first such character.
        character: char,
        /// Where it stands, the first character being 1.
        position: usize,
    },
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_BYTES_MAX {
        return Err(IdError::TooLong { bytes: text.len() });
    }
    match text.chars().enumerate().find(|(_, c)| !is_allowed(*c)) {
        Some((before, character)) => Err(IdError::Character { character, position: before + 1 }),
        None => Ok(()),
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '`' | '\\' | '/' | '?' | '#' | '%' | ',' | ';')
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name `text` stands for.
            ///
            /// # Errors
            ///
            /// When `text` is not a name as the module describes it.
            pub fn parse(text: &str) -> Result<$name, IdError> {
                check(text)?;
                Ok($name(Arc::from(text)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                $name::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = <Cow<'_, str>>::deserialize(deserializer)?;
                $name::parse(&text).map_err(de::Error::custom)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// The name of a cluster, unique in the process.
    ClusterId;
    /// The name of a backend, unique in its cluster.
    BackendId;
    /// The name of a listener, unique in the process.
    ListenerName;
}

impl From<SocketAddr> for BackendId {
    /// The name of a backend that was given none: its address.
    fn from(address: SocketAddr) -> BackendId {
        // An IPv6 scope is a number here (`[fe80::1%3]:80`), and `%` is the one character that names do without.
        let text = address.to_string().replace('%', "_");
        debug_assert_eq!(check(&text), Ok(()));
        BackendId(text.into())
    }
}

#[cfg(test)]
mod tests;
