//! Keys of the configuration as words of a command line: `load_balancing=maglev retries=2 'sticky={ cookie = "x" }'`.
//!
//! A value is TOML if it can be read as such, else a text. A dot leads into a table: `timeouts.head=5s`.

use std::path::Path;
use std::str::FromStr;

use ringway_core::change::Keys;
use serde_json::Value;

/// What a thing is set to.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Words {
    /// Keys and their values, as in the configuration file; a value that is not TOML is a text
    #[arg(value_name = "KEY=VALUE")]
    words: Vec<String>,
}

impl Words {
    pub(super) fn keys(&self) -> Result<Keys, KeysError> {
        read(&self.words, &[])
    }
}

/// What changes in a thing.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Patch {
    /// Keys and their new values, as in the configuration file; a value that is not TOML is a text
    #[arg(value_name = "KEY=VALUE", required_unless_present = "unset")]
    words: Vec<String>,
    /// A key that goes back to its default; once for each
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
}

impl Patch {
    pub(super) fn keys(&self) -> Result<Keys, KeysError> {
        read(&self.words, &self.unset)
    }
}

/// Why words are not keys and values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeysError {
    #[error("{0:?} is not KEY=VALUE; remedy: write it as retries=2 or 'sticky={{ cookie = \"x\" }}'")]
    NoValue(String),
    #[error(
        "{key:?} has no value; remedy: --unset {key} takes it back to its default, '{key}=\"\"' is an empty text"
    )]
    Empty { key: String },
    #[error("{0:?} is not a key; remedy: write it as in the configuration file: retries or timeouts.head")]
    Key(String),
    #[error("{0:?} is given twice, or within another; remedy: say it once")]
    Twice(String),
}

/// What a key may consist of: what stands bare in a TOML file.
fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn read(words: &[String], unset: &[String]) -> Result<Keys, KeysError> {
    let mut keys = Keys::new();
    for word in words {
        let Some((key, text)) = word.split_once('=') else { return Err(KeysError::NoValue(word.clone())) };
        if text.is_empty() {
            return Err(KeysError::Empty { key: key.to_owned() });
        }
        insert(&mut keys, key, value(text))?;
    }
    for key in unset {
        insert(&mut keys, key, Value::Null)?;
    }
    Ok(keys)
}

fn insert(keys: &mut Keys, path: &str, value: Value) -> Result<(), KeysError> {
    if !path.split('.').all(is_bare) {
        return Err(KeysError::Key(path.to_owned()));
    }
    let twice = || KeysError::Twice(path.to_owned());
    let (tables, key) = path.rsplit_once('.').map_or((None, path), |(tables, key)| (Some(tables), key));
    let mut inner = keys;
    for table in tables.into_iter().flat_map(|tables| tables.split('.')) {
        let next = inner.entry(table).or_insert_with(|| Value::Object(Keys::new()));
        inner = next.as_object_mut().ok_or_else(twice)?;
    }
    if inner.contains_key(key) {
        return Err(twice());
    }
    inner.insert(key.to_owned(), value);
    Ok(())
}

fn value(text: &str) -> Value {
    let plain = || Value::String(text.to_owned());
    // More than one line may be more than one value.
    if text.contains(['\n', '\r']) {
        return plain();
    }
    toml::Value::from_str(text).ok().and_then(json).unwrap_or_else(plain)
}

/// What TOML and JSON both can say; times and what is no number are texts.
fn json(value: toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(n) => Value::from(n),
        toml::Value::Float(n) => Value::Number(serde_json::Number::from_f64(n)?),
        toml::Value::Boolean(is) => Value::Bool(is),
        toml::Value::Datetime(_) => return None,
        toml::Value::Array(values) => Value::Array(values.into_iter().map(json).collect::<Option<_>>()?),
        toml::Value::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| Some((key, json(value)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
    })
}

/// The keys as words that can be pasted into a shell.
pub(super) fn words(keys: &Keys) -> String {
    let mut words = Vec::new();
    for (key, value) in keys {
        push(&mut words, key, value);
    }
    words.join(" ")
}

fn push(words: &mut Vec<String>, key: &str, value: &Value) {
    match value {
        Value::Null => words.push(format!("--unset {key}")),
        Value::Object(table) if has_null(value) => {
            for (inner, value) in table {
                push(words, &format!("{key}.{inner}"), value);
            }
        }
        value => words.push(quoted(format!("{key}={}", text(value)))),
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(table) => table.values().any(has_null),
        _ => false,
    }
}

/// A value as it may stand behind `key=`: a text bare if that is read as the same.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text)
            if !text.is_empty() && !text.contains(char::is_control) && self::value(text) == *value =>
        {
            text.clone()
        }
        value => toml_text(value),
    }
}

fn toml_text(value: &Value) -> String {
    match value {
        // JSON's escapes are TOML's too, and DEL, which JSON leaves alone, is none of a text that TOML takes.
        Value::String(text) => Value::from(text.as_str()).to_string().replace('\x7f', "\\u007F"),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(toml_text).collect::<Vec<_>>().join(", "))
        }
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let entries = table.iter().map(|(key, value)| {
                let key = if is_bare(key) { key.clone() } else { toml_text(&Value::from(key.as_str())) };
                format!("{key} = {}", toml_text(value))
            });
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// As a word of a shell.
fn quoted(word: String) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-=.:/@%+,".contains(&b);
    if word.bytes().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Makes texts of these keys absolute paths: they begin where the command is given, not where the daemon runs.
pub(super) fn absolute(keys: &mut Keys, names: &[&str]) {
    for name in names {
        if let Some(Value::String(path)) = keys.get_mut(*name)
            && let Ok(absolute) = std::path::absolute(Path::new(path))
            && let Some(text) = absolute.to_str()
        {
            *path = text.to_owned();
        }
    }
}

#[cfg(test)]
mod tests;
