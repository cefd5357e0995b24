//! Backends and health checks.

use std::time::Duration;

use serde_json::{Value, json};

use super::{share, spread};
use crate::common::control::{Controlled, change, site};
use crate::common::{Crowd, FaultyOrigin, LONG, Mood, eventually, from_origin, rest, with_status};

#[test]
fn a_backend_that_is_added_serves_and_one_that_is_removed_finishes_what_it_has() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    assert_eq!(share(&daemon, "a", 10), 10);
    let answer = daemon.json(&format!("backend add site b address={}", b.address));
    assert_eq!((&answer["answer"], &answer["count"]), (&json!("changed"), &json!(1)));
    eventually("both serve", LONG, || (spread(&daemon, 20).len() == 2).then_some(()));
    // A request is under way there.
    b.turn(Mood::Silent);
    let mut waiting: Vec<_> = (0..8).map(|_| daemon.client()).collect();
    for client in &mut waiting {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    eventually("it has some of them", LONG, || (b.in_flight() > 0).then_some(()));
    daemon.json("backend remove site b");
    let requests = b.requests();
    assert_eq!(share(&daemon, "a", 20), 20);
    assert_eq!(b.requests(), requests, "it gets nothing new");
    b.turn(Mood::Well);
    for client in &mut waiting {
        assert_eq!(client.answer().status, 200);
    }
    let listed = daemon.json("backend list site");
    let listed = listed["clusters"][0]["backends"].as_array().expect("backends").clone();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((&listed[0]["backend"], &listed[0]["state"]), (&json!("a"), &json!("up")));
    assert_eq!(listed[0]["address"], a.address.to_string());
}

#[test]
fn a_backend_in_drain_or_maintenance_gets_nothing_new_until_it_is_ready_again() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a, &b]);
    eventually("both serve", LONG, || (spread(&daemon, 20).len() == 2).then_some(()));
    for state in ["drain", "maint"] {
        daemon.json(&format!("backend {state} site b"));
        assert_eq!(share(&daemon, "a", 30), 30, "{state}");
        let shown = daemon.json("cluster show site");
        assert_eq!(shown["clusters"][0]["backends"][1]["state"], state, "{shown}");
        assert_eq!(daemon.json(&format!("backend {state} site b"))["count"], 0, "it is already");
        daemon.json("backend ready site b");
        eventually("both serve", LONG, || (share(&daemon, "b", 20) > 0).then_some(()));
    }
}

#[test]
fn the_weight_of_a_backend_is_its_share() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::of("", &site("load_balancing = \"round_robin\"", &[&a, &b]));
    daemon.json("backend weight site b 300");
    let heavy = from_origin(&Crowd::send(daemon.address(), 4, 50, "").served(), "b");
    assert!((130..=170).contains(&heavy), "{heavy} of 200 instead of 150");
    daemon.json("backend weight site b 1");
    let light = from_origin(&Crowd::send(daemon.address(), 4, 50, "").served(), "b");
    assert!(light <= 8, "{light} of 200 instead of 2");
    let refusal = daemon.refusal("backend weight site b 0", 2);
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("invalid"), &json!("weight")), "{refusal}");
    daemon.json("backend update site b --unset weight");
    let even = from_origin(&Crowd::send(daemon.address(), 4, 50, "").served(), "b");
    assert!((80..=120).contains(&even), "{even} of 200 instead of 100");
}

#[test]
fn a_limit_of_a_backend_holds_from_when_it_is_set_and_until_it_is_not() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    origin.turn(Mood::Slow(Duration::from_millis(100)));
    assert_eq!(with_status(&Crowd::send(daemon.address(), 6, 1, "").served(), 200), 6);
    daemon.json("backend update site a max_in_flight=1");
    let before = origin.in_flight_most();
    assert!(before > 1, "{before} at once before");
    let served = Crowd::send(daemon.address(), 6, 1, "").served();
    let (good, refused) = (with_status(&served, 200), with_status(&served, 503));
    assert!(good >= 1 && refused >= 1 && good + refused == 6, "{served:?}");
    daemon.json("backend update site a --unset max_in_flight");
    assert_eq!(with_status(&Crowd::send(daemon.address(), 6, 1, "").served(), 200), 6);
}

#[test]
fn what_is_stated_of_a_backend_holds_until_its_check_finds_the_opposite() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a, &b]);
    assert_eq!(daemon.json("backend mark site b unhealthy")["answer"], "done");
    eventually("it gets nothing", LONG, || (share(&daemon, "a", 20) == 20).then_some(()));
    let shown = daemon.json("cluster show site");
    let state = shown["clusters"][0]["backends"][1]["state"].as_str().expect("a text").to_owned();
    assert!(state.starts_with("unhealthy"), "{state}");
    daemon.json("backend mark site b healthy");
    eventually("it serves", LONG, || (share(&daemon, "b", 20) > 0).then_some(()));
    daemon.json("health-check set site path=/health interval=100ms rise=2 fall=2");
    daemon.json("backend mark site b unhealthy");
    eventually("its check finds it well", LONG, || (share(&daemon, "b", 20) > 0).then_some(()));
}

#[test]
fn a_health_check_begins_when_it_is_set_and_ends_when_it_is_removed() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a, &b]);
    b.turn(Mood::Saying(500));
    assert!(share(&daemon, "b", 30) > 0, "nobody checks it");
    daemon.json("health-check set site path=/health interval=100ms rise=1 fall=2");
    eventually("it gets nothing", LONG, || (share(&daemon, "b", 20) == 0).then_some(()));
    let listed = daemon.json("health-check list");
    assert_eq!(listed["clusters"][0]["set"]["health_check"]["path"], "/health", "{listed}");
    // In place of what was: these statuses are fine.
    daemon.json("health-check set site path=/health interval=100ms rise=1 fall=2 statuses=2xx,500");
    eventually("it is found well", LONG, || (share(&daemon, "b", 20) > 0).then_some(()));
    daemon.json("health-check set site path=/health interval=100ms rise=1 fall=2");
    eventually("it gets nothing", LONG, || (share(&daemon, "b", 20) == 0).then_some(()));
    daemon.json("health-check remove site");
    assert!(share(&daemon, "b", 40) > 0, "without a check all are well");
    let probes = b.probes().len();
    rest(Duration::from_millis(300));
    assert!(b.probes().len() <= probes + 1, "nobody asks it any more");
    assert_eq!(daemon.json("health-check list")["clusters"], json!([]));
}

#[test]
fn a_backend_that_comes_back_under_its_name_is_a_new_one() {
    let (old, new) = (FaultyOrigin::new("old"), FaultyOrigin::new("new"));
    let daemon = Controlled::before(&[&old]);
    let mut verbs = daemon.verbs();
    verbs.done(&json!({ "verb": "mark_health", "cluster": "site", "backend": "old", "healthy": false }));
    verbs.apply(&[
        change("backend_remove", "site", "old", Value::Null),
        change("backend_add", "site", "old", json!({ "address": new.address.to_string() })),
    ]);
    assert_eq!(share(&daemon, "new", 20), 20, "what was stated of the other does not hold for it");
    assert_eq!(old.requests(), 0);
}
