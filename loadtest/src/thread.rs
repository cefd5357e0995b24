//! A native engine on a thread of its own, until it is told to stop.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use ringway_engine::native::{self, Native, StartError};
use ringway_engine::uring;

use crate::stop::{self, Stop, Stopper};

/// Why a thread is not serving, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// There is no io_uring for it.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// No thread.
    #[error(
        "no thread could be started ({0}); likely a limit on tasks: ulimit -u, or TasksMax in the unit file"
    )]
    Thread(io::Error),
    /// The core is not one of ours.
    #[error("core {core} can not be had ({error}); remedy: one of those that `nproc` counts, from 0 on")]
    Pin {
        /// The core asked for.
        core: usize,
        /// What the kernel said.
        error: io::Error,
    },
    /// The work itself gave up.
    #[error("the listener failed: {0}")]
    Serving(io::Error),
    /// It panicked.
    #[error("the thread panicked; its message stands above")]
    Panicked,
}

/// A running engine. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct EngineThread {
    stopper: Stopper,
    thread: Option<JoinHandle<Result<(), ThreadError>>>,
}

/// Starts a thread and runs `main` on it; returns once the engine runs.
pub(crate) fn launch<F>(
    name: String,
    pin: Option<usize>,
    main: impl FnOnce(Native, Stop) -> F + Send + 'static,
) -> Result<EngineThread, ThreadError>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let (stopper, stop) = stop::channel();
    let (started, has_started) = mpsc::channel();
    let body = move || {
        if let Some(core) = pin {
            native::thread::pin_to(core).map_err(|error| ThreadError::Pin { core, error })?;
        }
        let (outcome, _) = native::run(&uring::Settings::default(), |engine| {
            // Nobody listens any more only if the launch was given up.
            let _ = started.send(());
            main(engine, stop)
        })?;
        outcome.map_err(ThreadError::Serving)
    };
    let thread = std::thread::Builder::new().name(name).spawn(body).map_err(ThreadError::Thread)?;
    let mut running = EngineThread { stopper, thread: Some(thread) };
    match has_started.recv() {
        Ok(()) => Ok(running),
        // The thread ended before its engine ran, and says why.
        Err(mpsc::RecvError) => {
            running.join()?;
            Err(ThreadError::Panicked)
        }
    }
}

impl EngineThread {
    pub(crate) fn stop(&self) {
        self.stopper.stop();
    }

    /// Waits for the end.
    pub(crate) fn join(&mut self) -> Result<(), ThreadError> {
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or(Err(ThreadError::Panicked)),
            None => Ok(()),
        }
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        self.stop();
        // Whoever wanted to know how it ended has called `join` before.
        let _ = self.join();
    }
}
