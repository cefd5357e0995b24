//! A load on a thread of its own.

use super::{Recorder, Sample, Settings, Summary, drive};
use crate::thread::{EngineThread, ThreadError, launch};

/// A load that is on. Dropping it ends it.
#[derive(Debug)]
pub struct RunningLoad {
    thread: EngineThread,
    recorder: Recorder,
}

/// Starts a load.
///
/// # Errors
/// When there is no thread, or no io_uring, for it.
pub fn spawn(settings: Settings) -> Result<RunningLoad, ThreadError> {
    let recorder = Recorder::new();
    let record = recorder.clone();
    let thread = launch("load".to_owned(), None, |engine, stop| async move {
        drive(engine, settings, record, stop).await;
        Ok(())
    })?;
    Ok(RunningLoad { thread, recorder })
}

impl RunningLoad {
    /// What happened since the last call.
    #[must_use]
    pub fn sample(&self) -> Sample {
        self.recorder.sample()
    }

    /// Ends it and says what it came to.
    ///
    /// # Errors
    /// When the thread had failed before.
    pub fn stop(mut self) -> Result<Summary, ThreadError> {
        self.thread.stop();
        self.thread.join()?;
        Ok(self.recorder.summary())
    }
}
