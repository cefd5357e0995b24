//! One mutation, one event.

use super::*;

fn told(state: &mut ConfigState, value: serde_json::Value) -> Vec<String> {
    let mutation = resolved(state, value).expect("a valid change");
    let events = mutation.events(state);
    assert_eq!(state.apply(&mutation), Ok(Applied::Changed));
    events.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_added_changed_and_removed_is_told_once() {
    let mut state = site();
    let backend = |name: &str, set: serde_json::Value| {
        let (cluster, backend) = ("api", "one");
        match name {
            "backend_remove" => json!({"change": name, "cluster": cluster, "backend": backend}),
            _ => json!({"change": name, "cluster": cluster, "backend": backend, "set": set}),
        }
    };
    for (value, lines) in [
        (
            backend("backend_update", json!({"weight": 5})),
            &["BACKEND_UPDATED cluster=api backend=one address=10.0.0.1:80: weight"][..],
        ),
        (
            backend("backend_update", json!({"state": "drain"})),
            &["BACKEND_ADMIN_CHANGED cluster=api backend=one address=10.0.0.1:80: drain, was ready"],
        ),
        (
            backend("backend_update", json!({"state": "maint", "weight": null})),
            &[
                "BACKEND_ADMIN_CHANGED cluster=api backend=one address=10.0.0.1:80: maint, was drain",
                "BACKEND_UPDATED cluster=api backend=one address=10.0.0.1:80: weight",
            ],
        ),
        (
            backend("backend_remove", json!({})),
            &["BACKEND_REMOVED cluster=api backend=one address=10.0.0.1:80"],
        ),
        (
            json!({"change": "listener_deactivate", "listener": "web"}),
            &["LISTENER_DEACTIVATED listener=web address=127.0.0.1:80"],
        ),
        (
            json!({"change": "listener_update", "listener": "web", "set": {"active": true}}),
            &["LISTENER_ACTIVATED listener=web address=127.0.0.1:80"],
        ),
        (
            json!({"change": "listener_update", "listener": "web", "set": {"timeouts": {"head": "1s"}}}),
            &["LISTENER_UPDATED listener=web address=127.0.0.1:80: timeouts"],
        ),
        (
            json!({"change": "cluster_update", "cluster": "api", "set": {"queue_max": null, "retries": 2}}),
            &["CLUSTER_UPDATED cluster=api: retries, queue_max"],
        ),
        (
            json!({"change": "health_check_set", "cluster": "api", "set": {}}),
            &["HEALTH_CHECK_CONFIGURED cluster=api: set: http"],
        ),
        (
            json!({"change": "frontend_remove", "cluster": "api", "set": {"hostname": "a.example", "listeners": ["web"]}}),
            &["FRONTEND_REMOVED cluster=api: host \"a.example\" with path \"/\" on web"],
        ),
        (
            json!({"change": "daemon_update", "set": {"log_level": "debug"}}),
            &["LOGGING_LEVEL_CHANGED: debug, was info"],
        ),
        (
            json!({"change": "daemon_update", "set": {"drain_timeout": "9s"}}),
            &["DAEMON_UPDATED: drain_timeout"],
        ),
        (
            json!({"change": "listener_remove", "listener": "db"}),
            &["LISTENER_REMOVED listener=db address=127.0.0.1:81"],
        ),
    ] {
        assert_eq!(told(&mut state, value), lines);
    }
}

#[test]
fn each_mutation_tells_at_least_one_event_of_its_kind() {
    let state = site();
    for change in state.changes() {
        let mutation = state.resolve(&change).expect("it is in the state");
        let events = mutation.events(&state);
        assert_eq!(events.len(), 1, "{mutation:?}");
        assert!(events[0].kind != EventKind::ConfigurationRejected);
    }
}
