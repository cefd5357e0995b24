//! Every example in the tree is a configuration.

use std::path::{Path, PathBuf};

use ringway_core::Config;

/// The path and the configuration of each.
fn examples() -> Vec<(PathBuf, Config)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let files = std::fs::read_dir(&folder).expect("the folder of the examples");
    let paths = files.map(|file| file.expect("an entry").path());
    let examples: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let content = std::fs::read(&path).expect("a readable file");
            let config =
                Config::read(&path.to_string_lossy(), &content).unwrap_or_else(|errors| panic!("{errors}"));
            (path, config)
        })
        .collect();
    assert!(examples.len() >= 9, "{} examples in {}", examples.len(), folder.display());
    examples
}

#[test]
fn every_example_is_valid_and_gives_no_warning() {
    for (path, config) in examples() {
        assert_eq!(config.warnings(), [], "{}", path.display());
    }
}

#[test]
fn every_file_that_an_example_names_is_there() {
    let mut files = 0;
    for (path, mut config) in examples() {
        for file in config.files_mut() {
            assert!(file.is_file(), "{} names {}", path.display(), file.display());
            files += 1;
        }
    }
    assert!(files >= 4, "{files} files");
}

#[test]
fn every_example_reads_back_from_what_is_printed() {
    for (path, config) in examples() {
        let text = config.to_toml();
        let again = Config::read(&path.to_string_lossy(), text.as_bytes());
        assert_eq!(again.as_ref(), Ok(&config), "{}", path.display());
    }
}
