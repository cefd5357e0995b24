//! Replacing what a file contains, all at once: whoever reads it, and whenever the power fails, finds the old or the new.
//!
//! The new content goes to a file beside the old one, to the disk, and then in the old one's place; that the place was taken
//! goes to the disk as well. A process that is killed in between leaves its file behind; the next one removes it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process;

/// Who may read it: its owner alone.
const MODE: u32 = 0o600;

/// How the name of a file ends that is not in its place yet.
const SUFFIX: &str = ".saving";

/// Writes `content` to `path`. A link is followed. One at a time within a process, or they remove each other's files.
///
/// # Errors
/// What is at `path` is as it was, unless only the last step failed: then it is the new content, but may be the old one again
/// after a failure of power.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = &target(path)?;
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    remove_leftovers(folder, name);
    let aside = Aside::new(folder, name)?;
    (&aside.file).write_all(content)?;
    aside.file.sync_all()?;
    aside.take_place(path)?;
    File::open(folder)?.sync_all()
}

/// The file that is meant by `path`. What is there and no file is not replaced: it may be a device.
fn target(path: &Path) -> io::Result<PathBuf> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_owned()),
        Err(error) => return Err(error),
    };
    let path = if found.is_symlink() { fs::canonicalize(path)? } else { path.to_owned() };
    if fs::metadata(&path)?.is_file() { Ok(path) } else { Err(io::Error::other("it is not a regular file")) }
}

/// A file that is not in its place yet, and is removed unless it gets there.
struct Aside {
    path: PathBuf,
    file: File,
    placed: bool,
}

impl Aside {
    fn new(folder: &Path, name: &OsStr) -> io::Result<Aside> {
        let mut aside = prefix(name);
        // Nobody else makes a file of that name, by chance or on purpose.
        aside.push(format!("{}-{:016x}{SUFFIX}", process::id(), rand::random::<u64>()));
        let path = folder.join(aside);
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path)?;
        Ok(Aside { path, file, placed: false })
    }

    fn take_place(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.placed {
            // Else the next one does.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn prefix(name: &OsStr) -> std::ffi::OsString {
    let mut prefix = OsStr::new(".").to_owned();
    prefix.push(name);
    prefix.push(".");
    prefix
}

/// Removes what processes that are no more have left beside `name`: their own number included, it may have been given again.
fn remove_leftovers(folder: &Path, name: &OsStr) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let prefix = prefix(name);
    for entry in entries.flatten() {
        if maker(&entry.file_name(), &prefix).is_some_and(|pid| pid == process::id() || !lives(pid)) {
            // It only takes room.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process that made the file `name`, if it is one that was to replace another.
fn maker(name: &OsStr, prefix: &OsStr) -> Option<u32> {
    let middle = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes())?;
    let middle = str::from_utf8(middle.strip_suffix(SUFFIX.as_bytes())?).ok()?;
    let (pid, random) = middle.split_once('-')?;
    let is_random = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_random { pid.parse().ok() } else { None }
}

fn lives(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(test)]
mod tests;
