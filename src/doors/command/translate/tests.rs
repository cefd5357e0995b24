//! Requests of the protocol, what they become, and what comes back.

use ringway_core::verb::{BackendInfo, ClusterInfo, ListenerInfo};
use ringway_core::{ListenerName, Verb};
use serde_json::{Value, json};

use super::*;
use crate::doors::command::testing::{Desk, actor, run};
use crate::doors::command::wire::*;

mod accepted;
mod backends;
mod clusters;
mod frontends;
mod listeners;
mod others;

/// Two HTTP listeners and two for TCP, of which one has a cluster.
fn listeners() -> Vec<ListenerInfo> {
    let listener = |name: &str, address: &str, set: Value| ListenerInfo {
        listener: ListenerName::parse(name).expect("a name"),
        address: address.replace(":0", ":32768"),
        active: true,
        set: keys(json!({ "address": address }), set),
    };
    vec![
        listener("web", "127.0.0.1:8080", json!({ "timeouts": { "total": "1h", "head": "2500ms" } })),
        listener("any", "[::1]:0", json!({ "forwarding": { "forwarded": true } })),
        listener("db", "127.0.0.1:9000", json!({ "protocol": "tcp" })),
        listener("sql", "127.0.0.1:9001", json!({ "protocol": "tcp", "cluster": "sql" })),
    ]
}

fn keys(first: Value, second: Value) -> Keys {
    let objects = [first, second].map(|value| value.as_object().expect("an object").clone());
    objects.into_iter().flatten().collect()
}

/// A cluster with a backend at an address and one at a path.
fn known() -> ClusterInfo {
    let backend = |name: &str, address: &str, set: Value| BackendInfo {
        backend: name.parse().expect("a name"),
        address: address.to_owned(),
        state: "up".to_owned(),
        requests: 0,
        connections: 0,
        set: keys(json!({ "address": address }), set),
    };
    ClusterInfo {
        cluster: "known".parse().expect("a name"),
        available: true,
        hash: 9,
        set: keys(
            json!({}),
            json!({ "load_balancing": "maglev", "hash_key": "header:x-user", "retries": 0 }),
        ),
        frontends: vec![keys(json!({ "hostname": "a.example" }), json!({ "methods": ["GET", "PUT"] }))],
        backends: vec![
            backend("b1", "10.0.0.1:80", json!({ "weight": 7, "backup": true, "sticky_id": "s" })),
            backend("b2", "unix:/run/b2", json!({})),
        ],
    }
}

fn desk() -> Desk {
    Desk::new(|verb| match verb {
        Verb::Listeners => Ok(Answer::Listeners { listeners: listeners() }),
        Verb::Clusters { cluster: Some(cluster), .. } if cluster.as_str() != "known" => {
            Err(VerbError::new(ErrorCode::NotFound, "there is none").field("cluster"))
        }
        Verb::Clusters { .. } => Ok(Answer::Clusters { clusters: vec![known()] }),
        Verb::Unavailable { feature } => {
            Err(VerbError::new(ErrorCode::NotInThisBuild, format!("{feature}: not in this build")))
        }
        Verb::Apply { changes, .. } => Ok(Answer::Changed {
            generation: 8,
            dry_run: false,
            changes: vec![],
            count: changes.len(),
            late: vec![],
        }),
        _ => Ok(Answer::Done { generation: 7 }),
    })
}

/// The answer, and the verbs that were no questions of the translation itself.
fn ask(request: RequestType) -> (Result<Reply, VerbError>, Vec<Verb>) {
    run(async {
        let desk = desk();
        let result = answer(request, &desk.hub, &actor()).await;
        let asked = desk.asked().into_iter();
        (result, asked.filter(|verb| !matches!(verb, Verb::Listeners | Verb::Clusters { .. })).collect())
    })
}

/// The changes that a request becomes, as JSON.
#[track_caller]
fn changes(request: RequestType) -> Value {
    let (result, verbs) = ask(request);
    assert_eq!(result.expect("it is applied").message, "applied; generation 8");
    match verbs.as_slice() {
        [Verb::Apply { changes, dry_run: false }] => {
            accepted::all(changes);
            serde_json::to_value(changes).expect("plain data")
        }
        other => panic!("{other:?}"),
    }
}

/// The refusal of a request of which nothing reaches the coordinator.
#[track_caller]
fn refusal(request: RequestType) -> VerbError {
    let (result, verbs) = ask(request);
    assert_eq!(verbs, []);
    result.expect_err("it is refused")
}

fn at(address: &str) -> SocketAddress {
    address::to_wire(address.parse().expect("an address"))
}

/// A field, and how it gets a value that is refused.
type Wrong<M> = (&'static str, fn(&mut M));

/// Each of these fields is refused by its name.
fn refused_by_name<M: Clone>(message: &M, fields: &[Wrong<M>], request: impl Fn(M) -> RequestType) {
    for (field, set) in fields {
        let mut message = message.clone();
        set(&mut message);
        let refusal = refusal(request(message));
        assert_eq!(refusal.field.as_deref(), Some(*field), "{refusal}");
    }
}
