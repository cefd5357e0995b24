//! What only the whole file shows: names given twice, references without a target, rules that collide.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::net::SocketAddr;

use super::defaults::{PATTERNS_MAX, ROUTES_MAX};
use super::nearest::nearest;
use super::problem::{At, Problems, Refusal};
use super::{Match, PathMatch};
use crate::ids::{ClusterId, ListenerName};

/// What the file says and where, of all that has to fit together. Holds also the parts of pieces that were refused
/// for another reason, so that one slip is reported once.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) listeners: Vec<(ListenerName, At)>,
    /// Those of them that speak TCP.
    pub(super) tcp: BTreeSet<ListenerName>,
    /// A listener's name was missing or refused: any reference may mean that one.
    pub(super) has_unnamed_listener: bool,
    pub(super) addresses: Vec<(SocketAddr, At)>,
    pub(super) clusters: BTreeSet<ClusterId>,
    /// A cluster's name was refused: any reference may mean that one.
    pub(super) has_unnamed_cluster: bool,
    /// Each place that names a cluster.
    pub(super) to_clusters: Vec<(ClusterId, At)>,
    /// Each list of listeners.
    pub(super) to_listeners: Vec<Vec<(ListenerName, At)>>,
    pub(super) rules: Vec<Rule>,
    /// Where each pattern stands.
    pub(super) patterns: Vec<At>,
    pub(super) answers: Vec<(u16, At)>,
}

/// What a frontend or a route is for.
pub(super) struct Rule {
    pub(super) listeners: Vec<ListenerName>,
    pub(super) matching: Match,
    pub(super) at: At,
}

impl Seen {
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        once(&self.listeners, "name", problems);
        let bound: Vec<_> =
            self.addresses.iter().filter(|(address, _)| address.port() != 0).cloned().collect();
        once(&bound, "address", problems);
        once(&self.answers, "status", problems);
        for listeners in &self.to_listeners {
            self.check_listeners(listeners, problems);
        }
        self.check_clusters(problems);
        self.check_collisions(problems);
        if let Some(rule) = self.rules.get(ROUTES_MAX) {
            problems.add(&rule.at, Refusal::new(format!("more than {ROUTES_MAX} frontends and routes")));
        }
        if let Some(at) = self.patterns.get(PATTERNS_MAX) {
            problems.add(at, Refusal::new(format!("more than {PATTERNS_MAX} regular expressions")));
        }
    }

    /// Of the checks those that need no other part of a file.
    pub(super) fn check_lists(&self, problems: &mut Problems<'_>) {
        self.to_listeners.iter().for_each(|listeners| twice(listeners, problems));
    }

    fn check_listeners(&self, named: &[(ListenerName, At)], problems: &mut Problems<'_>) {
        let names = || self.listeners.iter().map(|(name, _)| name.as_str());
        twice(named, problems);
        for (name, at) in named {
            if self.tcp.contains(name) {
                let refusal =
                    Refusal::new(format!("listener \"{name}\" speaks tcp: there is no request to look at"));
                problems.add(at, refusal.hint("its own `cluster` says who serves it"));
            } else if !self.has_unnamed_listener && !names().any(|known| known == name.as_str()) {
                problems.add(at, unknown("listener", name.as_str(), names()));
            }
        }
    }

    fn check_clusters(&self, problems: &mut Problems<'_>) {
        if self.has_unnamed_cluster {
            return;
        }
        for (name, at) in self.to_clusters.iter().filter(|(name, _)| !self.clusters.contains(name)) {
            problems.add(at, unknown("cluster", name.as_str(), self.clusters.iter().map(ClusterId::as_str)));
        }
    }

    /// Two rules collide when a request could be meant by both and neither is more specific.
    fn check_collisions(&self, problems: &mut Problems<'_>) {
        let all = || self.listeners.iter().map(|(name, _)| name).filter(|name| !self.tcp.contains(*name));
        // `None`: whatever speaks HTTP, now or later.
        let mut taken: BTreeMap<(Option<&ListenerName>, &Match), &At> = BTreeMap::new();
        for Rule { listeners, matching, at } in &self.rules {
            let listeners: Vec<_> = match listeners.as_slice() {
                [] => std::iter::once(None).chain(all().map(Some)).collect(),
                named => named.iter().map(Some).collect(),
            };
            let other = listeners.iter().find_map(|listener| taken.get(&(*listener, matching)).copied());
            if let Some(other) = other {
                let (there, line) = (&other.path, problems.line(other));
                let refusal =
                    Refusal::new(format!("{there} (line {line}) already has {}", Described(matching)));
                problems
                    .add(at, refusal.hint("change `listeners`, `hostname` or `path_prefix` of one of them"));
            }
            for listener in listeners {
                taken.entry((listener, matching)).or_insert(at);
            }
        }
    }
}

/// A match in a few words.
#[derive(Clone, Copy)]
pub(crate) struct Described<'m>(pub(crate) &'m Match);

impl Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Match { hostname, path, methods, headers, query } = self.0;
        write!(f, "host \"{hostname}\" with ")?;
        match path {
            PathMatch::Prefix(path) => write!(f, "path \"{path}\"")?,
            PathMatch::Exact(path) => write!(f, "exactly the path \"{path}\"")?,
            PathMatch::Regex(pattern) => write!(f, "paths like {pattern:?}")?,
        }
        if !methods.is_empty() {
            write!(f, " for {}", methods.join(", "))?;
        }
        if !headers.is_empty() || !query.is_empty() {
            f.write_str(" and the same tests")?;
        }
        Ok(())
    }
}

fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Refusal {
    // What a person can still look through.
    const LISTED_MAX: usize = 16;
    let hint = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => {
            let listed: Vec<_> = known.clone().take(LISTED_MAX).collect();
            let more = if known.count() > LISTED_MAX { ", ..." } else { "" };
            format!("{what}s: {}{more}", listed.join(", "))
        }
    };
    Refusal::new(format!("there is no {what} \"{name}\"")).hint(hint)
}

/// Reports each value that an earlier entry of the list already is.
pub(super) fn twice<T: Ord + Display>(values: &[(T, At)], problems: &mut Problems<'_>) {
    let mut seen = BTreeSet::new();
    for (value, at) in values {
        if !seen.insert(value) {
            problems.add(at, Refusal::new(format!("\"{value}\" is listed twice")));
        }
    }
}

/// Reports the first entry beyond `max`.
pub(super) fn at_most<T>(values: &[(T, At)], max: usize, what: &str, problems: &mut Problems<'_>) {
    if let Some((_, at)) = values.get(max) {
        problems.add(at, Refusal::new(format!("more than {max} {what}")));
    }
}

/// Reports each value that an earlier entry already has.
fn once<T: Ord + Display>(values: &[(T, At)], what: &str, problems: &mut Problems<'_>) {
    let mut first: BTreeMap<&T, &At> = BTreeMap::new();
    for (value, at) in values {
        let earlier = *first.entry(value).or_insert(at);
        if !std::ptr::eq(earlier, at) {
            let (path, line) = (&earlier.path, problems.line(earlier));
            let refusal = Refusal::new(format!("{path} (line {line}) already is \"{value}\""));
            problems.add(at, refusal.hint(format!("give each its own {what}")));
        }
    }
}
