//! Routes with an answer from the configuration.

use ringway_core::config::Respond;

use super::super::decimal;
use super::super::field;
use super::super::rewrite::ResponseRules;
use super::limits::FIXED_BYTES_MAX;
use super::reason;

/// Why a fixed answer can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixedError {
    /// Not the status of a final answer.
    #[error("a fixed answer with status {status}; those of whole answers are 200 to 599")]
    Status {
        /// What was given.
        status: u16,
    },
    /// It would be another header field, or none.
    #[error(
        "a fixed answer's content type {content_type:?} can not stand in a header field; write it as in \
         \"text/html; charset=utf-8\""
    )]
    ContentType {
        /// What was given.
        content_type: String,
    },
    /// It stays in memory.
    #[error(
        "a fixed answer of {bytes} bytes, more than the {FIXED_BYTES_MAX} that it may have; serve it from a backend"
    )]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// Clients would take its bytes for the next answer.
    #[error(
        "an answer with status {status} has no body (RFC 9110 section 15); remove its text, or use status 200"
    )]
    NoBody {
        /// What was given.
        status: u16,
    },
}

/// An answer that is the same for every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedAnswer {
    keep_alive: Whole,
    close: Whole,
}

/// An answer and how much of it is the head.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole {
    bytes: Box<[u8]>,
    head: usize,
}

impl Whole {
    fn new(fields: &[u8], connection: &[u8], content: &[u8]) -> Whole {
        let head = [fields, connection, b"\r\n"].concat();
        Whole { bytes: [&head, content].concat().into(), head: head.len() }
    }
}

impl FixedAnswer {
    /// Puts an answer together, with the route's changes to its fields. `content` is what [`Respond::body`] says, or the content of the file it names.
    ///
    /// An answer with status 204 or 304 has neither a body nor a Content-Length, one with 205 an empty body (RFC 9110
    /// sections 8.6, 15.3.6, 15.4.5).
    pub fn compile(
        respond: &Respond,
        content: &[u8],
        rules: Option<&ResponseRules>,
    ) -> Result<FixedAnswer, FixedError> {
        let Respond { status, content_type, .. } = respond;
        let status = *status;
        if !(200..600).contains(&status) {
            return Err(FixedError::Status { status });
        }
        let is_value = content_type.is_ascii() && field::is_value(content_type.as_bytes());
        if content_type.trim().is_empty() || !is_value {
            return Err(FixedError::ContentType { content_type: content_type.to_string() });
        }
        if content.len() > FIXED_BYTES_MAX {
            return Err(FixedError::TooLarge { bytes: content.len() });
        }
        if matches!(status, 204 | 205 | 304) && !content.is_empty() {
            return Err(FixedError::NoBody { status });
        }
        let mut fields = Vec::new();
        if !matches!(status, 204 | 304) {
            if status != 205 {
                fields.extend_from_slice(format!("Content-Type: {}\r\n", content_type.trim()).as_bytes());
            }
            fields.extend_from_slice(b"Content-Length: ");
            decimal::push(&mut fields, content.len() as u64);
            fields.extend_from_slice(b"\r\n");
        }
        if let Some(rules) = rules {
            rules.edit(&mut fields);
        }
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason::phrase(status)).into_bytes();
        head.append(&mut fields);
        Ok(FixedAnswer {
            keep_alive: Whole::new(&head, b"", content),
            close: Whole::new(&head, b"Connection: close\r\n", content),
        })
    }

    /// The complete answer. With `keep_alive` the client may go on using the connection, else the answer says that it ends.
    /// An answer to HEAD has no body.
    #[must_use]
    pub fn answer(&self, keep_alive: bool, to_head: bool) -> &[u8] {
        let whole = if keep_alive { &self.keep_alive } else { &self.close };
        if to_head { &whole.bytes[..whole.head] } else { &whole.bytes }
    }
}
