//! From what a request asks for to whoever serves it.
//!
//! Each listener has one, which all shards read. A change of the configuration makes a new one of it, [`Router::edit`], which
//! shares with the old one whatever it does not touch.
//!
//! # Which rule wins
//!
//! Of all the rules that a request fits wholly, the most specific one:
//!
//! 1. **Host**: exact; then `*.` wildcards, the longest suffix first; then any host.
//! 2. **Path**: exact; then patterns, in the order in which their host's rules name them; then prefixes, the longest first.
//! 3. **Predicates** on fields and query: more of them come first.
//! 4. **Methods**: rules that name some come first.
//! 5. The order given. Each rule has a number for that; where two have the same, either may come first.
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
//! An edit costs what building the rules costs that fall into the same buckets as the hosts edited, one in 256 of all, and
//! those for any host if some of them change; and the copy of as many pointers.
//!
//! Nothing is allocated once a shard has used each pattern: a pattern takes its scratch space when first used, and one too
//! large for a table of all its states makes those as texts first need them, within a bound.

mod bucket;
mod build;
mod conditions;
mod draft;
mod edit;
mod error;
mod hosts;
mod map;
mod paths;
mod patterns;

use std::borrow::Borrow;
use std::sync::Arc;

use ringway_core::config::Match;

use bucket::Bucket;
use hosts::{Depths, Known};
use patterns::Book;

pub use error::RouteError;
pub use patterns::Cache;

use crate::http1::Header;
use crate::http1::limits::HOST_BYTES_MAX;

/// Among how many buckets hosts are spread; a power of two. Of 100,000 hosts, 400 are built anew when one changes: 75 µs.
/// With 1,024 buckets it is 28 µs, but the heads of that many do not stay in the processor's nearest cache: a look-up among
/// 1,000,000 hosts takes 2 to 3 ns more.
const BUCKETS: usize = 256;

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
    /// For hosts, the same in all that edits lead to.
    hasher: ahash::RandomState,
    /// How many hosts have rules, wildcards included.
    names: usize,
    wildcards: Depths,
    /// Hosts by their hash; `None`: none fall there.
    buckets: Box<[Option<Arc<Bucket<T>>>; BUCKETS]>,
    any: Option<Arc<Bucket<T>>>,
    book: Arc<Book>,
}

impl<T: Copy> Default for Router<T> {
    fn default() -> Router<T> {
        Router::new()
    }
}

impl<T: Copy> Router<T> {
    /// A router without rules.
    #[must_use]
    pub fn new() -> Router<T> {
        Router::with_hasher(ahash::RandomState::new())
    }

    fn with_hasher(hasher: ahash::RandomState) -> Router<T> {
        Router {
            hasher,
            names: 0,
            wildcards: Depths::default(),
            buckets: Box::new([const { None }; BUCKETS]),
            any: None,
            book: Arc::default(),
        }
    }

    /// Compiles rules, given in their order: what a request must be like, and where it goes then.
    ///
    /// # Errors
    /// When a rule can never match, when two are for exactly the same requests, or when a pattern is none.
    pub fn build<'a>(rules: impl IntoIterator<Item = (&'a Match, T)>) -> Result<Router<T>, RouteError> {
        Router::new()
            .edit([], rules.into_iter().zip(0..).map(|((matching, target), order)| (matching, order, target)))
    }

    /// This router without the rules for exactly the requests `removed`, and then with those `added`: what a request must be
    /// like, the number that orders it among rules which nothing else does, and where it goes. This one stays as it is.
    ///
    /// # Errors
    /// When a rule to be removed is not there, and what [`Router::build`] refuses.
    pub fn edit<'a, M: Borrow<Match>>(
        &self,
        removed: impl IntoIterator<Item = &'a Match>,
        added: impl IntoIterator<Item = (M, u64, T)>,
    ) -> Result<Router<T>, RouteError> {
        edit::edit(self, removed, added)
    }

    /// What a shard needs for look-ups in this router, and in all that edits make of it: it keeps what it learnt of patterns
    /// that stay.
    #[must_use]
    pub fn cache(&self) -> Cache {
        Cache::with_slots(self.book.slots())
    }

    /// Where a request goes; `None`: no rule fits it. `cache` is best one for this router, or for one that an edit made
    /// this of; with another's, patterns are cloned anew.
    #[inline]
    pub fn lookup(&self, asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
        let host = hosts::bare(asked.host);
        if host.len() > HOST_BYTES_MAX {
            return None;
        }
        if self.names != 0
            && let Some(target) = hosts::in_lower_case(host, |host| self.by_name(host, asked, cache))
        {
            return Some(target);
        }
        let bucket = self.any.as_deref()?;
        bucket.of_host(bucket.any?, asked, cache)
    }

    #[inline]
    fn by_name(&self, host: &[u8], asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
        if let Some((bucket, known)) = self.find(hosts::EXACT, host)
            && let Some(target) = bucket.of_host(known, asked, cache)
        {
            return Some(target);
        }
        if self.wildcards.is_empty() { None } else { self.by_suffix(host, asked, cache) }
    }

    fn by_suffix(&self, host: &[u8], asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
        self.wildcards
            .suffixes(host)
            .filter_map(|suffix| self.find(hosts::WILDCARD, suffix))
            .find_map(|(bucket, known)| bucket.of_host(known, asked, cache))
    }

    #[inline(always)]
    fn find(&self, scope: u32, name: &[u8]) -> Option<(&Bucket<T>, Known<T>)> {
        let hash = map::hash(&self.hasher, scope, name);
        let bucket = self.buckets[Self::number(hash)].as_deref()?;
        bucket.hosts.get(hash, scope, name).map(|known| (bucket, known))
    }

    /// The bucket of a host. Its table uses the lowest bits of the hash and the highest seven.
    #[inline(always)]
    fn number(hash: u64) -> usize {
        (hash >> 32) as usize % BUCKETS
    }
}

#[cfg(test)]
mod tests;
