//! What the process knows of its backends: verdicts and passive signals of all shards in, decisions and events out.
//!
//! Each shard sees only its part. The board is the coordinator's: it adds the parts up, alone can keep the ejected share of a
//! cluster below its bound, and tells each flip once for the process. Three things are held against a backend, each by itself:
//! its check (or whoever stated a verdict) finds it unwell, too many of its answers fail and it is **ejected** for a while, or
//! it can not be **reached**. Shards hear the first two as one, its health.
//!
//! A cluster is all down when it has backends and none is available: healthy, not ejected, reachable and not in maintenance.
//! All sums are counted with each change, so asking costs nothing.

use std::collections::BTreeSet;

use ringway_core::Time;
use ringway_core::config::defaults::TIMEOUT_MIN;
use ringway_core::config::{self, AdminState};

mod backend;
mod cluster;
mod decision;
mod gauges;
mod latch;
mod outlier;
mod signal;
mod success_rate;

pub use backend::BackendState;
pub use decision::{Decision, Output};
pub use gauges::Gauges;
pub use signal::{FailureKind, Member, Signal};

use cluster::{Begun, Cluster};

/// The clusters of a configuration, and what is known of each of their backends.
#[derive(Debug)]
pub struct Board {
    clusters: Vec<Cluster>,
    timers: BTreeSet<(Time, Timer)>,
}

/// What happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The ejection of a backend ends.
    Return(Member),
    /// An interval of a cluster's outlier detection ends.
    Interval(u32),
}

impl Board {
    /// The board of a configuration's clusters, in its order. Every backend is well and can be reached, until something says
    /// otherwise; a cluster whose backends are all in maintenance is all down at once.
    #[must_use]
    pub fn new<'a>(
        clusters: impl IntoIterator<Item = &'a config::Cluster>,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Board {
        let clusters: Vec<Cluster> =
            (0..).zip(clusters).map(|(index, cluster)| Cluster::new(index, cluster, out)).collect();
        let mut board = Board { clusters, timers: BTreeSet::new() };
        (0..board.clusters.len() as u32).for_each(|cluster| board.begin_interval(cluster, now));
        board
    }

    /// Takes one observation; what follows from it is appended to `out`.
    pub fn signal(&mut self, signal: Signal, now: Time, out: &mut Vec<Output>) {
        match signal {
            Signal::Probed { member, healthy, reason } => {
                if let Some(cluster) = self.cluster(member.cluster).filter(|cluster| cluster.has_check) {
                    cluster.verdict(member.backend, healthy, reason, out);
                }
            }
            Signal::Stated { member, healthy, reason } => {
                if let Some(cluster) = self.cluster(member.cluster) {
                    cluster.verdict(member.backend, healthy, reason, out);
                }
            }
            Signal::Down { member, reason } => {
                if let Some(cluster) = self.cluster(member.cluster) {
                    cluster.reach(member.backend, Some(reason), out);
                }
            }
            Signal::Up { member } => {
                if let Some(cluster) = self.cluster(member.cluster) {
                    cluster.reach(member.backend, None, out);
                }
            }
            // No flip, but the other shards need not sit their own back-off out.
            Signal::Recovered { member } => {
                if self.backend(member).is_some_and(|backend| backend.unreachable.is_none()) {
                    out.push(Output::Decide(Decision::Reach { member, up: true }));
                }
            }
            Signal::Outlier { member, kind, run } => {
                let cluster = self.cluster(member.cluster);
                let begun = cluster.and_then(|cluster| cluster.failed(member.backend, kind, run, now, out));
                self.remember(begun);
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
            Signal::ShardGone { shard } => {
                self.clusters.iter_mut().for_each(|cluster| cluster.fail_open(shard, false, out));
            }
        }
    }

    /// Does what is due by `now`: ejected backends return, success rates are judged.
    pub fn tick(&mut self, now: Time, out: &mut Vec<Output>) {
        while let Some((_, timer)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.timers.pop_first();
            match timer {
                Timer::Return(member) => {
                    if let Some(cluster) = self.cluster(member.cluster) {
                        cluster.return_ejected(member.backend, out);
                    }
                }
                Timer::Interval(index) => {
                    let begun = self.cluster(index).map(|cluster| cluster.interval_over(now, out));
                    self.remember(begun.into_iter().flatten());
                    self.begin_interval(index, now);
                }
            }
        }
    }

    /// When [`Board::tick`] has something to do; [`Time::NEVER`]: nothing is due by itself.
    #[must_use]
    pub fn next_tick(&self) -> Time {
        self.timers.first().map_or(Time::NEVER, |(due, _)| *due)
    }

    /// A cluster has a check from now on: what its probes say counts.
    pub fn add_check(&mut self, cluster: u32) {
        if let Some(cluster) = self.cluster(cluster) {
            cluster.has_check = true;
        }
    }

    /// A cluster has no check any more: its backends are well again, and what late probes say is ignored.
    pub fn remove_check(&mut self, cluster: u32, out: &mut Vec<Output>) {
        if let Some(cluster) = self.cluster(cluster) {
            cluster.remove_check(out);
        }
    }

    /// What an operator wants of a backend from now on.
    pub fn set_admin(&mut self, member: Member, admin: AdminState, out: &mut Vec<Output>) {
        if let Some(cluster) = self.cluster(member.cluster)
            && cluster.get(member.backend).is_some()
        {
            cluster.change(member.backend, out, |backend| backend.admin = admin);
        }
    }

    /// The figures of a cluster, as they are now; `None`: there is no such cluster.
    #[must_use]
    pub fn gauges(&self, cluster: u32) -> Option<Gauges> {
        self.clusters.get(cluster as usize).map(Cluster::gauges)
    }

    /// What is known of a backend; `None`: there is no such backend.
    #[must_use]
    pub fn backend(&self, member: Member) -> Option<BackendState<'_>> {
        let backend = self.clusters.get(member.cluster as usize)?.get(member.backend)?;
        Some(backend.state())
    }

    fn cluster(&mut self, cluster: u32) -> Option<&mut Cluster> {
        self.clusters.get_mut(cluster as usize)
    }

    fn remember(&mut self, begun: impl IntoIterator<Item = Begun>) {
        self.timers.extend(begun.into_iter().map(|begun| (begun.until, Timer::Return(begun.member))));
    }

    fn begin_interval(&mut self, index: u32, now: Time) {
        if let Some(settings) = self.clusters.get(index as usize).and_then(|cluster| cluster.outlier) {
            // A tick must end, whatever the configuration says.
            self.timers.insert((now + settings.interval.max(TIMEOUT_MIN), Timer::Interval(index)));
        }
    }
}

#[cfg(test)]
mod tests;
