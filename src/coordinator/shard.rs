//! A shard as the coordinator sees it: a pinned thread, its inbox, and the events it reports.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread;

use ringway_core::Time;
use ringway_engine::uring::Settings;
use ringway_engine::{Engine, Heartbeat, native};
use ringway_shards::inbox;
use ringway_shards::{Command, Launch, Summary};
use tokio::sync::mpsc::UnboundedSender;

use super::clock;
use super::error::ShardFailure;

/// The turns of a shard's engine, once it runs.
pub(super) type Pulse = Arc<OnceLock<Arc<Heartbeat>>>;

/// Where a shard's commands are left.
pub(super) type Inbox = inbox::Sender<Command>;

/// What a shard's thread reports.
#[derive(Debug)]
pub(super) enum Event {
    /// Its engine runs.
    Up,
    /// It has ended; the last event of its thread.
    Ended(Result<Box<Summary>, ShardFailure>),
}

/// A shard's thread, until it has ended.
#[derive(Debug)]
pub(super) struct Shard {
    /// Its number.
    pub(super) id: u16,
    /// Which of the threads that have had this number: counted over all of them.
    pub(super) life: u64,
    /// The core it stays on.
    pub(super) core: usize,
    /// Since when there is this thread.
    pub(super) since: Time,
    /// What people and tools know it by; also the name of its thread.
    pub(super) name: String,
    /// Its engine's, once that runs.
    heartbeat: Pulse,
    /// The turn that was last told of as too long.
    pub(super) reported_turn: Cell<Option<Time>>,
    inbox: Inbox,
    thread: thread::JoinHandle<()>,
}

/// What a shard's thread is started with.
pub(super) struct Birth {
    pub(super) id: u16,
    pub(super) life: u64,
    pub(super) core: usize,
    pub(super) inbox: Inbox,
    pub(super) heartbeat: Pulse,
    /// Where its events go, with its life.
    pub(super) events: UnboundedSender<(u64, Event)>,
}

impl Shard {
    /// Starts a thread that does `work`, which calls the function it is given as soon as it is up. A panic is an event, too.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn spawn(
        birth: Birth,
        work: impl FnOnce(&dyn Fn()) -> Result<Summary, ShardFailure> + Send + 'static,
    ) -> io::Result<Shard> {
        let Birth { id, life, core, inbox, heartbeat, events } = birth;
        let name = name(id);
        let thread = thread::Builder::new().name(name.clone()).spawn(move || {
            // The coordinator listens until every shard has ended, so the only failure is that it panicked itself.
            let report = |event| drop(events.send((life, event)));
            let result = catch_unwind(AssertUnwindSafe(|| work(&|| report(Event::Up))));
            let result = result.unwrap_or_else(|panic| Err(ShardFailure::Panicked(text(&*panic))));
            report(Event::Ended(result.map(Box::new)));
        })?;
        let since = clock::now();
        let reported_turn = Cell::new(None);
        Ok(Shard { id, life, core, since, name, heartbeat, reported_turn, inbox, thread })
    }

    /// When its present turn began; `None`: it sleeps, or does not run yet.
    pub(super) fn busy_since(&self) -> Option<Time> {
        self.heartbeat.get()?.busy_since()
    }

    /// Leaves a command. A shard that has ended needs none, and one whose inbox is full is told of and left alone: it
    /// is stuck, and at the end of a drain it is left behind.
    pub(super) fn tell(&self, command: Command) {
        match self.inbox.send(command) {
            Ok(()) | Err(inbox::SendError::Closed) => {}
            Err(error @ inbox::SendError::Full) => tracing::error!("{} does not answer: {error}", self.name),
        }
    }

    /// Leaves a command that must arrive.
    ///
    /// # Errors
    /// Why it does not. That the shard has ended is none: it needs no command.
    pub(super) fn try_tell(&self, command: Command) -> Result<(), String> {
        match self.inbox.send(command) {
            Ok(()) | Err(inbox::SendError::Closed) => Ok(()),
            Err(error @ inbox::SendError::Full) => Err(error.to_string()),
        }
    }

    /// Waits for the thread, which has sent its last event.
    pub(super) fn join(self) {
        // It catches its own panics.
        let _ = self.thread.join();
    }
}

/// The name of shard `id`.
pub(super) fn name(id: u16) -> String {
    format!("shard-{id}")
}

/// What a shard's thread does: stays on `core`, and runs the data plane until that ends.
///
/// # Errors
/// Why it did not start, or can not go on.
pub(super) fn serve(
    launch: Launch<OwnedFd>,
    core: usize,
    pulse: &Pulse,
    up: &dyn Fn(),
) -> Result<Summary, ShardFailure> {
    native::thread::pin_to(core).map_err(|error| ShardFailure::Pin { core, error })?;
    let main = |engine: native::Native| {
        // One thread has one engine.
        let _ = pulse.set(engine.heartbeat());
        up();
        ringway_shards::run(engine, launch)
    };
    let (summary, report) = native::run(&Settings::default(), main).map_err(ShardFailure::Engine)?;
    tracing::debug!("engine ended: {report:?}");
    Ok(summary)
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
