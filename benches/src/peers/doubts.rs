//! Reasons not to trust a run, found in its own figures.

use crate::machine;
use crate::outcome::{Measured, Outcome};
use crate::round::Round;

/// Head-room below which client and origin share in the result (the usual rule for fair benchmarks).
const HEAD_ROOM_MIN: f64 = 2.0;
/// Share of a round that a proxy may wait for its core before the round counts as disturbed.
const WAITED_MAX: f64 = 0.02;
/// Width of the spread, as a share of the median, above which a difference between peers is hard to tell.
const WIDTH_MAX: f64 = 0.10;
/// Difference between the core's time and the threads' own: a tenth is more than a clock tick's inaccuracy.
const CORE_OVER_THREADS_MAX: f64 = 1.10;
/// New connections for each request on kept connections; above, somebody does not keep them.
const ACCEPTED_MAX: f64 = 0.01;
/// Processes ready to run before anything was started: this program itself and a little more.
const LOAD_AVERAGE_MAX: f64 = 0.5;

/// What is wrong with the machine before the first round.
pub(crate) fn about_machine(proxy_core: usize, load_core: usize) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(load) = machine::load_average().filter(|load| *load > LOAD_AVERAGE_MAX) {
        doubts.push(format!(
            "the machine was busy before the run (load average {load}): measure on a quiet one"
        ));
    }
    let siblings = machine::siblings(proxy_core).unwrap_or_default();
    if on_list(&siblings, load_core) {
        doubts.push(format!("cores {proxy_core} and {load_core} are two threads of one core: choose others"));
    }
    doubts
}

/// What is wrong with the figures.
pub(crate) fn about(outcome: &Outcome) -> Vec<String> {
    let mut doubts = outcome.warnings.clone();
    let failed: u64 = outcome.direct.iter().map(|round| round.load.errors.total()).sum();
    if failed > 0 {
        doubts.push(format!("the origin itself failed {failed} times without any proxy"));
    }
    for peer in &outcome.measured {
        let name = peer.kind.name();
        doubts.extend(about_peer(outcome, peer).into_iter().map(|doubt| format!("{name}: {doubt}")));
    }
    doubts
}

fn about_peer(outcome: &Outcome, peer: &Measured) -> Vec<String> {
    let mut doubts = Vec::new();
    if peer.errors() > 0 {
        doubts.push(format!("{}; its figures are not comparable", errors_in_words(peer)));
    }
    let head_room = outcome.head_room(peer);
    if head_room < HEAD_ROOM_MIN {
        doubts.push(format!(
            "head-room {head_room:.2} is below {HEAD_ROOM_MIN}: client and origin share in its rate; \
             trust only the CPU per request"
        ));
    }
    let answer_bytes = peer.spread(Round::answer_bytes).min;
    if answer_bytes < outcome.body_bytes as f64 {
        doubts.push(format!("answers of {answer_bytes:.0} bytes are shorter than their body"));
    }
    let accepted = peer.spread(Round::accepted_per_request).max;
    if !outcome.close && accepted > ACCEPTED_MAX {
        doubts.push(format!("{accepted:.2} new connections for each request although connections are kept"));
    }
    let waited = peer.spread(Round::waited_share).max;
    if waited > WAITED_MAX {
        doubts.push(format!(
            "waited for its core for {:.0} % of a round: other work ran there",
            waited * 100.0
        ));
    }
    let threads = peer.spread(Round::cpu_us);
    let core = peer.spread(Round::core_us).median;
    if core > threads.median * CORE_OVER_THREADS_MAX {
        doubts.push(format!(
            "its core was busy for {core:.1} µs per request, its threads for {:.1}: other work ran there, or this \
             kernel accounts for interrupts apart",
            threads.median
        ));
    }
    if threads.width() > WIDTH_MAX {
        doubts.push(format!("rounds differ by {:.0} % of the median", threads.width() * 100.0));
    }
    if peer.rounds.iter().any(|round| round.spent.ended_threads > 0) {
        doubts.push("threads ended within a round, their CPU time is missing".to_owned());
    }
    doubts
}

/// `12 errors (connect 0, read 2, write 0, timeout 10, status 0)`.
fn errors_in_words(peer: &Measured) -> String {
    let sum = |field: fn(&Round) -> u64| peer.rounds.iter().map(field).sum::<u64>();
    format!(
        "{} errors (connect {}, read {}, write {}, timeout {}, status {})",
        peer.errors(),
        sum(|round| round.load.errors.connect),
        sum(|round| round.load.errors.read),
        sum(|round| round.load.errors.write),
        sum(|round| round.load.errors.timeout),
        sum(|round| round.load.errors.status),
    )
}

/// Whether a number is on a list such as `0-3,8`.
fn on_list(list: &str, number: usize) -> bool {
    list.split(',').any(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        matches!((from.trim().parse::<usize>(), to.trim().parse::<usize>()), (Ok(from), Ok(to)) if (from..=to).contains(&number))
    })
}

#[cfg(test)]
mod tests;
