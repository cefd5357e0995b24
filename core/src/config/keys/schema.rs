//! The keys as a JSON schema (draft 2020-12), for editors.
//!
//! It knows the names, types, bounds and words; what only the whole file shows, `ringway check` tells.

use std::fmt::Write as _;

use super::{Fallback, Key, Kind, Section};
use crate::config::units::{duration_text, size_text};

/// The schema of the configuration file, as JSON text.
#[must_use]
pub fn schema_json() -> String {
    let mut text = String::new();
    write(&schema(), 0, &mut text);
    text.push('\n');
    text
}

fn schema() -> Json {
    let mut members = vec![
        ("$schema", string("https://json-schema.org/draft/2020-12/schema")),
        ("title", string("Ringway's configuration file")),
    ];
    members.extend(table(Section::Root));
    let definitions = Section::ALL.into_iter().filter(|section| *section != Section::Root);
    let definitions = definitions.map(|section| (definition(section), Json::Object(table(section))));
    members.push(("$defs", Json::Object(definitions.collect())));
    Json::Object(members)
}

/// A value of a JSON text.
enum Json {
    Object(Vec<(&'static str, Json)>),
    Array(Vec<Json>),
    String(String),
    Number(u64),
    Boolean(bool),
}

fn object(members: Vec<(&'static str, Json)>) -> Json {
    Json::Object(members)
}

fn string(text: impl Into<String>) -> Json {
    Json::String(text.into())
}

/// The name that a section has among the definitions.
const fn definition(section: Section) -> &'static str {
    match section {
        Section::Root => "file",
        Section::Daemon => "daemon",
        Section::Listener => "listener",
        Section::Timeouts => "timeouts",
        Section::Limits => "limits",
        Section::Forwarding => "forwarding",
        Section::RateLimit => "rate_limit",
        Section::Cluster => "cluster",
        Section::Sticky => "sticky",
        Section::HealthCheck => "health_check",
        Section::OutlierDetection => "outlier_detection",
        Section::Frontend => "frontend",
        Section::Predicate => "predicate",
        Section::Edits => "edits",
        Section::Backend => "backend",
        Section::Route => "route",
        Section::Respond => "respond",
        Section::Answers => "answers",
    }
}

fn table(section: Section) -> Vec<(&'static str, Json)> {
    let required = section.keys().filter(|key| matches!(key.fallback, Fallback::Required));
    let required: Vec<_> = required.map(|key| string(key.name)).collect();
    let mut members = vec![
        ("description", string(section.doc())),
        ("type", string("object")),
        ("properties", Json::Object(section.keys().map(|key| (key.name, property(key))).collect())),
        ("additionalProperties", Json::Boolean(false)),
    ];
    if !required.is_empty() {
        members.push(("required", Json::Array(required)));
    }
    members
}

fn property(key: &Key) -> Json {
    let doc = match key.fallback {
        Fallback::Means(what) => format!("{} Left out: {what}.", key.doc),
        _ => key.doc.to_owned(),
    };
    let mut members = vec![("description", Json::String(doc))];
    members.extend(kind(key));
    members.extend(default(key.fallback).map(|default| ("default", default)));
    Json::Object(members)
}

fn kind(key: &Key) -> Vec<(&'static str, Json)> {
    let typed = |name: &str| ("type", string(name));
    let bounds = |min: u64, max: u64| {
        vec![typed("integer"), ("minimum", Json::Number(min)), ("maximum", Json::Number(max))]
    };
    let required = matches!(key.fallback, Fallback::Required);
    match key.kind {
        Kind::Duration { .. } => vec![typed("string"), ("pattern", string("^[0-9]+(ms|s|m|h)$"))],
        Kind::Size { min, max } => {
            let text = object(vec![typed("string"), ("pattern", string("^[0-9]+(B|KiB|MiB)$"))]);
            vec![("oneOf", Json::Array(vec![Json::Object(bounds(min, max)), text]))]
        }
        Kind::Integer { min, max } => bounds(min, max),
        Kind::Number { numbers } => {
            vec![(
                "enum",
                Json::Array(numbers.iter().map(|number| Json::Number(u64::from(*number))).collect()),
            )]
        }
        Kind::Boolean => vec![typed("boolean")],
        Kind::Word { words, .. } => {
            vec![("enum", Json::Array(words.iter().copied().map(string).collect()))]
        }
        Kind::Text { .. } => vec![typed("string")],
        Kind::Texts { .. } => vec![typed("array"), ("items", object(vec![typed("string")]))],
        Kind::Pairs { .. } => {
            vec![typed("object"), ("additionalProperties", object(vec![typed("string")]))]
        }
        Kind::Weights { min, max, .. } => vec![
            typed("object"),
            ("additionalProperties", Json::Object(bounds(min, max))),
            ("minProperties", Json::Number(1)),
        ],
        Kind::Table(section) => vec![reference(section)],
        Kind::Tables(section) => {
            let least = required.then_some(("minItems", Json::Number(1)));
            let members = [typed("array"), ("items", object(vec![reference(section)]))];
            members.into_iter().chain(least).collect()
        }
        Kind::Named(section) => {
            let least = required.then_some(("minProperties", Json::Number(1)));
            let members = [typed("object"), ("additionalProperties", object(vec![reference(section)]))];
            members.into_iter().chain(least).collect()
        }
    }
}

fn reference(section: Section) -> (&'static str, Json) {
    ("$ref", string(format!("#/$defs/{}", definition(section))))
}

fn default(fallback: Fallback) -> Option<Json> {
    match fallback {
        Fallback::Required | Fallback::Means(_) => None,
        Fallback::Duration(duration) => Some(string(duration_text(duration))),
        Fallback::Size(bytes) => Some(string(size_text(bytes))),
        Fallback::Integer(number) => Some(Json::Number(number)),
        Fallback::Boolean(value) => Some(Json::Boolean(value)),
        Fallback::Text(text) => Some(string(text)),
        Fallback::Texts(texts) => Some(Json::Array(texts.iter().copied().map(string).collect())),
    }
}

/// Writes `value` with its members on lines of their own, indented by `depth` steps; arrays on one line.
fn write(value: &Json, depth: usize, out: &mut String) {
    match value {
        Json::Object(members) if members.is_empty() => out.push_str("{}"),
        Json::Object(members) => {
            out.push('{');
            for (n, (name, value)) in members.iter().enumerate() {
                out.push_str(if n == 0 { "\n" } else { ",\n" });
                out.push_str(&"  ".repeat(depth + 1));
                write_string(name, out);
                out.push_str(": ");
                write(value, depth + 1, out);
            }
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
            out.push('}');
        }
        Json::Array(elements) => {
            out.push('[');
            for (n, element) in elements.iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                write(element, depth, out);
            }
            out.push(']');
        }
        Json::String(text) => write_string(text, out),
        Json::Number(number) => out.push_str(&number.to_string()),
        Json::Boolean(value) => out.push_str(&value.to_string()),
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
