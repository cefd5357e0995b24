//! What a verb is about, in short: names, numbers and keys, but no values of keys.

use std::fmt::Write as _;
use std::path::Path;

use ringway_core::change::Keys;
use ringway_core::{Change, Verb};
use serde_json::{Map, Value};

use super::line::bounded;

/// Changes of a batch that are named one by one; of the others the number is told.
pub(super) const CHANGES_NAMED_MAX: usize = 16;

/// Bytes of what is said of one change: two names of full length do not fit, ordinary ones do.
const CHANGE_BYTES_MAX: usize = 256;

/// Bytes of a path: the kernel's `PATH_MAX`.
const PATH_BYTES_MAX: usize = 4096;

/// Bytes of any other argument.
const ARGUMENT_BYTES_MAX: usize = 256;

/// Keys of a change that are named.
const KEYS_NAMED_MAX: usize = 8;

/// Characters of the name of a key: there is none that long, but somebody may ask for one.
const KEY_CHARS_MAX: usize = 128;

/// Adds to `fields` what `verb` is about.
pub(super) fn add(verb: &Verb, fields: &mut Map<String, Value>) {
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    match verb {
        Verb::Apply { changes, dry_run } => {
            set("changes", changes.len().into());
            let named = changes.iter().take(CHANGES_NAMED_MAX);
            set("what", named.map(|change| bounded(&of(change), CHANGE_BYTES_MAX)).collect());
            if *dry_run {
                set("dry_run", true.into());
            }
        }
        Verb::Reload { file, dry_run } | Verb::StateLoad { file, dry_run } => {
            if let Some(file) = file {
                set("file", path(file));
            }
            if *dry_run {
                set("dry_run", true.into());
            }
        }
        Verb::StateSave { file } => {
            if let Some(file) = file {
                set("file", path(file));
            }
        }
        Verb::MarkHealth { cluster, backend, healthy } => {
            set("cluster", cluster.as_str().into());
            set("backend", backend.as_str().into());
            set("healthy", (*healthy).into());
        }
        Verb::LogLevel { level } => {
            set("level", level.as_str().into());
        }
        Verb::Subscribe { since, kinds, .. } => {
            if let Some(since) = since {
                set("since", (*since).into());
            }
            if !kinds.is_empty() {
                set("kinds", kinds.iter().map(|kind| kind.as_str_name()).collect());
            }
        }
        Verb::Stop { hard } => {
            set("hard", (*hard).into());
        }
        Verb::ShardRelaunch { shard } => {
            set("shard", (*shard).into());
        }
        Verb::Fault { shard, panic, stall_ms } => {
            set("shard", (*shard).into());
            set("panic", (*panic).into());
            set("stall_ms", (*stall_ms).into());
        }
        Verb::Unavailable { feature } => {
            set("feature", bounded(feature, ARGUMENT_BYTES_MAX));
        }
        Verb::CountRequests
        | Verb::Status
        | Verb::Clusters { .. }
        | Verb::Listeners
        | Verb::Frontends { .. }
        | Verb::Hashes
        | Verb::Configuration => {}
    }
}

/// A path, as far as it is text.
pub(super) fn path(path: &Path) -> Value {
    bounded(&path.to_string_lossy(), PATH_BYTES_MAX)
}

/// Such as `backend_update api/api-1 weight,state`.
fn of(change: &Change) -> String {
    let mut text = change.name().to_owned();
    let mut say = |what: &str| {
        text.push(' ');
        text.push_str(what);
    };
    match change {
        Change::DaemonUpdate { set } => say(&keys(set)),
        Change::ListenerAdd { listener, .. }
        | Change::ListenerRemove { listener }
        | Change::ListenerActivate { listener }
        | Change::ListenerDeactivate { listener } => say(listener.as_str()),
        Change::ListenerUpdate { listener, set } => {
            say(listener.as_str());
            say(&keys(set));
        }
        Change::ClusterAdd { cluster, .. }
        | Change::ClusterRemove { cluster }
        | Change::HealthCheckSet { cluster, .. }
        | Change::HealthCheckRemove { cluster } => say(cluster.as_str()),
        Change::ClusterUpdate { cluster, set } => {
            say(cluster.as_str());
            say(&keys(set));
        }
        Change::FrontendAdd { cluster, set } | Change::FrontendRemove { cluster, set } => {
            say(cluster.as_str());
            say(&requests(set));
        }
        Change::BackendAdd { cluster, backend, .. } | Change::BackendRemove { cluster, backend } => {
            say(&format!("{cluster}/{backend}"));
        }
        Change::BackendUpdate { cluster, backend, set } => {
            say(&format!("{cluster}/{backend}"));
            say(&keys(set));
        }
        Change::RouteAdd { set } | Change::RouteRemove { set } => say(&requests(set)),
        Change::AnswerSet { status, .. } | Change::AnswerRemove { status } => say(&status.to_string()),
    }
    text
}

/// The names of the keys: `weight,state`.
fn keys(set: &Keys) -> String {
    let mut text = String::new();
    for (n, key) in set.keys().take(KEYS_NAMED_MAX).enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.extend(key.chars().take(KEY_CHARS_MAX));
    }
    if set.len() > KEYS_NAMED_MAX {
        write!(text, ",… {} keys", set.len()).expect("a String takes everything");
    }
    text
}

/// Which requests: `example.com/api`, the host and what is asked of the path, where they are given.
fn requests(set: &Keys) -> String {
    let mut text = String::new();
    for key in ["hostname", "path", "path_prefix", "path_regex"] {
        if let Some(Value::String(value)) = set.get(key) {
            text.push_str(value);
        }
    }
    if text.is_empty() { "any".to_owned() } else { text }
}
