//! One section by itself, from keys as JSON: read as the file is, with the same words where one is refused.

use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::config::check::Seen;
use crate::config::keys::Section;
use crate::config::problem::{At, Problem, Problems, Refusal};
use crate::config::table::Table;
use crate::config::{AnswerFiles, Backend, Cluster, Daemon, Frontend, HealthCheck, Listener, Match, Route};
use crate::ids::{BackendId, ClusterId, ListenerName};

use super::{action, backend, cluster, health_check, listener, rule};

type Keys = Map<String, Value>;
type Read<T> = Result<T, Box<Problem>>;

/// Relative paths begin where the process runs.
const HERE: &str = "";

pub(crate) fn daemon(keys: &Keys) -> Read<Daemon> {
    let folder = Path::new(HERE);
    one(Section::Daemon, keys, None, |table, _, problems| Some(super::daemon(table, folder, problems)))
}

pub(crate) fn listener(name: &ListenerName, keys: &Keys) -> Read<Listener> {
    one(Section::Listener, keys, Some(("name", DeValue::String(name.as_str().into()))), listener::single)
}

/// Its settings.
pub(crate) fn cluster(id: &ClusterId, keys: &Keys) -> Read<Cluster> {
    one(Section::Cluster, keys, None, |table, _, problems| {
        for (name, change) in [("frontends", "frontend_add"), ("backends", "backend_add")] {
            table.none_of(
                &[name],
                problems,
                "is not part of the cluster's own settings",
                &format!("use {change}"),
            );
        }
        cluster::settings(Some(id.clone()), table, Path::new(HERE), problems)
    })
}

pub(crate) fn health_check(keys: &Keys) -> Read<HealthCheck> {
    one(Section::HealthCheck, keys, None, |table, _, problems| {
        Some(health_check::health_check(table, problems))
    })
}

pub(crate) fn frontend(keys: &Keys) -> Read<Frontend> {
    one(Section::Frontend, keys, None, cluster::frontend)
}

/// Which requests a frontend or a route is for.
pub(crate) fn matching(keys: &Keys) -> Read<(Vec<ListenerName>, Match)> {
    one(Section::Frontend, keys, None, |table, seen, problems| {
        let edits = ["request_headers", "response_headers", "strip_prefix", "replace_prefix", "host"];
        table.none_of(&edits, problems, "does not say which requests are meant", "remove it");
        rule::rule(table, seen, problems).map(|rule| (rule.listeners, rule.matching))
    })
}

pub(crate) fn backend(id: &BackendId, keys: &Keys) -> Read<Backend> {
    let id = DeValue::String(id.as_str().into());
    one(Section::Backend, keys, Some(("id", id)), |table, _, problems| backend::single(table, problems))
}

pub(crate) fn route(keys: &Keys) -> Read<Route> {
    let folder = Path::new(HERE);
    one(Section::Route, keys, None, |table, seen, problems| action::route(table, folder, seen, problems))
}

pub(crate) fn answer(status: u16, keys: &Keys) -> Read<AnswerFiles> {
    let folder = Path::new(HERE);
    let status = status.to_string();
    one(Section::Answers, keys, Some(("status", number(&status))), |table, seen, problems| {
        super::answer(table, folder, seen, problems)
    })
}

/// `named`: the key that another part of the change says.
fn one<T>(
    section: Section,
    keys: &Keys,
    named: Option<(&'static str, DeValue<'_>)>,
    read: impl FnOnce(&Table<'_>, &mut Seen, &mut Problems<'_>) -> Option<T>,
) -> Read<T> {
    let mut problems = Problems::new("");
    let mut texts = Vec::new();
    numbers(keys.values(), &mut texts);
    let mut converter = Converter { place: 0, numbers: texts.iter() };
    let mut entries = converter.table(keys, "", &mut problems);
    if let Some((name, value)) = named {
        if keys.contains_key(name) {
            let at = At { offset: 0, path: name.to_owned() };
            let refusal = Refusal::new("another argument of the change says it already");
            problems.add(&at, refusal.hint("remove it"));
        }
        entries.insert(Spanned::new(0..0, name.into()), Spanned::new(0..0, value));
    }
    let table = Table::open(section, At { offset: 0, path: String::new() }, &entries, &mut problems);
    let mut seen = Seen::default();
    let item = read(&table, &mut seen, &mut problems);
    seen.check_lists(&mut problems);
    let first = |problems: Vec<Problem>| Box::new(problems.into_iter().next().expect("one at least"));
    problems.into_result().map_err(first)?;
    Ok(item.expect("what can not be read is reported"))
}

/// From JSON to what the reader of the file takes. Places are the order of the values: there is no text.
struct Converter<'k> {
    place: usize,
    numbers: std::slice::Iter<'k, String>,
}

impl<'k> Converter<'k> {
    fn table(&mut self, keys: &'k Keys, path: &str, problems: &mut Problems<'_>) -> DeTable<'k> {
        let mut entries = DeTable::new();
        // `null` is a key that is left out.
        for (name, value) in keys.iter().filter(|(_, value)| !value.is_null()) {
            let at = self.next();
            let value = self.value(value, path, name, problems);
            entries.insert(Spanned::new(at, name.as_str().into()), value);
        }
        entries
    }

    fn value(
        &mut self,
        value: &'k Value,
        path: &str,
        name: &str,
        problems: &mut Problems<'_>,
    ) -> Spanned<DeValue<'k>> {
        let at = self.next();
        let value = match value {
            Value::String(text) => DeValue::String(text.as_str().into()),
            Value::Bool(value) => DeValue::Boolean(*value),
            Value::Number(_) => number(self.numbers.next().expect("each has its text")),
            Value::Array(values) => {
                let mut elements = DeArray::new();
                for (n, value) in values.iter().enumerate() {
                    if value.is_null() {
                        let path = format!("{path}{name}[{n}]");
                        problems.add(
                            &At { offset: at.start, path },
                            Refusal::new("null is no element of a list"),
                        );
                    } else {
                        elements.push(self.value(value, path, name, problems));
                    }
                }
                DeValue::Array(elements)
            }
            Value::Object(keys) => DeValue::Table(self.table(keys, &format!("{path}{name}."), problems)),
            Value::Null => unreachable!("who has keys or elements leaves them out"),
        };
        Spanned::new(at, value)
    }

    fn next(&mut self) -> Range<usize> {
        self.place += 1;
        self.place..self.place
    }
}

/// The texts of all numbers in `values`, in the order in which they are come upon: the reader wants texts.
fn numbers<'v>(values: impl Iterator<Item = &'v Value>, texts: &mut Vec<String>) {
    for value in values {
        match value {
            Value::Number(number) => texts.push(number.to_string()),
            Value::Array(elements) => numbers(elements.iter(), texts),
            Value::Object(entries) => numbers(entries.values(), texts),
            Value::String(_) | Value::Bool(_) | Value::Null => {}
        }
    }
}

/// A number, whole or not: the reader refuses what it can not take.
fn number(text: &str) -> DeValue<'_> {
    DeValue::parse(text).map_or_else(|_| DeValue::String(text.into()), Spanned::into_inner)
}
