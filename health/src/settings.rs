//! When a backend is probed, and how many results it takes: the part of a check that is no protocol.

use std::time::Duration;

use ringway_core::config::HealthCheck;
use ringway_core::config::defaults::{
    CHECK_FALL, CHECK_INTERVAL, CHECK_INTERVAL_MIN, CHECK_RISE, CHECK_THRESHOLD_MAX, CHECK_TIMEOUT,
};

/// Shortest interval: a check is no load test.
pub const INTERVAL_MIN: Duration = CHECK_INTERVAL_MIN;
/// Most consecutive results a threshold may ask for.
pub const THRESHOLD_MAX: u32 = CHECK_THRESHOLD_MAX;

/// How a backend is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckSettings {
    /// From the start of one probe to the start of the next. Default 10 s.
    pub interval: Duration,
    /// The same while the state is changing. Default 10 s.
    pub fast_interval: Duration,
    /// The latest a probe may take, connect and answer together. Default 5 s, at most the shorter interval.
    pub timeout: Duration,
    /// Consecutive successes until an unhealthy backend is healthy. Default 3.
    pub rise: u32,
    /// Consecutive failures until a healthy backend is unhealthy. Default 3.
    pub fall: u32,
}

impl Default for CheckSettings {
    fn default() -> CheckSettings {
        CheckSettings {
            interval: CHECK_INTERVAL,
            fast_interval: CHECK_INTERVAL,
            timeout: CHECK_TIMEOUT,
            rise: CHECK_RISE,
            fall: CHECK_FALL,
        }
    }
}

impl From<&HealthCheck> for CheckSettings {
    fn from(check: &HealthCheck) -> CheckSettings {
        let &HealthCheck { interval, fast_interval, timeout, rise, fall, .. } = check;
        CheckSettings { interval, fast_interval, timeout, rise, fall }
    }
}

/// Settings that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Probes would follow each other too closely.
    #[error("an interval is shorter than {INTERVAL_MIN:?}: raise it")]
    Interval,
    /// A probe could still run when the next one starts.
    #[error("the timeout is zero or longer than an interval: a probe must end before the next one starts")]
    Timeout,
    /// A threshold of zero never holds, a huge one never is reached.
    #[error("rise and fall must be from 1 to {THRESHOLD_MAX}")]
    Threshold,
}

impl CheckSettings {
    /// Checks the settings against their bounds.
    ///
    /// # Errors
    /// The first that is out of its bounds.
    pub fn validate(&self) -> Result<(), CheckError> {
        let shorter = self.interval.min(self.fast_interval);
        if shorter < INTERVAL_MIN {
            return Err(CheckError::Interval);
        }
        if self.timeout.is_zero() || self.timeout > shorter {
            return Err(CheckError::Timeout);
        }
        let sound = 1..=THRESHOLD_MAX;
        if !sound.contains(&self.rise) || !sound.contains(&self.fall) {
            return Err(CheckError::Threshold);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_bounds_and_nonsense_is_not() {
        let good = CheckSettings::default();
        assert_eq!(good.validate(), Ok(()));
        assert_eq!(CheckSettings::from(&HealthCheck::default()), good);
        let second = Duration::from_secs(1);
        assert_eq!(CheckSettings { interval: Duration::ZERO, ..good }.validate(), Err(CheckError::Interval));
        assert_eq!(
            CheckSettings { fast_interval: Duration::ZERO, ..good }.validate(),
            Err(CheckError::Interval)
        );
        assert_eq!(CheckSettings { timeout: good.interval * 2, ..good }.validate(), Err(CheckError::Timeout));
        assert_eq!(CheckSettings { fast_interval: second, ..good }.validate(), Err(CheckError::Timeout));
        assert_eq!(CheckSettings { timeout: Duration::ZERO, ..good }.validate(), Err(CheckError::Timeout));
        assert_eq!(CheckSettings { fall: 0, ..good }.validate(), Err(CheckError::Threshold));
        assert_eq!(CheckSettings { rise: 101, ..good }.validate(), Err(CheckError::Threshold));
    }
}
