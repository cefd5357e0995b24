//! The keys as tables of a page.

use super::{KEYS, Section};

/// The tables of all keys in Markdown, one per section.
#[must_use]
pub fn keys_markdown() -> String {
    debug_assert!(KEYS.iter().all(|key| Section::ALL.contains(&key.section)));
    let sections = Section::ALL.map(|section| {
        let title = match section {
            Section::Root => "The file".to_owned(),
            section => format!("`{}`", section.header()),
        };
        let rows: String = section
            .own_keys()
            .map(|key| format!("| `{}` | {} | {} | {} |\n", key.name, key.kind, key.fallback, key.doc))
            .collect();
        format!(
            "### {title}\n\n{}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{rows}",
            section.doc()
        )
    });
    sections.join("\n")
}
