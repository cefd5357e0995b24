//! CPU time of a process group, from the kernel's accounting.
//!
//! `/proc/PID/task/TID/schedstat` counts nanoseconds on a core for each thread: the figure that is divided by requests.
//! It holds what the kernel did inside the thread's system calls and, unless the kernel was built with
//! `CONFIG_IRQ_TIME_ACCOUNTING`, the loopback's receive path that runs at the end of each send. Such a kernel hides that
//! part from every peer alike; the cost of the whole core, taken from `/proc/stat`, shows it.
//!
//! A thread that ends within a round takes its figure with it, so ended threads are counted and reported.

use std::collections::BTreeMap;
use std::{fs, io};

/// CPU time consumed so far by each thread of a process group.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    threads: BTreeMap<u32, Schedstat>,
    user_ticks: u64,
    system_ticks: u64,
}

/// CPU time consumed between two snapshots.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spent {
    /// Time on a core.
    pub(crate) ran_ns: u64,
    /// Time ready to run while something else had the core.
    pub(crate) waited_ns: u64,
    /// Clock ticks in user mode; sampled, so only good for a share.
    pub(crate) user_ticks: u64,
    /// Clock ticks in the kernel; sampled.
    pub(crate) system_ticks: u64,
    /// Threads that ended, whose time is missing from the figures above.
    pub(crate) ended_threads: usize,
}

/// The first two fields of a thread's `schedstat`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Schedstat {
    /// Time on a core, nanoseconds.
    pub(crate) ran_ns: u64,
    /// Time waiting for a core, nanoseconds.
    pub(crate) waited_ns: u64,
}

/// The fields of `/proc/PID/stat` in use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `Z` for a process that has ended and was not waited for.
    pub(crate) state: char,
    /// The process group.
    pub(crate) group: u32,
    /// Clock ticks in user mode, all threads.
    pub(crate) user_ticks: u64,
    /// Clock ticks in the kernel, all threads.
    pub(crate) system_ticks: u64,
}

impl Usage {
    /// What the processes with these ids have consumed so far.
    pub(crate) fn of(pids: &[u32]) -> io::Result<Usage> {
        let mut usage = Usage::default();
        for pid in pids {
            let stat = Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
                .ok_or_else(|| malformed(&format!("/proc/{pid}/stat")))?;
            usage.user_ticks += stat.user_ticks;
            usage.system_ticks += stat.system_ticks;
            for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
                let name = entry?.file_name();
                let Some(tid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
                let path = format!("/proc/{pid}/task/{tid}/schedstat");
                // A thread may end between the listing and the reading.
                let Ok(text) = fs::read_to_string(&path) else { continue };
                usage.threads.insert(tid, Schedstat::parse(&text).ok_or_else(|| malformed(&path))?);
            }
        }
        Ok(usage)
    }

    /// What was consumed since an earlier snapshot of the same processes.
    pub(crate) fn since(&self, earlier: &Usage) -> Spent {
        let mut spent = Spent {
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
            ended_threads: earlier.threads.keys().filter(|tid| !self.threads.contains_key(tid)).count(),
            ..Spent::default()
        };
        for (tid, now) in &self.threads {
            let then = earlier.threads.get(tid).copied().unwrap_or_default();
            spent.ran_ns += now.ran_ns.saturating_sub(then.ran_ns);
            spent.waited_ns += now.waited_ns.saturating_sub(then.waited_ns);
        }
        spent
    }
}

impl Schedstat {
    /// Reads `RAN WAITED SLICES`; `None` when the text has another form.
    pub(crate) fn parse(text: &str) -> Option<Schedstat> {
        let mut fields = text.split_ascii_whitespace().map(str::parse::<u64>);
        Some(Schedstat { ran_ns: fields.next()?.ok()?, waited_ns: fields.next()?.ok()? })
    }
}

impl Stat {
    /// Reads a line of `/proc/PID/stat`; `None` when the text has another form.
    ///
    /// The second field is the program's name, which may hold blanks and parentheses: fields count from the last one.
    pub(crate) fn parse(text: &str) -> Option<Stat> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Stat {
            state: fields.first()?.chars().next()?,
            group: u32::try_from(number(2)?).ok()?,
            user_ticks: number(11)?,
            system_ticks: number(12)?,
        })
    }
}

/// Ids of the running processes that belong to a process group.
pub(crate) fn processes_of(group: u32) -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if Stat::parse(&text).is_some_and(|stat| stat.group == group && stat.state != 'Z') {
            pids.push(pid);
        }
    }
    Ok(pids)
}

/// The cores that the threads of these processes may run on, each list once, as the kernel writes it (`0-3,8`).
pub(crate) fn allowed_cores(pids: &[u32]) -> io::Result<Vec<String>> {
    let mut lists = Vec::new();
    for pid in pids {
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let Ok(text) = fs::read_to_string(entry?.path().join("status")) else { continue };
            let list = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
            lists.extend(list.map(|list| list.trim().to_owned()));
        }
    }
    lists.sort();
    lists.dedup();
    Ok(lists)
}

fn malformed(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{path} has an unknown form"))
}

#[cfg(test)]
mod tests;
