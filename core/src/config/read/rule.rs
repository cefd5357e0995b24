//! What frontends and routes have in common: which requests they are for, and what is changed in these.

use std::sync::Arc;

use crate::config::check::{Rule as SeenRule, Seen, at_most, twice};
use crate::config::defaults::{METHODS_MAX, PREDICATES_MAX};
use crate::config::problem::{Problems, Refusal};
use crate::config::table::Table;
use crate::config::{Hostname, Match, PathMatch, Predicate, Rewrite, Test, parse};
use crate::ids::ListenerName;

use super::rewrite;

/// What a frontend is, and the larger part of a route.
pub(super) struct Rule {
    pub(super) listeners: Vec<ListenerName>,
    pub(super) matching: Match,
    pub(super) rewrite: Rewrite,
}

pub(super) fn rule(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Rule> {
    let listeners = table.texts("listeners", problems, ListenerName::parse);
    let names: Vec<_> = listeners.iter().map(|(name, _)| name.clone()).collect();
    seen.to_listeners.push(listeners);
    let before = problems.count();
    let matching = matching(table, seen, problems);
    // A match of which a part was refused means more requests than was wanted, and would collide with others.
    if let (Some(matching), true) = (matching.clone(), problems.count() == before) {
        let rule = SeenRule { listeners: names.clone(), matching, at: table.at.clone() };
        seen.rules.push(rule);
    }
    let rewrite = rewrite::rewrite(table, matching.as_ref().map(|matching| &matching.path), problems);
    Some(Rule { listeners: names, matching: matching?, rewrite })
}

/// The order of methods and tests means nothing: it is made the same, so that equal matches are equal.
fn matching(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Match> {
    let hostname = table.text("hostname", problems, Hostname::parse);
    let path = path(table, seen, problems);
    let methods = table.texts("methods", problems, parse::method);
    twice(&methods, problems);
    at_most(&methods, METHODS_MAX, "methods", problems);
    let mut methods: Vec<_> = methods.into_iter().map(|(method, _)| method).collect();
    methods.sort();
    let headers = predicates(table, &HEADERS, seen, problems);
    let query = predicates(table, &QUERY, seen, problems);
    Some(Match { hostname: hostname?.0, path: path?, methods, headers, query })
}

fn path(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<PathMatch> {
    let text = |(text, _)| text;
    match table.at_most_one(&["path", "path_prefix", "path_regex"], problems) {
        Some("path") => table.text("path", problems, parse::path).map(text).map(PathMatch::Exact),
        Some("path_regex") => {
            seen.patterns.push(table.at_of("path_regex"));
            table.text("path_regex", problems, parse::pattern).map(text).map(PathMatch::Regex)
        }
        _ => table.text("path_prefix", problems, parse::path_prefix).map(text).map(PathMatch::Prefix),
    }
}

/// How the names and values of fields, or of parameters, are written.
struct Form {
    key: &'static str,
    name: fn(&str) -> Result<Arc<str>, Refusal>,
    value: fn(&str) -> Result<Arc<str>, Refusal>,
}

const HEADERS: Form = Form { key: "headers", name: tested_field, value: parse::compared_value };
const QUERY: Form = Form { key: "query", name: parse::parameter_name, value: parse::parameter_value };

fn tested_field(text: &str) -> Result<Arc<str>, Refusal> {
    match parse::field_name(text)? {
        name if name.as_ref() == "host" => {
            Err(Refusal::new("the host is no test of a header field").hint("use `hostname`"))
        }
        name => Ok(name),
    }
}

fn predicates(
    table: &Table<'_>,
    form: &Form,
    seen: &mut Seen,
    problems: &mut Problems<'_>,
) -> Vec<Predicate> {
    let tables = table.tables(form.key, problems);
    if let Some(beyond) = tables.get(PREDICATES_MAX) {
        problems.add(&beyond.at, Refusal::new(format!("more than {PREDICATES_MAX} tests")));
    }
    let mut predicates: Vec<Predicate> = Vec::new();
    for table in &tables {
        let Some(predicate) = predicate(table, form, seen, problems) else { continue };
        if predicates.contains(&predicate) {
            problems.add(&table.at, Refusal::new("the same test is listed twice"));
        }
        predicates.push(predicate);
    }
    predicates.sort();
    predicates
}

fn predicate(
    table: &Table<'_>,
    form: &Form,
    seen: &mut Seen,
    problems: &mut Problems<'_>,
) -> Option<Predicate> {
    let name = table.text("name", problems, form.name);
    let text = |(text, _)| text;
    let test = match table.exactly_one(&["equals", "prefix", "regex", "present"], problems)? {
        "equals" => table.text("equals", problems, form.value).map(text).map(Test::Equals),
        "prefix" => table.text("prefix", problems, form.value).map(text).map(Test::Prefix),
        "regex" => {
            seen.patterns.push(table.at_of("regex"));
            table.text("regex", problems, parse::pattern).map(text).map(Test::Regex)
        }
        _ => table
            .optional_boolean("present", problems)
            .map(|present| if present { Test::Present } else { Test::Absent }),
    };
    Some(Predicate { name: name?.0, test: test? })
}
