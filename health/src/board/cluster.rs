//! What the board knows of one cluster: its backends, their sums, its latches.

use std::time::Duration;

use ringway_core::config::{self, OutlierDetection};
use ringway_core::{ClusterId, EventKind, Time};

use super::backend::Backend;
use super::decision::{Decision, Output};
use super::gauges::Gauges;
use super::latch::{AllDown, FailOpen};
use super::outlier;
use super::signal::{FailureKind, Member};
use super::success_rate::{self, Traffic};

/// A cluster. Every change of a backend goes through [`Cluster::change`], which keeps the rest consistent with it.
#[derive(Debug)]
pub(super) struct Cluster {
    id: ClusterId,
    /// Its place in the configuration.
    index: u32,
    pub(super) has_check: bool,
    pub(super) outlier: Option<OutlierDetection>,
    backends: Vec<Backend>,
    gauges: Gauges,
    all_down: AllDown,
    fail_open: FailOpen,
}

/// An ejection that has begun: when it ends is the board's to remember.
pub(super) struct Begun {
    pub(super) member: Member,
    pub(super) until: Time,
}

impl Cluster {
    pub(super) fn new(index: u32, cluster: &config::Cluster, out: &mut Vec<Output>) -> Cluster {
        let backends: Vec<Backend> = cluster.backends.iter().map(Backend::new).collect();
        let mut gauges = Gauges::default();
        backends.iter().for_each(|backend| gauges.add(backend));
        let mut new = Cluster {
            id: cluster.id.clone(),
            index,
            has_check: cluster.health_check.is_some(),
            outlier: cluster.outlier_detection,
            backends,
            gauges,
            all_down: AllDown::default(),
            fail_open: FailOpen::default(),
        };
        new.latch(None, out);
        new
    }

    pub(super) fn get(&self, backend: u32) -> Option<&Backend> {
        self.backends.get(backend as usize)
    }

    pub(super) fn gauges(&self) -> Gauges {
        let fail_open_shards = self.fail_open.shards() as u32;
        Gauges { is_all_down: self.all_down.is_set(), fail_open_shards, ..self.gauges }
    }

    /// Changes a backend, and tells what follows for shards and for the cluster. The backend exists.
    pub(super) fn change(&mut self, backend: u32, out: &mut Vec<Output>, change: impl FnOnce(&mut Backend)) {
        let member = Member { cluster: self.index, backend };
        let changed = &mut self.backends[backend as usize];
        let (was_healthy, was_up) = (changed.is_decided_healthy(), changed.is_reachable());
        self.gauges.subtract(changed);
        change(changed);
        self.gauges.add(changed);
        let (healthy, up) = (changed.is_decided_healthy(), changed.is_reachable());
        if healthy != was_healthy {
            out.push(Output::Decide(Decision::Health { member, healthy }));
        }
        if up != was_up {
            out.push(Output::Decide(Decision::Reach { member, up }));
        }
        self.latch(Some(backend), out);
    }

    /// The verdict of a probe, or one that was stated; `healthy` unless there is a reason against it.
    pub(super) fn verdict(&mut self, backend: u32, healthy: bool, reason: String, out: &mut Vec<Output>) {
        let Some(known) = self.get(backend).filter(|known| known.is_healthy() != healthy) else { return };
        let kind = if healthy { EventKind::HealthCheckHealthy } else { EventKind::HealthCheckUnhealthy };
        out.push(Output::Event(known.event(kind, &self.id, reason.clone())));
        // Whoever found it well has reached it.
        let is_up_again = healthy && !known.is_reachable();
        if is_up_again {
            out.push(Output::Event(known.event(EventKind::BackendUp, &self.id, reason.clone())));
        }
        self.change(backend, out, |known| {
            known.unhealthy = (!healthy).then_some(reason);
            if is_up_again {
                known.unreachable = None;
            }
        });
    }

    /// Whether it can be connected to, after it was said to be otherwise.
    pub(super) fn reach(&mut self, backend: u32, down: Option<String>, out: &mut Vec<Output>) {
        let Some(known) = self.get(backend).filter(|known| known.is_reachable() == down.is_some()) else {
            return;
        };
        let (kind, reason) = match &down {
            Some(reason) => (EventKind::BackendDown, reason.clone()),
            None => (EventKind::BackendUp, "a connection to it was made".to_owned()),
        };
        out.push(Output::Event(known.event(kind, &self.id, reason)));
        self.change(backend, out, |known| known.unreachable = down);
    }

    /// Adds to what is judged at the end of the interval.
    pub(super) fn count(&mut self, backend: u32, requests: u64, failures: u64) {
        if let Some(known) = self.backends.get_mut(backend as usize) {
            known.traffic.requests = known.traffic.requests.saturating_add(requests);
            known.traffic.failures = known.traffic.failures.saturating_add(failures);
        }
    }

    /// A run of failures: ejects the backend if it is long enough.
    pub(super) fn failed(
        &mut self,
        backend: u32,
        kind: FailureKind,
        run: u32,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Option<Begun> {
        let settings = self.outlier?;
        let threshold = outlier::threshold(&settings, kind);
        (threshold > 0 && run >= threshold)
            .then(|| outlier::reason(kind, run))
            .and_then(|reason| self.eject(backend, &settings, reason, now, out))
    }

    /// An interval is over: judges success rates and lets old ejections weigh less.
    pub(super) fn interval_over(&mut self, now: Time, out: &mut Vec<Output>) -> Vec<Begun> {
        let Some(settings) = self.outlier else { return Vec::new() };
        let serving = (0..).zip(&self.backends).filter(|(_, backend)| !backend.is_ejected());
        let outliers =
            success_rate::outliers(&settings, serving.map(|(index, backend)| (index, backend.traffic)));
        for backend in &mut self.backends {
            backend.traffic = Traffic::default();
            backend.ejections.interval_over();
        }
        outliers
            .iter()
            .filter_map(|outlier| self.eject(outlier.backend, &settings, outlier.reason(), now, out))
            .collect()
    }

    /// Ejects a backend, unless it is out already or too many are.
    fn eject(
        &mut self,
        backend: u32,
        settings: &OutlierDetection,
        reason: String,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Option<Begun> {
        let known = self.get(backend).filter(|known| !known.is_ejected())?;
        if self.gauges.ejected >= outlier::ejected_max(settings, self.gauges.configured) {
            self.gauges.ejections_refused_total += 1;
            return None;
        }
        let time = known.ejections.next_time(settings);
        let until = now + time;
        let text = format!("{reason}; it is out for {}", seconds(time));
        out.push(Output::Event(known.event(EventKind::BackendEjected, &self.id, text)));
        self.gauges.ejections_total += 1;
        self.change(backend, out, |known| known.ejections.begin(until, reason));
        Some(Begun { member: Member { cluster: self.index, backend }, until })
    }

    /// The time of an ejection is over.
    pub(super) fn return_ejected(&mut self, backend: u32, out: &mut Vec<Output>) {
        let Some(known) = self.get(backend).filter(|known| known.is_ejected()) else { return };
        let reason = "the time of its ejection is over".to_owned();
        out.push(Output::Event(known.event(EventKind::BackendReturned, &self.id, reason)));
        self.change(backend, out, |known| known.ejections.end());
    }

    /// No check speaks any more: what it said is forgotten.
    pub(super) fn remove_check(&mut self, out: &mut Vec<Output>) {
        self.has_check = false;
        for backend in 0..self.backends.len() as u32 {
            let Some(known) = self.get(backend).filter(|known| !known.is_healthy()) else { continue };
            let reason = "the health check of its cluster was removed".to_owned();
            out.push(Output::Event(known.event(EventKind::HealthCheckHealthy, &self.id, reason)));
            self.change(backend, out, |known| known.unhealthy = None);
        }
    }

    pub(super) fn fail_open(&mut self, shard: u16, entered: bool, out: &mut Vec<Output>) {
        if let Some(entered) = self.fail_open.set(shard, entered) {
            self.gauges.fail_open_total += u64::from(entered);
            out.push(Output::FailOpen { cluster: self.id.clone(), entered });
        }
    }

    /// Tells a flip of the cluster's availability; `cause` is the backend that made it.
    fn latch(&mut self, cause: Option<u32>, out: &mut Vec<Output>) {
        let Gauges { configured, healthy, ejected, unreachable, in_maintenance, available, .. } = self.gauges;
        let Some(all_down) = self.all_down.set(configured, available) else { return };
        let (kind, reason) = if all_down {
            self.gauges.all_down_total += 1;
            let unhealthy = configured - healthy;
            let reason = format!(
                "of {configured} backends, {unhealthy} unhealthy, {ejected} ejected, {unreachable} unreachable, \
                 {in_maintenance} in maintenance"
            );
            (EventKind::NoAvailableBackends, reason)
        } else {
            self.gauges.recovered_total += 1;
            (EventKind::ClusterRecovered, format!("{available} of {configured} backends available"))
        };
        let backend = cause
            .and_then(|cause| self.get(cause))
            .map(|backend| (backend.id.clone(), backend.address.clone()));
        out.push(Output::Event(ringway_core::Event { kind, cluster: self.id.clone(), backend, reason }));
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
