//! `ringway reload`: what is different in the configuration file, applied as one batch.

use std::path::PathBuf;

use ringway_core::Verb;

use super::ask::{self, DryRun, Question, UsageError};
use super::door::Door;
use super::state;

const EXAMPLES: &str = "\
Examples:
  ringway reload --dry-run
  ringway reload
  ringway reload -f /etc/ringway/new.toml";

/// Read the configuration file again and apply what is different, all of it or nothing
///
/// Shows what was added (+), changed (~) and removed (-). Connections that a difference does not concern go on.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) door: Door,
    /// Another file than the one that the daemon was started with
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        let file = self.file.as_deref().map(state::absolute).transpose()?;
        Ok(Question::new(Verb::Reload { file, dry_run: self.dry_run.dry_run }, ask::outcome))
    }
}
