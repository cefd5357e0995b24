//! Reading the configuration file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ringway_core::{Config, ConfigErrors};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The file can not be read.
    #[error("{}: the configuration file can not be read: {error}; check its path and permissions", file.display())]
    Unreadable {
        /// Its path, as it was given.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Its content is refused; one line per problem.
    #[error(transparent)]
    Invalid(#[from] ConfigErrors),
}

/// The configuration in `file`.
///
/// # Errors
/// Why there is none.
pub(crate) fn read(file: &Path) -> Result<Config, FileError> {
    let content = fs::read(file).map_err(|error| FileError::Unreadable { file: file.to_owned(), error })?;
    Ok(Config::read(&file.display().to_string(), &content)?)
}
