//! Ejection: for how long, how often, and how much of a cluster at once.

use std::time::Duration;

use ringway_core::Time;
use ringway_core::config::OutlierDetection;

use super::signal::FailureKind;

/// A backend's ejections.
#[derive(Debug, Clone, Default)]
pub(super) struct Ejections {
    /// Until when it is out, and why; `None`: it is not.
    pub(super) current: Option<Ejected>,
    /// What the next ejection is multiplied with, less one: how often it was out, less the intervals in which it was not.
    times: u32,
    /// Whether it was out at some point of the current interval.
    was_out: bool,
}

/// An ejection that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ejected {
    pub(super) until: Time,
    pub(super) reason: String,
}

impl Ejections {
    /// For how long it is out if it is ejected now: the n-th time n times as long, up to the most.
    pub(super) fn next_time(&self, settings: &OutlierDetection) -> Duration {
        settings.ejection_time.saturating_mul(self.times.saturating_add(1)).min(settings.ejection_time_max)
    }

    pub(super) fn begin(&mut self, until: Time, reason: String) {
        self.current = Some(Ejected { until, reason });
        self.times = self.times.saturating_add(1);
        self.was_out = true;
    }

    pub(super) fn end(&mut self) {
        self.current = None;
    }

    /// An interval is over: one without ejection makes the next ejection shorter.
    pub(super) fn interval_over(&mut self) {
        if !self.was_out {
            self.times = self.times.saturating_sub(1);
        }
        self.was_out = self.current.is_some();
    }

    /// What was before the present ejection, if there is one, does not count any more.
    pub(super) fn forget(&mut self) {
        self.times = 0;
        self.was_out = false;
    }

    pub(super) fn times(&self) -> u32 {
        self.times
    }
}

/// How many backends of `configured` may be out at once: the share, rounded down.
pub(super) fn ejected_max(settings: &OutlierDetection, configured: u32) -> u32 {
    let share = u64::from(configured) * u64::from(settings.ejected_max) / 100;
    u32::try_from(share).unwrap_or(u32::MAX).min(configured)
}

/// From how many failures in a row on a backend is ejected; 0: never.
pub(super) fn threshold(settings: &OutlierDetection, kind: FailureKind) -> u32 {
    match kind {
        FailureKind::ServerErrors => settings.server_errors,
        FailureKind::GatewayErrors => settings.gateway_errors,
        FailureKind::ConnectFailures => settings.connect_failures,
    }
}

/// Why a backend is ejected after `run` failures.
pub(super) fn reason(kind: FailureKind, run: u32) -> String {
    let failures = match kind {
        FailureKind::ServerErrors => "server errors",
        FailureKind::GatewayErrors => "gateway errors",
        FailureKind::ConnectFailures => "failed connects",
    };
    format!("{run} {failures} in a row")
}
