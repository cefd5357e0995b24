//! Listeners: added, changed in place, switched off and on, removed, while others serve on.

use std::time::Duration;

use serde_json::json;

use crate::common::control::{Controlled, ask, free_address, is_refused};
use crate::common::{Client, FaultyOrigin, LONG, Mood, Traffic, eventually};

#[test]
fn a_listener_that_is_added_serves_and_one_that_is_removed_lets_requests_finish() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let traffic = Traffic::start(daemon.address(), 2, Duration::from_millis(5));
    daemon.json("listener add more address=127.0.0.1:0");
    let address = daemon.listens("more");
    assert_ne!(address.port(), 0);
    // Enough for every shard to accept some.
    for _ in 0..20 {
        assert_eq!(ask(address, "test").status, 200);
    }
    let listed = daemon.json("listener list");
    assert_eq!(listed["listeners"].as_array().map(Vec::len), Some(2), "{listed}");
    origin.turn(Mood::Slow(Duration::from_millis(300)));
    let mut busy: Vec<_> = (0..4).map(|_| Client::connect(address)).collect();
    for client in &mut busy {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    eventually("they are under way", LONG, || (origin.in_flight() >= 4).then_some(()));
    daemon.json("listener remove more");
    assert!(is_refused(address));
    for client in &mut busy {
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        client.expect_closed();
    }
    origin.turn(Mood::Well);
    // Its name and its address are free again.
    daemon.json(&format!("listener add more address={address}"));
    assert_eq!(ask(address, "test").status, 200);
    traffic.expect_served(20);
}

#[test]
fn a_listener_that_is_switched_off_refuses_and_keeps_what_is_open_and_its_address() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    daemon.json("listener add more address=127.0.0.1:0");
    let address = daemon.listens("more");
    for round in 0..3 {
        let mut open: Vec<_> = (0..4).map(|_| Client::connect(address)).collect();
        assert!(open.iter_mut().all(|client| client.get("/").status == 200), "{round}");
        assert_eq!(daemon.json("listener deactivate more")["count"], 1);
        assert!(is_refused(address), "{round}");
        assert!(open.iter_mut().all(|client| client.get("/").status == 200), "{round}: open ones go on");
        assert_eq!(daemon.json("listener deactivate more")["count"], 0, "it is already");
        let listed = daemon.json("listener list");
        assert_eq!(listed["listeners"][1]["active"], json!(false), "{listed}");
        assert_eq!(daemon.listens("more"), address, "it stays its own");
        assert_eq!(daemon.json("listener activate more")["count"], 1);
        for _ in 0..10 {
            assert_eq!(ask(address, "test").status, 200, "{round}");
        }
        assert!(open.iter_mut().all(|client| client.get("/").status == 200), "{round}");
    }
    assert_eq!(daemon.client().get("/").status, 200);
}

#[test]
fn a_listener_may_begin_switched_off() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let address = free_address();
    daemon.json(&format!("listener add more address={address} active=false"));
    assert!(is_refused(address));
    daemon.json("listener activate more");
    assert_eq!(ask(address, "test").status, 200);
}

#[test]
fn settings_of_a_listener_hold_for_what_comes_next_also_on_open_connections() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let mut open = daemon.client();
    let long = format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(400));
    assert_eq!(open.ask(&long).status, 200);
    daemon.json("listener update main limits.uri_bytes=256B");
    assert_eq!(daemon.client().ask(&long).status, 414, "on a new connection");
    assert_eq!(open.get("/").status, 200);
    assert_eq!(open.ask(&long).status, 414, "on one that was open");
    daemon.json("listener update main --unset limits.uri_bytes");
    assert_eq!(daemon.client().ask(&long).status, 200);
}

#[test]
fn a_tcp_listener_passes_on_to_its_cluster_and_to_another_from_when_it_is_told_to() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    daemon.json("cluster add db");
    daemon.json(&format!("backend add db b address={}", b.address));
    daemon.json("listener add tcp address=127.0.0.1:0 protocol=tcp cluster=site");
    let address = daemon.listens("tcp");
    let mut open = Client::connect(address);
    assert_eq!(open.get("/").header("origin"), Some("a"));
    daemon.json("listener update tcp cluster=db");
    assert_eq!(ask(address, "test").header("origin"), Some("b"));
    assert_eq!(open.get("/").header("origin"), Some("a"), "an open connection goes on");
    assert_eq!(daemon.refusal("cluster remove db", 6)["code"], "in_use");
    daemon.json("listener remove tcp");
    assert!(is_refused(address));
    daemon.json("cluster remove db");
}

#[test]
fn an_address_that_is_taken_is_refused_and_nothing_is_half_added() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = daemon.hash(2);
    // The origin listens there.
    let refusal = daemon.refusal(&format!("listener add more address={}", origin.address), 1);
    assert_eq!(refusal["code"], "io", "{refusal}");
    assert!(
        refusal["message"].as_str().is_some_and(|text| text.contains(&origin.address.to_string())),
        "{refusal}"
    );
    assert_eq!(daemon.hash(2), before);
    let refusal = daemon.refusal("listener update main address=127.0.0.1:1", 2);
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("invalid"), &json!("address")), "{refusal}");
    let refusal = daemon.refusal("listener update main protocol=tcp", 2);
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("invalid"), &json!("protocol")), "{refusal}");
    assert_eq!(daemon.hash(2), before);
    assert_eq!(daemon.client().get("/").status, 200);
}
