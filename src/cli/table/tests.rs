//! How tables look.

use super::*;

#[test]
fn columns_are_aligned_and_no_line_has_blanks_at_its_end() {
    let mut table = Table::new(["NAME", ">COUNT", "LAST"]);
    table.row(["a".to_owned(), "1".to_owned(), "x".to_owned()]);
    table.row(["a long name".to_owned(), "1000000".to_owned(), String::new()]);
    table.row(["é".to_owned(), "12".to_owned(), "two words".to_owned()]);
    assert_eq!(
        table.to_string(),
        "NAME           COUNT  LAST\n\
         a                  1  x\n\
         a long name  1000000\n\
         é                 12  two words\n"
    );
}

#[test]
fn an_empty_table_is_its_heading() {
    let table = Table::new(["A", ">B"]);
    assert!(table.is_empty());
    assert_eq!(table.to_string(), "A  B\n");
}

#[test]
fn what_is_shown_can_not_move_the_cursor() {
    let mut table = Table::new(["A"]);
    table.row(["red \x1b[31m\nline\u{9b}".to_owned()]);
    assert_eq!(table.to_string(), "A\nred \\u{1b}[31m\\nline\\u{9b}\n");
}

#[test]
fn times_have_two_units() {
    for (seconds, text) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m 0s"),
        (3_599, "59m 59s"),
        (3_600, "1h 0m"),
        (86_399, "23h 59m"),
        (86_400, "1d 0h"),
        (8_640_000, "100d 0h"),
    ] {
        assert_eq!(time(seconds), text);
    }
}
