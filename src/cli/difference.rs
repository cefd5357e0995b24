//! What changes, as lines: `+` comes, `-` goes, `~` is different.

use ringway_core::Change;
use ringway_core::change::Keys;

use super::keys::words;
use super::table::{clean, counted};

/// One line per change.
pub(super) fn lines(changes: &[Change]) -> String {
    changes.iter().map(|change| line(change) + "\n").collect()
}

/// How many of each: `2 added, 1 changed, 1 removed`.
pub(super) fn summary(changes: &[Change]) -> String {
    let count = |sign| changes.iter().filter(|change| parts(change).0 == sign).count();
    let told = [(count('+'), "added"), (count('~'), "changed"), (count('-'), "removed")];
    let told = told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    told.collect::<Vec<_>>().join(", ")
}

/// What an answer says that was changed, or would be.
pub(super) fn told(generation: u64, dry_run: bool, changes: &[Change], count: usize) -> String {
    let changed = match count {
        0 if dry_run => return format!("nothing would change; generation {generation}\n"),
        0 => return format!("nothing had to change; generation {generation}\n"),
        count => counted(count, "change"),
    };
    let detail = if changes.is_empty() { String::new() } else { format!(": {}", summary(changes)) };
    let lines = lines(changes);
    if dry_run {
        format!("{lines}would be {changed}{detail}; nothing was done, generation {generation}\n")
    } else {
        format!("{lines}{changed}{detail}; generation {generation}\n")
    }
}

fn line(change: &Change) -> String {
    let (sign, what, keys) = parts(change);
    let keys = keys.map(words).unwrap_or_default();
    let gap = if keys.is_empty() { "" } else { " " };
    clean(&format!("{sign} {what}{gap}{keys}"))
}

/// The sign, what it is about, and its keys.
fn parts(change: &Change) -> (char, String, Option<&Keys>) {
    match change {
        Change::DaemonUpdate { set } => ('~', "daemon".to_owned(), Some(set)),
        Change::ListenerAdd { listener, set } => ('+', format!("listener {listener}"), Some(set)),
        Change::ListenerUpdate { listener, set } => ('~', format!("listener {listener}"), Some(set)),
        Change::ListenerRemove { listener } => ('-', format!("listener {listener}"), None),
        Change::ListenerActivate { listener } => ('~', format!("listener {listener} active=true"), None),
        Change::ListenerDeactivate { listener } => ('~', format!("listener {listener} active=false"), None),
        Change::ClusterAdd { cluster, set } => ('+', format!("cluster {cluster}"), Some(set)),
        Change::ClusterUpdate { cluster, set } => ('~', format!("cluster {cluster}"), Some(set)),
        Change::ClusterRemove { cluster } => ('-', format!("cluster {cluster}"), None),
        Change::FrontendAdd { cluster, set } => ('+', format!("frontend {cluster}"), Some(set)),
        Change::FrontendRemove { cluster, set } => ('-', format!("frontend {cluster}"), Some(set)),
        Change::BackendAdd { cluster, backend, set } => {
            ('+', format!("backend {cluster} {backend}"), Some(set))
        }
        Change::BackendUpdate { cluster, backend, set } => {
            ('~', format!("backend {cluster} {backend}"), Some(set))
        }
        Change::BackendRemove { cluster, backend } => ('-', format!("backend {cluster} {backend}"), None),
        Change::HealthCheckSet { cluster, set } => ('~', format!("health-check {cluster}"), Some(set)),
        Change::HealthCheckRemove { cluster } => ('-', format!("health-check {cluster}"), None),
        Change::RouteAdd { set } => ('+', "route".to_owned(), Some(set)),
        Change::RouteRemove { set } => ('-', "route".to_owned(), Some(set)),
        Change::AnswerSet { status, set } => ('~', format!("answer {status}"), Some(set)),
        Change::AnswerRemove { status } => ('-', format!("answer {status}"), None),
    }
}

#[cfg(test)]
mod tests;
