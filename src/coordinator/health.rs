//! What the shards find out about backends: gathered, judged, told once, and sent back to all of them.

use std::sync::Arc;
use std::time::Duration;

use ringway_core::{Actor, Event, EventKind};
use ringway_health::board::{Board, Member, Output, Signal};
use ringway_shards::{BoardChange, Command, Report};
use tokio::sync::mpsc::{self, Receiver, error::TrySendError};
use tokio::time::sleep;

use super::clock;
use super::events::Events;
use super::limits::SIGNALS_WAITING_MAX;
use super::roster::Roster;

/// What the coordinator knows of backends.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) board: Board,
    signals: Receiver<Signal>,
}

impl Health {
    /// Of no backends, and where shards tell what they find out.
    pub(super) fn new() -> (Health, Arc<Report>) {
        let (sender, signals) = mpsc::channel(SIGNALS_WAITING_MAX);
        let report = move |signal| match sender.try_send(signal) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(signal)) => Err(signal),
            // The coordinator has ended: there is nobody to tell.
            Err(TrySendError::Closed(_)) => Ok(()),
        };
        (Health { board: Board::new(), signals }, Arc::new(report))
    }

    /// What a shard has found out; `None`: time has come for the board to look again. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Signal> {
        let now = clock::now();
        let due = self.board.next_tick();
        if due <= now {
            // Without a look at the timer, which is late by up to a millisecond: a loop that is busy would never see it.
            return None;
        }
        let until = due.since(now);
        // A wait of centuries is more than the timer can take.
        let wait = sleep(until.min(Duration::from_secs(60 * 60)));
        tokio::select! {
            Some(signal) = self.signals.recv() => Some(signal),
            () = wait => None,
        }
    }

    /// The backends that their checks find unwell, in ascending order.
    pub(super) fn unhealthy(&self) -> Vec<Member> {
        self.board.unhealthy()
    }

    /// Follows a change of the configuration. `running`: the shards that will say when they have nothing of what is removed.
    pub(super) fn change(&mut self, changes: &[BoardChange], running: &[u16], out: &mut Vec<Output>) {
        let now = clock::now();
        for change in changes {
            let board = &mut self.board;
            match change {
                BoardChange::SetCluster { slot, settings } => board.set_cluster(*slot, settings, now, out),
                BoardChange::RemoveCluster { slot } => board.remove_cluster(*slot, running, out),
                BoardChange::AddBackend { member, backend } => board.add_backend(*member, backend),
                BoardChange::UpdateBackend { member, backend } => board.update_backend(*member, backend, out),
                BoardChange::RemoveBackend { member } => board.remove_backend(*member, running, out),
            }
        }
    }

    /// Takes note; what follows is for somebody else to tell.
    pub(super) fn note(&mut self, signal: Signal, out: &mut Vec<Output>) {
        self.board.signal(signal, clock::now(), out);
    }

    /// Takes note, and tells whom it concerns.
    pub(super) fn take(&mut self, signal: Option<Signal>, shards: &Roster, events: &Events) {
        self.take_for(signal, None, shards, events);
    }

    /// As [`Health::take`], because somebody said so.
    pub(super) fn take_for(
        &mut self,
        signal: Option<Signal>,
        actor: Option<&Actor>,
        shards: &Roster,
        events: &Events,
    ) {
        let mut out = Vec::new();
        let now = clock::now();
        match signal {
            Some(signal) => self.board.signal(signal, now, &mut out),
            None => self.board.tick(now, &mut out),
        }
        tell(&out, actor, shards, events);
    }
}

/// Sends decisions to all shards, and emits events.
pub(super) fn tell(out: &[Output], actor: Option<&Actor>, shards: &Roster, events: &Events) {
    for output in out {
        match output {
            Output::Decide(decision) => shards.tell(|| Command::Decide(*decision)),
            Output::Event(event) => drop(events.emit(event.clone(), actor)),
            Output::FailOpen { cluster, entered } => {
                let (kind, reason) = match entered {
                    true => (
                        EventKind::FailOpenEntered,
                        "no backend can take requests: they go to some that can not",
                    ),
                    false => (EventKind::FailOpenLeft, "backends in good standing take requests again"),
                };
                events.emit(Event::new(kind).cluster(cluster).because(reason), actor);
            }
        }
    }
}
