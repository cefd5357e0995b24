//! Runs made up of chosen rounds.

use super::{Measured, Outcome};
use crate::cli::Kind;
use crate::round::Round;
use crate::usage::Spent;
use crate::wrk::{Errors, Load};

/// A clean keep-alive round of one second, in which each request of 300 bytes cost `cpu_us`.
pub(crate) fn round(requests: u64, cpu_us: u64) -> Round {
    let ran_ns = requests * cpu_us * 1000;
    Round {
        load: Load { requests, seconds: 1.0, bytes: requests as f64 * 300.0, errors: Errors::default() },
        spent: Spent { ran_ns, user_ticks: 25, system_ticks: 75, ..Spent::default() },
        wall_s: 1.0,
        core_busy_s: ran_ns as f64 / 1e9,
        accepted: 0,
    }
}

pub(crate) fn measured(kind: Kind, rounds: Vec<Round>) -> Measured {
    let version = format!("{} 1.0", kind.name());
    Measured { kind, version, command: format!("taskset -c 0 {}", kind.name()), rounds }
}

pub(crate) fn outcome(measured: Vec<Measured>) -> Outcome {
    Outcome {
        facts: vec![("kernel", "6.1".to_owned())],
        body_bytes: 128,
        close: false,
        direct: vec![round(200_000, 1); 3],
        measured,
        skipped: Vec::new(),
        warnings: Vec::new(),
    }
}

#[test]
fn a_ratio_is_taken_pair_by_pair_so_that_noise_common_to_a_round_cancels() {
    let ours = measured(Kind::Ringway, vec![round(1000, 10), round(1000, 20), round(1000, 40)]);
    let theirs = measured(Kind::Nginx, vec![round(1000, 20), round(1000, 40), round(1000, 50)]);
    let ratio = theirs.ratio(&ours, Round::cpu_us);
    assert_eq!((ratio.min, ratio.median, ratio.max), (0.5, 0.5, 0.8));
}

#[test]
fn head_room_is_the_direct_rate_over_the_rate_through_the_peer() {
    let outcome = outcome(vec![measured(Kind::Nginx, vec![round(80_000, 10)])]);
    assert_eq!(outcome.head_room(&outcome.measured[0]), 2.5);
}

#[test]
fn cost_is_divided_by_the_requests_of_its_own_round() {
    let round = round(50_000, 12);
    assert_eq!(round.cpu_us(), 12.0);
    assert_eq!(round.core_us(), 12.0);
    assert_eq!(round.user_share(), 0.25);
    assert_eq!(round.answer_bytes(), 300.0);
}
