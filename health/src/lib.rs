//! Is a backend alive: what a check is, and what its results add up to.
//!
//! Pure: probes are sent by the owner shard's tasks, verdicts gathered by the coordinator; here stand only the settings and
//! the state machine between them. A backend starts healthy: a daemon that has just started must not refuse its first
//! requests until the first probes are back.
//!
//! ```
//! use ringway_core::Time;
//! use ringway_health::{CheckSettings, Health, Verdict};
//!
//! let settings = CheckSettings::default();
//! let mut verdict = Verdict::new();
//! let now = Time::ZERO;
//! assert_eq!(verdict.probe_failed(&settings, now), None);
//! assert_eq!(verdict.probe_failed(&settings, now), None);
//! assert_eq!(verdict.probe_failed(&settings, now), Some(Health::Unhealthy));
//! ```
#![forbid(unsafe_code)]

mod settings;
mod verdict;

pub use settings::{CheckError, CheckSettings, INTERVAL_MIN, THRESHOLD_MAX};
pub use verdict::{Health, Verdict};
