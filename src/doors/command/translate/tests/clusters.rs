//! Clusters and their health checks.

use super::*;

fn cluster(id: &str) -> Cluster {
    Cluster { cluster_id: id.to_owned(), ..Cluster::default() }
}

fn add(cluster: Cluster) -> RequestType {
    RequestType::AddCluster(Box::new(cluster))
}

fn check() -> HealthCheckConfig {
    HealthCheckConfig {
        uri: "/up".to_owned(),
        interval: 5,
        timeout: 2,
        healthy_threshold: 2,
        unhealthy_threshold: 4,
        ..HealthCheckConfig::default()
    }
}

#[test]
fn a_new_cluster_is_added_with_what_it_says() {
    assert_eq!(
        changes(add(cluster("new"))),
        json!([{ "change": "cluster_add", "cluster": "new", "set": { "load_balancing": "round_robin" } }])
    );
    let whole = Cluster {
        sticky_session: true,
        proxy_protocol: Some(ProxyProtocolConfig::Send.into()),
        load_balancing: LoadBalancingAlgorithms::Hrw.into(),
        affinity_cookie: Some("user".to_owned()),
        max_connection_attempts: Some(5),
        health_check: Some(check()),
        http2: Some(false),
        ..cluster("new")
    };
    assert_eq!(
        changes(add(whole)),
        json!([{ "change": "cluster_add", "cluster": "new", "set": {
            "load_balancing": "rendezvous",
            "hash_key": "cookie:user",
            "retries": 4,
            "send_proxy": "v2",
            "sticky": { "cookie": "SOZUBALANCEID" },
            "health_check": { "interval": "5s", "timeout": "2s", "rise": 2, "fall": 4, "path": "/up" },
        } }])
    );
}

#[test]
fn a_cluster_that_is_there_gets_back_its_defaults_and_keeps_what_the_protocol_can_not_say() {
    let changed = Cluster { load_balancing: LoadBalancingAlgorithms::Random.into(), ..cluster("known") };
    assert_eq!(
        changes(add(changed)),
        json!([{ "change": "cluster_update", "cluster": "known", "set": {
            "load_balancing": "random",
            "load_metric": null,
            "hash_key": null,
            "retries": null,
            "send_proxy": null,
            "sticky": null,
            "health_check": null,
        } }])
    );
}

#[test]
fn a_health_check_that_is_there_gets_back_its_defaults_as_well() {
    let changed = Cluster { health_check: Some(check()), ..cluster("known") };
    let changes = changes(add(changed));
    let check = &changes[0]["set"]["health_check"];
    assert_eq!((&check["path"], &check["statuses"]), (&json!("/up"), &Value::Null));
    assert!(check.as_object().expect("a table").contains_key("statuses"), "a null takes it back");
}

#[test]
fn what_a_cluster_can_not_be_is_refused_by_name() {
    refused_by_name(
        &cluster("new"),
        &[
            ("cluster_id", |cluster| cluster.cluster_id = "a/b".to_owned()),
            ("https_redirect", |cluster| cluster.https_redirect = true),
            ("proxy_protocol", |cluster| cluster.proxy_protocol = Some(0)),
            ("proxy_protocol", |cluster| cluster.proxy_protocol = Some(2)),
            ("load_balancing", |cluster| cluster.load_balancing = 6),
            ("load_metric", |cluster| cluster.load_metric = Some(3)),
            ("answer_503", |cluster| cluster.answer_503 = Some("x".to_owned())),
            ("http2", |cluster| cluster.http2 = Some(true)),
            ("answers", |cluster| _ = cluster.answers.insert("404".to_owned(), "x".to_owned())),
            ("https_redirect_port", |cluster| cluster.https_redirect_port = Some(1)),
            ("authorized_hashes", |cluster| cluster.authorized_hashes.push("x".to_owned())),
            ("www_authenticate", |cluster| cluster.www_authenticate = Some("x".to_owned())),
            ("max_connections_per_ip", |cluster| cluster.max_connections_per_ip = Some(1)),
            ("retry_after", |cluster| cluster.retry_after = Some(1)),
            ("udp", |cluster| cluster.udp = Some(UdpClusterConfig::default())),
            ("max_connections_per_subnet", |cluster| cluster.max_connections_per_subnet = Some(1)),
            ("affinity_cookie", |cluster| {
                (cluster.affinity_header, cluster.affinity_cookie) =
                    (Some("a".to_owned()), Some("b".to_owned()));
            }),
            ("shard_percent", |cluster| cluster.shard_percent = Some(1)),
            ("shard_min_backends", |cluster| cluster.shard_min_backends = Some(1)),
            ("shard_mode", |cluster| cluster.shard_mode = Some(0)),
            ("max_connection_attempts", |cluster| cluster.max_connection_attempts = Some(0)),
            ("health_check.mode", |cluster| {
                cluster.health_check = Some(HealthCheckConfig { mode: 9, ..HealthCheckConfig::default() });
            }),
            ("health_check.headers", |cluster| {
                let headers = vec![HealthCheckHeader::default()];
                cluster.health_check = Some(HealthCheckConfig { headers, ..HealthCheckConfig::default() });
            }),
            ("health_check.accepted_statuses", |cluster| {
                cluster.health_check = Some(HealthCheckConfig {
                    expected_status: 200,
                    accepted_statuses: vec![HttpStatusRange { start: 200, end: 299 }],
                    ..HealthCheckConfig::default()
                });
            }),
        ],
        add,
    );
}

#[test]
fn a_cluster_and_its_health_check_come_back_as_they_went() {
    let checks = [
        check(),
        HealthCheckConfig { expected_status: 204, port: Some(81), ..check() },
        HealthCheckConfig {
            accepted_statuses: vec![
                HttpStatusRange { start: 200, end: 399 },
                HttpStatusRange { start: 404, end: 404 },
            ],
            ..check()
        },
        HealthCheckConfig { mode: HealthCheckMode::Tcp.into(), uri: "/".to_owned(), ..check() },
    ];
    for check in checks {
        let sent = Cluster {
            sticky_session: true,
            proxy_protocol: Some(ProxyProtocolConfig::Send.into()),
            load_balancing: LoadBalancingAlgorithms::Maglev.into(),
            affinity_header: Some("x-user".to_owned()),
            max_connection_attempts: Some(2),
            health_check: Some(check),
            ..cluster("new")
        };
        let changes = changes(add(sent.clone()));
        let keys = changes[0]["set"].as_object().expect("keys");
        assert_eq!(super::super::cluster::to_wire("new", keys), sent);
    }
}

#[test]
fn a_health_check_is_set_and_removed() {
    let config = HealthCheckConfig { mode: HealthCheckMode::Tcp.into(), ..check() };
    let set = SetHealthCheck { cluster_id: "known".to_owned(), config };
    assert_eq!(
        changes(RequestType::SetHealthCheck(set)),
        json!([{ "change": "health_check_set", "cluster": "known", "set":
            { "interval": "5s", "timeout": "2s", "rise": 2, "fall": 4, "protocol": "tcp" } }])
    );
    assert_eq!(
        changes(RequestType::RemoveHealthCheck("known".to_owned())),
        json!([{ "change": "health_check_remove", "cluster": "known" }])
    );
    let (result, _) = ask(RequestType::QueryHealthChecks(QueryHealthChecks { cluster_id: None }));
    let none = ContentType::HealthChecksList(HealthChecksList::default());
    assert_eq!(result.expect("a list").content, Some(none));
}

#[test]
fn a_cluster_is_listed_with_all_that_belongs_to_it() {
    let (result, _) = ask(RequestType::QueryClusterById("known".to_owned()));
    let Some(ContentType::WorkerResponses(mut responses)) = result.expect("a list").content else {
        panic!("no responses of workers");
    };
    let content = responses.map.remove("main").expect("the main one").content_type;
    let Some(ContentType::Clusters(ClusterInformations { vec })) = content else { panic!("{content:?}") };
    let [information] = vec.as_slice() else { panic!("{vec:?}") };
    let configuration = Cluster {
        load_balancing: LoadBalancingAlgorithms::Maglev.into(),
        affinity_header: Some("x-user".to_owned()),
        max_connection_attempts: Some(1),
        ..cluster("known")
    };
    assert_eq!(information.configuration, Some(configuration));
    // Two methods, at two listeners.
    let addresses: Vec<_> = information.http_frontends.iter().map(|front| front.address.clone()).collect();
    assert_eq!(addresses, ["127.0.0.1:8080", "127.0.0.1:8080", "[::1]:32768", "[::1]:32768"].map(at));
    assert_eq!(information.tcp_frontends, []);
    let [first, second] = information.backends.as_slice() else { panic!("{information:?}") };
    assert_eq!(
        *first,
        AddBackend {
            cluster_id: "known".to_owned(),
            backend_id: "b1".to_owned(),
            address: at("10.0.0.1:80"),
            sticky_id: Some("s".to_owned()),
            load_balancing_parameters: Some(LoadBalancingParams { weight: 7 }),
            backup: Some(true),
            unix_path: None,
        }
    );
    assert_eq!(second.unix_path.as_deref(), Some("/run/b2"));
}
