//! What choosing a backend costs: every policy, by the number of backends, with equal and unequal weights.
//!
//! `cargo bench -p ringway-lb --bench selection`. One step is what a request costs: selected and counted, then ended. Loads
//! are as of an idle machine, and one shard is alone, so counters are cold only where there are many backends.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_core::Time;
use ringway_lb::{BackendMap, BackendSpec, ClusterKey, Demand, Load, Metric, Policy, Settings};

const BACKENDS: [u32; 3] = [10, 1_000, 100_000];

/// Name, policy, metric, bound of the hashes.
const CASES: [(&str, Policy, Metric, Option<u16>); 12] = [
    ("power_of_two", Policy::POWER_OF_TWO, Metric::Requests, None),
    ("power_of_two by connections", Policy::POWER_OF_TWO, Metric::Connections, None),
    ("power_of_two by latency", Policy::POWER_OF_TWO, Metric::Latency, None),
    ("power of four", Policy::PowerOf { choices: 4 }, Metric::Requests, None),
    ("round_robin", Policy::RoundRobin, Metric::Requests, None),
    ("random", Policy::Random, Metric::Requests, None),
    ("least_loaded", Policy::LeastLoaded, Metric::Requests, None),
    ("maglev", Policy::Maglev, Metric::Requests, None),
    ("maglev, bounded", Policy::Maglev, Metric::Requests, Some(125)),
    ("rendezvous", Policy::Rendezvous, Metric::Requests, None),
    ("rendezvous, bounded", Policy::Rendezvous, Metric::Requests, Some(125)),
    ("first", Policy::First, Metric::Requests, None),
];

fn cluster(settings: Settings, backends: u32, is_equal: bool) -> (BackendMap, ClusterKey) {
    let mut map = BackendMap::new();
    let cluster = map.add_cluster("api".parse().expect("a name"), settings, Arc::new(Load::new()));
    for number in 0..backends {
        let [_, a, b, c] = number.to_be_bytes();
        let address = SocketAddr::from(([10, a, b, c], 80));
        let load = Arc::new(Load::new());
        load.observe(Duration::from_micros(u64::from(5_000 + number % 997)), Time::ZERO);
        let mut spec = BackendSpec::new(address.into(), address.into());
        if !is_equal {
            spec.weight = 50 + number * 37 % 101;
        }
        let _ = map.cluster_mut(cluster).add(spec, load);
    }
    (map, cluster)
}

fn selection(criterion: &mut Criterion) {
    for (name, policy, metric, hash_balance) in CASES {
        for is_equal in [true, false] {
            let weights = if is_equal { "equal" } else { "unequal" };
            let mut group = criterion.benchmark_group(format!("{name}/{weights}"));
            for backends in BACKENDS {
                let settings = Settings { policy, metric, hash_balance, ..Settings::default() };
                let (mut map, cluster) = cluster(settings, backends, is_equal);
                let list = map.cluster_mut(cluster);
                let mut rng = SmallRng::seed_from_u64(1);
                let mut key = 0u64;
                group.bench_function(BenchmarkId::from_parameter(backends), |bencher| {
                    bencher.iter(|| {
                        key = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
                        let demand = Demand { hash: Some(key), ..Demand::first() };
                        let now = black_box(Time::ZERO + Duration::from_secs(1));
                        let selection = list.select(now, &mut rng, &demand).expect("all can open");
                        list.end_request(selection.key)
                    });
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, selection);
criterion_main!(benches);
