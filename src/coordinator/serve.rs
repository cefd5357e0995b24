//! The coordinator at work: one loop that owns the configuration and everything around it, until the last shard has ended.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use ringway_core::config::Daemon;
use ringway_core::state::ConfigState;
use ringway_core::{Actor, Event, EventKind, Time};
use ringway_shards::{Command, Planner, Summary};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, sleep_until};

use super::audit::Audit;
use super::clock;
use super::control::{Control, Request};
use super::descriptors;
use super::error::ShardFailure;
use super::events::Events;
use super::health::Health;
use super::hub::Ask;
use super::limits::{DRAIN_GRACE, WATCH_INTERVAL};
use super::nursery::Nursery;
use super::outcome::Outcome;
use super::roster::Roster;
use super::shard;
use super::snapshot;
use super::sockets::Listeners;
use super::start::Origin;
use super::state_file::Autosave;
use super::status;
use super::transaction::{Pending, Transaction, stopping};

/// What the coordinator hears from its own tasks and from shards.
#[derive(Debug)]
pub(super) enum Note {
    /// A shard has prepared a step, or can not.
    Prepared { life: u64, number: u64, result: Result<(), String> },
    /// A shard has committed it.
    Committed { life: u64, number: u64 },
    /// A file was read: a verb that waited for it can go on, or is refused.
    Read(Box<Pending>),
    /// A verb was carried out by a task of its own.
    Carried(Box<Carried>),
}

/// A verb that a task of its own has carried out.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) ask: Ask,
    pub(super) result: Result<ringway_core::Answer, ringway_core::VerbError>,
    /// What is told of it.
    pub(super) event: Option<Event>,
}

/// The coordinator.
pub(super) struct Coordinator {
    pub(super) state: ConfigState,
    /// How often the configuration was changed.
    pub(super) generation: u64,
    pub(super) planner: Planner,
    pub(super) health: Health,
    pub(super) shards: Roster,
    /// What the shards' threads report, by life.
    pub(super) reports: UnboundedReceiver<(u64, shard::Event)>,
    pub(super) listening: Listeners,
    pub(super) events: Events,
    pub(super) audit: Audit,
    pub(super) autosave: Option<Autosave>,
    pub(super) origin: Origin,
    pub(super) nursery: Nursery,
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) notes: UnboundedSender<Note>,
    pub(super) heard: UnboundedReceiver<Note>,
    /// Verbs that wait for their turn.
    pub(super) pending: VecDeque<Pending>,
    pub(super) transaction: Option<Transaction>,
    pub(super) transactions: u64,
    /// How often each change was asked for.
    pub(super) counts: BTreeMap<&'static str, u64>,
    pub(super) started: Time,
    pub(super) phase: Phase,
    pub(super) outcome: Outcome,
}

/// Whether it still serves.
#[derive(Debug)]
pub(super) enum Phase {
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

impl Coordinator {
    /// Serves until `control`, a verb or a failing shard ends it; all drain first.
    pub(super) async fn serve(mut self, control: &mut Control) -> Outcome {
        let mut watch = tokio::time::interval(WATCH_INTERVAL);
        watch.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_over() {
            let step = tokio::select! {
                biased;
                Some((life, event)) = self.reports.recv() => self.reported(life, event),
                request = control.next() => self.requested(request),
                () = self.phase.over() => self.leave_behind(),
                Some(note) = self.heard.recv() => { self.noted(note); ControlFlow::Continue(()) }
                () = until(self.transaction.as_ref().map(|known| known.deadline)) => {
                    self.expired();
                    ControlFlow::Continue(())
                }
                () = until(self.shards.next_start(clock::now(), self.transaction.is_some())) => {
                    self.start_shards();
                    ControlFlow::Continue(())
                }
                // What shards report of a change is not told before the change.
                finding = self.health.next(), if !self.is_committing() => {
                    self.health.take(finding, &self.shards, &self.events);
                    ControlFlow::Continue(())
                }
                _ = watch.tick() => { self.watch_turns(); ControlFlow::Continue(()) }
                Some(ask) = self.asks.recv() => { self.asked(ask); self.take_waiting(); ControlFlow::Continue(()) }
            };
            if step.is_break() {
                break;
            }
            self.begin();
        }
        self.conclude_all().await
    }

    /// Shards are taking a change up.
    fn is_committing(&self) -> bool {
        self.transaction.as_ref().is_some_and(|known| known.is_committed)
    }

    /// No shard is left, and none will be.
    fn is_over(&self) -> bool {
        !self.shards.has_any()
            && (matches!(self.phase, Phase::Draining { .. }) || !self.shards.will_have_any())
    }

    /// Takes what else has come meanwhile, so that it goes into one step.
    fn take_waiting(&mut self) {
        while let Ok(ask) = self.asks.try_recv() {
            self.asked(ask);
        }
    }

    fn noted(&mut self, note: Note) {
        match note {
            Note::Prepared { life, number, result } => self.prepared(life, number, result),
            Note::Committed { life, number } => self.committed(life, number),
            Note::Read(pending) => self.pending.push_back(*pending),
            Note::Carried(carried) => {
                let Carried { ask, result, event } = *carried;
                if let Some(event) = event {
                    self.events.emit(event, Some(&ask.actor));
                }
                self.conclude(ask, result);
            }
        }
    }

    fn requested(&mut self, request: Request) -> ControlFlow<()> {
        match (request, &self.phase) {
            (Request::Status, _) => {
                let status = status::of_clusters(&self.state, &self.planner, &self.health.board);
                let replies = snapshot::ask(self.shards.present());
                tokio::task::spawn_local(async move {
                    status::log(&snapshot::gather(replies).await, &status);
                });
            }
            (Request::Reload, _) => self.reload_by_signal(),
            (Request::Signal(signal), Phase::Serving) => {
                let within = self.state.daemon().drain_timeout;
                tracing::info!("{signal}: draining, for at most {within:?}");
                let event = Event::new(EventKind::StopRequested).because(signal.to_string());
                self.events.emit(event, Some(&own_actor()));
                self.drain(within);
            }
            (Request::Signal(signal), Phase::Draining { .. }) => {
                tracing::warn!("{signal} while draining: ending at once");
                self.outcome.interrupted = Some(signal);
                return ControlFlow::Break(());
            }
            (Request::Stop { within }, _) => self.drain(within),
            (Request::Snapshot(reply), _) => {
                let replies = snapshot::ask(self.shards.present());
                tokio::task::spawn_local(async move {
                    // Who asked may have stopped waiting.
                    let _ = reply.send(snapshot::gather(replies).await);
                });
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells every shard to drain; a second time only the deadline may still come nearer.
    pub(super) fn drain(&mut self, within: Duration) {
        // What the coordinator keeps of the sockets would keep them open.
        self.listening.close();
        for ask in self.shards.start_no_more() {
            self.conclude(ask, Err(stopping()));
        }
        let command = || if within.is_zero() { Command::Stop } else { Command::Drain { within } };
        for shard in self.shards.all() {
            shard.tell(command());
        }
        let give_up = Instant::now() + within + DRAIN_GRACE;
        self.phase = match self.phase {
            Phase::Draining { give_up: earlier } => Phase::Draining { give_up: earlier.min(give_up) },
            Phase::Serving => Phase::Draining { give_up },
        };
    }

    pub(super) fn drained(&mut self, name: &str, summary: &Summary) {
        tracing::debug!("{name} ended, {} connections cut off", summary.cut);
        self.outcome.cut += summary.cut;
        self.outcome.requests += summary.snapshot.counters.requests;
    }

    pub(super) fn failed(&mut self, name: String, failure: ShardFailure) {
        tracing::error!("{name} failed: {failure}");
        self.outcome.failures.push((name, failure));
    }

    fn leave_behind(&mut self) -> ControlFlow<()> {
        for name in self.shards.abandon() {
            self.failed(name, ShardFailure::Stuck);
        }
        ControlFlow::Break(())
    }

    /// The settings of the process that take effect here.
    pub(super) fn apply_daemon(&mut self, before: &ConfigState) {
        let (old, new): (&Daemon, &Daemon) = (before.daemon(), self.state.daemon());
        if old == new {
            return;
        }
        if old.log_level != new.log_level {
            (self.origin.set_log_level)(new.log_level);
        }
        let connections_max = descriptors::connections_max(&self.state, self.shards.count());
        self.nursery.gate.set(connections_max, new);
    }

    /// Whoever still waits is answered.
    fn answer_all(&mut self) {
        self.asks.close();
        while let Ok(note) = self.heard.try_recv() {
            if let Note::Read(_) | Note::Carried(_) = note {
                self.noted(note);
            }
        }
        self.end_transactions();
        while let Ok(ask) = self.asks.try_recv() {
            self.conclude(ask, Err(stopping()));
        }
    }

    async fn conclude_all(mut self) -> Outcome {
        self.answer_all();
        if let Some(autosave) = self.autosave.take() {
            autosave.end(&self.state, self.generation).await;
        }
        self.audit.close().await;
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

    /// What a shard's thread reports.
    fn reported(&mut self, life: u64, event: shard::Event) -> ControlFlow<()> {
        match event {
            shard::Event::Up => self.came_up(life),
            shard::Event::Ended(result) => self.ended(life, result),
        }
        ControlFlow::Continue(())
    }
}

/// Who acts when nobody else does: the process itself, or a signal to it.
pub(super) fn own_actor() -> Actor {
    use rustix::process::{getgid, getpid, getuid};
    Actor { uid: getuid().as_raw(), gid: getgid().as_raw(), pid: getpid().as_raw_nonzero().get(), session: 0 }
}

/// Completes at `due`; never where there is none. Cancel-safe.
async fn until(due: Option<Time>) {
    match due {
        // Without a look at the timer, which is late by up to a millisecond: a loop that is busy would never see it.
        Some(due) if due <= clock::now() => {}
        Some(due) => sleep(due.since(clock::now())).await,
        None => std::future::pending().await,
    }
}
