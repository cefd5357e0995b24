//! `ringway listener`: addresses that accept connections.

use clap::Subcommand;
use ringway_core::config::keys::Section;
use ringway_core::verb::ListenerInfo;
use ringway_core::{Answer, Change, ListenerName, Verb};

use super::ask::{DryRun, Question, UsageError};
use super::door::Door;
use super::keys::{self, Patch, Words};
use super::keys_help;
use super::table::Table;

const EXAMPLES: &str = "\
Examples:
  ringway listener list
  ringway listener add web address=0.0.0.0:8080
  ringway listener add db address=0.0.0.0:5432 protocol=tcp cluster=db
  ringway listener update web timeouts.idle=30s limits.headers=64
  ringway listener deactivate web
  ringway listener remove web";

/// List, add, change, activate, deactivate or remove listeners
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
    /// List listeners, with the address that each really has
    List,
    /// Add a listener; it accepts connections unless active=false
    #[command(after_long_help = keys_help(Section::Listener))]
    Add {
        /// Its name
        listener: ListenerName,
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Change a listener in place, its open connections go on; its address and protocol can not change
    #[command(after_long_help = keys_help(Section::Listener))]
    Update {
        /// Its name
        listener: ListenerName,
        #[command(flatten)]
        patch: Patch,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Close a listener for good; open connections finish what they are at
    Remove {
        /// Its name
        listener: ListenerName,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Let a listener accept connections
    Activate {
        /// Its name
        listener: ListenerName,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Let a listener accept none; its address stays its own, open connections go on
    Deactivate {
        /// Its name
        listener: ListenerName,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        let (change, dry_run) = match &self.action {
            Action::List => {
                return Ok(Question::new(Verb::Listeners, |answer| match answer {
                    Answer::Listeners { listeners } => Some(table(listeners).to_string()),
                    _ => None,
                }));
            }
            Action::Add { listener, words, dry_run } => {
                (Change::ListenerAdd { listener: listener.clone(), set: words.keys()? }, dry_run)
            }
            Action::Update { listener, patch, dry_run } => {
                (Change::ListenerUpdate { listener: listener.clone(), set: patch.keys()? }, dry_run)
            }
            Action::Remove { listener, dry_run } => {
                (Change::ListenerRemove { listener: listener.clone() }, dry_run)
            }
            Action::Activate { listener, dry_run } => {
                (Change::ListenerActivate { listener: listener.clone() }, dry_run)
            }
            Action::Deactivate { listener, dry_run } => {
                (Change::ListenerDeactivate { listener: listener.clone() }, dry_run)
            }
        };
        Ok(Question::change(change, dry_run))
    }
}

/// Listeners, and what of them is not as usual.
pub(super) fn table(listeners: &[ListenerInfo]) -> Table<5> {
    let mut table = Table::new(["LISTENER", "ADDRESS", "PROTOCOL", "STATE", "OTHER KEYS"]);
    for info in listeners {
        let mut rest = info.set.clone();
        for shown in ["name", "address", "active"] {
            rest.shift_remove(shown);
        }
        let protocol = rest.shift_remove("protocol").map_or_else(|| "http".to_owned(), |it| keys::text(&it));
        let state = if info.active { "active" } else { "inactive" };
        table.row([
            info.listener.to_string(),
            info.address.clone(),
            protocol,
            state.to_owned(),
            keys::words(&rest),
        ]);
    }
    table
}
