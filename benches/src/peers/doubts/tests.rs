//! Runs with one thing wrong each.

use super::{about, on_list};
use crate::cli::Kind;
use crate::outcome::Outcome;
use crate::outcome::tests::{measured, outcome, round};
use crate::round::Round;

/// A run of HAProxy whose middle round is changed by `spoil`.
fn spoilt(spoil: fn(&mut Round)) -> Outcome {
    let mut rounds = vec![round(80_000, 10); 3];
    spoil(&mut rounds[1]);
    outcome(vec![measured(Kind::Haproxy, rounds)])
}

fn the_doubt(outcome: &Outcome) -> String {
    let doubts = about(outcome);
    assert_eq!(doubts.len(), 1, "{doubts:?}");
    doubts[0].clone()
}

#[test]
fn a_clean_run_raises_no_doubt() {
    assert_eq!(about(&spoilt(|_| ())), Vec::<String>::new());
}

#[test]
fn errors_are_named_by_kind() {
    let doubt = the_doubt(&spoilt(|round| {
        round.load.errors.timeout = 10;
        round.load.errors.status = 2;
    }));
    assert!(
        doubt.starts_with("haproxy: 12 errors (connect 0, read 0, write 0, timeout 10, status 2)"),
        "{doubt}"
    );
}

#[test]
fn little_head_room_is_named() {
    let outcome = outcome(vec![measured(Kind::Ringway, vec![round(125_000, 8)])]);
    assert!(the_doubt(&outcome).contains("head-room 1.60 is below 2"));
}

#[test]
fn short_answers_are_named() {
    assert!(the_doubt(&spoilt(|round| round.load.bytes /= 10.0)).contains("answers of 30 bytes"));
}

#[test]
fn connections_that_are_not_kept_are_named_only_where_they_should_be() {
    let mut outcome = spoilt(|round| round.accepted = round.load.requests);
    assert!(the_doubt(&outcome).contains("1.00 new connections for each request"));
    outcome.close = true;
    assert_eq!(about(&outcome), Vec::<String>::new());
}

#[test]
fn waiting_for_the_core_is_named() {
    assert!(the_doubt(&spoilt(|round| round.spent.waited_ns = 50_000_000)).contains("5 % of a round"));
}

#[test]
fn a_core_busy_with_more_than_the_proxy_is_named() {
    let mut rounds = vec![round(80_000, 10); 3];
    rounds.iter_mut().for_each(|round| round.core_busy_s *= 1.5);
    let outcome = outcome(vec![measured(Kind::Haproxy, rounds)]);
    assert!(the_doubt(&outcome).contains("busy for 15.0 µs per request, its threads for 10.0"));
}

#[test]
fn rounds_that_differ_are_named() {
    let rounds = vec![round(80_000, 10), round(80_000, 12), round(80_000, 10)];
    assert!(the_doubt(&outcome(vec![measured(Kind::Haproxy, rounds)])).contains("differ by 20 %"));
}

#[test]
fn an_origin_that_fails_by_itself_is_named() {
    let mut outcome = spoilt(|_| ());
    outcome.direct[0].load.errors.read = 3;
    assert!(the_doubt(&outcome).contains("origin itself failed 3 times"));
}

#[test]
fn kernel_lists_hold_numbers_and_ranges() {
    assert!(on_list("0-3,8", 2) && on_list("0-3,8", 8) && on_list("1", 1));
    assert!(!on_list("0-3,8", 4) && !on_list("", 0));
}
