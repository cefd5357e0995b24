//! `ringway stop`: end the daemon.

use ringway_core::Verb;

use super::ask::{self, Question, UsageError};
use super::door::Door;

const EXAMPLES: &str = "\
Examples:
  ringway stop
  ringway stop --hard";

/// Stop the daemon: no new connections, requests in progress finish within daemon.drain_timeout
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) door: Door,
    /// Cut off what runs, instead of letting it finish
    #[arg(long)]
    hard: bool,
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(Question::new(Verb::Stop { hard: self.hard }, ask::outcome))
    }
}
