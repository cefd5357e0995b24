//! `ringway shards` and `ringway shard`: the shards, one by one.

use clap::Subcommand;
use ringway_core::{Answer, Verb};

use super::ask::{self, Question, UsageError};
use super::door::Door;
use super::status;

const LIST_EXAMPLES: &str = "\
Examples:
  ringway shards
  ringway shards --json | jq '.shards[].turn_max_us'";

/// List the shards: core, uptime, connections, longest turn
#[derive(Debug, clap::Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(super) door: Door,
}

impl ListArgs {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(Question::new(Verb::Status, |answer| match answer {
            Answer::Status(status) => Some(status::shards(&status.shards, status.state_hash).to_string()),
            _ => None,
        }))
    }
}

const EXAMPLES: &str = "\
Examples:
  ringway shard relaunch 3";

/// Relaunch a shard
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
    /// Replace a shard by a new one on its core and sockets; the old one drains
    Relaunch {
        /// Its number, as ringway shards lists it
        #[arg(value_name = "N")]
        shard: u16,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        let Action::Relaunch { shard } = self.action;
        Ok(Question::new(Verb::ShardRelaunch { shard }, ask::outcome))
    }
}
