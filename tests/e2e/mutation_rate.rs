//! Many clients that change things as fast as they can, beside traffic: nothing fails, and all shards end with the same state.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::control::{Controlled, change, site};
use crate::common::{FaultyOrigin, Traffic, rest};

const CLIENTS: usize = 8;
const DURING: Duration = Duration::from_secs(2);

/// What client `me` changes the `n`-th time: things of its own, everything that is changed often in practice.
fn step(me: usize, n: usize, origin: &FaultyOrigin) -> Vec<Value> {
    let cluster = format!("c{me}");
    let address = json!({ "address": origin.address.to_string() });
    let host = json!({ "hostname": format!("h{n}.c{me}.test") });
    match n % 6 {
        0 => vec![change("backend_add", &cluster, "b", address)],
        1 => vec![change("backend_update", &cluster, "b", json!({ "weight": 1 + n % 1000 }))],
        2 => vec![change("backend_update", &cluster, "b", json!({ "state": "drain" }))],
        3 => vec![change("cluster_update", &cluster, "", json!({ "retries": n % 16 }))],
        4 => vec![
            change("frontend_add", &cluster, "", host.clone()),
            change("frontend_remove", &cluster, "", host),
        ],
        _ => vec![change("backend_remove", &cluster, "b", Value::Null)],
    }
}

#[test]
fn changes_by_many_at_once_beside_traffic_fail_no_request_and_leave_one_state() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::of("log_level = \"warn\"", &site("", &[&origin]));
    let mut verbs = daemon.verbs();
    let clusters: Vec<_> =
        (0..CLIENTS).map(|me| change("cluster_add", &format!("c{me}"), "", json!({}))).collect();
    verbs.apply(&clusters);
    let before = daemon.hash(2);
    let start = daemon.how()["generation"].as_u64().expect("a number");
    let traffic = Traffic::start(daemon.address(), 2, Duration::from_millis(5));
    let (ends, verbs_done) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for me in 0..CLIENTS {
            let (daemon, origin, ends, verbs_done) = (&daemon, &origin, &ends, &verbs_done);
            scope.spawn(move || {
                let mut verbs = daemon.verbs();
                let mut n = 0;
                // To the end of a round, so that what was added is removed.
                while !ends.load(Ordering::Relaxed) || n % 6 != 0 {
                    verbs.apply(&step(me, n, origin));
                    n += 1;
                    verbs_done.fetch_add(1, Ordering::Relaxed);
                }
                verbs.apply(&[change("cluster_update", &format!("c{me}"), "", json!({ "retries": null }))]);
            });
        }
        rest(DURING);
        ends.store(true, Ordering::Relaxed);
    });
    traffic.expect_served(50);
    let done = verbs_done.into_inner();
    assert!(done > 100, "{done} in {DURING:?}");
    assert_eq!(daemon.hash(2), before, "all of it was taken back");
    // A verb takes the configuration on by one generation at most.
    let end = daemon.how()["generation"].as_u64().expect("a number");
    assert!(end > start && end - start <= done + CLIENTS as u64, "{start} to {end} with {done}");
    println!("{done} verbs in {DURING:?}");
}
