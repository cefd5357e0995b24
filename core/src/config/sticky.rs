//! Keeping a client at its backend: the cookie.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::defaults;
use super::word::words;

/// The cookie that keeps a client at its backend: `[clusters.NAME.sticky]`.
///
/// Its value is a keyed hash of the backend's sticky id: a client can neither choose a backend nor learn its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// Its name.
    pub cookie: Arc<str>,
    /// Holds the key of the hash; `None`: a key that is drawn at the start, so that a restart forgets who was where.
    pub secret_file: Option<PathBuf>,
    /// `Secure`: for https only.
    pub secure: bool,
    /// `HttpOnly`: not for scripts.
    pub http_only: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Max-Age`, in whole seconds; `None`: until the browser ends.
    pub max_age: Option<Duration>,
}

impl Default for Sticky {
    fn default() -> Sticky {
        Sticky {
            cookie: defaults::STICKY_COOKIE.into(),
            secret_file: None,
            secure: false,
            http_only: true,
            same_site: SameSite::default(),
            max_age: None,
        }
    }
}

/// With which requests of other sites a browser sends a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SameSite {
    /// The attribute is left out: as the browser likes.
    Unset,
    /// None of them.
    Strict,
    /// Those that lead here.
    #[default]
    Lax,
    /// All; needs `secure`.
    None,
}

words!(SameSite { Unset = "unset", Strict = "strict", Lax = "lax", None = "none" });
