//! Active checks for the library face: a thread that connects to the backends of a [`LoadBalancer`]. The one module of this
//! crate that does I/O; the daemon's shards send their own probes.
//!
//! * Each address is probed once per interval, in however many services it is, at its own place in the interval
//!   ([`Schedule`](crate::Schedule)): neither the others nor how long a probe takes moves it.
//! * Three results in a row flip a verdict, either way. They do so through the one path that there is
//!   ([`LoadBalancer::judge_health`]): what somebody else states meanwhile is where the next results start from.
//! * At most [`PROBES_MAX`](crate::limits::PROBES_MAX) are under way. Addresses that timed out the last time share
//!   [`PROBES_SLOW_MAX`](crate::limits::PROBES_SLOW_MAX) of those, so a fleet that is dead does not delay the probes of one
//!   that lives.
//! * What this process lacks (descriptors, ports) speaks against nobody: such a probe does not count.
//!
//! ```
//! use std::net::TcpListener;
//! use std::time::Duration;
//!
//! use ringway_health::spawn_health_checker;
//! use ringway_lb::{LoadBalancer, Policy};
//!
//! let backend = TcpListener::bind("127.0.0.1:0")?;
//! let balancer = LoadBalancer::new();
//! balancer.register("api", [backend.local_addr()?], Policy::LeastLoaded)?;
//!
//! let checker = spawn_health_checker(&balancer, Duration::from_secs(10), Duration::from_secs(5))?;
//! assert_eq!(balancer.healthy_count("api"), 1, "until three probes in a row have failed");
//! drop(checker); // stops it
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ringway_lb::LoadBalancer;
use rustix::event::{EventfdFlags, eventfd};

use crate::limits::CHECKER_LOOKS_EVERY;
use crate::settings::{CheckError, CheckSettings};

mod connect;
mod prober;
mod targets;

use prober::Prober;

/// A running checker. Dropping it stops it; verdicts stay as they are.
#[derive(Debug)]
#[must_use = "dropping it stops it"]
pub struct Checker {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// Tells the thread to stop.
#[derive(Debug)]
struct Stop {
    is_set: AtomicBool,
    /// Readable once it is set.
    bell: OwnedFd,
}

/// Why no checker was started.
#[derive(Debug, thiserror::Error)]
pub enum CheckerError {
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] CheckError),
    /// The system has no thread or no descriptor left.
    #[error(
        "the health checker can not be started: {0}; raise the process's limits of threads and open files"
    )]
    Start(#[from] std::io::Error),
}

/// Checks the backends of all services of `balancer`, also of those that come later (within [`CHECKER_LOOKS_EVERY`]), by
/// connecting: each once per `interval`, for `timeout` at the longest. Thresholds are 3.
///
/// # Errors
///
/// If the interval is shorter than [`INTERVAL_MIN`](crate::INTERVAL_MIN), the timeout longer than the interval, or the
/// system has no thread or descriptor left.
pub fn spawn_health_checker(
    balancer: &LoadBalancer,
    interval: Duration,
    timeout: Duration,
) -> Result<Checker, CheckerError> {
    let settings = CheckSettings { interval, fast_interval: interval, timeout, ..CheckSettings::default() };
    spawn_health_checker_with(balancer, settings)
}

/// [`spawn_health_checker`] with thresholds, and an interval for backends whose verdict is changing, of one's own.
///
/// # Errors
///
/// As [`spawn_health_checker`], and if a threshold is out of its bounds.
pub fn spawn_health_checker_with(
    balancer: &LoadBalancer,
    settings: CheckSettings,
) -> Result<Checker, CheckerError> {
    settings.validate()?;
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(std::io::Error::from)?;
    let stop = Arc::new(Stop { is_set: AtomicBool::new(false), bell });
    let (watched, mut prober) = (Arc::clone(&stop), Prober::new(balancer.clone(), settings, rand::random()));
    let run = move || {
        while !watched.is_set.load(Ordering::Relaxed) {
            prober.turn(&watched.bell, CHECKER_LOOKS_EVERY);
        }
    };
    let thread = std::thread::Builder::new().name("health-checker".to_owned()).spawn(run)?;
    Ok(Checker { stop, thread: Some(thread) })
}

impl Checker {
    /// Whether it runs: it ends early only if an observer of the balancer's events panicked on its thread.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

/// Waits for the thread, unless it is that thread which drops it.
impl Drop for Checker {
    fn drop(&mut self) {
        self.stop.is_set.store(true, Ordering::Relaxed);
        // Full means that it rings already.
        let _ = rustix::io::write(&self.stop.bell, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
