//! Bodies that show when a byte is missing, doubled, or another message's.

/// Which way a body goes: the two bodies of one exchange have nothing in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// The body of exchange `id`: every eight bytes tell the exchange and the place.
pub(crate) fn body(id: usize, way: Way, len: usize) -> Vec<u8> {
    let salt = (id as u64 * 2 + u64::from(way == Way::Down) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::with_capacity(len + 8);
    let mut block = 0_u64;
    while bytes.len() < len {
        let word = (salt ^ block).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bytes.extend_from_slice(&(word ^ (word >> 29)).to_le_bytes());
        block += 1;
    }
    bytes.truncate(len);
    bytes
}

/// Checks that `got` is the whole body, or the beginning of it if it was `cut`.
pub(crate) fn check(id: usize, way: Way, len: usize, got: &[u8], cut: bool) {
    let all = body(id, way, len);
    assert!(got.len() <= len, "exchange {id}, {way:?}: {} bytes instead of {len}", got.len());
    assert!(
        cut || got.len() == len,
        "exchange {id}, {way:?}: only {} of {len} bytes, and no word of it",
        got.len()
    );
    if let Some(at) = (0..got.len()).find(|&at| got[at] != all[at]) {
        panic!("exchange {id}, {way:?}: wrong byte at {at} of {len}");
    }
}
