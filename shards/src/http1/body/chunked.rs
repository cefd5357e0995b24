//! The chunked coding (RFC 9112 §7.1): checked to the letter, canonicalised in place.

use super::super::limits::{
    CHUNK_BYTES_MAX, CHUNK_EXTENSION_BYTES_MAX, CHUNK_SIZE_DIGITS_MAX, TRAILER_BYTES_MAX, TRAILER_FIELDS_MAX,
};
use super::{Fed, Framing, FramingError, trailer};

/// The state between two pieces of a chunked body.
#[derive(Debug, Clone)]
pub struct Chunked {
    state: State,
    trailer_fields: u16,
    /// Counts dropped lines too.
    trailer_bytes: u32,
}

/// What the next byte is.
#[derive(Debug, Clone, Copy)]
enum State {
    /// A digit of the size, or what ends it.
    Size { digits: u8, size: u64 },
    /// Of an extension, so many bytes of which have gone by.
    Extension { bytes: u16, size: u64 },
    /// The LF after a chunk's size.
    SizeLf { size: u64 },
    /// Data; `left` is not zero.
    Data { left: u64 },
    /// The CR after the data.
    DataCr,
    /// The LF after the data.
    DataLf,
    /// The first of a trailer line, or of the empty line.
    TrailerStart,
    /// Inside a trailer line, which starts at `line` in the tail.
    TrailerLine { line: u32 },
    /// The LF of the empty line.
    EndLf,
}

impl State {
    const CHUNK_START: State = State::Size { digits: 0, size: 0 };
}

impl Chunked {
    pub(super) fn new() -> Chunked {
        Chunked { state: State::CHUNK_START, trailer_fields: 0, trailer_bytes: 0 }
    }

    /// As [`Body::feed`](super::Body::feed).
    #[inline]
    pub(super) fn feed(
        &mut self,
        buf: &mut [u8],
        framing: Framing,
        tail: &mut Vec<u8>,
    ) -> Result<Fed, FramingError> {
        if let State::Data { left } = &mut self.state
            && (buf.len() as u64) < *left
        {
            *left -= buf.len() as u64;
            return Ok(Fed { consumed: buf.len(), kept: buf.len(), done: false });
        }
        self.walk(buf, framing, tail)
    }

    fn walk(&mut self, buf: &mut [u8], framing: Framing, tail: &mut Vec<u8>) -> Result<Fed, FramingError> {
        let strip = framing == Framing::Strip;
        let mut kept = Kept::default();
        let mut at = 0;
        while at < buf.len() {
            let from = at;
            // Whether the bytes of this step go on where they stand.
            let mut keep = !strip;
            self.state = match self.state {
                State::Size { digits, size } => {
                    let (digits, size, end) = read_size(buf, at, digits, size)?;
                    at = end;
                    match buf.get(at) {
                        None => State::Size { digits, size },
                        Some(_) if digits == 0 => return Err(FramingError::ChunkSize),
                        Some(b'\r') => {
                            at += 1;
                            State::SizeLf { size }
                        }
                        // The extension is another step, as its bytes are dropped.
                        Some(b';') => State::Extension { bytes: 0, size },
                        Some(_) => return Err(FramingError::ChunkSize),
                    }
                }
                State::Extension { bytes, size } => {
                    if buf[at] == b'\r' {
                        at += 1;
                        State::SizeLf { size }
                    } else {
                        at = end_of_extension(buf, at, CHUNK_EXTENSION_BYTES_MAX - bytes)?;
                        keep = false;
                        State::Extension { bytes: bytes + (at - from) as u16, size }
                    }
                }
                State::SizeLf { size } => {
                    at = expect(buf, at, b'\n', FramingError::ChunkSize)?;
                    if size == 0 { State::TrailerStart } else { State::Data { left: size } }
                }
                State::Data { left } => {
                    keep = true;
                    let here = (buf.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX));
                    at += here;
                    if here as u64 == left { State::DataCr } else { State::Data { left: left - here as u64 } }
                }
                State::DataCr => {
                    at = expect(buf, at, b'\r', FramingError::ChunkEnd)?;
                    State::DataLf
                }
                State::DataLf => {
                    at = expect(buf, at, b'\n', FramingError::ChunkEnd)?;
                    State::CHUNK_START
                }
                State::TrailerStart if buf[at] == b'\r' => {
                    at += 1;
                    if !tail.is_empty() {
                        keep = false;
                        tail.push(b'\r');
                    }
                    State::EndLf
                }
                State::TrailerStart => {
                    self.trailer_fields += 1;
                    if self.trailer_fields > TRAILER_FIELDS_MAX {
                        return Err(FramingError::TrailerTooLarge);
                    }
                    State::TrailerLine { line: tail.len() as u32 }
                }
                State::TrailerLine { line } => {
                    keep = false;
                    let lf = memchr::memchr(b'\n', &buf[at..]);
                    at = lf.map_or(buf.len(), |lf| at + lf + 1);
                    if self.trailer_bytes as usize + (at - from) > TRAILER_BYTES_MAX {
                        return Err(FramingError::TrailerTooLarge);
                    }
                    self.trailer_bytes += (at - from) as u32;
                    tail.extend_from_slice(&buf[from..at]);
                    if lf.is_some() {
                        let forwardable = trailer::is_forwardable(&tail[line as usize..])?;
                        if strip || !forwardable {
                            tail.truncate(line as usize);
                        }
                        State::TrailerStart
                    } else {
                        State::TrailerLine { line }
                    }
                }
                State::EndLf => {
                    at = expect(buf, at, b'\n', FramingError::Trailer)?;
                    if !tail.is_empty() {
                        keep = false;
                        tail.push(b'\n');
                    }
                    if !keep {
                        kept.drop(buf, from, at);
                    }
                    return Ok(Fed { consumed: at, kept: kept.finish(buf, at), done: true });
                }
            };
            if !keep {
                kept.drop(buf, from, at);
            }
        }
        Ok(Fed { consumed: at, kept: kept.finish(buf, at), done: false })
    }
}

/// Compaction: bytes stay where they are until something before them was dropped, and move once, run by run.
#[derive(Default)]
struct Kept {
    /// Bytes at the front of the buffer that are in place.
    len: usize,
    /// Start of the run of kept bytes that is not yet in place.
    run: usize,
}

impl Kept {
    /// Leaves `from..to` out.
    fn drop(&mut self, buf: &mut [u8], from: usize, to: usize) {
        if from > self.run {
            if self.len != self.run {
                buf.copy_within(self.run..from, self.len);
            }
            self.len += from - self.run;
        }
        self.run = to;
    }

    fn finish(mut self, buf: &mut [u8], end: usize) -> usize {
        self.drop(buf, end, end);
        self.len
    }
}

/// Digits from `at` on: how many there are by now, their value, and where they end.
#[inline(always)]
fn read_size(
    buf: &[u8],
    mut at: usize,
    mut digits: u8,
    mut size: u64,
) -> Result<(u8, u64, usize), FramingError> {
    while let Some(&byte) = buf.get(at) {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => break,
        };
        if size > CHUNK_BYTES_MAX >> 4 {
            return Err(FramingError::ChunkSizeOverflow);
        }
        if digits == CHUNK_SIZE_DIGITS_MAX {
            return Err(FramingError::ChunkSize);
        }
        digits += 1;
        size = size << 4 | u64::from(digit);
        at += 1;
    }
    Ok((digits, size, at))
}

/// Where the extension that continues at `at` ends, or the piece does. At most `room` bytes away.
fn end_of_extension(buf: &[u8], at: usize, room: u16) -> Result<usize, FramingError> {
    let rest = &buf[at..];
    let len =
        rest.iter().position(|&byte| byte < b' ' && byte != b'\t' || byte == 0x7f).unwrap_or(rest.len());
    let ends_well = rest.get(len).is_none_or(|&byte| byte == b'\r');
    if !ends_well || len > usize::from(room) {
        return Err(FramingError::ChunkExtension);
    }
    Ok(at + len)
}

#[inline(always)]
fn expect(buf: &[u8], at: usize, byte: u8, error: FramingError) -> Result<usize, FramingError> {
    if buf[at] == byte { Ok(at + 1) } else { Err(error) }
}
