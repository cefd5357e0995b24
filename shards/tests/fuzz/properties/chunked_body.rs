//! A chunked body ends where another decoder says, and what is forwarded of it is chunked again, with the same data.

use ringway_shards::http1::limits::{
    CHUNK_EXTENSION_BYTES_MAX, CHUNK_SIZE_DIGITS_MAX, LENGTH_MAX, TRAILER_BYTES_MAX, TRAILER_FIELDS_MAX,
};
use ringway_shards::http1::{Body, BodyLength, Framing, FramingError};

use super::split_invariance::Pieces;
use super::wire;

/// The first eight bytes of `data` say how the rest arrives.
pub(crate) fn check(data: &[u8]) {
    let Some((pieces, data)) = Pieces::read(data) else { return };
    let decoded = Decoded::of(data);
    for framing in [Framing::AsIs, Framing::Strip] {
        let whole = feed([data], framing);
        let split = feed(pieces.of(data), framing);
        assert_eq!(whole.as_ref().ok(), split.as_ref().ok(), "split {pieces:?}");
        match (&whole, &decoded) {
            (Ok(Some(fed)), Decoded::Complete { content, consumed, trailers }) => {
                assert_eq!(fed.consumed, *consumed);
                match framing {
                    Framing::Strip => assert_eq!(fed.out, *content),
                    Framing::AsIs => check_forwarded(&fed.out, content, trailers),
                }
            }
            (Ok(None), Decoded::Incomplete) | (Err(_), Decoded::Incomplete | Decoded::Invalid) => {}
            _ => panic!("{whole:?}, but another decoder has {decoded:?}"),
        }
    }
}

/// What is sent on means the same, and there is nothing left in it to remove.
fn check_forwarded(out: &[u8], content: &[u8], trailers: &[&[u8]]) {
    let again = feed([out], Framing::AsIs).expect("valid").expect("complete");
    assert_eq!(again, Fed { out: out.to_vec(), consumed: out.len() }, "it goes through unchanged");
    let Decoded::Complete { content: same, trailers: kept, .. } = Decoded::of(out) else {
        panic!("not complete")
    };
    assert_eq!(same, content);
    let mut received = trailers.iter();
    for line in kept {
        assert!(received.any(|trailer| *trailer == line), "trailers in their order");
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default().to_ascii_lowercase();
        let framing: [&[u8]; 5] =
            [b"content-length", b"transfer-encoding", b"host", b"connection", b"trailer"];
        assert!(!framing.contains(&&name[..]), "{}", name.escape_ascii());
    }
}

/// What the codec made of a body.
#[derive(Debug, PartialEq, Eq)]
struct Fed {
    out: Vec<u8>,
    consumed: usize,
}

fn feed<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    framing: Framing,
) -> Result<Option<Fed>, FramingError> {
    let mut body = Body::new(BodyLength::Chunked);
    let (mut out, mut tail, mut consumed) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let fed = body.feed(&mut piece, framing, &mut tail)?;
        assert!(fed.kept <= fed.consumed && fed.consumed <= piece.len());
        assert!(fed.done || fed.consumed == piece.len(), "a body that goes on takes everything");
        assert_eq!(fed.done, body.is_done());
        out.extend_from_slice(&piece[..fed.kept]);
        consumed += fed.consumed;
        if fed.done {
            out.append(&mut tail);
            return Ok(Some(Fed { out, consumed }));
        }
    }
    assert_eq!(body.end_of_input(), Err(FramingError::Truncated));
    Ok(None)
}

/// The same body, read by the letter of RFC 9112 section 7.1 and by our limits.
#[derive(Debug)]
enum Decoded<'a> {
    Complete {
        content: Vec<u8>,
        consumed: usize,
        trailers: Vec<&'a [u8]>,
    },
    /// Nothing wrong so far, as far as lines are complete.
    Incomplete,
    Invalid,
}

impl<'a> Decoded<'a> {
    fn of(data: &'a [u8]) -> Decoded<'a> {
        let mut content = Vec::new();
        let mut at = 0;
        loop {
            let Some(line) = wire::find(&data[at..], b"\r\n").map(|end| &data[at..at + end]) else {
                return Decoded::Incomplete;
            };
            let Some(size) = chunk_size(line) else { return Decoded::Invalid };
            at += line.len() + 2;
            if size == 0 {
                return Decoded::trailers(data, at, content);
            }
            let Some(end) = usize::try_from(size).ok().and_then(|size| at.checked_add(size)) else {
                return Decoded::Incomplete;
            };
            if end + 2 > data.len() {
                return Decoded::Incomplete;
            }
            if &data[end..end + 2] != b"\r\n" {
                return Decoded::Invalid;
            }
            content.extend_from_slice(&data[at..end]);
            at = end + 2;
        }
    }

    fn trailers(data: &'a [u8], start: usize, content: Vec<u8>) -> Decoded<'a> {
        let mut at = start;
        let mut trailers = Vec::new();
        loop {
            let Some(line) = wire::find(&data[at..], b"\r\n").map(|end| &data[at..at + end]) else {
                return Decoded::Incomplete;
            };
            at += line.len() + 2;
            if line.is_empty() {
                return Decoded::Complete { content, consumed: at, trailers };
            }
            trailers.push(line);
            let name_len = line.iter().position(|&byte| byte == b':');
            let is_field = name_len.is_some_and(|len| {
                wire::is_token(&line[..len])
                    && !line[len..].iter().any(|&byte| byte != b'\t' && byte.is_ascii_control())
            });
            let too_many = trailers.len() > usize::from(TRAILER_FIELDS_MAX) || at - start > TRAILER_BYTES_MAX;
            if !is_field || too_many {
                return Decoded::Invalid;
            }
        }
    }
}

/// The size that a chunk's first line gives.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|&byte| byte == b';').unwrap_or(line.len());
    let (digits, extension) = line.split_at(end);
    let is_size = (1..=usize::from(CHUNK_SIZE_DIGITS_MAX)).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_hexdigit);
    let is_extension = extension.len() <= usize::from(CHUNK_EXTENSION_BYTES_MAX)
        && !extension.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control());
    let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (is_size && is_extension && size <= LENGTH_MAX).then_some(size)
}
