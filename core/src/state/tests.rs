//! States change by mutations, and only by those that fit.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::change::{Change, Keys};
use crate::config::tests::round_trip;
use crate::event::EventKind;
use crate::verb::{ErrorCode, VerbError};

mod model;
mod properties;
mod resolve;
mod telling;

fn cluster(name: &str) -> ClusterId {
    ClusterId::parse(name).expect("a name")
}

fn listener(name: &str) -> ListenerName {
    ListenerName::parse(name).expect("a name")
}

fn backend(name: &str) -> BackendId {
    BackendId::parse(name).expect("a name")
}

fn keys(value: &serde_json::Value) -> Keys {
    value.as_object().expect("keys").clone()
}

/// The change that JSON says.
fn change(value: serde_json::Value) -> Change {
    serde_json::from_value(value).expect("a change")
}

fn resolved(state: &ConfigState, value: serde_json::Value) -> Result<Mutation, VerbError> {
    state.resolve(&change(value))
}

fn applied(state: &mut ConfigState, value: serde_json::Value) -> Result<Applied, VerbError> {
    let mutation = resolved(state, value)?;
    state.apply(&mutation)
}

/// Listeners `web` and `db` (TCP, to `api`), cluster `api` with a frontend and a backend, a route to it.
fn site() -> ConfigState {
    let mut state = ConfigState::new();
    for value in [
        json!({"change": "listener_add", "listener": "web", "set": {"address": "127.0.0.1:80"}}),
        json!({"change": "cluster_add", "cluster": "api", "set": {"queue_max": 7}}),
        json!({"change": "frontend_add", "cluster": "api", "set": {"hostname": "a.example", "listeners": ["web"]}}),
        json!({"change": "backend_add", "cluster": "api", "backend": "one", "set": {"address": "10.0.0.1:80"}}),
        json!({"change": "listener_add", "listener": "db",
            "set": {"address": "127.0.0.1:81", "protocol": "tcp", "cluster": "api"}}),
        json!({"change": "route_add", "set": {"hostname": "b.example", "cluster": "api"}}),
    ] {
        assert_eq!(applied(&mut state, value), Ok(Applied::Changed));
    }
    state
}
