//! `ringway limits`: settings of the process as a whole.

use clap::Subcommand;
use ringway_core::config::keys::Section;
use ringway_core::{Answer, Change, Verb};

use super::ask::{DryRun, Question, UsageError};
use super::door::Door;
use super::keys::{self, Patch};
use super::keys_help;
use super::table::Table;

const EXAMPLES: &str = "\
Examples:
  ringway limits show
  ringway limits set max_connections_per_source=100 source_queue_timeout=500ms
  ringway limits set --unset max_connections_per_source";

/// Show or set what holds for the whole process: its limits, its drain timeout
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
    /// Show every key of the table daemon with its value and default
    Show,
    /// Set keys of the table daemon; shards and files take a restart
    #[command(after_long_help = keys_help(Section::Daemon))]
    Set {
        #[command(flatten)]
        patch: Patch,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(match &self.action {
            Action::Show => Question::new(Verb::Configuration, show).narrowed(|answer| {
                if let Answer::Configuration { changes } = answer {
                    changes.retain(|change| matches!(change, Change::DaemonUpdate { .. }));
                }
            }),
            Action::Set { patch, dry_run } => {
                Question::change(Change::DaemonUpdate { set: patch.keys()? }, dry_run)
            }
        })
    }
}

fn show(answer: &Answer) -> Option<String> {
    let Answer::Configuration { changes } = answer else { return None };
    let set = changes.iter().find_map(|change| match change {
        Change::DaemonUpdate { set } => Some(set),
        _ => None,
    });
    let mut table = Table::new(["KEY", "VALUE", "DEFAULT"]);
    for key in Section::Daemon.own_keys() {
        let default = key.fallback.to_string().replace(['`', '"'], "");
        let value = set.and_then(|set| set.get(key.name)).map_or_else(|| default.clone(), keys::text);
        table.row([key.name.to_owned(), value, default]);
    }
    Some(table.to_string())
}

#[cfg(test)]
mod tests;
