//! The tasks of one engine: futures in a slab, polled when woken, each once per round.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;

use crate::remote::{self, Registration};
use crate::slab::{Key, Slab};

/// Tasks polled between two turns of the loop. Completions of everyone wait meanwhile, so this bounds how long one
/// burst keeps others from being heard; at about 2 µs a task it is half a millisecond.
const POLLS_PER_TURN: usize = 256;

struct Task {
    /// `None` while it is being polled.
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// It stands in `ready`: wakes until its poll add nothing.
    queued: bool,
}

pub(crate) struct Executor {
    registration: Registration,
    tasks: RefCell<Slab<Task>>,
    ready: RefCell<VecDeque<Key>>,
    /// Scratch for [`Executor::gather`].
    tokens: RefCell<Vec<u64>>,
}

impl Executor {
    pub(crate) fn new(registration: Registration) -> Executor {
        Executor {
            registration,
            tasks: RefCell::new(Slab::new()),
            ready: RefCell::new(VecDeque::new()),
            tokens: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// # Panics
    /// With 16 million tasks alive.
    pub(crate) fn spawn(&self, future: Pin<Box<dyn Future<Output = ()>>>) {
        let key = self
            .tasks
            .borrow_mut()
            .insert(Task { future: Some(future), queued: true })
            .expect("connections are limited far below the number of task slots");
        self.ready.borrow_mut().push_back(key);
    }

    /// Puts what was woken in line. `mail`: look into the mail box of other threads, too.
    pub(crate) fn gather(&self, mail: bool) {
        let mut tokens = self.tokens.borrow_mut();
        remote::collect_local(&mut tokens);
        if mail {
            self.registration.remote().collect(&mut tokens);
        }
        if tokens.is_empty() {
            return;
        }
        let mut tasks = self.tasks.borrow_mut();
        let mut ready = self.ready.borrow_mut();
        for token in tokens.drain(..) {
            let (index, generation) = remote::task_of(token);
            if let Some((key, task)) = tasks.at_mut(index)
                && remote::same_generation(key.generation, generation)
                && !task.queued
            {
                task.queued = true;
                ready.push_back(key);
            }
        }
    }

    /// Whether there is something to poll.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty() || remote::any_local()
    }

    /// Polls what is ready, and what becomes ready through that, up to the turn's budget.
    pub(crate) fn run(&self) {
        for _ in 0..POLLS_PER_TURN {
            let next = self.ready.borrow_mut().pop_front();
            let next = next.or_else(|| {
                self.gather(false);
                self.ready.borrow_mut().pop_front()
            });
            let Some(key) = next else { return };
            self.poll(key);
        }
    }

    fn poll(&self, key: Key) {
        let mut future = {
            let mut tasks = self.tasks.borrow_mut();
            let Some(task) = tasks.get_mut(key) else { return };
            task.queued = false;
            let Some(future) = task.future.take() else { return };
            future
        };
        let waker = self.registration.waker(key);
        // No borrow is held here: the future may spawn, wake and drop whatever it likes.
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            let task = self.tasks.borrow_mut().remove(key);
            drop(task);
            drop(future);
        } else if let Some(task) = self.tasks.borrow_mut().get_mut(key) {
            task.future = Some(future);
        }
    }

    /// Drops all tasks, and those that they spawn while being dropped.
    pub(crate) fn clear(&self) {
        loop {
            let keys: Vec<Key> = self.tasks.borrow().keys().collect();
            if keys.is_empty() {
                return;
            }
            for key in keys {
                let task = self.tasks.borrow_mut().remove(key);
                drop(task);
            }
        }
    }
}
