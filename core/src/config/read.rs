//! From the text of a file to a configuration, or to everything that is wrong with it.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::check::Seen;
use super::problem::{At, Problem, Problems, Refusal};
use super::table::{Table, root};
use crate::address::{AddressError, UNIX_PATH_BYTES_MAX};

use super::{AnswerFiles, Config, Daemon, LogLevel, parse};

mod action;
mod backend;
mod cluster;
pub(super) mod health_check;
pub(super) mod listener;
mod rewrite;
mod rule;
pub(crate) mod single;
mod sticky;

/// `folder` is what relative paths of files begin at.
pub(super) fn read(folder: &Path, content: &[u8]) -> Result<Config, Vec<Problem>> {
    let text = text(content)?;
    let mut problems = Problems::new(text);
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let at = nowhere(error.span().map_or(0, |span| span.start));
            problems.add(&at, Refusal::new(format!("not valid TOML: {}", error.message())));
            return Err(problems.into_result().expect_err("one was just added"));
        }
    };
    let root = root(&document, &mut problems);
    let mut seen = Seen::default();
    let daemon = root.table("daemon", &mut problems).map(|table| daemon(&table, folder, &mut problems));
    let listeners = root.tables("listeners", &mut problems);
    let listeners =
        listeners.iter().filter_map(|table| listener::listener(table, &mut seen, &mut problems)).collect();
    let before = problems.count();
    let clusters = root.named("clusters", &mut problems);
    let routes = root.tables("routes", &mut problems);
    // What was refused for another reason would have been there.
    if clusters.is_empty() && routes.is_empty() && problems.count() == before {
        let at = At { offset: 0, path: "clusters".to_owned() };
        let refusal = Refusal::new("nothing is served: neither a cluster nor a route is there");
        problems.add(&at, refusal.hint("add [clusters.NAME] or [[routes]]"));
    }
    let clusters = clusters
        .iter()
        .filter_map(|(name, table)| cluster::cluster(name, table, folder, &mut seen, &mut problems))
        .collect();
    let routes =
        routes.iter().filter_map(|table| action::route(table, folder, &mut seen, &mut problems)).collect();
    let answers = root.tables("answers", &mut problems);
    let answers =
        answers.iter().filter_map(|table| answer(table, folder, &mut seen, &mut problems)).collect();
    seen.check(&mut problems);
    problems.into_result()?;
    Ok(Config { daemon: daemon.unwrap_or_default(), listeners, clusters, routes, answers })
}

fn text(content: &[u8]) -> Result<&str, Vec<Problem>> {
    std::str::from_utf8(content).map_err(|error| {
        let valid = String::from_utf8_lossy(&content[..error.valid_up_to()]);
        let mut problems = Problems::new(&valid);
        let refusal = Refusal::new("not valid TOML: the file is not UTF-8").hint("save it as UTF-8");
        problems.add(&nowhere(valid.len()), refusal);
        problems.into_result().expect_err("one was just added")
    })
}

/// A place in a text that has no keys.
fn nowhere(offset: usize) -> At {
    At { offset, path: String::new() }
}

fn daemon(table: &Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Daemon {
    let state_file = file("state_file", table, folder, problems);
    let [automatic_state_save, load_state] = ["automatic_state_save", "load_state"].map(|name| {
        let wanted = table.boolean(name, problems);
        if wanted && !table.has("state_file") {
            let refusal = Refusal::new("no state file is named").hint("add `state_file = \"FILE\"`");
            problems.add(&table.at_of(name), refusal);
        }
        wanted
    });
    let shards = table.optional_integer("shards", problems);
    Daemon {
        shards: shards.and_then(std::num::NonZero::new),
        drain_timeout: table.duration("drain_timeout", problems),
        log_level: table.word("log_level", problems, LogLevel::from_word),
        max_connections_per_shard: table.integer("max_connections_per_shard", problems),
        max_connections: table.optional_integer("max_connections", problems),
        max_connections_per_source: table.optional_integer("max_connections_per_source", problems),
        max_in_flight_per_source: table.optional_integer("max_in_flight_per_source", problems),
        source_queue_timeout: table.duration("source_queue_timeout", problems),
        source_queue_max: table.integer("source_queue_max", problems),
        command_socket: socket("command_socket", table, folder, problems),
        state_file,
        automatic_state_save,
        load_state,
        audit_log: file("audit_log", table, folder, problems),
        audit_log_json: file("audit_log_json", table, folder, problems),
        turn_max: table.duration("turn_max", problems),
        mutation_timeout: table.duration("mutation_timeout", problems),
        restart_shards: table.boolean("restart_shards", problems),
    }
}

fn answer(
    table: &Table<'_>,
    folder: &Path,
    seen: &mut Seen,
    problems: &mut Problems<'_>,
) -> Option<AnswerFiles> {
    let status = table.required_integer("status", problems);
    let html = file("html", table, folder, problems);
    let json = file("json", table, folder, problems);
    if !table.has("html") && !table.has("json") {
        problems.add(&table.at, Refusal::new("at least one of `html` and `json` is needed"));
    }
    seen.answers.extend(status.map(|status| (status, table.at_of("status"))));
    Some(AnswerFiles { status: status?, html, json })
}

/// The path of a UNIX socket at `name`, seen from where the process runs.
fn socket(name: &str, table: &Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Option<PathBuf> {
    let path = file(name, table, folder, problems)?;
    let bytes = path.as_os_str().len();
    if bytes > UNIX_PATH_BYTES_MAX {
        problems.add(&table.at_of(name), AddressError::TooLong { bytes }.into());
    }
    Some(path)
}

/// The path at `name`, seen from where the process runs.
fn file(name: &str, table: &Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Option<PathBuf> {
    table.text(name, problems, parse::file).map(|(path, _)| folder.join(&*path))
}
