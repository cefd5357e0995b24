//! The rise/fall machine: consecutive results in, flips out.

use ringway_core::Time;

use crate::CheckSettings;

/// What is held of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It gets requests.
    Healthy,
    /// It gets none.
    Unhealthy,
}

/// A backend's health and the results that speak against it.
///
/// A result that agrees with the verdict clears what spoke against it: only *consecutive* results flip it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    health: Health,
    /// Consecutive results that contradict `health`; below the threshold.
    against: u32,
    since: Time,
}

impl Default for Verdict {
    fn default() -> Verdict {
        Verdict::new()
    }
}

impl Verdict {
    /// Healthy until proven otherwise.
    #[must_use]
    pub const fn new() -> Verdict {
        Verdict { health: Health::Healthy, against: 0, since: Time::ZERO }
    }

    /// The verdict.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Since when it holds.
    #[must_use]
    pub const fn since(&self) -> Time {
        self.since
    }

    /// Whether results have begun to contradict the verdict: probes may then follow faster.
    #[must_use]
    pub const fn is_changing(&self) -> bool {
        self.against > 0
    }

    /// A probe succeeded; tells the flip if this was the last one needed.
    pub fn probe_succeeded(&mut self, settings: &CheckSettings, now: Time) -> Option<Health> {
        self.result(Health::Healthy, settings.rise, now)
    }

    /// A probe failed; tells the flip if this was the last one needed.
    pub fn probe_failed(&mut self, settings: &CheckSettings, now: Time) -> Option<Health> {
        self.result(Health::Unhealthy, settings.fall, now)
    }

    /// States a verdict, whatever the thresholds; tells whether that is a flip.
    pub fn state(&mut self, health: Health, now: Time) -> Option<Health> {
        self.result(health, 1, now)
    }

    fn result(&mut self, result: Health, threshold: u32, now: Time) -> Option<Health> {
        if result == self.health {
            self.against = 0;
            return None;
        }
        self.against += 1;
        if self.against < threshold {
            return None;
        }
        *self = Verdict { health: result, against: 0, since: now };
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Time = Time::from_nanos(7);

    fn settings(rise: u32, fall: u32) -> CheckSettings {
        CheckSettings { rise, fall, ..CheckSettings::default() }
    }

    #[test]
    fn only_consecutive_results_flip_the_verdict_and_each_flip_is_told_once() {
        let settings = settings(2, 3);
        let mut verdict = Verdict::new();
        for _ in 0..10 {
            assert_eq!(verdict.probe_failed(&settings, AT), None);
            assert_eq!(verdict.probe_failed(&settings, AT), None);
            assert!(verdict.is_changing());
            assert_eq!(verdict.probe_succeeded(&settings, AT), None);
            assert!(!verdict.is_changing());
        }
        verdict.probe_failed(&settings, AT);
        verdict.probe_failed(&settings, AT);
        assert_eq!(verdict.probe_failed(&settings, AT), Some(Health::Unhealthy));
        assert_eq!(verdict.probe_failed(&settings, AT), None);
        assert_eq!((verdict.health(), verdict.since()), (Health::Unhealthy, AT));
        assert_eq!(verdict.probe_succeeded(&settings, AT), None);
        assert_eq!(verdict.probe_succeeded(&settings, AT), Some(Health::Healthy));
    }

    #[test]
    fn a_stated_verdict_needs_no_threshold() {
        let mut verdict = Verdict::new();
        assert_eq!(verdict.state(Health::Healthy, AT), None);
        assert_eq!(verdict.state(Health::Unhealthy, AT), Some(Health::Unhealthy));
        assert_eq!(verdict.state(Health::Unhealthy, AT), None);
    }
}
