//! What the line promises, alone and under threads.

use std::sync::atomic::AtomicU32;
use std::sync::mpsc;
use std::task::Wake;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use super::*;

/// How long a thread may sleep before the test says that its wake-up was lost.
const STRANDED_AFTER: Duration = Duration::from_secs(20);

fn line(len_max: usize) -> Arc<WaitQueue> {
    Arc::new(WaitQueue::new(len_max))
}

fn poll(waiter: &mut Waiter) -> bool {
    waiter.poll_turn(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// One that joined, tried in vain and sleeps.
fn asleep(queue: &Arc<WaitQueue>) -> Waiter {
    let mut waiter = queue.join().expect("there is a place");
    assert!(poll(&mut waiter), "one try before it sleeps");
    assert!(!poll(&mut waiter));
    waiter
}

#[test]
fn turns_are_given_in_the_order_of_joining() {
    let queue = line(10);
    let mut waiters: Vec<Waiter> = (0..4).map(|_| asleep(&queue)).collect();
    queue.wake_one();
    queue.wake_one();
    let turns: Vec<bool> = waiters.iter_mut().rev().map(poll).collect();
    assert_eq!(turns, [false, false, true, true], "the last one first");
}

#[test]
fn the_line_is_bounded_and_a_place_is_free_again_once_left() {
    let queue = line(2);
    let first = queue.join();
    let second = queue.join();
    assert!(first.is_some() && second.is_some() && queue.join().is_none());
    assert_eq!(queue.len(), 2);
    drop(first);
    assert!(queue.join().is_some());
    assert!(line(0).join().is_none());
}

#[test]
fn one_that_fails_keeps_its_place_and_the_next_behind_tries() {
    let queue = line(10);
    let mut first = asleep(&queue);
    let mut second = asleep(&queue);
    queue.wake_one();
    assert!(poll(&mut first) && !poll(&mut first), "what came free was of no use to it");
    assert!(poll(&mut second));
    second.served();
    queue.wake_one();
    assert!(poll(&mut first), "still the first");
}

#[test]
fn a_turn_that_was_not_used_is_handed_on() {
    let queue = line(10);
    let mut first = asleep(&queue);
    let second = asleep(&queue);
    let mut third = asleep(&queue);
    queue.wake_one();
    assert!(poll(&mut first));
    drop(first);
    drop(second);
    assert!(poll(&mut third), "the turn of the first went past the second, which gave up as well");
    third.served();
    assert!(queue.is_empty());
}

#[test]
fn what_is_given_back_during_a_try_goes_to_the_next_if_the_try_succeeds() {
    let queue = line(10);
    let mut first = asleep(&queue);
    let mut second = asleep(&queue);
    queue.wake_one();
    assert!(poll(&mut first));
    queue.wake_one();
    first.served();
    assert!(poll(&mut second));
}

#[test]
fn what_is_given_back_during_a_try_causes_another_try_if_it_fails() {
    let queue = line(10);
    let mut only = asleep(&queue);
    queue.wake_one();
    assert!(poll(&mut only));
    queue.wake_one();
    assert!(poll(&mut only), "tried before it was given back");
    assert!(!poll(&mut only));
}

#[test]
fn who_joins_behind_a_turn_tries_once_that_is_used() {
    let queue = line(10);
    let mut first = asleep(&queue);
    queue.wake_one();
    let mut late = queue.join().expect("there is a place");
    assert!(!poll(&mut late), "it would overtake");
    assert!(poll(&mut first));
    first.served();
    assert!(poll(&mut late), "there may be more than the first one took");
    assert!(!poll(&mut late));
}

#[test]
fn a_first_try_that_comes_late_does_not_overtake_who_was_called_meanwhile() {
    let queue = line(10);
    let mut first = asleep(&queue);
    let mut late = queue.join().expect("there is a place");
    queue.wake_one();
    assert!(!poll(&mut late), "what was given back is for the first");
    assert!(poll(&mut first));
    first.served();
    assert!(poll(&mut late));
}

#[test]
fn who_joins_behind_sleepers_tries_once_without_delay() {
    let queue = line(10);
    let _waits_for_one_backend = asleep(&queue);
    let mut late = queue.join().expect("there is a place");
    assert!(poll(&mut late), "another backend may be idle");
}

#[test]
fn other_room_gives_everyone_a_turn() {
    let queue = line(10);
    let mut waiters: Vec<Waiter> = (0..4).map(|_| asleep(&queue)).collect();
    queue.wake_all();
    assert!(waiters.iter_mut().all(poll));
    assert!(!waiters.iter_mut().any(poll));
    waiters.into_iter().for_each(Waiter::served);
    queue.wake_all();
    assert!(queue.is_empty());
}

/// A thread that sleeps until it is woken.
struct Sleeper {
    bell: mpsc::Receiver<()>,
    waker: Waker,
}

struct Bell(mpsc::SyncSender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // A full channel means that it rings already.
        let _ = self.0.try_send(());
    }
}

impl Sleeper {
    fn new() -> Sleeper {
        let (sender, bell) = mpsc::sync_channel(1);
        Sleeper { bell, waker: Arc::new(Bell(sender)).into() }
    }

    /// False if it waited for longer than it should.
    fn turn(&self, waiter: &mut Waiter) -> bool {
        while waiter.poll_turn(&mut Context::from_waker(&self.waker)).is_pending() {
            if self.bell.recv_timeout(STRANDED_AFTER).is_err() {
                return false;
            }
        }
        true
    }
}

/// What is limited: as a backend's counter, relaxed.
struct Slots {
    used: AtomicU32,
    most: AtomicU32,
    max: u32,
    queue: Arc<WaitQueue>,
}

impl Slots {
    fn new(max: u32, len_max: usize) -> Slots {
        Slots { used: AtomicU32::new(0), most: AtomicU32::new(0), max, queue: line(len_max) }
    }

    fn try_take(&self) -> bool {
        let take = |used| (used < self.max).then_some(used + 1);
        let before = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        before.is_ok_and(|before| self.most.fetch_max(before + 1, Ordering::Relaxed) <= self.max)
    }

    fn give_back(&self) {
        self.used.fetch_sub(1, Ordering::Relaxed);
        self.queue.wake_one();
    }

    /// Takes one, waiting if it must; `None`: it was given up on the way. Panics if it is stranded.
    fn take(&self, sleeper: &Sleeper, patience: u32) -> Option<()> {
        if self.queue.is_empty() && self.try_take() {
            return Some(());
        }
        let mut waiter = self.queue.join()?;
        for _ in 0..patience {
            assert!(sleeper.turn(&mut waiter), "stranded: {:?}", self.queue);
            if self.try_take() {
                waiter.served();
                return Some(());
            }
        }
        None
    }
}

#[test]
fn threads_never_exceed_the_limit_and_nobody_is_left_waiting() {
    const ROUNDS: u32 = 3_000;
    for (max, threads) in [(1, 4), (2, 6), (3, 4)] {
        let seed: u64 = rand::rng().random();
        let slots = Slots::new(max, 100);
        let taken: u32 = std::thread::scope(|scope| {
            let one = |thread: u64| {
                let slots = &slots;
                move || {
                    let sleeper = Sleeper::new();
                    let mut rng = SmallRng::seed_from_u64(seed ^ thread);
                    let one = |_: &u32| {
                        // Some give up: after a first try in vain, or having waited.
                        let patience = if rng.next_u32().is_multiple_of(4) { 1 } else { u32::MAX };
                        let taken = slots.take(&sleeper, patience).is_some();
                        if taken {
                            if rng.next_u32().is_multiple_of(8) {
                                std::thread::yield_now();
                            }
                            slots.give_back();
                        }
                        taken
                    };
                    (0..ROUNDS).filter(one).count() as u32
                }
            };
            let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(one(thread))).collect();
            threads.into_iter().map(|thread| thread.join().expect("nobody is stranded")).sum()
        });
        assert!(taken > ROUNDS, "seed {seed}: of {threads} threads, {taken} takes");
        assert!(slots.most.into_inner() <= max, "seed {seed}");
        assert_eq!(slots.used.into_inner(), 0, "seed {seed}");
        assert!(slots.queue.is_empty(), "seed {seed}");
    }
}

#[test]
fn every_shard_gets_its_share_of_a_limit_that_is_always_reached() {
    const ROUNDS: u32 = 1_000;
    const SHARDS: usize = 4;
    let slots = Slots::new(1, 100);
    let taken = [const { AtomicU32::new(0) }; SHARDS];
    let goes_on = || taken.iter().all(|taken| taken.load(Ordering::Relaxed) < ROUNDS);
    std::thread::scope(|scope| {
        for mine in &taken {
            let (slots, goes_on) = (&slots, &goes_on);
            scope.spawn(move || {
                let sleeper = Sleeper::new();
                while goes_on() {
                    slots.take(&sleeper, u32::MAX).expect("the line is long enough");
                    mine.fetch_add(1, Ordering::Relaxed);
                    // The others get the time to join.
                    while slots.queue.len() < SHARDS - 1 && goes_on() {
                        std::thread::yield_now();
                    }
                    slots.give_back();
                }
            });
        }
    });
    let counts = taken.map(AtomicU32::into_inner);
    assert!(counts.iter().all(|count| *count >= ROUNDS - 20), "{counts:?}");
}

/// Slots of two kinds, one waiter that can use only one of them: what it can not use goes to the others.
#[test]
fn a_waiter_that_can_not_use_what_comes_free_does_not_keep_it_from_the_others() {
    let seed: u64 = rand::rng().random();
    let mut rng = SmallRng::seed_from_u64(seed);
    for _ in 0..200 {
        let queue = line(100);
        // Who wants what, in the order of the line.
        let wants: Vec<bool> = (0..8).map(|_| rng.next_u32().is_multiple_of(2)).collect();
        let mut waiters: Vec<Option<Waiter>> = wants.iter().map(|_| Some(asleep(&queue))).collect();
        let mut free = [0usize; 2];
        let total = [false, true].map(|kind| wants.iter().filter(|want| **want == kind).count());
        let mut given = [0usize; 2];
        while waiters.iter().any(Option::is_some) {
            let kind = usize::from(rng.next_u32().is_multiple_of(2));
            if given[kind] < total[kind] {
                given[kind] += 1;
                free[kind] += 1;
                queue.wake_one();
            }
            let mut moved = true;
            while std::mem::take(&mut moved) {
                for (waiter, want) in waiters.iter_mut().zip(&wants) {
                    if waiter.as_mut().is_some_and(poll) {
                        moved = true;
                        if free[usize::from(*want)] > 0 {
                            free[usize::from(*want)] -= 1;
                            waiter.take().expect("just polled").served();
                        }
                    }
                }
            }
            assert_eq!(free, [0, 0], "seed {seed}: something is free that somebody waits for");
        }
    }
}

#[test]
fn a_shorter_line_refuses_newcomers_and_keeps_those_who_wait() {
    let queue = line(2);
    let waiters = [asleep(&queue), asleep(&queue)];
    queue.set_max(1);
    assert!(queue.join().is_none());
    assert_eq!(queue.len(), 2);
    drop(waiters);
    let waiter = queue.join();
    assert!(waiter.is_some() && queue.join().is_none());
}
