//! Answers of Ringway's own with an operator's text.

use std::path::PathBuf;

/// The text of Ringway's own answers with one status: `[[answers]]`. The client's Accept chooses; at least one of the
/// files is there.
///
/// In the files `{status}`, `{reason}` and `{request_id}` stand for the number, its name and the request's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerFiles {
    /// The status it is for; one that Ringway answers with.
    pub status: u16,
    /// For people.
    pub html: Option<PathBuf>,
    /// For programs.
    pub json: Option<PathBuf>,
}
