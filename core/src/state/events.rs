//! What is told of a mutation once it was applied.

use super::{ConfigState, Mutation, Rule};
use crate::change::Keys;
use crate::config::{AdminState, Backend, Daemon, Described, Listener, LogLevel};
use crate::event::{Event, EventKind};
use crate::ids::{BackendId, ClusterId, ListenerName};

impl Mutation {
    /// What is told of it when it was applied to `before` and changed it: one event. Only where it changes whether a listener
    /// is active, the state of a backend, or the level of the log, that is an event of its own, and the other is told if something else was changed
    /// as well.
    #[must_use]
    pub fn events(&self, before: &ConfigState) -> Vec<Event> {
        let event = match self {
            Mutation::Daemon(daemon) => return daemon_updated(before.daemon(), daemon),
            Mutation::ListenerAdd(listener) => of_listener(EventKind::ListenerAdded, listener),
            Mutation::ListenerUpdate(listener) => return listener_updated(listener, before),
            Mutation::ListenerRemove(name) => named(EventKind::ListenerRemoved, name, before),
            Mutation::ListenerActivate(name) => named(EventKind::ListenerActivated, name, before),
            Mutation::ListenerDeactivate(name) => named(EventKind::ListenerDeactivated, name, before),
            Mutation::ClusterAdd(cluster) => Event::new(EventKind::ClusterAdded).cluster(&cluster.id),
            Mutation::ClusterUpdate(cluster) => {
                let keys = before.cluster(&cluster.id).map(|state| super::cluster_keys(&state.settings));
                let changed = changed(&keys.unwrap_or_default(), &super::cluster_keys(cluster));
                Event::new(EventKind::ClusterUpdated).cluster(&cluster.id).because(changed)
            }
            Mutation::ClusterRemove(cluster) => Event::new(EventKind::ClusterRemoved).cluster(cluster),
            Mutation::FrontendAdd(cluster, frontend) => {
                let event = Event::new(EventKind::FrontendAdded).cluster(cluster);
                event.because(rule(&frontend.listeners, Described(&frontend.matching)))
            }
            Mutation::FrontendRemove(cluster, listeners, matching) => {
                let event = Event::new(EventKind::FrontendRemoved).cluster(cluster);
                event.because(rule(listeners, Described(matching)))
            }
            Mutation::BackendAdd(cluster, backend) => of_backend(EventKind::BackendAdded, cluster, backend),
            Mutation::BackendUpdate(cluster, backend) => return backend_updated(cluster, backend, before),
            Mutation::BackendRemove(cluster, id) => {
                let event = Event::new(EventKind::BackendRemoved).cluster(cluster);
                match backend_of(before, cluster, id) {
                    Some(backend) => event.backend(id, &backend.address),
                    None => Event { backend: Some(id.clone()), ..event },
                }
            }
            Mutation::HealthCheckSet(cluster, check) => {
                let event = Event::new(EventKind::HealthCheckConfigured).cluster(cluster);
                event.because(format!("set: {}", check.protocol))
            }
            Mutation::HealthCheckRemove(cluster) => {
                Event::new(EventKind::HealthCheckConfigured).cluster(cluster).because("removed")
            }
            Mutation::RouteAdd(route) => {
                Event::new(EventKind::RouteAdded).because(rule(route.listeners(), Described(&route.matching)))
            }
            Mutation::RouteRemove(listeners, matching) => {
                Event::new(EventKind::RouteRemoved).because(rule(listeners, Described(matching)))
            }
            Mutation::AnswerSet(answer) => {
                Event::new(EventKind::AnswersChanged).because(format!("status {}: set", answer.status))
            }
            Mutation::AnswerRemove(status) => {
                Event::new(EventKind::AnswersChanged).because(format!("status {status}: built-in again"))
            }
        };
        vec![event]
    }
}

fn daemon_updated(old: &Daemon, daemon: &Daemon) -> Vec<Event> {
    let mut events = Vec::new();
    if old.log_level != daemon.log_level {
        let reason = format!("{}, was {}", daemon.log_level, old.log_level);
        events.push(Event::new(EventKind::LoggingLevelChanged).because(reason));
    }
    let without =
        |daemon: &Daemon| super::daemon_keys(&Daemon { log_level: LogLevel::default(), ..daemon.clone() });
    let changed = changed(&without(old), &without(daemon));
    if !changed.is_empty() || events.is_empty() {
        events.push(Event::new(EventKind::DaemonUpdated).because(changed));
    }
    events
}

fn of_listener(kind: EventKind, listener: &Listener) -> Event {
    Event::new(kind).listener(&listener.name, listener.address)
}

fn named(kind: EventKind, name: &ListenerName, before: &ConfigState) -> Event {
    match before.listener(name) {
        Some(state) => of_listener(kind, &state.listener),
        None => Event { listener: Some(name.clone()), ..Event::new(kind) },
    }
}

fn listener_updated(listener: &Listener, before: &ConfigState) -> Vec<Event> {
    let Some(state) = before.listener(&listener.name) else {
        return vec![of_listener(EventKind::ListenerUpdated, listener)];
    };
    let mut events = Vec::new();
    if state.listener.active != listener.active {
        let active = EventKind::ListenerActivated;
        let kind = if listener.active { active } else { EventKind::ListenerDeactivated };
        events.push(of_listener(kind, listener));
    }
    let without = |listener: &Listener| super::listener_keys(&Listener { active: true, ..listener.clone() });
    let changed = changed(&without(&state.listener), &without(listener));
    if !changed.is_empty() || events.is_empty() {
        events.push(of_listener(EventKind::ListenerUpdated, listener).because(changed));
    }
    events
}

fn backend_of<'s>(before: &'s ConfigState, cluster: &ClusterId, id: &BackendId) -> Option<&'s Backend> {
    before.cluster(cluster)?.backend(id).map(|backend| &**backend)
}

fn of_backend(kind: EventKind, cluster: &ClusterId, backend: &Backend) -> Event {
    Event::new(kind).cluster(cluster).backend(&backend.id, &backend.address)
}

fn backend_updated(cluster: &ClusterId, backend: &Backend, before: &ConfigState) -> Vec<Event> {
    let Some(old) = backend_of(before, cluster, &backend.id) else {
        return vec![of_backend(EventKind::BackendUpdated, cluster, backend)];
    };
    let mut events = Vec::new();
    if old.state != backend.state {
        let event = of_backend(EventKind::BackendAdminChanged, cluster, backend);
        events.push(event.because(format!("{}, was {}", backend.state, old.state)));
    }
    let without =
        |backend: &Backend| super::backend_keys(&Backend { state: AdminState::default(), ..backend.clone() });
    let changed = changed(&without(old), &without(backend));
    if !changed.is_empty() || events.is_empty() {
        events.push(of_backend(EventKind::BackendUpdated, cluster, backend).because(changed));
    }
    events
}

/// The names of the keys that differ.
fn changed(before: &Keys, after: &Keys) -> String {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let other = after.iter().filter(|(name, value)| before.get(*name) != Some(value)).map(|(name, _)| name);
    other.chain(gone).map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn rule(listeners: &[ListenerName], described: Described<'_>) -> String {
    match listeners {
        [] => described.to_string(),
        names => {
            let names: Vec<_> = names.iter().map(ListenerName::as_str).collect();
            format!("{described} on {}", names.join(", "))
        }
    }
}
