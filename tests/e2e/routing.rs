//! Which cluster gets a request.

use crate::common::{Daemon, Origin};

#[test]
fn host_and_path_choose_the_cluster_and_the_most_specific_wins() {
    let [site, api, v2, any] = ["site", "api", "v2", "any"].map(Origin::echo);
    let daemon = Daemon::configured(&format!(
        r#"
        listeners = [
            {{ name = "public", address = "127.0.0.1:0" }},
            {{ name = "inside", address = "127.0.0.1:0" }},
        ]
        [clusters.site]
        frontends = [{{ hostname = "www.example.com", listeners = ["public"] }}]
        backends = [{{ address = "{}" }}]
        [clusters.api]
        frontends = [
            {{ hostname = "www.example.com", path_prefix = "/api" }},
            {{ hostname = "api.example.com" }},
        ]
        backends = [{{ address = "{}" }}]
        [clusters.v2]
        frontends = [{{ hostname = "www.example.com", path_prefix = "/api/v2" }}]
        backends = [{{ address = "{}" }}]
        [clusters.any]
        frontends = [{{ listeners = ["inside"] }}]
        backends = [{{ address = "{}" }}]
        "#,
        site.address, api.address, v2.address, any.address
    ));
    for (listener, host, path, expected) in [
        ("public", "www.example.com", "/", Some("site")),
        ("public", "WWW.Example.COM", "/x", Some("site")),
        ("public", "www.example.com:8080", "/x?api", Some("site")),
        ("public", "www.example.com", "/api", Some("api")),
        ("public", "www.example.com", "/api/v1", Some("api")),
        ("public", "www.example.com", "/api/v2/x", Some("v2")),
        ("public", "api.example.com", "/anything", Some("api")),
        ("public", "example.com", "/", None),
        ("public", "other.example", "/api", None),
        ("inside", "other.example", "/api", Some("any")),
        ("inside", "www.example.com", "/api/v2", Some("v2")),
    ] {
        let mut client = crate::common::Client::connect(daemon.listener(listener));
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let answer = client.answer();
        let status = if expected.is_some() { 200 } else { 404 };
        assert_eq!((answer.status, answer.header("origin")), (status, expected), "{listener} {host} {path}");
    }
}

#[test]
fn a_request_without_a_route_leaves_the_connection_usable() {
    let origin = Origin::echo("one");
    let daemon = Daemon::configured(&format!(
        r#"
        listeners = [{{ name = "main", address = "127.0.0.1:0" }}]
        [clusters.site]
        frontends = [{{ path_prefix = "/known" }}]
        backends = [{{ address = "{}" }}]
        "#,
        origin.address
    ));
    let mut client = daemon.client();
    assert_eq!(client.get("/unknown").status, 404);
    assert_eq!(client.get("/known").status, 200);
    assert_eq!(client.get("/unknown").status, 404);
    assert_eq!(origin.requests(), 1);
}
