//! `ringway status`: how the daemon stands.

use std::fmt::Write;

use ringway_core::verb::{ShardInfo, Status};
use ringway_core::{Answer, Verb};

use super::ask::{Question, UsageError};
use super::door::Door;
use super::listener;
use super::table::{Table, clean, counted, hash, time};

const EXAMPLES: &str = "\
Examples:
  ringway status
  ringway status --json | jq .clusters_down";

/// Show the version, generation, shards, listeners, and which clusters are down
///
/// CONFIG says whether a shard serves by the configuration that the coordinator has. TURN is the longest time, since the last
/// look, that a shard was at work without a look at its ring.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) door: Door,
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(Question::new(Verb::Status, |answer| match answer {
            Answer::Status(status) => Some(tell(status)),
            _ => None,
        }))
    }
}

fn tell(status: &Status) -> String {
    let mut text = String::new();
    let draining = if status.draining { ", stopping" } else { "" };
    let _ = writeln!(
        text,
        "ringway {}, process {}, up {}, generation {}, state {}{draining}",
        clean(&status.version),
        status.pid,
        time(status.uptime_s),
        status.generation,
        hash(status.state_hash),
    );
    let down = status.clusters_down.len();
    let _ = writeln!(
        text,
        "{}, {}, {}: {} up, {down} down\n",
        counted(status.shards.len(), "shard"),
        counted(status.listeners.len(), "listener"),
        counted(status.clusters, "cluster"),
        status.clusters.saturating_sub(down),
    );
    let _ = write!(text, "{}", shards(&status.shards, status.state_hash));
    if !status.listeners.is_empty() {
        let _ = write!(text, "\n{}", listener::table(&status.listeners));
    }
    if down > 0 {
        let _ = writeln!(text, "\nDOWN");
        for cluster in &status.clusters_down {
            let _ = writeln!(text, "{cluster}");
        }
    }
    text
}

/// The shards of a daemon whose configuration has the hash `state`.
pub(super) fn shards(shards: &[ShardInfo], state: u64) -> Table<9> {
    let mut table = Table::new([
        ">SHARD",
        "STATE",
        ">CORE",
        ">UPTIME",
        ">RESTARTS",
        ">CLIENTS",
        ">REQUESTS",
        ">TURN",
        "CONFIG",
    ]);
    for shard in shards {
        table.row([
            shard.shard.to_string(),
            shard.state.clone(),
            shard.core.to_string(),
            time(shard.uptime_s),
            shard.restarts.to_string(),
            shard.connections.to_string(),
            amount(shard.requests),
            turn(shard.turn_max_us),
            match shard.state_hash {
                0 => "?".to_owned(),
                its if its == state => "same".to_owned(),
                _ => "other".to_owned(),
            },
        ]);
    }
    table
}

/// A number that may grow for years, in at most 8 characters for some.
fn amount(n: u64) -> String {
    if n < 100_000_000 { n.to_string() } else { format!("{}M", n / 1_000_000) }
}

fn turn(us: u64) -> String {
    if us < 10_000 { format!("{us} us") } else { format!("{} ms", us / 1_000) }
}

#[cfg(test)]
mod tests;
