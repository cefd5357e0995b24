//! The files that a configuration names, with their content: read by whoever compiles it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ringway_core::Config;
use ringway_core::config::{Action, AnswerFiles, Cluster, Content, Route};
use ringway_core::state::{ConfigState, Touched};

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

    /// Reads every file that is named by what `to` has differently from `from`, with `read`. `touched` is what that is.
    ///
    /// # Errors
    /// The first of `read`'s.
    pub fn gather_touched<E>(
        from: &ConfigState,
        to: &ConfigState,
        touched: &Touched,
        mut read: impl FnMut(&Path) -> Result<Vec<u8>, E>,
    ) -> Result<Files, E> {
        let mut paths: Vec<&Path> = Vec::new();
        if touched.answers {
            paths.extend(to.answers().flat_map(|answer| named_by_answer(answer)));
        }
        if touched.routes {
            paths.extend(from.routes().diff(to.routes()).filter_map(|(_, _, route)| named_by_route(route?)));
        }
        for id in &touched.clusters {
            let secret = |state: &ConfigState| {
                state.cluster(id).and_then(|cluster| named_by_cluster(&cluster.settings)).map(Path::to_owned)
            };
            // A secret is read anew when it is another file's, and not with every change of the cluster.
            if secret(from) != secret(to) {
                paths.extend(to.cluster(id).and_then(|cluster| named_by_cluster(&cluster.settings)));
            }
        }
        let mut files = BTreeMap::new();
        for path in paths {
            if !files.contains_key(path) {
                files.insert(path.to_owned(), read(path)?);
            }
        }
        Ok(Files(files))
    }

    /// What stands in a file; nothing for one that was not gathered.
    pub(crate) fn content(&self, path: &Path) -> &[u8] {
        self.get(path).unwrap_or(&[])
    }

    /// What stands in a file, if it was gathered.
    pub(crate) fn get(&self, path: &Path) -> Option<&[u8]> {
        self.0.get(path).map(|content| &content[..])
    }
}

/// The files that a configuration names.
fn named(config: &Config) -> impl Iterator<Item = &Path> {
    let answers = config.answers.iter().flat_map(named_by_answer);
    let bodies = config.routes.iter().filter_map(named_by_route);
    answers.chain(bodies).chain(config.clusters.iter().filter_map(named_by_cluster))
}

fn named_by_answer(answer: &AnswerFiles) -> impl Iterator<Item = &Path> {
    [&answer.html, &answer.json].into_iter().flatten().map(PathBuf::as_path)
}

fn named_by_route(route: &Route) -> Option<&Path> {
    match &route.action {
        Action::Respond(respond) => match &respond.body {
            Content::File(path) => Some(path),
            Content::Inline(_) => None,
        },
        Action::Split(_) | Action::Redirect(_) => None,
    }
}

fn named_by_cluster(cluster: &Cluster) -> Option<&Path> {
    cluster.sticky.as_ref()?.secret_file.as_deref()
}
