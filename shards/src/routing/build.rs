//! Compiling rules into a bucket: sorted by precedence, then laid out host by host and path by path.

use std::sync::Arc;

use ahash::AHashMap;
use ringway_core::config::Match;

use super::RouteError;
use super::bucket::Bucket;
use super::conditions::{Conditions, ConditionsId, Rule};
use super::draft::{ANY_HOST, Draft, Key, Place, Reader, order_patterns};
use super::hosts::{HostKey, Known};
use super::map::{ScopedMap, Span};
use super::paths::{Paths, Rules};
use super::patterns::Book;

/// A bucket on its way to another.
#[derive(Debug, Default)]
pub(super) struct Rebuild<'a, T> {
    reader: Reader<'a>,
    drafts: Vec<Draft<'a, T>>,
    removed: AHashMap<Key, &'a Match>,
}

impl<'a, T: Copy> Rebuild<'a, T> {
    pub(super) fn of(old: Option<&'a Bucket<T>>) -> Result<Rebuild<'a, T>, RouteError> {
        let mut reader = Reader::default();
        let drafts = match old {
            Some(bucket) => reader.read_back(bucket)?,
            None => Vec::new(),
        };
        Ok(Rebuild { reader, drafts, removed: AHashMap::new() })
    }

    /// Marks the rule for exactly these requests.
    pub(super) fn remove(&mut self, host: HostKey<'a>, matching: &'a Match) -> Result<(), RouteError> {
        let key = self.reader.read(host, matching, 0, ())?.key();
        match self.removed.insert(key, matching) {
            None => Ok(()),
            Some(_) => Err(RouteError::unknown(matching)),
        }
    }

    /// Takes out the rules that are marked.
    pub(super) fn take_out(&mut self) -> Result<(), RouteError> {
        let Rebuild { drafts, removed, .. } = self;
        if !removed.is_empty() {
            drafts.retain(|draft| removed.remove(&draft.key()).is_none());
        }
        removed.values().min().map_or(Ok(()), |matching| Err(RouteError::unknown(matching)))
    }

    pub(super) fn add(
        &mut self,
        host: HostKey<'a>,
        matching: &'a Match,
        order: u64,
        target: T,
    ) -> Result<(), RouteError> {
        self.drafts.push(self.reader.read(host, matching, order, target)?);
        Ok(())
    }

    /// The new bucket; `None`: no rule is left. Its hosts are hashed by `hasher`, its patterns stand in `book`.
    pub(super) fn finish(
        mut self,
        hasher: &ahash::RandomState,
        book: &Arc<Book>,
    ) -> Result<Option<Bucket<T>>, RouteError> {
        if self.drafts.is_empty() {
            return Ok(None);
        }
        order_patterns(&mut self.drafts);
        self.drafts.sort_unstable_by_key(|draft| (draft.host, draft.path, draft.rank, draft.order));
        Layout::of(&self.reader, &self.drafts, hasher, book)?.finish(&self.reader).map(Some)
    }
}

/// What the sorted rules become.
struct Layout<'r, T> {
    hasher: &'r ahash::RandomState,
    book: &'r Arc<Book>,
    /// Where texts stand, by their number.
    spans: Vec<Option<Span>>,
    /// By the number of the host.
    known: Vec<Option<Known<T>>>,
    paths: Paths,
    rules: Vec<Rule<T>>,
    orders: Vec<u64>,
    /// Which conditions became which, by the index that the reader gave them.
    compiled: Vec<Option<ConditionsId>>,
    conditions: Vec<Conditions>,
    has_patterns: bool,
}

impl<'r, T: Copy> Layout<'r, T> {
    fn of(
        reader: &Reader<'_>,
        drafts: &[Draft<'_, T>],
        hasher: &'r ahash::RandomState,
        book: &'r Arc<Book>,
    ) -> Result<Layout<'r, T>, RouteError> {
        let paths = drafts.chunk_by(|a, b| (a.host, a.path) == (b.host, b.path));
        let conditions = reader.all_conditions();
        let mut layout = Layout {
            hasher,
            book,
            spans: vec![None; reader.texts()],
            known: vec![None; reader.hosts().len() + 1],
            paths: Paths::with_capacity(paths.filter(|rules| reader.is_stored(rules[0].path)).count()),
            rules: Vec::new(),
            orders: Vec::new(),
            compiled: vec![None; conditions.len()],
            conditions: Vec::new(),
            has_patterns: false,
        };
        for id in drafts.iter().filter_map(|draft| draft.conditions) {
            if layout.compiled[id.index()].is_none() {
                layout.compiled[id.index()] = Some(ConditionsId::new(layout.conditions.len())?);
                layout.conditions.push(conditions[id.index()].compile(book)?);
            }
        }
        for rules in drafts.chunk_by(|a, b| a.host == b.host) {
            layout.known[rules[0].host as usize] = Some(layout.host(reader, rules)?);
        }
        Ok(layout)
    }

    /// Adds all rules of one host.
    fn host(&mut self, reader: &Reader<'_>, rules: &[Draft<'_, T>]) -> Result<Known<T>, RouteError> {
        if let [Draft { path: Place::Prefix { text }, conditions: None, target, .. }] = rules
            && reader.text(*text).is_empty()
        {
            return Ok(Known::Always(*target));
        }
        let number = self.paths.begin_host()?;
        for rules in rules.chunk_by(|a, b| a.path == b.path) {
            self.path(reader, rules)?;
        }
        Ok(Known::Paths(number))
    }

    /// Adds all rules of one path of the last host.
    fn path(&mut self, reader: &Reader<'_>, rules: &[Draft<'_, T>]) -> Result<(), RouteError> {
        refuse_duplicates(rules)?;
        let start = Rules::starting_at(self.rules.len())?;
        self.orders.extend(rules.iter().map(|draft| draft.order));
        self.rules.extend(rules.iter().enumerate().map(|(at, draft)| Rule {
            target: draft.target,
            conditions: draft.conditions.and_then(|id| self.compiled[id.index()]),
            is_last: at + 1 == rules.len(),
        }));
        match rules[0].path {
            Place::Exact { text } => {
                let span = self.span(reader, text)?;
                self.paths.add_exact(span, start);
            }
            Place::Pattern { number, .. } => {
                self.paths.add_pattern(self.book.program(reader.pattern(number))?, start);
                self.has_patterns = true;
            }
            Place::Prefix { text } if reader.text(text).is_empty() => self.paths.add_root(start),
            Place::Prefix { text } => {
                let span = self.span(reader, text)?;
                self.paths.add_prefix(span, start);
            }
        }
        Ok(())
    }

    fn span(&mut self, reader: &Reader<'_>, text: u32) -> Result<Span, RouteError> {
        let known = &mut self.spans[text as usize];
        match known {
            Some(span) => Ok(*span),
            None => Ok(*known.insert(self.paths.store(reader.text(text))?)),
        }
    }

    fn finish(mut self, reader: &Reader<'_>) -> Result<Bucket<T>, RouteError> {
        let count = self.known.iter().skip(ANY_HOST as usize + 1).flatten().count();
        let mut hosts = ScopedMap::with_capacity(count);
        for ((scope, name), &number) in reader.hosts() {
            let Some(known) = self.known[number as usize] else { continue };
            let name = hosts.store(name)?;
            hosts.insert(self.hasher, *scope, name, known);
        }
        hosts.finish();
        self.paths.finish();
        if self.conditions.is_empty() && !self.has_patterns {
            self.orders.clear();
        }
        Ok(Bucket {
            hosts,
            any: self.known[ANY_HOST as usize],
            paths: self.paths,
            rules: self.rules.into(),
            orders: self.orders.into(),
            conditions: self.conditions.into(),
        })
    }
}

/// Refuses two rules of one path that ask for the same.
fn refuse_duplicates<T>(rules: &[Draft<'_, T>]) -> Result<(), RouteError> {
    if rules.len() < 2 {
        return Ok(());
    }
    let mut by_conditions: Vec<_> =
        rules.iter().map(|draft| (draft.conditions, draft.order, draft.matching)).collect();
    by_conditions.sort_unstable_by_key(|&(conditions, order, _)| (conditions, order));
    let pair = by_conditions.windows(2).find(|pair| pair[0].0 == pair[1].0);
    // One of two was added: a bucket has no duplicates.
    let added = pair.and_then(|pair| pair[1].2.or(pair[0].2));
    added.map_or(Ok(()), |matching| Err(RouteError::duplicate(matching)))
}
