//! Durations and sizes as people write them on a command line: `500ms`, `1.5s`, `64KiB`.

use std::time::Duration;

const DURATIONS: [(&str, f64); 5] = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
const SIZES: [(&str, u64); 5] = [("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

/// A number and its unit: `us`, `ms`, `s`, `m` or `h`.
///
/// # Errors
/// What it should look like.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let factor = DURATIONS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| factor);
    let seconds = factor.and_then(|factor| Some(number.parse::<f64>().ok()? * factor));
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| {
        format!("{text:?} is not a duration: write a number and its unit, such as 500ms, 3s or 2m")
    })
}

/// A whole number of bytes, or of `KiB`, `MiB` or `GiB`.
///
/// # Errors
/// What it should look like.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor = SIZES.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor)).ok_or_else(|| {
        format!(
            "{text:?} is not a size: write a number of bytes, or one with its unit, such as 64KiB or 1MiB"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_its_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for text in ["", "5", "s", "-1s", "5 s", "5sec", "1..2s", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_may_do_without_a_unit() {
        assert_eq!(size("10"), Ok(10));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        for text in ["", "KiB", "1.5KiB", "10KB", "-1", "99999999999999999999"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
