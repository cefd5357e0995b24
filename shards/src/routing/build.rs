//! Compiling rules into a router: sorted by precedence, then laid out host by host and path by path.

use std::borrow::Cow;

use ahash::AHashMap;
use ringway_core::config::{Match, PathMatch};

use super::conditions::{Canonical, Conditions, ConditionsId, Rank, Rule};
use super::hosts::{self, Depths, Known};
use super::map::{ScopedMap, Span};
use super::paths::{self, Paths, Rules};
use super::patterns::Compiler;
use super::{RouteError, Router};

pub(super) fn build<'a, T: Copy>(
    rules: impl IntoIterator<Item = (&'a Match, T)>,
) -> Result<Router<T>, RouteError> {
    let mut reader = Reader::default();
    let mut drafts = Vec::new();
    for (order, (matching, target)) in rules.into_iter().enumerate() {
        let order = u32::try_from(order).map_err(|_| RouteError::TooMany)?;
        drafts.push(reader.read(matching, target, order)?);
    }
    drafts.sort_unstable_by_key(|draft| (draft.host, draft.path, draft.rank, draft.order));
    Layout::of(&reader, &drafts)?.finish(reader)
}

/// The number of what holds for any host.
const ANY_HOST: u32 = 0;

/// The path of a rule by its numbers, in the order in which the paths of a host are laid out. Texts are numbered by the
/// [`Reader`]; that of the prefix `/` is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Exact {
        text: u32,
    },
    /// Patterns follow the rule of their host that names them first.
    Pattern {
        first: u32,
        number: u32,
    },
    Prefix {
        text: u32,
    },
}

/// A rule, with everything that is text in it made a number.
#[derive(Debug)]
struct Draft<'a, T> {
    host: u32,
    path: Place,
    rank: Rank,
    order: u32,
    conditions: Option<ConditionsId>,
    target: T,
    matching: &'a Match,
}

/// Numbers the parts of rules, equal ones alike.
#[derive(Debug, Default)]
struct Reader<'a> {
    /// By scope and name; from 1 on.
    hosts: AHashMap<(u32, Cow<'a, [u8]>), u32>,
    text_numbers: AHashMap<&'a [u8], u32>,
    texts: Vec<&'a [u8]>,
    condition_ids: AHashMap<Canonical, ConditionsId>,
    conditions: Vec<Conditions>,
    patterns: Compiler,
    /// Which rule of a host names a pattern first.
    pattern_firsts: AHashMap<(u32, u32), u32>,
}

impl<'a> Reader<'a> {
    fn read<T>(&mut self, matching: &'a Match, target: T, order: u32) -> Result<Draft<'a, T>, RouteError> {
        let host = self.host(matching)?;
        let path = self.path(matching, host, order)?;
        let canonical = Canonical::new(matching);
        let rank = canonical.rank();
        let conditions = self.conditions(canonical)?;
        Ok(Draft { host, path, rank, order, conditions, target, matching })
    }

    /// Whether a path takes an entry among the texts.
    fn is_stored(&self, path: Place) -> bool {
        match path {
            Place::Exact { .. } => true,
            Place::Pattern { .. } => false,
            Place::Prefix { text } => !self.texts[text as usize].is_empty(),
        }
    }

    fn host(&mut self, matching: &'a Match) -> Result<u32, RouteError> {
        let invalid = || RouteError::Host { host: matching.hostname.to_string() };
        let Some(key) = hosts::key(&matching.hostname).ok_or_else(invalid)? else { return Ok(ANY_HOST) };
        let next = u32::try_from(self.hosts.len() + 1).map_err(|_| RouteError::TooMany)?;
        Ok(*self.hosts.entry(key).or_insert(next))
    }

    fn path(&mut self, matching: &'a Match, host: u32, order: u32) -> Result<Place, RouteError> {
        let invalid = || RouteError::Path { path: path_text(matching).to_owned() };
        Ok(match &matching.path {
            PathMatch::Exact(path) => {
                Place::Exact { text: self.text(paths::exact_key(path).ok_or_else(invalid)?)? }
            }
            PathMatch::Prefix(path) => {
                Place::Prefix { text: self.text(paths::prefix_key(path).ok_or_else(invalid)?)? }
            }
            PathMatch::Regex(pattern) => {
                let number = self.patterns.add(pattern)?;
                let first = *self.pattern_firsts.entry((host, number)).or_insert(order);
                Place::Pattern { first, number }
            }
        })
    }

    fn text(&mut self, text: &'a [u8]) -> Result<u32, RouteError> {
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
        if let Some(&id) = self.condition_ids.get(&canonical) {
            return Ok(Some(id));
        }
        let id = ConditionsId::new(self.conditions.len())?;
        self.conditions.push(canonical.compile(&mut self.patterns)?);
        self.condition_ids.insert(canonical, id);
        Ok(Some(id))
    }
}

/// What the sorted rules become.
struct Layout<T> {
    /// Where texts stand, by their number.
    spans: Vec<Option<Span>>,
    /// By the number of the host.
    known: Vec<Option<Known<T>>>,
    paths: Paths,
    rules: Vec<Rule<T>>,
}

impl<T: Copy> Layout<T> {
    fn of(reader: &Reader<'_>, drafts: &[Draft<'_, T>]) -> Result<Layout<T>, RouteError> {
        let paths = drafts.chunk_by(|a, b| (a.host, a.path) == (b.host, b.path));
        let mut layout = Layout {
            spans: vec![None; reader.texts.len()],
            known: vec![None; reader.hosts.len() + 1],
            paths: Paths::with_capacity(paths.filter(|rules| reader.is_stored(rules[0].path)).count()),
            rules: Vec::new(),
        };
        for rules in drafts.chunk_by(|a, b| a.host == b.host) {
            layout.known[rules[0].host as usize] = Some(layout.host(reader, rules)?);
        }
        Ok(layout)
    }

    /// Adds all rules of one host.
    fn host(&mut self, reader: &Reader<'_>, rules: &[Draft<'_, T>]) -> Result<Known<T>, RouteError> {
        if let [Draft { path: Place::Prefix { text }, conditions: None, target, .. }] = rules
            && reader.texts[*text as usize].is_empty()
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
        self.rules.extend(rules.iter().enumerate().map(|(at, draft)| Rule {
            target: draft.target,
            conditions: draft.conditions,
            is_last: at + 1 == rules.len(),
        }));
        match rules[0].path {
            Place::Exact { text } => {
                let span = self.span(reader, text)?;
                self.paths.add_exact(span, start);
            }
            Place::Pattern { number, .. } => self.paths.add_pattern(number, start),
            Place::Prefix { text } if reader.texts[text as usize].is_empty() => self.paths.add_root(start),
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
            None => Ok(*known.insert(self.paths.store(reader.texts[text as usize])?)),
        }
    }

    fn finish(mut self, reader: Reader<'_>) -> Result<Router<T>, RouteError> {
        let mut hosts = ScopedMap::with_capacity(reader.hosts.len());
        let mut wildcards = Depths::default();
        for ((scope, name), number) in reader.hosts {
            let Some(known) = self.known[number as usize] else { continue };
            if scope == hosts::WILDCARD {
                wildcards.insert(&name);
            }
            let name = hosts.store(&name)?;
            hosts.insert(scope, name, known);
        }
        hosts.finish();
        self.paths.finish();
        Ok(Router {
            hosts,
            wildcards,
            any: self.known[ANY_HOST as usize],
            paths: self.paths,
            rules: self.rules.into(),
            conditions: reader.conditions.into(),
            patterns: reader.patterns.finish(),
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
    match by_conditions.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(()),
        Some(pair) => Err(RouteError::Duplicate {
            host: pair[1].2.hostname.to_string(),
            path: path_text(pair[1].2).to_owned(),
        }),
    }
}

/// The path of a rule, as it was given.
fn path_text(matching: &Match) -> &str {
    let (PathMatch::Prefix(text) | PathMatch::Exact(text) | PathMatch::Regex(text)) = &matching.path;
    text
}
