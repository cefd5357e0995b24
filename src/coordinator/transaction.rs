//! One step from a configuration to the next: prepared by every shard, then committed by all of them, or by none.
//!
//! Verbs that come while a step is under way are taken together in the next one, so that their number does not multiply the
//! waiting. What one of several can not be prepared with is found by trying each alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_core::state::{Applied, ConfigState, Mutation};
use ringway_core::{Actor, Answer, Change, ErrorCode, Event, EventKind, ListenerName, Time, VerbError};
use ringway_health::board::Output;
use ringway_shards::{BoardChange, Command, Staged};

use super::audit::Entry;
use super::files;
use super::health;
use super::hub::Ask;
use super::limits::GROUP_VERBS_MAX;
use super::restart;
use super::serve::{Coordinator, Note, Phase};
use super::sockets::Opened;

/// A verb that changes the configuration, and waits for its turn.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) ask: Ask,
    pub(super) wish: Wish,
    /// It failed together with others: next time it goes alone.
    pub(super) alone: bool,
}

/// What is wanted.
#[derive(Debug)]
pub(super) enum Wish {
    /// These changes, in their order.
    Changes { changes: Vec<Change>, dry_run: bool },
    /// That the configuration be this.
    Become {
        target: Box<ConfigState>,
        dry_run: bool,
        /// What is told besides each change.
        told: Event,
    },
}

impl Wish {
    fn is_dry_run(&self) -> bool {
        let (Wish::Changes { dry_run, .. } | Wish::Become { dry_run, .. }) = self;
        *dry_run
    }
}

/// A wish that fits the configuration.
#[derive(Debug)]
struct Accepted {
    pending: Pending,
    /// How many changes it comes to.
    count: usize,
    /// They, where they are to be told.
    changes: Vec<Change>,
    /// What is told once it is true.
    events: Vec<Event>,
    generation: u64,
}

/// A step under way.
#[derive(Debug)]
pub(super) struct Transaction {
    number: u64,
    accepted: Vec<Accepted>,
    next: ConfigState,
    generation: u64,
    /// Until it is committed.
    staged: Option<Staged>,
    opened: Vec<Opened>,
    /// The shards that have not answered, by life.
    waiting: BTreeMap<u64, String>,
    pub(super) is_committed: bool,
    /// What is told of backends because of it.
    follows: Vec<Output>,
    pub(super) deadline: Time,
}

impl Transaction {
    /// Where what follows from it is gathered, while shards take it up.
    pub(super) fn follows(&mut self) -> Option<&mut Vec<Output>> {
        self.is_committed.then_some(&mut self.follows)
    }
}

impl Coordinator {
    /// Begins the next step, if there is something to do and none is under way.
    pub(super) fn begin(&mut self) {
        while self.transaction.is_none() && !self.pending.is_empty() {
            if matches!(self.phase, Phase::Draining { .. }) {
                return self.refuse_pending();
            }
            // However many changes follow each other, a shard that is due comes first.
            self.start_shards();
            self.begin_one();
        }
    }

    /// Nothing is changed any more.
    pub(super) fn refuse_pending(&mut self) {
        while let Some(pending) = self.pending.pop_front() {
            self.conclude(pending.ask, Err(stopping()));
        }
    }

    fn begin_one(&mut self) {
        let mut next = self.state.clone();
        let mut accepted: Vec<Accepted> = Vec::new();
        // What does not fit might fit without what was accepted before it, which is not true yet.
        let mut doubtful: Vec<Pending> = Vec::new();
        let mut generation = self.generation;
        while let Some(pending) = self.pending.pop_front() {
            if pending.wish.is_dry_run() {
                // Against what is committed, not against what is about to be.
                let answer = self.try_out(&pending.wish);
                self.conclude(pending.ask, answer);
                continue;
            }
            if pending.alone && !accepted.is_empty() {
                self.pending.push_front(pending);
                break;
            }
            let is_alone = pending.alone;
            let mut tentative = next.clone();
            match wished(&pending.wish, &mut tentative) {
                Err(_) if generation != self.generation => doubtful.push(pending),
                Err(error) => self.refuse(pending, error),
                Ok(Outcome { count, changes, mut events }) => {
                    if count > 0 {
                        generation += 1;
                    }
                    if let Wish::Become { told, .. } = &pending.wish {
                        let reason = format!("{}; {count} changes", told.reason);
                        events.push(told.clone().because(reason));
                    }
                    next = tentative;
                    accepted.push(Accepted { pending, count, changes, events, generation });
                }
            }
            if is_alone || accepted.len() == GROUP_VERBS_MAX {
                break;
            }
        }
        for pending in doubtful.into_iter().rev() {
            self.pending.push_front(pending);
        }
        if accepted.iter().all(|accepted| accepted.count == 0) {
            return self.finish_all(accepted, &[]);
        }
        match self.prepare(next, generation, accepted) {
            Ok(()) => {}
            Err((accepted, error)) => self.retry_or_refuse(accepted, &error),
        }
    }

    /// What would become of a wish.
    fn try_out(&mut self, wish: &Wish) -> Result<Answer, VerbError> {
        let mut next = self.state.clone();
        let Outcome { count, changes, .. } = wished(wish, &mut next)?;
        let touched = ConfigState::touched(&self.state, &next);
        let files = files::of_touched(&self.state, &next, &touched)
            .map_err(|error| VerbError::new(ErrorCode::Io, error.to_string()))?;
        let addresses = |name: &ListenerName| self.listening.address(name);
        self.planner
            .stage(&touched, &next, &addresses, &files)
            .map_err(|error| VerbError::new(ErrorCode::Invalid, error.to_string()))?;
        let generation = self.generation;
        Ok(Answer::Changed { generation, dry_run: true, changes, count, late: Vec::new() })
    }

    /// Opens sockets, compiles, and has every shard prepare. Gives the verbs back if that can not even begin.
    fn prepare(
        &mut self,
        next: ConfigState,
        generation: u64,
        accepted: Vec<Accepted>,
    ) -> Result<(), (Vec<Accepted>, VerbError)> {
        let touched = ConfigState::touched(&self.state, &next);
        let shards = self.shards.count();
        let opened = match self.listening.open_new(&next, &touched, shards, super::clock::now()) {
            Ok(opened) => opened,
            Err(error) => {
                let error = VerbError::new(ErrorCode::Io, error.to_string()).field("address");
                return Err((accepted, error));
            }
        };
        let files = match files::of_touched(&self.state, &next, &touched) {
            Ok(files) => files,
            Err(error) => return Err((accepted, VerbError::new(ErrorCode::Io, error.to_string()))),
        };
        let addresses = |name: &ListenerName| {
            let new = opened.iter().find(|opened| opened.name == *name).map(|opened| opened.address);
            new.or_else(|| self.listening.address(name))
        };
        let staged = match self.planner.stage(&touched, &next, &addresses, &files) {
            Ok(staged) => staged,
            Err(error) => return Err((accepted, VerbError::new(ErrorCode::Invalid, error.to_string()))),
        };
        self.transactions += 1;
        let number = self.transactions;
        let step = Arc::clone(staged.step());
        let slots = staged.listeners_to_open();
        let mut transaction = Transaction {
            number,
            accepted,
            next,
            generation,
            staged: Some(staged),
            opened,
            waiting: BTreeMap::new(),
            is_committed: false,
            follows: Vec::new(),
            deadline: super::clock::now() + self.state.daemon().mutation_timeout,
        };
        let mut failure = None;
        for shard in self.shards.present() {
            let sockets = slots.iter().filter_map(|(slot, name)| {
                let opened = transaction.opened.iter().find(|opened| opened.name == *name)?;
                Some(opened.socket(shard.id)?.map(|socket| (*slot, socket)))
            });
            let sockets: Result<Vec<_>, std::io::Error> = sockets.collect();
            let (notes, life) = (self.notes.clone(), shard.life);
            let reply = Box::new(move |result| {
                // The coordinator may have ended.
                let _ = notes.send(Note::Prepared { life, number, result });
            });
            let told = match sockets {
                Ok(sockets) => shard.try_tell(Command::Prepare { step: Arc::clone(&step), sockets, reply }),
                Err(error) => Err(format!("a socket for it can not be had: {error}")),
            };
            if let Err(reason) = told {
                failure = Some(shard_error(&shard.name, &reason));
                break;
            }
            transaction.waiting.insert(life, shard.name.clone());
        }
        if let Some(error) = failure {
            let told: BTreeSet<u64> = transaction.waiting.into_keys().collect();
            self.abort(&told);
            self.listening.give_up(transaction.opened, super::clock::now());
            return Err((transaction.accepted, error));
        }
        let is_alone = transaction.waiting.is_empty();
        self.transaction = Some(transaction);
        if is_alone {
            self.commit();
        }
        Ok(())
    }

    /// A shard has prepared, or can not.
    pub(super) fn prepared(&mut self, life: u64, number: u64, result: Result<(), String>) {
        let Some(transaction) =
            self.transaction.as_mut().filter(|known| known.number == number && !known.is_committed)
        else {
            return;
        };
        match result {
            Ok(()) => {
                transaction.waiting.remove(&life);
                if transaction.waiting.is_empty() {
                    self.commit();
                }
            }
            Err(reason) => {
                let name = transaction.waiting.get(&life).cloned().unwrap_or_default();
                self.give_up(&shard_error(&name, &reason));
            }
        }
    }

    /// A shard has ended: nothing is to be had of it.
    pub(super) fn lost(&mut self, life: u64) {
        let Some(transaction) = &mut self.transaction else { return };
        transaction.waiting.remove(&life);
        if transaction.waiting.is_empty() {
            if transaction.is_committed { self.conclude_transaction() } else { self.commit() }
        }
    }

    /// The deadline of what is under way has passed.
    pub(super) fn expired(&mut self) {
        let Some(transaction) = &self.transaction else { return };
        if transaction.is_committed {
            return self.conclude_transaction();
        }
        let names: Vec<_> = transaction.waiting.values().map(String::as_str).collect();
        let wait = self.state.daemon().mutation_timeout;
        let error = VerbError::new(
            ErrorCode::Shard,
            format!(
                "{} did not prepare within {wait:?} (daemon.mutation_timeout): nothing was changed; \
                 `ringway status` shows how it stands",
                names.join(", ")
            ),
        );
        // None of them is at fault, and each alone would wait as long.
        for accepted in self.forget() {
            self.refuse(accepted.pending, error.clone());
        }
    }

    /// All shards have prepared: from here on the next configuration is the configuration.
    fn commit(&mut self) {
        let Some(transaction) = &mut self.transaction else { return };
        let number = transaction.number;
        transaction.is_committed = true;
        transaction.deadline = super::clock::now() + self.state.daemon().mutation_timeout;
        for shard in self.shards.present() {
            let (notes, life) = (self.notes.clone(), shard.life);
            let reply = Box::new(move |_hash| {
                let _ = notes.send(Note::Committed { life, number });
            });
            // One that can not even be told is named as late.
            shard.tell(Command::Commit { reply });
            transaction.waiting.insert(life, shard.name.clone());
        }
        let staged = transaction.staged.take().expect("it is committed once");
        let changes: Vec<BoardChange> = staged.board().to_vec();
        let slots = staged.listeners_to_open();
        self.planner.commit(staged);
        let before = std::mem::replace(&mut self.state, transaction.next.clone());
        self.generation = transaction.generation;
        let opened = std::mem::take(&mut transaction.opened);
        if matches!(self.phase, Phase::Serving) {
            self.listening.follow(&self.state, opened, &slots, super::clock::now());
        }
        let is_over = transaction.waiting.is_empty();
        let mut out = Vec::new();
        self.health.change(&changes, &self.shards.running(), &mut out);
        // Shards hear what follows at once, people after what it follows from.
        out.retain(|output| match output {
            Output::Decide(decision) => {
                self.shards.tell(|| Command::Decide(*decision));
                false
            }
            Output::Event(_) | Output::FailOpen { .. } => true,
        });
        if let Some(transaction) = &mut self.transaction {
            transaction.follows = out;
        }
        self.apply_daemon(&before);
        if is_over {
            self.conclude_transaction();
        }
    }

    /// A shard has committed.
    pub(super) fn committed(&mut self, life: u64, number: u64) {
        let Some(transaction) = self.transaction.as_mut().filter(|known| known.number == number) else {
            return;
        };
        transaction.waiting.remove(&life);
        if transaction.waiting.is_empty() && transaction.is_committed {
            self.conclude_transaction();
        }
    }

    /// It is true on all shards but those that are late: answers, and tells.
    fn conclude_transaction(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        let late: Vec<String> = transaction.waiting.into_values().collect();
        for name in &late {
            tracing::error!(
                "{name} has not confirmed generation {} in time: it follows as soon as it can",
                transaction.generation
            );
        }
        if let Some(autosave) = &self.autosave {
            autosave.committed(&self.state, self.generation);
        }
        self.finish_all(transaction.accepted, &late);
        health::tell(&transaction.follows, None, &self.shards, &self.events);
        // The board looks at what flips when a batch is over: before the next one begins.
        self.health.take(None, &self.shards, &self.events);
    }

    fn finish_all(&mut self, accepted: Vec<Accepted>, late: &[String]) {
        for Accepted { pending: Pending { ask, .. }, count, changes, events, generation } in accepted {
            let actor: Actor = ask.actor.clone();
            for event in events {
                self.events.emit(event, Some(&actor));
            }
            let late = late.to_vec();
            self.conclude(ask, Ok(Answer::Changed { generation, dry_run: false, changes, count, late }));
        }
    }

    /// Nothing is changed: every shard forgets what it has prepared.
    fn give_up(&mut self, error: &VerbError) {
        let accepted = self.forget();
        self.retry_or_refuse(accepted, error);
    }

    /// The step under way is none any more; what it was to bring about.
    fn forget(&mut self) -> Vec<Accepted> {
        let Some(transaction) = self.transaction.take() else { return Vec::new() };
        let all: BTreeSet<u64> = self.shards.present().map(|shard| shard.life).collect();
        self.abort(&all);
        self.listening.give_up(transaction.opened, super::clock::now());
        transaction.accepted
    }

    /// The process ends with a step under way, and with verbs that wait for theirs.
    pub(super) fn end_transactions(&mut self) {
        match &self.transaction {
            Some(transaction) if transaction.is_committed => self.conclude_transaction(),
            Some(_) => {
                for accepted in self.forget() {
                    self.conclude(accepted.pending.ask, Err(stopping()));
                }
            }
            None => {}
        }
        self.refuse_pending();
    }

    fn abort(&mut self, lives: &BTreeSet<u64>) {
        for shard in self.shards.present().filter(|shard| lives.contains(&shard.life)) {
            shard.tell(Command::Abort);
        }
    }

    /// Of several, each may be the one at fault.
    fn retry_or_refuse(&mut self, accepted: Vec<Accepted>, error: &VerbError) {
        if let [_] = &accepted[..] {
            for accepted in accepted {
                self.refuse(accepted.pending, error.clone());
            }
            return;
        }
        for accepted in accepted.into_iter().rev() {
            self.pending.push_front(Pending { alone: true, ..accepted.pending });
        }
    }

    fn refuse(&mut self, pending: Pending, error: VerbError) {
        let reason = format!("{}: {error}", pending.ask.verb.name());
        let event = Event::new(EventKind::ConfigurationRejected).because(reason);
        self.events.emit(event, Some(&pending.ask.actor));
        self.conclude(pending.ask, Err(error));
    }

    /// Writes the audit line, and answers.
    pub(super) fn conclude(&mut self, ask: Ask, result: Result<Answer, VerbError>) {
        if ask.verb.is_audited() {
            let elapsed = super::clock::now().since(ask.at);
            self.audit.record(&Entry {
                verb: &ask.verb,
                actor: &ask.actor,
                result: &result,
                generation: self.generation,
                elapsed,
            });
        }
        ask.answer(result);
    }
}

/// What a wish comes to.
struct Outcome {
    count: usize,
    /// Each against what was before it; only where they are to be told.
    changes: Vec<Change>,
    events: Vec<Event>,
}

/// Applies a wish to `next`, up to the first change that does not fit.
fn wished(wish: &Wish, next: &mut ConfigState) -> Result<Outcome, VerbError> {
    let mut outcome = Outcome { count: 0, changes: Vec::new(), events: Vec::new() };
    let describes = wish.is_dry_run() || matches!(wish, Wish::Become { .. });
    let mut apply = |next: &mut ConfigState, mutation: &Mutation| -> Result<(), VerbError> {
        if let Mutation::Daemon(daemon) = mutation
            && let Some(key) = restart::keys(next.daemon(), daemon).first()
        {
            let message =
                format!("takes a restart: set daemon.{key} in the configuration file, and start anew");
            return Err(VerbError::new(ErrorCode::Invalid, message).field(*key));
        }
        let events = mutation.events(next);
        let change = describes.then(|| mutation.to_patch(next));
        if let Applied::Changed = next.apply(mutation)? {
            outcome.count += 1;
            outcome.events.extend(events);
            outcome.changes.extend(change);
        }
        Ok(())
    };
    match wish {
        Wish::Changes { changes, .. } => {
            let is_batch = changes.len() > 1;
            for (place, change) in changes.iter().enumerate() {
                let result = next.resolve(change).and_then(|mutation| apply(next, &mutation));
                result.map_err(|error| if is_batch { error.change(place) } else { error })?;
            }
        }
        Wish::Become { target, .. } => {
            for mutation in ConfigState::diff(next, target) {
                apply(next, &restart::without(next.daemon(), mutation))?;
            }
        }
    }
    Ok(outcome)
}

/// Why nothing is changed any more.
pub(super) fn stopping() -> VerbError {
    VerbError::new(ErrorCode::Stopping, "the process is stopping: nothing is changed any more")
}

fn shard_error(name: &str, reason: &str) -> VerbError {
    VerbError::new(
        ErrorCode::Shard,
        format!("{name} can not follow: {reason}; nothing was changed on any shard"),
    )
}
