//! A directory for configuration files, sockets and logs, removed at the end.
//!
//! A run that is killed cannot remove its directory; the next run does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A fresh directory under the system's one for temporary files.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes the directory; the name and this process's id tell it from others.
    pub(crate) fn new(name: &str) -> Result<Scratch, Error> {
        remove_leftovers(name);
        let path = std::env::temp_dir().join(format!("ringway-{name}-{}", std::process::id()));
        fs::create_dir(&path).map_err(Error::io(format!("cannot create {}", path.display())))?;
        let scratch = Scratch(path);
        // Workers that give up root must still reach their files.
        let open = fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755));
        open.map_err(Error::io("cannot open the directory to workers"))?;
        Ok(scratch)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it; gives the file's path.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, Error> {
        let path = self.0.join(name);
        fs::write(&path, content).map_err(Error::io(format!("cannot write {}", path.display())))?;
        Ok(path)
    }
}

/// Removes the directories of this name whose process is gone.
fn remove_leftovers(name: &str) {
    let prefix = format!("ringway-{name}-");
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.strip_prefix(&prefix)?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed does no harm in a directory for temporary files.
        fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Scratch;

    #[test]
    fn a_directory_goes_with_its_owner_and_takes_those_of_killed_runs_along() {
        // Process ids stay below 2^22.
        let leftover = std::env::temp_dir().join(format!("ringway-scratch-test-{}", u32::MAX));
        fs::create_dir_all(&leftover).unwrap();
        let scratch = Scratch::new("scratch-test").unwrap();
        assert!(!leftover.exists());
        let file = scratch.write("file", b"content").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"content");
        drop(scratch);
        assert!(!file.exists());
    }
}
