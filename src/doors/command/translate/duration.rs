//! Times both ways: the protocol's whole seconds, and texts such as `"1m"`.

use std::time::Duration;

use ringway_core::change::Keys;
use serde_json::Value;

/// So many seconds, as a key has them.
pub(super) fn seconds(seconds: u32) -> Value {
    format!("{seconds}s").into()
}

/// What a key says or else its default, in seconds; parts of one count as a whole.
pub(super) fn in_seconds(keys: Option<&Keys>, key: &str, default: Duration) -> u32 {
    let said = keys.and_then(|keys| keys.get(key)).and_then(Value::as_str).and_then(parse_ms);
    let ms = said.map_or(default.as_millis(), u128::from);
    u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX)
}

/// In milliseconds; the coordinator's texts have one of these units.
fn parse_ms(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "h" => 3_600_000,
        "m" => 60_000,
        "s" => 1000,
        "ms" => 1,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_counts_as_a_whole_one() {
        for (text, expected) in [("1500ms", 2), ("3s", 3), ("2m", 120), ("1h", 3600), ("0s", 0)] {
            let keys = Keys::from_iter([("idle".to_owned(), text.into())]);
            assert_eq!(in_seconds(Some(&keys), "idle", Duration::from_secs(60)), expected, "{text}");
        }
        assert_eq!(in_seconds(None, "idle", Duration::from_secs(60)), 60);
        assert_eq!(seconds(5), Value::from("5s"));
    }
}
