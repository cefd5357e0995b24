//! Why a set of rules cannot be served.

use ringway_core::PatternError;
use ringway_core::config::{Match, PathMatch};

/// How much of a pattern an error shows, in characters: one that is too long would flood the terminal.
const PATTERN_CHARS_SHOWN: usize = 256;

/// Why a set of rules cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Nothing would tell which one is meant.
    #[error(
        "two rules for host {host:?} and path {path:?} with the same methods and predicates: remove one, or tell them apart"
    )]
    Duplicate {
        /// `*` for any host.
        host: String,
        /// As given: a path, a prefix or a pattern.
        path: String,
    },
    /// What is to be removed is not there.
    #[error(
        "there is no rule for host {host:?} and path {path:?} with these methods and predicates: nothing to remove"
    )]
    Unknown {
        /// `*` for any host.
        host: String,
        /// As given: a path, a prefix or a pattern.
        path: String,
    },
    /// No request could match.
    #[error("path {path:?} does not start with '/', or has a query: no request path can match it")]
    Path {
        /// As given.
        path: String,
    },
    /// No request could match.
    #[error(
        "host name {host:?} is empty, longer than 255 bytes, or has a port; ports belong to the listener, and a wildcard \
         is \"*.\" and a name"
    )]
    Host {
        /// As given.
        host: String,
    },
    /// It cannot be compiled.
    #[error("pattern {pattern:?}: {error}")]
    Pattern {
        /// As given; its beginning, if it is long.
        pattern: String,
        /// What is wrong with it.
        error: PatternError,
    },
    /// Tables address with 32 bits.
    #[error(
        "the rules of one listener, or their texts, exceed what 32 bits can count: use several listeners"
    )]
    TooMany,
}

impl RouteError {
    pub(super) fn pattern(pattern: &str, error: PatternError) -> RouteError {
        RouteError::Pattern { pattern: pattern.chars().take(PATTERN_CHARS_SHOWN).collect(), error }
    }

    pub(super) fn duplicate(matching: &Match) -> RouteError {
        RouteError::Duplicate { host: matching.hostname.to_string(), path: path_text(matching) }
    }

    pub(super) fn unknown(matching: &Match) -> RouteError {
        RouteError::Unknown { host: matching.hostname.to_string(), path: path_text(matching) }
    }

    pub(super) fn path(matching: &Match) -> RouteError {
        RouteError::Path { path: path_text(matching) }
    }

    pub(super) fn host(matching: &Match) -> RouteError {
        RouteError::Host { host: matching.hostname.to_string() }
    }
}

/// The path of a rule, as it was given.
fn path_text(matching: &Match) -> String {
    let (PathMatch::Prefix(text) | PathMatch::Exact(text) | PathMatch::Regex(text)) = &matching.path;
    String::from(&**text)
}
