//! Bytes that tell their place, for transfers far larger than any buffer.

use std::env;

/// Bodies below this may fit into the kernel's socket buffers, and show nothing. In bytes.
const BYTES_MIN: u64 = 128 * 1024 * 1024;

/// The size of a large body, in bytes: a multiple of [`PIECE`].
pub(crate) fn body_bytes() -> u64 {
    let bytes =
        env::var("RINGWAY_E2E_BYTES").map_or(256 * 1024 * 1024, |bytes| bytes.parse().expect("bytes"));
    assert!(bytes > BYTES_MIN, "smaller bodies do not show anything");
    bytes - bytes % PIECE.len() as u64
}

/// Every byte tells its place, modulo a prime: a piece that is lost, doubled or swapped shows.
pub(crate) static PIECE: [u8; 251 * 256] = {
    let mut piece = [0; 251 * 256];
    let mut at = 0;
    while at < piece.len() {
        piece[at] = (at % 251) as u8;
        at += 1;
    }
    piece
};

/// Checks a body as it comes in.
#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) bytes: u64,
}

impl Checker {
    pub(crate) fn take(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let at = (self.bytes % PIECE.len() as u64) as usize;
            let n = piece.len().min(PIECE.len() - at);
            assert!(piece[..n] == PIECE[at..at + n], "differs after {} bytes", self.bytes);
            self.bytes += n as u64;
            piece = &piece[n..];
        }
    }
}
