//! Processes as the kernel shows them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::daemon::{Daemon, LONG};
use super::wait::{now, rest};

/// How much a daemon may grow, whatever passes through it.
const GROWTH_MAX_KIB: u64 = 32 * 1024;

/// Fails if the daemon has grown since it had `before` KiB.
pub(crate) fn assert_flat(daemon: &Daemon, before: u64) {
    let after = resident_kib(daemon.pid());
    assert!(after < before + GROWTH_MAX_KIB, "grew from {before} to {after} KiB");
}

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

/// The time that the threads of a process have run for.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let ran = |(thread, _): (u32, String)| {
        let statistics = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
        statistics.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads(pid).into_iter().filter_map(ran).sum())
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("a live process").count()
}

/// Waits until the daemon has no more descriptors open than `before`.
///
/// # Panics
/// With what they are, when it still has more after a while.
pub(crate) fn expect_descriptors(daemon: &Daemon, before: usize) {
    let deadline = now() + LONG;
    while descriptors(daemon.pid()) > before {
        assert!(now() < deadline, "more than {before} descriptors: {:#?}", opened(daemon.pid()));
        rest(Duration::from_millis(5));
    }
}

/// What the descriptors of a process lead to, and the TCP sockets among them: their addresses in hexadecimal and state.
fn opened(pid: u32) -> Vec<String> {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).expect("a live process");
    let links: Vec<_> = folder.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    let sockets = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let describe = |link: &std::path::PathBuf| {
        let link = link.display().to_string();
        let inode = link.trim_start_matches("socket:[").trim_end_matches(']');
        let socket = sockets.lines().find(|line| line.split_whitespace().nth(9) == Some(inode));
        format!("{link} {}", socket.unwrap_or_default())
    };
    links.iter().map(describe).collect()
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
