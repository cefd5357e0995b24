//! Verbs about the process: how it stands, its limits, its log, its events, its end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::control::{Controlled, Record, Running, change};
use crate::common::{Client, FaultyOrigin, LONG, Mood, eventually, now, ringway, thread_names};

#[test]
fn status_says_how_the_process_its_shards_listeners_and_clusters_stand() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let mut clients: Vec<_> = (0..6).map(|_| daemon.client()).collect();
    assert!(clients.iter_mut().all(|client| client.get("/").status == 200));
    let status = daemon.json("status");
    assert_eq!(status["answer"], "status");
    assert_eq!(status["pid"], daemon.pid());
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&status["draining"], &status["clusters"]), (&json!(false), &json!(1)));
    assert_eq!(status["clusters_down"], json!([]));
    assert_eq!(status["listeners"][0]["address"], daemon.address().to_string());
    let shards = status["shards"].as_array().expect("shards");
    assert_eq!(shards.len(), 2);
    let sum = |key: &str| shards.iter().map(|shard| shard[key].as_u64().expect("a number")).sum::<u64>();
    assert_eq!((sum("connections"), sum("requests"), sum("restarts")), (6, 6, 0), "{status}");
    for (number, shard) in shards.iter().enumerate() {
        assert_eq!((&shard["shard"], &shard["state"]), (&json!(number), &json!("running")));
        assert_eq!(shard["state_hash"], status["state_hash"]);
    }
    assert_eq!(daemon.json("shards")["shards"].as_array().map(Vec::len), Some(2));
    let before = status["generation"].as_u64().expect("a number");
    daemon.json("backend mark site a unhealthy");
    daemon.json("cluster update site retries=2");
    let status = daemon.json("status");
    assert_eq!(status["generation"], before + 1);
    assert_eq!(status["clusters_down"], json!(["site"]));
    let human = daemon.cli("status");
    assert_eq!((human.code, &*human.err), (Some(0), ""));
    assert!(
        human.out.contains("SHARD") && human.out.contains("main") && human.out.contains("site"),
        "{}",
        human.out
    );
}

#[test]
fn limits_of_the_process_hold_from_when_they_are_set() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let served = |client: &mut Client| client.try_get("/").is_ok_and(|answer| answer.status == 200);
    // One that is not let in may be reset before it has looked round.
    let lets_in = || Client::try_connect(daemon.address()).is_ok_and(|mut client| served(&mut client));
    let mut before = daemon.client();
    assert!(served(&mut before));
    daemon.json("limits set max_connections_per_source=4");
    // Those that come from now on.
    let mut open: Vec<_> = (0..4).map(|_| daemon.client()).collect();
    assert!(open.iter_mut().all(served));
    assert!(!lets_in(), "one more");
    assert!(open.iter_mut().all(served) && served(&mut before), "the others go on");
    open.pop();
    eventually("there is room again", LONG, || lets_in().then_some(()));
    daemon.json("limits set --unset max_connections_per_source");
    let mut many: Vec<_> = (0..8).map(|_| daemon.client()).collect();
    assert!(many.iter_mut().all(served));
    let shown = daemon.cli("limits show");
    assert!(shown.code == Some(0) && shown.out.contains("max_connections_per_source"), "{shown:?}");
}

#[test]
fn the_log_says_more_and_less_from_when_it_is_told_to() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let debug = || daemon.logged(" DEBUG ");
    let noise = || {
        for _ in 0..3 {
            // A client that makes no sense.
            let _ = daemon.client().send("\0\0\0\0\r\n\r\n").try_answer();
        }
        daemon.json("status");
    };
    noise();
    assert_eq!(debug(), 0);
    daemon.json("log-level debug");
    eventually("lines of that level", LONG, || {
        noise();
        (debug() > 0).then_some(())
    });
    daemon.json("log-level error");
    let before = daemon.log().len();
    noise();
    daemon.json("backend drain site a");
    let log = daemon.log();
    assert!(!log[before..].contains(" DEBUG ") && !log[before..].contains(" INFO "), "{}", &log[before..]);
    let said = daemon.cli("log-level loud");
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[test]
fn events_are_shown_since_a_number_by_kind_and_followed() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let mut verbs = daemon.verbs();
    for n in 0..5 {
        verbs.apply(&[change("cluster_add", &format!("c{n}"), "", json!({}))]);
    }
    verbs.apply(&[change("cluster_remove", "c0", "", Value::Null)]);
    let lines = |words: &str| -> Vec<Value> {
        let said = daemon.cli(words);
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let added = lines("events --kind CLUSTER_ADDED --json");
    assert_eq!(added.len(), 5, "{added:?}");
    let third = added[2]["seq"].as_u64().expect("a number");
    assert_eq!(lines(&format!("events --since {third} --kind cluster_added --json")).len(), 3);
    let both = lines("events --kind CLUSTER_ADDED --kind CLUSTER_REMOVED --json");
    assert_eq!(both.len(), 6);
    let human = daemon.cli("events");
    assert!(human.out.contains("CLUSTER_REMOVED cluster=c0"), "{human:?}");
    // Followed until the daemon ends, which is no success.
    let others = daemon.events();
    let words = ["events", "--follow", "--kind", "CLUSTER_UPDATED", "--json", "-s"];
    let mut follow = Running::start(ringway().args(words).arg(daemon.folder().socket()));
    eventually("it is subscribed", LONG, || {
        let subscribed = others.of(&["EVENTS_SUBSCRIBED"]);
        let is_it = |record: &Record| record.actor.as_ref().is_some_and(|actor| actor.pid == follow.pid());
        subscribed.iter().any(is_it).then_some(())
    });
    verbs.apply(&[change("cluster_update", "c1", "", json!({ "retries": 1 }))]);
    let line: Value = serde_json::from_str(&follow.line()).expect("JSON");
    assert_eq!((&line["kind"], &line["cluster"]), (&json!("CLUSTER_UPDATED"), &json!("c1")), "{line}");
    drop((others, daemon));
    assert_ne!(follow.wait(LONG).code(), Some(0));
}

#[test]
fn stop_drains_and_a_hard_stop_cuts_off() {
    let origin = FaultyOrigin::new("a");
    let mut daemon = Controlled::before(&[&origin]);
    origin.turn(Mood::Silent);
    let mut waiting = daemon.client();
    waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    eventually("it is under way", LONG, || (origin.in_flight() == 1).then_some(()));
    daemon.json("stop");
    eventually("nobody new comes in", LONG, || Client::try_connect(daemon.address()).err());
    let refusal = daemon.refusal("cluster add late", 8);
    assert_eq!(refusal["code"], "stopping", "{refusal}");
    assert_eq!(daemon.json("status")["draining"], true);
    origin.turn(Mood::Well);
    let answer = waiting.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(daemon.wait(LONG).code(), Some(0));
    assert!(!daemon.folder().socket().exists(), "its file is gone");

    let mut daemon = Controlled::before(&[&origin]);
    origin.turn(Mood::Silent);
    let mut waiting = daemon.client();
    waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    eventually("it is under way", LONG, || (origin.in_flight() == 1).then_some(()));
    let since = now();
    daemon.json("stop --hard");
    daemon.wait(LONG);
    assert!(since.elapsed() < Duration::from_secs(3), "after {:?}", since.elapsed());
    waiting.try_answer().expect_err("there is none");
}

#[test]
fn changes_are_counted_by_their_names() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let mut verbs = daemon.verbs();
    for weight in [1, 2, 2] {
        verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": weight }))]);
    }
    verbs.not_applied(&[change("cluster_remove", "nobody", "", Value::Null)]);
    let counts = daemon.json("state count");
    assert_eq!((&counts["backend_update"], &counts["cluster_remove"]), (&json!(3), &json!(1)), "{counts}");
}

#[test]
fn hashes_are_those_of_every_shard_and_change_with_what_they_are_of() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let hashes = || daemon.json("state hash");
    let first = hashes();
    assert_eq!(first["shards"].as_object().map(|shards| shards.len()), Some(2));
    daemon.json("cluster add app");
    let second = hashes();
    assert_ne!(second["state"], first["state"]);
    assert_eq!(second["clusters"]["site"], first["clusters"]["site"], "it was not touched");
    daemon.json("backend weight site a 7");
    let third = hashes();
    assert_ne!(third["clusters"]["site"], second["clusters"]["site"]);
    assert_eq!(third["clusters"]["app"], second["clusters"]["app"]);
    daemon.json("backend weight site a 100");
    daemon.json("cluster remove app");
    assert_eq!(hashes(), first, "it is what it is, whatever it was in between");
}

#[test]
fn a_shard_can_be_relaunched_by_its_number() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    daemon.json("shard relaunch 1");
    daemon.expect_all_running();
    let shards = daemon.json("shards");
    assert_eq!(
        (&shards["shards"][0]["restarts"], &shards["shards"][1]["restarts"]),
        (&json!(0), &json!(1)),
        "{shards}"
    );
    assert!(
        thread_names(daemon.pid()).iter().any(|name| name.starts_with("shard-1")),
        "{:?}",
        thread_names(daemon.pid())
    );
    let refusal = daemon.refusal("shard relaunch 9", 5);
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("not_found"), &json!("shard")), "{refusal}");
    for _ in 0..20 {
        assert_eq!(daemon.client().get("/").status, 200);
    }
}

#[test]
fn what_comes_later_says_so() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let mut verbs = daemon.verbs();
    for feature in ["certificates", "main upgrade"] {
        let error = verbs.refused(&json!({ "verb": "unavailable", "feature": feature }));
        assert_eq!(error["code"], "not_in_this_build", "{error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(feature)), "{error}");
    }
}
