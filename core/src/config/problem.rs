//! What is wrong with a configuration file, and where.

use std::fmt;

/// One thing that is wrong with a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, the first being 1.
    pub line: usize,
    /// The character of the line, the first being 1.
    pub column: usize,
    /// The way to the key, as in `clusters.api.backends[1].address`; empty where the file is not TOML.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration file: at least one problem, in the order of the lines.
///
/// Displays as one line per problem, `FILE:LINE:COLUMN: key: message; hint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: String,
    problems: Vec<Problem>,
}

impl ConfigErrors {
    pub(super) fn new(file: &str, problems: Vec<Problem>) -> ConfigErrors {
        debug_assert!(!problems.is_empty(), "a file without a problem is a configuration");
        ConfigErrors { file: file.to_owned(), problems }
    }

    /// The name of the file, as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The problems, in the order of the lines; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{problem}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Why a value is refused: a [`Problem`] without its place.
#[derive(Debug)]
pub(super) struct Refusal {
    message: String,
    hint: Option<String>,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Refusal {
        Refusal { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Refusal {
        Refusal { hint: Some(hint.into()), ..self }
    }
}

/// The place of a key or a value.
#[derive(Debug, Clone)]
pub(super) struct At {
    /// In bytes, from the begin of the text.
    pub(super) offset: usize,
    /// As in [`Problem::key`].
    pub(super) path: String,
}

/// The problems found so far in one text.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(super) fn new(text: &'t str) -> Problems<'t> {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Problems { text, line_starts: std::iter::once(0).chain(after_newlines).collect(), found: Vec::new() }
    }

    pub(super) fn add(&mut self, at: &At, refusal: Refusal) {
        let (line, column) = self.place(at.offset);
        let Refusal { message, hint } = refusal;
        self.found.push(Problem { line, column, key: at.path.clone(), message, hint });
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether there is one about the key at `path`, or something in it.
    pub(super) fn is_about(&self, path: &str) -> bool {
        self.found.iter().any(|problem| problem.key.starts_with(path))
    }

    /// The line that `at` stands in, the first being 1.
    pub(super) fn line(&self, at: &At) -> usize {
        self.place(at.offset).0
    }

    /// The problems in the order of the lines, if there are any.
    pub(super) fn into_result(mut self) -> Result<(), Vec<Problem>> {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts[line - 1];
        let chars = self.text[start..].char_indices().take_while(|(at, _)| start + at < offset);
        // A byte order mark has no column of its own.
        (line, 1 + chars.filter(|(_, c)| *c != '\u{feff}').count())
    }
}

/// `text` from the file as it stands in a message: quoted, without control characters, of bounded length.
pub(super) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let problems = Problems::new("\u{feff}ab\néß = 1\r\n\nx");
        let places: Vec<_> = [0, 3, 4, 6, 8, 10, 11, 16, 17, 99].map(|at| problems.place(at)).into();
        assert_eq!(places, [(1, 1), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (2, 4), (3, 1), (4, 1), (4, 2)]);
    }

    #[test]
    fn text_from_the_file_can_not_forge_a_line_or_flood_the_terminal() {
        assert_eq!(quoted("a\n\u{1b}[31mb"), r#""a\n\u{1b}[31mb""#);
        assert_eq!(quoted(&"é".repeat(1000)).chars().count(), 80 + 5);
    }
}
