//! The files that the configuration names: error pages, fixed answers and secrets, read when what names them comes or changes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ringway_core::Config;
use ringway_core::config::{AnswerFiles, Cluster, Daemon, Route};
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
pub(super) fn read(config: &Config) -> Result<Files, FileError> {
    Files::gather(config, |path| {
        let content = read_bounded(path).map_err(|error| FileError::Read { path: path.to_owned(), error })?;
        if content.len() > FILE_BYTES_MAX {
            return Err(FileError::TooLarge { path: path.to_owned() });
        }
        Ok(content)
    })
}

/// Reads every file that the touched parts of `state` name.
///
/// # Errors
/// The first that can not be used.
pub(super) fn of(touched: &Touched, state: &ConfigState) -> Result<Files, FileError> {
    let clusters = touched.clusters.iter().filter_map(|id| state.cluster(id));
    let config = Config {
        daemon: Daemon::default(),
        listeners: Vec::new(),
        clusters: clusters.map(|cluster| Cluster::clone(&cluster.settings)).collect(),
        routes: if touched.routes {
            state.routes().iter().map(|route| Route::clone(route)).collect()
        } else {
            Vec::new()
        },
        answers: if touched.answers {
            state.answers().map(|answer| AnswerFiles::clone(answer)).collect()
        } else {
            Vec::new()
        },
    };
    read(&config)
}

/// The content of a file, up to one byte more than is allowed: the path may name a device that never ends.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}
