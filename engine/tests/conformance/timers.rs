//! Sleeping: never early, in order, any number of it, and a sleep that is dropped leaves nothing behind.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ringway_core::Time;
use ringway_engine::Engine;

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec};
use crate::tasks::{Cut, cut_after, start, within};

scenarios! {
    sleepers_wake_in_the_order_of_their_times;
    a_time_that_has_come_does_not_wait;
    sleeping_for_ever_costs_nothing;
    dropped_sleeps_wake_nobody;
    a_sleep_can_be_polled_by_one_task_and_awaited_by_another;
    far_and_near_times_wake_when_due with Spec { seeds: 12, ..Spec::default() };
}

/// The wheel's tick: times within one may come in any order.
const TICK: Duration = Duration::from_millis(1);

/// Sleeps for each of these milliseconds in a task of its own; checks that nobody is early and all are in order.
async fn in_order<H: Harness>(h: &H, all_ms: impl Iterator<Item = u64>) {
    let woken: Rc<RefCell<Vec<Time>>> = Rc::default();
    let sleepers: Vec<_> = all_ms
        .map(|ms| {
            let (own, woken, at) = (h.clone(), Rc::clone(&woken), h.in_ms(ms));
            start(h, async move {
                own.engine().sleep_until(at).await;
                assert!(own.now() >= at, "{:?} early", at.since(own.now()));
                if own.precise() {
                    assert!(own.now() <= at + 2 * TICK, "{:?} late", own.now().since(at));
                }
                woken.borrow_mut().push(at);
            })
        })
        .collect();
    let count = sleepers.len();
    for sleeper in sleepers {
        sleeper.await;
    }
    let woken = woken.borrow();
    assert_eq!(woken.len(), count);
    let mut latest = Time::ZERO;
    for &at in woken.iter() {
        assert!(at + TICK >= latest, "woken {:?} after one that was due later", latest.since(at));
        latest = latest.max(at);
    }
}

async fn sleepers_wake_in_the_order_of_their_times<H: Harness>(h: H) -> Outcome {
    let own = h.clone();
    // The first is due when all of them have been polled.
    in_order(&h, (0..h.effort(2_000, 300)).map(move |_| 60 + own.below(150) as u64)).await;
    Ok(Bytes::AllArrived)
}

async fn far_and_near_times_wake_when_due<H: Harness>(h: H) -> Outcome {
    // Across the borders of the wheel's levels; in virtual time across all of them.
    let largest = if h.effort(1, 0) == 1 { 1_200 } else { 50_000 };
    let near = [50, 51, 63, 64, 65, 127, 128, 500, 1_000, 1_023, 1_024, 1_025, 1_026, 1_199];
    let far = [2_047, 2_048, 2_049, 5_000, 10_240, 20_479, 20_480, 40_000, 49_999];
    in_order(&h, near.into_iter().chain(far).filter(|ms| *ms <= largest)).await;
    Ok(Bytes::AllArrived)
}

async fn a_time_that_has_come_does_not_wait<H: Harness>(h: H) -> Outcome {
    for at in [Time::ZERO, h.now(), h.now() - TICK] {
        for _ in 0..100 {
            h.engine().sleep_until(at).await;
        }
    }
    Ok(Bytes::AllArrived)
}

async fn sleeping_for_ever_costs_nothing<H: Harness>(h: H) -> Outcome {
    let sleepers: Vec<_> = (0..1_000).map(|_| start(&h, h.engine().sleep_until(Time::NEVER))).collect();
    let before = h.engine().counters().turns;
    h.sleep_ms(100).await;
    let turns = h.engine().counters().turns - before;
    assert!(turns < 20 || !h.calm(), "{turns} turns of the loop in 100 ms without anything to do");
    drop(sleepers);
    Ok(Bytes::AllArrived)
}

async fn dropped_sleeps_wake_nobody<H: Harness>(h: H) -> Outcome {
    for round in 0..h.effort(10_000, 1_000) as u64 {
        let sleep = h.sleep_ms(1 + round % 90);
        assert!(cut_after(sleep, 1, Cut::Waiting).await.is_none(), "it is not time yet");
    }
    let before = h.engine().counters().turns;
    h.sleep_ms(100).await;
    let turns = h.engine().counters().turns - before;
    assert!(turns < 20 || !h.calm(), "{turns} turns of the loop while only dropped timers were due");
    Ok(Bytes::AllArrived)
}

async fn a_sleep_can_be_polled_by_one_task_and_awaited_by_another<H: Harness>(h: H) -> Outcome {
    let mut sleep = Box::pin(h.sleep_ms(20));
    let polled = start(&h, async move {
        let polled =
            std::future::poll_fn(|cx| std::task::Poll::Ready(sleep.as_mut().poll(cx).is_ready())).await;
        (polled, sleep)
    });
    let (ready, sleep) = polled.await;
    assert!(!ready, "it is not time yet");
    let awaited = start(&h, sleep);
    assert!(within(&h, Duration::from_secs(5), awaited).await.is_some(), "the last to poll is woken");
    Ok(Bytes::AllArrived)
}
