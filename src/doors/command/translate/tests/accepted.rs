//! Whether the configuration takes what a translation makes.

use ringway_core::{Change, ConfigState};
use serde_json::{Value, json};

/// Applies them to what the tests' coordinator has; fails if one is refused.
pub(super) fn all(changes: &[Change]) {
    let mut state = ConfigState::new();
    let there: Vec<Change> = serde_json::from_value(there()).expect("changes");
    for change in there.iter().chain(changes) {
        let mutation = state.resolve(change).unwrap_or_else(|error| panic!("{change:?}: {error}"));
        if let Err(error) = state.apply(&mutation) {
            panic!("{change:?}: {error}");
        }
    }
}

fn there() -> Value {
    json!([
        { "change": "listener_add", "listener": "web", "set": { "address": "127.0.0.1:8080" } },
        { "change": "listener_add", "listener": "any", "set": { "address": "[::1]:0" } },
        { "change": "listener_add", "listener": "db", "set": { "address": "127.0.0.1:9000", "protocol": "tcp" } },
        { "change": "cluster_add", "cluster": "sql", "set": {} },
        { "change": "listener_add", "listener": "sql", "set":
            { "address": "127.0.0.1:9001", "protocol": "tcp", "cluster": "sql" } },
        { "change": "cluster_add", "cluster": "api", "set": {} },
        { "change": "cluster_add", "cluster": "known", "set":
            { "load_balancing": "maglev", "hash_key": "header:x-user", "retries": 0, "health_check": {} } },
        { "change": "backend_add", "cluster": "known", "backend": "b1", "set": { "address": "10.0.0.1:80" } },
        { "change": "backend_add", "cluster": "known", "backend": "b2", "set": { "address": "unix:/run/b2" } },
        { "change": "frontend_add", "cluster": "known", "set":
            { "listeners": ["web"], "hostname": "gone.example", "path": "/x", "methods": ["GET"] } },
        { "change": "route_add", "set":
            { "listeners": ["web"], "hostname": "gone.example", "respond": { "status": 401 } } },
    ])
}
