//! The path prefixes of one host: longest match on segment boundaries.

use ahash::AHashMap;

/// Prefixes by their bytes, and the lengths there are: a look-up tries each length at which the path has a segment end,
/// longest first. Hundreds of prefixes share a few dozen lengths.
#[derive(Debug, Clone)]
pub(super) struct PathTable<T> {
    /// The prefix `/`, which everything matches.
    root: Option<T>,
    prefixes: AHashMap<Box<[u8]>, T>,
    /// The distinct lengths of `prefixes`, descending.
    lengths: Vec<usize>,
}

impl<T> Default for PathTable<T> {
    fn default() -> Self {
        PathTable { root: None, prefixes: AHashMap::new(), lengths: Vec::new() }
    }
}

impl<T: Copy> PathTable<T> {
    /// Adds a prefix as [`prefix_key`] gives it. Returns the target it led to before.
    pub(super) fn insert(&mut self, prefix: &[u8], target: T) -> Option<T> {
        if prefix.is_empty() {
            return self.root.replace(target);
        }
        if let Err(at) = self.lengths.binary_search_by(|length| prefix.len().cmp(length)) {
            self.lengths.insert(at, prefix.len());
        }
        self.prefixes.insert(prefix.into(), target)
    }

    /// The target of the longest prefix of `path`, which has no query.
    #[inline]
    pub(super) fn lookup(&self, path: &[u8]) -> Option<T> {
        for &length in &self.lengths {
            let ends_segment = match path.get(length) {
                Some(&next) => next == b'/',
                None => path.len() == length,
            };
            if ends_segment && let Some(&target) = self.prefixes.get(&path[..length]) {
                return Some(target);
            }
        }
        self.root
    }
}

/// What a configured prefix is stored under: without slashes at its end, hence empty for `/`. `None` if no path could
/// start with it.
pub(super) fn prefix_key(prefix: &str) -> Option<&[u8]> {
    let prefix = prefix.as_bytes();
    (prefix.starts_with(b"/") && memchr::memchr(b'?', prefix).is_none()).then(|| {
        let end = prefix.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
        &prefix[..end]
    })
}
