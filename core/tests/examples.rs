//! Every example in the tree is a configuration.

use std::path::Path;

use ringway_core::Config;

#[test]
fn every_example_is_valid_and_gives_no_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let files = std::fs::read_dir(&folder).expect("the folder of the examples");
    let mut read = 0;
    for file in files {
        let path = file.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let content = std::fs::read(&path).expect("a readable file");
        let config =
            Config::read(&path.to_string_lossy(), &content).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.warnings(), [], "{}", path.display());
        read += 1;
    }
    assert!(read >= 2, "{read} examples in {}", folder.display());
}
