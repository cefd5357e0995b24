//! The thread that writes one file of the audit log, and opens it anew when it was moved away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::{self, Thread};
use std::time::Duration;

use ringway_core::Time;

use super::super::clock;
use super::AuditError;

/// Bytes that are written at a time at most, beyond the last line that began below.
const BATCH_BYTES: usize = 64 * 1024;

/// How often it is looked whether the file still is the one of its path.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long after a failure it is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Who may read it: its owner and its group. Lines name users and hosts.
const MODE: u32 = 0o640;

/// What the coordinator wants of the thread, beside lines.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    reopen: AtomicBool,
    close: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Wishes {
    /// The thread that is to be woken from its wait for the next try.
    pub(super) fn written_by(&self, thread: Thread) {
        self.thread.set(thread).expect("a file has one thread");
    }

    /// Open the file anew.
    pub(super) fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
        self.wake();
    }

    /// Try once more, and end.
    pub(super) fn close(&self) {
        self.close.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// A file, and what is not in it yet.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    wishes: Arc<Wishes>,
    /// When it was last seen to be the file of its path.
    looked: Time,
    /// Lines, of which the first `written` bytes are in the file.
    waiting: Vec<u8>,
    written: usize,
    /// Whether the last try failed, which was told.
    fails: bool,
}

impl Writer {
    pub(super) fn open(path: PathBuf, wishes: Arc<Wishes>) -> Result<Writer, AuditError> {
        match open(&path) {
            Ok(file) => {
                let (looked, waiting) = (clock::now(), Vec::new());
                Ok(Writer { path, file, wishes, looked, waiting, written: 0, fails: false })
            }
            Err(error) => Err(AuditError::Open { path, error }),
        }
    }

    /// Writes what comes until nothing can come any more.
    pub(super) fn run(mut self, queue: &Receiver<String>) {
        while let Ok(line) = queue.recv() {
            self.take(&line);
            while self.waiting.len() < BATCH_BYTES {
                let Ok(line) = queue.try_recv() else { break };
                self.take(&line);
            }
            while !self.flush(clock::now()) {
                if self.wishes.close.load(Ordering::Acquire) {
                    let lost =
                        queue.try_iter().count() + self.waiting.split(|byte| *byte == b'\n').count() - 1;
                    tracing::error!("audit log {}: its last {lost} lines are lost", self.path.display());
                    return;
                }
                thread::park_timeout(RETRY_INTERVAL);
            }
        }
    }

    /// A line that is to be written.
    pub(super) fn take(&mut self, line: &str) {
        self.waiting.extend_from_slice(line.as_bytes());
    }

    /// Writes what waits, to the file that the path names by now. Whether it is all written.
    pub(super) fn flush(&mut self, now: Time) -> bool {
        self.look(now);
        match self.write() {
            Ok(()) => {
                if self.fails {
                    self.fails = false;
                    tracing::info!("audit log {}: it is written again", self.path.display());
                }
                true
            }
            Err(error) => {
                if !self.fails {
                    self.fails = true;
                    tracing::error!(
                        "audit log {}: it can not be written: {error}; its lines wait, and are tried again every second; \
                         check the space and the rights of its disk",
                        self.path.display()
                    );
                }
                false
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while self.written < self.waiting.len() {
            match self.file.write(&self.waiting[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.waiting.clear();
        self.written = 0;
        Ok(())
    }

    /// Opens the file anew if it is not the one of its path any more; looks now and then, or when somebody asks for it.
    fn look(&mut self, now: Time) {
        let asked = self.wishes.reopen.swap(false, Ordering::AcqRel);
        if !asked && now.since(self.looked) < LOOK_INTERVAL {
            return;
        }
        self.looked = now;
        if self.is_at_its_path() {
            return;
        }
        // What can not be opened is not a reason to lose lines: the old file still takes them.
        if let Ok(file) = open(&self.path) {
            self.file = file;
            // A line that the old file has in part comes to the new one as a whole.
            let lines_written = &self.waiting[..self.written];
            self.written = lines_written.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        }
    }

    fn is_at_its_path(&self) -> bool {
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match (self.file.metadata(), fs::metadata(&self.path)) {
            (Ok(open), Ok(named)) => id(open) == id(named),
            _ => false,
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for its other end.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it is not a regular file"));
    }
    OpenOptions::new().append(true).create(true).mode(MODE).open(path)
}

#[cfg(test)]
mod tests;
