//! From a configuration to the text of a file that means the same, with every key written out.
//!
//! A key whose absence means something that can not be written stands as a comment that says what.

use std::fmt::{Display, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::keys::Section;
use super::units::{duration_text, size_text};
use super::{
    Action, AnswerFiles, Config, Content, Daemon, HeaderEdits, Match, PathMatch, Predicate, Respond, Rewrite,
    Route, ShardCount, Test,
};
use crate::ids::ListenerName;

mod cluster;
pub(crate) mod keys;
mod listener;
mod toml;

impl Config {
    /// The file that means this configuration: [`Config::read`] gives back an equal one. Durations are whole milliseconds in
    /// it, and paths UTF-8; relative ones mean the same only in a file of the folder where the process runs.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        section(&mut out, "[daemon]", Section::Daemon, of_daemon(&self.daemon));
        for listener in &self.listeners {
            listener::write(&mut out, listener);
        }
        for cluster in &self.clusters {
            cluster::write(&mut out, cluster);
        }
        for route in &self.routes {
            section(&mut out, "[[routes]]", Section::Route, |name| of_route(route, name));
        }
        for answer in &self.answers {
            section(&mut out, "[[answers]]", Section::Answers, |name| of_answer(answer, name));
        }
        out
    }
}

/// What stands at a key.
enum Value {
    /// This.
    Is(Json),
    /// This, which is what other keys make of its absence.
    Follows(Json),
    /// Nothing, which means what the table of keys says.
    Absent,
    /// Nothing: another key says it, or it has no meaning here.
    Left,
}

impl Value {
    fn of<T>(value: Option<T>, write: impl Fn(T) -> Json) -> Value {
        value.map_or(Value::Absent, |value| Value::Is(write(value)))
    }

    /// A table of its own further down, if it is there.
    fn below<T>(table: Option<&T>) -> Value {
        table.map_or(Value::Absent, |_| Value::Left)
    }

    /// An empty list that means something else than an empty list.
    fn unless_empty<T>(values: &[T], write: impl Fn(&[T]) -> Json) -> Value {
        if values.is_empty() { Value::Absent } else { Value::Is(write(values)) }
    }

    /// It says nothing if `follows`.
    fn that_follows(self, follows: bool) -> Value {
        match self {
            Value::Is(value) if follows => Value::Follows(value),
            other => other,
        }
    }
}

/// The values of a section that are all there.
fn each<const N: usize>(of: Section, mut values: [(&'static str, Value); N]) -> impl FnMut(&str) -> Value {
    move |name| {
        let value = values.iter_mut().find(|(key, _)| *key == name);
        value.map_or_else(|| unwritten(of, name), |(_, value)| std::mem::replace(value, Value::Left))
    }
}

/// Writes the keys of a section, in the order of the table; its tables are written by themselves unless `value` has them.
fn section(out: &mut String, header: &str, section: Section, mut value: impl FnMut(&str) -> Value) {
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{header}");
    for key in section.keys() {
        let _ = match value(key.name) {
            Value::Is(value) | Value::Follows(value) => {
                writeln!(out, "{} = {}", key.name, toml::text(&value))
            }
            Value::Absent => writeln!(out, "# {}: {}", key.name, key.fallback),
            Value::Left => Ok(()),
        };
    }
}

/// The table of keys has one that is not written: found by every test that writes a configuration.
fn unwritten(section: Section, name: &str) -> ! {
    unreachable!("{name} in {section:?} is not written")
}

fn of_daemon(daemon: &Daemon) -> impl FnMut(&str) -> Value {
    each(
        Section::Daemon,
        [
            ("shards", optional(daemon.shards.map(ShardCount::get))),
            ("drain_timeout", duration(daemon.drain_timeout)),
            ("log_level", word(daemon.log_level.as_str())),
            ("max_connections_per_shard", number(daemon.max_connections_per_shard)),
            ("max_connections", optional(daemon.max_connections)),
            ("max_connections_per_source", optional(daemon.max_connections_per_source)),
            ("max_in_flight_per_source", optional(daemon.max_in_flight_per_source)),
            ("source_queue_timeout", duration(daemon.source_queue_timeout)),
            ("source_queue_max", number(daemon.source_queue_max)),
            ("command_socket", Value::of(daemon.command_socket.as_deref(), path)),
            ("state_file", Value::of(daemon.state_file.as_deref(), path)),
            ("automatic_state_save", number(daemon.automatic_state_save)),
            ("load_state", number(daemon.load_state)),
            ("audit_log", Value::of(daemon.audit_log.as_deref(), path)),
            ("audit_log_json", Value::of(daemon.audit_log_json.as_deref(), path)),
            ("turn_max", duration(daemon.turn_max)),
            ("mutation_timeout", duration(daemon.mutation_timeout)),
            ("restart_shards", number(daemon.restart_shards)),
        ],
    )
}

fn of_rule(listeners: &[ListenerName], matching: &Match, rewrite: &Rewrite, name: &str) -> Value {
    let optional = |text: &Option<Arc<str>>| Value::of(text.as_deref(), quoted);
    match (name, &matching.path) {
        ("listeners", _) => Value::unless_empty(listeners, array),
        ("hostname", _) => text(&matching.hostname),
        ("path", PathMatch::Exact(path)) => text(path),
        ("path_prefix", PathMatch::Prefix(path)) => text(path),
        ("path_regex", PathMatch::Regex(pattern)) => text(pattern),
        ("path" | "path_prefix" | "path_regex", _) => Value::Left,
        ("methods", _) => Value::unless_empty(&matching.methods, array),
        ("headers", _) => Value::unless_empty(&matching.headers, predicates),
        ("query", _) => Value::unless_empty(&matching.query, predicates),
        ("request_headers", _) => edits(&rewrite.request_headers),
        ("response_headers", _) => edits(&rewrite.response_headers),
        // The same as `replace_prefix` with another name.
        ("strip_prefix", _) => Value::Left,
        ("replace_prefix", _) => optional(&rewrite.replace_prefix),
        ("host", _) => optional(&rewrite.host),
        (name, _) => unwritten(Section::Frontend, name),
    }
}

fn of_route(route: &Route, name: &str) -> Value {
    match (name, &route.action) {
        ("cluster", Action::Split(weights)) => match weights.as_slice() {
            [(cluster, 1)] => text(cluster),
            _ => Value::Left,
        },
        ("split", Action::Split(weights)) => match weights.as_slice() {
            [(_, 1)] => Value::Left,
            weights => Value::Is(table(weights.iter().map(|(id, weight)| (id.as_str(), (*weight).into())))),
        },
        ("redirect", Action::Redirect(redirect)) => text(&redirect.to),
        ("redirect_status", Action::Redirect(redirect)) => number(redirect.status.code()),
        ("respond", Action::Respond(respond)) => of_respond(respond),
        ("cluster" | "split" | "redirect" | "redirect_status" | "respond", _) => Value::Left,
        // No backend gets the request.
        ("request_headers" | "replace_prefix" | "host", Action::Redirect(_) | Action::Respond(_)) => {
            Value::Left
        }
        (name, _) => of_rule(&route.listeners, &route.matching, &route.rewrite, name),
    }
}

fn of_respond(respond: &Respond) -> Value {
    let (key, body) = match &respond.body {
        Content::Inline(body) => ("body", quoted(body)),
        Content::File(file) => ("file", path(file)),
    };
    Value::Is(table([
        ("status", respond.status.into()),
        ("content_type", quoted(&respond.content_type)),
        (key, body),
    ]))
}

fn of_answer(answer: &AnswerFiles, name: &str) -> Value {
    match name {
        "status" => number(answer.status),
        "html" => Value::of(answer.html.as_deref(), path),
        "json" => Value::of(answer.json.as_deref(), path),
        name => unwritten(Section::Answers, name),
    }
}

fn predicates(predicates: &[Predicate]) -> Json {
    let tables = predicates.iter().map(|Predicate { name, test }| {
        let (kind, value) = match test {
            Test::Present => ("present", true.into()),
            Test::Absent => ("present", false.into()),
            Test::Equals(value) => ("equals", quoted(value)),
            Test::Prefix(value) => ("prefix", quoted(value)),
            Test::Regex(pattern) => ("regex", quoted(pattern)),
        };
        table([("name", quoted(name)), (kind, value)])
    });
    tables.collect()
}

fn edits(edits: &HeaderEdits) -> Value {
    if edits.is_empty() {
        return Value::Absent;
    }
    Value::Is(table([
        ("remove", array(&edits.remove)),
        ("set", pairs(&edits.set)),
        ("append", pairs(&edits.append)),
    ]))
}

fn pairs(pairs: &[(Arc<str>, Arc<str>)]) -> Json {
    table(pairs.iter().map(|(name, value)| (&**name, quoted(value))))
}

fn duration(duration: Duration) -> Value {
    Value::Is(quoted(&duration_text(duration)))
}

fn optional_duration(duration: Option<Duration>) -> Value {
    Value::of(duration, |duration| quoted(&duration_text(duration)))
}

fn size(bytes: usize) -> Value {
    Value::Is(quoted(&size_text(bytes as u64)))
}

/// A number or a truth value.
fn number(number: impl Into<Json>) -> Value {
    Value::Is(number.into())
}

/// A number, where there is one.
fn optional(number: Option<impl Into<Json>>) -> Value {
    Value::of(number, Into::into)
}

fn word(word: &str) -> Value {
    Value::Is(quoted(word))
}

fn text(text: &impl Display) -> Value {
    Value::Is(Json::String(text.to_string()))
}

fn path(path: &Path) -> Json {
    quoted(&path.to_string_lossy())
}

fn array<T: Display>(elements: &[T]) -> Json {
    elements.iter().map(ToString::to_string).collect()
}

fn table<'n>(entries: impl IntoIterator<Item = (&'n str, Json)>) -> Json {
    Json::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn quoted(text: &str) -> Json {
    Json::String(text.to_owned())
}
