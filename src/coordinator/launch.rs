//! The start: sockets first, then the shards, all of them or none.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use ringway_core::state::ConfigState;
use ringway_core::{Config, ListenerName};
use ringway_engine::native;
use ringway_health::board::Output;
use ringway_shards::{Command, Gate, Planner};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::clock;
use super::cores::Placement;
use super::descriptors;
use super::error::{CoordinatorError, ShardFailure};
use super::files;
use super::health::Health;
use super::nursery::Nursery;
use super::roster::Roster;
use super::shard::{self, Event, Shard};
use super::sockets::Listeners;

/// What came up.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    /// Where each active listener really listens, in the order of the configuration.
    pub(crate) addresses: Vec<(ListenerName, SocketAddr)>,
    /// How many shards run, and on which cores.
    pub(crate) placement: Placement,
}

/// Everything that serves.
pub(super) struct Launched {
    pub(super) started: Started,
    pub(super) state: ConfigState,
    pub(super) planner: Planner,
    pub(super) health: Health,
    pub(super) shards: Roster,
    /// What the shards' threads report, by life.
    pub(super) reports: UnboundedReceiver<(u64, Event)>,
    pub(super) nursery: Nursery,
    pub(super) listening: Listeners,
    /// What is to be told of the configuration itself.
    pub(super) told: Vec<Output>,
}

/// Makes the sockets, starts every shard and waits until all of them run. `order`: the listeners as they are to be named.
///
/// # Errors
/// The first failure; no shard runs then, and no socket is open.
pub(super) async fn launch(config: &Config) -> Result<Launched, CoordinatorError> {
    let cores = native::thread::allowed_cores().map_err(CoordinatorError::Cores)?;
    let placement = Placement::new(config.daemon.shards, &cores);
    let state = ConfigState::from_config(config);
    let nothing = ConfigState::new();
    let touched = ConfigState::touched(&nothing, &state);
    let files = files::of_touched(&nothing, &state, &touched)?;
    let connections_max = descriptors::raise(&state, placement.shards());
    let mut listening = Listeners::default();
    let opened = listening.open_new(&state, &touched, placement.shards(), clock::now())?;
    let mut planner = Planner::new(rand::random());
    let address =
        |name: &ListenerName| opened.iter().find(|opened| opened.name == *name).map(|opened| opened.address);
    let addresses = config.listeners.iter().filter(|listener| listener.active);
    let addresses = addresses.filter_map(|listener| Some((listener.name.clone(), address(&listener.name)?)));
    let addresses: Vec<_> = addresses.collect();
    let staged = planner.stage(&touched, &state, &address, &files)?;
    let slots = staged.listeners_to_open();
    let board = staged.board().to_vec();
    planner.commit(staged);
    listening.follow(&state, opened, &slots, clock::now());

    let (mut health, report) = Health::new();
    let mut told = Vec::new();
    health.change(&board, &[], &mut told);
    let gate = Gate::configured(connections_max, &config.daemon);
    let (sender, reports) = mpsc::unbounded_channel();
    let mut nursery = Nursery::new(placement.shards(), gate, report, sender);
    let mut starting = Starting { shards: Vec::with_capacity(placement.shards()), reports };
    let plan = planner.plan();
    for (id, core) in placement.iter() {
        let sockets: Vec<(u32, OwnedFd)> = match listening.sockets(id) {
            Ok(sockets) => sockets,
            Err(error) => return Err(starting.abandon(id, ShardFailure::Thread(error)).await),
        };
        match nursery.start(id, core, plan.clone(), sockets) {
            Ok(shard) => starting.shards.push(shard),
            Err(error) => return Err(starting.abandon(id, ShardFailure::Thread(error)).await),
        }
    }
    starting.wait_until_up().await?;
    let started = Started { addresses, placement };
    let shards = Roster::new(starting.shards, clock::now());
    let reports = starting.reports;
    Ok(Launched { started, state, planner, health, shards, reports, nursery, listening, told })
}

/// Shards that are coming up.
struct Starting {
    shards: Vec<Shard>,
    reports: UnboundedReceiver<(u64, Event)>,
}

impl Starting {
    async fn wait_until_up(&mut self) -> Result<(), CoordinatorError> {
        for _ in 0..self.shards.len() {
            match self.reports.recv().await.expect("a shard's last event is its end") {
                (_, Event::Up) => {}
                (life, Event::Ended(result)) => {
                    let id = self.ended(life);
                    let failure = result.err().unwrap_or(ShardFailure::EndedUnasked);
                    return Err(self.abandon(id, failure).await);
                }
            }
        }
        Ok(())
    }

    /// Ends the shards that run, because shard `id` failed.
    async fn abandon(&mut self, id: u16, failure: ShardFailure) -> CoordinatorError {
        for shard in &self.shards {
            shard.tell(Command::Stop);
        }
        while !self.shards.is_empty()
            && let Some((life, event)) = self.reports.recv().await
        {
            if let Event::Ended(_) = event {
                self.ended(life);
            }
        }
        CoordinatorError::Shard { name: shard::name(id), failure }
    }

    /// Takes note that a shard has ended, and returns its number.
    fn ended(&mut self, life: u64) -> u16 {
        let place = self.shards.iter().position(|shard| shard.life == life).expect("a shard ends once");
        let shard = self.shards.swap_remove(place);
        let id = shard.id;
        shard.join();
        id
    }
}
