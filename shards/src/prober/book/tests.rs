//! Checks that come, change and go while probes are under way.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_core::config::HealthCheck;

use super::*;

mod convergence;

const RISE: u32 = 2;
const FALL: u32 = 3;

const fn member(backend: u32) -> Member {
    Member { cluster: 0, backend }
}

/// A check of the server at this port, asked for this path.
fn check(port: u16, path: &str, members: &[u32]) -> Arc<Check> {
    let settings = HealthCheck { path: path.into(), rise: RISE, fall: FALL, ..HealthCheck::default() };
    let address: Address = Address::Ip(([127, 0, 0, 1], port).into());
    Arc::new(Check {
        probe: Probe::new(&settings, &address),
        address,
        settings: CheckSettings::from(&settings),
        members: members.iter().copied().map(member).collect(),
    })
}

/// The book of a shard, and what it tells, in short.
struct Scene {
    book: Book,
    now: Time,
    rng: SmallRng,
}

impl Scene {
    /// Shard 0, which is alone, with these checks from the start.
    fn new(checks: &[Arc<Check>]) -> Scene {
        let mut scene = Scene { book: Book::new(0), now: Time::ZERO, rng: SmallRng::seed_from_u64(1) };
        for (slot, check) in (0..).zip(checks) {
            assert_eq!(scene.set(slot, Some(check)), [""; 0]);
        }
        scene.share(&[0], &[]);
        scene
    }

    fn set(&mut self, slot: u32, check: Option<&Arc<Check>>) -> Vec<String> {
        let mut told = Vec::new();
        self.book.set(slot, check.cloned(), self.now, |signal| told.push(short(&signal)));
        told
    }

    fn share(&mut self, shards: &[u16], unhealthy: &[u32]) {
        let unhealthy = unhealthy.iter().copied().map(member).collect();
        self.book.share(&Live { shards: shards.to_vec(), unhealthy }, self.now);
    }

    /// Begins one probe of each check.
    fn begin(&mut self) -> Vec<Due> {
        // An interval, half of one between two starts, and what chance adds.
        self.now += Duration::from_secs(20);
        std::iter::from_fn(|| self.book.pop_due(self.now, &mut self.rng)).collect()
    }

    fn end(&mut self, due: &Due, is_well: bool) -> Vec<String> {
        let mut told = Vec::new();
        let failure = (!is_well).then_some(&Reason::Cut);
        self.book.done(due, failure, self.now, |_| false, |signal| told.push(short(&signal)));
        told
    }

    /// One probe of each check.
    fn round(&mut self, is_well: bool) -> Vec<String> {
        let due = self.begin();
        assert_eq!(due.len(), self.book.owned());
        due.iter().flat_map(|due| self.end(due, is_well)).collect()
    }
}

fn short(signal: &Signal) -> String {
    match signal {
        Signal::Probed { member, healthy: true, .. } => format!("{} well", member.backend),
        Signal::Probed { member, healthy: false, .. } => format!("{} unwell", member.backend),
        other => format!("{other:?}"),
    }
}

#[test]
fn whoever_joins_hears_the_verdict_and_whoever_leaves_hears_nothing() {
    let mut scene = Scene::new(&[check(1, "/", &[0])]);
    assert_eq!((scene.round(false), scene.round(false)), Default::default());
    assert_eq!(scene.set(0, Some(&check(1, "/", &[0, 1]))), ["1 well"]);
    assert_eq!(scene.round(false), ["0 unwell", "1 unwell"], "what spoke against it stays");
    assert_eq!(scene.set(0, Some(&check(1, "/", &[2, 1]))), ["2 unwell"]);
    assert_eq!(scene.round(true), [""; 0]);
    assert_eq!(scene.set(0, Some(&check(1, "/", &[1]))), [""; 0]);
    assert_eq!(scene.round(true), ["1 well"]);
    assert_eq!(scene.set(0, None), [""; 0]);
    assert_eq!((scene.book.owned(), scene.book.next_due()), (0, Time::NEVER));
}

#[test]
fn the_reason_is_the_one_that_was_found() {
    let mut scene = Scene::new(&[check(1, "/", &[0])]);
    (0..FALL).for_each(|_| drop(scene.round(false)));
    let mut told = Vec::new();
    scene.book.set(0, Some(check(1, "/", &[0, 1])), scene.now, |signal| told.push(signal));
    let reason = Reason::Cut.to_string();
    assert_eq!(told, [Signal::Probed { member: member(1), healthy: false, reason }]);
}

#[test]
fn what_stays_keeps_its_place_in_its_interval() {
    let (mut alone, mut among) = (Scene::new(&[check(1, "/", &[0])]), Scene::new(&[check(1, "/", &[0])]));
    alone.round(true);
    among.round(true);
    let due = alone.book.next_due();
    assert_eq!(among.book.next_due(), due);
    among.set(1, Some(&check(2, "/", &[5])));
    among.set(0, Some(&check(1, "/", &[0, 7])));
    among.set(1, None);
    assert_eq!(among.book.next_due(), due);
    among.set(0, Some(&check(1, "/other", &[0, 7])));
    assert_ne!(among.book.next_due(), due, "that is another check");
}

#[test]
fn a_probe_of_a_check_that_is_gone_ends_without_a_word() {
    let mut scene = Scene::new(&[check(1, "/", &[0])]);
    (1..FALL).for_each(|_| drop(scene.round(false)));
    let due = scene.begin().pop().unwrap();
    assert!(scene.book.is_current(&due));
    // One that only has other members goes on.
    scene.set(0, Some(&check(1, "/", &[0, 1])));
    assert!(scene.book.is_current(&due));
    scene.set(0, None);
    assert!(!scene.book.is_current(&due));
    assert_eq!(scene.end(&due, false), [""; 0]);
    // The slot is another's now, whose own probe is under way.
    scene.set(0, Some(&check(2, "/", &[2])));
    let other = scene.begin().pop().unwrap();
    assert_eq!(scene.end(&due, false), [""; 0]);
    scene.book.skip(&due, scene.now);
    assert_eq!(scene.book.next_due(), Time::NEVER, "until it has ended");
    assert_eq!(scene.end(&other, false), [""; 0]);
    assert_eq!(scene.round(false), [""; 0]);
    assert_eq!(scene.round(false), ["2 unwell"]);
}

#[test]
fn a_new_check_tells_its_first_verdict_and_one_from_the_start_only_flips() {
    let mut scene = Scene::new(&[check(1, "/", &[0])]);
    assert_eq!((scene.round(true), scene.round(true), scene.round(true)), Default::default());
    // Another way to ask: the coordinator may hold it for unwell.
    assert_eq!(scene.set(0, Some(&check(1, "/other", &[0]))), [""; 0]);
    assert_eq!(scene.round(true), [""; 0]);
    assert_eq!(scene.round(false), [""; 0]);
    assert_eq!(scene.round(true), [""; 0]);
    assert_eq!(scene.set(0, Some(&check(1, "/other", &[0, 1]))), [""; 0], "nothing is known yet");
    assert_eq!(scene.round(true), ["0 well", "1 well"]);
    assert_eq!((scene.round(true), scene.round(true)), Default::default());
}

#[test]
fn what_was_stated_is_contradicted_after_as_many_results_as_a_flip_takes() {
    let mut scene = Scene::new(&[check(1, "/", &[0, 1])]);
    scene.book.state(member(0), true);
    scene.book.state(member(9), false);
    assert_eq!((scene.round(true), scene.round(true), scene.round(true)), Default::default());
    scene.book.state(member(0), false);
    assert_eq!(scene.round(true), [""; 0]);
    assert_eq!(scene.round(true), ["0 well", "1 well"], "whom it is no news to, the coordinator knows");
    scene.book.state(member(0), false);
    assert_eq!((scene.round(false), scene.round(false)), Default::default());
    assert_eq!(scene.round(false), ["0 unwell", "1 unwell"], "the other one was not stated to be");
    scene.book.state(member(1), true);
    assert_eq!((scene.round(false), scene.round(false)), Default::default());
    assert_eq!(scene.round(false), ["0 unwell", "1 unwell"]);
    assert_eq!(scene.round(false), [""; 0]);
}

#[test]
fn whoever_takes_a_check_over_goes_on_from_what_was_found() {
    let mut scene = Scene::new(&[check(1, "/", &[0]), check(2, "/", &[1, 2])]);
    let under_way = scene.begin();
    scene.share(&[], &[]);
    assert_eq!(scene.book.owned(), 0);
    assert!(under_way.iter().all(|due| !scene.book.is_current(due)));
    scene.share(&[0], &[0, 2]);
    assert_eq!(scene.book.owned(), 2);
    assert!(under_way.iter().all(|due| !scene.book.is_current(due)));
    assert_eq!(scene.round(true), [""; 0]);
    // The one that was unwell has flipped; of the other the members were held for different things.
    let mut told = scene.round(true);
    told.sort();
    assert_eq!(told, ["0 well", "1 well", "2 well"]);
    assert_eq!((scene.round(true), scene.round(true)), Default::default());
}

#[test]
fn a_backend_that_is_down_has_risen_after_successes_in_a_row_while_it_is_a_member() {
    let mut scene = Scene::new(&[check(1, "/", &[0, 1])]);
    let round = |scene: &mut Scene, is_well: bool| {
        let due = scene.begin().pop().unwrap();
        let mut told = Vec::new();
        let failure = (!is_well).then_some(&Reason::Cut);
        scene.book.done(&due, failure, scene.now, |who| who == member(1), |signal| told.push(signal));
        told
    };
    assert_eq!(round(&mut scene, true), []);
    assert_eq!(round(&mut scene, false), []);
    assert_eq!(round(&mut scene, true), []);
    assert_eq!(round(&mut scene, true), [Signal::Up { member: member(1) }]);
    assert_eq!(round(&mut scene, true), []);
    scene.set(0, Some(&check(1, "/", &[0])));
    scene.set(0, Some(&check(1, "/", &[0, 1])));
    assert_eq!(round(&mut scene, true), [], "it begins anew");
    assert_eq!(round(&mut scene, true), [Signal::Up { member: member(1) }]);
}
