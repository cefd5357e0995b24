//! Keys of items as JSON: those that are not at their defaults, what is changed in them, and how a change is made.

use serde_json::Value;

use crate::change::Keys;
use crate::config::keys::{Kind, Section};

pub use crate::config::{
    answer_keys, backend_keys, cluster_keys, daemon_keys, frontend_keys, health_check_keys, listener_keys,
    match_keys, route_keys,
};

/// Keys that no update says: another part of the change does, or they can not change.
const FIXED: &[&str] = &["name", "id", "address", "frontends", "backends"];

/// `set` with a `null` for each key that is at its default.
pub(super) fn complete(section: Section, mut set: Keys) -> Keys {
    for name in FIXED {
        set.shift_remove(*name);
    }
    for key in section.keys().filter(|key| !FIXED.contains(&key.name)) {
        match (key.kind, set.get_mut(key.name)) {
            (_, None) => drop(set.insert(key.name.to_owned(), Value::Null)),
            (Kind::Table(section), Some(Value::Object(table))) => {
                *table = complete(section, std::mem::take(table));
            }
            (_, Some(_)) => {}
        }
    }
    set
}

/// What has to be set to make `to` out of `from`.
pub(super) fn patch(section: Section, from: &Keys, to: &Keys) -> Keys {
    let mut set = Keys::new();
    for (name, value) in to.iter().filter(|(name, value)| from.get(*name) != Some(value)) {
        let value = match (table(section, name), from.get(name), value) {
            (Some(section), Some(Value::Object(from)), Value::Object(to)) => {
                Value::Object(patch(section, from, to))
            }
            _ => value.clone(),
        };
        set.insert(name.clone(), value);
    }
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        set.insert(name.clone(), Value::Null);
    }
    set
}

/// `base` with what `set` says: tables are changed key by key, `null` takes a key away.
pub(super) fn merge(section: Section, base: &mut Keys, set: &Keys) {
    for (name, value) in set {
        match (table(section, name), base.get_mut(name), value) {
            (_, _, Value::Null) => drop(base.shift_remove(name)),
            (Some(section), Some(Value::Object(base)), Value::Object(set)) => merge(section, base, set),
            (Some(section), _, Value::Object(set)) => {
                let mut table = Keys::new();
                merge(section, &mut table, set);
                base.insert(name.clone(), Value::Object(table));
            }
            _ => drop(base.insert(name.clone(), value.clone())),
        }
    }
}

fn table(section: Section, name: &str) -> Option<Section> {
    section.keys().find(|key| key.name == name).and_then(|key| match key.kind {
        Kind::Table(section) => Some(section),
        _ => None,
    })
}
