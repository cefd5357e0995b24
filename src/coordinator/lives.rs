//! Supervision: shards that end are started again, stalled ones are told of, and one can be replaced on purpose.

use std::fs;
use std::sync::Arc;
#[cfg(debug_assertions)]
use std::time::Duration;

use ringway_core::{Answer, ErrorCode, Event, EventKind, VerbError};
use ringway_health::board::Signal;
use ringway_shards::{Command, Live, Summary};

use super::clock;
use super::error::ShardFailure;
use super::hub::Ask;
use super::roster::Gone;
use super::serve::{Coordinator, Phase};
use super::transaction::Transaction;

impl Coordinator {
    /// Starts the shards for which it is time, from what is committed.
    pub(super) fn start_shards(&mut self) {
        let now = clock::now();
        for id in self.shards.due(now) {
            let core = self.shards.places()[usize::from(id)].core;
            let sockets = match self.listening.sockets(id) {
                Ok(sockets) => sockets,
                Err(error) => {
                    let wait = self.shards.retry(id, now);
                    tracing::error!("shard-{id}: its sockets can not be had: {error}; next try in {wait:?}");
                    continue;
                }
            };
            match self.nursery.start(id, core, self.planner.plan(), sockets) {
                Ok(shard) => self.shards.started(shard),
                Err(error) => {
                    let wait = self.shards.retry(id, now);
                    tracing::error!("shard-{id}: no thread for it: {error}; next try in {wait:?}");
                }
            }
        }
    }

    /// A shard's engine runs.
    pub(super) fn came_up(&mut self, life: u64) {
        let now = clock::now();
        let Some(place) = self.shards.came_up(life, now) else { return };
        let (id, reason, ask) = (place.id, std::mem::take(&mut place.reason), place.ask.take());
        let actor = ask.as_ref().map(|ask| ask.actor.clone());
        self.events.emit(Event::new(EventKind::WorkerRelaunched).shard(id).because(reason), actor.as_ref());
        for decision in self.health.board.decisions() {
            for shard in self.shards.present().filter(|shard| shard.life == life) {
                shard.tell(Command::Decide(decision));
            }
        }
        self.share_checks();
        if let Some(ask) = ask {
            let generation = self.generation;
            self.conclude(ask, Ok(Answer::Done { generation }));
        }
    }

    /// A shard's thread has ended.
    pub(super) fn ended(&mut self, life: u64, result: Result<Box<Summary>, ShardFailure>) {
        let now = clock::now();
        let Some(gone) = self.shards.ended(life, now) else { return };
        // A change that waited for it alone comes before what its end brings about.
        self.lost(life);
        let is_serving = matches!(self.phase, Phase::Serving);
        match (gone, result) {
            (Gone::Leaving { name }, Ok(summary)) => self.drained(&name, &summary),
            (Gone::Leaving { name }, Err(failure)) => {
                tracing::error!("{name} failed while it drained: {failure}")
            }
            (Gone::Tenant { name, .. }, Ok(summary)) if !is_serving => self.drained(&name, &summary),
            (Gone::Tenant { name, .. }, Err(failure)) if !is_serving => self.failed(name, failure),
            (Gone::Tenant { id, name, was_up }, result) => {
                let failure = result.err().unwrap_or(ShardFailure::EndedUnasked);
                self.died(id, name, was_up, failure);
            }
        }
    }

    /// The shard of this number is none any more. What follows is told behind a change that is being taken up.
    fn gone(&mut self, id: u16) {
        let signal = Signal::ShardGone { shard: id };
        match self.transaction.as_mut().and_then(Transaction::follows) {
            Some(follows) => self.health.note(signal, follows),
            None => self.health.take(Some(signal), &self.shards, &self.events),
        }
    }

    /// A shard has ended that was not told to.
    fn died(&mut self, id: u16, name: String, was_up: bool, failure: ShardFailure) {
        let reason = failure.to_string();
        if was_up {
            self.events.emit(Event::new(EventKind::WorkerKilled).shard(id).because(reason.clone()), None);
            self.gone(id);
            self.share_checks();
        }
        if !self.state.daemon().restart_shards {
            self.failed(name, failure);
            let within = self.state.daemon().drain_timeout;
            tracing::error!(
                "draining the other shards, for at most {within:?} (daemon.restart_shards is false)"
            );
            return self.drain(within);
        }
        let wait = self.shards.retry(id, clock::now());
        tracing::error!("{name} failed: {reason}; another one is started in {wait:?}");
        if let Some(place) = self.shards.place_mut(id) {
            place.reason = format!("its predecessor failed: {reason}");
        }
    }

    /// The shards that run share the health checks anew.
    fn share_checks(&self) {
        let live = Arc::new(Live { shards: self.shards.running(), unhealthy: self.health.unhealthy() });
        self.shards.tell(|| Command::Live(Arc::clone(&live)));
    }

    /// Replaces a shard on purpose.
    pub(super) fn relaunch(&mut self, ask: Ask, id: u16) {
        let refused = |code, message: String| Err(VerbError::new(code, message).field("shard"));
        let count = self.shards.count();
        if usize::from(id) >= count {
            let message = format!("there is no shard {id}; they are 0 to {}", count.saturating_sub(1));
            return self.conclude(ask, refused(ErrorCode::NotFound, message));
        }
        let within = self.state.daemon().drain_timeout;
        if !self.shards.replace(id, clock::now(), within) {
            let message = format!("shard {id} is about to be started anyway");
            return self.conclude(ask, refused(ErrorCode::Busy, message));
        }
        self.gone(id);
        if let Some(place) = self.shards.place_mut(id) {
            place.reason = format!("asked for; the one before it drains for at most {within:?}");
            place.ask = Some(ask);
        }
    }

    /// Tells of shards whose turn takes too long, once for each such turn.
    pub(super) fn watch_turns(&mut self) {
        let limit = self.state.daemon().turn_max;
        if limit.is_zero() {
            return;
        }
        let now = clock::now();
        let mut stalled = Vec::new();
        for shard in self.shards.all() {
            let Some(begun) = shard.busy_since() else { continue };
            let lasts = now.since(begun);
            if lasts > limit && shard.reported_turn.replace(Some(begun)) != Some(begun) {
                stalled.push((shard.id, lasts, where_it_is(&shard.name)));
            }
        }
        for (id, lasts, place) in stalled {
            let reason = format!("its turn takes {lasts:?} by now (daemon.turn_max {limit:?}); {place}");
            self.events.emit(Event::new(EventKind::ShardStalled).shard(id).because(reason), None);
        }
    }
}

impl Coordinator {
    /// Harms a shard, for tests.
    #[cfg(debug_assertions)]
    pub(super) fn harm(&mut self, id: u16, panic: bool, stall_ms: u64) -> Result<Answer, VerbError> {
        let Some(shard) = self.shards.present().find(|shard| shard.id == id) else {
            let error = VerbError::new(ErrorCode::NotFound, format!("there is no shard {id} that runs"));
            return Err(error.field("shard"));
        };
        shard.tell(match panic {
            true => Command::Panic,
            false => Command::Stall(Duration::from_millis(stall_ms)),
        });
        Ok(Answer::Done { generation: self.generation })
    }

    /// Harms nobody.
    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "builds for tests need it")]
    pub(super) fn harm(&mut self, _id: u16, _panic: bool, _stall_ms: u64) -> Result<Answer, VerbError> {
        Err(VerbError::new(ErrorCode::NotInThisBuild, "fault: a release build harms nobody"))
    }
}

/// What the kernel says of the thread of this name: its state, and where in the kernel it waits.
fn where_it_is(name: &str) -> String {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return "its thread can not be looked at".to_owned();
    };
    for task in tasks.flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if read("comm").trim_end() != name {
            continue;
        }
        // "pid (comm) S ...": what follows the last parenthesis.
        let stat = read("stat");
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('?');
        let waits = read("wchan");
        let waits =
            if waits.is_empty() || waits == "0" { "in user space".to_owned() } else { format!("in {waits}") };
        return format!("thread {} {name}: state {state}, {waits}", task.file_name().to_string_lossy());
    }
    format!("its thread {name} is gone")
}
