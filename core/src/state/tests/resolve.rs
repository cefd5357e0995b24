//! Keys become settings, with the words of the file's reader where they do not.

use super::*;

#[track_caller]
fn refused(state: &mut ConfigState, value: serde_json::Value, code: ErrorCode, text: &str) {
    let before = state.clone();
    let error = applied(state, value).expect_err("it is refused");
    assert_eq!((error.code, error.to_string().as_str()), (code, text));
    assert_eq!(*state, before);
}

#[test]
fn a_key_is_refused_with_the_words_of_the_file() {
    let mut state = site();
    let add = |set: serde_json::Value| json!({"change": "backend_add", "cluster": "api", "backend": "two", "set": set});
    for (set, text) in [
        (json!({"adress": "10.0.0.1:80"}), "adress: unknown key; did you mean \"address\"?"),
        (
            json!({}),
            "address: required key is missing; expected string: `IP:port`, `[IPv6]:port` or `unix:/path`",
        ),
        (json!({"address": "10.0.0.1:80", "weight": -1}), "weight: -1 is out of range, 1 to 1000"),
        (
            json!({"address": "10.0.0.1:80", "weight": 1.5}),
            "weight: expected an integer, found the float 1.5",
        ),
        (
            json!({"address": "10.0.0.1:80", "weight": "5"}),
            "weight: expected an integer, found the string \"5\"; write 5 without quotes",
        ),
        (
            json!({"address": "10.0.0.1:80", "id": "x"}),
            "id: another argument of the change says it already; remove it",
        ),
        (
            json!({"address": "10.0.0.1:80", "state": "reddy"}),
            "state: unknown value \"reddy\"; did you mean \"ready\"?",
        ),
    ] {
        refused(&mut state, add(set), ErrorCode::Invalid, text);
    }
    let update = |set: serde_json::Value| json!({"change": "cluster_update", "cluster": "api", "set": set});
    for (set, text) in [
        (
            json!({"health_check": {"intervall": "5s"}}),
            "health_check.intervall: unknown key; did you mean \"interval\"?",
        ),
        (json!({"backends": []}), "backends: is not part of the cluster's own settings; use backend_add"),
    ] {
        refused(&mut state, update(set), ErrorCode::Invalid, text);
    }
    let frontend = |set: serde_json::Value| json!({"change": "frontend_add", "cluster": "api", "set": set});
    for (set, text) in [
        (json!({"listeners": ["web", "web"]}), "listeners[1]: \"web\" is listed twice"),
        (json!({"methods": [null]}), "methods[0]: null is no element of a list"),
        (
            json!({"headers": [{"name": "x", "equals": 5}]}),
            "headers[0].equals: expected a string, found the integer 5",
        ),
    ] {
        refused(&mut state, frontend(set), ErrorCode::Invalid, text);
    }
}

#[test]
fn a_change_that_does_not_fit_says_what_is_in_its_way() {
    let mut state = site();
    for (value, code, text) in [
        (
            json!({"change": "cluster_remove", "cluster": "apy"}),
            ErrorCode::NotFound,
            "cluster: there is no cluster \"apy\"; did you mean \"api\"?",
        ),
        (
            json!({"change": "cluster_add", "cluster": "api", "set": {}}),
            ErrorCode::Exists,
            "cluster: there is already a cluster \"api\"",
        ),
        (
            json!({"change": "cluster_remove", "cluster": "api"}),
            ErrorCode::InUse,
            "cluster: a route for host \"b.example\" with path \"/\" names cluster \"api\"; remove it first",
        ),
        (
            json!({"change": "listener_remove", "listener": "web"}),
            ErrorCode::InUse,
            "listener: a frontend of cluster \"api\" for host \"a.example\" with path \"/\" names listener \"web\"; remove it first",
        ),
        (
            json!({"change": "listener_add", "listener": "two", "set": {"address": "127.0.0.1:80"}}),
            ErrorCode::Exists,
            "address: listener \"web\" already is at 127.0.0.1:80",
        ),
        (
            json!({"change": "listener_update", "listener": "web", "set": {"address": "127.0.0.1:82"}}),
            ErrorCode::Invalid,
            "address: a listener keeps its address, 127.0.0.1:80; remove it and add it where it shall be",
        ),
        (
            json!({"change": "backend_update", "cluster": "api", "backend": "one", "set": {"address": "10.0.0.9:80"}}),
            ErrorCode::Invalid,
            "address: a backend keeps its address, 10.0.0.1:80; remove it and add it where it shall be",
        ),
        (
            json!({"change": "backend_remove", "cluster": "api", "backend": "onne"}),
            ErrorCode::NotFound,
            "backend: cluster \"api\" has no backend \"onne\"; did you mean \"one\"?",
        ),
        (
            json!({"change": "route_add", "set": {"hostname": "a.example", "redirect": "/x"}}),
            ErrorCode::Exists,
            "there is already a frontend of cluster \"api\" for host \"a.example\" with path \"/\"; change `listeners`, \
             `hostname` or `path_prefix` of one of them",
        ),
        (
            json!({"change": "frontend_remove", "cluster": "api", "set": {"hostname": "a.example"}}),
            ErrorCode::NotFound,
            "cluster \"api\" has no frontend for host \"a.example\" with path \"/\" and these listeners; there is a frontend of \
             cluster \"api\" for host \"a.example\" with path \"/\", listeners: web",
        ),
        (
            json!({"change": "frontend_add", "cluster": "api", "set": {"listeners": ["db"]}}),
            ErrorCode::Invalid,
            "listeners: listener \"db\" speaks tcp: there is no request to look at; its own `cluster` says who serves it",
        ),
        (
            json!({"change": "answer_remove", "status": 503}),
            ErrorCode::NotFound,
            "status: the answer with status 503 is the built-in one",
        ),
    ] {
        refused(&mut state, value, code, text);
    }
}

#[test]
fn an_update_begins_with_what_is_there_and_null_is_the_default() {
    let mut state = site();
    let update = |set: serde_json::Value| json!({"change": "cluster_update", "cluster": "api", "set": set});
    let settings = |state: &ConfigState| {
        Keys::clone(&cluster_keys(&state.cluster(&cluster("api")).expect("it is there").settings))
    };
    for (set, is) in [
        (json!({"retries": 5}), json!({"queue_max": 7, "retries": 5})),
        (
            json!({"health_check": {"interval": "9s"}}),
            json!({"queue_max": 7, "retries": 5, "health_check": {"interval": "9s"}}),
        ),
        (
            json!({"health_check": {"rise": 4}}),
            json!({"queue_max": 7, "retries": 5, "health_check": {"interval": "9s", "rise": 4}}),
        ),
        (
            json!({"health_check": {"interval": null}, "queue_max": null}),
            json!({"retries": 5, "health_check": {"rise": 4}}),
        ),
        (json!({"health_check": null, "sticky": {}}), json!({"retries": 5, "sticky": {}})),
    ] {
        assert_eq!(applied(&mut state, update(set)), Ok(Applied::Changed));
        assert_eq!(settings(&state), keys(&is));
    }
    assert_eq!(applied(&mut state, update(json!({"retries": 5}))), Ok(Applied::Unchanged));
}

#[test]
fn a_tcp_listener_may_lead_nowhere_and_a_cluster_may_be_empty() {
    let mut state = ConfigState::new();
    let add = json!({"change": "listener_add", "listener": "db", "set": {"address": "127.0.0.1:1", "protocol": "tcp"}});
    assert_eq!(applied(&mut state, add), Ok(Applied::Changed));
    assert_eq!(
        applied(&mut state, json!({"change": "cluster_add", "cluster": "c", "set": {}})),
        Ok(Applied::Changed)
    );
    assert!(state.to_config().clusters[0].backends.is_empty());
}

#[test]
fn a_check_with_a_port_and_a_unix_socket_exclude_each_other() {
    let mut state = site();
    let socket = |name| json!({"change": "backend_add", "cluster": "api", "backend": name, "set": {"address": "unix:/x"}});
    let check = || json!({"change": "health_check_set", "cluster": "api", "set": {"port": 99}});
    let mut checked = state.clone();
    assert_eq!(applied(&mut checked, check()), Ok(Applied::Changed));
    assert_eq!(applied(&mut checked, socket("u")).expect_err("no ports").field.as_deref(), Some("address"));
    assert_eq!(applied(&mut state, socket("u")), Ok(Applied::Changed));
    assert_eq!(applied(&mut state, check()).expect_err("no ports").field.as_deref(), Some("port"));
}

#[test]
fn a_shorter_interval_takes_what_followed_it_along() {
    let mut state = site();
    let set = json!({"change": "health_check_set", "cluster": "api", "set": {"interval": "20s"}});
    assert_eq!(applied(&mut state, set), Ok(Applied::Changed));
    let update =
        json!({"change": "cluster_update", "cluster": "api", "set": {"health_check": {"interval": "1s"}}});
    assert_eq!(applied(&mut state, update), Ok(Applied::Changed));
    let check = state.cluster(&cluster("api")).and_then(|state| state.settings.health_check.clone());
    let check = check.expect("it was set");
    let second = std::time::Duration::from_secs(1);
    assert_eq!((check.interval, check.fast_interval, check.timeout), (second, second, second));
}
