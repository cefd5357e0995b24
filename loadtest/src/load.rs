//! A load generator: keep-alive connections that ask for one URL, and what became of the requests.
//!
//! In a *closed loop* (no [`Settings::rate`]) every connection sends its next request when it has the answer to the one
//! before. That finds the most a target can do, but its latencies flatter: while the target stalls, nothing is sent that
//! could find it slow.
//!
//! At a *fixed rate* requests are due on a schedule, whatever the target does, and latency counts from the moment a
//! request was due, not from when a connection was free to send it. A stall of a second then shows in every request
//! that was due in that second.

mod client;
mod drive;
mod pace;
mod response;
mod running;
mod stats;
mod target;

use std::time::Duration;

pub use drive::drive;
pub use running::{RunningLoad, spawn};
pub use stats::{Errors, Recorder, Sample, Summary};
pub use target::{Target, TargetError};

use crate::limits::REQUEST_TIMEOUT;

/// What a load is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What is asked for.
    pub target: Target,
    /// How many connections, at least one.
    pub connections: usize,
    /// Requests per second, on all connections together; `None`: a closed loop.
    pub rate: Option<f64>,
    /// How long a request may take from when it is sent, and a connection until it is made.
    pub timeout: Duration,
}

impl Settings {
    /// A closed loop over `connections`.
    #[must_use]
    pub fn new(target: Target, connections: usize) -> Settings {
        Settings { target, connections, rate: None, timeout: REQUEST_TIMEOUT }
    }

    /// The same at a fixed rate of requests per second.
    #[must_use]
    pub fn at_rate(self, rate: f64) -> Settings {
        Settings { rate: Some(rate), ..self }
    }
}
