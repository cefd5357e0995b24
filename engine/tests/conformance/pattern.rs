//! Bytes that tell where they belong: every stream has its own sequence, in which no piece fits in any other place.

use std::sync::OnceLock;

/// A prime, so that no buffer size divides it.
const PERIOD: usize = 65_521;

fn table() -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..2 * PERIOD).map(|_| next()).collect::<Vec<_>>()
    })
}

/// A place in one stream's sequence.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    stream: usize,
    at: usize,
}

impl Pattern {
    /// The start of stream number `stream`.
    pub(crate) fn new(stream: usize) -> Pattern {
        Pattern { stream, at: 0 }
    }

    /// How far it has come.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next bytes, at most `most` and at least one.
    fn peek(&self, most: usize) -> &'static [u8] {
        let start = (self.stream.wrapping_mul(7_919) + self.at) % PERIOD;
        let end = (start + most).min(PERIOD);
        &table()[start..end]
    }

    /// Appends the next `n` bytes to `to`.
    pub(crate) fn write(&mut self, to: &mut Vec<u8>, n: usize) {
        let end = self.at + n;
        while self.at < end {
            let piece = self.peek(end - self.at);
            to.extend_from_slice(piece);
            self.at += piece.len();
        }
    }

    /// Checks that `bytes` come next.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let piece = self.peek(bytes.len());
            let (now, rest) = bytes.split_at(piece.len());
            if now != piece {
                let wrong = now.iter().zip(piece).position(|(a, b)| a != b).unwrap_or(0);
                panic!("stream {}: wrong byte at {}", self.stream, self.at + wrong);
            }
            self.at += piece.len();
            bytes = rest;
        }
    }
}
