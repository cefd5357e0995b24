//! Watching over the shards until the last one has ended.

use std::ops::ControlFlow;
use std::time::Duration;

use ringway_core::Config;
use ringway_health::board::Signal as Finding;
use ringway_shards::{Command, Summary};
use tokio::time::{Instant, sleep_until};

use super::control::{Control, Request};
use super::error::ShardFailure;
use super::launch::Shards;
use super::limits::DRAIN_GRACE;
use super::outcome::Outcome;
use super::shard::Event;
use super::snapshot;
use super::status;

/// Serves until `control` or a failing shard ends it; both drain first.
pub(super) async fn supervise(shards: Shards, control: &mut Control, config: Config) -> Outcome {
    let drain_timeout = config.daemon.drain_timeout;
    let (phase, outcome) = (Phase::Serving, Outcome::default());
    let mut watch = Watch { config, shards, drain_timeout, phase, outcome };
    while !watch.shards.live.is_empty() {
        let step = tokio::select! {
            biased;
            Some((id, event)) = watch.shards.events.recv() => watch.reported(id, event),
            request = control.next() => watch.asked(request),
            () = watch.phase.over() => watch.give_up(),
            finding = watch.shards.health.next() => watch.found(finding),
        };
        if step.is_break() {
            break;
        }
    }
    watch.conclude()
}

enum Phase {
    Serving,
    /// Every shard was told to drain.
    Draining {
        /// When shards that have not ended are left behind.
        give_up: Instant,
    },
}

impl Phase {
    async fn over(&self) {
        match self {
            Phase::Serving => std::future::pending().await,
            Phase::Draining { give_up } => sleep_until(*give_up).await,
        }
    }
}

struct Watch {
    config: Config,
    shards: Shards,
    drain_timeout: Duration,
    phase: Phase,
    outcome: Outcome,
}

impl Watch {
    fn reported(&mut self, id: u16, event: Event) -> ControlFlow<()> {
        if let Event::Ended(result) = event {
            let name = self.shards.ended(id);
            // While all end, there is nothing to take over, and nothing to tell: no cluster is better for it.
            if let Phase::Serving = self.phase {
                self.shards.take_over(id);
            }
            match (result, &self.phase) {
                (Ok(summary), Phase::Draining { .. }) => self.drained(&name, &summary),
                (Ok(_), Phase::Serving) => self.failed(name, ShardFailure::EndedUnasked),
                (Err(failure), _) => self.failed(name, failure),
            }
        }
        ControlFlow::Continue(())
    }

    fn found(&mut self, finding: Option<Finding>) -> ControlFlow<()> {
        self.shards.health.take(finding, &self.shards.live);
        ControlFlow::Continue(())
    }

    fn asked(&mut self, request: Request) -> ControlFlow<()> {
        match (request, &self.phase) {
            (Request::Status, _) => {
                let status = status::of_clusters(&self.config, &self.shards.health.board, &self.shards.plan);
                let replies = snapshot::ask(&self.shards.live);
                tokio::task::spawn_local(async move {
                    status::log(&snapshot::gather(replies).await, &status);
                });
            }
            (Request::Signal(signal), Phase::Serving) => {
                tracing::info!("{signal}: draining, for at most {:?}", self.drain_timeout);
                self.drain(self.drain_timeout);
            }
            (Request::Signal(signal), Phase::Draining { .. }) => {
                tracing::warn!("{signal} while draining: ending at once");
                self.outcome.interrupted = Some(signal);
                return ControlFlow::Break(());
            }
            (Request::Stop { within }, _) => self.drain(within),
            (Request::Snapshot(reply), _) => {
                let replies = snapshot::ask(&self.shards.live);
                tokio::task::spawn_local(async move {
                    // Who asked may have stopped waiting.
                    let _ = reply.send(snapshot::gather(replies).await);
                });
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells every shard to drain; a second time only the deadline may still come nearer.
    fn drain(&mut self, within: Duration) {
        let command = || if within.is_zero() { Command::Stop } else { Command::Drain { within } };
        for shard in &self.shards.live {
            shard.tell(command());
        }
        let give_up = Instant::now() + within + DRAIN_GRACE;
        self.phase = match self.phase {
            Phase::Draining { give_up: earlier } => Phase::Draining { give_up: earlier.min(give_up) },
            Phase::Serving => Phase::Draining { give_up },
        };
    }

    fn drained(&mut self, name: &str, summary: &Summary) {
        tracing::debug!("{name} ended, {} connections cut off", summary.cut);
        self.outcome.cut += summary.cut;
        self.outcome.requests += summary.snapshot.counters.requests;
    }

    fn failed(&mut self, name: String, failure: ShardFailure) {
        tracing::error!("{name} failed: {failure}");
        self.outcome.failures.push((name, failure));
        if let Phase::Serving = self.phase {
            tracing::error!("draining the other shards, for at most {:?}", self.drain_timeout);
            self.drain(self.drain_timeout);
        }
    }

    fn give_up(&mut self) -> ControlFlow<()> {
        for shard in std::mem::take(&mut self.shards.live) {
            self.failed(shard.name, ShardFailure::Stuck);
        }
        ControlFlow::Break(())
    }

    fn conclude(self) -> Outcome {
        let Outcome { cut, requests, interrupted, failures } = &self.outcome;
        if interrupted.is_none() && failures.is_empty() {
            match cut {
                0 => tracing::info!("stopped after {requests} requests: every one was finished"),
                _ => tracing::warn!(
                    "stopped after {requests} requests, at the deadline; connections cut off: {cut}"
                ),
            }
        }
        self.outcome
    }
}

#[cfg(test)]
mod tests;
