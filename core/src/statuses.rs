//! A set of HTTP status codes, as in `2xx,404`.

use std::fmt;
use std::str::FromStr;

/// The least status code (RFC 9110 section 15).
pub const STATUS_MIN: u16 = 100;
/// The largest.
pub const STATUS_MAX: u16 = 599;

/// Status codes from [`STATUS_MIN`] to [`STATUS_MAX`], at least one.
///
/// Written as ranges with commas between: `200`, `200-399`, `2xx`, `any`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Statuses([u64; 8]);

/// Text that is no set of status codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part:?} is no status, no class as `2xx`, no range as `200-399`, and not `any`")]
pub struct StatusesError {
    /// What of it can not be read.
    pub part: String,
}

impl Statuses {
    /// 200 to 299.
    #[must_use]
    pub fn success() -> Statuses {
        let mut all = Statuses([0; 8]);
        (200..=299).for_each(|status| all.insert(status));
        all
    }

    /// Whether `status` is one of them.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        (STATUS_MIN..=STATUS_MAX).contains(&status) && {
            let bit = usize::from(status - STATUS_MIN);
            self.0[bit / 64] >> (bit % 64) & 1 == 1
        }
    }

    fn insert(&mut self, status: u16) {
        let bit = usize::from(status - STATUS_MIN);
        self.0[bit / 64] |= 1 << (bit % 64);
    }
}

impl FromStr for Statuses {
    type Err = StatusesError;

    fn from_str(text: &str) -> Result<Statuses, StatusesError> {
        let mut all = Statuses([0; 8]);
        for part in text.split(',') {
            let part = part.trim();
            let error = || StatusesError { part: part.to_owned() };
            let (first, last) = range(part).ok_or_else(error)?;
            (first..=last).for_each(|status| all.insert(status));
        }
        Ok(all)
    }
}

fn range(part: &str) -> Option<(u16, u16)> {
    if part == "any" {
        return Some((STATUS_MIN, STATUS_MAX));
    }
    let status = |text: &str| {
        let all_digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        let status = text.parse().ok().filter(|_| all_digits)?;
        (STATUS_MIN..=STATUS_MAX).contains(&status).then_some(status)
    };
    if let Some(class) = part.strip_suffix("xx") {
        let class = status(&format!("{class}00"))?;
        return Some((class, class + 99));
    }
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some((first, last))
}

/// Reads back to the same set.
impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut next = STATUS_MIN;
        while let Some(first) = (next..=STATUS_MAX).find(|status| self.contains(*status)) {
            let last =
                (first..=STATUS_MAX).take_while(|status| self.contains(*status)).last().unwrap_or(first);
            match (first, last) {
                (STATUS_MIN, STATUS_MAX) => return f.write_str("any"),
                (first, last) if first == last => write!(f, "{separator}{first}")?,
                (first, last) if first % 100 == 0 && last == first + 99 => {
                    write!(f, "{separator}{}xx", first / 100)?;
                }
                (first, last) => write!(f, "{separator}{first}-{last}")?,
            }
            (separator, next) = (",", last + 1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        for (text, written) in [
            ("2xx,404", "2xx,404"),
            (" 200-299 , 404,404", "2xx,404"),
            ("200-399", "200-399"),
            ("100-599", "any"),
            ("5xx,503,599", "5xx"),
        ] {
            let statuses: Statuses = text.parse().unwrap();
            assert_eq!(statuses.to_string(), written, "{text}");
            assert_eq!(statuses.to_string().parse(), Ok(statuses), "{text}");
        }
        let statuses: Statuses = "2xx,404".parse().unwrap();
        let inside =
            [99, 100, 199, 200, 299, 300, 403, 404, 405, 599, 600].map(|status| statuses.contains(status));
        assert_eq!(inside, [false, false, false, true, true, false, false, true, false, false, false]);
    }

    #[test]
    fn nonsense_is_refused_with_the_part_that_is_none() {
        for (text, part) in [
            ("", ""),
            ("2xx,", ""),
            ("6xx", "6xx"),
            ("xx", "xx"),
            ("99", "99"),
            ("0200", "0200"),
            ("200,3x0", "3x0"),
            ("399-200", "399-200"),
            ("+20", "+20"),
        ] {
            assert_eq!(text.parse::<Statuses>().map_err(|error| error.part), Err(part.to_owned()), "{text}");
        }
    }
}
