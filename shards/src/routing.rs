//! From what a request asks for to whoever serves it.
//!
//! A router is built once per configuration and listener and then only read, by all shards.
//!
//! # Which rule wins
//!
//! Of all the rules that a request fits wholly, the most specific one:
//!
//! 1. **Host**: exact; then `*.` wildcards, the longest suffix first; then any host.
//! 2. **Path**: exact; then patterns, in the order in which their host's rules name them; then prefixes, the longest first.
//! 3. **Predicates** on fields and query: more of them come first.
//! 4. **Methods**: rules that name some come first.
//! 5. The order given.
//!
//! A rule whose method or predicates do not fit is as if it were not there: the search goes on with the next rule of the
//! same path, then with the next less specific path, then with the next less specific host. So a host's own rules come
//! before those of a wildcard, however specific the latter's paths are, and where none of them fits, the wildcard's do.
//!
//! # What is compared
//!
//! * **Hosts** without case, port and final dot. `*.a.b` is for every host that ends in `.a.b` and has something before it.
//!   A host longer than a DNS name can be matches nothing, not even a rule for any host.
//! * **Paths** as bytes, as received, up to the `?`; an empty one means `/`. A prefix matches whole segments: `/api` matches
//!   `/api`, `/api/x` and `/api?x`, not `/apix`. A slash at its end makes no difference, and `/` matches everything, `*`
//!   included. An exact path is taken literally: `/api` is not `/api/`.
//! * **Patterns** from the first byte to the last, as bytes: [`ringway_core::Pattern`].
//! * **Fields** by name without case, by value as bytes, each field line by itself: lists are not taken apart. Where there
//!   are several of a name, one suffices.
//! * **Query parameters** as they are on the wire, nothing is decoded: pieces between `&`, the name up to the first `=`;
//!   one without `=` has an empty value. Where there are several of a name, one suffices.
//!
//! # Cost
//!
//! One hash of the host; with wildcards one more per number of labels that a wildcard has; under a host one hash per
//! *length* of prefix that could match. A host whose only rule is for every request costs the first hash only. Nothing
//! depends on the number of hosts, and 1,000 prefixes share a few dozen lengths. Only patterns under one host, and rules
//! with one path, are tried one after the other.
//!
//! Nothing is allocated once a shard has used each pattern: a pattern takes its scratch space when first used, and one too
//! large for a table of all its states makes those as texts first need them, within a bound.

mod build;
mod conditions;
mod error;
mod hosts;
mod map;
mod paths;
mod patterns;

use ringway_core::config::Match;

use conditions::{Conditions, Rule};
use hosts::{Depths, Known};
use map::ScopedMap;
use paths::Paths;
use patterns::Patterns;

pub use error::RouteError;
pub use patterns::Cache;

use crate::http1::Header;
use crate::http1::limits::HOST_BYTES_MAX;

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The authority as received, with or without port; empty if there is none.
    pub host: &'a [u8],
    /// Path and query, raw.
    pub path: &'a [u8],
    /// Its method, as received.
    pub method: &'a [u8],
    /// Its fields, as received.
    pub headers: &'a [Header<'a>],
}

/// The rules of one listener; `T` is the handle of what they lead to.
#[derive(Debug)]
pub struct Router<T> {
    /// Exact and wildcard hosts.
    hosts: ScopedMap<Known<T>>,
    /// How many labels the wildcards have.
    wildcards: Depths,
    any: Option<Known<T>>,
    paths: Paths,
    /// Rules of one path stand side by side, in their order of precedence.
    rules: Box<[Rule<T>]>,
    conditions: Box<[Conditions]>,
    patterns: Patterns,
}

impl<T: Copy> Router<T> {
    /// Compiles rules, given in their order: what a request must be like, and where it goes then.
    ///
    /// # Errors
    /// When a rule can never match, when two are for exactly the same requests, or when a pattern is none.
    pub fn build<'a>(rules: impl IntoIterator<Item = (&'a Match, T)>) -> Result<Router<T>, RouteError> {
        build::build(rules)
    }

    /// What a shard needs for look-ups in this router.
    #[must_use]
    pub fn cache(&self) -> Cache {
        self.patterns.cache()
    }

    /// Where a request goes; `None`: no rule fits it. `cache` is best this router's; another's is replaced when a
    /// pattern needs it.
    #[inline]
    pub fn lookup(&self, asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
        let host = hosts::bare(asked.host);
        if host.len() > HOST_BYTES_MAX {
            return None;
        }
        if !self.hosts.is_empty()
            && let Some(target) = hosts::in_lower_case(host, |host| self.by_name(host, asked, cache))
        {
            return Some(target);
        }
        self.of_host(self.any?, asked, cache)
    }

    #[inline]
    fn by_name(&self, host: &[u8], asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
        if let Some(known) = self.hosts.get(hosts::EXACT, host)
            && let Some(target) = self.of_host(known, asked, cache)
        {
            return Some(target);
        }
        if self.wildcards.is_empty() { None } else { self.by_suffix(host, asked, cache) }
    }

    fn by_suffix(&self, host: &[u8], asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
        self.wildcards
            .suffixes(host)
            .filter_map(|suffix| self.hosts.get(hosts::WILDCARD, suffix))
            .find_map(|known| self.of_host(known, asked, cache))
    }

    #[inline(always)]
    fn of_host(&self, known: Known<T>, asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
        match known {
            Known::Always(target) => Some(target),
            Known::Paths(table) => self.by_path(table, asked, cache),
        }
    }

    fn by_path(&self, table: u32, asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
        let (path, query) = paths::split(asked.path);
        if let Some(rules) = self.paths.exact(table, path)
            && let Some(target) = self.first_fit(rules, asked, query, cache)
        {
            return Some(target);
        }
        for of_pattern in self.paths.patterns(table) {
            if self.patterns.matches(of_pattern.pattern, path, cache)
                && let Some(target) = self.first_fit(of_pattern.rules, asked, query, cache)
            {
                return Some(target);
            }
        }
        self.paths.prefixes(table, path).find_map(|rules| self.first_fit(rules, asked, query, cache))
    }

    /// The first of a path's rules whose method and predicates fit.
    #[inline]
    fn first_fit(
        &self,
        rules: paths::Rules,
        asked: &Asked<'_>,
        query: &[u8],
        cache: &mut Cache,
    ) -> Option<T> {
        for rule in &self.rules[rules.first()..] {
            let fits = match rule.conditions {
                None => true,
                Some(at) => self.conditions[at.index()].hold(asked, query, &self.patterns, cache),
            };
            if fits {
                return Some(rule.target);
            }
            if rule.is_last {
                break;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
