//! The text of a state file: a line that says what it is, a change per line, and a line that says that this was all.
//!
//! ```text
//! {"ringway_state":1,"version":"0.1.0","generation":7,"changes":2,"hash":"3b9a6f0c51d2e874"}
//! {"change":"cluster_add","cluster":"api","set":{}}
//! {"change":"backend_add","cluster":"api","backend":"api-1","set":{"address":"10.0.0.1:80"}}
//! {"end":2}
//! ```
//!
//! The changes make the state out of nothing. The hash is that of the state, which is the sum of those of the lines, so that a
//! file that was cut, mixed or edited is found out.

use serde::{Deserialize, Serialize};

use super::{ConfigState, hash};
use crate::change::Change;

/// The format of the lines, which the first line says.
const FORMAT: u32 = 1;
/// The longest line, in bytes. The longest change is a rule with all its tests and edits, each as long as it may be: less than
/// a megabyte, and twice that where each character of its texts is escaped.
pub const CHANGE_LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a state file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct StateFileError {
    /// The line, the first being 1.
    pub line: usize,
    /// What is wrong with it, and what to do about it.
    pub reason: String,
}

/// What a state file says.
#[derive(Debug, Clone, PartialEq)]
pub struct StateFile<T> {
    /// The version of Ringway that wrote it.
    pub version: String,
    /// The generation of the configuration that it is.
    pub generation: u64,
    /// The state; or, as it was read, the changes that make it out of nothing.
    pub holds: T,
}

#[derive(Serialize, Deserialize)]
struct Header {
    ringway_state: u32,
    version: String,
    generation: u64,
    changes: usize,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: usize,
}

/// Appends the text of a file that holds `state`.
pub fn write(state: &ConfigState, generation: u64, out: &mut Vec<u8>) {
    let header = Header {
        ringway_state: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generation,
        changes: state.changes().count(),
        hash: format!("{:016x}", state.hash()),
    };
    line(&header, out);
    state.changes().for_each(|change| line(&change, out));
    line(&End { end: header.changes }, out);
}

fn line(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, value).expect("it is plain data, and memory takes all of it");
    out.push(b'\n');
}

/// What a file holds, not yet applied to anything.
///
/// # Errors
///
/// When it is no state file, is of another format, or is not what was written, from the first to the last byte.
pub fn read(content: &[u8]) -> Result<StateFile<Vec<Change>>, StateFileError> {
    let mut changes = Vec::new();
    let header = each(content, |change, _| {
        changes.push(change);
        Ok(())
    })?;
    Ok(StateFile { version: header.version, generation: header.generation, holds: changes })
}

/// The state that a file holds. Takes less memory than [`read`]: no change is kept.
///
/// # Errors
///
/// As [`read`], and when a change is refused: it says something that this version does not know, or contradicts another one.
pub fn load(content: &[u8]) -> Result<StateFile<ConfigState>, StateFileError> {
    let mut state = ConfigState::new();
    let header = each(content, |change, line| {
        let applied = state.resolve(&change).and_then(|mutation| state.apply(&mutation));
        applied.map(drop).map_err(|error| StateFileError { line, reason: error.to_string() })
    })?;
    Ok(StateFile { version: header.version, generation: header.generation, holds: state })
}

/// Calls `take` for each change and its line.
fn each(
    content: &[u8],
    mut take: impl FnMut(Change, usize) -> Result<(), StateFileError>,
) -> Result<Header, StateFileError> {
    let mut lines = Lines { rest: content, line: 0 };
    let header = header(&mut lines)?;
    let mut sum = 0_u64;
    for _ in 0..header.changes {
        let text = lines.next()?;
        sum = sum.wrapping_add(hash::line(text.as_bytes()));
        take(change(text, &lines, &header)?, lines.line)?;
    }
    let text = lines.next()?;
    match serde_json::from_str::<End>(text) {
        Ok(End { end }) if end == header.changes => {}
        Ok(End { end }) => {
            return Err(
                lines.refused(format!("it says {end} changes, and the first line {}", header.changes))
            );
        }
        Err(_) => {
            let reason = format!("expected the end after the {} changes of the first line", header.changes);
            return Err(lines.refused(format!("{reason}; {RESTORE}")));
        }
    }
    if !lines.rest.is_empty() {
        lines.line += 1;
        return Err(lines.refused("something follows the last line".to_owned()));
    }
    let hash = format!("{sum:016x}");
    if hash != header.hash {
        lines.line = 1;
        let reason =
            format!("its hash is {}, and that of the changes {hash}: some line was changed", header.hash);
        return Err(lines.refused(format!("{reason}; {RESTORE}")));
    }
    Ok(header)
}

fn change(text: &str, lines: &Lines<'_>, header: &Header) -> Result<Change, StateFileError> {
    serde_json::from_str(text).map_err(|error| match serde_json::from_str::<End>(text) {
        Ok(End { end }) => lines.refused(format!(
            "the file ends after {end} changes, and its first line says {}; {RESTORE}",
            header.changes
        )),
        Err(_) => lines.refused(format!("not a change: {error}")),
    })
}

const RESTORE: &str = "take an older copy, or save the state again";

fn header(lines: &mut Lines<'_>) -> Result<Header, StateFileError> {
    let text = lines.next()?;
    let marked = |text: &str| -> Option<u64> {
        serde_json::from_str::<serde_json::Value>(text).ok()?.get("ringway_state")?.as_u64()
    };
    match marked(text) {
        None => {
            let reason = "not a state file of Ringway: the first line has no \"ringway_state\"";
            return Err(lines.refused(reason.to_owned()));
        }
        Some(format) if format != u64::from(FORMAT) => {
            let reason = format!(
                "the format is {format}, and this version reads {FORMAT}; use the version that wrote it"
            );
            return Err(lines.refused(reason));
        }
        Some(_) => {}
    }
    let header: Header =
        serde_json::from_str(text).map_err(|error| lines.refused(format!("not the first line: {error}")))?;
    Ok(header)
}

/// The lines of a file, each of which ends in a line feed.
struct Lines<'c> {
    rest: &'c [u8],
    /// The number of the last one, the first being 1.
    line: usize,
}

impl<'c> Lines<'c> {
    fn next(&mut self) -> Result<&'c str, StateFileError> {
        self.line += 1;
        let within = &self.rest[..self.rest.len().min(CHANGE_LINE_BYTES_MAX + 1)];
        let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
            return Err(self.refused(match within {
                [] if self.line == 1 => "the file is empty".to_owned(),
                [] => format!("the file ends too early; {RESTORE}"),
                _ if within.len() > CHANGE_LINE_BYTES_MAX => {
                    format!("longer than {CHANGE_LINE_BYTES_MAX} bytes: not a state file of Ringway")
                }
                _ if self.line == 1 => "not a state file of Ringway, or cut in its first line".to_owned(),
                _ => format!("the file ends within the line; {RESTORE}"),
            }));
        };
        let (line, rest) = (&within[..end], &self.rest[end + 1..]);
        self.rest = rest;
        std::str::from_utf8(line)
            .map_err(|_| self.refused("not UTF-8: not a state file of Ringway".to_owned()))
    }

    fn refused(&self, reason: String) -> StateFileError {
        StateFileError { line: self.line, reason }
    }
}

#[cfg(test)]
mod tests;
