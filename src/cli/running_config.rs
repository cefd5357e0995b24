//! `ringway config`: the running configuration.

use clap::Subcommand;
use ringway_core::state::ConfigState;
use ringway_core::{Answer, Change, Verb};

use super::ask::{Question, UsageError};
use super::door::Door;

const EXAMPLES: &str = "\
Examples:
  ringway config show
  ringway config show --toml
  ringway config show > saved.jsonl && ringway apply saved.jsonl -s /run/other.sock";

/// Show the running configuration
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
    /// Print changes that make the running configuration out of nothing, one JSON object per line
    Show {
        /// Print it as a configuration file, every key written out
        #[arg(long, conflicts_with = "json")]
        toml: bool,
    },
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        let Action::Show { toml } = self.action;
        Ok(Question::new(Verb::Configuration, if toml { as_file } else { as_changes }))
    }
}

fn changes(answer: &Answer) -> Option<&[Change]> {
    if let Answer::Configuration { changes } = answer { Some(changes) } else { None }
}

fn as_changes(answer: &Answer) -> Option<String> {
    let line = |change| serde_json::to_string(change).expect("a change is plain data") + "\n";
    Some(changes(answer)?.iter().map(line).collect())
}

/// `None` also if a daemon of another version says what is not known here.
fn as_file(answer: &Answer) -> Option<String> {
    let mut state = ConfigState::new();
    for change in changes(answer)? {
        let mutation = state.resolve(change).ok()?;
        state.apply(&mutation).ok()?;
    }
    Some(state.to_config().to_toml())
}

#[cfg(test)]
mod tests {
    use ringway_core::Config;

    use super::*;

    const FILE: &str = r#"
        daemon.max_connections_per_source = 7
        listeners = [{ name = "web", address = "127.0.0.1:8080" }]
        clusters.api = { retries = 2, frontends = [{ path_prefix = "/api" }], backends = [{ address = "10.0.0.1:80" }] }
        routes = [{ path = "/old", redirect = "https://example.com" }]
    "#;

    #[test]
    fn what_runs_is_printed_as_a_file_that_means_the_same() {
        let config = Config::read("a.toml", FILE.as_bytes()).expect("valid");
        let changes = ConfigState::from_config(&config).changes().collect();
        let file = as_file(&Answer::Configuration { changes }).expect("a file");
        assert_eq!(Config::read("a.toml", file.as_bytes()).expect("valid"), config);
    }

    #[test]
    fn changes_are_lines_that_apply_reads() {
        let config = Config::read("a.toml", FILE.as_bytes()).expect("valid");
        let changes: Vec<_> = ConfigState::from_config(&config).changes().collect();
        let text = as_changes(&Answer::Configuration { changes: changes.clone() }).expect("text");
        let again: Vec<Change> =
            text.lines().map(|line| serde_json::from_str(line).expect("a change")).collect();
        assert_eq!(again, changes);
    }
}
