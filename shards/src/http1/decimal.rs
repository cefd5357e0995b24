//! Unsigned numbers in decimal, without the formatting machinery.

/// The digits of the largest number.
pub(super) const DIGITS_MAX: usize = 20;

/// Appends `number` in decimal.
pub(super) fn push(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; DIGITS_MAX];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The value of a string of digits no larger than `max`. `None` for anything else: empty, a sign, a space, too large.
pub(super) fn parse(digits: &[u8], max: u64) -> Option<u64> {
    // 20 digits would need an overflow check per step; leading zeros beyond that are nobody's honest spelling.
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value = 0u64;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    (value <= max).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_the_round_trip() {
        for number in [0, 7, 10, 65_535, 1_000_000_007, i64::MAX as u64] {
            let mut out = Vec::new();
            push(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
            assert_eq!(parse(&out, i64::MAX as u64), Some(number));
        }
    }

    #[test]
    fn anything_but_digits_within_the_bound_is_refused() {
        for bad in [
            &b""[..],
            b"+5",
            b"-1",
            b" 5",
            b"5 ",
            b"0x5",
            b"5a",
            b"00000000000000000005",
            b"9223372036854775808",
        ] {
            assert_eq!(parse(bad, i64::MAX as u64), None, "{}", bad.escape_ascii());
        }
        assert_eq!(parse(b"65536", 65_535), None);
    }
}
