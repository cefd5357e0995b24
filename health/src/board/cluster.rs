//! What the board knows of one cluster: its backends, their sums, its latches.

use std::collections::BTreeMap;
use std::time::Duration;

use ringway_core::config::defaults::TIMEOUT_MIN;
use ringway_core::config::{self, OutlierDetection};
use ringway_core::{ClusterId, Event, EventKind, Time};

use super::backend::Backend;
use super::decision::{Decision, Output};
use super::gauges::Gauges;
use super::latch::{AllDown, FailOpen};
use super::leaving::Removed;
use super::outlier;
use super::signal::{FailureKind, Member};
use super::success_rate::{self, Traffic};
use super::timers::{Timer, Timers};

/// A cluster. Every change of a backend goes through [`Cluster::change`], which keeps the sums consistent with it; what it
/// means for the cluster as a whole, [`Cluster::settle`] finds.
#[derive(Debug)]
pub(super) struct Cluster {
    id: ClusterId,
    slot: u32,
    pub(super) has_check: bool,
    outlier: Option<OutlierDetection>,
    /// When the present interval of its outlier detection ends; there is a timer then.
    interval_end: Option<Time>,
    /// By their serial numbers.
    backends: BTreeMap<u32, Backend>,
    gauges: Gauges,
    /// Of the changes since the cluster was settled, the last that left it with an available backend or without: whose it was.
    cause: Option<u32>,
    all_down: AllDown,
    /// Whether it was all down when it was settled.
    pub(super) counts_as_down: bool,
    fail_open: FailOpen,
}

impl Cluster {
    /// Without backends; [`Cluster::set`] sees to the rest.
    pub(super) fn new(slot: u32, settings: &config::Cluster) -> Cluster {
        Cluster {
            id: settings.id.clone(),
            slot,
            has_check: false,
            outlier: None,
            interval_end: None,
            backends: BTreeMap::new(),
            gauges: Gauges::default(),
            cause: None,
            all_down: AllDown::default(),
            counts_as_down: false,
            fail_open: FailOpen::default(),
        }
    }

    /// It has these settings from now on.
    pub(super) fn set(
        &mut self,
        settings: &config::Cluster,
        now: Time,
        timers: &mut Timers,
        out: &mut Vec<Output>,
    ) {
        debug_assert_eq!(self.id, settings.id, "slot {} was not free", self.slot);
        let had_check = std::mem::replace(&mut self.has_check, settings.health_check.is_some());
        if had_check && !self.has_check {
            self.forget_check(out);
        }
        let before = std::mem::replace(&mut self.outlier, settings.outlier_detection);
        if before.map(|settings| settings.interval) != self.outlier.map(|settings| settings.interval) {
            self.begin_interval(now, timers);
        }
        if before.is_some() != self.outlier.is_some() {
            for backend in self.backends.values_mut() {
                backend.traffic = Traffic::default();
                backend.ejections.forget();
            }
        }
    }

    /// Its backends, and nothing more of it.
    pub(super) fn end(mut self, timers: &mut Timers) -> Vec<(Member, Removed)> {
        self.outlier = None;
        self.begin_interval(Time::ZERO, timers);
        let serials: Vec<u32> = self.backends.keys().copied().collect();
        let removed = serials.into_iter().filter_map(|backend| {
            let removed = self.remove(backend, timers)?;
            Some((Member { cluster: self.slot, backend }, removed))
        });
        removed.collect()
    }

    pub(super) fn add(&mut self, backend: u32, settings: &config::Backend) {
        let added = Backend::new(settings);
        let available = self.gauges.available;
        self.gauges.add(&added);
        let before = self.backends.insert(backend, added);
        debug_assert!(before.is_none(), "serial number {backend} is in use");
        self.note_cause(available, backend);
    }

    pub(super) fn remove(&mut self, backend: u32, timers: &mut Timers) -> Option<Removed> {
        let removed = self.backends.remove(&backend)?;
        let available = self.gauges.available;
        self.gauges.subtract(&removed);
        self.note_cause(available, backend);
        let Backend { id, address, drained, ejections, .. } = removed;
        if let Some(ejected) = ejections.current {
            timers.take_back(ejected.until, Timer::Return(Member { cluster: self.slot, backend }));
        }
        Some(Removed { cluster: self.id.clone(), id, address, drained })
    }

    pub(super) fn get(&self, backend: u32) -> Option<&Backend> {
        self.backends.get(&backend)
    }

    /// For what is no part of any sum.
    pub(super) fn get_mut(&mut self, backend: u32) -> Option<&mut Backend> {
        self.backends.get_mut(&backend)
    }

    pub(super) fn gauges(&self) -> Gauges {
        let Gauges { configured, available, .. } = self.gauges;
        let fail_open_shards = self.fail_open.shards() as u32;
        Gauges { is_all_down: configured > 0 && available == 0, fail_open_shards, ..self.gauges }
    }

    /// What shards must know of it.
    pub(super) fn decisions(&self) -> Vec<Decision> {
        let Gauges { configured, healthy, ejected, unreachable, .. } = self.gauges;
        let mut decisions = Vec::new();
        if healthy < configured || ejected > 0 || unreachable > 0 {
            for (&backend, known) in &self.backends {
                let member = Member { cluster: self.slot, backend };
                if !known.is_decided_healthy() {
                    decisions.push(Decision::Health { member, healthy: false });
                }
                if !known.is_reachable() {
                    decisions.push(Decision::Reach { member, up: false });
                }
            }
        }
        decisions
    }

    /// The backends that were found unwell.
    pub(super) fn unhealthy(&self) -> impl Iterator<Item = Member> {
        let is_worth_it = self.gauges.healthy < self.gauges.configured;
        let backends = is_worth_it.then_some(&self.backends).into_iter().flatten();
        let unhealthy = backends.filter(|(_, known)| !known.is_healthy());
        unhealthy.map(|(&backend, _)| Member { cluster: self.slot, backend })
    }

    /// Changes a backend, and tells what follows for shards. Of one that does not exist nothing does.
    pub(super) fn change(&mut self, backend: u32, out: &mut Vec<Output>, change: impl FnOnce(&mut Backend)) {
        let Some(changed) = self.backends.get_mut(&backend) else { return };
        let member = Member { cluster: self.slot, backend };
        let (was_healthy, was_up) = (changed.is_decided_healthy(), changed.is_reachable());
        let available = self.gauges.available;
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
        self.note_cause(available, backend);
    }

    /// So many backends were available before something happened to this one.
    fn note_cause(&mut self, available: u32, backend: u32) {
        if (available == 0) != (self.gauges.available == 0) {
            self.cause = Some(backend);
        }
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
        if let Some(known) = self.get_mut(backend) {
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
        timers: &mut Timers,
        out: &mut Vec<Output>,
    ) {
        let Some(settings) = self.outlier else { return };
        let threshold = outlier::threshold(&settings, kind);
        if threshold > 0 && run >= threshold {
            self.eject(backend, &settings, outlier::reason(kind, run), now, timers, out);
        }
    }

    /// An interval is over: judges success rates and lets old ejections weigh less.
    pub(super) fn interval_over(&mut self, now: Time, timers: &mut Timers, out: &mut Vec<Output>) {
        self.interval_end = None;
        let Some(settings) = self.outlier else { return };
        let serving = self.backends.iter().filter(|(_, backend)| !backend.is_ejected());
        let outliers =
            success_rate::outliers(&settings, serving.map(|(&serial, backend)| (serial, backend.traffic)));
        for backend in self.backends.values_mut() {
            backend.traffic = Traffic::default();
            backend.ejections.interval_over();
        }
        for outlier in &outliers {
            self.eject(outlier.backend, &settings, outlier.reason(), now, timers, out);
        }
        self.begin_interval(now, timers);
    }

    /// The present interval, if there is one, is none any more; the next one begins, if there is one.
    fn begin_interval(&mut self, now: Time, timers: &mut Timers) {
        let timer = Timer::Interval(self.slot);
        if let Some(end) = self.interval_end.take() {
            timers.take_back(end, timer);
        }
        if let Some(settings) = self.outlier {
            // A tick must end, whatever the configuration says.
            let end = now + settings.interval.max(TIMEOUT_MIN);
            timers.set(end, timer);
            self.interval_end = Some(end);
        }
    }

    /// Ejects a backend, unless it is out already or too many are.
    fn eject(
        &mut self,
        backend: u32,
        settings: &OutlierDetection,
        reason: String,
        now: Time,
        timers: &mut Timers,
        out: &mut Vec<Output>,
    ) {
        let Some(known) = self.backends.get(&backend).filter(|known| !known.is_ejected()) else { return };
        if self.gauges.ejected >= outlier::ejected_max(settings, self.gauges.configured) {
            self.gauges.ejections_refused_total += 1;
            return;
        }
        let time = known.ejections.next_time(settings);
        let until = now + time;
        let text = format!("{reason}; it is out for {}", seconds(time));
        out.push(Output::Event(known.event(EventKind::BackendEjected, &self.id, text)));
        self.gauges.ejections_total += 1;
        self.change(backend, out, |known| known.ejections.begin(until, reason));
        timers.set(until, Timer::Return(Member { cluster: self.slot, backend }));
    }

    /// The time of an ejection is over.
    pub(super) fn return_ejected(&mut self, backend: u32, out: &mut Vec<Output>) {
        self.end_ejection(backend, "the time of its ejection is over", out);
    }

    fn end_ejection(&mut self, backend: u32, reason: &str, out: &mut Vec<Output>) {
        let Some(known) = self.get(backend).filter(|known| known.is_ejected()) else { return };
        out.push(Output::Event(known.event(EventKind::BackendReturned, &self.id, reason.to_owned())));
        self.change(backend, out, |known| known.ejections.end());
    }

    /// No check speaks any more: what it said is forgotten.
    fn forget_check(&mut self, out: &mut Vec<Output>) {
        let unhealthy: Vec<Member> = self.unhealthy().collect();
        for member in unhealthy {
            if let Some(known) = self.get(member.backend) {
                let reason = "the health check of its cluster was removed".to_owned();
                out.push(Output::Event(known.event(EventKind::HealthCheckHealthy, &self.id, reason)));
            }
            self.change(member.backend, out, |known| known.unhealthy = None);
        }
    }

    pub(super) fn fail_open(&mut self, shard: u16, entered: bool, out: &mut Vec<Output>) {
        if let Some(entered) = self.fail_open.set(shard, entered) {
            self.gauges.fail_open_total += u64::from(entered);
            out.push(Output::FailOpen { cluster: self.id.clone(), entered });
        }
    }

    /// Keeps the ejected share below its bound, and tells a flip of the cluster's availability.
    pub(super) fn settle(&mut self, timers: &mut Timers, out: &mut Vec<Output>) {
        self.return_beyond_share(timers, out);
        let Gauges { configured, healthy, ejected, unreachable, in_maintenance, available, .. } = self.gauges;
        self.counts_as_down = configured > 0 && available == 0;
        let cause = self.cause.take().and_then(|cause| self.backends.get(&cause));
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
        let event = Event::new(kind).cluster(&self.id).because(reason);
        out.push(Output::Event(match cause {
            Some(backend) => event.backend(&backend.id, &backend.address),
            None => event,
        }));
    }

    /// Where fewer backends may be out than are, because some of the others were removed or the settings changed, those whose
    /// time would have ended first return.
    fn return_beyond_share(&mut self, timers: &mut Timers, out: &mut Vec<Output>) {
        let most = self.outlier.map_or(0, |settings| outlier::ejected_max(&settings, self.gauges.configured));
        if self.gauges.ejected <= most {
            return;
        }
        let ejected = self.backends.iter().filter_map(|(&serial, known)| {
            known.ejections.current.as_ref().map(|ejected| (ejected.until, serial))
        });
        let mut ejected: Vec<(Time, u32)> = ejected.collect();
        ejected.sort_unstable();
        let beyond = (self.gauges.ejected - most) as usize;
        let reason = match self.outlier {
            Some(settings) => format!("no more than {} % of its cluster may be out", settings.ejected_max),
            None => "the outlier detection of its cluster was removed".to_owned(),
        };
        for (until, backend) in ejected.into_iter().take(beyond) {
            timers.take_back(until, Timer::Return(Member { cluster: self.slot, backend }));
            self.end_ejection(backend, &reason, out);
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
