//! Starting an engine, and saying why it can not start.

use std::fs;
use std::future::Future;
use std::io;
use std::time::Duration;

use super::{KernelRing, Native};
use crate::uring::ring::{Op, Ring, Wait};
use crate::uring::{Report, Settings, Uring};

/// The kernel releases the memory of rings late, so that a restart may find none for a moment: how often to try again…
const ENOMEM_TRIES: u32 = 8;
/// … and how long to wait first; each wait is twice the one before, five seconds in all.
const ENOMEM_WAIT: Duration = Duration::from_millis(20);

/// Why io_uring can not be used here. The text names the cause and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `kernel.io_uring_disabled` is 2.
    #[error(
        "io_uring is switched off for everyone on this machine (sysctl kernel.io_uring_disabled = 2); \
         remedy: sysctl -w kernel.io_uring_disabled=0"
    )]
    Disabled,
    /// `kernel.io_uring_disabled` is 1, and this process is not privileged.
    #[error(
        "io_uring is reserved for privileged processes on this machine (sysctl kernel.io_uring_disabled = 1); \
         remedy: sysctl -w kernel.io_uring_disabled=0, or run with CAP_SYS_ADMIN, or as a member of the group in \
         kernel.io_uring_group"
    )]
    Reserved,
    /// `EPERM` without a sysctl that explains it.
    #[error(
        "io_uring is forbidden to this process, most likely by a seccomp filter (the default profile of container \
         runtimes blocks it); remedy: allow io_uring_setup, io_uring_enter and io_uring_register in the profile, or \
         run outside the container (docker run --security-opt seccomp=PROFILE.json)"
    )]
    Forbidden,
    /// `ENOSYS`.
    #[error(
        "this kernel ({kernel}) has no io_uring, or a sandbox hides it; remedy: a kernel of 6.1 or later, built with \
         CONFIG_IO_URING, and no sandbox such as gVisor in between"
    )]
    Missing {
        /// The running kernel's release.
        kernel: String,
    },
    /// A feature is missing.
    #[error(
        "this kernel ({kernel}) is too old: its io_uring lacks what Ringway needs; remedy: Linux 6.1 or later"
    )]
    TooOld {
        /// The running kernel's release.
        kernel: String,
    },
    /// `ENOMEM`, also after waiting.
    #[error(
        "the kernel has no lockable memory left for a ring (limit RLIMIT_MEMLOCK: {limit}; a shard needs about \
         {need_kib} KiB); remedy: raise the limit (ulimit -l, or LimitMEMLOCK=infinity in the unit file), run fewer \
         shards, or grant CAP_IPC_LOCK"
    )]
    Memlock {
        /// The limit, as an operator writes it.
        limit: String,
        /// About what one shard needs.
        need_kib: u64,
    },
    /// No descriptors left.
    #[error("no file descriptors left for a ring ({0}); remedy: raise the limit (ulimit -n, or LimitNOFILE)")]
    Descriptors(io::Error),
    /// Anything else.
    #[error("io_uring can not be set up on this kernel ({kernel}): {error}")]
    Other {
        /// The running kernel's release.
        kernel: String,
        /// What the kernel said.
        error: io::Error,
    },
}

impl StartError {
    fn explain(error: io::Error, settings: &Settings) -> StartError {
        let kernel = || read_line("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".into());
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => {
                match read_line("/proc/sys/kernel/io_uring_disabled").as_deref() {
                    Some("2") => StartError::Disabled,
                    Some("1") => StartError::Reserved,
                    _ => StartError::Forbidden,
                }
            }
            Some(libc::ENOSYS) => StartError::Missing { kernel: kernel() },
            Some(libc::EINVAL) => StartError::TooOld { kernel: kernel() },
            Some(libc::ENOMEM) => {
                StartError::Memlock { limit: memlock_limit(), need_kib: need_kib(settings) }
            }
            Some(libc::EMFILE | libc::ENFILE) => StartError::Descriptors(error),
            _ => StartError::Other { kernel: kernel(), error },
        }
    }
}

/// Tries everything that an engine with these settings needs, once, and tears it down again.
///
/// # Errors
/// Why it can not be had here.
pub fn probe(settings: &Settings) -> Result<(), StartError> {
    let attempt = || {
        let mut ring = KernelRing::new(settings)?;
        let groups = ring.buffer_groups(&settings.groups().map(|group| group.max))?;
        // A round trip: the wake-up poll is cancelled, which both must complete.
        ring.push(1, Op::Wakeups);
        ring.push(2, Op::Cancel { target: 1 });
        let mut seen = Vec::with_capacity(8);
        for _ in 0..100 {
            ring.enter(Wait::Until(ring.now() + Duration::from_millis(10)))?;
            ring.reap(&mut seen);
            if seen.len() >= 2 {
                drop(ring);
                drop(groups);
                return Ok(());
            }
        }
        Err(io::Error::from(io::ErrorKind::TimedOut))
    };
    with_patience(attempt).map_err(|error| StartError::explain(error, settings))
}

/// Runs `main` on a native engine on this thread; see [`Uring::run`].
///
/// # Errors
/// Why io_uring can not be had here, or what went wrong while running.
pub fn run<T: 'static, F>(
    settings: &Settings,
    main: impl FnOnce(Native) -> F,
) -> Result<(T, Report), StartError>
where
    F: Future<Output = T> + 'static,
{
    let explain = |error| StartError::explain(error, settings);
    let ring = with_patience(|| KernelRing::new(settings)).map_err(explain)?;
    Uring::run(ring, settings, main).map_err(explain)
}

/// Tries again while the kernel says that it has no memory: it releases that of ended rings late.
fn with_patience<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut wait = ENOMEM_WAIT;
    for _ in 0..ENOMEM_TRIES {
        match attempt() {
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "before the loop runs there is nobody to keep waiting"
                )]
                std::thread::sleep(wait);
                wait *= 2;
            }
            other => return other,
        }
    }
    attempt()
}

/// About what the rings of one engine lock: 64 bytes a submission, 16 a completion, 16 a provided buffer.
fn need_kib(settings: &Settings) -> u64 {
    let buffers: u64 = settings.groups().iter().map(|group| u64::from(group.max) * 16).sum();
    (u64::from(settings.sq_entries) * 64 + u64::from(settings.cq_entries) * 16 + buffers).div_ceil(1024) + 8
}

fn memlock_limit() -> String {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel fills the structure in.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
    match (result, limit.rlim_cur) {
        (0, libc::RLIM_INFINITY) => "unlimited".into(),
        (0, bytes) => format!("{} KiB", bytes / 1024),
        _ => "unknown".into(),
    }
}

fn read_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}
