//! What the shards find out about backends: gathered, judged, told once, and sent back to all of them.

use std::sync::Arc;
use std::time::Duration;

use ringway_core::{Config, Event, EventKind};
use ringway_health::board::{Board, Member, Output, Signal};
use ringway_shards::{Command, Report};
use tokio::sync::mpsc::{self, Receiver, error::TrySendError};
use tokio::time::sleep;

use super::clock;
use super::limits::SIGNALS_WAITING_MAX;
use super::shard::Shard;

/// What the coordinator knows of backends.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) board: Board,
    signals: Receiver<Signal>,
}

impl Health {
    /// Of the backends of `config`, and where shards tell what they find out.
    pub(super) fn new(config: &Config) -> (Health, Arc<Report>) {
        let (sender, signals) = mpsc::channel(SIGNALS_WAITING_MAX);
        let report = move |signal| match sender.try_send(signal) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(signal)) => Err(signal),
            // The coordinator has ended: there is nobody to tell.
            Err(TrySendError::Closed(_)) => Ok(()),
        };
        let mut begun = Vec::new();
        let board = Board::new(&config.clusters, clock::now(), &mut begun);
        // There are no shards to be told yet.
        tell(&begun, &[]);
        (Health { board, signals }, Arc::new(report))
    }

    /// What a shard has found out; `None`: time has come for the board to look again. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Signal> {
        let until = self.board.next_tick().since(clock::now());
        // A wait of centuries is more than the timer can take.
        let wait = sleep(until.min(Duration::from_secs(60 * 60)));
        tokio::select! {
            Some(signal) = self.signals.recv() => Some(signal),
            () = wait => None,
        }
    }

    /// The backends that their checks find unwell, in ascending order.
    pub(super) fn unhealthy(&self) -> Vec<Member> {
        let clusters = (0..).map_while(|cluster| self.board.gauges(cluster).map(|gauges| (cluster, gauges)));
        let some = clusters.filter(|(_, gauges)| gauges.healthy < gauges.configured);
        let members = some.flat_map(|(cluster, gauges)| {
            (0..gauges.configured).map(move |backend| Member { cluster, backend })
        });
        members
            .filter(|member| self.board.backend(*member).is_some_and(|state| state.unhealthy.is_some()))
            .collect()
    }

    /// Takes note, and tells whom it concerns.
    pub(super) fn take(&mut self, signal: Option<Signal>, shards: &[Shard]) {
        let mut out = Vec::new();
        let now = clock::now();
        match signal {
            Some(signal) => self.board.signal(signal, now, &mut out),
            None => self.board.tick(now, &mut out),
        }
        tell(&out, shards);
    }
}

fn tell(out: &[Output], shards: &[Shard]) {
    for output in out {
        match output {
            Output::Decide(decision) => {
                for shard in shards {
                    shard.tell(Command::Decide(*decision));
                }
            }
            Output::Event(event) => log(event),
            Output::FailOpen { cluster, entered: true } => tracing::warn!(
                %cluster,
                "fail-open: no backend is well, requests go to those that may still answer"
            ),
            Output::FailOpen { cluster, entered: false } => {
                tracing::info!(%cluster, "fail-open has ended: a backend is well again");
            }
        }
    }
}

/// One line, as important as the fact is to whoever is woken by it.
fn log(event: &Event) {
    match event.kind {
        EventKind::NoAvailableBackends => tracing::error!("{event}"),
        EventKind::BackendDown | EventKind::HealthCheckUnhealthy | EventKind::BackendEjected => {
            tracing::warn!("{event}");
        }
        _ => tracing::info!("{event}"),
    }
}
