//! The chunked coding (RFC 9112 section 7.1), as far as a search in the body needs it: trailers are not read.

use super::{Reason, Search};
use crate::limits::CHUNK_LINE_BYTES_MAX;

/// Where in the coding the next byte stands.
#[derive(Debug)]
pub(super) enum Chunked {
    /// In the digits of a chunk's size.
    Size { size: u64, digits: usize },
    /// In what may follow the digits: spaces, extensions.
    Extension { size: u64, bytes: usize },
    /// At the LF behind a size.
    SizeEnd { size: u64 },
    /// In the data of a chunk: as many bytes are missing, at least one.
    Data { missing: u64 },
    /// At the CR behind the data.
    DataCr,
    /// At the LF behind the data.
    DataLf,
}

impl Default for Chunked {
    fn default() -> Chunked {
        Chunked::Size { size: 0, digits: 0 }
    }
}

impl Chunked {
    /// The next bytes of the coded body; tells the verdict once there is one.
    pub(super) fn feed(&mut self, mut bytes: &[u8], search: &mut Search) -> Option<Result<(), Reason>> {
        while let [byte, rest @ ..] = bytes {
            if let Chunked::Data { missing } = self {
                let take = bytes.len().min(usize::try_from(*missing).unwrap_or(usize::MAX));
                let (data, rest) = bytes.split_at(take);
                *missing -= take as u64;
                if *missing == 0 {
                    *self = Chunked::DataCr;
                }
                let verdict = search.feed(data);
                if verdict.is_some() {
                    return verdict;
                }
                bytes = rest;
                continue;
            }
            let Some(next) = self.between(*byte) else { return Some(Err(Reason::Framing)) };
            if let Chunked::Data { missing: 0 } = next {
                return Some(search.over());
            }
            *self = next;
            bytes = rest;
        }
        None
    }

    /// The state behind a byte that is no data; `None`: it must not stand here.
    fn between(&self, byte: u8) -> Option<Chunked> {
        match (self, byte) {
            (&Chunked::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = u64::from(char::from(byte).to_digit(16)?);
                let size = size.checked_mul(16)?.checked_add(digit)?;
                (digits < CHUNK_LINE_BYTES_MAX).then_some(Chunked::Size { size, digits: digits + 1 })
            }
            (Chunked::Size { digits: 0, .. }, _) => None,
            (&(Chunked::Size { size, .. } | Chunked::Extension { size, .. }), b'\r') => {
                Some(Chunked::SizeEnd { size })
            }
            (&Chunked::Size { size, .. }, b' ' | b'\t' | b';') => Some(Chunked::Extension { size, bytes: 1 }),
            (&Chunked::Extension { size, bytes }, byte) if byte != b'\n' && bytes < CHUNK_LINE_BYTES_MAX => {
                Some(Chunked::Extension { size, bytes: bytes + 1 })
            }
            (&Chunked::SizeEnd { size }, b'\n') => Some(Chunked::Data { missing: size }),
            (Chunked::DataCr, b'\r') => Some(Chunked::DataLf),
            (Chunked::DataLf, b'\n') => Some(Chunked::default()),
            _ => None,
        }
    }
}
