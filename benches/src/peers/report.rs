//! The report: a Markdown page for people, a JSON file for programs.

use std::fmt::{self, Display, Write};

use crate::doubts;
use crate::json::Json;
use crate::outcome::{Measured, Outcome, spread};
use crate::round::Round;
use crate::stats::Spread;

/// The run as Markdown, to be pasted into a page as it is.
pub(crate) fn markdown(outcome: &Outcome) -> String {
    let mut page = String::new();
    write_markdown(&mut page, outcome).expect("writing into a string cannot fail");
    page
}

fn write_markdown(page: &mut String, outcome: &Outcome) -> fmt::Result {
    let Some(base) = outcome.base() else { return Ok(()) };
    let name = base.kind.name();
    writeln!(
        page,
        "| peer | CPU per request, µs | of it user | whole core, µs | core in use | requests per s | head-room \
         | new conns per request | errors | CPU, {name} ÷ peer | rate, {name} ÷ peer |\n\
         |---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for peer in &outcome.measured {
        write_row(page, outcome, base, peer)?;
    }
    let rounds = base.rounds.len();
    writeln!(
        page,
        "\nMedian of {rounds} interleaved rounds (smallest – largest); ratios are taken round by round.\n"
    )?;
    let direct = spread(&outcome.direct, Round::per_s);
    writeln!(page, "- without a proxy: {} requests per s", ranged(&direct, 0))?;
    for (name, value) in &outcome.facts {
        writeln!(page, "- {name}: {value}")?;
    }
    for peer in &outcome.measured {
        writeln!(page, "- {}: {}: `{}`", peer.kind.name(), peer.version, peer.command)?;
    }
    for skipped in &outcome.skipped {
        let reason = skipped.reason.replace('\n', "\n  ");
        writeln!(page, "- **not measured: {}**: {reason}", skipped.kind.name())?;
    }
    for doubt in doubts::about(outcome) {
        writeln!(page, "- **doubt**: {doubt}")?;
    }
    Ok(())
}

fn write_row(page: &mut String, outcome: &Outcome, base: &Measured, peer: &Measured) -> fmt::Result {
    let errors = match peer.errors() {
        0 => "0".to_owned(),
        some => format!("**{some}**"),
    };
    writeln!(
        page,
        "| {} | {} | {:.0} % | {} | {:.0} % | {} | {:.2} | {:.3} | {errors} | {} | {} |",
        peer.kind.name(),
        ranged(&peer.spread(Round::cpu_us), 2),
        peer.spread(Round::user_share).median * 100.0,
        ranged(&peer.spread(Round::core_us), 2),
        peer.spread(Round::busy_share).median * 100.0,
        ranged(&peer.spread(Round::per_s), 0),
        outcome.head_room(peer),
        peer.spread(Round::accepted_per_request).median,
        ratio(base, peer, Round::cpu_us),
        ratio(base, peer, Round::per_s),
    )
}

fn ratio(base: &Measured, peer: &Measured, of: fn(&Round) -> f64) -> String {
    if peer.kind == base.kind { "1".to_owned() } else { ranged(&peer.ratio(base, of), 3) }
}

/// `12.40 (12.11 – 12.95)`.
fn ranged(spread: &Spread, digits: usize) -> String {
    let Spread { median, min, max, .. } = spread;
    format!("{median:.digits$} ({min:.digits$} – {max:.digits$})")
}

/// The run as JSON: everything in the table, and every round.
pub(crate) fn json(outcome: &Outcome) -> Json {
    let base = outcome.base();
    let texts = |texts: Vec<String>| Json::list(texts.into_iter().map(Json::Text));
    let fact = |(name, value): &(&'static str, String)| (*name, Json::text(value));
    Json::Object(vec![
        ("facts", Json::Object(outcome.facts.iter().map(fact).collect())),
        ("direct", Json::list(outcome.direct.iter().map(round_json))),
        ("peers", Json::list(outcome.measured.iter().map(|peer| peer_json(outcome, base, peer)))),
        (
            "not_measured",
            texts(outcome.skipped.iter().map(|it| format!("{}: {}", it.kind.name(), it.reason)).collect()),
        ),
        ("doubts", texts(doubts::about(outcome))),
    ])
}

fn peer_json(outcome: &Outcome, base: Option<&Measured>, peer: &Measured) -> Json {
    let mut members = vec![
        ("name", Json::text(peer.kind.name())),
        ("version", Json::text(&peer.version)),
        ("command", Json::text(&peer.command)),
        ("cpu_us_per_request", spread_json(&peer.spread(Round::cpu_us))),
        ("core_us_per_request", spread_json(&peer.spread(Round::core_us))),
        ("requests_per_s", spread_json(&peer.spread(Round::per_s))),
        ("head_room", Json::Number(outcome.head_room(peer))),
    ];
    if let Some(base) = base {
        members.push(("compared_with", Json::text(base.kind.name())));
        members.push(("cpu_ratio", spread_json(&peer.ratio(base, Round::cpu_us))));
        members.push(("rate_ratio", spread_json(&peer.ratio(base, Round::per_s))));
    }
    members.push(("rounds", Json::list(peer.rounds.iter().map(round_json))));
    Json::Object(members)
}

fn spread_json(spread: &Spread) -> Json {
    Json::Object(vec![
        ("min", Json::Number(spread.min)),
        ("lower_quartile", Json::Number(spread.lower_quartile)),
        ("median", Json::Number(spread.median)),
        ("upper_quartile", Json::Number(spread.upper_quartile)),
        ("max", Json::Number(spread.max)),
    ])
}

fn round_json(round: &Round) -> Json {
    let errors = &round.load.errors;
    Json::Object(vec![
        ("requests", Json::Number(round.load.requests as f64)),
        ("seconds", Json::Number(round.load.seconds)),
        ("requests_per_s", Json::Number(round.per_s())),
        ("cpu_us_per_request", Json::Number(round.cpu_us())),
        ("core_us_per_request", Json::Number(round.core_us())),
        ("user_share", Json::Number(round.user_share())),
        ("busy_share", Json::Number(round.busy_share())),
        ("waited_share", Json::Number(round.waited_share())),
        ("new_connections", Json::Number(round.accepted as f64)),
        ("errors_connect", Json::Number(errors.connect as f64)),
        ("errors_read", Json::Number(errors.read as f64)),
        ("errors_write", Json::Number(errors.write as f64)),
        ("errors_timeout", Json::Number(errors.timeout as f64)),
        ("errors_status", Json::Number(errors.status as f64)),
    ])
}

/// The command line of this program, for the facts.
pub(crate) fn command_line(arguments: impl IntoIterator<Item = impl Display>) -> String {
    let mut line = "`cargo run --release -p ringway-benches --bin peers --".to_owned();
    for argument in arguments {
        write!(line, " {argument}").expect("writing into a string cannot fail");
    }
    line + "`"
}

#[cfg(test)]
mod tests;
