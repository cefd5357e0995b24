//! The chunked coding (RFC 9112 section 7.1): only followed, to find where the body ends.

/// A body that is not chunked the way it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a broken chunk")]
pub(crate) struct BadChunk;

/// The state between two pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunked {
    /// A digit of the size, or what ends it.
    Size { digits: u8, size: u64 },
    /// Behind the size, up to the line's end.
    SizeLine { size: u64 },
    /// Data; `left` is not zero.
    Data { left: u64 },
    /// The CR after the data.
    DataCr,
    /// The LF after the data.
    DataLf,
    /// A trailer line, or the empty line that ends the body: `empty` until a byte of it was seen.
    Trailer { empty: bool },
    /// All of it was seen.
    Done,
}

impl Chunked {
    pub(crate) const START: Chunked = Chunked::Size { digits: 0, size: 0 };

    /// Goes through `bytes`: how many belong to the body, and how many of them are its data.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(usize, u64), BadChunk> {
        let (mut at, mut data) = (0, 0);
        while *self != Chunked::Done {
            let Some(&byte) = bytes.get(at) else { break };
            if let Chunked::Data { left } = *self {
                let here = left.min((bytes.len() - at) as u64);
                at += here as usize;
                data += here;
                *self = if here == left { Chunked::DataCr } else { Chunked::Data { left: left - here } };
                continue;
            }
            *self = self.step(byte)?;
            at += 1;
        }
        Ok((at, data))
    }

    fn step(self, byte: u8) -> Result<Chunked, BadChunk> {
        Ok(match (self, byte) {
            (Chunked::Size { digits: 0, .. }, b';' | b'\r') => return Err(BadChunk),
            (Chunked::Size { size, .. }, b';' | b'\r') => Chunked::SizeLine { size },
            (Chunked::Size { digits, size }, _) => {
                let digit = (byte as char).to_digit(16).ok_or(BadChunk)?;
                // Fifteen digits can not overflow.
                if digits == 15 {
                    return Err(BadChunk);
                }
                Chunked::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
            }
            (Chunked::SizeLine { size: 0 }, b'\n') => Chunked::Trailer { empty: true },
            (Chunked::SizeLine { size }, b'\n') => Chunked::Data { left: size },
            (Chunked::SizeLine { .. }, _) => self,
            (Chunked::DataCr, b'\r') => Chunked::DataLf,
            (Chunked::DataLf, b'\n') => Chunked::START,
            (Chunked::Trailer { empty: true }, b'\n') => Chunked::Done,
            (Chunked::Trailer { .. }, b'\n') => Chunked::Trailer { empty: true },
            (Chunked::Trailer { .. }, b'\r') => self,
            (Chunked::Trailer { .. }, _) => Chunked::Trailer { empty: false },
            _ => return Err(BadChunk),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"5\r\nhello\r\n1A;name=value\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Sum: 1\r\n\r\n";

    #[test]
    fn the_end_is_found_however_the_body_is_cut() {
        for cut in 0..BODY.len() {
            let mut body = Chunked::START;
            let (first, data) = body.feed(&BODY[..cut]).expect("good chunks");
            assert_eq!(first, cut);
            let rest = [&BODY[cut..], b"GET / HTTP/1.1"].concat();
            let (second, more) = body.feed(&rest).expect("good chunks");
            assert_eq!((first + second, data + more, body), (BODY.len(), 31, Chunked::Done), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for bytes in
            [&b"\r\n"[..], b"g\r\n", b";x\r\n", b"5\r\nhelloX", b"5\r\nhello\rX", b"1000000000000000\r\n"]
        {
            let mut body = Chunked::START;
            let outcome = body.feed(bytes);
            assert_eq!(outcome, Err(BadChunk), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
