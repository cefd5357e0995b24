//! The paths of each host: exact ones, patterns, and prefixes on segment boundaries.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::RouteError;
use super::map::{self, ScopedMap, Span};
use super::patterns::Program;

/// Where the rules of one path begin in the bucket's rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules(NonZeroU32);

impl Rules {
    pub(super) fn starting_at(first: usize) -> Result<Rules, RouteError> {
        let place = u32::try_from(first + 1).ok().and_then(NonZeroU32::new);
        place.map(Rules).ok_or(RouteError::TooMany)
    }

    #[inline(always)]
    pub(super) fn first(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A pattern of some host.
#[derive(Debug)]
pub(super) struct OfPattern {
    pub(super) program: Arc<Program>,
    pub(super) rules: Rules,
}

/// A stretch of one of the lists in [`Paths`].
#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    start: u32,
    end: u32,
}

impl Stretch {
    #[inline(always)]
    fn of<T>(self, list: &[T]) -> &[T] {
        &list[self.start as usize..self.end as usize]
    }
}

/// The paths of one host.
#[derive(Debug, Clone, Copy, Default)]
struct Table {
    /// The prefix `/`, which everything matches.
    root: Option<Rules>,
    has_exact: bool,
    patterns: Stretch,
    /// The distinct lengths of its prefixes, descending.
    lengths: Stretch,
}

/// A path that some host has rules for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    Exact(&'a [u8]),
    Pattern(&'a Arc<str>),
    /// As [`prefix_key`] gives it.
    Prefix(&'a [u8]),
}

/// The paths of a bucket's hosts. A host is a number; its paths stand in scopes of their own. A look-up tries each length of
/// prefix at which the path has a segment end, longest first.
#[derive(Debug)]
pub(super) struct Paths {
    tables: Vec<Table>,
    texts: ScopedMap<Rules>,
    hasher: ahash::RandomState,
    patterns: Vec<OfPattern>,
    lengths: Vec<u32>,
}

impl Paths {
    pub(super) fn with_capacity(texts: usize) -> Paths {
        Paths {
            tables: Vec::new(),
            texts: ScopedMap::with_capacity(texts),
            hasher: ahash::RandomState::new(),
            patterns: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// Begins the next host, to which what is added from now on belongs; its number.
    pub(super) fn begin_host(&mut self) -> Result<u32, RouteError> {
        let number = u32::try_from(self.tables.len()).ok().filter(|&number| number <= u32::MAX / 2);
        let patterns = stretch_from(self.patterns.len())?;
        let lengths = stretch_from(self.lengths.len())?;
        self.tables.push(Table { patterns, lengths, ..Table::default() });
        number.ok_or(RouteError::TooMany)
    }

    /// Keeps a text, for use under any host.
    pub(super) fn store(&mut self, text: &[u8]) -> Result<Span, RouteError> {
        self.texts.store(text)
    }

    pub(super) fn add_exact(&mut self, text: Span, rules: Rules) {
        let (host, table) = self.last();
        table.has_exact = true;
        self.texts.insert(&self.hasher, exact_scope(host), text, rules);
    }

    /// Adds a pattern behind those the host has.
    pub(super) fn add_pattern(&mut self, program: Arc<Program>, rules: Rules) {
        self.patterns.push(OfPattern { program, rules });
        let end = self.patterns.len() as u32;
        self.last().1.patterns.end = end;
    }

    /// Adds the prefix `/`.
    pub(super) fn add_root(&mut self, rules: Rules) {
        self.last().1.root = Some(rules);
    }

    /// Adds another prefix, as [`prefix_key`] gives it.
    pub(super) fn add_prefix(&mut self, text: Span, rules: Rules) {
        let (host, table) = self.last();
        let start = table.lengths.start as usize;
        if let Err(at) = self.lengths[start..].binary_search_by(|length| text.len().cmp(length)) {
            self.lengths.insert(start + at, text.len());
            let end = self.lengths.len() as u32;
            self.last().1.lengths.end = end;
        }
        self.texts.insert(&self.hasher, prefix_scope(host), text, rules);
    }

    fn last(&mut self) -> (u32, &mut Table) {
        let number = self.tables.len() as u32 - 1;
        (number, self.tables.last_mut().expect("a host was begun"))
    }

    /// Gives back memory that was only needed for growing.
    pub(super) fn finish(&mut self) {
        self.tables.shrink_to_fit();
        self.texts.finish();
        self.patterns.shrink_to_fit();
        self.lengths.shrink_to_fit();
    }

    /// The rules of exactly this path.
    #[inline]
    pub(super) fn exact(&self, host: u32, path: &[u8]) -> Option<Rules> {
        if self.tables[host as usize].has_exact { self.text(exact_scope(host), path) } else { None }
    }

    /// The patterns of a host, in their order.
    #[inline]
    pub(super) fn patterns(&self, host: u32) -> &[OfPattern] {
        self.tables[host as usize].patterns.of(&self.patterns)
    }

    /// The rules of each prefix of `path`, which has no query, the longest first.
    #[inline]
    pub(super) fn prefixes(&self, host: u32, path: &[u8]) -> impl Iterator<Item = Rules> {
        let table = &self.tables[host as usize];
        let named = table.lengths.of(&self.lengths).iter().filter_map(move |&length| {
            let length = length as usize;
            let ends_segment = match path.get(length) {
                Some(&next) => next == b'/',
                None => path.len() == length,
            };
            if ends_segment { self.text(prefix_scope(host), &path[..length]) } else { None }
        });
        named.chain(table.root)
    }

    #[inline]
    fn text(&self, scope: u32, text: &[u8]) -> Option<Rules> {
        self.texts.get(map::hash(&self.hasher, scope, text), scope, text)
    }

    /// How many hosts were begun.
    pub(super) fn hosts(&self) -> usize {
        self.tables.len()
    }

    /// All paths, with their hosts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Path<'_>, Rules)> {
        let texts = self.texts.iter().map(|(scope, text, rules)| {
            let path = if scope % 2 == exact_scope(0) { Path::Exact(text) } else { Path::Prefix(text) };
            (scope / 2, path, rules)
        });
        let tables = self.tables.iter().zip(0..).flat_map(|(table, host)| {
            let patterns = table.patterns.of(&self.patterns).iter();
            let patterns = patterns.map(move |it| (host, Path::Pattern(it.program.text()), it.rules));
            patterns.chain(table.root.map(|rules| (host, Path::Prefix(b""), rules)))
        });
        texts.chain(tables)
    }
}

fn stretch_from(start: usize) -> Result<Stretch, RouteError> {
    let start = u32::try_from(start).map_err(|_| RouteError::TooMany)?;
    Ok(Stretch { start, end: start })
}

#[inline(always)]
fn exact_scope(host: u32) -> u32 {
    host * 2
}

#[inline(always)]
fn prefix_scope(host: u32) -> u32 {
    host * 2 + 1
}

/// Path and query of a request. A target without path means `/` (RFC 9112 §3.2.1).
#[inline]
pub(super) fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let (path, query) = match memchr::memchr(b'?', target) {
        Some(mark) => (&target[..mark], &target[mark + 1..]),
        None => (target, &b""[..]),
    };
    (if path.is_empty() { b"/" } else { path }, query)
}

/// What an exact path is stored under; `None` if no request could have it.
pub(super) fn exact_key(path: &str) -> Option<&[u8]> {
    let path = path.as_bytes();
    (path.starts_with(b"/") && memchr::memchr(b'?', path).is_none()).then_some(path)
}

/// What a prefix is stored under: without slashes at its end, hence empty for `/`. `None` if no path could start with it.
pub(super) fn prefix_key(prefix: &str) -> Option<&[u8]> {
    let prefix = exact_key(prefix)?;
    let end = prefix.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    Some(&prefix[..end])
}
