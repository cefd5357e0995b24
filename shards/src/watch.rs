//! What becomes of requests, as far as it says something about their backends: what outlier detection and the latency metric go
//! by, and what the coordinator is told.

use ringway_core::Time;
use ringway_engine::Engine;
use ringway_health::board::{FailureKind as Failures, Member, Signal};
use ringway_lb::{BackendKey, FailOpenFlip, FailureKind, Load};

use crate::shard::Shard;

/// What one backend was asked since the coordinator was told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    requests: u64,
    failures: u64,
}

impl<E: Engine> Shard<E> {
    /// A backend that was down answers.
    pub(crate) fn tell_up(&self, cluster: usize, key: BackendKey) {
        if let Some(member) = self.member(cluster, key) {
            self.outbox.send(Signal::Up { member });
        }
    }

    /// A backend answers that this shard had failed to reach.
    #[cold]
    pub(crate) fn tell_recovered(&self, cluster: usize, key: BackendKey) {
        if let Some(member) = self.member(cluster, key) {
            self.outbox.send(Signal::Recovered { member });
        }
    }

    /// A backend's retries are used up.
    pub(crate) fn tell_down(&self, cluster: usize, key: BackendKey, reason: String) {
        if let Some(member) = self.member(cluster, key) {
            self.outbox.send(Signal::Down { member, reason });
        }
    }

    /// A cluster began to send requests to backends that are not well, or ceased to.
    #[cold]
    pub(crate) fn tell_fail_open(&self, cluster: usize, flip: FailOpenFlip) {
        let entered = flip == FailOpenFlip::Entered;
        self.outbox.send(Signal::FailOpen { cluster: cluster as u32, shard: self.id, entered });
    }

    /// Leaves fail-open, and tells so, if a request that came now would: none may come.
    pub(crate) fn refresh_fail_open(&self, cluster: usize) {
        let flip = {
            let mut backends = self.backends.borrow_mut();
            let list = backends.cluster_mut(self.clusters[cluster]);
            if !list.is_failing_open() {
                return;
            }
            list.refresh_fail_open();
            list.take_fail_open_flip()
        };
        if let Some(flip) = flip {
            self.tell_fail_open(cluster, flip);
        }
    }

    /// Whether a backend's retries are used up.
    pub(crate) fn is_down(&self, member: Member) -> bool {
        let cluster = member.cluster as usize;
        let key = self.members[cluster].get(member.backend as usize);
        let backends = self.backends.borrow();
        let backend = key.and_then(|key| backends.cluster(self.clusters[cluster]).get(*key));
        backend.is_some_and(|backend| backend.retry().is_exhausted())
    }

    /// A backend took a connection.
    pub(crate) fn watch_connect(&self, cluster: usize, key: BackendKey) {
        self.with_load(cluster, key, |load| load.connected());
    }

    /// A backend answered with `status` to a request that it was given at `since`.
    pub(crate) fn watch_answer(&self, cluster: usize, key: BackendKey, status: u16, since: Time) {
        match status {
            502..=504 => self.watch_failure(cluster, key, FailureKind::Gateway),
            500.. => self.watch_failure(cluster, key, FailureKind::ServerError),
            _ => {
                let now = self.engine.now();
                let is_measured = self.plan.clusters[cluster].measures_latency;
                self.with_load(cluster, key, |load| {
                    if is_measured {
                        load.observe(now.since(since), now);
                    }
                    load.succeeded();
                });
                self.tally(cluster, key, false);
            }
        }
    }

    /// A request, or a connect, failed by the backend's fault. Of a run of failures over all shards the one that makes it long
    /// enough is told.
    #[cold]
    pub(crate) fn watch_failure(&self, cluster: usize, key: BackendKey, kind: FailureKind) {
        let (now, plan) = (self.engine.now(), &self.plan.clusters[cluster]);
        let Some(runs) = self.with_load(cluster, key, |load| {
            if plan.measures_latency {
                load.penalise(now);
            }
            load.failed(kind)
        }) else {
            return;
        };
        if kind != FailureKind::Connect {
            self.tally(cluster, key, true);
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
                && let Some(member) = self.member(cluster, key)
            {
                self.outbox.send(Signal::Outlier { member, kind, run });
            }
        }
    }

    /// Tells the coordinator what was counted, and what it could not take before.
    pub(crate) fn flush_watch(&self) {
        self.outbox.flush();
        for (cluster, tallies) in self.tallies.borrow_mut().iter_mut().enumerate() {
            for (backend, tally) in tallies.iter_mut().enumerate() {
                let Tally { requests, failures } = std::mem::take(tally);
                if requests > 0 {
                    let member = Member { cluster: cluster as u32, backend: backend as u32 };
                    self.outbox.send(Signal::Counts { member, requests, failures });
                }
            }
        }
    }

    fn tally(&self, cluster: usize, key: BackendKey, failed: bool) {
        let Some(member) = self.member(cluster, key) else { return };
        if let Some(tally) = self.tallies.borrow_mut()[cluster].get_mut(member.backend as usize) {
            tally.requests += 1;
            tally.failures += u64::from(failed);
        }
    }

    fn with_load<T>(&self, cluster: usize, key: BackendKey, work: impl FnOnce(&Load) -> T) -> Option<T> {
        let backends = self.backends.borrow();
        backends.cluster(self.clusters[cluster]).get(key).map(|backend| work(backend.load()))
    }

    /// What the coordinator calls a backend.
    fn member(&self, cluster: usize, key: BackendKey) -> Option<Member> {
        let keys = &self.members[cluster];
        // Backends keep their places as long as none is removed.
        let place = match keys.get(key.index()) {
            Some(at) if *at == key => key.index(),
            _ => keys.iter().position(|at| *at == key)?,
        };
        Some(Member { cluster: cluster as u32, backend: place as u32 })
    }
}
