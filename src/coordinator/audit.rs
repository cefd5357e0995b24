//! The audit log: one line per verb that may change something, accepted or refused, with who asked and what came of it.
//!
//! In a file of its own, as text, as JSON, or both. Each file has a thread that writes it and a bounded queue before it: the
//! coordinator hands a line over and goes on, however slow the disk is. What does not fit is counted, and the next line that
//! fits says how many are missing (`lost`). A file that can not be written is told once in the log; its lines wait, and are
//! tried again every second.
//!
//! A line tells names, not values: which keys of a backend were changed, but not to what. The reason of a refusal may quote
//! what was refused.

use std::cell::Cell;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use ringway_core::{Actor, Answer, Verb, VerbError};
use tokio::sync::oneshot;
use tokio::time::timeout;

mod line;
mod subject;
mod timestamp;
mod writer;

use super::events::wall_ms;
use line::Fields;
use writer::{Wishes, Writer};

/// Lines that wait for one file. At some 300 bytes each, 5 MB: eight seconds at 2,000 verbs a second.
const LINES_WAITING_MAX: usize = 16 * 1024;

/// How long the end waits for what is left to be written. A disk that hangs must not hold up the end of the process.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Why there is no audit log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditError {
    /// The file can not be opened.
    #[error(
        "audit log {}: {error}; it is appended to, and made if it is not there: check that its folder exists and who may \
         write to it",
        path.display()
    )]
    Open {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// There is no thread to write it.
    #[error("audit log {}: no thread for it: {error}; remedy: raise the limit of threads (ulimit -u, TasksMax)", path.display())]
    Thread {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// A verb that was dealt with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// What was asked for.
    pub(crate) verb: &'a Verb,
    /// By whom.
    pub(crate) actor: &'a Actor,
    /// What came of it. An answer says how many changes were made, and which shards were late.
    pub(crate) result: &'a Result<Answer, VerbError>,
    /// The generation of the configuration, now.
    pub(crate) generation: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

/// Where lines go.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    text: Option<Sink>,
    json: Option<Sink>,
}

impl Audit {
    /// Opens the files, each at the end of what is there; without any, nothing is recorded.
    ///
    /// # Errors
    /// The first file that can not be written to.
    pub(crate) fn open(text: Option<PathBuf>, json: Option<PathBuf>) -> Result<Audit, AuditError> {
        Ok(Audit { text: text.map(Sink::open).transpose()?, json: json.map(Sink::open).transpose()? })
    }

    /// One line to each file. Never waits, never fails.
    pub(crate) fn record(&self, entry: &Entry<'_>) {
        if self.text.is_none() && self.json.is_none() {
            return;
        }
        let fields = Fields::new(entry, wall_ms());
        if let Some(sink) = &self.text {
            sink.send(|lost| fields.text(lost));
        }
        if let Some(sink) = &self.json {
            sink.send(|lost| fields.json(lost));
        }
    }

    /// With its next line a file is opened anew, if somebody has moved it away. That is also seen without being told, up to a
    /// second later.
    pub(crate) fn reopen(&self) {
        for sink in [&self.text, &self.json].into_iter().flatten() {
            sink.wishes.reopen();
        }
    }

    /// Writes what is left, as far as it can be written within two seconds.
    pub(crate) async fn close(self) {
        // Both at once.
        let ends: Vec<_> = [self.text, self.json].into_iter().flatten().map(Sink::close).collect();
        for (path, end) in ends {
            if timeout(CLOSE_WAIT, end).await.is_err() {
                tracing::error!("audit log {}: its end is lost, the disk does not answer", path.display());
            }
        }
    }
}

/// The coordinator's side of one file.
#[derive(Debug)]
struct Sink {
    path: PathBuf,
    lines: SyncSender<String>,
    /// Lines that did not fit since the last one that did.
    lost: Cell<u64>,
    wishes: Arc<Wishes>,
    ended: oneshot::Receiver<()>,
}

impl Sink {
    fn open(path: PathBuf) -> Result<Sink, AuditError> {
        let wishes = Arc::new(Wishes::default());
        let writer = Writer::open(path.clone(), Arc::clone(&wishes))?;
        let (lines, queue) = sync_channel(LINES_WAITING_MAX);
        let (end, ended) = oneshot::channel();
        let write = move || {
            writer.run(&queue);
            // Nobody may be waiting for it.
            let _ = end.send(());
        };
        match thread::Builder::new().name("audit".to_owned()).spawn(write) {
            Ok(thread) => wishes.written_by(thread.thread().clone()),
            Err(error) => return Err(AuditError::Thread { path, error }),
        }
        Ok(Sink { path, lines, lost: Cell::new(0), wishes, ended })
    }

    fn send(&self, line: impl FnOnce(u64) -> String) {
        let lost = self.lost.take();
        match self.lines.try_send(line(lost)) {
            Ok(()) => {}
            // The thread does not end before the sender does, unless it panicked; nobody is helped by a panic here.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.lost.set(lost + 1),
        }
    }

    fn close(self) -> (PathBuf, oneshot::Receiver<()>) {
        drop(self.lines);
        self.wishes.close();
        (self.path, self.ended)
    }
}

#[cfg(test)]
mod tests;
