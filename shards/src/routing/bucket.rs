//! The rules of the hosts that fall into one bucket, compiled: what edits share, or build anew.

use super::conditions::{Conditions, Rule};
use super::hosts::Known;
use super::map::ScopedMap;
use super::paths::{self, Paths};
use super::{Asked, Cache};

/// Where hosts are many, few of the buckets are in the processor's nearest cache: so what a host is found by is one line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket<T> {
    /// Exact and wildcard hosts. Foremost: it fills the first line.
    pub(super) hosts: ScopedMap<Known<T>>,
    /// Any host, which has a bucket of its own.
    pub(super) any: Option<Known<T>>,
    pub(super) paths: Paths,
    /// Rules of one path stand side by side, in their order of precedence.
    pub(super) rules: Box<[Rule<T>]>,
    /// The orders given, of each rule; empty where no rule has a pattern or conditions: the others have their path to
    /// themselves.
    pub(super) orders: Box<[u64]>,
    pub(super) conditions: Box<[Conditions]>,
}

impl<T: Copy> Bucket<T> {
    #[inline(always)]
    pub(super) fn of_host(&self, known: Known<T>, asked: &Asked<'_>, cache: &mut Cache) -> Option<T> {
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
            if of_pattern.program.matches(path, cache)
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
                Some(at) => self.conditions[at.index()].hold(asked, query, cache),
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
