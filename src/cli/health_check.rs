//! `ringway health-check`: how the backends of a cluster are asked whether they are well.

use clap::Subcommand;
use ringway_core::config::keys::Section;
use ringway_core::{Answer, Change, ClusterId, Verb};

use super::ask::{DryRun, Question, UsageError};
use super::door::Door;
use super::keys::{self, Words};
use super::table::Table;
use super::{cluster, keys_help};

/// The key of a cluster that turns it on.
const KEY: &str = "health_check";

const EXAMPLES: &str = "\
Examples:
  ringway health-check list
  ringway health-check set api path=/health interval=2s
  ringway health-check remove api";

/// List, set or remove health checks
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
    /// List the clusters that have one, and its keys
    List,
    /// Check the backends of a cluster, in place of how they were
    #[command(after_long_help = keys_help(Section::HealthCheck))]
    Set {
        /// The cluster
        cluster: ClusterId,
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Do not check them any more: they are well
    Remove {
        /// The cluster
        cluster: ClusterId,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(match &self.action {
            Action::List => {
                let verb = Verb::Clusters { cluster: None, domain: None, path: None };
                Question::new(verb, list).narrowed(|answer| {
                    if let Answer::Clusters { clusters } = answer {
                        clusters.retain(|info| info.set.contains_key(KEY));
                    }
                })
            }
            Action::Set { cluster, words, dry_run } => {
                let set = words.keys()?;
                Question::change(Change::HealthCheckSet { cluster: cluster.clone(), set }, dry_run)
            }
            Action::Remove { cluster, dry_run } => {
                Question::change(Change::HealthCheckRemove { cluster: cluster.clone() }, dry_run)
            }
        })
    }
}

fn list(answer: &Answer) -> Option<String> {
    let mut table = Table::new(["CLUSTER", ">BACKENDS", ">UP", "KEYS"]);
    for info in cluster::clusters(answer)? {
        let check = info.set.get(KEY).and_then(|check| check.as_object());
        let keys = check.filter(|keys| !keys.is_empty()).map_or_else(|| "defaults".to_owned(), keys::words);
        let up = info.backends.iter().filter(|backend| backend.state == "up").count();
        table.row([info.cluster.to_string(), info.backends.len().to_string(), up.to_string(), keys]);
    }
    Some(table.to_string())
}
