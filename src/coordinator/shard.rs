//! A shard as the coordinator sees it: a pinned thread, its inbox, and the events it reports.

use std::any::Any;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use ringway_engine::native;
use ringway_engine::uring::Settings;
use ringway_shards::inbox;
use ringway_shards::{Command, Launch, Summary};
use tokio::sync::mpsc::UnboundedSender;

use super::error::ShardFailure;

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
    /// What people and tools know it by; also the name of its thread.
    pub(super) name: String,
    pub(super) inbox: inbox::Sender,
    thread: thread::JoinHandle<()>,
}

impl Shard {
    /// Starts a thread that does `work`, which calls the function it is given as soon as it is up, and sends its events,
    /// with the shard's number, to `events`. A panic is an event, too.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn spawn(
        id: u16,
        inbox: inbox::Sender,
        events: UnboundedSender<(u16, Event)>,
        work: impl FnOnce(&dyn Fn()) -> Result<Summary, ShardFailure> + Send + 'static,
    ) -> io::Result<Shard> {
        let name = name(id);
        let thread = thread::Builder::new().name(name.clone()).spawn(move || {
            // The coordinator listens until every shard has ended, so the only failure is that it panicked itself.
            let report = |event| drop(events.send((id, event)));
            let result = catch_unwind(AssertUnwindSafe(|| work(&|| report(Event::Up))));
            let result = result.unwrap_or_else(|panic| Err(ShardFailure::Panicked(text(&*panic))));
            report(Event::Ended(result.map(Box::new)));
        })?;
        Ok(Shard { id, name, inbox, thread })
    }

    /// Leaves a command. A shard that has ended needs none, and one whose inbox is full is told of and left alone: it
    /// is stuck, and at the end of a drain it is left behind.
    pub(super) fn tell(&self, command: Command) {
        match self.inbox.send(command) {
            Ok(()) | Err(inbox::SendError::Closed) => {}
            Err(error @ inbox::SendError::Full) => tracing::error!("{} does not answer: {error}", self.name),
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
pub(super) fn serve(launch: Launch<OwnedFd>, core: usize, up: &dyn Fn()) -> Result<Summary, ShardFailure> {
    native::thread::pin_to(core).map_err(|error| ShardFailure::Pin { core, error })?;
    let main = |engine| {
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
