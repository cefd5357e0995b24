//! Where a body ends, and what of it goes on.
//!
//! A body is judged as it streams through: [`Body::feed`] looks at each received piece once, moves what is to be forwarded
//! to its front, and keeps a few words of state. Pieces may be split anywhere. A piece that lies inside one chunk, or in a
//! body of known length, costs the same however long it is.

mod chunked;
mod trailer;

use super::head::BodyLength;
pub use chunked::Chunked;

/// How a chunked body goes on. Other bodies have no framing of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Chunked, without extensions and without trailers that must not be trailers.
    AsIs,
    /// Only the data.
    Strip,
}

/// What became of one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fed {
    /// Bytes of the piece that belong to this body. Less than the piece only when the body is done.
    pub consumed: usize,
    /// Bytes to forward; they stand at the start of the piece.
    pub kept: usize,
    /// The body is complete: what follows is the next message.
    pub done: bool,
}

/// Why a body cannot go on: the sender is answered 400 or counted as a bad gateway, and its connection closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// No digits, a sign, a space, `0x`, too many digits, or no CR LF.
    #[error("malformed chunk size")]
    ChunkSize,
    /// Larger than [`CHUNK_BYTES_MAX`](super::limits::CHUNK_BYTES_MAX).
    #[error("chunk size overflows")]
    ChunkSizeOverflow,
    /// Control byte, bare CR or LF, or too long.
    #[error("malformed or oversized chunk extension")]
    ChunkExtension,
    /// The data is not followed by CR LF: its size was wrong.
    #[error("chunk data not followed by CR LF")]
    ChunkEnd,
    /// Not a field line.
    #[error("malformed trailer field")]
    Trailer,
    /// More bytes or fields than a trailer section may have.
    #[error("trailer section larger than the limit")]
    TrailerTooLarge,
    /// The connection ended first.
    #[error("connection ended before the body did")]
    Truncated,
}

/// The state of one body.
#[derive(Debug, Clone)]
pub enum Body {
    /// Complete, or there was none.
    Done,
    /// So many bytes are still to come.
    Length {
        /// Never zero.
        left: u64,
    },
    /// Chunked coding.
    Chunked(Chunked),
    /// All there is until the connection ends.
    UntilClose,
}

impl Body {
    /// The body a head announces.
    #[must_use]
    pub fn new(length: BodyLength) -> Body {
        match length {
            BodyLength::None | BodyLength::Length(0) => Body::Done,
            BodyLength::Length(left) => Body::Length { left },
            BodyLength::Chunked => Body::Chunked(Chunked::new()),
            BodyLength::UntilClose => Body::UntilClose,
        }
    }

    /// Whether nothing more belongs to it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Body::Done)
    }

    /// Takes the next piece, and compacts it in place to what is to be forwarded.
    ///
    /// `tail` must be empty before the first piece, and belongs to the body until [`Fed::done`]: a trailer section is
    /// gathered there, because whether a field may go on is only known at the end of its name, which may come in a later
    /// piece. When the body is done, `tail` is to be sent after the last `kept` bytes. A body without trailers leaves it
    /// empty and unallocated.
    #[inline]
    pub fn feed(
        &mut self,
        buf: &mut [u8],
        framing: Framing,
        tail: &mut Vec<u8>,
    ) -> Result<Fed, FramingError> {
        let len = buf.len();
        match self {
            Body::Done => Ok(Fed { consumed: 0, kept: 0, done: true }),
            Body::UntilClose => Ok(Fed { consumed: len, kept: len, done: false }),
            Body::Length { left } => {
                if (len as u64) < *left {
                    *left -= len as u64;
                    return Ok(Fed { consumed: len, kept: len, done: false });
                }
                let last = *left as usize;
                *self = Body::Done;
                Ok(Fed { consumed: last, kept: last, done: true })
            }
            Body::Chunked(chunked) => {
                let fed = chunked.feed(buf, framing, tail)?;
                if fed.done {
                    *self = Body::Done;
                }
                Ok(fed)
            }
        }
    }

    /// Takes note of `count` bytes that were passed on without a look at them.
    ///
    /// # Panics
    /// When the body is one that has to be looked at, or is shorter.
    pub fn skip(&mut self, count: u64) {
        match self {
            Body::UntilClose => {}
            Body::Length { left } if *left == count => *self = Body::Done,
            Body::Length { left } => {
                *left = left.checked_sub(count).expect("no more was passed on than belongs to the body");
            }
            Body::Done | Body::Chunked(_) => {
                unreachable!("only a body without inner framing is passed on unseen")
            }
        }
    }

    /// The sender's connection ended. Only a body that lasts until then is complete by it.
    pub fn end_of_input(&mut self) -> Result<(), FramingError> {
        match self {
            Body::Done | Body::UntilClose => {
                *self = Body::Done;
                Ok(())
            }
            Body::Length { .. } | Body::Chunked(_) => Err(FramingError::Truncated),
        }
    }
}

#[cfg(test)]
mod tests;
