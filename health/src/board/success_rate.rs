//! Which backends of a cluster succeed far less often than the others.
//!
//! Envoy's algorithm: over the backends with enough requests in an interval, those are outliers whose success rate is below
//! the mean of the rates less a number of their standard deviations (of the population, not of a sample). One backend of n can
//! be at most √(n-1) deviations away from the mean, hence the least number of backends.

use ringway_core::config::OutlierDetection;

/// Rates that are closer to each other are the same: what is left of sums of fractions is about 1e-16.
const RATE_EPSILON: f64 = 1e-9;

/// What a backend was sent in an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    pub(super) failures: u64,
}

/// A backend below the bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outlier {
    pub(super) backend: u32,
    /// Its success rate, from 0 to 1.
    rate: f64,
    /// What it should have been, from 0 to 1.
    bound: f64,
}

impl Outlier {
    pub(super) fn reason(&self) -> String {
        let (rate, bound) = (self.rate * 100.0, self.bound * 100.0);
        format!("its success rate of {rate:.1} % is below {bound:.1} %, the bound that its cluster sets")
    }
}

/// The outliers among `backends`, the worst first.
pub(super) fn outliers(
    settings: &OutlierDetection,
    backends: impl Iterator<Item = (u32, Traffic)>,
) -> Vec<Outlier> {
    if settings.success_rate_deviations == 0 {
        return Vec::new();
    }
    let requests_min = u64::from(settings.success_rate_requests.max(1));
    let rates: Vec<(u32, f64)> = backends
        .filter(|(_, traffic)| traffic.requests >= requests_min)
        .map(|(backend, Traffic { requests, failures })| {
            (backend, requests.saturating_sub(failures) as f64 / requests as f64)
        })
        .collect();
    if rates.is_empty() || (rates.len() as u64) < u64::from(settings.success_rate_backends) {
        return Vec::new();
    }
    let count = rates.len() as f64;
    let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / count;
    let variance = rates.iter().map(|(_, rate)| (rate - mean) * (rate - mean)).sum::<f64>() / count;
    let bound = mean - f64::from(settings.success_rate_deviations) / 100.0 * variance.sqrt();
    let mut outliers: Vec<Outlier> = rates
        .into_iter()
        .filter(|(_, rate)| *rate < bound && mean - *rate > RATE_EPSILON)
        .map(|(backend, rate)| Outlier { backend, rate, bound })
        .collect();
    outliers.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    outliers
}

#[cfg(test)]
mod tests;
