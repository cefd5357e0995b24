//! The keys of a section as JSON, those at their defaults left out.

use serde_json::{Map, Value as Json};

use super::{Value, cluster, listener, of_answer, of_daemon, of_route, of_rule};
use crate::config::keys::{Fallback, Key, Kind, Section};
use crate::config::units::{duration_text, size_text};
use crate::config::{
    AnswerFiles, Backend, Cluster, Daemon, Frontend, HealthCheck, Listener, Match, Protocol, Rewrite, Route,
};
use crate::ids::ListenerName;

type Keys = Map<String, Json>;

/// The keys of `[daemon]`.
#[must_use]
pub fn daemon_keys(daemon: &Daemon) -> Keys {
    keys(Section::Daemon, of_daemon(daemon))
}

/// The keys of a listener, without its name.
#[must_use]
pub fn listener_keys(listener: &Listener) -> Keys {
    let is_tcp = listener.protocol == Protocol::Tcp;
    let mut set = keys(Section::Listener, listener::of_listener(listener));
    set.shift_remove("name");
    some(&mut set, "timeouts", keys(Section::Timeouts, listener::of_timeouts(&listener.timeouts, is_tcp)));
    if !is_tcp {
        some(&mut set, "limits", keys(Section::Limits, listener::of_limits(&listener.limits)));
        some(
            &mut set,
            "forwarding",
            keys(Section::Forwarding, listener::of_forwarding(&listener.forwarding)),
        );
        if let Some(limit) = &listener.rate_limit {
            table(&mut set, "rate_limit", keys(Section::RateLimit, listener::of_rate_limit(limit)));
        }
    }
    set
}

/// The keys of a cluster, without its name, frontends and backends.
#[must_use]
pub fn cluster_keys(cluster: &Cluster) -> Keys {
    let mut set = keys(Section::Cluster, cluster::of_cluster(cluster));
    if let Some(sticky) = &cluster.sticky {
        table(&mut set, "sticky", keys(Section::Sticky, cluster::of_sticky(sticky)));
    }
    if let Some(check) = &cluster.health_check {
        table(&mut set, "health_check", health_check_keys(check));
    }
    if let Some(outliers) = &cluster.outlier_detection {
        let outliers = keys(Section::OutlierDetection, cluster::of_outlier_detection(outliers));
        table(&mut set, "outlier_detection", outliers);
    }
    set
}

/// The keys of a cluster's health check.
#[must_use]
pub fn health_check_keys(check: &HealthCheck) -> Keys {
    keys(Section::HealthCheck, cluster::of_health_check(check))
}

/// The keys of a frontend.
#[must_use]
pub fn frontend_keys(frontend: &Frontend) -> Keys {
    let Frontend { listeners, matching, rewrite } = frontend;
    keys(Section::Frontend, |name| of_rule(listeners, matching, rewrite, name))
}

/// The keys of a frontend or a route that say which requests are meant.
#[must_use]
pub fn match_keys(listeners: &[ListenerName], matching: &Match) -> Keys {
    let rewrite = Rewrite::default();
    keys(Section::Frontend, |name| of_rule(listeners, matching, &rewrite, name))
}

/// The keys of a backend, without its name.
#[must_use]
pub fn backend_keys(backend: &Backend) -> Keys {
    let mut set = keys(Section::Backend, cluster::of_backend(backend));
    set.shift_remove("id");
    set
}

/// The keys of a route.
#[must_use]
pub fn route_keys(route: &Route) -> Keys {
    keys(Section::Route, |name| of_route(route, name))
}

/// The keys of answers, without their status.
#[must_use]
pub fn answer_keys(answer: &AnswerFiles) -> Keys {
    let mut set = keys(Section::Answers, |name| of_answer(answer, name));
    set.shift_remove("status");
    set
}

fn keys(section: Section, mut value: impl FnMut(&str) -> Value) -> Keys {
    let mut set = Keys::new();
    for key in section.keys() {
        if let Value::Is(value) = value(key.name) {
            insert(&mut set, key, value);
        }
    }
    set
}

fn insert(set: &mut Keys, key: &Key, mut value: Json) {
    if is_default(key, &value) {
        return;
    }
    if let (Kind::Table(section), Json::Object(entries)) = (key.kind, &mut value) {
        let mut all = std::mem::take(entries);
        for key in section.keys() {
            if let Some(value) = all.remove(key.name) {
                insert(entries, key, value);
            }
        }
    }
    set.insert(key.name.to_owned(), value);
}

fn is_default(key: &Key, value: &Json) -> bool {
    match (key.fallback, value) {
        (Fallback::Duration(duration), Json::String(text)) => *text == duration_text(duration),
        (Fallback::Size(bytes), Json::String(text)) => *text == size_text(bytes),
        (Fallback::Integer(number), value) => value.as_u64() == Some(number),
        (Fallback::Boolean(default), value) => *value == default,
        (Fallback::Text(default), Json::String(text)) => text == default,
        (Fallback::Texts(default), Json::Array(texts)) => {
            default.len() == texts.len() && default.iter().zip(texts).all(|(default, text)| text == default)
        }
        // Free names and nothing under any of them.
        (Fallback::Means(_), Json::Object(entries)) => {
            matches!(key.kind, Kind::Pairs { .. }) && entries.is_empty()
        }
        _ => false,
    }
}

/// A table that is there whatever it says.
fn table(set: &mut Keys, name: &str, keys: Keys) {
    set.insert(name.to_owned(), Json::Object(keys));
}

/// A table that is there if it says something.
fn some(set: &mut Keys, name: &str, keys: Keys) {
    if !keys.is_empty() {
        table(set, name, keys);
    }
}
