//! `ringway state`: the running configuration as a file, and what it is told by.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use ringway_core::{Answer, Verb};

use super::ask::{self, DryRun, Question, UsageError};
use super::door::Door;
use super::table::{Table, hash};

const EXAMPLES: &str = "\
Examples:
  ringway state save
  ringway state save /var/backups/ringway.state
  ringway state load /var/backups/ringway.state --dry-run
  ringway state hash
  ringway state count";

/// Save or load the running configuration, show its hashes, count changes
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
    /// Let the daemon write its running configuration to a state file
    Save {
        /// Where [default: daemon.state_file]
        file: Option<PathBuf>,
    },
    /// Let the daemon apply what is different in a state file, removals included
    Load {
        /// Which [default: daemon.state_file]
        file: Option<PathBuf>,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Show the hash of the configuration, of each cluster, and of what each shard serves by
    Hash,
    /// Count the changes that were asked for since the start, by their names
    Count,
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(match &self.action {
            Action::Save { file } => Question::new(
                Verb::StateSave { file: file.as_deref().map(absolute).transpose()? },
                ask::outcome,
            ),
            Action::Load { file, dry_run } => {
                let file = file.as_deref().map(absolute).transpose()?;
                Question::new(Verb::StateLoad { file, dry_run: dry_run.dry_run }, ask::outcome)
            }
            Action::Hash => Question::new(Verb::Hashes, hashes),
            Action::Count => Question::new(Verb::CountRequests, counts),
        })
    }
}

/// The path as the daemon, which runs elsewhere, knows it.
pub(super) fn absolute(file: &Path) -> Result<PathBuf, UsageError> {
    let failed = |error: io::Error| UsageError::File { file: file.display().to_string(), error };
    std::path::absolute(file).map_err(failed)
}

fn hashes(answer: &Answer) -> Option<String> {
    let Answer::Hashes { state, shards, clusters } = answer else { return None };
    let mut text = format!("state  {}\n", hash(*state));
    let mut table = Table::new(["SHARD", "HASH", "CONFIG"]);
    for (shard, its) in shards {
        let same = if its == state { "same" } else { "other" };
        table.row([shard.clone(), hash(*its), same.to_owned()]);
    }
    let _ = write!(text, "\n{table}");
    let mut table = Table::new(["CLUSTER", "HASH"]);
    for (cluster, its) in clusters {
        table.row([cluster.clone(), hash(*its)]);
    }
    if !table.is_empty() {
        let _ = write!(text, "\n{table}");
    }
    Some(text)
}

fn counts(answer: &Answer) -> Option<String> {
    let Answer::Counts(counts) = answer else { return None };
    let mut table = Table::new(["CHANGE", ">COUNT"]);
    for (change, count) in counts {
        table.row([change.clone(), count.to_string()]);
    }
    Some(table.to_string())
}

#[cfg(test)]
mod tests;
