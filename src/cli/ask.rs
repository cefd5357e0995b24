//! What subcommands that ask a running daemon have in common: a verb goes out, its answer is printed.

use std::io::{self, Write};
use std::process::ExitCode;

use ringway_core::{Answer, Change, ErrorCode, Verb, VerbError};

use super::client::{Client, ClientError};
use super::door::{Door, DoorError};
use super::keys::KeysError;
use super::{difference, exit, table};

/// What is asked, and how the answer is told.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) verb: Verb,
    /// What of the answer was meant.
    narrow: fn(&mut Answer),
    /// The answer for people; `None`: it is none to this verb.
    tell: fn(&Answer) -> Option<String>,
}

impl Question {
    /// Asks `verb`; `tell` puts its answer into words.
    pub(super) fn new(verb: Verb, tell: fn(&Answer) -> Option<String>) -> Question {
        Question { verb, narrow: |_| {}, tell }
    }

    /// Takes off the answer, before anything is printed, what is not meant.
    pub(super) fn narrowed(mut self, narrow: fn(&mut Answer)) -> Question {
        self.narrow = narrow;
        self
    }

    /// Asks for changes.
    pub(super) fn changes(changes: Vec<Change>, dry_run: bool) -> Question {
        Question::new(Verb::Apply { changes, dry_run }, outcome)
    }

    /// Asks for a change.
    pub(super) fn change(change: Change, dry_run: &DryRun) -> Question {
        Question::changes(vec![change], dry_run.dry_run)
    }
}

/// Whether something is only said, and not done.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct DryRun {
    /// Only say what would change
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
}

/// Why nothing was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Door(#[from] DoorError),
    #[error("{file}: {error}; check its path and permissions")]
    File { file: String, error: io::Error },
    #[error("{file}:{line}: {reason}")]
    Line { file: String, line: usize, reason: String },
}

/// Asks, and prints the answer to stdout, errors to stderr.
pub(super) fn run(door: &Door, question: Result<Question, UsageError>) -> ExitCode {
    let question = match question {
        Ok(question) => question,
        Err(error) => return usage(door.json, &error),
    };
    let path = match door.path() {
        Ok(path) => path,
        Err(error) => return usage(door.json, &error.into()),
    };
    let answer = Client::connect(&path, door.timeout()).and_then(|mut client| client.ask(&question.verb));
    match answer.and_then(|answer| told(door.json, &question, answer)) {
        Ok(text) => print(&text),
        Err(error) => failed(door.json, &error),
    }
}

/// What is printed of an answer.
fn told(json: bool, question: &Question, mut answer: Answer) -> Result<String, ClientError> {
    if let (Verb::Clusters { cluster: Some(cluster), .. }, Answer::Clusters { clusters }) =
        (&question.verb, &answer)
        && clusters.is_empty()
    {
        return Err(ClientError::not_found(format!(
            "there is no cluster {:?}; ringway cluster list shows them",
            cluster.as_str()
        )));
    }
    (question.narrow)(&mut answer);
    let text = (question.tell)(&answer).ok_or_else(|| {
        ClientError::Garbage(format!("an answer to {} that is not known here", question.verb.name()))
    })?;
    Ok(if json { to_json(&answer) + "\n" } else { text })
}

pub(super) fn to_json(answer: &Answer) -> String {
    serde_json::to_string(answer).expect("an answer is plain data")
}

/// What most verbs are answered.
pub(super) fn outcome(answer: &Answer) -> Option<String> {
    Some(match answer {
        Answer::Done { generation } => format!("done; generation {generation}\n"),
        Answer::Changed { generation, dry_run, changes, count, late } => {
            let mut text = difference::told(*generation, *dry_run, changes, *count);
            if !late.is_empty() {
                let shards = table::clean(&late.join(", "));
                text += &format!("not yet confirmed by {shards}; they follow as soon as they can\n");
            }
            text
        }
        Answer::Saved { file, count } => {
            let file = table::clean(&file.display().to_string());
            format!("{file}: {} saved\n", table::counted(*count, "change"))
        }
        _ => return None,
    })
}

/// Prints what was asked for. Whoever reads it may have had enough.
pub(super) fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => exit::OK,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
        Err(error) => {
            eprintln!("ringway: the output can not be written: {error}");
            ExitCode::from(exit::FAILURE)
        }
    }
}

pub(super) fn usage(json: bool, error: &UsageError) -> ExitCode {
    let error = VerbError::new(ErrorCode::Invalid, error.to_string());
    if json {
        eprintln!("{}", serde_json::to_string(&error).expect("an error is plain data"));
    } else {
        eprintln!("ringway: {}", table::clean(&error.message));
    }
    ExitCode::from(exit::CONFIGURATION)
}

pub(super) fn failed(json: bool, error: &ClientError) -> ExitCode {
    eprintln!("{}", if json { error_json(error) } else { error_text(error) });
    ExitCode::from(error.exit_code())
}

/// `{"code":"not_found","field":"cluster","message":"…"}`
fn error_json(error: &ClientError) -> String {
    let json = match error {
        ClientError::Refused(error) => serde_json::to_value(error).expect("an error is plain data"),
        error => serde_json::json!({ "code": error.code(), "message": error.to_string() }),
    };
    json.to_string()
}

/// `ringway: not_found: cluster: there is none …`
fn error_text(error: &ClientError) -> String {
    table::clean(&format!("ringway: {}: {error}", error.code()))
}

#[cfg(test)]
mod tests;
