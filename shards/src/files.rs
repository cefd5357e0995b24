//! The files that a configuration names, with their content: read by whoever compiles it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ringway_core::Config;
use ringway_core::config::{Action, Content};

/// The most a file may hold, in bytes: it is sent from memory, by every shard.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Contents of files.
#[derive(Debug, Clone, Default)]
pub struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    /// Reads every file that `config` names with `read`.
    ///
    /// # Errors
    /// The first of `read`'s.
    pub fn gather<E>(config: &Config, mut read: impl FnMut(&Path) -> Result<Vec<u8>, E>) -> Result<Files, E> {
        let mut files = BTreeMap::new();
        for path in named(config) {
            if !files.contains_key(path) {
                files.insert(path.to_owned(), read(path)?);
            }
        }
        Ok(Files(files))
    }

    /// What stands in a file; nothing for one that was not gathered.
    pub(crate) fn content(&self, path: &Path) -> &[u8] {
        self.0.get(path).map_or(&[], |content| &content[..])
    }
}

/// The files that a configuration names.
fn named(config: &Config) -> impl Iterator<Item = &Path> {
    let answers = config.answers.iter().flat_map(|answer| [&answer.html, &answer.json]).flatten();
    let bodies = config.routes.iter().filter_map(|route| match &route.action {
        Action::Respond(respond) => match &respond.body {
            Content::File(path) => Some(path),
            Content::Inline(_) => None,
        },
        Action::Split(_) | Action::Redirect(_) => None,
    });
    let sticky = config.clusters.iter().filter_map(|cluster| cluster.sticky.as_ref());
    let secrets = sticky.filter_map(|sticky| sticky.secret_file.as_ref());
    answers.chain(bodies).chain(secrets).map(PathBuf::as_path)
}
