//! The bytes of made-up bodies: each follows from its offset, so that a piece lost, doubled or moved is noticed.

use std::sync::LazyLock;

use crate::limits::PIECE_BYTES;

/// A prime: no power of two, at which buffers are cut, is a multiple of it.
const PERIOD: usize = 251;

static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| (0..PERIOD + PIECE_BYTES).map(byte).collect());

fn byte(offset: usize) -> u8 {
    let at = offset % PERIOD;
    if at == PERIOD - 1 { b'\n' } else { b'a' + (at * 7 % 26) as u8 }
}

/// Bytes of a body from `offset` on: `left`, or as many as are sent at once.
#[must_use]
pub fn piece(offset: u64, left: u64) -> &'static [u8] {
    let from = (offset % PERIOD as u64) as usize;
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
    &BYTES[from..from + len]
}

/// Whether `bytes` are what a body has at `offset`.
#[must_use]
pub fn matches(mut offset: u64, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let expected = piece(offset, bytes.len() as u64);
        if bytes[..expected.len()] != *expected {
            return false;
        }
        bytes = &bytes[expected.len()..];
        offset += expected.len() as u64;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_cut_make_one_body_and_a_lost_byte_is_noticed() {
        let mut body = Vec::new();
        while body.len() < 600_000 {
            body.extend_from_slice(piece(body.len() as u64, 7_777));
        }
        assert!(matches(0, &body));
        assert!(matches(1_000, &body[1_000..]));
        body.remove(300_000);
        assert!(!matches(0, &body));
    }
}
