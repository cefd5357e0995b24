//! What was received and not yet read: heads that come in pieces, several in one piece.

use std::io;

use ringway_engine::{Chunk, Stream};

use crate::limits::HEAD_BYTES_MAX;

/// What a parser makes of the bytes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed<T> {
    /// A head of `len` bytes.
    Whole { head: T, len: usize },
    /// The beginning of one.
    Partial,
}

/// Bytes that no head begins with, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Why there is no head.
#[derive(Debug)]
pub(crate) enum HeadError {
    /// The stream failed, or ended inside of one (`UnexpectedEof`).
    Io(io::Error),
    /// It is none.
    Malformed(Malformed),
    /// It does not end.
    TooLarge,
}

/// The unread bytes of a stream.
pub(crate) struct Input<C> {
    rest: Option<C>,
    /// The beginning of a head whose end was not in the same piece.
    partial: Vec<u8>,
}

impl<C: Chunk> Input<C> {
    pub(crate) fn new() -> Input<C> {
        Input { rest: None, partial: Vec::new() }
    }

    /// Whether bytes wait here.
    pub(crate) fn has_rest(&self) -> bool {
        self.rest.is_some()
    }

    /// The next head; `None` when the stream ends before its first byte. Cancel-safe.
    pub(crate) async fn head<S, T>(
        &mut self,
        stream: &S,
        parse: impl Fn(&[u8]) -> Result<Parsed<T>, Malformed>,
    ) -> Result<Option<T>, HeadError>
    where
        S: Stream<Chunk = C>,
    {
        loop {
            let Some(mut chunk) = self.piece(stream).await.map_err(HeadError::Io)? else {
                let inside = !self.partial.is_empty();
                return if inside {
                    Err(HeadError::Io(io::ErrorKind::UnexpectedEof.into()))
                } else {
                    Ok(None)
                };
            };
            let before = self.partial.len();
            let parsed = if before == 0 {
                parse(&chunk)
            } else {
                self.partial.extend_from_slice(&chunk);
                parse(&self.partial)
            };
            match parsed.map_err(HeadError::Malformed)? {
                Parsed::Whole { head, len } => {
                    chunk.advance(len - before);
                    self.put_back(chunk);
                    self.partial.clear();
                    return Ok(Some(head));
                }
                Parsed::Partial if before + chunk.len() > HEAD_BYTES_MAX => return Err(HeadError::TooLarge),
                Parsed::Partial if before == 0 => self.partial.extend_from_slice(&chunk),
                Parsed::Partial => {}
            }
        }
    }

    /// The next piece; `None` at the end of the stream. Cancel-safe.
    pub(crate) async fn piece<S: Stream<Chunk = C>>(&mut self, stream: &S) -> io::Result<Option<C>> {
        match self.rest.take() {
            Some(chunk) => Ok(Some(chunk)),
            None => stream.recv().await,
        }
    }

    /// Leaves what was not used of a piece for the next call.
    pub(crate) fn put_back(&mut self, chunk: C) {
        if !chunk.is_empty() {
            self.rest = Some(chunk);
        }
    }
}
