//! What a large state costs: `cargo run --release -p ringway-core --example state_scale [CLUSTERS] [PER_CLUSTER]`.
//!
//! Another process writes a state of so many clusters with so many frontends and backends each; this one loads and changes it.
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use ringway_core::config::{Backend, Cluster, Config, Frontend, Hostname, Listener, Match};
use ringway_core::state::{ConfigState, Touched, file};
use ringway_core::{BackendId, Change, ClusterId, ListenerName};

/// Changes that the cost of one is taken of.
const CHANGES: usize = 2000;

/// The last argument of the process that writes the state.
const WRITE: &str = "write";

fn main() {
    let mut arguments: Vec<_> = std::env::args().skip(1).collect();
    let writes = arguments.last().is_some_and(|last| last == WRITE);
    let mut sizes = arguments.iter().map_while(|size| size.parse().ok());
    let clusters: usize = sizes.next().unwrap_or(10_000);
    let per_cluster: usize = sizes.next().unwrap_or(10);
    if writes {
        let mut text = Vec::new();
        file::write(&ConfigState::from_config(&config(clusters, per_cluster)), 1, &mut text);
        std::io::stdout().write_all(&text).expect("a pipe");
        return;
    }
    arguments.push(WRITE.to_owned());
    let itself = std::env::current_exe().expect("it runs");
    let text = Command::new(itself).args(arguments).output().expect("it runs again").stdout;
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    println!("state file: {lines} lines, {} MB", text.len() / 1_000_000);

    let before = resident_mb();
    let start = Instant::now();
    let state = file::load(&text).expect("it was just written").holds;
    println!(
        "load: {:?}, {} MB resident more than with the text alone",
        start.elapsed(),
        resident_mb() - before
    );
    assert_eq!(state.backend_count(), clusters * per_cluster);

    let start = Instant::now();
    let mut again = Vec::with_capacity(text.len());
    file::write(&state, 1, &mut again);
    println!("write: {:?}", start.elapsed());
    assert_eq!(again, text);

    let mut state = state;
    for (what, change) in [
        ("backend_add", added as fn(usize, usize) -> Change),
        ("backend_update", updated),
        ("frontend_add", routed),
    ] {
        let mut took: Vec<_> =
            (0..CHANGES).map(|n| one(&mut state, &change(n * 7919 % clusters, n))).collect();
        took.sort();
        println!(
            "{what}: resolve + apply on a clone + touched + hash: median {:?}, 99 % below {:?}, longest {:?}",
            took[CHANGES / 2],
            took[CHANGES * 99 / 100],
            took[CHANGES - 1]
        );
    }
    let fresh = ConfigState::from_config(&config(clusters, per_cluster));
    let start = Instant::now();
    let mutations = ConfigState::diff(&state, &fresh);
    println!("diff against a state read afresh: {:?}, {} mutations", start.elapsed(), mutations.len());
}

fn one(state: &mut ConfigState, change: &Change) -> Duration {
    let start = Instant::now();
    let mutation = state.resolve(change).expect("a valid change");
    let mut next = state.clone();
    next.apply(&mutation).expect("a new one");
    let touched = ConfigState::touched(state, &next);
    black_box(next.hash());
    let took = start.elapsed();
    assert_eq!(touched.clusters.len(), 1, "{touched:?}");
    assert_eq!(Touched { clusters: Vec::new(), ..touched }, Touched::default());
    *state = next;
    took
}

fn added(at: usize, n: usize) -> Change {
    let set = serde_json::json!({ "address": "192.0.2.1:80", "weight": 5 });
    Change::BackendAdd {
        cluster: cluster(at),
        backend: backend(&format!("new-{n}")),
        set: set.as_object().expect("keys").clone(),
    }
}

fn updated(at: usize, n: usize) -> Change {
    let set = serde_json::json!({ "weight": 7 });
    Change::BackendUpdate {
        cluster: cluster(at),
        backend: backend(&format!("new-{n}")),
        set: set.as_object().expect("keys").clone(),
    }
}

fn routed(at: usize, n: usize) -> Change {
    let set = serde_json::json!({ "hostname": format!("new-{n}.example.com") });
    Change::FrontendAdd { cluster: cluster(at), set: set.as_object().expect("keys").clone() }
}

fn config(clusters: usize, per_cluster: usize) -> Config {
    let listener = Listener::new(ListenerName::parse("web").expect("a name"), ([0, 0, 0, 0], 80).into());
    let clusters = (0..clusters).map(|n| {
        let frontends = (0..per_cluster).map(|m| {
            let host = format!("host-{m}.site-{n}.example.com");
            let hostname = Hostname::parse(&host).expect("a host");
            Frontend { matching: Match { hostname, ..Match::any() }, ..Frontend::any() }
        });
        let backends = (0..per_cluster).map(|m| {
            let address = ([10, (n >> 8) as u8, n as u8, m as u8], 8080 + (m >> 8) as u16).into();
            Backend { id: backend(&format!("backend-{m}")), weight: 100, ..Backend::new(address) }
        });
        Cluster::new(cluster(n), frontends.collect(), backends.collect())
    });
    let clusters = clusters.collect();
    let (daemon, listeners) = (Default::default(), vec![listener]);
    Config { daemon, listeners, clusters, routes: Vec::new(), answers: Vec::new() }
}

fn cluster(n: usize) -> ClusterId {
    ClusterId::parse(&format!("cluster-{n}")).expect("a name")
}

fn backend(name: &str) -> BackendId {
    BackendId::parse(name).expect("a name")
}

/// The resident memory of the process.
fn resident_mb() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let resident: usize =
        pages.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("its second field");
    resident * 4096 / 1_000_000
}
