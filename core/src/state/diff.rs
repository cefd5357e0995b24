//! The mutations that make one state out of another.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::ordmap::DiffItem;

use super::uses::{Owner, Target, User, same_listeners};
use super::{ClusterState, ConfigState, Items, Mutation, Rule};
use crate::config::{Backend, Frontend, Listener, Match, PathMatch, Policy, Protocol};
use crate::ids::{BackendId, ClusterId, ListenerName};

/// Mutations by when they can be made: what is named has to be there, what is to be removed must be named by nobody, and
/// a name or an address has to be given back before somebody else gets it.
#[derive(Default)]
struct Steps {
    daemon: Vec<Mutation>,
    /// Routes, frontends and backends that go, or come back as something else.
    out: Vec<Mutation>,
    /// Listeners that lead to a cluster: it may go as well.
    tcp_out: Vec<Mutation>,
    clusters_in: Vec<Mutation>,
    /// Listeners that may lead to a new cluster instead of one that goes.
    listeners_changed: Vec<Mutation>,
    clusters_out: Vec<Mutation>,
    listeners_out: Vec<Mutation>,
    listeners_in: Vec<Mutation>,
    backends_changed: Vec<Mutation>,
    /// Frontends and backends that come.
    members_in: Vec<Mutation>,
    routes_in: Vec<Mutation>,
    answers: Vec<Mutation>,
}

impl ConfigState {
    /// The mutations that make `to` out of `from`, in an order in which they can be applied one by one. What both share is not
    /// looked at.
    ///
    /// A listener with another address, and a backend with another, is a new one of the same name: the old one is removed. So is
    /// what has to come behind something new because its order means something: backends of a cluster whose policy is `first`, and
    /// rules of one cluster, or routes, that can be of equal rank. Order among the rules of different clusters stays.
    #[must_use]
    pub fn diff(from: &ConfigState, to: &ConfigState) -> Vec<Mutation> {
        let mut steps = Steps::default();
        if from.daemon != to.daemon {
            steps.daemon.push(Mutation::Daemon(Arc::clone(&to.daemon)));
        }
        let replaced = listeners(from, to, &mut steps);
        let freed = rules_of(from, &replaced);
        clusters(from, to, &freed, &mut steps);
        routes(from, to, &freed, &mut steps);
        for item in from.answers.diff(&to.answers) {
            steps.answers.push(match item {
                DiffItem::Remove(status, _) => Mutation::AnswerRemove(*status),
                DiffItem::Add(_, new) | DiffItem::Update { new: (_, new), .. } => {
                    Mutation::AnswerSet((**new).clone())
                }
            });
        }
        steps.in_order()
    }
}

impl Steps {
    fn in_order(self) -> Vec<Mutation> {
        let mut all = self.daemon;
        for more in [
            self.out,
            self.tcp_out,
            self.clusters_in,
            self.listeners_changed,
            self.clusters_out,
            self.listeners_out,
            self.listeners_in,
            self.backends_changed,
            self.members_in,
            self.routes_in,
            self.answers,
        ] {
            all.extend(more);
        }
        all
    }
}

/// The listeners that are removed and added again.
fn listeners(from: &ConfigState, to: &ConfigState, steps: &mut Steps) -> Vec<ListenerName> {
    let mut replaced = Vec::new();
    let remove = |listener: &Listener, steps: &mut Steps| {
        let of_its_kind = match listener.protocol {
            Protocol::Tcp => &mut steps.tcp_out,
            Protocol::Http => &mut steps.listeners_out,
        };
        of_its_kind.push(Mutation::ListenerRemove(listener.name.clone()));
    };
    let mut added = Vec::new();
    for item in from.listeners.diff(&to.listeners) {
        match item {
            DiffItem::Remove(_, old) => remove(&old.listener, steps),
            DiffItem::Add(_, new) => added.push(new),
            DiffItem::Update { old: (name, old), new: (_, new) } => {
                let (before, after) = (&old.listener, &new.listener);
                if before.address == after.address && before.protocol == after.protocol {
                    steps.listeners_changed.push(changed_listener(before, after));
                } else {
                    replaced.push(name.clone());
                    remove(before, steps);
                    added.push(new);
                }
            }
        }
    }
    added.sort_by_key(|state| state.ordinal);
    let added = added.into_iter().map(|state| Mutation::ListenerAdd(Arc::new(state.listener.clone())));
    steps.listeners_in.extend(added);
    replaced
}

fn changed_listener(before: &Listener, after: &Listener) -> Mutation {
    if (Listener { active: after.active, ..before.clone() }) != *after {
        return Mutation::ListenerUpdate(Arc::new(after.clone()));
    }
    let name = after.name.clone();
    if after.active { Mutation::ListenerActivate(name) } else { Mutation::ListenerDeactivate(name) }
}

/// The rules that name one of `listeners`: they have to let go of it.
fn rules_of(from: &ConfigState, listeners: &[ListenerName]) -> BTreeSet<Owner> {
    let users = listeners.iter().flat_map(|name| from.users(Target::Listener(name.clone())));
    let rules = users.filter_map(|user| match user {
        User::Rule(owner) => Some(owner.clone()),
        User::Listener(_) => None,
    });
    rules.collect()
}

fn clusters(from: &ConfigState, to: &ConfigState, freed: &BTreeSet<Owner>, steps: &mut Steps) {
    let mut added = Vec::new();
    let mut compared = BTreeSet::new();
    for item in from.clusters.diff(&to.clusters) {
        match item {
            DiffItem::Remove(id, _) => steps.clusters_out.push(Mutation::ClusterRemove(id.clone())),
            DiffItem::Add(_, new) => added.push(new),
            DiffItem::Update { old: (id, old), new: (_, new) } => {
                compared.insert(id.clone());
                cluster(old, new, freed, steps);
            }
        }
    }
    for id in freed.iter().filter_map(|owner| owner.cluster.as_ref()) {
        if let (true, Some(old), Some(new)) =
            (compared.insert(id.clone()), from.clusters.get(id), to.clusters.get(id))
        {
            cluster(old, new, freed, steps);
        }
    }
    added.sort_by_key(|state| state.ordinal);
    for state in added {
        steps.clusters_in.push(Mutation::ClusterAdd(Arc::clone(&state.settings)));
        let id = &state.settings.id;
        let frontends = state.frontends.iter();
        steps.members_in.extend(frontends.map(|new| Mutation::FrontendAdd(id.clone(), Arc::clone(new))));
        let backends = state.backends.iter();
        steps.members_in.extend(backends.map(|new| Mutation::BackendAdd(id.clone(), Arc::clone(new))));
    }
}

fn cluster(old: &ClusterState, new: &ClusterState, freed: &BTreeSet<Owner>, steps: &mut Steps) {
    let id = &new.settings.id;
    if old.settings != new.settings {
        steps.clusters_in.push(Mutation::ClusterUpdate(Arc::clone(&new.settings)));
    }
    let is_freed = |ordinal| freed.contains(&Owner { cluster: Some(id.clone()), ordinal });
    let any_freed = || old.frontends.ordered().any(|(ordinal, _)| is_freed(ordinal));
    if !old.frontends.same_in_order(&new.frontends) || (!freed.is_empty() && any_freed()) {
        frontends(id, old, new, is_freed, steps);
    }
    if !old.backends.same_in_order(&new.backends) {
        backends(id, old, new, steps);
    }
}

fn frontends(
    id: &ClusterId,
    old: &ClusterState,
    new: &ClusterState,
    is_freed: impl Fn(u64) -> bool,
    steps: &mut Steps,
) {
    let (gone, come) = rules(&old.frontends, &new.frontends, is_freed);
    steps.out.extend(gone.into_iter().map(|rule: &Arc<Frontend>| {
        Mutation::FrontendRemove(id.clone(), rule.listeners.clone(), rule.matching.clone())
    }));
    steps.members_in.extend(come.into_iter().map(|rule| Mutation::FrontendAdd(id.clone(), rule.clone())));
}

fn backends(id: &ClusterId, old: &ClusterState, new: &ClusterState, steps: &mut Steps) {
    let remove = |backend: &BackendId| Mutation::BackendRemove(id.clone(), backend.clone());
    let kept_by = |backend: &Backend| backend.sticky_id.clone().unwrap_or_else(|| backend.id.as_str().into());
    let taken: BTreeSet<Arc<str>> = old.backends.iter().map(|backend| kept_by(backend)).collect();
    for backend in old.backends.iter().filter(|backend| !new.ids.contains_key(&backend.id)) {
        steps.out.push(remove(&backend.id));
    }
    // Those that stay, by their old ordinal.
    let stays = |backend: &Backend| {
        let ordinal = *old.ids.get(&backend.id)?;
        let before = old.backends.get(ordinal)?;
        let swaps = kept_by(before) != kept_by(backend) && taken.contains(&kept_by(backend));
        (before.address == backend.address && !swaps).then_some(ordinal)
    };
    let moved = match new.settings.load_balancing {
        Policy::First => moved(new.backends.iter().map(|backend| stays(backend))),
        _ => BTreeSet::new(),
    };
    for backend in new.backends.iter() {
        let ordinal = stays(backend).filter(|ordinal| !moved.contains(ordinal));
        match ordinal.and_then(|ordinal| old.backends.get(ordinal)) {
            Some(before) if before == backend => {}
            Some(_) => {
                steps.backends_changed.push(Mutation::BackendUpdate(id.clone(), Arc::clone(backend)));
            }
            None => {
                steps.out.extend(old.ids.contains_key(&backend.id).then(|| remove(&backend.id)));
                steps.members_in.push(Mutation::BackendAdd(id.clone(), Arc::clone(backend)));
            }
        }
    }
}

/// Of the items of a new order, given by their old ordinals, or none if they come: those that stay and yet have to come, since
/// what comes is the last. All from the first on that does not stand where it stood among those that stay.
fn moved(order: impl Iterator<Item = Option<u64>>) -> BTreeSet<u64> {
    let order: Vec<_> = order.collect();
    let mut old: Vec<_> = order.iter().copied().flatten().collect();
    old.sort_unstable();
    let in_place = order.iter().zip(&old).take_while(|(new, old)| **new == Some(**old)).count();
    old.drain(in_place..).collect()
}

fn routes(from: &ConfigState, to: &ConfigState, freed: &BTreeSet<Owner>, steps: &mut Steps) {
    if from.routes.ptr_eq(&to.routes) && freed.is_empty() {
        return;
    }
    let is_freed = |ordinal| freed.contains(&Owner { cluster: None, ordinal });
    let (gone, come) = rules(&from.routes, &to.routes, is_freed);
    let removed = gone.into_iter().map(|rule| (rule.listeners.clone(), rule.matching.clone()));
    steps.out.extend(removed.map(|(listeners, matching)| Mutation::RouteRemove(listeners, matching)));
    steps.routes_in.extend(come.into_iter().map(|rule| Mutation::RouteAdd(Arc::clone(rule))));
}

/// The rules of `old` that go, and those of `new` that come. One that has changed does both, as does one that is freed.
fn rules<'r, R: Rule + PartialEq>(
    old: &'r Items<R>,
    new: &'r Items<R>,
    is_freed: impl Fn(u64) -> bool,
) -> (Vec<&'r Arc<R>>, Vec<&'r Arc<R>>) {
    let mut before: Vec<_> = old.ordered().collect();
    before.sort_by(|(_, one), (_, two)| one.matching().cmp(two.matching()));
    let stays = |rule: &Arc<R>| {
        let first = before.partition_point(|(_, old)| old.matching() < rule.matching());
        let mut alike = before[first..].iter().take_while(|(_, old)| old.matching() == rule.matching());
        let same = alike.find(|(_, old)| same_listeners(old.listeners(), rule.listeners()));
        let (ordinal, old) = same?;
        ((Arc::ptr_eq(old, rule) || *old == rule) && !is_freed(*ordinal)).then_some(*ordinal)
    };
    let stay: Vec<_> = new.iter().map(|rule| (stays(rule), rule)).collect();
    let ranked = stay.iter().filter(|(_, rule)| !is_plain(rule.matching()));
    let moved = moved(ranked.map(|(ordinal, _)| *ordinal));
    let is_kept = |ordinal: &Option<u64>| ordinal.is_some_and(|ordinal| !moved.contains(&ordinal));
    let kept: BTreeSet<_> =
        stay.iter().filter(|(ordinal, _)| is_kept(ordinal)).flat_map(|(ordinal, _)| *ordinal).collect();
    let come = stay.iter().filter(|(ordinal, _)| !is_kept(ordinal)).map(|(_, rule)| *rule);
    let gone = old.ordered().filter(|(ordinal, _)| !kept.contains(ordinal)).map(|(_, rule)| rule);
    (gone.collect(), come.collect())
}

/// Whether no other rule of its listeners can be of its rank: only its host and its path say what it is for.
fn is_plain(matching: &Match) -> bool {
    let Match { hostname: _, path, methods, headers, query } = matching;
    !matches!(path, PathMatch::Regex(_)) && methods.is_empty() && headers.is_empty() && query.is_empty()
}
