//! Verbs, each to whoever carries it out: the configuration's transaction, the files, the shards, or an answer at once.

use std::path::PathBuf;

use ringway_core::state::ConfigState;
use ringway_core::verb::{CHANGES_MAX, Status};
use ringway_core::{Answer, Change, Config, ErrorCode, Event, EventKind, Verb, VerbError};
use ringway_health::board::Signal;
use ringway_shards::Command;
use tokio::sync::oneshot;

use super::clock;
use super::hub::Ask;
use super::report;
use super::serve::{Carried, Coordinator, Note, Phase, own_actor};
use super::snapshot;
use super::state_file;
use super::transaction::{Pending, Wish, stopping};

impl Coordinator {
    /// Carries a verb out, or sees to it that it will be.
    pub(super) fn asked(&mut self, ask: Ask) {
        if matches!(self.phase, Phase::Draining { .. })
            && ask.verb.is_audited()
            && !matches!(ask.verb, Verb::Stop { .. } | Verb::Subscribe { .. })
        {
            return self.conclude(ask, Err(stopping()));
        }
        match ask.verb.clone() {
            Verb::Apply { changes, dry_run } => self.apply(ask, changes, dry_run),
            Verb::LogLevel { level } => {
                let set = [("log_level".to_owned(), level.as_str().into())].into_iter().collect();
                self.apply(ask, vec![Change::DaemonUpdate { set }], false);
            }
            Verb::Reload { file, dry_run } => self.reload(ask, file, dry_run),
            Verb::StateSave { file } => self.state_save(ask, file),
            Verb::StateLoad { file, dry_run } => self.state_load(ask, file, dry_run),
            Verb::CountRequests => {
                let counts = self.counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
                self.conclude(ask, Ok(Answer::Counts(counts)));
            }
            Verb::Status => self.status(ask),
            Verb::Hashes => self.hashes(ask),
            Verb::Clusters { cluster, domain, path } => {
                let view = self.view();
                let answer = view.clusters(cluster.as_ref(), domain.as_deref(), path.as_deref());
                self.conclude(ask, answer);
            }
            Verb::Listeners => {
                let listeners = self.view().listeners();
                self.conclude(ask, Ok(Answer::Listeners { listeners }));
            }
            Verb::Frontends { cluster, domain, listener } => {
                let answer = self.view().frontends(cluster.as_ref(), domain.as_deref(), listener.as_ref());
                self.conclude(ask, answer);
            }
            Verb::Configuration => {
                let changes = self.state.changes().collect();
                self.conclude(ask, Ok(Answer::Configuration { changes }));
            }
            Verb::MarkHealth { cluster, backend, healthy } => {
                let result = self.mark_health(&ask, &cluster, &backend, healthy);
                self.conclude(ask, result);
            }
            Verb::Subscribe { since, .. } => {
                let event = Event::new(EventKind::EventsSubscribed);
                let own = self.events.emit(event, Some(&ask.actor));
                let next = since.unwrap_or(own).min(own);
                let missed = self.events.read(next, &[], 0).missed;
                self.conclude(ask, Ok(Answer::Subscribed { next, missed }));
            }
            Verb::Stop { hard } => {
                let within = if hard { std::time::Duration::ZERO } else { self.state.daemon().drain_timeout };
                let how =
                    if hard { "at once".to_owned() } else { format!("draining, for at most {within:?}") };
                tracing::info!("stop requested by {}: {how}", ask.actor);
                let event = Event::new(EventKind::StopRequested).because(how);
                self.events.emit(event, Some(&ask.actor));
                let generation = self.generation;
                self.conclude(ask, Ok(Answer::Done { generation }));
                self.drain(within);
            }
            Verb::ShardRelaunch { shard } => self.relaunch(ask, shard),
            Verb::Fault { shard, panic, stall_ms } => {
                let result = self.harm(shard, panic, stall_ms);
                self.conclude(ask, result);
            }
            Verb::Unavailable { feature } => {
                let message = format!("{feature}: not in this build");
                self.conclude(ask, Err(VerbError::new(ErrorCode::NotInThisBuild, message)));
            }
        }
    }

    fn apply(&mut self, ask: Ask, changes: Vec<Change>, dry_run: bool) {
        if changes.len() > CHANGES_MAX {
            let message = format!("{} changes in one batch; it takes at most {CHANGES_MAX}", changes.len());
            let error = VerbError::new(ErrorCode::Busy, message).field("changes");
            if !dry_run {
                let event = Event::new(EventKind::ConfigurationRejected).because(format!("apply: {error}"));
                self.events.emit(event, Some(&ask.actor));
            }
            return self.conclude(ask, Err(error));
        }
        for change in &changes {
            *self.counts.entry(change.name()).or_default() += 1;
        }
        let wish = Wish::Changes { changes, dry_run };
        self.pending.push_back(Pending { ask, wish, alone: false });
    }

    /// SIGHUP: as the verb.
    pub(super) fn reload_by_signal(&mut self) {
        self.audit.reopen();
        if self.origin.file.is_none() {
            return tracing::info!("SIGHUP: there is no configuration file to read again");
        }
        let (reply, answer) = oneshot::channel();
        let verb = Verb::Reload { file: None, dry_run: false };
        self.asked(Ask::new(verb, own_actor(), clock::now(), reply));
        tokio::task::spawn_local(async move {
            match answer.await {
                Ok(Ok(Answer::Changed { generation, count, .. })) => {
                    tracing::info!(
                        "SIGHUP: configuration read again, {count} changes, generation {generation}"
                    );
                }
                Ok(Err(error)) => tracing::error!("SIGHUP: the configuration stays as it is: {error}"),
                Ok(Ok(_)) | Err(_) => {}
            }
        });
    }

    fn reload(&mut self, ask: Ask, file: Option<PathBuf>, dry_run: bool) {
        let Some(file) = file.or_else(|| self.origin.file.clone()) else {
            let error = VerbError::new(
                ErrorCode::Invalid,
                "the process was started without a configuration file: name one",
            );
            return self.conclude(ask, Err(error.field("file")));
        };
        let told = Event::new(EventKind::ConfigurationReloaded).because(file.display().to_string());
        self.become_what(ask, dry_run, told, move || {
            let content = std::fs::read(&file).map_err(|error| {
                VerbError::new(ErrorCode::Io, format!("{}: {error}", file.display())).field("file")
            })?;
            let config = Config::read(&file.display().to_string(), &content)
                .map_err(|errors| VerbError::new(ErrorCode::Invalid, errors.to_string()).field("file"))?;
            Ok(ConfigState::from_config(&config))
        });
    }

    fn state_load(&mut self, ask: Ask, file: Option<PathBuf>, dry_run: bool) {
        let Some(file) = self.state_path(file) else {
            return self.conclude(ask, Err(no_state_file()));
        };
        let told = Event::new(EventKind::StateLoaded).because(file.display().to_string());
        self.become_what(ask, dry_run, told, move || {
            state_file::load(&file)
                .map_err(|error| VerbError::new(ErrorCode::Io, error.to_string()).field("file"))
        });
    }

    /// Reads what is to be on a thread that may wait for it, then has it become so.
    fn become_what(
        &mut self,
        ask: Ask,
        dry_run: bool,
        told: Event,
        read: impl FnOnce() -> Result<ConfigState, VerbError> + Send + 'static,
    ) {
        let (notes, events) = (self.notes.clone(), self.events.clone());
        tokio::task::spawn_local(async move {
            let result = tokio::task::spawn_blocking(read).await;
            let result = result.unwrap_or_else(|error| Err(VerbError::new(ErrorCode::Io, error.to_string())));
            let note = match result {
                Ok(target) => {
                    let wish = Wish::Become { target: Box::new(target), dry_run, told };
                    Note::Read(Box::new(Pending { ask, wish, alone: false }))
                }
                Err(error) => {
                    let reason = format!("{}: {error}", ask.verb.name());
                    // Nothing is told of a dry run.
                    let event =
                        (!dry_run).then(|| Event::new(EventKind::ConfigurationRejected).because(reason));
                    Note::Carried(Box::new(Carried { ask, result: Err(error), event }))
                }
            };
            drop(events);
            // The coordinator may have ended.
            let _ = notes.send(note);
        });
    }

    fn state_path(&self, given: Option<PathBuf>) -> Option<PathBuf> {
        given.or_else(|| self.state.daemon().state_file.clone())
    }

    fn state_save(&mut self, ask: Ask, file: Option<PathBuf>) {
        let Some(file) = self.state_path(file) else {
            return self.conclude(ask, Err(no_state_file()));
        };
        let (notes, state, generation) = (self.notes.clone(), self.state.clone(), self.generation);
        tokio::task::spawn_local(async move {
            let saved = state_file::save(state, generation, &file).await;
            let (result, event) = match saved {
                Ok(saved) => {
                    let reason = format!("{}; {} changes", file.display(), saved.count);
                    let event = Event::new(EventKind::StateSaved).because(reason);
                    (Ok(Answer::Saved { file, count: saved.count }), Some(event))
                }
                Err(error) => (Err(VerbError::new(ErrorCode::Io, error.to_string()).field("file")), None),
            };
            let _ = notes.send(Note::Carried(Box::new(Carried { ask, result, event })));
        });
    }

    fn mark_health(
        &mut self,
        ask: &Ask,
        cluster: &ringway_core::ClusterId,
        backend: &ringway_core::BackendId,
        healthy: bool,
    ) -> Result<Answer, VerbError> {
        let member = match (self.state.cluster(cluster), self.planner.member(cluster, backend)) {
            (None, _) => {
                let error = VerbError::new(ErrorCode::NotFound, format!("there is no cluster \"{cluster}\""));
                return Err(error.field("cluster"));
            }
            (Some(_), None) => {
                let message = format!("cluster \"{cluster}\" has no backend \"{backend}\"");
                return Err(VerbError::new(ErrorCode::NotFound, message).field("backend"));
            }
            (Some(_), Some(member)) => member,
        };
        let reason = format!("stated by {}", ask.actor);
        let signal = Signal::Stated { member, healthy, reason };
        self.health.take_for(Some(signal), Some(&ask.actor), &self.shards, &self.events);
        self.shards.tell(|| Command::State { member, healthy });
        Ok(Answer::Done { generation: self.generation })
    }

    fn status(&mut self, ask: Ask) {
        let view = self.view();
        let (listeners, clusters_down) = (view.listeners(), view.clusters_down());
        let mut status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_s: clock::now().since(self.started).as_secs(),
            generation: self.generation,
            state_hash: self.state.hash(),
            draining: matches!(self.phase, Phase::Draining { .. }),
            shards: Vec::new(),
            listeners,
            clusters: self.state.cluster_count(),
            clusters_down,
        };
        let infos = report::shards(&self.shards, status.draining, clock::now());
        let replies = snapshot::ask(self.shards.all());
        tokio::task::spawn_local(async move {
            status.shards = report::with_snapshots(infos, &snapshot::gather(replies).await);
            ask.answer(Ok(Answer::Status(Box::new(status))));
        });
    }

    fn hashes(&mut self, ask: Ask) {
        let state = self.state.clone();
        let replies = snapshot::ask(self.shards.present());
        tokio::task::spawn_local(async move {
            let snapshots = snapshot::gather(replies).await;
            let shards =
                snapshots.iter().map(|known| (format!("shard-{}", known.shard), known.state_hash)).collect();
            let clusters = state.clusters();
            let clusters = clusters.map(|known| (known.settings.id.to_string(), known.hash())).collect();
            ask.answer(Ok(Answer::Hashes { state: state.hash(), shards, clusters }));
        });
    }

    fn view(&self) -> report::View<'_> {
        report::View {
            state: &self.state,
            planner: &self.planner,
            board: &self.health.board,
            listening: &self.listening,
        }
    }
}

fn no_state_file() -> VerbError {
    let message = "no file is named, and daemon.state_file is not set; remedy: name one, or set it";
    VerbError::new(ErrorCode::Invalid, message).field("file")
}
