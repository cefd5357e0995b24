//! The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical: sorted by length, then by symbol, each code is the one before it plus one. So the lengths alone say
//! it all, and the rest is computed when this is compiled.

use super::Malformed;

/// The symbol that ends a string; it must not occur, but padding is made of its first bits.
const EOS: usize = 256;
const SYMBOLS: usize = EOS + 1;
const BITS_MAX: usize = 30;

/// How many bits the code of each symbol has, 32 symbols in a row.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
    30, // the end of the string
];

/// The codes by length.
struct Code {
    /// The least code of each length.
    first: [u32; BITS_MAX + 1],
    /// How many there are of each length.
    count: [u32; BITS_MAX + 1],
    /// Where the symbols of each length begin in `symbols`.
    offset: [usize; BITS_MAX + 1],
    symbols: [u16; SYMBOLS],
}

static CODE: Code = Code::new();

impl Code {
    const fn new() -> Code {
        let mut code = Code {
            first: [0; BITS_MAX + 1],
            count: [0; BITS_MAX + 1],
            offset: [0; BITS_MAX + 1],
            symbols: [0; SYMBOLS],
        };
        let (mut bits, mut next, mut placed) = (1, 0, 0);
        while bits <= BITS_MAX {
            next <<= 1;
            code.first[bits] = next;
            code.offset[bits] = placed;
            let mut symbol = 0;
            while symbol < SYMBOLS {
                if LENGTHS[symbol] as usize == bits {
                    code.symbols[placed] = symbol as u16;
                    placed += 1;
                    next += 1;
                }
                symbol += 1;
            }
            code.count[bits] = next - code.first[bits];
            bits += 1;
        }
        code
    }
}

/// The string that `bytes` stand for; at most 8/5 as long.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut string = Vec::with_capacity(bytes.len() * 8 / 5);
    let (mut bits, mut read) = (0usize, 0u32);
    for byte in bytes {
        for bit in (0..8).rev() {
            read = read << 1 | u32::from(byte >> bit & 1);
            bits += 1;
            if bits > BITS_MAX {
                return Err(Malformed);
            }
            let at = read.wrapping_sub(CODE.first[bits]);
            if at < CODE.count[bits] {
                let symbol = CODE.symbols[CODE.offset[bits] + at as usize];
                string.push(u8::try_from(symbol).map_err(|_| Malformed)?);
                (bits, read) = (0, 0);
            }
        }
    }
    // Padding is shorter than a byte and all ones.
    if bits < 8 && read == (1 << bits) - 1 { Ok(string) } else { Err(Malformed) }
}
