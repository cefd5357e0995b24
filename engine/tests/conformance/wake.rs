//! Wake-ups from other threads: none is lost, whatever the engine is doing when it comes.

use std::future::poll_fn;
use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use ringway_engine::{Engine, Mode};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, Wish};
use crate::talk::{accept, client, echo};
use crate::tasks::{all, start};

scenarios! {
    a_parked_engine_is_woken_each_of_a_hundred_thousand_times with few_seeds();
    many_threads_wake_many_tasks with few_seeds();
    wakes_are_not_lost_while_connections_are_busy with few_seeds();
    a_waker_outlives_its_task_and_its_engine with few_seeds();
    a_task_that_wakes_itself_does_not_stop_the_others with Spec { seeds: 8, ..Spec::default() };
}

fn few_seeds() -> Spec {
    Spec { outside: true, seeds: 8, ..Spec::default() }
}

/// Has a thread answer requests: it waits a little, differently each time, and then wakes who asked.
struct Answerer {
    ask: mpsc::Sender<(u64, Waker)>,
    answered: Arc<AtomicU64>,
}

impl Answerer {
    fn start<H: Harness>(h: &H) -> Answerer {
        let (ask, asked) = mpsc::channel::<(u64, Waker)>();
        let answered = Arc::new(AtomicU64::new(0));
        let done = Arc::clone(&answered);
        let thread = thread::spawn(move || {
            for (number, waker) in asked {
                // From before the engine has looked for the last time to after it has gone to sleep.
                for _ in 0..number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54 {
                    hint::spin_loop();
                }
                done.store(number, Ordering::Release);
                waker.wake();
            }
        });
        h.afterwards(Box::new(move || thread.join().expect("the thread only wakes")));
        Answerer { ask, answered }
    }

    /// Asks, and sleeps until the answer is there.
    async fn ask(&self, number: u64) {
        let mut asked = false;
        poll_fn(|cx| {
            if self.answered.load(Ordering::Acquire) >= number {
                return Poll::Ready(());
            }
            if !asked {
                asked = true;
                self.ask.send((number, cx.waker().clone())).expect("the thread waits for questions");
            }
            Poll::Pending
        })
        .await;
    }
}

async fn a_parked_engine_is_woken_each_of_a_hundred_thousand_times<H: Harness>(h: H) -> Outcome {
    let answerer = Answerer::start(&h);
    for number in 1..=h.effort(100_000, 2_000) as u64 {
        answerer.ask(number).await;
    }
    Ok(Bytes::AllArrived)
}

async fn many_threads_wake_many_tasks<H: Harness>(h: H) -> Outcome {
    let rounds = h.effort(300, 20) as u64;
    let tasks = (0..64)
        .map(|_| {
            let answerer = Answerer::start(&h);
            start(&h, async move {
                for number in 1..=rounds {
                    answerer.ask(number).await;
                }
                std::io::Result::Ok(())
            })
        })
        .collect();
    all(tasks).await?;
    Ok(Bytes::AllArrived)
}

async fn wakes_are_not_lost_while_connections_are_busy<H: Harness>(h: H) -> Outcome {
    const COUNT: usize = 8;
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let own = h.clone();
    let server = start(&h, async move {
        let mut served = Vec::new();
        for _ in 0..COUNT {
            let stream = accept::<H>(&listener).await?;
            served.push(start(&own, echo(stream, Mode::Head)));
        }
        all(served).await
    });
    let bytes = h.effort(1 << 20, 20_000);
    let clients = (0..COUNT).map(|id| start(&h, client(h.clone(), addr, id, bytes, Mode::Body))).collect();
    let answerer = Answerer::start(&h);
    for number in 1..=h.effort(10_000, 200) as u64 {
        answerer.ask(number).await;
    }
    all(clients).await?;
    server.await?;
    Ok(Bytes::AllArrived)
}

async fn a_waker_outlives_its_task_and_its_engine<H: Harness>(h: H) -> Outcome {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let of_a_task_gone = start(&h, poll_fn(|cx| Poll::Ready(cx.waker().clone()))).await;
    of_a_task_gone.wake_by_ref();
    h.engine().yield_now().await;
    let stop = Arc::new(AtomicU64::new(0));
    let stopped = Arc::clone(&stop);
    let thread = thread::spawn(move || {
        while stopped.load(Ordering::Acquire) == 0 {
            waker.wake_by_ref();
            of_a_task_gone.wake_by_ref();
        }
        // The engine has ended by now.
        waker.wake();
        of_a_task_gone.wake();
    });
    h.afterwards(Box::new(move || {
        stop.store(1, Ordering::Release);
        thread.join().expect("waking what has gone does nothing");
    }));
    for _ in 0..50 {
        h.engine().yield_now().await;
    }
    Ok(Bytes::AllArrived)
}

async fn a_task_that_wakes_itself_does_not_stop_the_others<H: Harness>(h: H) -> Outcome {
    let spinning = start(
        &h,
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }),
    );
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let server = start(&h, async move { echo(accept::<H>(&listener).await?, Mode::Head).await });
    client(h.clone(), addr, 1, 20_000, Mode::Head).await?;
    h.sleep_ms(3).await;
    server.await?;
    drop(spinning);
    Ok(Bytes::AllArrived)
}
