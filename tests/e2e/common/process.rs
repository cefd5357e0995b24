//! Processes as the kernel shows them.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a live process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

/// The names of a process's threads, those of the kernel included.
pub(crate) fn thread_names(pid: u32) -> Vec<String> {
    threads(pid).into_iter().map(|(_, name)| name).collect()
}

/// The id of the thread called `name`.
pub(crate) fn thread_id(pid: u32, name: &str) -> u32 {
    let found = threads(pid).into_iter().find(|thread| thread.1 == name);
    found.unwrap_or_else(|| panic!("no thread {name} in {:?}", thread_names(pid))).0
}

/// Threads that end meanwhile are left out.
fn threads(pid: u32) -> Vec<(u32, String)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a live process");
    let thread = |entry: fs::DirEntry| {
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some((entry.file_name().to_str()?.parse().ok()?, name.trim().to_owned()))
    };
    tasks.flatten().filter_map(thread).collect()
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("a live process").count()
}

/// Raises this process's own limit as far as it goes, and says where that is.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .expect("up to the hard limit is allowed");
    maximum.unwrap_or(u64::MAX)
}

/// Whether a program is installed.
pub(crate) fn tool(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(name).exists())
}
