//! Durations and sizes as people write them: `"500ms"`, `"3s"`, `"16KiB"`.

use std::time::Duration;

use super::problem::Refusal;

const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 3] = [("MiB", 1024 * 1024), ("KiB", 1024), ("B", 1)];

/// A whole number and its unit, without a space: `ms`, `s`, `m` or `h`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, Refusal> {
    let remedy = "write a whole number and its unit: \"500ms\", \"3s\", \"2m\" or \"1h\"";
    let ms = parse(text, &DURATION_UNITS)
        .ok_or_else(|| Refusal::new(format!("{text:?} is not a duration")).hint(remedy))?;
    Ok(Duration::from_millis(ms))
}

/// A whole number and its unit, without a space: `B`, `KiB` or `MiB`.
pub(super) fn parse_size(text: &str) -> Result<u64, Refusal> {
    let remedy = "write a number of bytes, or a whole number and its unit: \"512B\", \"16KiB\" or \"1MiB\"";
    parse(text, &SIZE_UNITS).ok_or_else(|| Refusal::new(format!("{text:?} is not a size")).hint(remedy))
}

/// A number that does not fit becomes the largest one: it is out of every range that a key can have.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    if number.is_empty() {
        return None;
    }
    Some(number.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor)).unwrap_or(u64::MAX))
}

/// The shortest text that [`parse_duration`] reads back, for a duration of whole milliseconds.
pub(super) fn duration_text(duration: Duration) -> String {
    text(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATION_UNITS, "s")
}

/// The shortest text that [`parse_size`] reads back.
pub(super) fn size_text(bytes: u64) -> String {
    text(bytes, &SIZE_UNITS, "B")
}

fn text(value: u64, units: &[(&str, u64)], unit_of_zero: &str) -> String {
    match units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", value / factor),
        None => format!("0{unit_of_zero}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_needs_a_whole_number_and_a_unit() {
        for (text, ms) in [("500ms", 500), ("3s", 3000), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0)] {
            assert_eq!(parse_duration(text).ok(), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "3", "s", "1.5s", "-3s", "+3s", "3 s", "3S", "3sec", "1m30s", "٣s", "3µs"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_counts_in_powers_of_two_and_says_so() {
        for (text, bytes) in [("512B", 512), ("16KiB", 16_384), ("1MiB", 1_048_576)] {
            assert_eq!(parse_size(text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "16", "16K", "16KB", "16kib", "KiB", "1.5KiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_too_large_for_the_machine_is_not_a_small_one() {
        let huge = "99999999999999999999999";
        assert_eq!(parse_size(&format!("{huge}B")).ok(), Some(u64::MAX));
        assert_eq!(parse_size(&format!("{}MiB", u64::MAX)).ok(), Some(u64::MAX));
        assert_eq!(parse_duration(&format!("{huge}h")).ok(), Some(Duration::from_millis(u64::MAX)));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in 0_u64..=u64::MAX) {
            prop_assert_eq!(parse_size(&size_text(value)).ok(), Some(value));
            let duration = Duration::from_millis(value);
            prop_assert_eq!(parse_duration(&duration_text(duration)).ok(), Some(duration));
        }
    }
}
