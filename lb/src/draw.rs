//! Uniform integers from random bits, without division.
//!
//! `⌊bits · n / 2⁶⁴⌋` (Lemire, "Fast Random Integer Generation in an Interval", 2019), without its rejection step:
//! the bias is below n / 2⁶⁴, far below what any traffic could show.

use rand::Rng;

/// A number in `0..n`; `n` must not be zero.
pub(crate) fn below<R: Rng + ?Sized>(rng: &mut R, n: u64) -> u64 {
    debug_assert!(n > 0, "a draw needs a non-empty range");
    scale(rng.next_u64(), n)
}

/// The fraction `bits / 2⁶⁴` of `n`, rounded down.
pub(crate) fn scale(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}
