//! Bodies: where they end, what is refused, and that splitting the input changes nothing.

use proptest::prelude::*;

use super::*;
use crate::http1::limits::{
    CHUNK_BYTES_MAX, CHUNK_EXTENSION_BYTES_MAX, TRAILER_BYTES_MAX, TRAILER_FIELDS_MAX,
};

/// What was forwarded, and how much of the input was used when the body was done.
type Outcome = Result<(Vec<u8>, Option<usize>), FramingError>;

fn fed_in(pieces: impl IntoIterator<Item = Vec<u8>>, length: BodyLength, framing: Framing) -> Outcome {
    let mut body = Body::new(length);
    let (mut out, mut tail, mut used) = (Vec::new(), Vec::new(), 0);
    for mut piece in pieces {
        let fed = body.feed(&mut piece, framing, &mut tail)?;
        out.extend_from_slice(&piece[..fed.kept]);
        used += fed.consumed;
        if fed.done {
            assert!(body.is_done());
            out.extend_from_slice(&tail);
            return Ok((out, Some(used)));
        }
        assert_eq!(fed.consumed, piece.len(), "a body that is not done uses everything");
    }
    Ok((out, None))
}

fn chunked(input: impl AsRef<[u8]>, framing: Framing) -> Outcome {
    fed_in([input.as_ref().to_vec()], BodyLength::Chunked, framing)
}

#[track_caller]
fn assert_forwarded(input: &str, as_is: &str, stripped: &str) {
    let done = |forwarded: &str| Ok((forwarded.as_bytes().to_vec(), Some(input.len())));
    for pieces in [vec![input.as_bytes().to_vec()], input.bytes().map(|byte| vec![byte]).collect()] {
        assert_eq!(fed_in(pieces.clone(), BodyLength::Chunked, Framing::AsIs), done(as_is), "{input:?}");
        assert_eq!(fed_in(pieces, BodyLength::Chunked, Framing::Strip), done(stripped), "{input:?}");
    }
}

#[test]
fn no_body_takes_nothing() {
    for length in [BodyLength::None, BodyLength::Length(0)] {
        assert_eq!(fed_in([b"GET".to_vec()], length, Framing::AsIs), Ok((Vec::new(), Some(0))));
    }
}

#[test]
fn a_body_of_known_length_ends_there_and_leaves_the_rest() {
    let pieces = ["ab", "", "cdeGET"].map(|piece| piece.as_bytes().to_vec());
    assert_eq!(fed_in(pieces, BodyLength::Length(5), Framing::Strip), Ok((b"abcde".to_vec(), Some(5))));
}

#[test]
fn only_a_body_that_lasts_until_the_end_of_the_connection_ends_with_it() {
    let mut until_close = Body::new(BodyLength::UntilClose);
    let fed = until_close.feed(&mut [0; 7], Framing::AsIs, &mut Vec::new());
    assert_eq!(fed, Ok(Fed { consumed: 7, kept: 7, done: false }));
    assert_eq!(until_close.end_of_input(), Ok(()));
    assert!(until_close.is_done());
    assert_eq!(Body::new(BodyLength::None).end_of_input(), Ok(()));
    for length in [BodyLength::Length(1), BodyLength::Chunked] {
        assert_eq!(Body::new(length).end_of_input(), Err(FramingError::Truncated));
    }
}

#[test]
fn chunks_pass_unchanged_or_as_their_data() {
    assert_forwarded("0\r\n\r\n", "0\r\n\r\n", "");
    assert_forwarded("3\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "abc");
    let all = "1\r\na\r\nA\r\n\r\n\r\n\r\n\r\n\r\n\r\n00f\r\n0123456789abcde\r\n0\r\n\r\n";
    assert_forwarded(all, all, "a\r\n\r\n\r\n\r\n\r\n0123456789abcde");
}

#[test]
fn what_follows_the_last_chunk_is_left() {
    assert_eq!(chunked("0\r\n\r\nGET / ", Framing::AsIs), Ok((b"0\r\n\r\n".to_vec(), Some(5))));
    assert_eq!(chunked("0\r\nA: b\r\n\r\nGET / ", Framing::Strip), Ok((Vec::new(), Some(11))));
}

#[test]
fn extensions_are_dropped() {
    assert_forwarded(
        "3;a=b\r\nabc\r\n2;c=\"d;e\";\tf\r\nde\r\n0;last\r\n\r\n",
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        "abcde",
    );
}

#[test]
fn malformed_chunks_are_refused() {
    for (input, error) in [
        ("\r\n", FramingError::ChunkSize),
        ("+3\r\nabc", FramingError::ChunkSize),
        ("-3\r\nabc", FramingError::ChunkSize),
        ("0x3\r\nabc", FramingError::ChunkSize),
        (" 3\r\nabc", FramingError::ChunkSize),
        ("3 \r\nabc", FramingError::ChunkSize),
        ("3 ;a\r\nabc", FramingError::ChunkSize),
        ("3\t\r\nabc", FramingError::ChunkSize),
        ("3\nabc", FramingError::ChunkSize),
        ("3\rabc", FramingError::ChunkSize),
        ("3\r\r\nabc", FramingError::ChunkSize),
        ("g\r\n", FramingError::ChunkSize),
        (";a\r\n", FramingError::ChunkSize),
        ("3.\r\n", FramingError::ChunkSize),
        ("00000000000000003\r\n", FramingError::ChunkSize),
        ("8000000000000000\r\n", FramingError::ChunkSizeOverflow),
        ("ffffffffffffffff\r\n", FramingError::ChunkSizeOverflow),
        ("10000000000000000\r\n", FramingError::ChunkSizeOverflow),
        ("3;a\nabc", FramingError::ChunkExtension),
        ("3;a\0\r\nabc", FramingError::ChunkExtension),
        ("3;a\x7f\r\nabc", FramingError::ChunkExtension),
        ("3;a\rb\r\nabc", FramingError::ChunkSize),
        ("3\r\nabcd\r\n", FramingError::ChunkEnd),
        ("3\r\nabc\n0\r\n", FramingError::ChunkEnd),
        ("3\r\nabc\rx", FramingError::ChunkEnd),
        ("3\r\nabc0\r\n\r\n", FramingError::ChunkEnd),
        ("0\r\n\n", FramingError::Trailer),
        ("0\r\n\rx", FramingError::Trailer),
        ("0\r\nA\r\n", FramingError::Trailer),
        ("0\r\n: b\r\n", FramingError::Trailer),
        ("0\r\nA : b\r\n", FramingError::Trailer),
        ("0\r\nA: b\n", FramingError::Trailer),
        ("0\r\nA: b\rc\r\n", FramingError::Trailer),
        ("0\r\nA: \0\r\n", FramingError::Trailer),
        ("0\r\n A: b\r\n", FramingError::Trailer),
        ("0\r\nA: b\r\n c\r\n", FramingError::Trailer),
    ] {
        for framing in [Framing::AsIs, Framing::Strip] {
            assert_eq!(chunked(input, framing), Err(error), "{input:?}");
            let bytewise = input.bytes().map(|byte| vec![byte]);
            assert_eq!(fed_in(bytewise, BodyLength::Chunked, framing), Err(error), "{input:?}");
        }
    }
}

#[test]
fn the_largest_chunk_is_counted_right() {
    let mut body = Body::new(BodyLength::Chunked);
    let mut tail = Vec::new();
    body.feed(&mut format!("{CHUNK_BYTES_MAX:x}\r\n").into_bytes(), Framing::AsIs, &mut tail)
        .expect("valid size");
    let fed = body.feed(&mut [b'x'; 1000], Framing::AsIs, &mut tail);
    assert_eq!(fed, Ok(Fed { consumed: 1000, kept: 1000, done: false }));
}

#[test]
fn an_extension_is_bounded() {
    let with = |bytes: usize| format!("3;{}\r\nabc\r\n0\r\n\r\n", "e".repeat(bytes - 1));
    let most = usize::from(CHUNK_EXTENSION_BYTES_MAX);
    assert!(chunked(with(most), Framing::AsIs).is_ok());
    assert_eq!(chunked(with(most + 1), Framing::AsIs), Err(FramingError::ChunkExtension));
    let bytewise = with(most + 1).into_bytes().into_iter().map(|byte| vec![byte]);
    assert_eq!(fed_in(bytewise, BodyLength::Chunked, Framing::AsIs), Err(FramingError::ChunkExtension));
}

#[test]
fn trailers_pass_but_for_those_that_frame_route_or_belong_to_one_hop() {
    assert_forwarded("0\r\nDigest: a\r\nX-Sum:\r\n\r\n", "0\r\nDigest: a\r\nX-Sum:\r\n\r\n", "");
    for name in [
        "Content-Length",
        "transfer-encoding",
        "HOST",
        "Connection",
        "Upgrade",
        "te",
        "Trailer",
        "Keep-Alive",
        "Proxy-Connection",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
        "Forwarded",
        "X-Request-Id",
        "Expect",
        "HTTP2-Settings",
    ] {
        assert_forwarded(&format!("0\r\n{name}: 5\r\n\r\n"), "0\r\n\r\n", "");
        assert_forwarded(&format!("0\r\nA: b\r\n{name}: 5\r\nC: d\r\n\r\n"), "0\r\nA: b\r\nC: d\r\n\r\n", "");
    }
    for line in [":path: /", " A: b", "A : b", ": b", "A", "A: b\0", "A: \u{1}", "A(: b"] {
        assert_eq!(
            chunked(format!("0\r\n{line}\r\n\r\n"), Framing::AsIs).err(),
            Some(FramingError::Trailer),
            "{line:?}"
        );
    }
}

#[test]
fn a_trailer_section_is_bounded_in_bytes_and_fields() {
    let fields = |count: u16| format!("0\r\n{}\r\n", "A: b\r\n".repeat(usize::from(count)));
    assert!(chunked(fields(TRAILER_FIELDS_MAX), Framing::AsIs).is_ok());
    assert_eq!(chunked(fields(TRAILER_FIELDS_MAX + 1), Framing::AsIs), Err(FramingError::TrailerTooLarge));

    let bytes = |count: usize| format!("0\r\nA: {}\r\n\r\n", "b".repeat(count - 5));
    assert!(chunked(bytes(TRAILER_BYTES_MAX), Framing::AsIs).is_ok());
    for endless in [bytes(TRAILER_BYTES_MAX + 1), format!("0\r\n{}", "b".repeat(TRAILER_BYTES_MAX + 1))] {
        for framing in [Framing::AsIs, Framing::Strip] {
            assert_eq!(chunked(&endless, framing), Err(FramingError::TrailerTooLarge));
            let bytewise = endless.bytes().map(|byte| vec![byte]);
            assert_eq!(fed_in(bytewise, BodyLength::Chunked, framing), Err(FramingError::TrailerTooLarge));
        }
    }
}

#[test]
fn a_body_without_trailers_allocates_nothing() {
    let mut tail = Vec::new();
    let mut input = b"3;ext\r\nabc\r\n0\r\n\r\n".to_vec();
    Body::new(BodyLength::Chunked).feed(&mut input, Framing::AsIs, &mut tail).expect("valid");
    assert_eq!(tail.capacity(), 0);
}

/// A valid chunked body: its chunks with their extensions, and its trailers.
fn chunks() -> impl Strategy<Value = (Vec<(Vec<u8>, String)>, Vec<String>)> {
    let chunk = (prop::collection::vec(any::<u8>(), 1..40), "(;[a-z=\"; ]{0,8})?");
    let trailer = "(X-[a-z]{0,3}|Host|TE|Content-Length): [ -~]{0,6}\r\n";
    (prop::collection::vec(chunk, 0..5), prop::collection::vec(trailer, 0..4))
}

/// The body on the wire, and what each framing must make of it: written down chunk by chunk, not decoded.
fn rendered(chunks: &[(Vec<u8>, String)], trailers: &[String]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (mut wire, mut as_is, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for (bytes, extension) in chunks {
        for (out, extension) in [(&mut wire, extension.as_str()), (&mut as_is, "")] {
            out.extend_from_slice(format!("{:x}{extension}\r\n", bytes.len()).as_bytes());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
        data.extend_from_slice(bytes);
    }
    for out in [&mut wire, &mut as_is] {
        out.extend_from_slice(b"0\r\n");
    }
    for trailer in trailers {
        wire.extend_from_slice(trailer.as_bytes());
        if trailer.starts_with("X-") {
            as_is.extend_from_slice(trailer.as_bytes());
        }
    }
    wire.extend_from_slice(b"\r\n");
    as_is.extend_from_slice(b"\r\n");
    (wire, as_is, data)
}

proptest! {
    #[test]
    fn every_split_gives_what_was_meant(
        (chunks, trailers) in chunks(), next in "[A-Z]{0,4}", steps in prop::collection::vec(1usize..30, 1..40),
    ) {
        let (mut wire, as_is, data) = rendered(&chunks, &trailers);
        let used = wire.len();
        wire.extend_from_slice(next.as_bytes());
        let mut pieces = Vec::new();
        let mut rest = &wire[..];
        for &step in steps.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at(step.min(rest.len()));
            pieces.push(piece.to_vec());
            rest = left;
        }
        for pieces in [pieces, vec![wire.clone()], wire.iter().map(|&byte| vec![byte]).collect()] {
            prop_assert_eq!(
                fed_in(pieces.clone(), BodyLength::Chunked, Framing::AsIs), Ok((as_is.clone(), Some(used)))
            );
            prop_assert_eq!(fed_in(pieces, BodyLength::Chunked, Framing::Strip), Ok((data.clone(), Some(used))));
        }
    }

    #[test]
    fn spoilt_input_gets_the_same_verdict_however_it_is_split(
        (chunks, trailers) in chunks(), at: prop::sample::Index, byte: u8, piece in 1usize..20,
    ) {
        let (mut wire, ..) = rendered(&chunks, &trailers);
        let at = at.index(wire.len());
        wire[at] = byte;
        for framing in [Framing::AsIs, Framing::Strip] {
            let at_once = chunked(&wire, framing);
            let split = fed_in(wire.chunks(piece).map(<[u8]>::to_vec), BodyLength::Chunked, framing);
            prop_assert_eq!(at_once, split);
        }
    }
}
