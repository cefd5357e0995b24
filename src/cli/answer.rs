//! `ringway answer`: the texts of Ringway's own answers.

use clap::Subcommand;
use ringway_core::Change;

use super::ask::{DryRun, Question, UsageError};
use super::door::Door;
use super::keys::{self, Words};

const EXAMPLES: &str = "\
Examples:
  ringway answer set 503 html=/etc/ringway/503.html json=/etc/ringway/503.json
  ringway answer remove 503";

/// Set or remove texts for Ringway's own answers, such as 503
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Answer with these files, html= and json=, in place of what was; the daemon reads them
    Set {
        /// The status of the answers
        status: u16,
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Answer with the built-in text again
    Remove {
        /// The status of the answers
        status: u16,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(match &self.action {
            Action::Set { status, words, dry_run } => {
                let mut set = words.keys()?;
                keys::absolute(&mut set, &["html", "json"]);
                Question::change(Change::AnswerSet { status: *status, set }, dry_run)
            }
            Action::Remove { status, dry_run } => {
                Question::change(Change::AnswerRemove { status: *status }, dry_run)
            }
        })
    }
}
