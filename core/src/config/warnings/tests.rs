//! What is hardly meant is told, and what is meant is not.

use super::*;

fn warnings(listen: &str, frontend: &str, backend: &str) -> Vec<String> {
    let file = format!(
        r#"
        listeners = [{{ name = "a", address = "127.0.0.1:1" }}, {{ name = "b", address = "{listen}" }}]
        [clusters.c]
        frontends = [{{ {frontend} }}]
        backends = [{{ address = "{backend}" }}]
        "#
    );
    let config = Config::read("file", file.as_bytes()).expect("valid");
    config.warnings().iter().map(Warning::to_string).collect()
}

#[test]
fn what_is_meant_gives_no_warning() {
    assert_eq!(warnings("0.0.0.0:2", "", "127.0.0.1:3"), [""; 0]);
    assert_eq!(warnings("0.0.0.0:2", r#"listeners = ["a", "b"]"#, "10.0.0.1:2"), [""; 0]);
}

#[test]
fn a_listener_without_a_frontend_is_told() {
    let told = warnings("0.0.0.0:2", r#"listeners = ["a"]"#, "127.0.0.1:3");
    assert_eq!(told, [r#"no frontend holds for listener "b": each of its requests gets 404"#]);
}

#[test]
fn a_cluster_that_nobody_leads_to_is_told() {
    let told = |rest: &str| {
        let file = format!(
            r#"
            listeners = [{{ name = "a", address = "127.0.0.1:1", {rest}
            [clusters]
            seen = {{ frontends = [{{}}], backends = [{{ address = "127.0.0.1:3" }}] }}
            c = {{ backends = [{{ address = "127.0.0.1:3" }}] }}
            "#
        );
        let config = Config::read("file", file.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
        config.warnings().iter().map(Warning::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told("}]"),
        [r#"no frontend, no route and no listener leads to cluster "c": it gets nothing"#]
    );
    assert_eq!(told(r#"protocol = "tcp", cluster = "c" }]"#), [""; 0]);
    assert_eq!(told("}]\nroutes = [{ hostname = \"x\", cluster = \"c\" }]"), [""; 0]);
    assert_eq!(told("}]\nroutes = [{ hostname = \"x\", split = { seen = 1, c = 0 } }]"), [""; 0]);
}

#[test]
fn a_route_serves_a_listener_as_a_frontend_does() {
    let file = r#"
        listeners = [{ name = "a", address = "127.0.0.1:1" }, { name = "b", address = "127.0.0.1:2" }]
        routes = [{ listeners = ["b"], redirect = "https://{host}{path}{query}" }]
        clusters.c = { frontends = [{ listeners = ["a"] }], backends = [{ address = "127.0.0.1:3" }] }
    "#;
    let config = Config::read("file", file.as_bytes()).expect("valid");
    assert_eq!(config.warnings(), []);
}

#[test]
fn a_backend_that_is_a_listener_is_told() {
    for (listen, backend) in [("10.0.0.1:2", "10.0.0.1:2"), ("0.0.0.0:2", "127.0.0.1:2")] {
        let told = warnings(listen, "", backend);
        assert!(told.len() == 1 && told[0].contains(r#"is listener "b""#), "{told:?}");
    }
}

/// What a file with these parts of cluster `c` is told; `tcp`: a TCP listener leads there as well, `web`: a frontend does.
fn of_cluster(cluster: &str, tcp: bool, web: bool) -> Vec<String> {
    let relay = r#"{ name = "db", address = "127.0.0.1:2", protocol = "tcp", cluster = "c" },"#;
    let frontends = "frontends = [{}]";
    let file = format!(
        "listeners = [{} {{ name = \"web\", address = \"127.0.0.1:1\" }}]\n\
         clusters.other = {{ {}, backends = [{{ address = \"127.0.0.1:3\" }}] }}\n\
         [clusters.c]\n{}\n{cluster}\n{}",
        if tcp { relay } else { "" },
        if web { "" } else { frontends },
        if web { frontends } else { "" },
        if cluster.contains("backends") { "" } else { "backends = [{ address = \"127.0.0.1:4\" }]" },
    )
    .replace("{ , ", "{ ");
    let config = Config::read("file", file.as_bytes()).unwrap_or_else(|errors| panic!("{errors}\n{file}"));
    let warnings = config.warnings();
    let about_other =
        |warning: &&Warning| matches!(warning, Warning::Unreached { cluster } if cluster.as_str() == "other");
    warnings.iter().filter(|warning| !about_other(warning)).map(Warning::to_string).collect()
}

#[test]
fn a_setting_that_another_leaves_without_effect_is_told() {
    let no_hash = "`load_balancing` is neither \"maglev\" nor \"rendezvous\"";
    for (cluster, key, why) in [
        (r#"hash_key = "uri""#, "hash_key", no_hash),
        ("load_balancing = \"first\"\nhash_balance = 125", "hash_balance", no_hash),
        ("load_balancing = \"random\"\nchoices = 3", "choices", "`load_balancing` is not \"power_of_two\""),
        (
            "load_balancing = \"random\"\nload_metric = \"latency\"",
            "load_metric",
            "`load_balancing` is neither \"least_loaded\" nor \"power_of_two\"",
        ),
        (
            r#"queue_timeout = "1s""#,
            "queue_timeout",
            "there is neither `max_in_flight` nor `max_connections` to wait at",
        ),
        (
            "retries = 0\nretry_budget = 50",
            "retry_budget",
            "with `retries = 0` there is no try beyond the first",
        ),
        (
            "outlier_detection = { server_errors = 0, gateway_errors = 0, connect_failures = 0, success_rate_deviations = 0 }",
            "outlier_detection",
            "each of its signals is set to 0",
        ),
        (
            r#"backends = [{ address = "127.0.0.1:4" }, { address = "127.0.0.1:5", sticky_id = "x" }]"#,
            "backends[1].sticky_id",
            "the cluster has no table `sticky`",
        ),
    ] {
        let told = format!("clusters.c.{key} has no effect: {why}");
        assert_eq!(of_cluster(cluster, false, true), [told], "{cluster}");
    }
}

#[test]
fn settings_that_have_an_effect_are_not_told() {
    for cluster in [
        "",
        "load_balancing = \"maglev\"\nhash_key = \"header:X\"\nhash_balance = 125",
        "load_balancing = \"rendezvous\"\nhash_key = \"cookie:X\"",
        "load_balancing = \"power_of_two\"\nchoices = 3\nload_metric = \"latency\"",
        "load_balancing = \"least_loaded\"\nload_metric = \"connections\"",
        "queue_timeout = \"1s\"\nmax_in_flight = 5",
        "queue_timeout = \"1s\"\nbackends = [{ address = \"127.0.0.1:4\", max_connections = 3 }]",
        "sticky = {}\nbackends = [{ address = \"127.0.0.1:4\", sticky_id = \"x\" }]",
        "outlier_detection = { server_errors = 0, gateway_errors = 0, success_rate_deviations = 0 }",
        "health_check = {}",
    ] {
        assert_eq!(of_cluster(cluster, false, true), [""; 0], "{cluster}");
    }
}

#[test]
fn a_cluster_without_a_ready_backend_is_told() {
    let backends = |one: &str, two: &str| {
        let backends = format!(
            "backends = [{{ address = \"127.0.0.1:4\", state = \"{one}\" }}, \
             {{ address = \"127.0.0.1:5\", state = \"{two}\" }}]"
        );
        of_cluster(&backends, false, true)
    };
    let told = "no backend of cluster \"c\" is \"ready\": each of its requests gets 503";
    assert_eq!(backends("maint", "maint"), [told]);
    assert_eq!(backends("drain", "maint"), [told]);
    assert_eq!(backends("ready", "maint"), [""; 0]);
}

#[test]
fn what_needs_requests_is_told_where_only_connections_come() {
    let sticky = "clusters.c.sticky has no effect: only listeners that speak tcp lead to the cluster, so there are no requests";
    assert_eq!(of_cluster("sticky = {}", true, false), [sticky]);
    assert_eq!(of_cluster("sticky = {}", true, true), [""; 0]);
    let hash = "load_balancing = \"maglev\"\nhash_key = \"uri\"";
    assert_eq!(of_cluster(hash, true, false), [sticky.replace("sticky", "hash_key")]);
    assert_eq!(of_cluster(hash, true, true), [""; 0]);
    assert_eq!(of_cluster("load_balancing = \"maglev\"", true, false), [""; 0]);
}

#[test]
fn a_check_over_http_is_told_where_only_connections_come() {
    let told = of_cluster("health_check = {}", true, false);
    assert!(told.len() == 1 && told[0].contains("the health check of cluster \"c\" speaks HTTP"), "{told:?}");
    for check in [r#"{ protocol = "tcp" }"#, "{ port = 8008 }"] {
        assert_eq!(of_cluster(&format!("health_check = {check}"), true, false), [""; 0], "{check}");
    }
    assert_eq!(of_cluster("health_check = {}", true, true), [""; 0]);
}

#[test]
fn a_wait_at_a_limit_of_sources_that_is_none_is_told() {
    let told = |daemon: &str| {
        let file = format!(
            "daemon = {{ {daemon} }}\nlisteners = [{{ name = \"a\", address = \"127.0.0.1:1\" }}]\n\
             clusters.c = {{ frontends = [{{}}], backends = [{{ address = \"127.0.0.1:3\" }}] }}"
        );
        let config = Config::read("file", file.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
        config.warnings().iter().map(Warning::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(r#"source_queue_timeout = "1s""#),
        ["daemon.source_queue_timeout has no effect: there is no `max_in_flight_per_source` to wait at"]
    );
    assert_eq!(told(r#"source_queue_timeout = "1s", max_in_flight_per_source = 3"#), [""; 0]);
}
