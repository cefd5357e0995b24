//! `ringway route`: what becomes of requests that no single cluster gets.

use clap::Subcommand;
use ringway_core::config::keys::Section;
use ringway_core::{Answer, Change, Verb};

use super::ask::{DryRun, Question, UsageError};
use super::door::Door;
use super::keys::Words;
use super::{frontend, keys_help};

const EXAMPLES: &str = "\
Examples:
  ringway route list
  ringway route add hostname=old.example.com 'redirect=https://www.example.com{path}{query}' redirect_status=308
  ringway route add hostname=www.example.com 'split={ blue = 90, green = 10 }'
  ringway route add path=/health 'respond={ status = 200, body = \"ok\" }'
  ringway route remove hostname=old.example.com";

/// List, add or remove routes: redirects, splits, fixed answers
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
    /// List routes
    List,
    /// Say what becomes of requests
    #[command(after_long_help = keys_help(Section::Route))]
    Add {
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Remove the route for these requests
    Remove {
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(match &self.action {
            // In the list of frontends a route to one cluster looks like a frontend.
            Action::List => Question::new(Verb::Configuration, list).narrowed(|answer| {
                if let Answer::Configuration { changes } = answer {
                    changes.retain(|change| matches!(change, Change::RouteAdd { .. }));
                }
            }),
            Action::Add { words, dry_run } => {
                Question::change(Change::RouteAdd { set: words.keys()? }, dry_run)
            }
            Action::Remove { words, dry_run } => {
                Question::change(Change::RouteRemove { set: words.keys()? }, dry_run)
            }
        })
    }
}

fn list(answer: &Answer) -> Option<String> {
    let Answer::Configuration { changes } = answer else { return None };
    let routes = changes.iter().filter_map(|change| match change {
        Change::RouteAdd { set } => Some(set),
        _ => None,
    });
    Some(frontend::table(routes, None).to_string())
}
