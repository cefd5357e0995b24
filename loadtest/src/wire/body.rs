//! How long a body is, and how much of it is still to come.

use super::chunked::{BadChunk, Chunked};
use crate::limits::BULK_BODY_BYTES_MIN;

/// What is left of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes.
    Length(u64),
    /// Up to the last chunk.
    Chunked(Chunked),
    /// Up to the end of the stream.
    UntilEnd,
}

/// What a piece of a body was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fed {
    /// Bytes of the piece that belong to this body.
    pub(crate) consumed: usize,
    /// Bytes of those that are its data.
    pub(crate) data: u64,
}

impl Body {
    pub(crate) const NONE: Body = Body::Length(0);

    /// Whether nothing is left; of a body that ends with its stream only the stream tells.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Body::Length(0) | Body::Chunked(Chunked::Done))
    }

    /// Whether it is worth large buffers.
    pub(crate) fn is_bulk(&self) -> bool {
        match *self {
            Body::Length(left) => left >= BULK_BODY_BYTES_MIN,
            Body::Chunked(state) => state != Chunked::Done,
            Body::UntilEnd => true,
        }
    }

    /// Takes the next piece into account.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Fed, BadChunk> {
        match self {
            Body::Length(left) => {
                let here = (bytes.len() as u64).min(*left);
                *left -= here;
                Ok(Fed { consumed: here as usize, data: here })
            }
            Body::Chunked(state) => {
                let (consumed, data) = state.feed(bytes)?;
                Ok(Fed { consumed, data })
            }
            Body::UntilEnd => Ok(Fed { consumed: bytes.len(), data: bytes.len() as u64 }),
        }
    }
}
