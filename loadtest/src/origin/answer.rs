//! The answers of an origin: heads, and bodies prepared behind them.

use std::io::Write;
use std::time::Duration;

use ringway_engine::{Buffer, Engine};

use super::Settings;
use super::request::Kind;
use crate::limits::{ONE_OFF_BODY_BYTES_MAX, PREPARED_BODY_BYTES_MAX};
use crate::pattern;
use crate::wire::Malformed;

/// An answer on its way: what is sent first, and what of the body comes behind that.
pub(super) struct Answer {
    pub(super) first: Buffer,
    /// Bytes of the body that are in `first`.
    pub(super) done: u64,
    /// Bytes of the body in all.
    pub(super) size: u64,
}

/// What the body is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(Vec<u8>),
    Pattern(u64),
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Content::Text(text) => text.len() as u64,
            Content::Pattern(size) => *size,
        }
    }

    /// Appends the beginning of the body, at most `most` bytes; says how many.
    fn begin(&self, into: &mut Vec<u8>, most: u64) -> u64 {
        let len = self.size().min(most);
        match self {
            Content::Text(text) => into.extend_from_slice(&text[..len as usize]),
            Content::Pattern(_) => {
                let mut done = 0;
                while done < len {
                    let piece = pattern::piece(done, len - done);
                    into.extend_from_slice(piece);
                    done += piece.len() as u64;
                }
            }
        }
        len
    }
}

/// What an origin answers, prepared. Each pair: for connections kept, for connections closed.
pub(super) struct Answers {
    name: Option<String>,
    content: Content,
    pub(super) delay: Duration,
    pub(super) close: bool,
    whole: [Buffer; 2],
    heads: [Buffer; 2],
    /// How much of the body stands in `whole`.
    prepared: u64,
}

impl Answers {
    pub(super) fn new<E: Engine>(engine: &E, settings: &Settings) -> Answers {
        let name = settings.name.clone();
        let content = match (settings.size, &name) {
            (Some(size), _) => Content::Pattern(size),
            (None, Some(name)) => Content::Text(format!("hello from {name}\n").into_bytes()),
            (None, None) => Content::Text(b"hello\n".to_vec()),
        };
        // Text is short, and sent whole.
        let most = if settings.size.is_some() { PREPARED_BODY_BYTES_MAX } else { u64::MAX };
        let mut prepared = 0;
        let mut make = |close, with_body| {
            let mut buffer = engine.buffer();
            head(buffer.vec(), "200 OK", content.size(), name.as_deref(), close);
            if with_body {
                prepared = content.begin(buffer.vec(), most);
            }
            buffer
        };
        let whole = [make(false, true), make(true, true)];
        let heads = [make(false, false), make(true, false)];
        Answers { name, content, delay: settings.delay, close: settings.close, whole, heads, prepared }
    }

    /// The answer to a request that is not to be echoed.
    pub(super) fn fixed<E: Engine>(&self, engine: &E, kind: Kind, close: bool) -> Answer {
        let (head_only, size) = match kind {
            Kind::Fixed { head_only, size, .. } => (head_only, size),
            Kind::Echo => (false, Some(0)),
        };
        match size {
            None if head_only => Answer { first: self.heads[usize::from(close)].share(), done: 0, size: 0 },
            None => Answer {
                first: self.whole[usize::from(close)].share(),
                done: self.prepared,
                size: self.content.size(),
            },
            Some(size) => {
                let content = Content::Pattern(size);
                let mut first = engine.buffer();
                head(first.vec(), "200 OK", size, self.name.as_deref(), close);
                if head_only {
                    return Answer { first, done: 0, size: 0 };
                }
                let done = content.begin(first.vec(), ONE_OFF_BODY_BYTES_MAX);
                Answer { first, done, size }
            }
        }
    }

    /// The head of an echo: of `length` bytes, or chunked.
    pub(super) fn echo_head<E: Engine>(&self, engine: &E, length: Option<u64>, close: bool) -> Buffer {
        let mut buffer = engine.buffer();
        match length {
            Some(length) => head(buffer.vec(), "200 OK", length, self.name.as_deref(), close),
            None => head_with(
                buffer.vec(),
                "200 OK",
                format_args!("Transfer-Encoding: chunked"),
                self.name.as_deref(),
                close,
            ),
        }
        buffer
    }

    /// What a request gets that is none.
    pub(super) fn refusal<E: Engine>(&self, engine: &E, why: Malformed) -> Buffer {
        let mut buffer = engine.buffer();
        let text = why.0;
        head(buffer.vec(), "400 Bad Request", text.len() as u64 + 1, self.name.as_deref(), true);
        buffer.vec().extend_from_slice(text.as_bytes());
        buffer.vec().push(b'\n');
        buffer
    }
}

fn head(into: &mut Vec<u8>, status: &str, length: u64, name: Option<&str>, close: bool) {
    head_with(into, status, format_args!("Content-Length: {length}"), name, close);
}

fn head_with(
    into: &mut Vec<u8>,
    status: &str,
    framing: std::fmt::Arguments<'_>,
    name: Option<&str>,
    close: bool,
) {
    // Writing to a vector can not fail.
    let _ = write!(into, "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n{framing}\r\n");
    if let Some(name) = name {
        let _ = write!(into, "X-Origin: {name}\r\n");
    }
    into.extend_from_slice(if close { b"Connection: close\r\n\r\n" } else { b"\r\n" });
}
