//! Values as TOML.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// A value in one line; tables are inline.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(text).collect();
            format!("[{}]", elements.join(", "))
        }
        Json::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Json::Object(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(name, value)| format!("{} = {}", key(name), text(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        // Numbers and truth values look the same; nothing writes null.
        other => other.to_string(),
    }
}

/// A key, quoted if it has to be.
pub(super) fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// A basic string.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
