//! The patterns of the configuration: regular expressions that match a text from end to end.
//!
//! The syntax is that of the `regex` crate, without its Unicode classes: paths and fields are bytes. Matching takes time
//! linear in the text, whatever the pattern: there is no backtracking that a client could make explode.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use crate::config::defaults::{PATTERN_BYTES_MAX, PATTERN_SIZE_MAX};

/// A compiled pattern.
///
/// A clone shares the automaton, and has scratch space of its own: give each thread one, so that they do not contend.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

/// Why a text is not a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is longer than [`PATTERN_BYTES_MAX`].
    #[error("{bytes} bytes are too long for a pattern, at most {PATTERN_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is no regular expression.
    #[error("not a regular expression: {0}")]
    Syntax(String),
    /// Its automaton is larger than [`PATTERN_SIZE_MAX`].
    #[error("the compiled pattern is larger than {PATTERN_SIZE_MAX} bytes; repeat or count less in it")]
    TooLarge,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    ///
    /// When it is too long, not a regular expression, or too large.
    pub fn compile(text: &str) -> Result<Pattern, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong { bytes: text.len() });
        }
        // Alone first: `a)(b` is none, and would be one within the group.
        build(text)?;
        build(&format!(r"\A(?:{text})\z")).map(|regex| Pattern { regex })
    }

    /// Whether all of `text` is as the pattern says.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }
}

fn build(text: &str) -> Result<Regex, PatternError> {
    Regex::builder()
        .configure(Regex::config().nfa_size_limit(Some(PATTERN_SIZE_MAX)).utf8_empty(false))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build(text)
        .map_err(|error| match error.syntax_error() {
            Some(error) => PatternError::Syntax(reason(&error.to_string())),
            None => PatternError::TooLarge,
        })
}

/// The last line of a message that also shows the pattern, over several lines.
fn reason(message: &str) -> String {
    let reason = message.lines().rev().find_map(|line| line.strip_prefix("error: "));
    reason.unwrap_or("its syntax is unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::compile(pattern).expect("a pattern").matches(text.as_bytes())
    }

    #[test]
    fn a_pattern_matches_from_end_to_end() {
        assert!(matches("/v[0-9]+/.*", "/v12/x"));
        assert!(!matches("/v[0-9]+", "/v12/x"));
        assert!(!matches("v[0-9]+", "/v12"));
        assert!(matches("a|ab", "ab"), "the longer alternative counts as well");
        assert!(!matches("a|b", "ab"));
        assert!(matches("(?i)/API", "/api"));
        assert!(matches(r"\w+", "abc") && !matches(r"\w+", "é"));
        assert!(Pattern::compile(".*").expect("a pattern").matches(b"\xff\xfe"));
    }

    #[test]
    fn what_is_no_pattern_says_why_in_one_line() {
        for text in ["(", "a)(b", "[z-a]", "*", r"\", "(?x)a # b", "(\n(", r"\p{Greek}", r"(a)\1"] {
            let error = Pattern::compile(text).expect_err(text);
            assert!(
                matches!(&error, PatternError::Syntax(why) if !why.contains("unknown")),
                "{text}: {error}"
            );
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn patterns_that_take_too_much_are_refused() {
        assert_eq!(Pattern::compile("((a{100}){100}){100}").err(), Some(PatternError::TooLarge));
        let long = "a".repeat(PATTERN_BYTES_MAX + 1);
        assert_eq!(Pattern::compile(&long).err(), Some(PatternError::TooLong { bytes: long.len() }));
        assert!(Pattern::compile(&long[1..]).is_ok());
    }
}
