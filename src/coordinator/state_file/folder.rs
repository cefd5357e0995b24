//! A folder of a test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Empty at first, and gone with all that is in it when dropped.
#[derive(Debug)]
pub(in crate::coordinator) struct Folder(PathBuf);

impl Folder {
    pub(in crate::coordinator) fn new() -> Folder {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringway-folder-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("there is room for temporary files");
        Folder(path)
    }

    pub(in crate::coordinator) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names in it, in their order.
    pub(in crate::coordinator) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir::<&Path>(&self.0).expect("it is there");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is in the folder for what is left behind.
        let _ = fs::remove_dir_all(&self.0);
    }
}
