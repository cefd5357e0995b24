//! However the input is split into pieces, the outcome is the same.

use ringway_shards::http1::{HeadLimits, HeadProgress, Method, Parsed, Reject, Scratch, request, response};

use super::{chunked_body, wire};

/// The first byte of `data` says what it is, the next eight how the rest arrives.
///
/// Which of several faults is reported may depend on the split; that there is one may not. An incomplete head is an
/// exception: its fault is found when the parser runs again, at its end or when it has doubled.
pub(crate) fn check(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    if kind % 3 == 2 {
        return chunked_body::check(data);
    }
    let Some((pieces, data)) = Pieces::read(data) else { return };
    let step = if kind % 3 == 0 { request_step } else { response_step };
    for limits in [HeadLimits::default(), HeadLimits { head_bytes: 150, headers: 5, uri_bytes: 20 }] {
        let at_once = step(data, &limits, &mut HeadProgress::default());
        for pieces in [pieces, Pieces::BYTES] {
            let split = outcome(step, data, pieces, &limits);
            let head = &data[wire::empty_lines(data)..];
            let may_wait = at_once.is_err() && split == Ok(None) && wire::find(head, b"\r\n\r\n").is_none();
            assert!(split == at_once || may_wait, "{pieces:?} {limits:?}: {split:?}, at once {at_once:?}");
        }
    }
}

/// What became of a head: where it ended and what it meant, that it goes on, or that it is refused.
type Outcome = Result<Option<(usize, String)>, ()>;

type Step = fn(&[u8], &HeadLimits, &mut HeadProgress) -> Outcome;

/// The outcome when the buffer grows piece by piece.
fn outcome(step: Step, data: &[u8], pieces: Pieces, limits: &HeadLimits) -> Outcome {
    let mut progress = HeadProgress::default();
    let mut len = 0;
    for piece in pieces.of(data) {
        len += piece.len();
        let outcome = step(&data[..len], limits, &mut progress);
        if outcome != Ok(None) {
            return outcome;
        }
    }
    if data.is_empty() { step(data, limits, &mut progress) } else { Ok(None) }
}

fn request_step(data: &[u8], limits: &HeadLimits, progress: &mut HeadProgress) -> Outcome {
    let mut scratch = Scratch::new();
    match request::parse(data, limits, progress, &mut scratch).map_err(|_: Reject| ())? {
        Parsed::Partial => Ok(None),
        Parsed::Complete(head) => Ok(Some((head.head_len, format!("{head:?}")))),
    }
}

fn response_step(data: &[u8], limits: &HeadLimits, progress: &mut HeadProgress) -> Outcome {
    let mut scratch = Scratch::new();
    match response::parse(data, Method::Get, limits, progress, &mut scratch).map_err(|_| ())? {
        Parsed::Partial => Ok(None),
        Parsed::Complete(head) => Ok(Some((head.head_len, format!("{head:?}")))),
    }
}

/// How an input arrives: in pieces whose lengths are drawn from a seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces {
    seed: u64,
    max: u64,
}

impl Pieces {
    const BYTES: Pieces = Pieces { seed: 1, max: 1 };

    /// From the first eight bytes of an input; the rest of it follows.
    pub(super) fn read(data: &[u8]) -> Option<(Pieces, &[u8])> {
        let (seed, rest) = data.split_first_chunk::<8>()?;
        let seed = u64::from_le_bytes(*seed);
        Some((Pieces { seed: seed | 1, max: [1, 3, 20, 200][(seed >> 62) as usize] }, rest))
    }

    /// The pieces of `data`, none of them empty.
    pub(super) fn of<'a>(&self, data: &'a [u8]) -> Vec<&'a [u8]> {
        let mut state = self.seed;
        let mut pieces = Vec::new();
        let mut rest = data;
        while !rest.is_empty() {
            // xorshift64 (Marsaglia 2003): never 0 from a seed that is not.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let len = (1 + state % self.max).min(rest.len() as u64) as usize;
            let (piece, after) = rest.split_at(len);
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}
