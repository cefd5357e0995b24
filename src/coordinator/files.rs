//! The files that the configuration names: error pages, fixed answers and secrets, read when what names them comes or changes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ringway_core::Config;
use ringway_core::state::{ConfigState, Touched};
use ringway_shards::{FILE_BYTES_MAX, Files};

/// A file that can not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It can not be read.
    #[error("{}: {error}; it is named in the configuration: check its path and who may read it", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It would have to be held in memory.
    #[error("{}: more than {FILE_BYTES_MAX} bytes, which is the most that an answer may have", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
}

/// Reads every file that `config` names. A relative path is one from the directory that the process runs in.
///
/// # Errors
/// The first that can not be used.
pub(super) fn of(config: &Config) -> Result<Files, FileError> {
    Files::gather(config, content)
}

/// Reads every file that is named by what `to` has differently from `from`, which is `touched`.
///
/// # Errors
/// The first that can not be used.
pub(super) fn of_touched(
    from: &ConfigState,
    to: &ConfigState,
    touched: &Touched,
) -> Result<Files, FileError> {
    Files::gather_touched(from, to, touched, content)
}

fn content(path: &Path) -> Result<Vec<u8>, FileError> {
    let content = read_bounded(path).map_err(|error| FileError::Read { path: path.to_owned(), error })?;
    if content.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(content)
}

/// The content of a file, up to one byte more than is allowed: the path may name a device that never ends.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}
