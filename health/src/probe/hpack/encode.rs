//! Encoding without state: fields of the static table, and literals that enter no table (RFC 7541 sections 6.1 and 6.2).

/// A field of the static table, below 127.
pub(in crate::probe) fn indexed(block: &mut Vec<u8>, index: u8) {
    integer(block, 0x80, 7, usize::from(index));
}

/// A value under a name of the static table.
pub(in crate::probe) fn literal(block: &mut Vec<u8>, name_index: u8, value: &[u8]) {
    integer(block, 0x00, 4, usize::from(name_index));
    string(block, value);
}

/// A field of its own, never to be indexed: it may be a secret (section 7.1.3). The name is in lower case.
pub(in crate::probe) fn literal_named(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0x10);
    string(block, name);
    string(block, value);
}

fn string(block: &mut Vec<u8>, string: &[u8]) {
    integer(block, 0x00, 7, string.len());
    block.extend_from_slice(string);
}

/// Section 5.1.
pub(super) fn integer(block: &mut Vec<u8>, pattern: u8, prefix_bits: u32, value: usize) {
    let most = (1usize << prefix_bits) - 1;
    if value < most {
        block.push(pattern | value as u8);
        return;
    }
    block.push(pattern | most as u8);
    let mut rest = value - most;
    while rest >= 0x80 {
        block.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    block.push(rest as u8);
}
