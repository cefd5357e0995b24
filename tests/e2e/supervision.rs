//! Shards that panic, stall, or are replaced on purpose: the others serve on, the state stays the same everywhere.
//!
//! Faults are asked for by a verb that only debug builds know.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::control::{Controlled, Events, Verbs, change, site};
use crate::common::{Client, FaultyOrigin, LONG, Traffic, eventually, now, rest};

const PAUSE: Duration = Duration::from_millis(2);

/// Whether the daemon under test can be made to fail.
fn can_fail() -> bool {
    if !cfg!(debug_assertions) {
        println!("skipped: release builds carry no fault injection");
    }
    cfg!(debug_assertions)
}

fn panics(shard: u16) -> Value {
    json!({ "verb": "fault", "shard": shard, "panic": true })
}

fn stalls(shard: u16, ms: u64) -> Value {
    json!({ "verb": "fault", "shard": shard, "stall_ms": ms })
}

/// Waits for the `count`-th relaunch, and until all shards run.
fn expect_relaunched(daemon: &Controlled, events: &Events, count: usize) {
    eventually("it is relaunched", LONG, || (events.of(&["WORKER_RELAUNCHED"]).len() >= count).then_some(()));
    daemon.expect_all_running();
}

/// How many connections each shard has.
fn connections(daemon: &Controlled) -> Vec<u64> {
    let how = daemon.how();
    let shards = how["shards"].as_array().expect("shards");
    shards.iter().map(|shard| shard["connections"].as_u64().expect("a number")).collect()
}

fn served(daemon: &Controlled, count: usize) -> Vec<Client> {
    let client = |_| {
        let mut client = daemon.client();
        assert_eq!(client.get("/").status, 200);
        client
    };
    (0..count).map(client).collect()
}

/// How many of them are served still. Whoever is not must find out at once, and not by waiting.
fn survivors(clients: &mut [Client]) -> u64 {
    let mut survivors = 0;
    for client in clients {
        let asked = now();
        survivors += u64::from(client.try_get("/").is_ok());
        assert!(asked.elapsed() < Duration::from_secs(5), "a connection that nobody serves is open");
    }
    survivors
}

#[test]
fn a_shard_that_panics_takes_its_own_connections_along_and_no_others_and_is_back_at_once() {
    const CONNECTIONS: usize = 40;
    if !can_fail() {
        return;
    }
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    // What was changed since the start is there after it, too.
    let mut verbs = daemon.verbs();
    verbs.apply(&[
        change("cluster_add", "app", "", json!({})),
        change("frontend_add", "app", "", json!({ "hostname": "app.test" })),
        change("backend_add", "app", "a", json!({ "address": origin.address.to_string() })),
    ]);
    let before = daemon.hash(2);
    let events = daemon.events();
    let mut clients = served(&daemon, CONNECTIONS);
    let of = connections(&daemon);
    assert_eq!(of.iter().sum::<u64>(), CONNECTIONS as u64, "{of:?}");
    assert!(of[0] > 0 && of[1] > 0, "{of:?}");
    verbs.done(&panics(0));
    let killed = events.expect("WORKER_KILLED", "shard 0");
    assert!(killed.reason.contains("panic"), "{killed:?}");
    assert_eq!(daemon.client().get("/").status, 200, "a new connection is served at once");
    assert_eq!(survivors(&mut clients), of[1], "of {of:?}");
    expect_relaunched(&daemon, &events, 1);
    events.expect_in_order(&[("WORKER_KILLED", "shard 0"), ("WORKER_RELAUNCHED", "shard 0")]);
    assert_eq!(daemon.hash(2), before);
    // It serves as before, by what was changed since the start.
    let mut clients = served(&daemon, CONNECTIONS);
    let of = connections(&daemon);
    assert!(of[0] > 0, "{of:?}");
    for client in &mut clients {
        let answer = client.ask("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
        assert_eq!((answer.status, answer.header("origin")), (200, Some("a")));
    }
    assert_eq!(daemon.how()["shards"][0]["restarts"], 1);
    verbs.apply(&[change("cluster_remove", "app", "", Value::Null)]);
    daemon.hash(2);
}

/// Kills one shard after the other under load for so long. Connections on the one that is left alone must survive.
fn killed_under_load(during: Duration) {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let check = "[clusters.site.health_check]\npath = \"/health\"\ninterval = \"500ms\"";
    let daemon = Controlled::of("shards = 3", &site(check, &[&a, &b]));
    let events = daemon.events();
    let mut verbs = daemon.verbs();
    let traffic = Traffic::start_again(daemon.address(), 3, PAUSE);
    let since = now();
    let mut kills = 0_usize;
    while now() - since < during {
        // Whoever is on a shard that is not killed notices nothing.
        let mut clients = served(&daemon, 12);
        let victim = (kills % 3) as u16;
        let of = connections(&daemon);
        verbs.done(&panics(victim));
        kills += 1;
        let told = |kind: &str| events.of(&[kind]).len();
        eventually("it is told", LONG, || (told("WORKER_KILLED") >= kills).then_some(()));
        // While it is away, what is changed is changed for it as well.
        verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": 1 + kills % 1000 }))]);
        let broken = clients.len() as u64 - survivors(&mut clients);
        // Those of the load are among them, and come and go.
        assert!(broken <= of[usize::from(victim)], "{broken} broke of {of:?} as {victim} was killed");
        expect_relaunched(&daemon, &events, kills);
    }
    daemon.hash(3);
    let tally = traffic.end();
    // A request that is under way on the shard that dies is lost, and no other: each client has at most one at a time.
    assert!(tally.failed <= 3 * kills as u64, "{kills} kills: {tally:?}");
    assert!(tally.requests > 10 * kills as u64, "{tally:?}");
    assert_eq!(events.of(&["WORKER_KILLED"]).len(), kills);
    assert_eq!(events.of(&["WORKER_RELAUNCHED"]).len(), kills);
    assert_eq!(events.of(&["BACKEND_DOWN", "NO_AVAILABLE_BACKENDS", "HEALTH_CHECK_UNHEALTHY"]), []);
    let status = daemon.how();
    let restarts: u64 = status["shards"]
        .as_array()
        .expect("shards")
        .iter()
        .filter_map(|shard| shard["restarts"].as_u64())
        .sum();
    assert_eq!(restarts, kills as u64, "{status}");
    println!("{kills} kills, {tally:?}");
}

#[test]
fn shards_that_are_killed_again_and_again_leave_the_others_and_the_state_as_they_were() {
    if can_fail() {
        killed_under_load(Duration::from_secs(7));
    }
}

#[test]
#[ignore = "a minute"]
fn shards_that_are_killed_for_a_minute_leave_the_others_and_the_state_as_they_were() {
    if can_fail() {
        killed_under_load(Duration::from_secs(60));
    }
}

#[test]
fn a_turn_that_takes_too_long_is_told_once_with_the_name_of_the_thread() {
    if !can_fail() {
        return;
    }
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::of("turn_max = \"300ms\"", &site("", &[&origin]));
    let events = daemon.events();
    rest(Duration::from_millis(600));
    assert_eq!(events.facts(), [], "a shard that sleeps does not stall");
    daemon.verbs().done(&stalls(0, 1500));
    let stalled = events.expect("SHARD_STALLED", "shard 0");
    assert!(stalled.reason.contains("shard-0"), "{stalled:?}");
    let longest = || daemon.how()["shards"][0]["turn_max_us"].as_u64().expect("a number");
    eventually("its longest turn is known", LONG, || (longest() > 1_000_000).then_some(()));
    eventually("since the last look there was none", LONG, || (longest() < 100_000).then_some(()));
    daemon.expect_all_running();
    rest(Duration::from_millis(500));
    events.expect_in_order(&[("SHARD_STALLED", "shard 0")]);
    // Once for each such turn.
    daemon.verbs().done(&stalls(1, 700));
    events.expect("SHARD_STALLED", "shard 1");
    events.expect_in_order(&[("SHARD_STALLED", "shard 0"), ("SHARD_STALLED", "shard 1")]);
}

#[test]
fn a_change_that_a_stalled_shard_does_not_take_up_is_refused_by_its_name_and_taken_afterwards() {
    if !can_fail() {
        return;
    }
    let origin = FaultyOrigin::new("a");
    let lines = "mutation_timeout = \"400ms\"\nturn_max = \"0s\"";
    let daemon = Controlled::of(lines, &site("", &[&origin]));
    let before = daemon.hash(2);
    let change = change("backend_update", "site", "a", json!({ "weight": 7 }));
    let events = daemon.events();
    let mut verbs = daemon.verbs();
    verbs.done(&stalls(1, 2000));
    rest(Duration::from_millis(50));
    let since = now();
    let error = verbs.not_applied(std::slice::from_ref(&change));
    let took = since.elapsed();
    assert!(took >= Duration::from_millis(350) && took < Duration::from_millis(1500), "after {took:?}");
    assert_eq!(error["code"], "shard", "{error}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("shard-1")), "{error}");
    // The other shard serves all the while, and questions are answered.
    let asked = now();
    let status = daemon.how();
    assert!(asked.elapsed() < Duration::from_millis(1500), "after {:?}", asked.elapsed());
    assert_eq!(status["shards"][1]["state"], "not answering", "{status}");
    daemon.expect_all_running();
    assert_eq!(daemon.hash(2), before, "on none of them");
    verbs.apply(&[change]);
    assert_ne!(daemon.hash(2), before);
    events.expect_in_order(&[("CONFIGURATION_REJECTED", ""), ("BACKEND_UPDATED", "site/a")]);
}

#[test]
fn a_shard_is_replaced_on_purpose_and_no_request_fails() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = daemon.hash(2);
    let events = daemon.events();
    let traffic = Traffic::start_again(daemon.address(), 6, PAUSE);
    traffic.more(100);
    let mut verbs = daemon.verbs();
    let relaunch = |verbs: &mut Verbs, shard: u16| {
        verbs.done(&json!({ "verb": "shard_relaunch", "shard": shard }));
    };
    for round in 1..=4 {
        relaunch(&mut verbs, (round % 2) as u16);
        expect_relaunched(&daemon, &events, round);
        traffic.more(50);
        // The new one follows what is changed.
        verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": round }))]);
    }
    let tally = traffic.expect_served(300);
    println!("{tally:?}");
    let expected: Vec<_> = (1..=4)
        .flat_map(|round| {
            let shard = if round % 2 == 0 { "shard 0" } else { "shard 1" };
            [("WORKER_RELAUNCHED", shard), ("BACKEND_UPDATED", "site/a")]
        })
        .collect();
    events.expect_in_order(&expected);
    assert!(events.of(&["WORKER_RELAUNCHED"]).iter().all(|record| record.actor.is_some()), "somebody asked");
    verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": null }))]);
    assert_eq!(daemon.hash(2), before);
}

#[test]
fn a_shard_that_is_to_stay_dead_ends_the_process_with_a_failure() {
    if !can_fail() {
        return;
    }
    let origin = FaultyOrigin::new("a");
    let mut daemon = Controlled::of("restart_shards = false", &site("", &[&origin]));
    let events = daemon.events();
    let mut clients = served(&daemon, 16);
    // Debug builds say what becomes of the connection that asks; the process may end before.
    daemon.verbs().send(&panics(0));
    events.expect("WORKER_KILLED", "shard 0");
    assert_eq!(daemon.wait(LONG).code(), Some(1));
    for client in &mut clients {
        // Idle ones on the other shard are closed, those on this one are cut.
        assert!(client.try_get("/").is_err());
    }
    assert!(daemon.log().contains("shard-0"), "{}", daemon.log());
    assert_eq!(events.of(&["WORKER_RELAUNCHED"]), []);
}
