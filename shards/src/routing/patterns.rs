//! The patterns of a router: compiled once, matched by each shard with scratch space of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::AHashMap;
use ringway_core::Pattern;

use super::RouteError;

/// The patterns of a router, by their number.
#[derive(Debug)]
pub(super) struct Patterns {
    compiled: Box<[Pattern]>,
    /// Tells the caches of different routers apart.
    owner: u64,
}

/// What a shard's look-ups in one router write to: made by [`Router::cache`](super::Router::cache).
///
/// A clone of a pattern shares the automaton and has scratch space of its own. That one is used by one thread, so its
/// lock-free way is always open.
#[derive(Debug)]
pub struct Cache {
    owner: u64,
    /// A clone of each pattern, from its first use on.
    patterns: Box<[Option<Pattern>]>,
}

impl Patterns {
    pub(super) fn cache(&self) -> Cache {
        Cache { owner: self.owner, patterns: self.compiled.iter().map(|_| None).collect() }
    }

    /// Whether a pattern matches all of `text`.
    pub(super) fn matches(&self, pattern: u32, text: &[u8], cache: &mut Cache) -> bool {
        if cache.owner != self.owner {
            *cache = self.cache();
        }
        let place = pattern as usize;
        cache.patterns[place].get_or_insert_with(|| self.compiled[place].clone()).matches(text)
    }
}

/// Compiles each distinct pattern once.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    numbers: AHashMap<Arc<str>, u32>,
    compiled: Vec<Pattern>,
}

impl Compiler {
    /// The number of a pattern.
    pub(super) fn add(&mut self, text: &Arc<str>) -> Result<u32, RouteError> {
        if let Some(&number) = self.numbers.get(text) {
            return Ok(number);
        }
        let number = u32::try_from(self.compiled.len()).map_err(|_| RouteError::TooMany)?;
        let pattern = Pattern::compile(text).map_err(|error| RouteError::pattern(text, error))?;
        self.compiled.push(pattern);
        self.numbers.insert(Arc::clone(text), number);
        Ok(number)
    }

    pub(super) fn finish(self) -> Patterns {
        static OWNERS: AtomicU64 = AtomicU64::new(0);
        let owner = OWNERS.fetch_add(1, Ordering::Relaxed);
        Patterns { compiled: self.compiled.into(), owner }
    }
}
