//! The list against a naive model that recomputes everything by scanning, under any sequence of calls.

use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::select::{Selection, Tier};
use super::*;
use crate::limits::{RETRY_TRIES_MAX, TRIAL_INTERVAL};
use crate::tried::Tried;

/// Few addresses and names, so that they meet often.
const ADDRESSES: u16 = 5;

#[derive(Debug, Clone)]
enum Step {
    Add { name: u8, address: u16, weight: u32, backup: bool },
    Remove { address: u16 },
    Policy(bool),
    Tick { millis: u64 },
    Fail(prop::sample::Index),
    Succeed(prop::sample::Index),
    Begin(prop::sample::Index),
    End(prop::sample::Index),
    Open(prop::sample::Index),
    Close(prop::sample::Index),
    Select { tried: Vec<prop::sample::Index> },
}

fn step() -> impl Strategy<Value = Step> {
    let any_key = any::<prop::sample::Index>;
    let weight = prop_oneof![Just(100), 0u32..400];
    prop_oneof![
        3 => (0u8..2, 0..ADDRESSES, weight, any::<bool>())
            .prop_map(|(name, address, weight, backup)| Step::Add { name, address, weight, backup }),
        1 => (0..ADDRESSES).prop_map(|address| Step::Remove { address }),
        1 => any::<bool>().prop_map(Step::Policy),
        4 => prop_oneof![0u64..1_500, Just(1_000), 1_000u64..70_000].prop_map(|millis| Step::Tick { millis }),
        8 => any_key().prop_map(Step::Fail),
        1 => any_key().prop_map(Step::Succeed),
        2 => any_key().prop_map(Step::Begin),
        2 => any_key().prop_map(Step::End),
        1 => any_key().prop_map(Step::Open),
        1 => any_key().prop_map(Step::Close),
        6 => prop::collection::vec(any_key(), 0..3).prop_map(|tried| Step::Select { tried }),
    ]
}

/// A backend as the model knows it.
#[derive(Debug, Clone)]
struct Known {
    key: BackendKey,
    spec: BackendSpec,
    status: Status,
    tries: u8,
    wait_until: Time,
    trial_at: Time,
    connections: u32,
    requests: u32,
    load: Arc<InFlight>,
}

impl Known {
    fn can_open(&self, now: Time) -> bool {
        self.status == Status::Normal && now >= self.wait_until
    }

    fn is_down(&self) -> bool {
        self.tries >= RETRY_TRIES_MAX
    }

    fn is_trial_due(&self, now: Time) -> bool {
        self.status == Status::Normal && now < self.wait_until && now >= self.trial_at
    }

    /// What ending a connection or a request must answer.
    fn release(&mut self) -> Released {
        if self.status == Status::Closing && self.connections == 0 && self.requests == 0 {
            self.status = Status::Closed;
            return Released::Drained(self.spec.id.clone());
        }
        Released::Kept
    }
}

/// Every backend that ever was, the closed ones included: their keys are the stale ones.
struct Model {
    known: Vec<Known>,
    now: Time,
    is_all_down: bool,
    is_failing_open: bool,
}

impl Model {
    /// The flip to be expected after a change.
    fn flip(&mut self) -> Option<Flip> {
        let mut normal = self.known.iter().filter(|known| known.status == Status::Normal).peekable();
        let is_all_down = normal.peek().is_some() && normal.all(Known::is_down);
        let was = std::mem::replace(&mut self.is_all_down, is_all_down);
        match (was, is_all_down) {
            (false, true) => Some(Flip::AllDown),
            (true, false) => Some(Flip::Recovered),
            _ => None,
        }
    }

    /// The keys that may be selected, and by which tier; `None` if nothing may.
    fn eligible(&self, tried: &Tried) -> Option<(Tier, Vec<BackendKey>)> {
        let alive =
            |key: &BackendKey| self.known.iter().find(|k| k.key == *key && k.status != Status::Closed);
        let refused: Vec<_> =
            tried.as_slice().iter().filter_map(alive).map(|known| known.spec.address.clone()).collect();
        let keys = |admit: &dyn Fn(&Known) -> bool| -> Vec<BackendKey> {
            let admitted = |known: &&Known| admit(known) && !refused.contains(&known.spec.address);
            self.known.iter().filter(admitted).map(|known| known.key).collect()
        };
        let primary = keys(&|known| known.can_open(self.now) && !known.spec.backup);
        if !primary.is_empty() {
            return Some((Tier::Primary, primary));
        }
        let backup = keys(&|known| known.can_open(self.now) && known.spec.backup);
        if !backup.is_empty() {
            return Some((Tier::Backup, backup));
        }
        if self.known.iter().any(|known| known.can_open(self.now)) {
            return None;
        }
        let due = keys(&|known| known.is_trial_due(self.now));
        let get =
            |key: &BackendKey| self.known.iter().find(|known| known.key == *key).expect("just collected");
        let first = due.iter().map(|key| (get(key).spec.backup, get(key).trial_at)).min()?;
        let firsts = due.into_iter().filter(|key| (get(key).spec.backup, get(key).trial_at) == first);
        Some((Tier::FailOpen, firsts.collect()))
    }
}

/// The list holds what the model knows, and each backend stands in exactly the set its state demands.
fn compare(list: &BackendList, model: &Model) {
    let alive = model.known.iter().filter(|known| known.status != Status::Closed);
    assert_eq!(list.len(), alive.clone().count());
    let normal = alive.clone().filter(|known| known.status == Status::Normal);
    assert_eq!(list.available(), normal.clone().filter(|known| !known.is_down()).count());
    assert_eq!(list.availability() == Availability::AllDown, model.is_all_down);
    assert_eq!(list.is_failing_open(), model.is_failing_open);
    let placed = list.pools.iter().map(Pool::len).sum::<usize>() + list.waiting.len();
    assert_eq!(placed, normal.count());

    for known in &model.known {
        assert_eq!(list.status(known.key), known.status, "{known:?}");
        let Some(backend) = list.get(known.key) else { continue };
        assert_eq!(backend.connections(), known.connections);
        assert_eq!(backend.requests(), known.requests);
        assert_eq!(backend.load().get(), u64::from(known.requests));
        assert_eq!(backend.weight(), known.spec.weight.max(1));
        assert_eq!(backend.can_open(model.now), known.can_open(model.now));
        assert_eq!(backend.is_available(), known.status == Status::Normal && !known.is_down());
        match backend.place {
            Place::Ready(position) => {
                let candidate = &list.pools[usize::from(known.spec.backup)].candidates()[position as usize];
                assert_eq!((candidate.index, candidate.weight), (known.key.index, backend.weight()));
                assert!(known.can_open(model.now));
            }
            // Its window may have ended since the last selection.
            Place::Waiting(position) => assert_eq!(list.waiting.index_at(position), Some(known.key.index)),
            Place::Nowhere => assert_eq!(known.status, Status::Closing),
        }
    }
    assert!(model.known.iter().filter(|k| k.status == Status::Closed).all(|k| k.load.get() == 0));
}

fn add(list: &mut BackendList, model: &mut Model, spec: BackendSpec) {
    let load = Arc::new(InFlight::new());
    let added = list.add(spec.clone(), Arc::clone(&load));
    let same =
        |k: &&mut Known| k.status == Status::Normal && k.spec.id == spec.id && k.spec.address == spec.address;
    if let Some(known) = model.known.iter_mut().find(same) {
        known.spec = spec;
        assert_eq!((added.key, added.is_new), (known.key, false));
    } else {
        assert!(added.is_new && model.known.iter().all(|known| known.key != added.key));
        model.known.push(Known {
            key: added.key,
            spec,
            status: Status::Normal,
            tries: 0,
            wait_until: Time::ZERO,
            trial_at: Time::ZERO,
            connections: 0,
            requests: 0,
            load,
        });
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
    if !known.can_open(now) {
        assert_eq!(failed, Failed { outcome: FailureOutcome::Ignored, flip: None });
        return;
    }
    // The jitter is the list's; its range has its own tests.
    known.wait_until = list.get(known.key).unwrap().retry().wait_until();
    known.trial_at = now + TRIAL_INTERVAL;
    let (was_down, until) = (known.is_down(), known.wait_until);
    known.tries = (known.tries + 1).min(RETRY_TRIES_MAX);
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
        known.tries = 0;
        known.wait_until = Time::ZERO;
    }
    assert_eq!(succeeded, Succeeded { outcome, flip: model.flip() });
}

fn select(list: &mut BackendList, model: &mut Model, tried: &Tried, rng: &mut SmallRng) {
    let selected = list.select(model.now, rng, tried);
    let eligible = model.eligible(tried);
    let Some(Selection { key, address, tier }) = selected else {
        assert_eq!(eligible, None);
        return;
    };
    let (expected_tier, keys) = eligible.expect("the list found one, so must the model");
    assert_eq!(tier, expected_tier);
    assert!(keys.contains(&key), "{key:?} is none of {keys:?}");
    let known = model.known.iter_mut().find(|known| known.key == key).expect("it is eligible");
    assert_eq!(known.spec.address, address);
    model.is_failing_open = tier == Tier::FailOpen;
    if tier == Tier::FailOpen {
        known.trial_at = model.now + TRIAL_INTERVAL;
    }
}

fn play(list: &mut BackendList, model: &mut Model, step: Step, rng: &mut SmallRng) {
    let count = model.known.len();
    match step {
        Step::Add { name, address, weight, backup } => {
            let address = Address::Ip(([10, 0, 0, 1], 1 + address).into());
            let id = format!("b{name}").parse().unwrap();
            add(list, model, BackendSpec { id, address, weight, backup });
        }
        Step::Remove { address } => remove(list, model, &Address::Ip(([10, 0, 0, 1], 1 + address).into())),
        Step::Policy(round_robin) => {
            list.set_policy(if round_robin { Policy::RoundRobin } else { Policy::PowerOfTwo });
        }
        Step::Tick { millis } => model.now += Duration::from_millis(millis),
        Step::Select { tried: at } => {
            let mut tried = Tried::NONE;
            at.iter().filter(|_| count > 0).for_each(|at| tried.insert(model.known[at.index(count)].key));
            select(list, model, &tried, rng);
        }
        _ if count == 0 => {}
        Step::Fail(at) => fail(list, model, at.index(count), rng),
        Step::Succeed(at) => succeed(list, model, at.index(count)),
        Step::Begin(at) => {
            let known = &mut model.known[at.index(count)];
            list.begin_request(known.key);
            known.requests += u32::from(known.status != Status::Closed);
        }
        Step::Open(at) => {
            let known = &mut model.known[at.index(count)];
            list.connection_opened(known.key);
            known.connections += u32::from(known.status != Status::Closed);
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
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_sequence_of_calls_agrees_with_the_model(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut list = BackendList::new("api".parse().unwrap(), Policy::PowerOfTwo);
        let mut model =
            Model { known: Vec::new(), now: Time::from_nanos(1), is_all_down: false, is_failing_open: false };
        for step in steps {
            play(&mut list, &mut model, step, &mut rng);
            compare(&list, &model);
        }
        drop(list);
        prop_assert!(model.known.iter().all(|known| known.load.get() == 0), "load left behind");
    }
}
