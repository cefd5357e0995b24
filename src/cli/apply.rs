//! `ringway apply`: changes from a file, as one batch.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use ringway_core::Change;
use ringway_core::verb::CHANGES_MAX;

use super::ask::{DryRun, Question, UsageError};
use super::door::Door;

/// The longest line: far beyond any one change.
const LINE_BYTES_MAX: u64 = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  ringway apply changes.jsonl --dry-run
  echo '{\"change\":\"cluster_add\",\"cluster\":\"api\",\"set\":{}}' | ringway apply -";

/// Apply changes, all of them or none
///
/// One JSON object per line, as ringway config show prints them; docs/verbs.md lists them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) door: Door,
    /// A file of changes, one JSON object per line; - is stdin
    file: PathBuf,
    #[command(flatten)]
    dry_run: DryRun,
}

impl Args {
    pub(super) fn question(&self) -> Result<Question, UsageError> {
        let changes = if self.file.as_os_str() == "-" {
            changes("stdin", io::stdin().lock())?
        } else {
            let name = self.file.display().to_string();
            match File::open(&self.file) {
                Ok(file) => changes(&name, BufReader::new(file))?,
                Err(error) => return Err(UsageError::File { file: name, error }),
            }
        };
        Ok(Question::changes(changes, self.dry_run.dry_run))
    }
}

fn changes(file: &str, mut from: impl BufRead) -> Result<Vec<Change>, UsageError> {
    let mut changes = Vec::new();
    let mut text = Vec::new();
    for line in 1.. {
        let refused = |reason: String| UsageError::Line { file: file.to_owned(), line, reason };
        text.clear();
        let read = from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text);
        let n = read.map_err(|error| UsageError::File { file: file.to_owned(), error })?;
        if n == 0 {
            break;
        }
        if n as u64 == LINE_BYTES_MAX && !text.ends_with(b"\n") {
            return Err(refused(format!("a line of more than {LINE_BYTES_MAX} bytes; one change per line")));
        }
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            continue;
        }
        if line == 1 && trimmed.starts_with(b"{\"ringway_state\"") {
            return Err(refused("this is a state file; remedy: ringway state load FILE".to_owned()));
        }
        let change = serde_json::from_slice(trimmed);
        changes.push(change.map_err(|error| {
            let error = error.to_string();
            // It is always the first line for the reader of one line.
            let error = error.replace(" at line 1 column ", " at column ");
            refused(format!("not a change: {error}; docs/verbs.md lists the changes"))
        })?);
        if changes.len() > CHANGES_MAX {
            return Err(refused(format!("more than {CHANGES_MAX} changes; remedy: apply them in parts")));
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_change_and_blank_lines_are_none() {
        let text = "{\"change\":\"cluster_remove\",\"cluster\":\"a\"}\n\n \r\n\
                    {\"change\":\"answer_remove\",\"status\":503}";
        let changes = changes("x", text.as_bytes()).expect("changes");
        assert_eq!(changes.iter().map(Change::name).collect::<Vec<_>>(), ["cluster_remove", "answer_remove"]);
    }

    #[test]
    fn what_is_no_change_is_refused_with_its_line() {
        let good = "{\"change\":\"answer_remove\",\"status\":503}\n";
        for (text, place, reason) in [
            ("{}".to_owned(), "x:1: ", "missing field `change`"),
            (format!("{good}\n{{\"change\":\"cluster_ad\"}}"), "x:3: ", "unknown variant `cluster_ad`"),
            (format!("{good}{good}oops"), "x:3: ", "expected value at column 1"),
            (
                format!("{good}{{\"change\":\"cluster_remove\",\"cluster\":\"a b\"}}"),
                "x:2: ",
                "not allowed in a name",
            ),
            ("{\"ringway_state\":1}\n".to_owned(), "x:1: ", "ringway state load"),
            (" ".repeat(2 << 20), "x:1: ", "one change per line"),
        ] {
            let refusal = changes("x", text.as_bytes()).expect_err(reason).to_string();
            assert!(refusal.starts_with(place) && refusal.contains(reason), "{refusal}");
        }
    }
}
