//! `docs/configuration.md` is written from the table of keys; this holds the two together.
//!
//! `RINGWAY_BLESS=1 cargo test -p ringway-core --test configuration_page` writes the page anew.

use std::fs;
use std::path::Path;

use ringway_core::config::keys_markdown;

const HEAD: &str = "\
# Configuration

One TOML file, read by `ringway start -c FILE` and checked by `ringway check -c FILE`, which names every problem with its line,
column and a remedy. A key that is not listed here is an error, and the nearest valid name is suggested.

This page is written from the table of keys in `core/src/config/keys.rs`. Examples are in `examples/`.

";

#[test]
fn the_page_lists_the_keys_as_the_reader_knows_them() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let wanted = format!("{HEAD}{}", keys_markdown());
    if std::env::var_os("RINGWAY_BLESS").is_some() {
        fs::write(&page, &wanted).expect("the page can be written");
    }
    let found = fs::read_to_string(&page).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/configuration.md is not what the table of keys says; \
         RINGWAY_BLESS=1 cargo test -p ringway-core --test configuration_page writes it anew"
    );
}
