//! What can go wrong while peers are measured.

use std::io;
use std::path::PathBuf;

use crate::template::TemplateError;
use crate::wrk::ReportError;

/// A failure, in words for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A program that the whole run needs is not installed.
    #[error("{program} is not installed; install it with `apt-get install {package}`")]
    Missing { program: &'static str, package: &'static str },
    /// A program could not be started.
    #[error("cannot start {program}: {source}")]
    Spawn { program: String, source: io::Error },
    /// A part of this workspace could not be built.
    #[error("`{command}` failed; build it by hand to see why, or leave the peer out with `--skip`")]
    Build { command: String },
    /// A file that should be there is not.
    #[error("{} is not there", path.display())]
    NoFile { path: PathBuf },
    /// A configuration template and its values do not fit together.
    #[error("configuration template {file}: {source}")]
    Template { file: &'static str, source: TemplateError },
    /// A process ended although it should serve.
    #[error("{name} ended with {status} before it answered; its last words:\n{log}")]
    Ended { name: String, status: String, log: String },
    /// A process runs, but does not answer as it should.
    #[error("{name} does not answer as it should: {reason}; its last words:\n{log}")]
    NotReady { name: String, reason: String, log: String },
    /// A process, or one of its threads, may run on other cores than the one it was given.
    #[error("{name} was pinned to core {core}, but its threads may run on {found}")]
    NotPinned { name: String, core: usize, found: String },
    /// The load generator failed.
    #[error("wrk failed: {text}")]
    Load { text: String },
    /// The load generator's report has another form than expected.
    #[error("{source}; the report was:\n{report}")]
    LoadReport { source: ReportError, report: String },
    /// A round without a single complete answer.
    #[error("not one request was answered in a round")]
    NoAnswers,
    /// Too few descriptors for the wanted number of connections.
    #[error(
        "{connections} connections need {needed} open files, the hard limit is {limit}; raise it with `ulimit -Hn`"
    )]
    TooFewFiles { connections: u32, needed: u64, limit: u64 },
    /// The same core for the proxy and for the load or the origin.
    #[error(
        "core {core} is given to the proxy and to the load or the origin; separate them with `--proxy-core`, \
         `--load-core` and `--origin-core`"
    )]
    SameCore { core: usize },
    /// Nothing is left to measure.
    #[error("no peer is left to measure")]
    NoPeers,
    /// A file or socket operation failed.
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

impl Error {
    /// Names what was being done when an operation failed; for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        move |source| Error::Io { what, source }
    }
}
