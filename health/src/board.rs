//! What the process knows of its backends: verdicts and passive signals of all shards in, decisions and events out.
//!
//! Each shard sees only its part. The board is the coordinator's: it adds the parts up, alone can keep the ejected share of a
//! cluster below its bound, and tells each flip once for the process. Three things are held against a backend, each by itself:
//! its check (or whoever stated a verdict) finds it unwell, too many of its answers fail and it is **ejected** for a while, or
//! it can not be **reached**. Shards hear the first two as one, its health.
//!
//! A cluster is all down when it has backends and none is available: healthy, not ejected, reachable and not in maintenance.
//! All sums are counted with each change, so asking costs nothing.
//!
//! **Changes of the configuration** come in batches that hold all at once: what is in between is nobody's business. So whether
//! a cluster is all down, and whether more of it is ejected than may be, is looked at when the batch is over: with the next
//! signal or tick, and a tick is due at once.
//!
//! **Removed backends.** Nothing is held against one any more, and nothing is told of it but that its last connection has
//! ended: when each shard that lived has said so, or is gone. With a cluster all of its backends go, and its latches; that it
//! was removed ends whatever was told of it.

use std::collections::BTreeSet;

use ringway_core::Time;
use ringway_core::config;

mod backend;
mod cluster;
mod decision;
mod gauges;
mod latch;
mod leaving;
mod outlier;
mod signal;
mod success_rate;
mod timers;

pub use backend::BackendState;
pub use decision::{Decision, Output};
pub use gauges::Gauges;
pub use signal::{FailureKind, Member, Signal};

use cluster::Cluster;
use leaving::Leaving;
use timers::{Timer, Timers};

/// The clusters of the configuration, and what is known of each of their backends.
///
/// A call costs O(log n) in the number of backends. Those that look at every backend of a cluster say so.
#[derive(Debug, Default)]
pub struct Board {
    /// By slot.
    clusters: Vec<Option<Cluster>>,
    timers: Timers,
    leaving: Leaving,
    /// Clusters whose configuration has changed since they were last looked at.
    unsettled: BTreeSet<u32>,
    /// How many are all down, of those that have been looked at.
    all_down: u32,
}

impl Board {
    /// Without clusters.
    #[must_use]
    pub fn new() -> Board {
        Board::default()
    }

    /// A cluster in this slot, from now on with these settings; the slot is free, or that cluster's already. Its backends are
    /// not taken from here.
    ///
    /// Without a check (any more) its backends are well again, and late probes do not count; one that is replaced by another
    /// leaves them as they are until the other has found out. Without outlier detection (any more) those that are ejected
    /// return; otherwise they return when they were to, unless fewer may be out now. Looks at every backend if a check
    /// ends, or if outlier detection begins or ends.
    pub fn set_cluster(&mut self, slot: u32, settings: &config::Cluster, now: Time, out: &mut Vec<Output>) {
        let place = slot as usize;
        if self.clusters.len() <= place {
            self.clusters.resize_with(place + 1, || None);
        }
        let cluster = self.clusters[place].get_or_insert_with(|| Cluster::new(slot, settings));
        cluster.set(settings, now, &mut self.timers, out);
        self.unsettled.insert(slot);
    }

    /// A cluster is removed, with its backends: as [`Board::remove_backend`] for each. The slot is free.
    pub fn remove_cluster(&mut self, slot: u32, shards: &[u16], out: &mut Vec<Output>) {
        let Some(cluster) = self.clusters.get_mut(slot as usize).and_then(Option::take) else { return };
        self.unsettled.remove(&slot);
        self.all_down -= u32::from(cluster.counts_as_down);
        for (member, removed) in cluster.end(&mut self.timers) {
            self.leaving.begin(member, removed, shards, out);
        }
    }

    /// A backend is added to its cluster, which exists. It is well and can be reached, until something says otherwise.
    pub fn add_backend(&mut self, member: Member, backend: &config::Backend) {
        if let Some(cluster) = self.cluster(member.cluster) {
            cluster.add(member.backend, backend);
            self.unsettled.insert(member.cluster);
        }
    }

    /// A backend is as it says here from now on: what is wanted of it may differ. What is held against it still is.
    pub fn update_backend(&mut self, member: Member, backend: &config::Backend, out: &mut Vec<Output>) {
        if let Some(cluster) = self.cluster(member.cluster)
            && cluster.get(member.backend).is_some()
        {
            cluster.change(member.backend, out, |known| known.update(backend));
            self.unsettled.insert(member.cluster);
        }
    }

    /// A backend is removed. `shards` are those that live: when each of them has said [`Signal::Drained`], be it already, or
    /// is gone, it is told that the backend has no connections.
    pub fn remove_backend(&mut self, member: Member, shards: &[u16], out: &mut Vec<Output>) {
        let Board { clusters, timers, leaving, unsettled, .. } = self;
        if let Some(cluster) = clusters.get_mut(member.cluster as usize).and_then(Option::as_mut)
            && let Some(removed) = cluster.remove(member.backend, timers)
        {
            leaving.begin(member, removed, shards, out);
            unsettled.insert(member.cluster);
        }
    }

    /// Takes one observation; what follows from it is appended to `out`.
    pub fn signal(&mut self, signal: Signal, now: Time, out: &mut Vec<Output>) {
        self.settle_all(out);
        match signal {
            Signal::Probed { member, healthy, reason } => {
                if let Some(cluster) = self.cluster(member.cluster).filter(|cluster| cluster.has_check) {
                    cluster.verdict(member.backend, healthy, reason, out);
                    self.settle(member.cluster, out);
                }
            }
            Signal::Stated { member, healthy, reason } => {
                if let Some(cluster) = self.cluster(member.cluster) {
                    cluster.verdict(member.backend, healthy, reason, out);
                    self.settle(member.cluster, out);
                }
            }
            Signal::Down { member, reason } => self.reach(member, Some(reason), out),
            Signal::Up { member } => self.reach(member, None, out),
            // No flip, but the other shards need not sit their own back-off out.
            Signal::Recovered { member } => {
                if self.backend(member).is_some_and(|backend| backend.unreachable.is_none()) {
                    out.push(Output::Decide(Decision::Reach { member, up: true }));
                }
            }
            Signal::Outlier { member, kind, run } => {
                let Board { clusters, timers, .. } = self;
                if let Some(cluster) = clusters.get_mut(member.cluster as usize).and_then(Option::as_mut) {
                    cluster.failed(member.backend, kind, run, now, timers, out);
                    self.settle(member.cluster, out);
                }
            }
            Signal::Counts { member, requests, failures } => {
                if let Some(cluster) = self.cluster(member.cluster) {
                    cluster.count(member.backend, requests, failures);
                }
            }
            Signal::FailOpen { cluster, shard, entered } => {
                if let Some(cluster) = self.cluster(cluster) {
                    cluster.fail_open(shard, entered, out);
                }
            }
            Signal::Drained { member, shard } => {
                match self.cluster(member.cluster).and_then(|cluster| cluster.get_mut(member.backend)) {
                    // The shards may be ahead of whoever tells the board that it was removed.
                    Some(backend) => backend.drained.push(shard),
                    None => self.leaving.drained(member, shard, out),
                }
            }
            Signal::ShardGone { shard } => {
                self.clusters.iter_mut().flatten().for_each(|cluster| cluster.fail_open(shard, false, out));
                self.leaving.gone(shard, out);
            }
        }
    }

    /// Does what is due by `now`: ejected backends return, success rates are judged, changes of the configuration have their
    /// consequences.
    pub fn tick(&mut self, now: Time, out: &mut Vec<Output>) {
        self.settle_all(out);
        while let Some(timer) = self.timers.pop_due(now) {
            let Board { clusters, timers, .. } = self;
            let slot = timer.cluster();
            let Some(cluster) = clusters.get_mut(slot as usize).and_then(Option::as_mut) else { continue };
            match timer {
                Timer::Return(member) => cluster.return_ejected(member.backend, out),
                Timer::Interval(_) => cluster.interval_over(now, timers, out),
            }
            self.settle(slot, out);
        }
    }

    /// When [`Board::tick`] has something to do; [`Time::NEVER`]: nothing is due by itself.
    #[must_use]
    pub fn next_tick(&self) -> Time {
        if self.unsettled.is_empty() { self.timers.next() } else { Time::ZERO }
    }

    /// What differs from "every backend is healthy and up": what a shard that has just begun must hear. Looks at every backend
    /// of the clusters where something does.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decision> {
        self.clusters.iter().flatten().flat_map(Cluster::decisions).collect()
    }

    /// The backends that their checks, or whoever stated it, find unwell, in ascending order. Looks at every backend of the
    /// clusters that have such.
    #[must_use]
    pub fn unhealthy(&self) -> Vec<Member> {
        self.clusters.iter().flatten().flat_map(Cluster::unhealthy).collect()
    }

    /// How many clusters are all down.
    #[must_use]
    pub fn clusters_down(&self) -> u32 {
        self.all_down
    }

    /// The figures of a cluster, as they are now; `None`: there is no such cluster.
    #[must_use]
    pub fn gauges(&self, cluster: u32) -> Option<Gauges> {
        self.clusters.get(cluster as usize)?.as_ref().map(Cluster::gauges)
    }

    /// What is known of a backend; `None`: there is no such backend.
    #[must_use]
    pub fn backend(&self, member: Member) -> Option<BackendState<'_>> {
        let backend = self.clusters.get(member.cluster as usize)?.as_ref()?.get(member.backend)?;
        Some(backend.state())
    }

    fn cluster(&mut self, slot: u32) -> Option<&mut Cluster> {
        self.clusters.get_mut(slot as usize)?.as_mut()
    }

    fn reach(&mut self, member: Member, down: Option<String>, out: &mut Vec<Output>) {
        if let Some(cluster) = self.cluster(member.cluster) {
            cluster.reach(member.backend, down, out);
            self.settle(member.cluster, out);
        }
    }

    fn settle_all(&mut self, out: &mut Vec<Output>) {
        while let Some(slot) = self.unsettled.pop_first() {
            self.settle(slot, out);
        }
    }

    /// What follows for a cluster as a whole from how its backends are now.
    fn settle(&mut self, slot: u32, out: &mut Vec<Output>) {
        let Board { clusters, timers, all_down, .. } = self;
        let Some(cluster) = clusters.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        *all_down -= u32::from(cluster.counts_as_down);
        cluster.settle(timers, out);
        *all_down += u32::from(cluster.counts_as_down);
    }
}

#[cfg(test)]
mod tests;
