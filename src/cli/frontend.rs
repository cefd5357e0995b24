//! `ringway frontend`: which requests a cluster gets.

use clap::Subcommand;
use ringway_core::change::Keys;
use ringway_core::config::keys::Section;
use ringway_core::{Answer, Change, ClusterId, ListenerName, Verb};
use serde_json::Value;

use super::ask::{DryRun, Question, UsageError};
use super::door::Door;
use super::keys::{self, Words};
use super::keys_help;
use super::table::Table;

const EXAMPLES: &str = "\
Examples:
  ringway frontend list --domain www.example.com
  ringway frontend add api hostname=www.example.com path_prefix=/api strip_prefix=true
  ringway frontend add api 'listeners=[\"web\"]' 'methods=[\"GET\", \"HEAD\"]'
  ringway frontend remove api hostname=www.example.com path_prefix=/api";

/// List, add or remove frontends: which requests a cluster gets
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
    /// List frontends, and routes, which go by the same rules
    List {
        /// Only those of this cluster
        #[arg(long)]
        cluster: Option<ClusterId>,
        /// Only those for this host
        #[arg(long, value_name = "HOST")]
        domain: Option<String>,
        /// Only those of this listener
        #[arg(long)]
        listener: Option<ListenerName>,
    },
    /// Let a cluster get requests
    #[command(after_long_help = keys_help(Section::Frontend))]
    Add {
        /// The cluster that gets them
        cluster: ClusterId,
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Let a cluster not get them any more
    Remove {
        /// The cluster that gets them
        cluster: ClusterId,
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(match &self.action {
            Action::List { cluster, domain, listener } => {
                let (cluster, domain, listener) = (cluster.clone(), domain.clone(), listener.clone());
                Question::new(Verb::Frontends { cluster, domain, listener }, |answer| match answer {
                    Answer::Frontends { frontends } => Some(table(frontends, None).to_string()),
                    _ => None,
                })
            }
            Action::Add { cluster, words, dry_run } => {
                let set = words.keys()?;
                Question::change(Change::FrontendAdd { cluster: cluster.clone(), set }, dry_run)
            }
            Action::Remove { cluster, words, dry_run } => {
                let set = words.keys()?;
                Question::change(Change::FrontendRemove { cluster: cluster.clone(), set }, dry_run)
            }
        })
    }
}

/// Frontends and routes by their keys; `cluster` is whose they are, where the keys do not say it.
pub(super) fn table<'a>(rules: impl IntoIterator<Item = &'a Keys>, cluster: Option<&str>) -> Table<5> {
    let mut table = Table::new(["HOST", "PATH", "LISTENERS", "CLUSTER", "OTHER KEYS"]);
    for rule in rules {
        let mut rest = rule.clone();
        let owner = match (rest.shift_remove("cluster"), cluster) {
            (Some(own), _) => keys::text(&own),
            (None, Some(cluster)) => cluster.to_owned(),
            (None, None) => "-".to_owned(),
        };
        let host = rest.shift_remove("hostname").map_or_else(|| "*".to_owned(), |host| keys::text(&host));
        let listeners =
            rest.shift_remove("listeners").map_or_else(|| "all".to_owned(), |names| listed(&names));
        let path = path(&mut rest);
        table.row([host, path, listeners, owner, keys::words(&rest)]);
    }
    table
}

fn path(rule: &mut Keys) -> String {
    for (key, sign) in [("path", "= "), ("path_regex", "~ "), ("path_prefix", "")] {
        if let Some(path) = rule.shift_remove(key) {
            return format!("{sign}{}", path.as_str().unwrap_or_default());
        }
    }
    "/".to_owned()
}

fn listed(names: &Value) -> String {
    let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
