//! `ringway backend`: who serves a cluster.

use clap::{Subcommand, ValueEnum};
use ringway_core::change::Keys;
use ringway_core::config::defaults;
use ringway_core::config::keys::Section;
use ringway_core::verb::ClusterInfo;
use ringway_core::{Answer, BackendId, Change, ClusterId, Verb};

use super::ask::{self, DryRun, Question, UsageError};
use super::door::Door;
use super::keys::{self, Patch, Words};
use super::table::Table;
use super::{cluster, keys_help};

const EXAMPLES: &str = "\
Examples:
  ringway backend list api
  ringway backend add api api-1 address=10.0.0.1:8080 weight=50
  ringway backend drain api api-1
  ringway backend ready api api-1
  ringway backend weight api api-1 10
  ringway backend mark api api-1 unhealthy
  ringway backend remove api api-1";

/// List, add, change or remove backends: drain them, weigh them, take them out
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    action: Action,
}

/// Which backend.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// The cluster it serves
    cluster: ClusterId,
    /// Its name
    backend: BackendId,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List backends
    List {
        /// Only those of this cluster
        cluster: Option<ClusterId>,
    },
    /// Add a backend to a cluster
    #[command(after_long_help = keys_help(Section::Backend))]
    Add {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Change a backend; its address can not change
    #[command(after_long_help = keys_help(Section::Backend))]
    Update {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        patch: Patch,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Remove a backend; requests in progress finish
    Remove {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Let a backend serve again, after drain or maint
    Ready {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Send a backend nothing new; it is still checked
    Drain {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Leave a backend alone: no requests, no checks
    Maint {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Set the share of the requests that a backend gets
    Weight {
        #[command(flatten)]
        which: Which,
        /// Its share, relative to the other weights of the cluster
        #[arg(value_name = "N")]
        weight: u32,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// State what is held of a backend, until its checks find the opposite
    Mark {
        #[command(flatten)]
        which: Which,
        /// What is held of it
        health: Health,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Health {
    /// It gets requests
    Healthy,
    /// It gets none
    Unhealthy,
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(match &self.action {
            Action::List { cluster } => {
                let verb = Verb::Clusters { cluster: cluster.clone(), domain: None, path: None };
                Question::new(verb, |answer: &Answer| {
                    cluster::clusters(answer).map(|all| table(all).to_string())
                })
            }
            Action::Add { which, words, dry_run } => {
                let Which { cluster, backend } = which.clone();
                Question::change(Change::BackendAdd { cluster, backend, set: words.keys()? }, dry_run)
            }
            Action::Update { which, patch, dry_run } => update(which, patch.keys()?, dry_run),
            Action::Remove { which, dry_run } => {
                let Which { cluster, backend } = which.clone();
                Question::change(Change::BackendRemove { cluster, backend }, dry_run)
            }
            Action::Ready { which, dry_run } => update(which, one("state", "ready"), dry_run),
            Action::Drain { which, dry_run } => update(which, one("state", "drain"), dry_run),
            Action::Maint { which, dry_run } => update(which, one("state", "maint"), dry_run),
            Action::Weight { which, weight, dry_run } => update(which, one("weight", *weight), dry_run),
            Action::Mark { which, health } => {
                let Which { cluster, backend } = which.clone();
                let healthy = *health == Health::Healthy;
                Question::new(Verb::MarkHealth { cluster, backend, healthy }, ask::outcome)
            }
        })
    }
}

fn one(key: &str, value: impl Into<serde_json::Value>) -> Keys {
    Keys::from_iter([(key.to_owned(), value.into())])
}

fn update(which: &Which, set: Keys, dry_run: &DryRun) -> Question {
    let Which { cluster, backend } = which.clone();
    Question::change(Change::BackendUpdate { cluster, backend, set }, dry_run)
}

/// The backends of these clusters.
pub(super) fn table(clusters: &[ClusterInfo]) -> Table<7> {
    let mut table =
        Table::new(["CLUSTER", "BACKEND", "ADDRESS", ">WEIGHT", ">REQUESTS", ">CONNECTIONS", "STATE"]);
    for (info, backend) in clusters.iter().flat_map(|info| info.backends.iter().map(move |one| (info, one))) {
        table.row([
            info.cluster.to_string(),
            backend.backend.to_string(),
            backend.address.clone(),
            backend.set.get("weight").map_or_else(|| defaults::WEIGHT.to_string(), keys::text),
            backend.requests.to_string(),
            backend.connections.to_string(),
            backend.state.clone(),
        ]);
    }
    table
}
