//! What slots per key promise, alone and under threads.

use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;

use super::*;

fn poll(waiter: &mut KeyedWaiter<u32>) -> bool {
    waiter.poll_enter(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn a_key_holds_no_more_than_it_may_and_keys_do_not_share() {
    let slots = KeyedSlots::new();
    assert!(slots.try_enter(1, 2) && slots.try_enter(1, 2) && !slots.try_enter(1, 2));
    assert!(slots.try_enter(2, 1));
    assert_eq!((slots.held(&1), slots.held(&2)), (2, 1));
    slots.leave(&1);
    assert!(slots.try_enter(1, 2));
    assert!(!slots.try_enter(3, 0), "nobody may");
}

#[test]
fn what_holds_nothing_leaves_no_entry() {
    let slots = Arc::new(KeyedSlots::new());
    for key in 0..100 {
        assert!(slots.try_enter(key, 5));
        let waiter = slots.join(key, 1, 10).expect("there is a place");
        slots.leave(&key);
        drop(waiter);
        assert!(!slots.try_enter(key, 0) && slots.join(key, 0, 0).is_none());
    }
    assert_eq!(slots.keys(), 0);
}

/// One slot, given back while two wait for it.
fn given_back() -> (Arc<KeyedSlots<u32>>, [KeyedWaiter<u32>; 2]) {
    let slots = Arc::new(KeyedSlots::new());
    assert!(slots.try_enter(7, 1));
    let mut waiters = [(); 2].map(|()| slots.join(7, 1, 10).expect("there is a place"));
    assert!(!waiters.iter_mut().any(poll));
    slots.leave(&7);
    (slots, waiters)
}

#[test]
fn who_waits_gets_the_slot_before_newcomers_in_the_order_of_the_line() {
    let (slots, [mut first, mut second]) = given_back();
    assert!(!slots.try_enter(7, 1), "it would overtake");
    assert!(!poll(&mut second) && poll(&mut first));
    assert_eq!(slots.held(&7), 1);
    drop(first);
    slots.leave(&7);
    assert!(poll(&mut second));
    slots.leave(&7);
    drop(second);
    assert_eq!(slots.keys(), 0);
}

#[test]
fn who_gives_up_hands_its_turn_on() {
    let (_slots, [first, mut second]) = given_back();
    drop(first);
    assert!(poll(&mut second));
}

#[test]
fn a_line_is_as_long_as_it_may_be_for_its_key() {
    let slots = Arc::new(KeyedSlots::new());
    assert!(slots.try_enter(7, 1) && slots.try_enter(8, 1));
    let first = slots.join(7, 1, 1);
    assert!(first.is_some() && slots.join(7, 1, 1).is_none());
    assert!(slots.join(8, 1, 1).is_some());
}

#[test]
fn the_limit_holds_while_threads_race_and_the_table_ends_empty() {
    const ROUNDS: u32 = 2_000;
    const MAX: u32 = 2;
    let slots = Arc::new(KeyedSlots::new());
    let inside = [const { AtomicU32::new(0) }; 3];
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            let (slots, inside) = (&slots, &inside);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let key = (round + thread) % 3;
                    let mut entered = slots.try_enter(key, MAX);
                    if !entered && round % 2 == 0 {
                        let mut waiter = slots.join(key, MAX, 10).expect("there is a place");
                        // Polls a few times, as one whose deadline comes.
                        entered = (0..10).any(|_| poll(&mut waiter));
                    }
                    if entered {
                        assert!(inside[key as usize].fetch_add(1, Ordering::SeqCst) < MAX);
                        std::thread::yield_now();
                        inside[key as usize].fetch_sub(1, Ordering::SeqCst);
                        slots.leave(&key);
                    }
                }
            });
        }
    });
    assert_eq!(slots.keys(), 0);
}
