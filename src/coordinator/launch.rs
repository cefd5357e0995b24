//! The start: sockets first, then the shards, all of them or none.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::vec;

use ringway_core::{Config, ListenerName};
use ringway_engine::native;
use ringway_health::board::Signal;
use ringway_shards::{Balance, Command, Evictions, Gate, Launch, Live, Plan, ProbeSlots, inbox};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::cores::Placement;
use super::descriptors;
use super::error::{CoordinatorError, ShardFailure};
use super::files;
use super::health::Health;
use super::shard::{self, Event, Shard};
use super::sockets::Listening;

/// What came up.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    /// Where each listener really listens, in the order of the configuration.
    pub(crate) addresses: Vec<(ListenerName, SocketAddr)>,
    /// How many shards run, and on which cores.
    pub(crate) placement: Placement,
}

/// The shards that run, and what they report.
#[derive(Debug)]
pub(super) struct Shards {
    /// Those that have not ended.
    pub(super) live: Vec<Shard>,
    pub(super) events: UnboundedReceiver<(u16, Event)>,
    pub(super) health: Health,
    pub(super) plan: Arc<Plan>,
}

/// Makes the sockets, starts every shard and waits until all of them run.
///
/// # Errors
/// The first failure; no shard runs then, and no socket is open.
pub(super) async fn launch(config: &Config) -> Result<(Started, Shards), CoordinatorError> {
    let cores = native::thread::allowed_cores().map_err(CoordinatorError::Cores)?;
    let placement = Placement::new(config.daemon.shards, &cores);
    let files = files::read(config)?;
    let connections_max = descriptors::raise(config, placement.shards());
    let listening = listen(config, placement.shards())?;
    let addresses: Vec<_> = listening.iter().map(|listening| listening.address).collect();
    let plan = Arc::new(Plan::new(config, &addresses, &files, &rand::random())?);
    let (health, report) = Health::new(config);
    let probes = Arc::new(ProbeSlots::default());
    let evictions = Arc::new(Evictions::default());
    let gate = Arc::new(Gate::configured(connections_max, &config.daemon));
    let balance = Balance::new(placement.shards());
    let mut sockets: Vec<_> = listening.into_iter().map(|listening| listening.sockets.into_iter()).collect();

    let (sender, events) = mpsc::unbounded_channel();
    let mut shards =
        Shards { live: Vec::with_capacity(placement.shards()), events, health, plan: Arc::clone(&plan) };
    for (id, core) in placement.iter() {
        let (commands, inbox) = inbox::channel();
        let sockets = sockets.iter_mut().map(next_socket).collect();
        let seed = rand::random();
        tracing::debug!("{} on core {core}, seed {seed}", shard::name(id));
        let launch = Launch {
            id,
            plan: Arc::clone(&plan),
            sockets,
            inbox,
            seed,
            gate: Arc::clone(&gate),
            balance: Some(Arc::clone(&balance)),
            shards: placement.shards() as u16,
            probes: Arc::clone(&probes),
            evictions: Arc::clone(&evictions),
            report: Arc::clone(&report),
        };
        let work = move |up: &dyn Fn()| shard::serve(launch, core, up);
        match Shard::spawn(id, commands, sender.clone(), work) {
            Ok(shard) => shards.live.push(shard),
            Err(error) => return Err(shards.abandon(id, ShardFailure::Thread(error)).await),
        }
    }
    drop(sender);
    shards.wait_until_up().await?;
    let names = config.listeners.iter().map(|listener| listener.name.clone());
    Ok((Started { addresses: names.zip(addresses).collect(), placement }, shards))
}

fn listen(config: &Config, shards: usize) -> Result<Vec<Listening>, CoordinatorError> {
    let open = |listener: &ringway_core::config::Listener| {
        let (name, address) = (&listener.name, listener.address);
        Listening::open(address, shards).map_err(|error| CoordinatorError::Listen {
            listener: name.clone(),
            address,
            error,
        })
    };
    config.listeners.iter().map(open).collect()
}

fn next_socket(sockets: &mut vec::IntoIter<OwnedFd>) -> OwnedFd {
    sockets.next().expect("as many sockets as shards")
}

impl Shards {
    async fn wait_until_up(&mut self) -> Result<(), CoordinatorError> {
        for _ in 0..self.live.len() {
            match self.events.recv().await.expect("a shard's last event is its end") {
                (_, Event::Up) => {}
                (id, Event::Ended(result)) => {
                    self.ended(id);
                    let failure = result.err().unwrap_or(ShardFailure::EndedUnasked);
                    return Err(self.abandon(id, failure).await);
                }
            }
        }
        Ok(())
    }

    /// Ends the shards that run, because shard `id` failed.
    async fn abandon(&mut self, id: u16, failure: ShardFailure) -> CoordinatorError {
        for shard in &self.live {
            shard.tell(Command::Stop);
        }
        while !self.live.is_empty()
            && let Some((id, event)) = self.events.recv().await
        {
            if let Event::Ended(_) = event {
                self.ended(id);
            }
        }
        CoordinatorError::Shard { name: shard::name(id), failure }
    }

    /// Takes note that a shard has ended, and returns its name.
    pub(super) fn ended(&mut self, id: u16) -> String {
        let place = self.live.iter().position(|shard| shard.id == id).expect("a shard ends once");
        let shard = self.live.swap_remove(place);
        let name = shard.name.clone();
        shard.join();
        name
    }

    /// The others take over the health checks of shard `id`, which has ended while they serve on.
    pub(super) fn take_over(&mut self, id: u16) {
        self.health.take(Some(Signal::ShardGone { shard: id }), &self.live);
        let shards = self.live.iter().map(|shard| shard.id).collect();
        let live = Arc::new(Live { shards, unhealthy: self.health.unhealthy() });
        for shard in &self.live {
            shard.tell(Command::Live(Arc::clone(&live)));
        }
    }
}
