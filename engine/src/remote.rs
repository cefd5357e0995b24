//! Wake-ups from other threads: one registry of running engines, and a mail box for each.
//!
//! A task's [`std::task::Waker`] is a number, so that cloning one costs nothing. It names the engine, the task's slot
//! and its generation. On the engine's own thread a wake goes to a thread-local list; from anywhere else it goes to
//! the engine's mail box, and the engine is unparked if it sleeps.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{RawWaker, RawWakerVTable, Waker};

use crate::slab::Key;
use crate::uring::ring::Unpark;

/// Engines that may run at once in a process: their number has 16 bits in a waker.
const ENGINES_MAX: usize = 1 << 16;

const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 24;

/// Where other threads leave wake-ups for an engine.
pub(crate) struct Remote {
    woken: Mutex<Vec<u64>>,
    /// Set by the engine right before it may sleep; whoever clears it must unpark.
    sleeping: AtomicBool,
    unpark: Box<dyn Unpark>,
}

impl Remote {
    fn wake(&self, token: u64) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).push(token);
        // Pairs with `prepare_sleep`: either this sees `sleeping`, or the engine sees the token.
        if self.sleeping.swap(false, Ordering::SeqCst) {
            self.unpark.unpark();
        }
    }

    /// Announces sleep. `false`: there is mail, do not sleep.
    pub(crate) fn prepare_sleep(&self) -> bool {
        self.sleeping.store(true, Ordering::SeqCst);
        let empty = self.woken.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if !empty {
            self.sleeping.store(false, Ordering::Relaxed);
        }
        empty
    }

    /// Ends sleep and takes the mail.
    pub(crate) fn collect(&self, into: &mut Vec<u64>) {
        self.sleeping.store(false, Ordering::Relaxed);
        into.append(&mut self.woken.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

static ENGINES: RwLock<Vec<Option<Arc<Remote>>>> = RwLock::new(Vec::new());

thread_local! {
    /// The engine that runs on this thread, plus one; 0: none.
    static CURRENT: Cell<u32> = const { Cell::new(0) };
    /// Tokens woken on this thread for the engine that runs on it.
    static WOKEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// An engine's place in the registry; gives it up when dropped.
pub(crate) struct Registration {
    engine: u16,
    remote: Arc<Remote>,
}

impl Registration {
    /// A place for an engine; `None` when there are too many.
    pub(crate) fn new(unpark: Box<dyn Unpark>) -> Option<Registration> {
        let remote =
            Arc::new(Remote { woken: Mutex::new(Vec::new()), sleeping: AtomicBool::new(false), unpark });
        let mut engines = ENGINES.write().unwrap_or_else(PoisonError::into_inner);
        let engine = match engines.iter().position(Option::is_none) {
            Some(free) => free,
            None if engines.len() < ENGINES_MAX => {
                engines.push(None);
                engines.len() - 1
            }
            None => return None,
        };
        engines[engine] = Some(Arc::clone(&remote));
        Some(Registration { engine: engine as u16, remote })
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Says that this engine runs on this thread, until the guard is dropped. Engines may be nested.
    pub(crate) fn enter(&self) -> Entered {
        let before = CURRENT.replace(u32::from(self.engine) + 1);
        Entered { before, woken_before: WOKEN.take() }
    }

    /// The waker of a task of this engine.
    pub(crate) fn waker(&self, task: Key) -> Waker {
        let generation = u64::from(task.generation) & ((1 << GENERATION_BITS) - 1);
        let token = u64::from(self.engine) << (INDEX_BITS + GENERATION_BITS)
            | generation << INDEX_BITS
            | u64::from(task.index);
        // SAFETY: the functions of the table treat the data pointer as a number and never follow it, so they are safe
        // to call from any thread, any number of times.
        unsafe { Waker::from_raw(raw(token)) }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        ENGINES.write().unwrap_or_else(PoisonError::into_inner)[usize::from(self.engine)] = None;
    }
}

/// While this lives, the thread is an engine's.
pub(crate) struct Entered {
    before: u32,
    woken_before: Vec<u64>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
        WOKEN.replace(std::mem::take(&mut self.woken_before));
    }
}

/// Moves the tasks woken on this thread to `into`.
pub(crate) fn collect_local(into: &mut Vec<u64>) {
    WOKEN.with_borrow_mut(|woken| into.append(woken));
}

/// Whether a task was woken on this thread since the last [`collect_local`].
pub(crate) fn any_local() -> bool {
    WOKEN.with_borrow(|woken| !woken.is_empty())
}

/// The task's slot, and the low bits of its generation.
pub(crate) fn task_of(token: u64) -> (u32, u32) {
    let index = token & ((1 << INDEX_BITS) - 1);
    let generation = (token >> INDEX_BITS) & ((1 << GENERATION_BITS) - 1);
    (index as u32, generation as u32)
}

/// Whether a task's generation is the one a token names, as far as the token remembers.
pub(crate) fn same_generation(task: u32, token: u32) -> bool {
    task & ((1 << GENERATION_BITS) - 1) == token
}

const VTABLE: RawWakerVTable = RawWakerVTable::new(|data| raw(data as u64), wake, wake, |_| {});

fn raw(token: u64) -> RawWaker {
    RawWaker::new(std::ptr::without_provenance(token as usize), &VTABLE)
}

fn wake(data: *const ()) {
    let token = data as u64;
    let engine = (token >> (INDEX_BITS + GENERATION_BITS)) as u32;
    // A thread that is ending has no list any more; the registry still knows the engine, if it lives.
    let local = CURRENT.try_with(|current| current.get() == engine + 1).unwrap_or(false);
    if local && WOKEN.try_with(|woken| woken.borrow_mut().push(token)).is_ok() {
        return;
    }
    let engines = ENGINES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(Some(remote)) = engines.get(engine as usize) {
        remote.wake(token);
    }
}
