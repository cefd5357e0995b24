//! Words of others, made fit for one line of a log.

use std::fmt::Write as _;

/// What `text` becomes as a part of one line, of at most `bytes_max` bytes (3 or more); `None`: it can stay as it is.
///
/// Control characters, line separators and those that change the direction of writing are escaped as Rust does: they would
/// begin lines, or show something else than what is there. What is cut off at the end is marked with `…`.
pub(in crate::coordinator) fn one_line(text: &str, bytes_max: usize) -> Option<String> {
    if text.len() <= bytes_max && !text.chars().any(must_escape) {
        return None;
    }
    const CUT: &str = "…";
    let mut line = String::new();
    // Where the mark goes, if something more does not fit.
    let mut cut = 0;
    for c in text.chars() {
        if must_escape(c) {
            write!(line, "{}", c.escape_default()).expect("a String takes everything");
        } else {
            line.push(c);
        }
        if line.len() > bytes_max {
            line.truncate(cut);
            line.push_str(CUT);
            break;
        }
        if line.len() + CUT.len() <= bytes_max {
            cut = line.len();
        }
    }
    Some(line)
}

fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn ordinary_text_stays() {
        for text in ["", "connect: Connection refused", "größer als \"1\" \\ 2 …"] {
            assert_eq!(one_line(text, 64), None, "{text}");
        }
    }

    #[test]
    fn nothing_begins_a_line_or_moves_the_cursor() {
        let text = "a\nb\r\nc\t\u{1b}[2J\u{0}\u{85}\u{2028}\u{202e}";
        let line = one_line(text, 256).expect("it has control characters");
        assert_eq!(line, r"a\nb\r\nc\t\u{1b}[2J\u{0}\u{85}\u{2028}\u{202e}");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_within_the_bound() {
        for max in 3..12 {
            for text in ["abcdefghijklmnop", "ääääääääää", "\n\n\n\n\n\n\n\n", "a\u{1b}b\u{1b}c\u{1b}"]
            {
                let line = one_line(text, max).expect("it does not fit");
                assert!(line.len() <= max, "{max}: {line:?}");
                assert!(line.ends_with('…'), "{max}: {line:?}");
            }
        }
        assert_eq!(one_line("abcdef", 6), None);
        assert_eq!(one_line("abcdefg", 6).as_deref(), Some("abc…"));
        assert_eq!(one_line("ab\n\n", 6).as_deref(), Some(r"ab\n\n"));
    }
}
