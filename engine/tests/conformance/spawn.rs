//! Tasks: spawned from anywhere, each has its turn, and they are gone when they have ended.

use std::cell::Cell;
use std::rc::Rc;

use ringway_engine::Engine;

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec};

scenarios! {
    tasks_spawn_tasks_that_spawn_tasks;
    a_yield_lets_everyone_who_is_ready_have_a_turn;
    what_an_abandoned_task_holds_is_dropped_with_the_engine with Spec { abrupt: true, ..Spec::default() };
}

fn descend<H: Harness>(h: &H, depth: usize, done: Rc<Cell<usize>>) {
    let own = h.clone();
    h.engine().spawn(async move {
        done.set(done.get() + 1);
        if depth > 0 {
            own.engine().yield_now().await;
            descend(&own, depth - 1, done);
        }
    });
}

async fn tasks_spawn_tasks_that_spawn_tasks<H: Harness>(h: H) -> Outcome {
    let done = Rc::new(Cell::new(0));
    let (wide, deep) = (50, h.effort(100, 20));
    let before = h.engine().counters().tasks;
    for _ in 0..wide {
        descend(&h, deep - 1, Rc::clone(&done));
    }
    assert_eq!(h.engine().counters().tasks, before + wide as u64);
    while done.get() < wide * deep {
        h.engine().yield_now().await;
    }
    h.engine().yield_now().await;
    assert_eq!(h.engine().counters().tasks, before);
    assert_eq!(Rc::strong_count(&done), 1, "a task that ended has dropped what it held");
    Ok(Bytes::AllArrived)
}

async fn a_yield_lets_everyone_who_is_ready_have_a_turn<H: Harness>(h: H) -> Outcome {
    for count in [1, 10, 300, 3_000] {
        let done = Rc::new(Cell::new(0));
        for _ in 0..count {
            let done = Rc::clone(&done);
            h.engine().spawn(async move { done.set(done.get() + 1) });
        }
        assert_eq!(done.get(), 0, "spawning runs nothing by itself");
        h.engine().yield_now().await;
        assert_eq!(done.get(), count, "of {count} tasks");
    }
    Ok(Bytes::AllArrived)
}

/// Counts when it is dropped.
struct Holding(Rc<Cell<usize>>);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

async fn what_an_abandoned_task_holds_is_dropped_with_the_engine<H: Harness>(h: H) -> Outcome {
    const TASKS: usize = 100;
    let dropped = Rc::new(Cell::new(0));
    for task in 0..TASKS {
        let (own, holding) = (h.clone(), Holding(Rc::clone(&dropped)));
        h.engine().spawn(async move {
            let _holding = holding;
            own.engine().sleep_until(ringway_core::Time::NEVER).await;
        });
        if task % 2 == 0 {
            h.engine().yield_now().await;
        }
    }
    h.afterwards(Box::new(move || assert_eq!(dropped.get(), TASKS)));
    Ok(Bytes::AllArrived)
}
