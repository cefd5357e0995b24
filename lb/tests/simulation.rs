//! What policies make of a machine: a discrete-event simulation of shards, backends and their queues.
//!
//! 16 shards, each with its own lists, share nothing but the loads of 20 backends with 8 slots each. Service times are
//! exponential with a mean of 10 ms, arrivals are Poisson. The yardstick is a balancer that knows everything: one
//! queue length per backend, exact, and the shortest is taken. All policies get the same arrivals and service times, so
//! that what differs is the choice.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use ringway_core::Time;
use ringway_lb::{
    BackendKey, BackendMap, BackendSpec, ClusterKey, Demand, Load, Metric, Policy, Released, Settings,
};

const SHARDS: usize = 16;
const BACKENDS: usize = 20;
const SLOTS: usize = 8;
const SERVICE: Duration = Duration::from_millis(10);

/// Requests of one run; those of the first tenth find the queues not yet as they will be and are not measured.
const REQUESTS: usize = 150_000;
const WARM_UP: usize = REQUESTS / 10;

const SEEDS: [u64; 4] = [0x5eed_0101, 0x5eed_0102, 0x5eed_0103, 0x5eed_0104];

/// The backend that something is wrong with.
const ODD: usize = 7;

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    None,
    /// Takes five times as long.
    Slow,
    /// Answers after a tenth of a millisecond, with an error.
    Failing,
}

#[derive(Clone, Copy)]
struct Scenario {
    /// Share of all slots that would be busy if nothing was wrong.
    utilisation: f64,
    trouble: Trouble,
}

/// What a run showed.
struct Outcome {
    /// Of the response times, queueing included.
    p99_ms: f64,
    /// Share of the requests that the odd backend got.
    odd_share: f64,
}

/// In (0, 1].
fn unit(rng: &mut SmallRng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
}

fn exponential(rng: &mut SmallRng, mean: Duration) -> Duration {
    mean.mul_f64(-unit(rng).ln())
}

fn below(rng: &mut SmallRng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// Who decides.
enum Balancer {
    /// The crate, as a process uses it.
    Shards { maps: Vec<(BackendMap, ClusterKey)>, loads: Vec<Arc<Load>>, rng: SmallRng },
    /// Requests at each backend.
    Omniscient { queues: [usize; BACKENDS], rng: SmallRng },
}

/// What a request must give back at its end.
type Ticket = Option<(usize, BackendKey)>;

impl Balancer {
    fn of_shards(policy: Policy, metric: Metric, seed: u64) -> Balancer {
        let loads: Vec<Arc<Load>> = (0..BACKENDS).map(|_| Arc::new(Load::new())).collect();
        let total = Arc::new(Load::new());
        let shard = || {
            let mut map = BackendMap::new();
            let settings = Settings { policy, metric, ..Settings::default() };
            let cluster = map.add_cluster("api".parse().unwrap(), settings, Arc::clone(&total));
            for (number, load) in loads.iter().enumerate() {
                let address = format!("10.0.0.{number}:80");
                let spec = BackendSpec::new(address.parse().unwrap(), address.parse().unwrap());
                let _ = map.cluster_mut(cluster).add(spec, Arc::clone(load));
            }
            (map, cluster)
        };
        let maps = (0..SHARDS).map(|_| shard()).collect();
        Balancer::Shards { maps, loads, rng: SmallRng::seed_from_u64(seed) }
    }

    fn omniscient(seed: u64) -> Balancer {
        Balancer::Omniscient { queues: [0; BACKENDS], rng: SmallRng::seed_from_u64(seed) }
    }

    fn select(&mut self, shard: usize, now: Time) -> (usize, Ticket) {
        match self {
            Balancer::Shards { maps, rng, .. } => {
                let (map, cluster) = &mut maps[shard];
                let selection = map.cluster_mut(*cluster).select(now, rng, &Demand::first()).unwrap();
                let octets = selection.address.ip().unwrap();
                let std::net::IpAddr::V4(ip) = octets.ip() else { panic!("only IPv4 was configured") };
                (usize::from(ip.octets()[3]), Some((shard, selection.key)))
            }
            Balancer::Omniscient { queues, rng } => {
                let shortest = *queues.iter().min().unwrap();
                let shortest: Vec<usize> = (0..BACKENDS).filter(|&i| queues[i] == shortest).collect();
                let backend = shortest[below(rng, shortest.len())];
                queues[backend] += 1;
                (backend, None)
            }
        }
    }

    fn end(&mut self, backend: usize, ticket: Ticket, response_time: Duration, failed: bool, now: Time) {
        match self {
            Balancer::Shards { maps, loads, .. } => {
                let (shard, key) = ticket.expect("a request of a shard has a key");
                let (map, cluster) = &mut maps[shard];
                assert_eq!(map.cluster_mut(*cluster).end_request(key), Released::Kept);
                if failed {
                    loads[backend].penalise(now);
                } else {
                    loads[backend].observe(response_time, now);
                }
            }
            Balancer::Omniscient { queues, .. } => queues[backend] -= 1,
        }
    }
}

/// A request at a backend, waiting or served.
struct Request {
    number: usize,
    arrived: Time,
    service: Duration,
    ticket: Ticket,
}

/// A request's place among those served: by the end of its service.
type Served = Reverse<(Time, usize, usize)>;

/// Backends: some requests served, the others in order of arrival.
struct Machine {
    trouble: Trouble,
    busy: [usize; BACKENDS],
    queues: [VecDeque<Request>; BACKENDS],
    /// (end, number, backend), with the request in `served` by its number.
    ends: BinaryHeap<Served>,
    served: Vec<Option<Request>>,
}

impl Machine {
    fn arrive(&mut self, backend: usize, request: Request, now: Time) {
        if self.busy[backend] == SLOTS {
            self.queues[backend].push_back(request);
        } else {
            self.busy[backend] += 1;
            self.serve(backend, request, now);
        }
    }

    fn serve(&mut self, backend: usize, request: Request, now: Time) {
        let service = match self.trouble {
            Trouble::Slow if backend == ODD => request.service * 5,
            Trouble::Failing if backend == ODD => Duration::from_micros(100),
            _ => request.service,
        };
        self.ends.push(Reverse((now + service, request.number, backend)));
        let number = request.number;
        self.served[number] = Some(request);
    }

    /// The next end of a service before `until`.
    fn depart(&mut self, until: Time) -> Option<(Time, usize, Request)> {
        let &Reverse((now, number, backend)) = self.ends.peek()?;
        if now > until {
            return None;
        }
        self.ends.pop();
        match self.queues[backend].pop_front() {
            Some(next) => self.serve(backend, next, now),
            None => self.busy[backend] -= 1,
        }
        Some((now, backend, self.served[number].take().expect("what ends was begun")))
    }
}

fn run(scenario: Scenario, mut balancer: Balancer, seed: u64) -> Outcome {
    let mut rng = SmallRng::seed_from_u64(seed);
    let gap = SERVICE.div_f64((BACKENDS * SLOTS) as f64 * scenario.utilisation);
    let mut machine = Machine {
        trouble: scenario.trouble,
        busy: [0; BACKENDS],
        queues: Default::default(),
        ends: BinaryHeap::new(),
        served: Vec::new(),
    };
    machine.served.resize_with(REQUESTS, || None);
    let mut response_times = Vec::with_capacity(REQUESTS);
    let mut odd = 0;
    let mut now = Time::ZERO + Duration::from_secs(1);
    for number in 0..=REQUESTS {
        // After the last arrival all that are there are served.
        let arrival = if number < REQUESTS { now + exponential(&mut rng, gap) } else { Time::NEVER };
        while let Some((ended, backend, request)) = machine.depart(arrival) {
            let response_time = ended.since(request.arrived);
            let failed = machine.trouble == Trouble::Failing && backend == ODD;
            balancer.end(backend, request.ticket, response_time, failed, ended);
            if request.number >= WARM_UP {
                response_times.push(response_time);
            }
        }
        if number == REQUESTS {
            break;
        }
        now = arrival;
        let (backend, ticket) = balancer.select(below(&mut rng, SHARDS), now);
        odd += usize::from(backend == ODD && number >= WARM_UP);
        let service = exponential(&mut rng, SERVICE);
        machine.arrive(backend, Request { number, arrived: now, service, ticket }, now);
    }
    let rank = response_times.len() * 99 / 100;
    let (_, p99, _) = response_times.select_nth_unstable(rank);
    Outcome { p99_ms: p99.as_secs_f64() * 1e3, odd_share: odd as f64 / (REQUESTS - WARM_UP) as f64 }
}

/// The mean of the runs with each seed.
fn averaged(name: &str, scenario: Scenario, balancer: impl Fn(u64) -> Balancer) -> Outcome {
    let runs = SEEDS.map(|seed| run(scenario, balancer(!seed), seed));
    let mean = |value: fn(&Outcome) -> f64| runs.iter().map(value).sum::<f64>() / runs.len() as f64;
    let outcome = Outcome { p99_ms: mean(|run| run.p99_ms), odd_share: mean(|run| run.odd_share) };
    println!(
        "{name}: p99 {:.1} ms, backend {ODD} gets {:.2} % (seeds {SEEDS:x?})",
        outcome.p99_ms,
        outcome.odd_share * 100.0
    );
    outcome
}

fn power_of_two(metric: Metric) -> impl Fn(u64) -> Balancer {
    move |seed| Balancer::of_shards(Policy::POWER_OF_TWO, metric, seed)
}

/// What each backend gets if all get the same.
const FAIR: f64 = 1.0 / BACKENDS as f64;

#[test]
fn power_of_two_with_shared_counts_is_nearly_as_good_as_knowing_everything() {
    let even = Scenario { utilisation: 0.85, trouble: Trouble::None };
    let best = averaged("even, omniscient", even, Balancer::omniscient);
    let two = averaged("even, power of two", even, power_of_two(Metric::Requests));
    assert!(
        two.p99_ms <= best.p99_ms * 1.05,
        "{} ms against {} ms, seeds {SEEDS:?}",
        two.p99_ms,
        best.p99_ms
    );
    assert!((two.odd_share - FAIR).abs() < 0.1 * FAIR, "{} of the requests, seeds {SEEDS:?}", two.odd_share);

    let round_robin = |seed| Balancer::of_shards(Policy::RoundRobin, Metric::Requests, seed);
    let turns = averaged("even, round robin per shard", even, round_robin);
    assert!(turns.p99_ms > two.p99_ms, "{} ms against {} ms, seeds {SEEDS:?}", turns.p99_ms, two.p99_ms);
}

#[test]
fn a_backend_that_is_five_times_slower_gets_less_and_hardly_anyone_notices() {
    let sick = Scenario { utilisation: 0.75, trouble: Trouble::Slow };
    let best = averaged("one slow, omniscient", sick, Balancer::omniscient);
    let two = averaged("one slow, power of two", sick, power_of_two(Metric::Requests));
    assert!(
        two.p99_ms <= best.p99_ms * 1.05,
        "{} ms against {} ms, seeds {SEEDS:?}",
        two.p99_ms,
        best.p99_ms
    );
    assert!(two.odd_share < 0.4 * FAIR, "{} of the requests, seeds {SEEDS:?}", two.odd_share);

    let latency = averaged("one slow, power of two by latency", sick, power_of_two(Metric::Latency));
    assert!(
        latency.odd_share < 0.75 * two.odd_share,
        "{} of the requests by latency, {} by counts, seeds {SEEDS:?}",
        latency.odd_share,
        two.odd_share
    );
}

#[test]
fn a_backend_that_fails_fast_attracts_nothing_when_latency_counts() {
    let failing = Scenario { utilisation: 0.75, trouble: Trouble::Failing };
    let counts = averaged("one failing, power of two by requests", failing, power_of_two(Metric::Requests));
    assert!(
        counts.odd_share > 1.5 * FAIR,
        "{} of the requests: counts draw more, seeds {SEEDS:?}",
        counts.odd_share
    );

    let latency = averaged("one failing, power of two by latency", failing, power_of_two(Metric::Latency));
    assert!(latency.odd_share < 0.02 * FAIR, "{} of the requests, seeds {SEEDS:?}", latency.odd_share);
}
