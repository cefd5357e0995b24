//! Accept: which form it asks for.

use super::*;

#[track_caller]
fn assert_wanted(accept: &str, form: Form) {
    assert_eq!(Form::wanted(Some(accept.as_bytes())), form, "{accept:?}");
}

#[test]
fn browsers_get_html_programs_json_and_everyone_else_text() {
    assert_eq!(Form::wanted(None), Form::Plain);
    for (accept, form) in [
        ("*/*", Form::Plain),
        ("", Form::Plain),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", Form::Html),
        ("application/json, text/plain, */*", Form::Json),
        ("application/json, text/javascript, */*; q=0.01", Form::Json),
        ("application/json", Form::Json),
        ("application/vnd.api+json", Form::Json),
        ("application/problem+JSON;q=0.4", Form::Json),
        ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", Form::Plain),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", Form::Html),
        ("text/css,*/*;q=0.1", Form::Plain),
        ("image/png", Form::Plain),
    ] {
        assert_wanted(accept, form);
    }
}

#[test]
fn the_highest_quality_wins_and_the_most_precise_range_sets_it() {
    for (accept, form) in [
        ("text/plain;q=0.5, text/html;q=0.6", Form::Html),
        ("text/plain;q=0.5, application/json;q=0.501", Form::Json),
        ("text/html;q=0.9, */*", Form::Plain),
        ("text/*;q=0.3, text/html;q=0.7, application/json;q=0.4", Form::Html),
        ("text/*, text/plain;q=0.1", Form::Html),
        ("*/*, text/plain;q=0.1, text/html;q=0.1", Form::Json),
        ("*/*, text/plain;q=0", Form::Html),
        ("*/*, text/*;q=0", Form::Json),
        ("application/*", Form::Json),
        ("*/*;q=0", Form::Plain),
        ("text/html;q=0, application/json;q=0.000", Form::Plain),
        ("text/html;q=0.2, text/html;q=0.8, application/json;q=0.5", Form::Html),
    ] {
        assert_wanted(accept, form);
    }
}

#[test]
fn of_equal_ones_the_named_the_first_and_the_simplest_win() {
    for (accept, form) in [
        ("*/*, text/html", Form::Html),
        ("text/*, application/json", Form::Json),
        ("application/json, text/html", Form::Json),
        ("text/html, application/json", Form::Html),
        ("text/*", Form::Plain),
        ("application/*, text/*", Form::Json),
    ] {
        assert_wanted(accept, form);
    }
}

#[test]
fn case_space_and_parameters_make_no_difference() {
    for accept in [
        "TEXT/HTML",
        " text/html\t",
        "text/html;level=1",
        "text/html ; charset=utf-8 ; q=1",
        "text/html;a=\"b,application/json;q=1\";Q=0.9, application/json;q=0.8",
        "text/html;a=\"\\\",x\";q=0.9,application/json;q=0.8",
        "text/html;q=0.5;ext=1, application/json;q=0.4",
        ",, ,text/html,,",
    ] {
        assert_wanted(accept, Form::Html);
    }
}

#[test]
fn malformed_members_count_as_absent() {
    for bad in ["2", "1.001", "-1", "0,5", "0.5.", "0.x", "x", "", ".", "\"0.5\"", "00.5", "1e3"] {
        assert_wanted(&format!("text/html;q={bad}"), Form::Plain);
    }
    for good in ["1", "1.", "1.000", "0.001", "0.0015", ".5", "1.0000"] {
        assert_wanted(&format!("text/html;q={good}"), Form::Html);
    }
    for range in [
        "text/html json",
        "text",
        "/",
        "text/",
        "/html",
        "+json",
        "application/+json",
        "application/a@b+json",
        "text\0/html",
        ";q=1",
    ] {
        assert_wanted(range, Form::Plain);
        assert_wanted(&format!("{range};q=1, application/json;q=0.1"), Form::Json);
    }
}
