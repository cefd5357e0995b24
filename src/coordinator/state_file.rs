//! State files: the running configuration on the disk, whole or not at all, whatever happens while it is written.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ringway_core::state::{ConfigState, file};
use tokio::sync::Mutex;
use tokio::task;

mod autosave;
#[cfg(test)]
pub(super) mod folder;
mod replace;

pub(crate) use autosave::Autosave;
use replace::replace;

/// The largest file that is read. A change takes some 200 bytes, so this is more than the million changes that a batch may have.
pub(crate) const STATE_BYTES_MAX: u64 = 512 << 20;

/// One save at a time, in the order in which they were asked for: what is in a file is what was saved to it last.
static SAVING: Mutex<()> = Mutex::const_new(());

/// Why a state file was not written, or is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// It can not be written.
    #[error(
        "state file {}: it can not be written: {error}; what was saved before is untouched: check that its folder exists, who \
         may write to it, and the space of its disk",
        path.display()
    )]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It can not be read.
    #[error("state file {}: it can not be read: {error}; check its path and who may read it", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is not one that was written here.
    #[error("state file {}: more than {STATE_BYTES_MAX} bytes, which none has; check its path", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// What is in it is not a state.
    #[error(
        "state file {}, line {line}: {reason}; nothing of it is applied",
        path.display()
    )]
    Content {
        /// Which.
        path: PathBuf,
        /// The line, the first being 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// A state that is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Saved {
    /// How many changes it takes to make it.
    pub(crate) count: usize,
}

/// Writes `state` to `path`, for its owner alone to read. The present thread goes on meanwhile. A save that was begun is done,
/// even if nobody waits for it any more.
///
/// # Errors
/// What was at `path` before is there.
pub(crate) async fn save(state: ConfigState, generation: u64, path: &Path) -> Result<Saved, StateError> {
    let path = path.to_owned();
    let turn = SAVING.lock().await;
    let write = move || {
        let mut text = Vec::new();
        file::write(&state, generation, &mut text);
        // The first line and the last one are no changes.
        let count = text.iter().filter(|byte| **byte == b'\n').count().saturating_sub(2);
        let result = replace(&path, &text).map_err(|error| StateError::Write { path, error });
        drop(turn);
        result.map(|()| Saved { count })
    };
    task::spawn_blocking(write).await.expect("writing does not panic, and is not cancelled")
}

/// The state that is in the file at `path`. Reads a file and makes a state of it: nothing for the coordinator's thread while
/// it serves.
///
/// # Errors
/// Why it can not be used.
pub(crate) fn load(path: &Path) -> Result<ConfigState, StateError> {
    let content = read(path).map_err(|error| StateError::Read { path: path.to_owned(), error })?;
    if content.len() as u64 > STATE_BYTES_MAX {
        return Err(StateError::TooLarge { path: path.to_owned() });
    }
    match file::load(&content) {
        Ok(loaded) => Ok(loaded.holds),
        Err(error) => {
            Err(StateError::Content { path: path.to_owned(), line: error.line, reason: error.reason })
        }
    }
}

/// What is in a file, up to one byte more than is allowed.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Before it is opened: opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(STATE_BYTES_MAX + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// Whether the state file was written after the configuration file; not if one of them is not there, or they are as old.
pub(crate) fn is_newer_than(state_file: &Path, config_file: &Path) -> bool {
    let written = |path| fs::metadata(path).and_then(|metadata| metadata.modified());
    matches!((written(state_file), written(config_file)), (Ok(state), Ok(config)) if state > config)
}

#[cfg(test)]
mod tests;
