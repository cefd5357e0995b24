//! A pinned process group: a peer or the origin, started, watched, and stopped again.
//!
//! Each one leads a process group of its own, so that its workers are found for accounting and stopped with it.
//! `setpriv --pdeathsig` asks the kernel to stop it when this program is killed and cannot do so itself.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::Error;
use crate::usage::{Usage, allowed_cores, processes_of};
use crate::{clock, probe};

/// How long a process may take until it answers: HAProxy and nginx need 50 ms, a loaded machine some seconds.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a process may take to end when asked, before it is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
/// How much of a process's output is shown when it fails.
const LAST_WORDS_BYTES: usize = 2000;

/// A running process with its descendants, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Group {
    name: String,
    core: usize,
    child: Child,
    log: PathBuf,
    command: String,
}

/// A command that will run a program on one core and die with this program.
pub(crate) fn on_core(core: usize, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "taskset", "-c", &core.to_string()]).arg(program);
    command.stdin(Stdio::null());
    command
}

impl Group {
    /// Starts a program on a core; its output goes to a file in `dir`.
    pub(crate) fn start(
        name: &str,
        core: usize,
        dir: &Path,
        program: &Path,
        arguments: &[String],
    ) -> Result<Group, Error> {
        let log = dir.join(format!("{name}.log"));
        let output = File::create(&log).map_err(Error::io(format!("cannot create {}", log.display())))?;
        let errors = output.try_clone().map_err(Error::io("cannot share the log file"))?;
        let mut command = on_core(core, program);
        command.args(arguments).process_group(0).stdout(output).stderr(errors);
        let child = command
            .spawn()
            .map_err(|source| Error::Spawn { program: program.display().to_string(), source })?;
        let command = format!("taskset -c {core} {} {}", program.display(), arguments.join(" "));
        Ok(Group { name: name.to_owned(), core, child, log, command })
    }

    /// The command line, as one would type it.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// Waits until the process answers on `port` as `expected`, then checks that it keeps to its core.
    pub(crate) fn wait_until_ready(&mut self, port: u16, expected: probe::Expected) -> Result<(), Error> {
        let deadline = clock::now() + READY_WITHIN;
        while let Err(reason) = probe::ask(port, expected) {
            if let Ok(Some(status)) = self.child.try_wait() {
                let (name, log) = (self.name.clone(), self.last_words());
                return Err(Error::Ended { name, status: status.to_string(), log });
            }
            if clock::now() > deadline {
                return Err(Error::NotReady { name: self.name.clone(), reason, log: self.last_words() });
            }
            clock::pause();
        }
        self.check_pinned()
    }

    /// CPU time that the group's processes have consumed so far.
    pub(crate) fn usage(&self) -> Result<Usage, Error> {
        Usage::of(&self.processes()?).map_err(Error::io(format!("cannot read the CPU time of {}", self.name)))
    }

    fn check_pinned(&self) -> Result<(), Error> {
        let what = format!("cannot read the cores of {}", self.name);
        let found = allowed_cores(&self.processes()?).map_err(Error::io(what))?;
        if found == [self.core.to_string()] {
            return Ok(());
        }
        Err(Error::NotPinned { name: self.name.clone(), core: self.core, found: found.join(" and ") })
    }

    fn processes(&self) -> Result<Vec<u32>, Error> {
        processes_of(self.child.id()).map_err(Error::io("cannot list /proc"))
    }

    fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(LAST_WORDS_BYTES)..]).trim().to_owned()
    }

    fn signal(&self, signal: Signal) {
        // The kernel gives a group's id to nobody else while the group has a member.
        if self.is_empty() {
            return;
        }
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Failing means that the last member has just ended.
            kill_process_group(pid, signal).ok();
        }
    }

    fn is_empty(&self) -> bool {
        self.processes().is_ok_and(|pids| pids.is_empty())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for signal in [Signal::TERM, Signal::KILL] {
            self.signal(signal);
            let deadline = clock::now() + ENDS_WITHIN;
            while !self.is_empty() && clock::now() < deadline {
                clock::pause();
            }
        }
        self.child.wait().ok();
    }
}

#[cfg(test)]
mod tests;
