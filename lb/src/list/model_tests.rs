//! The list against a naive model that recomputes everything by scanning, under any sequence of calls.

use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::outcome::*;
use super::select::Selection;
use super::*;
use crate::backend::Place;
use crate::demand::Demand;
use crate::limits::{SLOW_START_STEPS, TRIAL_INTERVAL};
use crate::policy::Policy;
use crate::retry::{FailureOutcome, SuccessOutcome};
use crate::spec::{Admin, BackendSpec};
use crate::tried::Tried;

mod model;

use model::{Known, Model};

/// Few addresses and names, so that they meet often.
const ADDRESSES: u16 = 5;

type At = prop::sample::Index;

#[derive(Debug, Clone)]
enum Step {
    Add { name: u8, address: u16, weight: u32, backup: bool, sticky: u8, admin: Admin, limits: (u32, u32) },
    Remove { address: u16 },
    Settings(Settings),
    Tick { millis: u64 },
    Fail(At),
    Succeed(At),
    Health(At, bool),
    Down(At),
    Up(At),
    Admin(At, Admin),
    End(At),
    Open(At),
    Close(At),
    Elsewhere { at: At, requests: u32 },
    Refresh,
    Select { tried: Vec<At>, hash: Option<u64>, sticky: Option<At> },
}

fn admin() -> impl Strategy<Value = Admin> {
    prop_oneof![4 => Just(Admin::Ready), 1 => Just(Admin::Drain), 1 => Just(Admin::Maint)]
}

fn limit() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(u32::MAX), 1 => 1u32..4]
}

fn settings() -> impl Strategy<Value = Settings> {
    let policy = prop_oneof![
        Just(Policy::RoundRobin),
        Just(Policy::Random),
        Just(Policy::LeastLoaded),
        (2u8..4).prop_map(|choices| Policy::PowerOf { choices }),
        Just(Policy::Maglev),
        Just(Policy::Rendezvous),
        Just(Policy::First),
    ];
    let slow_start = prop_oneof![Just(0u64), Just(20)].prop_map(Duration::from_secs);
    let panic_percent = prop_oneof![2 => Just(0u8), 1 => 30u8..101];
    let hash_balance = prop_oneof![Just(None), Just(Some(125u16))];
    (policy, slow_start, panic_percent, hash_balance, limit(), limit()).prop_map(
        |(policy, slow_start, panic_percent, hash_balance, requests_max, connections_max)| Settings {
            policy,
            slow_start,
            panic_percent,
            hash_balance,
            requests_max,
            connections_max,
            ..Settings::default()
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let at = any::<At>;
    let weight = prop_oneof![Just(100), 0u32..400];
    prop_oneof![
        4 => (0u8..2, 0..ADDRESSES, weight, any::<bool>(), 0u8..4, admin(), (limit(), limit())).prop_map(
            |(name, address, weight, backup, sticky, admin, limits)| Step::Add {
                name, address, weight, backup, sticky, admin, limits
            }
        ),
        1 => (0..ADDRESSES).prop_map(|address| Step::Remove { address }),
        1 => settings().prop_map(Step::Settings),
        4 => prop_oneof![0u64..1_500, Just(1_000), 1_000u64..70_000].prop_map(|millis| Step::Tick { millis }),
        6 => at().prop_map(Step::Fail),
        1 => at().prop_map(Step::Succeed),
        3 => (at(), any::<bool>()).prop_map(|(at, healthy)| Step::Health(at, healthy)),
        1 => at().prop_map(Step::Down),
        1 => at().prop_map(Step::Up),
        2 => (at(), admin()).prop_map(|(at, admin)| Step::Admin(at, admin)),
        3 => at().prop_map(Step::End),
        2 => at().prop_map(Step::Open),
        1 => at().prop_map(Step::Close),
        1 => (at(), 0u32..3).prop_map(|(at, requests)| Step::Elsewhere { at, requests }),
        2 => Just(Step::Refresh),
        9 => (prop::collection::vec(at(), 0..3), any::<Option<u64>>(), prop::option::weighted(0.3, at()))
            .prop_map(|(tried, hash, sticky)| Step::Select { tried, hash, sticky }),
    ]
}

/// The list holds what the model knows, and each backend stands in exactly the set its state demands.
fn compare(list: &BackendList, model: &Model) {
    let alive = || model.known.iter().filter(|known| known.status != Status::Closed);
    assert_eq!(list.len(), alive().count());
    let counts = list.counts();
    let normal = model.normal().count();
    assert_eq!((counts.configured, counts.closing), (normal, list.len() - normal));
    assert_eq!(counts.healthy, model.normal().filter(|known| known.healthy).count());
    assert_eq!(counts.available, model.normal().filter(|known| known.is_up()).count());
    assert_eq!(counts.ready, list.pools[..2].iter().map(Pool::len).sum::<usize>());
    assert_eq!(counts.requests, alive().map(|known| known.requests).sum::<u32>());
    assert_eq!(counts.connections, alive().map(|known| known.connections).sum::<u32>());
    assert_eq!(model.total.requests(), if model.is_total_shared() { counts.requests.into() } else { 0 });
    let is_limited = model.settings.connections_max != u32::MAX;
    assert_eq!(model.total.connections(), if is_limited { counts.connections.into() } else { 0 });

    assert_eq!(list.availability() == Availability::AllDown, model.is_all_down);
    assert_eq!(list.is_failing_open(), model.is_failing_open);
    assert_eq!(list.fail_open_decisions(), model.fail_open_decisions);
    let out = model.normal().filter(|known| known.admin != Admin::Ready).count();
    assert_eq!(list.pools.iter().map(Pool::len).sum::<usize>() + list.waiting.len() + out, normal);
    for sticky in 0..4 {
        let sticky_id = format!("s{sticky}");
        assert_eq!(list.by_sticky(&sticky_id), model.by_sticky(&sticky_id));
    }
    let ramps = list.ramps.indices();
    assert_eq!(ramps.len(), list.iter().filter(|(_, backend)| backend.ramp.is_some()).count());
    model.known.iter().for_each(|known| compare_one(list, model, known, &ramps));
}

fn compare_one(list: &BackendList, model: &Model, known: &Known, ramps: &[u32]) {
    assert_eq!(list.status(known.key), known.status, "{known:?}");
    assert_eq!(known.load.requests(), u64::from(known.requests + known.elsewhere));
    assert_eq!(known.load.connections(), u64::from(known.connections));
    let Some(backend) = list.get(known.key) else { return };
    assert_eq!((backend.connections(), backend.requests()), (known.connections, known.requests));
    assert_eq!(backend.weight(), known.spec.weight.max(1));
    assert_eq!((backend.admin(), backend.is_healthy()), (known.admin, known.healthy));
    assert_eq!(backend.can_open(model.now), known.can_open(model.now));
    assert_eq!(backend.is_available(), known.status == Status::Normal && known.is_up());
    match backend.place {
        Place::Pooled { pool, position } => {
            let pool = usize::from(pool);
            assert_eq!(pool, usize::from(known.spec.backup) + if known.healthy { 0 } else { 2 });
            let candidate = &list.pools[pool].candidates()[position as usize];
            assert_eq!((candidate.index, candidate.weight), (known.key.index, backend.pool_weight()));
            assert!(known.admin == Admin::Ready && model.now >= known.wait_until);
        }
        // Its window may have ended since the last selection.
        Place::Waiting(position) => {
            assert_eq!(list.waiting.index_at(position), Some(known.key.index));
            assert_eq!(known.admin, Admin::Ready);
        }
        Place::Out => assert_ne!(known.admin, Admin::Ready),
        Place::Nowhere => assert_eq!(known.status, Status::Closing),
    }
    assert!((1..=SLOW_START_STEPS).contains(&backend.steps));
    match backend.ramp {
        Some(position) => {
            assert_eq!(ramps[position as usize], known.key.index);
            assert!(known.healthy && known.admin == Admin::Ready && known.status == Status::Normal);
        }
        None => assert_eq!(backend.steps, SLOW_START_STEPS),
    }
}

fn add(list: &mut BackendList, model: &mut Model, spec: BackendSpec) {
    let load = Arc::new(Load::new());
    let added = list.add(spec.clone(), Arc::clone(&load));
    model.serial += 1;
    let serial = model.serial;
    let same =
        |k: &&mut Known| k.status == Status::Normal && k.spec.id == spec.id && k.spec.address == spec.address;
    if let Some(known) = model.known.iter_mut().find(same) {
        if known.spec.sticky_id != spec.sticky_id {
            known.sticky_since = serial;
        }
        known.spec = spec;
        assert_eq!((added.key, added.is_new), (known.key, false));
    } else {
        assert!(added.is_new && model.known.iter().all(|known| known.key != added.key));
        model.known.push(Known::new(added.key, spec, load, serial));
    }
    assert_eq!(added.flip, model.flip());
}

fn remove(list: &mut BackendList, model: &mut Model, address: &Address) {
    let mut removed = list.remove_by_address(address);
    let (mut ids, mut drained) = (Vec::new(), Vec::new());
    for known in model.known.iter_mut().filter(|k| k.status == Status::Normal && k.spec.address == *address) {
        known.status = Status::Closing;
        ids.push(known.spec.id.clone());
        if let Released::Drained(id) = known.release() {
            drained.push(id);
        }
    }
    [&mut removed.ids, &mut removed.drained, &mut ids, &mut drained].into_iter().for_each(|ids| ids.sort());
    assert_eq!(removed, Removed { ids, drained, flip: model.flip() });
}

fn fail(list: &mut BackendList, model: &mut Model, at: usize, rng: &mut SmallRng) {
    let now = model.now;
    let known = &mut model.known[at];
    let failed = list.on_failure(known.key, now, rng);
    if known.status != Status::Normal || now < known.wait_until {
        assert_eq!(failed, Failed { outcome: FailureOutcome::Ignored, flip: None });
        return;
    }
    // The jitter is the list's; its range has its own tests.
    let was_down = known.is_down();
    let until = list.get(known.key).unwrap().retry().wait_until();
    known.failed(now, until);
    let outcome = match (was_down, known.is_down()) {
        (true, _) => FailureOutcome::StillDown { until },
        (false, true) => FailureOutcome::Down { until },
        (false, false) => FailureOutcome::BackOff { until },
    };
    assert_eq!(failed, Failed { outcome, flip: model.flip() });
}

fn succeed(list: &mut BackendList, model: &mut Model, at: usize) {
    let known = &mut model.known[at];
    let succeeded = list.on_success(known.key);
    let mut outcome = SuccessOutcome::Unchanged;
    if known.status == Status::Normal && known.tries > 0 {
        outcome = if known.is_down() { SuccessOutcome::Up } else { SuccessOutcome::Recovered };
        known.forgive();
    }
    assert_eq!(succeeded, Succeeded { outcome, flip: model.flip() });
}

fn decide(list: &mut BackendList, model: &mut Model, step: &Step, rng: &mut SmallRng) {
    let (count, now) = (model.known.len(), model.now);
    let (Step::Health(at, _) | Step::Admin(at, _) | Step::Down(at) | Step::Up(at)) = step else { return };
    let known = &mut model.known[at.index(count)];
    let changed = match step {
        Step::Health(_, healthy) => {
            let changed = list.set_health(known.key, *healthy, now);
            if known.status == Status::Normal && known.healthy != *healthy {
                known.healthy = *healthy;
                if *healthy {
                    known.forgive();
                }
            }
            changed
        }
        Step::Down(_) => {
            let changed = list.set_down(known.key, now, rng);
            if known.status == Status::Normal && !known.is_down() {
                let until = list.get(known.key).unwrap().retry().wait_until();
                assert!(until >= known.wait_until && until >= now + Duration::from_secs(1));
                known.exhausted(now, until);
            }
            changed
        }
        Step::Up(_) => {
            let changed = list.set_up(known.key, now);
            if known.status == Status::Normal {
                known.forgive();
            }
            changed
        }
        Step::Admin(_, admin) => {
            let changed = list.set_admin(known.key, *admin, now);
            if known.status == Status::Normal {
                known.admin = *admin;
            }
            changed
        }
        _ => return,
    };
    assert_eq!(changed, Changed { flip: model.flip() });
}

fn select(list: &mut BackendList, model: &mut Model, demand: &Demand<'_>, rng: &mut SmallRng) {
    let selected = list.select(model.now, rng, demand);
    let eligible = model.eligible(demand);
    let Selection { key, address, tier } = match selected {
        Ok(selection) => selection,
        Err(error) => {
            assert_eq!(eligible, Err(error));
            return;
        }
    };
    let (expected_tier, keys) = eligible.expect("the list found one, so must the model");
    assert_eq!(tier, expected_tier);
    assert!(keys.contains(&key), "{key:?} is none of {keys:?}");
    model.selected(key, tier);
    assert_eq!(model.known.iter().find(|known| known.key == key).unwrap().spec.address, address);
}

/// What requests and connections do.
fn traffic(list: &mut BackendList, model: &mut Model, step: &Step) {
    let count = model.known.len();
    let is_cluster_full = model.is_full_of_connections();
    match step {
        Step::Open(at) => {
            let known = &mut model.known[at.index(count)];
            let is_room = known.connections < known.spec.connections_max && !is_cluster_full;
            let expected = known.status != Status::Closed && is_room;
            assert_eq!(list.try_open(known.key), expected);
            known.connections += u32::from(expected);
        }
        Step::End(at) => {
            let known = &mut model.known[at.index(count)];
            if known.requests > 0 || known.status == Status::Closed {
                known.requests = known.requests.saturating_sub(1);
                let expected = known.release();
                assert_eq!(list.end_request(known.key), expected);
            }
        }
        Step::Close(at) => {
            let known = &mut model.known[at.index(count)];
            if known.connections > 0 || known.status == Status::Closed {
                known.connections = known.connections.saturating_sub(1);
                let expected = known.release();
                assert_eq!(list.connection_closed(known.key), expected);
            }
        }
        Step::Elsewhere { at, requests } => model.known[at.index(count)].set_elsewhere(*requests),
        _ => {}
    }
}

fn play(list: &mut BackendList, model: &mut Model, step: Step, rng: &mut SmallRng) {
    let count = model.known.len();
    let key = |model: &Model, at: At| (count > 0).then(|| model.known[at.index(count)].key);
    match step {
        Step::Add { name, address, weight, backup, sticky, admin, limits } => {
            let address = Address::Ip(([10, 0, 0, 1], 1 + address).into());
            let spec = BackendSpec::new(format!("b{name}").parse().unwrap(), address);
            let sticky_id = format!("s{sticky}").into();
            let (requests_max, connections_max) = limits;
            let settings =
                BackendSpec { weight, backup, admin, sticky_id, requests_max, connections_max, ..spec };
            add(list, model, settings);
        }
        Step::Remove { address } => remove(list, model, &Address::Ip(([10, 0, 0, 1], 1 + address).into())),
        Step::Settings(settings) => {
            list.set_settings(settings);
            model.settings = settings;
        }
        Step::Refresh => {
            list.refresh_fail_open();
            model.refresh();
        }
        Step::Tick { millis } => model.now += Duration::from_millis(millis),
        Step::Select { tried: at, hash, sticky } => {
            let mut tried = Tried::NONE;
            at.into_iter().filter_map(|at| key(model, at)).for_each(|key| tried.insert(key));
            let sticky = sticky.and_then(|at| key(model, at));
            select(list, model, &Demand { tried: &tried, hash, sticky }, rng);
        }
        _ if count == 0 => {}
        Step::Fail(at) => fail(list, model, at.index(count), rng),
        Step::Succeed(at) => succeed(list, model, at.index(count)),
        Step::Health(..) | Step::Down(_) | Step::Up(_) | Step::Admin(..) => decide(list, model, &step, rng),
        Step::End(_) | Step::Open(_) | Step::Close(_) | Step::Elsewhere { .. } => traffic(list, model, &step),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_sequence_of_calls_agrees_with_the_model(
        seed in any::<u64>(),
        settings in settings(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let total = Arc::new(Load::new());
        let mut list = BackendList::new("api".parse().unwrap(), settings, Arc::clone(&total));
        let mut model = Model::new(settings, total);
        for step in steps {
            play(&mut list, &mut model, step, &mut rng);
            compare(&list, &model);
        }
        drop(list);
        let left = model.known.iter().all(|known| known.load.requests() == u64::from(known.elsewhere));
        prop_assert!(left && model.known.iter().all(|known| known.load.connections() == 0), "load left behind");
        prop_assert_eq!((model.total.requests(), model.total.connections()), (0, 0));
    }
}
