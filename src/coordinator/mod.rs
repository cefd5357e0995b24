//! The coordinator: the one thread that owns the configuration, makes the listening sockets, starts the shards and
//! watches over them. It is never on the request path.
//!
//! It lives on a `tokio-uring` runtime: [`run`] makes the calling thread the coordinator and serves until a signal ends
//! it, [`start()`] puts the coordinator on a thread of its own and returns a handle to it.
//!
//! # Start
//!
//! In this order, so that each failure is told before anything that depends on it was touched: io_uring is tried, the
//! descriptor limit raised, every listening socket made, one pinned thread per shard started. It is all or nothing: a
//! shard that does not come up ends the others.
//!
//! # Changes
//!
//! The configuration is one value, [`ConfigState`](ringway_core::state::ConfigState). A verb that changes it comes through a
//! door and the [`Hub`]; what it comes to is prepared by every shard, then committed by all of them or by none
//! (`transaction.rs`), and told afterwards.
//!
//! # Supervision
//!
//! A shard that ends without being told to, or panics, is told of and started again on the same sockets, from the present
//! configuration (`lives.rs`); the others go on.

use std::future::Future;
use std::thread;

use ringway_core::Config;
use ringway_engine::native;
use ringway_engine::uring::Settings;
use ringway_shards::Plan;
use tokio::sync::mpsc;

mod audit;
mod clock;
mod control;
mod cores;
mod descriptors;
mod error;
pub(crate) mod events;
mod files;
mod health;
pub(crate) mod hub;
mod launch;
mod limits;
mod lives;
mod nursery;
mod outcome;
mod report;
mod restart;
mod roster;
mod running;
mod serve;
mod shard;
mod signals;
mod snapshot;
mod sockets;
mod start;
mod state_file;
mod status;
mod transaction;
mod verbs;

pub(crate) use error::CoordinatorError;
pub(crate) use events::Events;
pub(crate) use hub::Hub;
pub(crate) use launch::Started;
pub(crate) use outcome::Outcome;
pub(crate) use running::Running;
pub(crate) use start::{Origin, choose};

use control::Control;
use signals::Signals;

/// Tries whether shards could serve `config`.
///
/// # Errors
/// Why they could not.
pub(crate) fn check(config: &Config) -> Result<(), CoordinatorError> {
    // What a secret is does not matter here.
    Plan::new(config, &[], &files::of(config)?, &[0; 32])?;
    Ok(())
}

/// Serves on the calling thread until SIGTERM, SIGINT or a verb ends it, then drains. Calls `ready` once every shard runs.
///
/// # Errors
/// Why the start failed; nothing is left running then.
pub(crate) fn run(
    config: Config,
    origin: Origin,
    ready: impl FnOnce(&Started),
) -> Result<Outcome, CoordinatorError> {
    on_runtime(async {
        let signals = Signals::listen().map_err(CoordinatorError::Signals)?;
        start::serve(config, origin, Control::Signals(signals), ready).await
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
        on_runtime(start::serve(config, Origin::default(), Control::requests(receiver), ready))
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

#[cfg(test)]
mod tests;
