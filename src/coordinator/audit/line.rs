//! One line of the audit log, as text and as JSON: the same fields with the same names, in the same order.
//!
//! As text it is the time and then `name=value` for each field; a value that is not a plain word stands in double quotes, with
//! `"` and `\` escaped by `\`. What is new comes at the end of the line.

use std::fmt::Write as _;

use ringway_core::{Answer, VerbError};
use serde_json::{Map, Value};

use super::super::events::one_line;
use super::{Entry, subject, timestamp::rfc3339};

/// Bytes of the reason of a refusal.
const MESSAGE_BYTES_MAX: usize = 1024;

/// Bytes of the name of an argument: keys nest a few levels deep.
const FIELD_BYTES_MAX: usize = 256;

/// Late shards that are named; there are no more than cores.
const LATE_NAMED_MAX: usize = 64;

/// The fields of a line but `lost`, `time` being the first.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn new(entry: &Entry<'_>, time_ms: u64) -> Fields {
        let Entry { verb, actor, result, generation, elapsed } = entry;
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("time", rfc3339(time_ms).into());
        set("verb", verb.name().into());
        set("result", if result.is_ok() { "ok".into() } else { "refused".into() });
        set("uid", actor.uid.into());
        set("gid", actor.gid.into());
        set("pid", actor.pid.into());
        set("session", actor.session.into());
        set("generation", (*generation).into());
        set("elapsed_us", u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).into());
        subject::add(verb, &mut fields);
        match result {
            Ok(answer) => add_answer(answer, &mut fields),
            Err(error) => add_error(error, &mut fields),
        }
        Fields(fields)
    }

    /// As text, with its end of line. `lost` is how many lines are missing before it.
    pub(super) fn text(&self, lost: u64) -> String {
        let mut line = String::with_capacity(256);
        for (n, (name, value)) in self.0.iter().enumerate() {
            match value {
                Value::String(time) if n == 0 => line.push_str(time),
                Value::String(text) => push(&mut line, name, text),
                Value::Array(texts) => {
                    let texts: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
                    push(&mut line, name, &texts.join("; "));
                }
                value => write!(line, " {name}={value}").expect("a String takes everything"),
            }
        }
        if lost > 0 {
            write!(line, " lost={lost}").expect("a String takes everything");
        }
        line.push('\n');
        line
    }

    /// The same as JSON.
    pub(super) fn json(&self, lost: u64) -> String {
        let mut line = if lost > 0 {
            let mut fields = self.0.clone();
            fields.insert("lost".to_owned(), lost.into());
            serde_json::to_string(&fields)
        } else {
            serde_json::to_string(&self.0)
        }
        .expect("names and plain values");
        line.push('\n');
        line
    }
}

/// A text of others, on one line and within its bound.
pub(super) fn bounded(text: &str, bytes_max: usize) -> Value {
    one_line(text, bytes_max).unwrap_or_else(|| text.to_owned()).into()
}

fn add_answer(answer: &Answer, fields: &mut Map<String, Value>) {
    match answer {
        Answer::Changed { count, late, .. } => {
            fields.insert("changed".to_owned(), (*count).into());
            if !late.is_empty() {
                let late = late.iter().take(LATE_NAMED_MAX);
                fields.insert("late".to_owned(), late.map(|shard| bounded(shard, FIELD_BYTES_MAX)).collect());
            }
        }
        Answer::Saved { file, count } => {
            fields.insert("file".to_owned(), subject::path(file));
            fields.insert("saved".to_owned(), (*count).into());
        }
        _ => {}
    }
}

fn add_error(error: &VerbError, fields: &mut Map<String, Value>) {
    fields.insert("code".to_owned(), error.code.as_str().into());
    if let Some(change) = error.change {
        fields.insert("change".to_owned(), change.into());
    }
    if let Some(field) = &error.field {
        fields.insert("field".to_owned(), bounded(field, FIELD_BYTES_MAX));
    }
    fields.insert("message".to_owned(), bounded(&error.message, MESSAGE_BYTES_MAX));
}

fn push(line: &mut String, name: &str, value: &str) {
    line.push(' ');
    line.push_str(name);
    line.push('=');
    let is_word = !value.is_empty() && !value.contains([' ', '"', '\\', '=']);
    if is_word {
        line.push_str(value);
        return;
    }
    line.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('"');
}
