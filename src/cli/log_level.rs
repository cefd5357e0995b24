//! `ringway log-level`: how much the daemon's log says.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ringway_core::Verb;
use ringway_core::config::LogLevel;

use super::ask::{self, Question, UsageError};
use super::door::Door;

const EXAMPLES: &str = "\
Examples:
  ringway log-level debug";

/// Set the least important lines that still reach the log
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) door: Door,
    /// The least important lines
    #[arg(value_parser = PossibleValuesParser::new(LogLevel::WORDS).try_map(level))]
    level: LogLevel,
}

fn level(word: String) -> Result<LogLevel, String> {
    LogLevel::from_word(&word).ok_or(word)
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        Ok(Question::new(Verb::LogLevel { level: self.level }, ask::outcome))
    }
}
