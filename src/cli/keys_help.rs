//! The keys of a section, for the end of a help text.

use ringway_core::config::keys::{Kind, Section};

/// One line per key: its name, what it is for, and its default.
pub(super) fn keys_help(section: Section) -> String {
    // What the command line names by other means.
    let elsewhere: &[&str] = match section {
        Section::Listener => &["name"],
        Section::Cluster => &["frontends", "backends"],
        Section::Backend => &["id"],
        _ => &[],
    };
    let mut text = "Keys (docs/configuration.md says more):\n".to_owned();
    for key in section.keys().filter(|key| !elsewhere.contains(&key.name)) {
        // Tables have their defaults inside.
        let default = match key.kind {
            Kind::Table(_) | Kind::Tables(_) | Kind::Named(_) => String::new(),
            _ => format!(" [default: {}]", key.fallback),
        };
        text += &format!("  {}: {}{default}\n", key.name, key.doc).replace('`', "");
    }
    text
}
