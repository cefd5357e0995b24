//! Names for requests.

use rand::Rng;

/// The bytes of a request id.
pub const REQUEST_ID_BYTES: usize = 32;

/// A new request id: 128 random bits in lower-case hexadecimal, so that no two requests ever share one.
#[must_use]
pub fn request_id<R: Rng + ?Sized>(rng: &mut R) -> [u8; REQUEST_ID_BYTES] {
    let random = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    let mut id = [0; REQUEST_ID_BYTES];
    for (at, digit) in id.iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[(random >> (4 * at)) as usize & 0xf];
    }
    id
}

/// Appends the id with `-` in the place of every byte that is not a letter, a digit, `-`, `_` or `.`: what is left means
/// nothing special in a field, in HTML or in JSON, wherever the id came from.
pub(super) fn push_harmless(id: &[u8], out: &mut Vec<u8>) {
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    out.extend(id.iter().map(|&byte| if is_harmless(byte) { byte } else { b'-' }));
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    fn harmless(id: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push_harmless(id, &mut out);
        out
    }

    #[test]
    fn ids_are_hexadecimal_and_differ_from_each_other_in_every_digit() {
        let mut rng = SmallRng::seed_from_u64(7);
        let ids: Vec<_> = (0..1000).map(|_| request_id(&mut rng)).collect();
        for id in &ids {
            assert!(id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{}", id.escape_ascii());
            assert_eq!(harmless(id), id);
        }
        for at in 0..REQUEST_ID_BYTES {
            let mut seen: Vec<u8> = ids.iter().map(|id| id[at]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 16, "digit {at}");
        }
    }

    #[test]
    fn nothing_special_is_left_of_an_id() {
        let mut id = [b'a'; REQUEST_ID_BYTES];
        id[..8].copy_from_slice(b"\r\nX: \"<\\");
        assert_eq!(harmless(&id)[..9], *b"--X-----a");
    }
}
