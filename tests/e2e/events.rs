//! Events: each fact told once, with who caused it, in order and without gaps; and how it is told to who comes late or is slow.
//!
//! Those of shards that fail are in `supervision.rs`.

use std::fs;
use std::time::Duration;

use rustix::process::{Signal, getgid, getuid};
use serde_json::{Value, json};

use crate::common::control::{Controlled, Record, about, change, site};
use crate::common::{Crowd, FaultyOrigin, LONG, Mood, eventually, now, rest};

/// The actor of every record must be this process, on the connection with this number.
fn expect_by_us(records: &[Record], session: Option<u64>) {
    for record in records {
        let actor = record.actor.as_ref().unwrap_or_else(|| panic!("nobody did it: {record:?}"));
        assert_eq!(actor.pid, std::process::id(), "{record:?}");
        assert_eq!((actor.uid, actor.gid), (getuid().as_raw(), getgid().as_raw()), "{record:?}");
        assert!(actor.session > 0 && session.is_none_or(|session| actor.session == session), "{record:?}");
    }
}

#[test]
fn every_kind_of_change_is_told_once_in_its_order_with_who_made_it() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let page = daemon.folder().file("503.html");
    fs::write(&page, "no").expect("a folder to write to");
    let listener = |name: &str, set: Value| {
        let mut change = change(name, "", "", set);
        change["listener"] = json!("more");
        change
    };
    let answer = |name: &str, set: Value| {
        let mut change = change(name, "", "", set);
        change["status"] = json!(503);
        change
    };
    let route = json!({ "hostname": "old.test", "redirect": "https://new.test/" });
    let mut expected: Vec<(&str, &str)> = Vec::new();
    let mut verbs = daemon.verbs();
    let events = daemon.events();
    let b_at = json!({ "address": b.address.to_string() });
    let none = Value::Null;
    for (change, told) in [
        (change("cluster_add", "app", "", json!({})), &[("CLUSTER_ADDED", "app")][..]),
        (change("frontend_add", "app", "", json!({ "hostname": "app.test" })), &[("FRONTEND_ADDED", "app")]),
        (change("backend_add", "app", "b", b_at.clone()), &[("BACKEND_ADDED", "app/b")]),
        (change("backend_add", "app", "c", b_at.clone()), &[("BACKEND_ADDED", "app/c")]),
        (change("backend_update", "app", "b", json!({ "weight": 7 })), &[("BACKEND_UPDATED", "app/b")]),
        (change("backend_update", "app", "b", json!({ "weight": 7 })), &[]),
        (
            change("backend_update", "app", "b", json!({ "state": "drain" })),
            &[("BACKEND_ADMIN_CHANGED", "app/b")],
        ),
        (
            change("backend_update", "app", "b", json!({ "state": "ready", "weight": 9 })),
            &[("BACKEND_ADMIN_CHANGED", "app/b"), ("BACKEND_UPDATED", "app/b")],
        ),
        (change("cluster_update", "app", "", json!({ "retries": 1 })), &[("CLUSTER_UPDATED", "app")]),
        (
            change("health_check_set", "app", "", json!({ "path": "/health" })),
            &[("HEALTH_CHECK_CONFIGURED", "app")],
        ),
        (change("health_check_remove", "app", "", none.clone()), &[("HEALTH_CHECK_CONFIGURED", "app")]),
        (listener("listener_add", json!({ "address": "127.0.0.1:0" })), &[("LISTENER_ADDED", "more")]),
        (
            listener("listener_update", json!({ "limits": { "headers": 64 } })),
            &[("LISTENER_UPDATED", "more")],
        ),
        (listener("listener_deactivate", none.clone()), &[("LISTENER_DEACTIVATED", "more")]),
        (listener("listener_deactivate", none.clone()), &[]),
        (listener("listener_activate", none.clone()), &[("LISTENER_ACTIVATED", "more")]),
        (listener("listener_update", json!({ "active": false })), &[("LISTENER_DEACTIVATED", "more")]),
        (listener("listener_remove", none.clone()), &[("LISTENER_REMOVED", "more")]),
        (change("route_add", "", "", route), &[("ROUTE_ADDED", "")]),
        (change("route_remove", "", "", json!({ "hostname": "old.test" })), &[("ROUTE_REMOVED", "")]),
        (answer("answer_set", json!({ "html": page.display().to_string() })), &[("ANSWERS_CHANGED", "")]),
        (answer("answer_remove", none.clone()), &[("ANSWERS_CHANGED", "")]),
        (change("daemon_update", "", "", json!({ "drain_timeout": "7s" })), &[("DAEMON_UPDATED", "")]),
        (change("daemon_update", "", "", json!({ "log_level": "warn" })), &[("LOGGING_LEVEL_CHANGED", "")]),
        (
            change("frontend_remove", "app", "", json!({ "hostname": "app.test" })),
            &[("FRONTEND_REMOVED", "app")],
        ),
    ] {
        let answer = verbs.apply(std::slice::from_ref(&change));
        assert_eq!(answer["count"], json!(usize::from(!told.is_empty())), "{change}: {answer}");
        expected.extend(told);
    }
    verbs.done(&json!({ "verb": "log_level", "level": "info" }));
    expected.push(("LOGGING_LEVEL_CHANGED", ""));
    let file = daemon.folder().state().display().to_string();
    verbs.done(&json!({ "verb": "state_save", "file": file }));
    expected.push(("STATE_SAVED", ""));
    verbs.apply(&[change("cluster_add", "passing", "", json!({}))]);
    expected.push(("CLUSTER_ADDED", "passing"));
    verbs.done(&json!({ "verb": "state_load", "file": file, "dry_run": true }));
    verbs.done(&json!({ "verb": "state_load", "file": file }));
    expected.extend([("CLUSTER_REMOVED", "passing"), ("STATE_LOADED", "")]);
    verbs.not_applied(&[change("cluster_add", "app", "", json!({}))]);
    expected.push(("CONFIGURATION_REJECTED", ""));
    events.expect_in_order(&expected);
    let seen = events.seen();
    assert_eq!(seen[0].kind, "EVENTS_SUBSCRIBED", "its own is the first");
    // All on one connection, but the subscription.
    let session = seen[1].actor.as_ref().map(|actor| actor.session);
    expect_by_us(&seen[1..], session);
    expect_by_us(&seen[..1], None);
    assert_ne!(seen[0].actor.as_ref().map(|actor| actor.session), session);
    let reason = |kind: &str| &seen.iter().find(|record| record.kind == kind).expect("it was seen").reason;
    assert!(reason("BACKEND_UPDATED").contains("weight"), "{}", reason("BACKEND_UPDATED"));
    assert!(reason("CONFIGURATION_REJECTED").contains("app"), "{}", reason("CONFIGURATION_REJECTED"));
    assert!(reason("STATE_SAVED").contains(&file), "{}", reason("STATE_SAVED"));
    let wall = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as u64;
    assert!(seen.iter().all(|record| record.time_ms <= wall && record.time_ms > wall - 120_000), "{wall}");

    // A reload tells each difference, and then that it was one. It goes back to the configuration file.
    let events = daemon.events();
    verbs.done(&json!({ "verb": "reload", "dry_run": true }));
    verbs.done(&json!({ "verb": "reload" }));
    events.expect_all(&[
        ("DAEMON_UPDATED", ""),
        ("CLUSTER_REMOVED", "app"),
        ("REMOVED_BACKEND_HAS_NO_CONNECTIONS", "app/b"),
        ("REMOVED_BACKEND_HAS_NO_CONNECTIONS", "app/c"),
        ("CONFIGURATION_RELOADED", ""),
    ]);
    let told = events.seen();
    let place = |kind: &str| told.iter().position(|record| record.kind == kind).expect("it was seen");
    assert!(place("CONFIGURATION_RELOADED") > place("CLUSTER_REMOVED"), "{told:#?}");
    expect_by_us(&events.of(&["CONFIGURATION_RELOADED", "CLUSTER_REMOVED", "DAEMON_UPDATED"]), session);
}

#[test]
fn the_last_connection_of_a_removed_backend_is_told_when_it_has_ended() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::of("", &site("load_balancing = \"round_robin\"", &[&a, &b]));
    b.turn(Mood::Silent);
    let mut waiting: Vec<_> = (0..8).map(|_| daemon.client()).collect();
    for client in &mut waiting {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    eventually("it has some of them", LONG, || (b.in_flight() > 0).then_some(()));
    let events = daemon.events();
    let mut verbs = daemon.verbs();
    verbs.apply(&[change("backend_remove", "site", "b", Value::Null)]);
    rest(Duration::from_millis(200));
    events.expect_in_order(&[("BACKEND_REMOVED", "site/b")]);
    b.turn(Mood::Well);
    for client in &mut waiting {
        assert_eq!(client.answer().status, 200);
    }
    events
        .expect_in_order(&[("BACKEND_REMOVED", "site/b"), ("REMOVED_BACKEND_HAS_NO_CONNECTIONS", "site/b")]);
    let last = events.expect("REMOVED_BACKEND_HAS_NO_CONNECTIONS", "site/b");
    assert_eq!(last.address, Some(b.address.to_string()));
    // One that has nothing is told of at once.
    let events = daemon.events();
    verbs.apply(&[change("backend_add", "site", "c", json!({ "address": b.address.to_string() }))]);
    verbs.apply(&[change("backend_remove", "site", "c", Value::Null)]);
    events.expect_in_order(&[
        ("BACKEND_ADDED", "site/c"),
        ("BACKEND_REMOVED", "site/c"),
        ("REMOVED_BACKEND_HAS_NO_CONNECTIONS", "site/c"),
    ]);
}

#[test]
fn health_is_told_once_per_flip_whoever_found_it() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let check = "[clusters.site.health_check]\npath = \"/health\"\ninterval = \"100ms\"\nrise = 2\nfall = 2";
    let daemon = Controlled::of("", &site(check, &[&a, &b]));
    let events = daemon.events();
    [&a, &b].iter().for_each(|origin| origin.turn(Mood::Saying(500)));
    let outage = [
        ("HEALTH_CHECK_UNHEALTHY", "site/a"),
        ("HEALTH_CHECK_UNHEALTHY", "site/b"),
        ("NO_AVAILABLE_BACKENDS", "site"),
    ];
    events.expect_all(&outage);
    [&a, &b].iter().for_each(|origin| origin.turn(Mood::Well));
    let recovery = [
        &outage[..],
        &[
            ("HEALTH_CHECK_HEALTHY", "site/a"),
            ("HEALTH_CHECK_HEALTHY", "site/b"),
            ("CLUSTER_RECOVERED", "site"),
        ],
    ]
    .concat();
    events.expect_all(&recovery);
    assert!(events.seen()[1..].iter().all(|record| record.actor.is_none()), "nobody asked for it");
    let place = |kind: &str| {
        let kinds = events.seen();
        kinds.iter().position(|record| record.kind == kind).expect("it was seen")
    };
    assert!(place("NO_AVAILABLE_BACKENDS") > place("HEALTH_CHECK_UNHEALTHY"), "after it is true");

    // Stated by somebody, without a check.
    let mut verbs = daemon.verbs();
    verbs.apply(&[change("health_check_remove", "site", "", Value::Null)]);
    let events = daemon.events();
    let mut mark = |backend: &str, healthy: bool| {
        let verb =
            json!({ "verb": "mark_health", "cluster": "site", "backend": backend, "healthy": healthy });
        verbs.done(&verb);
        verbs.done(&verb);
    };
    mark("a", false);
    mark("b", false);
    mark("a", true);
    mark("b", true);
    events.expect_in_order(&[
        ("HEALTH_CHECK_UNHEALTHY", "site/a"),
        ("HEALTH_CHECK_UNHEALTHY", "site/b"),
        ("NO_AVAILABLE_BACKENDS", "site"),
        ("HEALTH_CHECK_HEALTHY", "site/a"),
        ("CLUSTER_RECOVERED", "site"),
        ("HEALTH_CHECK_HEALTHY", "site/b"),
    ]);
    expect_by_us(&events.of(&["HEALTH_CHECK_UNHEALTHY", "HEALTH_CHECK_HEALTHY"]), None);

    // Maintenance of all is an outage, too.
    let events = daemon.events();
    let mut verbs = daemon.verbs();
    let both =
        |state: &str| ["a", "b"].map(|id| change("backend_update", "site", id, json!({ "state": state })));
    verbs.apply(&both("maint"));
    verbs.apply(&both("ready"));
    events.expect_all(&[
        ("BACKEND_ADMIN_CHANGED", "site/a"),
        ("BACKEND_ADMIN_CHANGED", "site/b"),
        ("NO_AVAILABLE_BACKENDS", "site"),
        ("BACKEND_ADMIN_CHANGED", "site/a"),
        ("BACKEND_ADMIN_CHANGED", "site/b"),
        ("CLUSTER_RECOVERED", "site"),
    ]);
}

#[test]
fn what_connections_show_is_told_once_for_all_shards() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a, &b]);
    let events = daemon.events();
    let drive = || drop(Crowd::send(daemon.address(), 6, 3, "").served());
    drive();
    [&a, &b].iter().for_each(|origin| origin.turn(Mood::Refusing));
    let of = ["BACKEND_DOWN", "NO_AVAILABLE_BACKENDS", "FAIL_OPEN_ENTERED"];
    eventually("all is down", LONG, || {
        drive();
        (events.of(&of).len() == 4).then_some(())
    });
    let outage = [
        ("BACKEND_DOWN", "site/a"),
        ("BACKEND_DOWN", "site/b"),
        ("NO_AVAILABLE_BACKENDS", "site"),
        ("FAIL_OPEN_ENTERED", "site"),
    ];
    drive();
    events.expect_all(&outage);
    let down = events.expect("BACKEND_DOWN", "site/a");
    assert!(down.reason.contains("refused"), "{down:?}");
    assert_eq!((down.address, down.actor), (Some(a.address.to_string()), None));
    [&a, &b].iter().for_each(|origin| origin.turn(Mood::Well));
    let of = ["BACKEND_UP", "CLUSTER_RECOVERED", "FAIL_OPEN_LEFT"];
    eventually("all is up", LONG, || {
        drive();
        (events.of(&of).len() == 4).then_some(())
    });
    let recovery = [
        ("BACKEND_UP", "site/a"),
        ("BACKEND_UP", "site/b"),
        ("CLUSTER_RECOVERED", "site"),
        ("FAIL_OPEN_LEFT", "site"),
    ];
    events.expect_all(&[&outage[..], &recovery].concat());
}

#[test]
fn who_fails_more_than_others_is_told_to_be_out_and_back() {
    let origins = ["a", "b", "c"].map(FaultyOrigin::new);
    let cluster = "load_balancing = \"round_robin\"\n[clusters.site.outlier_detection]\nserver_errors = 5\n\
                   connect_failures = 0\nejection_time = \"1s\"\nejected_max = 50";
    let daemon = Controlled::of("", &site(cluster, &origins.each_ref()));
    let events = daemon.events();
    origins[1].turn(Mood::Saying(500));
    eventually("it is out", LONG, || {
        drop(Crowd::send(daemon.address(), 4, 5, "").served());
        (!events.of(&["BACKEND_EJECTED"]).is_empty()).then_some(())
    });
    origins[1].turn(Mood::Well);
    events.expect("BACKEND_RETURNED", "site/b");
    events.expect_in_order(&[("BACKEND_EJECTED", "site/b"), ("BACKEND_RETURNED", "site/b")]);
}

#[test]
fn the_end_is_told_with_who_asked_for_it() {
    let origin = FaultyOrigin::new("a");
    let mut daemon = Controlled::before(&[&origin]);
    origin.turn(Mood::Silent);
    let mut waiting = daemon.client();
    waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    eventually("it is under way", LONG, || (origin.in_flight() == 1).then_some(()));
    let events = daemon.events();
    daemon.verbs().done(&json!({ "verb": "stop" }));
    events.expect_in_order(&[("SOZU_STOP_REQUESTED", "")]);
    expect_by_us(&events.of(&["SOZU_STOP_REQUESTED"]), None);
    origin.turn(Mood::Well);
    assert_eq!(waiting.answer().status, 200);
    assert_eq!(daemon.wait(LONG).code(), Some(0));

    let mut daemon = Controlled::before(&[&origin]);
    origin.turn(Mood::Silent);
    let mut waiting = daemon.client();
    waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    eventually("it is under way", LONG, || (origin.in_flight() == 1).then_some(()));
    let events = daemon.events();
    daemon.signal(Signal::TERM);
    let told = events.expect("SOZU_STOP_REQUESTED", "");
    assert!(told.reason.contains("TERM"), "{told:?}");
    assert_eq!(told.actor.map(|actor| actor.session), Some(0), "a signal");
    origin.turn(Mood::Well);
    assert_eq!(waiting.answer().status, 200);
    assert_eq!(daemon.wait(LONG).code(), Some(0));
    assert_eq!(events.of(&["SOZU_STOP_REQUESTED"]).len(), 1);
}

#[test]
fn who_comes_again_goes_on_where_it_was_and_gets_the_kinds_it_asks_for() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let mut verbs = daemon.verbs();
    let mut weight = 0;
    let mut change_it = |times: usize| {
        for _ in 0..times {
            weight = weight % 1000 + 1;
            verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": weight }))]);
        }
    };
    let first = daemon.events();
    change_it(5);
    let last = eventually("five", LONG, || first.of(&["BACKEND_UPDATED"]).get(4).cloned()).seq;
    drop(first);
    change_it(7);
    // What happened while it was away, its new subscription, and what happens now.
    let again = daemon.events_since(Some(last + 1), &[]);
    assert_eq!((again.next, again.missed), (last + 1, 0));
    change_it(3);
    eventually("all of them", LONG, || (again.of(&["BACKEND_UPDATED"]).len() == 10).then_some(()));
    again.expect_no_gaps();
    // Kinds of one's own choice, from the beginning.
    verbs.apply(&[change("cluster_add", "app", "", json!({}))]);
    let some = daemon.events_since(Some(1), &["CLUSTER_ADDED", "CLUSTER_REMOVED"]);
    verbs.apply(&[change("cluster_remove", "app", "", Value::Null)]);
    some.expect("CLUSTER_REMOVED", "app");
    assert_eq!(
        some.facts(),
        [("CLUSTER_ADDED", "app"), ("CLUSTER_REMOVED", "app")]
            .map(|(kind, whom)| (kind.to_owned(), whom.to_owned()))
    );
    // A number that was not given yet.
    let early = daemon.events_since(Some(1_000_000), &[]);
    assert!(early.next < 1_000, "{}", early.next);
    let error = verbs.refused(&json!({ "verb": "subscribe", "kinds": ["NO_SUCH_KIND"] }));
    assert_eq!(error["code"], "invalid", "{error}");
}

#[test]
fn who_reads_too_slowly_is_told_exactly_how_many_it_missed() {
    /// As many as are kept.
    const KEPT: u64 = 65_536;
    const BATCHES: usize = 8;
    const BATCH: usize = 10_000;
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::of("log_level = \"error\"", &site("", &[&origin]));
    let mut slow = daemon.verbs();
    let subscribed = slow.done(&json!({ "verb": "subscribe" }));
    let start = subscribed["next"].as_u64().expect("a number");
    let mut verbs = daemon.verbs();
    for _ in 0..BATCHES {
        let weights: Vec<_> = (0..BATCH)
            .map(|n| change("backend_update", "site", "a", json!({ "weight": 1 + n % 2 })))
            .collect();
        let answer = verbs.apply(&weights);
        assert!(answer["count"].as_u64() >= Some(BATCH as u64 - 1), "{answer}");
    }
    // Whoever asks for the first is told as well.
    let late = verbs.done(&json!({ "verb": "subscribe", "since": 1, "kinds": ["STATE_SAVED"] }));
    let last = daemon.events().next;
    let all = late["missed"].as_u64().expect("a number");
    assert!((last - KEPT - 100..=last - KEPT).contains(&all), "{late} of {last}");
    // Now it reads.
    let (mut next, mut missed) = (start, 0);
    let deadline = now() + LONG;
    while next < last {
        assert!(now() < deadline, "{next} of {last}");
        let told = slow.next().expect("no end").expect("an answer");
        match told["answer"].as_str() {
            Some("event") => {
                assert_eq!(told["seq"].as_u64(), Some(next), "{told}");
                next += 1;
            }
            Some("missed") => {
                let some = told["missed"].as_u64().expect("a number");
                missed += some;
                next += some;
            }
            _ => panic!("{told}"),
        }
    }
    assert!(missed > 10_000, "{missed} missed of {}", last - start);
    assert!(last - start - missed <= KEPT + 20_000, "{missed} missed of {}", last - start);
}

#[test]
fn a_door_that_is_gone_and_questions_alone_tell_nothing() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let events = daemon.events();
    let mut verbs = daemon.verbs();
    for verb in ["status", "hashes", "clusters", "listeners", "frontends", "configuration", "count_requests"]
    {
        verbs.done(&json!({ "verb": verb }));
    }
    drop(verbs);
    drop(daemon.channel());
    assert_eq!(daemon.client().get("/").status, 200);
    rest(Duration::from_millis(300));
    let seen: Vec<_> = events.seen().iter().map(about).collect();
    assert_eq!(seen, [""], "{:#?}", events.seen());
}
