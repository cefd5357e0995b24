//! Who has which place, with threads that do nothing but wait for their end.

use ringway_shards::inbox::{self, Receiver};
use ringway_shards::{Command, Summary};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::super::clock;
use super::super::shard::{Birth, Event, Pulse};
use super::*;

const WITHIN: Duration = Duration::from_secs(3);

/// As a shard that has nothing to finish.
fn obeys(mut inbox: Receiver<Command>) -> Summary {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    loop {
        match runtime.block_on(inbox.next()) {
            Command::Drain { .. } | Command::Stop => return Summary { drained: true, ..Summary::default() },
            Command::Live(_) | Command::Abort => {}
            other => panic!("told to {other:?}"),
        }
    }
}

struct Nest {
    sender: mpsc::UnboundedSender<(u64, Event)>,
    reports: UnboundedReceiver<(u64, Event)>,
    lives: u64,
    ended: Vec<u64>,
}

impl Nest {
    fn new() -> Nest {
        let (sender, reports) = mpsc::unbounded_channel();
        Nest { sender, reports, lives: 0, ended: Vec::new() }
    }

    fn shard(&mut self, id: u16) -> Shard {
        self.lives += 1;
        let (commands, inbox) = inbox::channel();
        let events = self.sender.clone();
        let birth =
            Birth { id, life: self.lives, core: 0, inbox: commands, heartbeat: Pulse::default(), events };
        Shard::spawn(birth, move |up| {
            up();
            Ok(obeys(inbox))
        })
        .expect("a thread")
    }

    /// Waits for the end of the shard of this life.
    fn ended(&mut self, life: u64) {
        while !self.ended.contains(&life) {
            if let (known, Event::Ended(result)) = self.reports.blocking_recv().expect("somebody reports") {
                result.expect("it was told to end");
                self.ended.push(known);
            }
        }
    }
}

fn roster(nest: &mut Nest) -> Roster {
    let shards = (0..2).map(|id| nest.shard(id)).collect();
    Roster::new(shards, clock::now())
}

fn lives(roster: &Roster) -> Vec<u64> {
    roster.present().map(|shard| shard.life).collect()
}

#[test]
fn one_that_is_replaced_drains_beside_the_one_that_has_its_place() {
    let mut nest = Nest::new();
    let mut roster = roster(&mut nest);
    let now = clock::now();
    assert!(roster.replace(1, now, WITHIN));
    assert!(!roster.replace(1, now, WITHIN), "nobody has the place");
    assert!(!roster.replace(7, now, WITHIN), "there is no such place");
    assert_eq!((lives(&roster), roster.due(now)), (vec![1], vec![1]));
    let next = nest.shard(1);
    roster.started(next);
    assert_eq!((lives(&roster), roster.running()), (vec![1, 3], vec![0]));
    let place = roster.came_up(3, now).expect("it was started");
    assert_eq!((place.id, place.restarts), (1, 1));
    assert_eq!(roster.running(), [0, 1]);
    nest.ended(2);
    assert!(matches!(roster.ended(2, now), Some(Gone::Leaving { name }) if name == "shard-1"));
    assert!(roster.ended(2, now).is_none(), "a shard ends once");
    roster.all().for_each(|shard| shard.tell(Command::Stop));
    for life in [1, 3] {
        nest.ended(life);
        assert!(matches!(roster.ended(life, now), Some(Gone::Tenant { was_up: true, .. })));
    }
    assert!(!roster.has_any() && roster.will_have_any());
    roster.start_no_more();
    assert!(!roster.will_have_any());
}

#[test]
fn starts_that_fail_wait_longer_each_time_until_one_has_run_for_long() {
    let mut nest = Nest::new();
    let mut roster = roster(&mut nest);
    let now = clock::now();
    roster.all().for_each(|shard| shard.tell(Command::Stop));
    nest.ended(1);
    roster.ended(1, now);
    let waits: Vec<_> = (0..9).map(|_| roster.retry(0, now).as_millis()).collect();
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    assert_eq!(roster.next_start(now, true), None, "not while a step is under way");
    assert_eq!(roster.next_start(now, false), Some(now + RESTART_WAIT_MAX));
    assert_eq!(roster.due(now), [0; 0]);
    assert_eq!(roster.due(now + RESTART_WAIT_MAX), [0]);
    let next = nest.shard(0);
    let life = next.life;
    roster.started(next);
    roster.came_up(life, now);
    let later = now + RESTART_STABLE;
    roster.all().filter(|shard| shard.life == life).for_each(|shard| shard.tell(Command::Stop));
    nest.ended(life);
    roster.ended(life, later);
    assert_eq!(roster.retry(0, later), RESTART_WAIT_MIN);
    assert_eq!(roster.retry(0, later + RESTART_STABLE), RESTART_WAIT_MIN * 2, "none has run since");
}

#[test]
fn at_the_end_none_is_due() {
    let mut nest = Nest::new();
    let mut roster = roster(&mut nest);
    let now = clock::now();
    assert!(roster.replace(0, now, WITHIN));
    assert_eq!(roster.due(now), [0]);
    assert!(roster.start_no_more().is_empty(), "nobody has asked");
    assert_eq!((roster.due(now), roster.next_start(now, false)), (vec![], None));
}

#[test]
fn who_is_left_behind_is_named() {
    let mut nest = Nest::new();
    let mut roster = roster(&mut nest);
    assert!(roster.replace(0, clock::now(), WITHIN));
    assert_eq!(roster.abandon(), ["shard-0", "shard-1"]);
    assert!(!roster.has_any());
}
