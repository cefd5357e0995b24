//! From a configuration to a coordinator at work, and its doors.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use ringway_core::Config;
use ringway_core::config::LogLevel;
use tokio::sync::mpsc;

use super::audit::Audit;
use super::clock;
use super::control::Control;
use super::error::CoordinatorError;
use super::events::Events;
use super::health;
use super::hub::Hub;
use super::launch::{self, Launched, Started};
use super::limits::ANSWER_TURNS;
use super::outcome::Outcome;
use super::restart;
use super::serve::{Coordinator, Phase};
use super::state_file::{self, Autosave, StateError};
use crate::doors::command::CommandSocket;

/// Changes the level of the log.
pub(crate) type SetLogLevel = Box<dyn Fn(LogLevel)>;

/// Where the configuration came from, and what of the process follows it.
pub(crate) struct Origin {
    /// The configuration file, to be read again; none where there was none.
    pub(crate) file: Option<PathBuf>,
    /// Changes the level of the log.
    pub(crate) set_log_level: SetLogLevel,
}

impl Default for Origin {
    fn default() -> Origin {
        Origin { file: None, set_log_level: Box::new(|_| {}) }
    }
}

/// What the process starts with: the state file if that was asked for and it is newer than the configuration file `file`;
/// else `config`. The files of the process itself are always those of `config`.
///
/// # Errors
/// When the state file is newer and can not be used: what was changed since the configuration was written must not be lost
/// without a word.
pub(crate) fn choose(config: Config, file: Option<&Path>) -> Result<Config, StateError> {
    let (Some(state_file), true) = (&config.daemon.state_file, config.daemon.load_state) else {
        return Ok(config);
    };
    if !file.is_none_or(|file| state_file::is_newer_than(state_file, file)) || !state_file.exists() {
        tracing::info!("started from the configuration: {} is not newer", state_file.display());
        return Ok(config);
    }
    let mut chosen = state_file::load(state_file)?.to_config();
    tracing::info!("started from {}, which is newer than the configuration", state_file.display());
    chosen.daemon = restart::with_those_of(&config.daemon, &chosen.daemon);
    Ok(chosen)
}

/// Starts everything, serves, ends everything.
pub(super) async fn serve(
    config: Config,
    origin: Origin,
    mut control: Control,
    ready: impl FnOnce(&Started),
) -> Result<Outcome, CoordinatorError> {
    let daemon = &config.daemon;
    let audit = Audit::open(daemon.audit_log.clone(), daemon.audit_log_json.clone())?;
    let socket = daemon.command_socket.as_deref().map(CommandSocket::bind).transpose()?;
    let Launched { started, state, planner, health, shards, reports, nursery, listening, told } =
        launch::launch(&config).await?;
    let events = Events::new();
    health::tell(&told, None, &shards, &events);
    let (hub, asks) = Hub::new(events.clone());
    let autosave = match (&daemon.state_file, daemon.automatic_state_save) {
        (Some(file), true) => Some(Autosave::new(file.clone(), 0)),
        _ => None,
    };
    let (notes, heard) = mpsc::unbounded_channel();
    let coordinator = Coordinator {
        state,
        generation: 0,
        planner,
        health,
        shards,
        reports,
        nursery,
        listening,
        events,
        audit,
        autosave,
        origin,
        asks,
        notes,
        heard,
        pending: VecDeque::new(),
        transaction: None,
        transactions: 0,
        counts: BTreeMap::new(),
        started: clock::now(),
        phase: Phase::Serving,
        outcome: Outcome::default(),
    };
    let door = socket.map(|socket| tokio::task::spawn_local(socket.serve(hub.clone())));
    ready(&started);
    let outcome = coordinator.serve(&mut control).await;
    // Answers that were given are still on their way.
    drop(hub);
    for _ in 0..ANSWER_TURNS {
        tokio::task::yield_now().await;
    }
    if let Some(door) = door {
        door.abort();
        let _ = door.await;
    }
    Ok(outcome)
}
