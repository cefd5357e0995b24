//! Byte strings to small values, each within a scope: filled once, then read.
//!
//! The texts stand end to end in one piece of memory, so an entry costs its 13 bytes, its value and its text, and no
//! allocation of its own. Hashes come from outside: a host is hashed once, for the choice of its bucket as well.

use std::hash::{BuildHasher, Hasher};

use hashbrown::HashTable;

use super::RouteError;

/// Where a text stands in the map's memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    at: u32,
    len: u32,
}

impl Span {
    /// The text's length in bytes.
    pub(super) fn len(self) -> u32 {
        self.len
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry<V> {
    scope: u32,
    text: Span,
    value: V,
}

#[derive(Debug)]
pub(super) struct ScopedMap<V> {
    texts: Vec<u8>,
    entries: HashTable<Entry<V>>,
}

impl<V: Copy> ScopedMap<V> {
    /// An empty map with room for so many entries.
    pub(super) fn with_capacity(entries: usize) -> ScopedMap<V> {
        ScopedMap { texts: Vec::new(), entries: HashTable::with_capacity(entries) }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keeps a text, which may then stand in several scopes.
    pub(super) fn store(&mut self, text: &[u8]) -> Result<Span, RouteError> {
        let at = u32::try_from(self.texts.len()).map_err(|_| RouteError::TooMany)?;
        let len = u32::try_from(text.len()).map_err(|_| RouteError::TooMany)?;
        self.texts.extend_from_slice(text);
        Ok(Span { at, len })
    }

    /// Gives `text`, which is not in `scope` yet, a value there. All of a map have the same hasher.
    pub(super) fn insert(&mut self, hasher: &ahash::RandomState, scope: u32, text: Span, value: V) {
        let ScopedMap { texts, entries } = self;
        let hash = |entry: &Entry<V>| hash(hasher, entry.scope, slice(texts, entry.text));
        let entry = Entry { scope, text, value };
        entries.insert_unique(hash(&entry), entry, hash);
    }

    /// Gives back memory that was only needed for growing.
    pub(super) fn finish(&mut self) {
        self.texts.shrink_to_fit();
    }

    /// The value of `text`, of which `hash` is that of [`hash`] with the map's hasher.
    #[inline(always)]
    pub(super) fn get(&self, hash: u64, scope: u32, text: &[u8]) -> Option<V> {
        let is_it = |entry: &Entry<V>| entry.scope == scope && slice(&self.texts, entry.text) == text;
        self.entries.find(hash, is_it).map(|entry| entry.value)
    }

    /// All entries: scope, text and value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u8], V)> {
        self.entries.iter().map(|entry| (entry.scope, slice(&self.texts, entry.text), entry.value))
    }
}

#[inline(always)]
pub(super) fn hash(hasher: &ahash::RandomState, scope: u32, text: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write_u32(scope);
    hasher.write(text);
    hasher.finish()
}

#[inline(always)]
fn slice(texts: &[u8], span: Span) -> &[u8] {
    &texts[span.at as usize..][..span.len as usize]
}
