//! The rules of precedence, written as a scan over all rules, against the router.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use ringway_core::config::{Hostname, Match, PathMatch, Predicate, Test};

use super::parts::{any, exact, host, predicate, prefix, regex};
use crate::http1::Header;
use crate::routing::{Asked, Cache, Router, hosts, map};

type Pattern = (&'static str, fn(&str) -> bool);

/// Patterns, and what they mean, written without them.
const PATTERNS: [Pattern; 4] = [
    ("/a.*", |text| text.starts_with("/a")),
    ("/(a|ab)", |text| text == "/a" || text == "/ab"),
    (".*b", |text| text.ends_with('b')),
    ("[12]+", |text| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'1' | b'2'))),
];

/// Paths of rules, many of which begin with others.
const PATHS: [&str; 9] = ["/", "//", "/a", "/a/", "/a/b", "/a/b/", "/a/b/a", "/ab", "/b//a"];

/// A request, in pieces that a scan need not take apart.
#[derive(Debug, Clone)]
struct Wanted {
    labels: Vec<&'static str>,
    host_tail: &'static str,
    path: String,
    query: Option<Vec<(&'static str, Option<&'static str>)>>,
    method: &'static str,
    fields: Vec<(&'static str, &'static str)>,
}

impl Wanted {
    fn target(&self) -> String {
        let piece = |&(name, value): &(&str, Option<&str>)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.to_owned(),
        };
        match &self.query {
            None => self.path.clone(),
            Some(query) => format!("{}?{}", self.path, query.iter().map(piece).collect::<Vec<_>>().join("&")),
        }
    }

    fn look_up(&self, router: &Router<usize>) -> Option<usize> {
        self.look_up_with(router, &mut router.cache())
    }

    fn look_up_with(&self, router: &Router<usize>, cache: &mut Cache) -> Option<usize> {
        let headers: Vec<Header<'_>> =
            self.fields.iter().map(|&(name, value)| Header { name, value: value.as_bytes() }).collect();
        let (host, path) = (self.labels.join(".") + self.host_tail, self.target());
        let (host, path, method) = (host.as_bytes(), path.as_bytes(), self.method.as_bytes());
        router.lookup(&Asked { host, path, method, headers: &headers }, cache)
    }

    /// The most specific of all rules that fit wholly.
    fn scan(&self, rules: &[Match]) -> Option<usize> {
        let fitting = rules.iter().enumerate().filter_map(|(order, rule)| {
            let (host, path) = (self.host_rank(rule)?, self.path_rank(rule, rules)?);
            let predicates = rule.headers.len() + rule.query.len();
            let rank = (host, path, 1_000 - predicates, rule.methods.is_empty(), order);
            (self.has_method(rule) && self.has_predicates(rule)).then_some(rank)
        });
        fitting.min().map(|rank| rank.4)
    }

    fn host_rank(&self, rule: &Match) -> Option<usize> {
        let labels: Vec<String> = self.labels.iter().map(|label| label.to_lowercase()).collect();
        match &rule.hostname {
            Hostname::Exact(name) => (labels.join(".") == **name).then_some(0),
            Hostname::Wildcard(name) => {
                let suffix: Vec<&str> = name.split('.').skip(1).collect();
                let fits = labels.len() > suffix.len() && labels[labels.len() - suffix.len()..] == suffix[..];
                fits.then_some(1_000 - suffix.len())
            }
            Hostname::Any => Some(1_000),
        }
    }

    fn path_rank(&self, rule: &Match, rules: &[Match]) -> Option<(usize, usize)> {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        match &rule.path {
            PathMatch::Exact(exact) => (path == &**exact).then_some((0, 0)),
            PathMatch::Regex(pattern) => {
                let same = |other: &Match| (&other.hostname, &other.path) == (&rule.hostname, &rule.path);
                let first = rules.iter().position(same)?;
                matches(pattern, path).then_some((1, first))
            }
            PathMatch::Prefix(prefix) => {
                let prefix = prefix.trim_end_matches('/');
                let fits = path == prefix || path.starts_with(&format!("{prefix}/")) || prefix.is_empty();
                fits.then_some((2, 1_000 - prefix.len()))
            }
        }
    }

    fn has_method(&self, rule: &Match) -> bool {
        rule.methods.is_empty() || rule.methods.iter().any(|method| **method == *self.method)
    }

    fn has_predicates(&self, rule: &Match) -> bool {
        let fields: Vec<_> = self.fields.iter().map(|&(name, value)| (name.to_lowercase(), value)).collect();
        let parameters: Vec<_> = self
            .query
            .iter()
            .flatten()
            .map(|&(name, value)| (name.to_owned(), value.unwrap_or_default()))
            .collect();
        rule.headers.iter().all(|predicate| holds(predicate, &fields))
            && rule.query.iter().all(|predicate| holds(predicate, &parameters))
    }
}

fn holds(predicate: &Predicate, all: &[(String, &str)]) -> bool {
    let mut values = all.iter().filter(|(name, _)| *name == *predicate.name).map(|&(_, value)| value);
    match &predicate.test {
        Test::Present => values.next().is_some(),
        Test::Absent => values.next().is_none(),
        Test::Equals(wanted) => values.any(|value| value == &**wanted),
        Test::Prefix(start) => values.any(|value| value.starts_with(&**start)),
        Test::Regex(pattern) => values.any(|value| matches(pattern, value)),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    PATTERNS.iter().any(|&(known, means)| known == pattern && means(text))
}

fn rule() -> impl Strategy<Value = Match> {
    let hosts = ["b.a", "b.b.a", "*.a", "*.b.a"].map(host).into_iter().chain([any(), any()]);
    let hosts = select(hosts.map(|rule| rule.hostname).collect::<Vec<_>>());
    let paths = prop_oneof![
        2 => select(&PATHS[..]).prop_map(exact),
        4 => select(&PATHS[..]).prop_map(prefix),
        1 => Just(prefix("/")),
        2 => select(&PATTERNS[..]).prop_map(|pattern| regex(pattern.0)),
    ];
    let methods =
        prop_oneof![2 => Just(Vec::new()), 1 => subsequence(vec!["GET".into(), "PUT".into()], 1..=2)];
    let predicates = || {
        let all = ["x", "!x", "x=1", "y^1", "y~[12]+", "!y", "y=2"].map(predicate);
        prop_oneof![4 => Just(Vec::new()), 1 => subsequence(all.to_vec(), 0..3)]
    };
    (hosts, paths, methods, predicates(), predicates()).prop_map(
        |(hostname, path, methods, headers, query)| Match { hostname, path, methods, headers, query },
    )
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let value = || select(vec!["", "1", "2", "12", "1x"]);
    (
        prop::collection::vec(select(vec!["a", "b", "A", "B"]), 0..4),
        select(vec!["", ":80", "."]),
        (select(&PATHS[..]), select(vec!["", "", "/", "a", "/b"])),
        prop::option::of(prop::collection::vec(
            (select(vec!["x", "y", "z"]), prop::option::of(value())),
            1..4,
        )),
        select(vec!["GET", "PUT", "POST"]),
        prop::collection::vec((select(vec!["x", "Y", "y", "X"]), value()), 0..4),
    )
        .prop_map(|(labels, host_tail, (path, path_tail), query, method, fields)| Wanted {
            labels,
            host_tail,
            path: if path_tail.is_empty() && path == "/" {
                String::new()
            } else {
                path.to_owned() + path_tail
            },
            query,
            method,
            fields,
        })
}

/// What makes a rule the same as another: prefixes that differ by slashes at their end only are the same path.
fn identity(rule: &Match) -> Match {
    let path = match &rule.path {
        PathMatch::Prefix(path) => prefix(path.trim_end_matches('/')),
        other => other.clone(),
    };
    Match { path, ..rule.clone() }
}

/// The same rule, written differently where that is possible.
fn rewritten(rule: &Match) -> Match {
    let hostname = match &rule.hostname {
        Hostname::Exact(name) => Hostname::Exact(name.to_uppercase().into()),
        Hostname::Wildcard(name) => Hostname::Wildcard(format!("{name}.").into()),
        Hostname::Any => Hostname::Any,
    };
    let path = match &rule.path {
        PathMatch::Prefix(path) => prefix(&format!("{path}/")),
        other => other.clone(),
    };
    let methods = rule.methods.iter().rev().cloned().collect();
    Match { hostname, path, methods, ..rule.clone() }
}

/// One edit: which of the rules go, by their place, and which may come, with what orders them.
type Edit = (Vec<Index>, Vec<(Match, u32)>);

fn edit() -> impl Strategy<Value = Edit> {
    (
        prop::collection::vec(prop::arbitrary::any::<Index>(), 0..6),
        prop::collection::vec((rule(), 0..1_000u32), 0..12),
    )
}

/// With this, a host and a wildcard of [`rule`] fall into one bucket.
static COLLIDING: LazyLock<ahash::RandomState> = LazyLock::new(|| {
    let mut hashers = (0..).map(|seed| ahash::RandomState::with_seeds(seed, 1, 2, 3));
    let bucket = |hasher: &_, scope| Router::<usize>::number(map::hash(hasher, scope, b"b.a"));
    let collide = |hasher: &_| bucket(hasher, hosts::EXACT) == bucket(hasher, hosts::WILDCARD);
    hashers.find(collide).expect("one of a thousand does")
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn a_look_up_finds_what_a_scan_finds(
        mut rules in prop::collection::vec(rule(), 0..24),
        all in prop::collection::vec(wanted(), 1..16),
    ) {
        let mut seen = BTreeSet::new();
        rules.retain(|rule| seen.insert(identity(rule)));
        let router = Router::build(rules.iter().zip(0..)).expect("no duplicates");
        for wanted in all {
            prop_assert_eq!(wanted.look_up(&router), wanted.scan(&rules), "{:?}", wanted);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Whatever edits led to it, a router does what its rules say, with one cache all along; and those before it still do.
    #[test]
    fn an_edited_router_finds_what_one_built_from_scratch_and_a_scan_find(
        edits in prop::collection::vec(edit(), 1..8),
        all in prop::collection::vec(wanted(), 1..12),
    ) {
        // By what orders them, which is also their target.
        let mut rules: BTreeMap<usize, Match> = BTreeMap::new();
        let mut router = Router::with_hasher(COLLIDING.clone());
        let mut cache = router.cache();
        let mut routers = Vec::new();
        for (gone, come) in edits {
            let gone: BTreeSet<usize> = match rules.len() {
                0 => BTreeSet::new(),
                many => gone.iter().filter_map(|it| rules.keys().nth(it.index(many)).copied()).collect(),
            };
            let removed: Vec<Match> = gone.iter().filter_map(|order| rules.remove(order)).collect();
            let removed: Vec<Match> = removed.iter().map(rewritten).collect();
            let mut seen: BTreeSet<Match> = rules.values().map(identity).collect();
            let mut added = Vec::new();
            for (rule, order) in come {
                let order = order as usize;
                if !rules.contains_key(&order) && seen.insert(identity(&rule)) {
                    rules.insert(order, rule.clone());
                    added.push((Arc::new(rule), order as u64, order));
                }
            }
            router = router.edit(&removed, added).expect("what is there goes, and what is not comes");
            let scratch = Router::build(rules.iter().map(|(order, rule)| (rule, *order)));
            let scratch = scratch.expect("no duplicates");
            let (orders, in_order): (Vec<usize>, Vec<Match>) = rules.clone().into_iter().unzip();
            let mut found = Vec::new();
            for wanted in &all {
                let target = wanted.look_up_with(&router, &mut cache);
                prop_assert_eq!(target, wanted.look_up(&scratch), "{:?}", wanted);
                prop_assert_eq!(target, wanted.scan(&in_order).map(|place| orders[place]), "{:?}", wanted);
                found.push(target);
            }
            routers.push((router.edit([], NONE).expect("nothing to do"), found));
        }
        for (router, found) in &routers {
            for (wanted, target) in all.iter().zip(found) {
                prop_assert_eq!(wanted.look_up_with(router, &mut cache), *target, "{:?}", wanted);
            }
        }
        let rest: Vec<&Match> = rules.values().collect();
        let bare = router.edit(rest, NONE).expect("all of them are there");
        drop((router, routers));
        prop_assert!(bare.is_bare());
    }
}

const NONE: [(Match, u64, usize); 0] = [];
