//! Backends.

use super::*;

fn backend(id: &str, address: &str) -> AddBackend {
    AddBackend {
        cluster_id: "known".to_owned(),
        backend_id: id.to_owned(),
        address: at(address),
        ..AddBackend::default()
    }
}

#[test]
fn a_new_backend_is_added() {
    let whole = AddBackend {
        sticky_id: Some("s".to_owned()),
        load_balancing_parameters: Some(LoadBalancingParams { weight: 50 }),
        backup: Some(true),
        ..backend("b9", "[::1]:80")
    };
    assert_eq!(
        changes(RequestType::AddBackend(whole)),
        json!([{ "change": "backend_add", "cluster": "known", "backend": "b9", "set":
            { "weight": 50, "backup": true, "sticky_id": "s", "address": "[::1]:80" } }])
    );
    let unix = AddBackend { unix_path: Some("/run/b".to_owned()), ..backend("b9", "0.0.0.0:0") };
    assert_eq!(
        changes(RequestType::AddUnixBackend(unix)),
        json!([{ "change": "backend_add", "cluster": "known", "backend": "b9", "set": { "address": "unix:/run/b" } }])
    );
}

#[test]
fn a_backend_that_is_there_is_updated_and_one_that_moved_is_replaced() {
    assert_eq!(
        changes(RequestType::AddBackend(backend("b1", "10.0.0.1:80"))),
        json!([{ "change": "backend_update", "cluster": "known", "backend": "b1", "set":
            { "weight": null, "backup": null, "sticky_id": null } }])
    );
    assert_eq!(
        changes(RequestType::AddBackend(backend("b1", "10.0.0.2:80"))),
        json!([
            { "change": "backend_remove", "cluster": "known", "backend": "b1" },
            { "change": "backend_add", "cluster": "known", "backend": "b1", "set": { "address": "10.0.0.2:80" } },
        ])
    );
}

#[test]
fn a_backend_is_removed_by_its_name_and_address() {
    let remove = |id: &str, address: &str| {
        RequestType::RemoveBackend(RemoveBackend {
            cluster_id: "known".to_owned(),
            backend_id: id.to_owned(),
            address: at(address),
        })
    };
    assert_eq!(
        changes(remove("b1", "10.0.0.1:80")),
        json!([{ "change": "backend_remove", "cluster": "known", "backend": "b1" }])
    );
    assert_eq!(
        changes(remove("b2", "0.0.0.0:0")),
        json!([{ "change": "backend_remove", "cluster": "known", "backend": "b2" }])
    );
    for (id, address, field) in [("b1", "10.0.0.2:80", "address"), ("b9", "10.0.0.1:80", "backend_id")] {
        let refusal = refusal(remove(id, address));
        assert_eq!((refusal.code, refusal.field.as_deref()), (ErrorCode::NotFound, Some(field)));
    }
}

#[test]
fn what_a_backend_can_not_be_is_refused_by_name() {
    refused_by_name(
        &backend("b9", "10.0.0.1:80"),
        &[
            ("cluster_id", |backend| backend.cluster_id = String::new()),
            ("backend_id", |backend| backend.backend_id = "a b".to_owned()),
            ("address", |backend| backend.address = SocketAddress::default()),
            ("address", |backend| backend.address.port = 65_536),
            ("unix_path", |backend| backend.unix_path = Some("run/b".to_owned())),
            ("unix_path", |backend| backend.unix_path = Some("/x".repeat(60))),
        ],
        RequestType::AddBackend,
    );
}
