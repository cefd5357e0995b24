//! Tests of a cluster's list, each of one behaviour an operator sees.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_core::BackendId;

use super::outcome::*;
use super::select::{NoBackend, Selection, Tier};
use super::*;
use crate::demand::Demand;
use crate::latch::Flip;
use crate::policy::Policy;
use crate::retry::{FailureOutcome, SuccessOutcome};
use crate::spec::{Admin, BackendSpec};
use crate::tried::Tried;

mod back_off;
mod fail_open;
mod health;
mod limits;
mod membership;
mod slow_start;
mod sticky;
mod tiers;

const SEED: u64 = 0x5eed_0005;

fn at_millis(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn address(n: u16) -> Address {
    Address::Ip(([10, 0, 0, 1], n).into())
}

fn id(text: &str) -> BackendId {
    text.parse().unwrap()
}

fn spec(n: u16) -> BackendSpec {
    BackendSpec::new(id(&format!("b{n}")), address(n))
}

fn backup(n: u16) -> BackendSpec {
    BackendSpec { backup: true, ..spec(n) }
}

fn limited(n: u16, requests_max: u32) -> BackendSpec {
    BackendSpec { requests_max, ..spec(n) }
}

fn tried(keys: &[BackendKey]) -> Tried {
    let mut tried = Tried::NONE;
    keys.iter().for_each(|&key| tried.insert(key));
    tried
}

/// A list with a generator. A request that is selected here has ended when the next is: what is in flight is another
/// test's subject.
struct Bench {
    list: BackendList,
    total: Arc<Load>,
    rng: SmallRng,
}

impl Bench {
    fn new(settings: Settings) -> Bench {
        let total = Arc::new(Load::new());
        let list = BackendList::new("api".parse().unwrap(), settings, Arc::clone(&total));
        Bench { list, total, rng: SmallRng::seed_from_u64(SEED) }
    }

    fn with(specs: impl IntoIterator<Item = BackendSpec>) -> (Bench, Vec<BackendKey>) {
        Bench::with_settings(Settings::default(), specs)
    }

    fn with_settings(
        settings: Settings,
        specs: impl IntoIterator<Item = BackendSpec>,
    ) -> (Bench, Vec<BackendKey>) {
        let mut bench = Bench::new(settings);
        let keys = specs.into_iter().map(|spec| bench.add(spec).key).collect();
        (bench, keys)
    }

    fn add(&mut self, spec: BackendSpec) -> Added {
        self.list.add(spec, Arc::new(Load::new()))
    }

    fn get(&self, key: BackendKey) -> &Backend {
        self.list.get(key).unwrap()
    }

    /// Selects and keeps the request in flight.
    fn begin(&mut self, now: Time, demand: &Demand<'_>) -> Result<Selection, NoBackend> {
        self.list.select(now, &mut self.rng, demand)
    }

    fn select_for(&mut self, now: Time, demand: &Demand<'_>) -> Result<Selection, NoBackend> {
        let selected = self.begin(now, demand);
        if let Ok(selection) = &selected {
            assert_eq!(self.list.end_request(selection.key), Released::Kept);
        }
        selected
    }

    fn select(&mut self, now: Time) -> Result<Selection, NoBackend> {
        self.select_for(now, &Demand::first())
    }

    fn retry(&mut self, now: Time, tried: &Tried) -> Result<Selection, NoBackend> {
        self.select_for(now, &Demand { tried, ..Demand::first() })
    }

    /// How many of `requests` requests each of `keys` gets.
    fn spread(&mut self, now: Time, requests: usize, keys: &[BackendKey]) -> Vec<usize> {
        let mut counts = vec![0; keys.len()];
        for _ in 0..requests {
            let key = self.select(now).unwrap().key;
            counts[keys.iter().position(|other| *other == key).unwrap()] += 1;
        }
        counts
    }

    fn fail(&mut self, key: BackendKey, now: Time) -> Failed {
        self.list.on_failure(key, now, &mut self.rng)
    }

    /// Fails `key` until it is down; returns the time of the last failure and what it did.
    fn take_down(&mut self, key: BackendKey, from: Time) -> (Time, Failed) {
        let mut now = from;
        loop {
            let failed = self.fail(key, now);
            match failed.outcome {
                FailureOutcome::BackOff { until } => now = until,
                FailureOutcome::Down { .. } => return (now, failed),
                other => panic!("seed {SEED}: {other:?}"),
            }
        }
    }
}
