//! Saving the state by itself, some time after it was changed.
//!
//! The first change is saved at once; those that follow within a second are saved together at its end. Of a large state each save
//! takes a while, and other work goes on for four times as long before the next.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use ringway_core::state::ConfigState;
use tokio::sync::Notify;
use tokio::task::{self, JoinHandle};
use tokio::time::sleep;

use super::super::clock;
use super::save;

/// From the end of one save to the beginning of the next, at least.
pub(crate) const AUTOSAVE_INTERVAL: Duration = Duration::from_secs(1);

/// The same in terms of how long the save took, so that saving takes a fifth of a core at most.
const PAUSE_FACTOR: u32 = 4;

/// From a save that failed to the next try: a full disk does not become empty within a second.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Sees to it that a file follows the state.
#[derive(Debug)]
pub(crate) struct Autosave {
    shared: Rc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// What is to be saved.
    wanted: RefCell<Option<(ConfigState, u64)>>,
    /// The last generation that was wanted, or needed no save.
    known: Cell<u64>,
    changed: Notify,
    ends: Cell<bool>,
    end: Notify,
}

impl Autosave {
    /// Of a process that has begun with `generation`, which needs no save. Has to be called, and used, on the coordinator's
    /// thread.
    pub(crate) fn new(path: PathBuf, generation: u64) -> Autosave {
        let shared = Rc::new(Shared {
            path,
            wanted: RefCell::default(),
            known: Cell::new(generation),
            changed: Notify::new(),
            ends: Cell::new(false),
            end: Notify::new(),
        });
        let task = task::spawn_local(Rc::clone(&shared).run());
        Autosave { shared, task }
    }

    /// The state is another one by now.
    pub(crate) fn committed(&self, state: &ConfigState, generation: u64) {
        self.shared.known.set(generation);
        self.shared.wanted.replace(Some((state.clone(), generation)));
        self.shared.changed.notify_one();
    }

    /// Saves the last state, unless it is saved.
    pub(crate) async fn end(self, state: &ConfigState, generation: u64) {
        self.shared.ends.set(true);
        if generation != self.shared.known.get() {
            self.committed(state, generation);
        }
        self.shared.changed.notify_one();
        self.shared.end.notify_one();
        if let Err(error) = self.task.await {
            tracing::error!("the last automatic save failed: {error}");
        }
    }
}

impl Shared {
    async fn run(self: Rc<Shared>) {
        let mut fails = false;
        loop {
            let wanted = self.wanted.take();
            let Some((state, generation)) = wanted else {
                if self.ends.get() {
                    return;
                }
                self.changed.notified().await;
                continue;
            };
            let is_last = self.ends.get();
            let begun = clock::now();
            let result = save(state.clone(), generation, &self.path).await;
            let took = clock::now().since(begun);
            let pause = match result {
                Ok(_) => {
                    if fails {
                        tracing::info!(
                            "automatic save: the state is saved again, to {}",
                            self.path.display()
                        );
                    }
                    fails = false;
                    AUTOSAVE_INTERVAL.max(took * PAUSE_FACTOR)
                }
                Err(error) => {
                    if !fails {
                        tracing::error!(
                            "automatic save: {error}; it is tried again every {RETRY_INTERVAL:?}"
                        );
                    }
                    fails = true;
                    self.wanted.borrow_mut().get_or_insert((state, generation));
                    RETRY_INTERVAL
                }
            };
            if is_last {
                if fails {
                    tracing::error!("automatic save: the last changes are not in {}", self.path.display());
                }
                return;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.end.notified() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
