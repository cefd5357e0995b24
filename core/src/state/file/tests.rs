//! What is written reads back, and what is not whole is refused.

use proptest::prelude::*;

use super::*;
use crate::config::tests::round_trip;

fn text(state: &ConfigState) -> Vec<u8> {
    let mut out = Vec::new();
    write(state, 7, &mut out);
    out
}

fn small() -> ConfigState {
    let mut state = ConfigState::new();
    for line in [
        r#"{"change":"cluster_add","cluster":"api","set":{}}"#,
        r#"{"change":"backend_add","cluster":"api","backend":"api-1","set":{"address":"10.0.0.1:80","weight":5}}"#,
    ] {
        let change = serde_json::from_str(line).expect("a change");
        let mutation = state.resolve(&change).expect("a valid change");
        state.apply(&mutation).expect("it fits");
    }
    state
}

#[track_caller]
fn refused(content: impl AsRef<[u8]>, line: usize, reason: &str) {
    let error = load(content.as_ref()).expect_err("it is refused");
    assert!(error.line == line && error.reason.contains(reason), "{error}");
}

#[test]
fn one_change_is_one_line() {
    let text = String::from_utf8(text(&small())).expect("it is JSON");
    let lines: Vec<_> = text.lines().collect();
    let hash = format!("{:016x}", small().hash());
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        lines,
        [
            &*format!(
                r#"{{"ringway_state":1,"version":"{version}","generation":7,"changes":2,"hash":"{hash}"}}"#
            ),
            r#"{"change":"cluster_add","cluster":"api","set":{}}"#,
            r#"{"change":"backend_add","cluster":"api","backend":"api-1","set":{"address":"10.0.0.1:80","weight":5}}"#,
            r#"{"end":2}"#,
        ]
    );
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused_with_its_line() {
    let text = text(&small());
    for end in 0..text.len() {
        let error = load(&text[..end]).expect_err("it is not whole");
        let line = 1 + text[..end].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(error.line, line, "{end}: {error}");
        assert!(!error.reason.is_empty());
    }
    load(&text).expect("it is whole");
}

#[test]
fn a_file_of_something_else_is_refused_with_its_reason() {
    let whole = String::from_utf8(text(&small())).expect("it is JSON");
    refused("", 1, "the file is empty");
    refused("[daemon]\nshards = 1\n", 1, "not a state file of Ringway");
    refused("{\"a\":1}\n", 1, "no \"ringway_state\"");
    refused([0xff, 0xfe, b'\n'], 1, "not UTF-8");
    refused(vec![b' '; CHANGE_LINE_BYTES_MAX + 2], 1, "longer than");
    refused(whole.replace("\"ringway_state\":1", "\"ringway_state\":2"), 1, "the format is 2");
    refused(whole.replace("\"changes\":2", "\"changes\":1"), 3, "expected the end after the 1 changes");
    refused(whole.replace("\"changes\":2", "\"changes\":3"), 4, "the file ends after 2 changes");
    refused(whole.replace("\"end\":2", "\"end\":3"), 4, "it says 3 changes");
    refused(whole.replace("\"weight\":5", "\"weight\":6"), 1, "some line was changed");
    refused(whole.replace("\"weight\"", "\"wieght\""), 3, "did you mean \"weight\"?");
    refused(whole.replace("\"backend_add\"", "\"backend_ad\""), 3, "not a change");
    refused(whole.clone() + "\n", 5, "something follows");
    let lines: Vec<_> = whole.lines().collect();
    refused(
        format!("{}\n{}\n{}\n{}\n", lines[0], lines[2], lines[1], lines[3]),
        2,
        "there is no cluster \"api\"",
    );
}

#[test]
fn the_longest_change_fits_a_line() {
    use crate::config::defaults as d;
    let of_a_test = d::FIELD_NAME_BYTES_MAX + d::PREDICATE_VALUE_BYTES_MAX.max(d::PATTERN_BYTES_MAX);
    let of_an_edit = d::FIELD_NAME_BYTES_MAX + d::FIELD_VALUE_BYTES_MAX;
    let texts = 2 * d::PREDICATES_MAX * of_a_test + 6 * d::EDITS_MAX * of_an_edit + d::INLINE_BODY_BYTES_MAX;
    // A control character takes six, and what is between texts less than they do.
    assert!(2 * texts < CHANGE_LINE_BYTES_MAX, "{texts}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_damage_is_refused_or_changes_nothing(
        config in round_trip::config(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let state = ConfigState::from_config(&config);
        let mut text = text(&state);
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(read) = load(&text) {
            prop_assert_eq!(read.holds, state);
        }
        let _ = load(&text[..at]).expect_err("it was cut");
    }
}
