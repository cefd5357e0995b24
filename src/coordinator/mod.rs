//! The coordinator: the one thread that owns the configuration, makes the listening sockets, starts the shards and
//! watches over them. It is never on the request path.
//!
//! It lives on a `tokio-uring` runtime: [`run`] makes the calling thread the coordinator and serves until a signal ends
//! it, [`start`] puts the coordinator on a thread of its own and returns a handle to it.
//!
//! # Start
//!
//! In this order, so that each failure is told before anything that depends on it was touched: io_uring is tried, the
//! descriptor limit raised, every listening socket made, one pinned thread per shard started. It is all or nothing: a
//! shard that does not come up ends the others.
//!
//! # Supervision
//!
//! A shard that ends without being told to, or panics, takes the process down in an orderly way: the others drain, and
//! the failure is reported by the shard's name.

use std::future::Future;
use std::thread;

use ringway_core::Config;
use ringway_engine::native;
use ringway_engine::uring::Settings;
use ringway_shards::Plan;
use tokio::sync::mpsc;

mod clock;
mod control;
mod cores;
mod descriptors;
mod error;
mod files;
mod health;
mod launch;
mod limits;
mod outcome;
mod running;
mod shard;
mod signals;
mod snapshot;
mod sockets;
mod status;
mod supervise;

pub(crate) use error::CoordinatorError;
pub(crate) use launch::Started;
pub(crate) use outcome::Outcome;
pub(crate) use running::Running;

use control::Control;
use signals::Signals;

/// Tries whether shards could serve `config`.
///
/// # Errors
/// Why they could not.
pub(crate) fn check(config: &Config) -> Result<(), CoordinatorError> {
    // What a secret is does not matter here.
    Plan::new(config, &[], &files::read(config)?, &[0; 32])?;
    Ok(())
}

/// Serves on the calling thread until SIGTERM or SIGINT, then drains. Calls `ready` once every shard runs.
///
/// # Errors
/// Why the start failed; nothing is left running then.
pub(crate) fn run(config: Config, ready: impl FnOnce(&Started)) -> Result<Outcome, CoordinatorError> {
    on_runtime(async {
        let signals = Signals::listen().map_err(CoordinatorError::Signals)?;
        serve(config, Control::Signals(signals), ready).await
    })
}

/// Serves in the background until the handle says stop; returns once every shard runs. Signals are left alone.
///
/// # Errors
/// Why the start failed; nothing is left running then.
pub(crate) fn start(config: Config) -> Result<Running, CoordinatorError> {
    let (requests, receiver) = mpsc::unbounded_channel();
    let (up, started) = std::sync::mpsc::channel();
    let coordinator = move || {
        let ready = |started: &Started| up.send(started.clone()).expect("the starting thread waits for it");
        on_runtime(serve(config, Control::requests(receiver), ready))
    };
    let thread = thread::Builder::new()
        .name("coordinator".to_owned())
        .spawn(coordinator)
        .map_err(CoordinatorError::Thread)?;
    match started.recv() {
        Ok(started) => Ok(Running::new(started, requests, thread)),
        Err(_) => Err(running::join(thread).expect_err("a start without an error is told")),
    }
}

fn on_runtime<T>(future: impl Future<Output = Result<T, CoordinatorError>>) -> Result<T, CoordinatorError> {
    // First, because the runtime's own error would not say why.
    native::probe(&Settings::default()).map_err(CoordinatorError::IoUring)?;
    let mut builder = tokio_uring::builder();
    builder.entries(limits::RING_ENTRIES);
    tokio_uring::Runtime::new(&builder).map_err(CoordinatorError::Runtime)?.block_on(future)
}

async fn serve(
    config: Config,
    mut control: Control,
    ready: impl FnOnce(&Started),
) -> Result<Outcome, CoordinatorError> {
    let (started, shards) = launch::launch(&config).await?;
    ready(&started);
    Ok(supervise::supervise(shards, &mut control, config).await)
}

#[cfg(test)]
mod tests;
