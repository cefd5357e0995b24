//! What one change costs among many: `cargo run --release -p ringway-shards --example live_scale [CLUSTERS] [PER_CLUSTER]`.
//!
//! Compiles a configuration of so many clusters with so many frontends and backends each, starts a shard on it, and changes it:
//! the time from the new state to the shard that serves by it.
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use ringway_core::config::{Backend, Cluster, Config, Frontend, Hostname, Listener, Match};
use ringway_core::state::{ConfigState, Touched};
use ringway_core::{Change, ClusterId, ListenerName};
use ringway_engine::Engine;
use ringway_engine::sim::{self, SimSettings, SimSocket};
use ringway_shards::{Command, Files, Gate, Launch, Planner, inbox};

/// Changes that the cost of one is taken of.
const CHANGES: usize = 1000;

const WEB: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

fn config(clusters: usize, per_cluster: usize) -> Config {
    let listener = Listener::new(ListenerName::parse("web").expect("a name"), WEB);
    let cluster = |cluster: usize| {
        let frontend = |n: usize| Frontend {
            matching: Match {
                hostname: Hostname::Exact(format!("h{n}.c{cluster}.example").into()),
                ..Match::any()
            },
            ..Frontend::any()
        };
        let port = |n: usize| (cluster * per_cluster + n) as u32;
        let backend =
            |n: usize| Backend::new(SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + port(n)), 80)));
        let id = ClusterId::parse(&format!("c{cluster}")).expect("a name");
        Cluster::new(id, (0..per_cluster).map(frontend).collect(), (0..per_cluster).map(backend).collect())
    };
    Config {
        daemon: Default::default(),
        listeners: vec![listener],
        clusters: (0..clusters).map(cluster).collect(),
        routes: Vec::new(),
        answers: Vec::new(),
    }
}

/// Makes the nth change, of that cluster.
type Draw = dyn Fn(usize, usize) -> Change;

/// Of this process, in megabytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1000
}

fn change(text: &str) -> Change {
    serde_json::from_str(text).expect("a change")
}

fn main() {
    let mut sizes = std::env::args().skip(1).map(|size| size.parse().expect("a number"));
    let clusters: usize = sizes.next().unwrap_or(10_000);
    let per_cluster: usize = sizes.next().unwrap_or(10);

    let mut state = ConfigState::from_config(&config(clusters, per_cluster));
    let mut planner = Planner::new([0; 32]);
    let stage = |planner: &Planner, touched: &Touched, to: &ConfigState| {
        planner.stage(touched, to, &|_| None, &Files::default()).expect("it can be served")
    };
    let start = Instant::now();
    let touched = ConfigState::touched(&ConfigState::new(), &state);
    let staged = stage(&planner, &touched, &state);
    planner.commit(staged);
    println!("compile all: {:?}, {} MB resident", start.elapsed(), resident());
    let start = Instant::now();
    let plan = planner.plan();
    println!("plan for a shard that starts: {:?}", start.elapsed());

    let backend = move |n: usize, _| {
        let address = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + (n * per_cluster) as u32), 80));
        change(&format!(
            r#"{{"change":"backend_update","cluster":"c{n}","backend":"{address}","set":{{"weight":{}}}}}"#,
            1 + n % 99
        ))
    };
    let frontend = |n: usize, nth: usize| {
        let text = format!(
            r#"{{"change":"frontend_add","cluster":"c{n}","set":{{"hostname":"new{nth}.c{n}.example"}}}}"#
        );
        change(&text)
    };
    let cluster =
        |_, n: usize| change(&format!(r#"{{"change":"cluster_add","cluster":"new{n}","set":{{}}}}"#));
    let run = sim::run(&SimSettings::new(1), &sim::small_queues(), |engine, net| {
        let (sender, receiver) = inbox::channel::<SimSocket>();
        let gate = Arc::new(Gate::new(u32::MAX, None));
        let launch = Launch::alone(plan, vec![net.listen(WEB)], receiver, 1, gate);
        let shard = ringway_shards::run(engine.clone(), launch);
        engine.spawn(async move {
            let _summary = shard.await;
        });
        async move {
            engine.yield_now().await;
            println!("a shard runs: {} MB resident", resident());
            let kinds: [(&str, &Draw); 3] =
                [("backend_update", &backend), ("frontend_add", &frontend), ("cluster_add", &cluster)];
            for (what, change) in kinds {
                let mut took = Vec::with_capacity(CHANGES);
                for nth in 0..CHANGES {
                    let mut to = state.clone();
                    let mutation = to.resolve(&change(nth * 7919 % clusters, nth)).expect("it fits");
                    to.apply(&mutation).expect("it fits");
                    let start = Instant::now();
                    let touched = ConfigState::touched(&state, &to);
                    let staged = stage(&planner, &touched, &to);
                    let compiled = start.elapsed();
                    let done = Arc::new(std::sync::Mutex::new(None));
                    let own = Arc::clone(&done);
                    let step = Arc::clone(staged.step());
                    let reply = Box::new(|prepared: Result<(), String>| prepared.expect("it follows"));
                    sender.send(Command::Prepare { step, sockets: Vec::new(), reply }).expect("it runs");
                    let reply = Box::new(move |hash| *own.lock().expect("nobody panics") = Some(hash));
                    sender.send(Command::Commit { reply }).expect("it runs");
                    let told = Instant::now();
                    while done.lock().expect("nobody panics").is_none() {
                        engine.yield_now().await;
                    }
                    let applied = told.elapsed();
                    let told = Instant::now();
                    planner.commit(staged);
                    took.push((compiled + applied + told.elapsed(), compiled, applied));
                    state = to;
                    assert_eq!(*done.lock().expect("nobody panics"), Some(state.hash()));
                }
                took.sort_unstable();
                let (all, compiled, applied) = took[CHANGES / 2];
                println!(
                    "{what}: median {all:?} (compiled {compiled:?}, applied {applied:?}), 99 % below {:?}, longest {:?}",
                    took[CHANGES * 99 / 100].0,
                    took[CHANGES - 1].0
                );
            }
            sender.send(Command::Stop).expect("it runs");
            engine.yield_now().await;
        }
    });
    run.expect("sizes that fit");
}
