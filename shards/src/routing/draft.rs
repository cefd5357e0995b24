//! Rules as numbers: read from matches, or back from the bucket that they were compiled into.

use std::borrow::Cow;
use std::sync::Arc;

use ahash::AHashMap;
use ringway_core::config::{Match, PathMatch};

use super::RouteError;
use super::bucket::Bucket;
use super::conditions::{Canonical, ConditionsId, Rank};
use super::hosts::{HostKey, Known};
use super::paths::{self, Path};

/// The number of what holds for any host.
pub(super) const ANY_HOST: u32 = 0;

/// The path of a rule by its numbers, in the order in which the paths of a host are laid out. Texts and patterns are numbered
/// by the [`Reader`]; the text of the prefix `/` is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Exact {
        text: u32,
    },
    /// Patterns follow the rule of their host that names them first; 0 until all of them are known.
    Pattern {
        first: u64,
        number: u32,
    },
    Prefix {
        text: u32,
    },
}

/// A rule, with everything that is text in it made a number.
#[derive(Debug)]
pub(super) struct Draft<'a, T> {
    pub(super) host: u32,
    pub(super) path: Place,
    pub(super) rank: Rank,
    pub(super) order: u64,
    pub(super) conditions: Option<ConditionsId>,
    pub(super) target: T,
    /// What it was read from; `None`: a bucket.
    pub(super) matching: Option<&'a Match>,
}

/// Host, path and conditions of a rule, before its pattern has its place.
pub(super) type Key = (u32, Place, Option<ConditionsId>);

impl<T> Draft<'_, T> {
    /// What no two rules have in common.
    pub(super) fn key(&self) -> Key {
        (self.host, self.path, self.conditions)
    }
}

/// Numbers the parts of rules, equal ones alike.
#[derive(Debug, Default)]
pub(super) struct Reader<'a> {
    /// By scope and name; from 1 on.
    hosts: AHashMap<(u32, Cow<'a, [u8]>), u32>,
    text_numbers: AHashMap<&'a [u8], u32>,
    texts: Vec<&'a [u8]>,
    pattern_numbers: AHashMap<&'a str, u32>,
    patterns: Vec<&'a Arc<str>>,
    condition_ids: AHashMap<Canonical, ConditionsId>,
}

impl<'a> Reader<'a> {
    /// A rule for that host.
    pub(super) fn read<T>(
        &mut self,
        host: HostKey<'a>,
        matching: &'a Match,
        order: u64,
        target: T,
    ) -> Result<Draft<'a, T>, RouteError> {
        let host = host.map_or(Ok(ANY_HOST), |key| self.host(key))?;
        let path = self.place(path_of(matching)?)?;
        let canonical = Canonical::new(matching);
        let rank = canonical.rank();
        let conditions = self.conditions(canonical)?;
        Ok(Draft { host, path, rank, order, conditions, target, matching: Some(matching) })
    }

    /// All rules of a bucket.
    pub(super) fn read_back<T: Copy>(
        &mut self,
        bucket: &'a Bucket<T>,
    ) -> Result<Vec<Draft<'a, T>>, RouteError> {
        let mut drafts = Vec::with_capacity(bucket.hosts.len().max(bucket.rules.len()));
        // The numbers of hosts by those of their tables.
        let mut owners = vec![ANY_HOST; bucket.paths.hosts()];
        let named = bucket.hosts.iter().map(|(scope, name, known)| (Some((scope, name)), known));
        for (name, known) in named.chain(bucket.any.map(|known| (None, known))) {
            let host = match name {
                None => ANY_HOST,
                Some((scope, name)) => self.host((scope, Cow::Borrowed(name)))?,
            };
            match known {
                Known::Paths(table) => owners[table as usize] = host,
                Known::Always(target) => {
                    let path = self.place(Path::Prefix(b""))?;
                    let (rank, order) = (Rank::LAST, 0);
                    drafts.push(Draft { host, path, rank, order, conditions: None, target, matching: None });
                }
            }
        }
        let mut conditions = Vec::with_capacity(bucket.conditions.len());
        for compiled in &bucket.conditions {
            let canonical = compiled.canonical();
            conditions.push((canonical.rank(), self.conditions(canonical)?));
        }
        for (table, path, rules) in bucket.paths.iter() {
            let (host, path) = (owners[table as usize], self.place(path)?);
            for (rule, at) in bucket.rules[rules.first()..].iter().zip(rules.first()..) {
                let (rank, conditions) =
                    rule.conditions.map_or((Rank::LAST, None), |id| conditions[id.index()]);
                let order = bucket.orders.get(at).copied().unwrap_or(0);
                let target = rule.target;
                drafts.push(Draft { host, path, rank, order, conditions, target, matching: None });
                if rule.is_last {
                    break;
                }
            }
        }
        Ok(drafts)
    }

    /// Whether a path takes an entry among the texts.
    pub(super) fn is_stored(&self, path: Place) -> bool {
        match path {
            Place::Exact { .. } => true,
            Place::Pattern { .. } => false,
            Place::Prefix { text } => !self.text(text).is_empty(),
        }
    }

    pub(super) fn text(&self, number: u32) -> &'a [u8] {
        self.texts[number as usize]
    }

    pub(super) fn texts(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn pattern(&self, number: u32) -> &'a Arc<str> {
        self.patterns[number as usize]
    }

    /// Scopes and names, with their numbers.
    pub(super) fn hosts(&self) -> &AHashMap<(u32, Cow<'a, [u8]>), u32> {
        &self.hosts
    }

    /// All conditions by their index.
    pub(super) fn all_conditions(&self) -> Vec<&Canonical> {
        let mut all: Vec<_> = self.condition_ids.iter().collect();
        all.sort_unstable_by_key(|&(_, id)| *id);
        all.into_iter().map(|(canonical, _)| canonical).collect()
    }

    fn host(&mut self, key: (u32, Cow<'a, [u8]>)) -> Result<u32, RouteError> {
        let next = u32::try_from(self.hosts.len() + 1).map_err(|_| RouteError::TooMany)?;
        Ok(*self.hosts.entry(key).or_insert(next))
    }

    fn place(&mut self, path: Path<'a>) -> Result<Place, RouteError> {
        Ok(match path {
            Path::Exact(text) => Place::Exact { text: self.number_of(text)? },
            Path::Prefix(text) => Place::Prefix { text: self.number_of(text)? },
            Path::Pattern(pattern) => {
                let next = u32::try_from(self.patterns.len()).map_err(|_| RouteError::TooMany)?;
                let number = *self.pattern_numbers.entry(pattern).or_insert(next);
                if number == next {
                    self.patterns.push(pattern);
                }
                Place::Pattern { first: 0, number }
            }
        })
    }

    fn number_of(&mut self, text: &'a [u8]) -> Result<u32, RouteError> {
        let next = u32::try_from(self.texts.len()).map_err(|_| RouteError::TooMany)?;
        let number = *self.text_numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        Ok(number)
    }

    fn conditions(&mut self, canonical: Canonical) -> Result<Option<ConditionsId>, RouteError> {
        if canonical.is_empty() {
            return Ok(None);
        }
        let next = ConditionsId::new(self.condition_ids.len())?;
        Ok(Some(*self.condition_ids.entry(canonical).or_insert(next)))
    }
}

/// Tells each pattern which rule of its host names it first.
pub(super) fn order_patterns<T>(drafts: &mut [Draft<'_, T>]) {
    let mut firsts = AHashMap::new();
    for draft in &*drafts {
        if let Place::Pattern { number, .. } = draft.path {
            let first = firsts.entry((draft.host, number)).or_insert(draft.order);
            *first = draft.order.min(*first);
        }
    }
    if firsts.is_empty() {
        return;
    }
    for draft in drafts {
        if let Place::Pattern { first, number } = &mut draft.path {
            *first = firsts[&(draft.host, *number)];
        }
    }
}

/// The path of a rule in the form that all equal ones have.
fn path_of(matching: &Match) -> Result<Path<'_>, RouteError> {
    let path = match &matching.path {
        PathMatch::Exact(path) => paths::exact_key(path).map(Path::Exact),
        PathMatch::Prefix(path) => paths::prefix_key(path).map(Path::Prefix),
        PathMatch::Regex(pattern) => Some(Path::Pattern(pattern)),
    };
    path.ok_or_else(|| RouteError::path(matching))
}
