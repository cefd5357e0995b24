//! What becomes of requests, as far as it says something about their backends: what outlier detection and the latency metric go
//! by, and what the coordinator is told.

use ringway_core::Time;
use ringway_engine::Engine;
use ringway_health::board::{FailureKind as Failures, Member, Signal};
use ringway_lb::{BackendKey, FailOpenFlip, FailureKind};

use crate::cluster::Cluster;
use crate::seats::Tally;
use crate::shard::Shard;

impl<E: Engine> Shard<E> {
    /// A backend that was down answers.
    pub(crate) fn tell_up(&self, cluster: &Cluster<E>, key: BackendKey) {
        if let Some(member) = cluster.member(key) {
            self.outbox.send(Signal::Up { member });
        }
    }

    /// A backend answers that this shard had failed to reach.
    #[cold]
    pub(crate) fn tell_recovered(&self, cluster: &Cluster<E>, key: BackendKey) {
        if let Some(member) = cluster.member(key) {
            self.outbox.send(Signal::Recovered { member });
        }
    }

    /// A backend's retries are used up.
    pub(crate) fn tell_down(&self, cluster: &Cluster<E>, key: BackendKey, reason: String) {
        if let Some(member) = cluster.member(key) {
            self.outbox.send(Signal::Down { member, reason });
        }
    }

    /// A cluster began to send requests to backends that are not well, or ceased to.
    #[cold]
    pub(crate) fn tell_fail_open(&self, cluster: &Cluster<E>, flip: FailOpenFlip) {
        let entered = flip == FailOpenFlip::Entered;
        // By then its number may be another's.
        if !cluster.is_removed() {
            self.outbox.send(Signal::FailOpen { cluster: cluster.slot, shard: self.id, entered });
        }
    }

    /// Leaves fail-open, and tells so, if a request that came now would: none may come.
    pub(crate) fn refresh_fail_open(&self, cluster: &Cluster<E>) {
        if let Some(flip) = cluster.leave_fail_open() {
            self.tell_fail_open(cluster, flip);
        }
    }

    /// Whether a backend's retries are used up.
    pub(crate) fn is_down(&self, member: Member) -> bool {
        self.find(member).is_some_and(|(cluster, key)| {
            let list = cluster.list.borrow();
            list.get(key).is_some_and(|backend| backend.retry().is_exhausted())
        })
    }

    /// A backend took a connection.
    pub(crate) fn watch_connect(&self, cluster: &Cluster<E>, key: BackendKey) {
        cluster.with_load(key, |load| load.connected());
    }

    /// A backend answered with `status` to a request that it was given at `since`.
    pub(crate) fn watch_answer(&self, cluster: &Cluster<E>, key: BackendKey, status: u16, since: Time) {
        match status {
            502..=504 => self.watch_failure(cluster, key, FailureKind::Gateway),
            500.. => self.watch_failure(cluster, key, FailureKind::ServerError),
            _ => {
                let now = self.engine.now();
                let is_measured = cluster.plan().measures_latency;
                cluster.with_load(key, |load| {
                    if is_measured {
                        load.observe(now.since(since), now);
                    }
                    load.succeeded();
                });
                tally(cluster, key, false);
            }
        }
    }

    /// A request, or a connect, failed by the backend's fault. Of a run of failures over all shards the one that makes it long
    /// enough is told.
    #[cold]
    pub(crate) fn watch_failure(&self, cluster: &Cluster<E>, key: BackendKey, kind: FailureKind) {
        let (now, plan) = (self.engine.now(), cluster.plan());
        let Some(runs) = cluster.with_load(key, |load| {
            if plan.measures_latency {
                load.penalise(now);
            }
            load.failed(kind)
        }) else {
            return;
        };
        if kind != FailureKind::Connect {
            tally(cluster, key, true);
        }
        let Some(limits) = &plan.outlier else { return };
        let server = (Failures::ServerErrors, runs.server_errors, limits.server_errors);
        let gateway = (Failures::GatewayErrors, runs.gateway_errors, limits.gateway_errors);
        let connect = (Failures::ConnectFailures, runs.connects, limits.connect_failures);
        let grown = match kind {
            FailureKind::ServerError => &[server][..],
            FailureKind::Gateway => &[server, gateway],
            FailureKind::Connect => &[connect],
        };
        for &(kind, run, limit) in grown {
            // Told anew after as many more: the first time the coordinator may have been unable to take it out.
            if limit > 0
                && run % limit == 0
                && let Some(member) = cluster.member(key)
            {
                self.outbox.send(Signal::Outlier { member, kind, run });
            }
        }
    }

    /// Tells the coordinator what was counted, and what it could not take before.
    pub(crate) fn flush_watch(&self) {
        self.outbox.flush();
        self.each_cluster(|cluster| {
            if !cluster.plan().compares_success_rates() {
                return;
            }
            for (backend, tally) in cluster.seats.borrow_mut().take_tallies() {
                let (member, Tally { requests, failures }) =
                    (Member { cluster: cluster.slot, backend }, tally);
                self.outbox.send(Signal::Counts { member, requests, failures });
            }
        });
    }
}

/// Counts what became of a request, where success rates are reckoned from it.
fn tally<E: Engine>(cluster: &Cluster<E>, key: BackendKey, failed: bool) {
    if cluster.plan().compares_success_rates()
        && let Some(tally) = cluster.seats.borrow_mut().tally(key)
    {
        tally.requests += 1;
        tally.failures += u64::from(failed);
    }
}
