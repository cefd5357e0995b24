//! Who names whom: what a state must know to refuse a change without looking at everything.

use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use super::hash::Fnv;
use super::{ConfigState, Rule};
use crate::config::{Match, PathMatch, Predicate, Test};
use crate::ids::{ClusterId, ListenerName};

/// A frontend, or, without a cluster, a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) cluster: Option<ClusterId>,
    pub(super) ordinal: u64,
}

/// What is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Listener(ListenerName),
    Cluster(ClusterId),
}

/// Who names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum User {
    Rule(Owner),
    Listener(ListenerName),
}

impl User {
    /// Less than any other.
    const LEAST: User = User::Rule(Owner { cluster: None, ordinal: 0 });
}

impl ConfigState {
    /// Everyone who names `target`.
    pub(super) fn users(&self, target: Target) -> impl Iterator<Item = &User> {
        let from = (target.clone(), User::LEAST);
        let all = self.uses.range((Bound::Included(from), Bound::Unbounded));
        all.take_while(move |(named, _)| *named == target).map(|(_, user)| user)
    }

    /// The rule that `owner` is.
    pub(super) fn rule(&self, owner: &Owner) -> Option<&dyn Rule> {
        match &owner.cluster {
            None => self.routes.get(owner.ordinal).map(|route| &**route as &dyn Rule),
            Some(cluster) => {
                let frontend = self.clusters.get(cluster)?.frontends.get(owner.ordinal)?;
                Some(&**frontend as &dyn Rule)
            }
        }
    }

    /// The rules that match exactly the same, whatever listeners they hold for.
    pub(super) fn rules_for(&self, matching: &Match) -> impl Iterator<Item = (&Owner, &dyn Rule)> {
        let owners = self.rules.get(&key(matching)).map_or(&[][..], |owners| owners);
        let rules = owners.iter().filter_map(|owner| Some((owner, self.rule(owner)?)));
        rules.filter(move |(_, rule)| rule.matching() == matching)
    }

    /// Notes a rule; `clusters` are those that it leads to by name.
    pub(super) fn note_rule<'c>(
        &mut self,
        owner: &Owner,
        listeners: &'c [ListenerName],
        matching: &Match,
        clusters: impl Iterator<Item = &'c ClusterId>,
    ) {
        let key = key(matching);
        let others = self.rules.get(&key).map_or(&[][..], |owners| owners);
        let owners: Arc<[Owner]> = others.iter().cloned().chain([owner.clone()]).collect();
        self.rules.insert(key, owners);
        for target in targets(listeners, clusters) {
            self.uses.insert((target, User::Rule(owner.clone())));
        }
        self.rule_count += 1;
        self.pattern_count += patterns(matching);
    }

    /// Takes back what [`ConfigState::note_rule`] noted.
    pub(super) fn forget_rule<'c>(
        &mut self,
        owner: &Owner,
        listeners: &'c [ListenerName],
        matching: &Match,
        clusters: impl Iterator<Item = &'c ClusterId>,
    ) {
        let key = key(matching);
        let others = self.rules.get(&key).map_or(&[][..], |owners| owners);
        let owners: Arc<[Owner]> = others.iter().filter(|other| *other != owner).cloned().collect();
        match owners.is_empty() {
            true => drop(self.rules.remove(&key)),
            false => drop(self.rules.insert(key, owners)),
        }
        for target in targets(listeners, clusters) {
            self.uses.remove(&(target, User::Rule(owner.clone())));
        }
        self.rule_count -= 1;
        self.pattern_count -= patterns(matching);
    }
}

fn targets<'t>(
    listeners: &'t [ListenerName],
    clusters: impl Iterator<Item = &'t ClusterId>,
) -> impl Iterator<Item = Target> {
    let listeners = listeners.iter().cloned().map(Target::Listener);
    listeners.chain(clusters.cloned().map(Target::Cluster))
}

fn key(matching: &Match) -> u64 {
    let mut hasher = Fnv::default();
    matching.hash(&mut hasher);
    hasher.finish()
}

/// How many regular expressions a match has.
pub(super) fn patterns(matching: &Match) -> usize {
    let is_pattern = |test: &&Predicate| matches!(test.test, Test::Regex(_));
    usize::from(matches!(matching.path, PathMatch::Regex(_)))
        + matching.headers.iter().chain(&matching.query).filter(is_pattern).count()
}

/// Whether two rules that match the same hold for a common listener; none listed: for all.
pub(super) fn overlap(one: &[ListenerName], other: &[ListenerName]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|name| other.contains(name))
}

/// Whether both list the same, whatever the order.
pub(super) fn same_listeners(one: &[ListenerName], other: &[ListenerName]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.contains(name))
}
