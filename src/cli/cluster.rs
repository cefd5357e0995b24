//! `ringway cluster`: named sets of backends.

use std::fmt::Write;

use clap::Subcommand;
use ringway_core::config::keys::Section;
use ringway_core::verb::ClusterInfo;
use ringway_core::{Answer, Change, ClusterId, Verb};

use super::ask::{DryRun, Question, UsageError};
use super::door::Door;
use super::keys::{self, Patch, Words};
use super::table::{Table, clean, hash};
use super::{backend, frontend, keys_help};

const EXAMPLES: &str = "\
Examples:
  ringway cluster list
  ringway cluster list --domain www.example.com --path /shop
  ringway cluster show api
  ringway cluster add api load_balancing=maglev hash_key=uri
  ringway cluster update api retries=2 'sticky={ cookie = \"x\" }' --unset slow_start
  ringway cluster remove api --dry-run";

/// List, show, add, update or remove clusters
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
    /// List the clusters
    List {
        /// Only those that have a frontend for this host
        #[arg(long, value_name = "HOST")]
        domain: Option<String>,
        /// Only those that have a frontend for this path of the host
        #[arg(long, value_name = "PATH", requires = "domain")]
        path: Option<String>,
    },
    /// Show a cluster with its frontends and backends
    Show {
        /// Its name
        cluster: ClusterId,
    },
    /// Add a cluster, without frontends and backends yet
    #[command(after_long_help = keys_help(Section::Cluster))]
    Add {
        /// Its name
        cluster: ClusterId,
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Change the settings of a cluster; its frontends, backends and connections stay
    #[command(after_long_help = keys_help(Section::Cluster))]
    Update {
        /// Its name
        cluster: ClusterId,
        #[command(flatten)]
        patch: Patch,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Remove a cluster with its frontends and backends; requests in progress finish
    Remove {
        /// Its name
        cluster: ClusterId,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(match &self.action {
            Action::List { domain, path } => {
                let verb = Verb::Clusters { cluster: None, domain: domain.clone(), path: path.clone() };
                Question::new(verb, |answer| clusters(answer).map(list))
            }
            Action::Show { cluster } => {
                let verb = Verb::Clusters { cluster: Some(cluster.clone()), domain: None, path: None };
                Question::new(verb, |answer| clusters(answer).map(show))
            }
            Action::Add { cluster, words, dry_run } => {
                let set = words.keys()?;
                Question::change(Change::ClusterAdd { cluster: cluster.clone(), set }, dry_run)
            }
            Action::Update { cluster, patch, dry_run } => {
                let set = patch.keys()?;
                Question::change(Change::ClusterUpdate { cluster: cluster.clone(), set }, dry_run)
            }
            Action::Remove { cluster, dry_run } => {
                Question::change(Change::ClusterRemove { cluster: cluster.clone() }, dry_run)
            }
        })
    }
}

pub(super) fn clusters(answer: &Answer) -> Option<&[ClusterInfo]> {
    if let Answer::Clusters { clusters } = answer { Some(clusters) } else { None }
}

fn list(clusters: &[ClusterInfo]) -> String {
    let mut table =
        Table::new(["CLUSTER", "STATE", ">UP", ">BACKENDS", ">FRONTENDS", ">REQUESTS", ">CONNECTIONS"]);
    for info in clusters {
        let up = info.backends.iter().filter(|backend| backend.state == "up").count();
        table.row([
            info.cluster.to_string(),
            state(info).to_owned(),
            up.to_string(),
            info.backends.len().to_string(),
            info.frontends.len().to_string(),
            info.backends.iter().map(|backend| backend.requests).sum::<u64>().to_string(),
            info.backends.iter().map(|backend| backend.connections).sum::<u64>().to_string(),
        ]);
    }
    table.to_string()
}

fn state(info: &ClusterInfo) -> &'static str {
    if info.available { "up" } else { "down" }
}

fn show(clusters: &[ClusterInfo]) -> String {
    let mut text = String::new();
    for info in clusters {
        let _ = writeln!(text, "cluster {}: {}, hash {}", info.cluster, state(info), hash(info.hash));
        for (key, value) in &info.set {
            let _ = writeln!(text, "  {}", clean(&format!("{key} = {}", keys::text(value))));
        }
        let frontends = frontend::table(&info.frontends, Some(info.cluster.as_str()));
        if !frontends.is_empty() {
            let _ = write!(text, "\n{frontends}");
        }
        let backends = backend::table(std::slice::from_ref(info));
        if !backends.is_empty() {
            let _ = write!(text, "\n{backends}");
        }
    }
    text
}

#[cfg(test)]
mod tests;
