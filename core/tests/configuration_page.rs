//! The pages and the schema that are written from the tables in the code; this holds them together.
//!
//! `RINGWAY_BLESS=1 cargo test -p ringway-core --test configuration_page` writes them anew.

use std::fs;
use std::path::Path;

use ringway_core::config::{deadlines_markdown, keys_markdown, schema_json};

const CONFIGURATION: &str = "\
# Configuration

One TOML file, read by `ringway start -c FILE` and checked by `ringway check -c FILE`, which names every problem with its line,
column and a remedy. A key that is not listed here is an error, and the nearest valid name is suggested.
`ringway check --print -c FILE` prints the effective configuration, every key written out.

This page is written from the table of keys in `core/src/config/keys/`. Examples are in `examples/`, what each timeout
does in `deadlines.md`.

**In an editor.** [`ringway.schema.json`](ringway.schema.json) describes the file for editors (JSON schema, draft 2020-12):
completion, the text of this page at each key, and wrong names and types underlined. With [taplo](https://taplo.tamasfe.dev)
or Even Better TOML, name it in the first line of the file:

```toml
#:schema ./ringway.schema.json
```

The path is relative to the file; a URL does as well. What only the whole file shows, `ringway check` tells.

**Units.** A duration is a string with a whole number and its unit, `ms`, `s`, `m` or `h`: `\"500ms\"`. A size is a number of
bytes, or a string with a whole number and its unit, `B`, `KiB` or `MiB`: `\"16KiB\"`.

**Regular expressions** have the syntax of the [`regex`](https://docs.rs/regex/latest/regex/#syntax) crate without its Unicode
classes, match from end to end, and take time linear in the text. A literal string (`'...'`) needs no doubled backslashes.

";

const DEADLINES: &str = "\
# Deadlines

Every state of a connection has a deadline: whatever a peer does or leaves out, its connection ends. The shortest is 1 ms (of
the queue 0), the longest 24 h; there is no \"never\". A reset says that the part of an answer that arrived is not the whole.

This page is written from `core/src/config/deadline.rs`.

";

fn holds(page: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    if std::env::var_os("RINGWAY_BLESS").is_some() {
        fs::write(&path, wanted).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/{page} is not what the code says; \
         RINGWAY_BLESS=1 cargo test -p ringway-core --test configuration_page writes it anew"
    );
}

#[test]
fn the_page_lists_the_keys_as_the_reader_knows_them() {
    holds("configuration.md", &format!("{CONFIGURATION}{}", keys_markdown()));
}

#[test]
fn the_page_lists_every_deadline() {
    holds("deadlines.md", &format!("{DEADLINES}{}", deadlines_markdown()));
}

#[test]
fn the_schema_has_the_keys_as_the_reader_knows_them() {
    holds("ringway.schema.json", &schema_json());
}
