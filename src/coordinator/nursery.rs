//! What every shard is started with, at the start of the process and later.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ringway_shards::{Balance, Evictions, Gate, Launch, Plan, ProbeSlots, Report, inbox};
use tokio::sync::mpsc::UnboundedSender;

use super::shard::{self, Birth, Event, Pulse, Shard};

/// What all shards share.
pub(super) struct Nursery {
    pub(super) gate: Arc<Gate>,
    pub(super) balance: Arc<Balance<OwnedFd>>,
    pub(super) probes: Arc<ProbeSlots>,
    pub(super) evictions: Arc<Evictions>,
    pub(super) report: Arc<Report>,
    pub(super) shards: u16,
    events: UnboundedSender<(u64, Event)>,
    /// How many threads were started.
    lives: u64,
}

impl Nursery {
    pub(super) fn new(
        shards: usize,
        gate: Gate,
        report: Arc<Report>,
        events: UnboundedSender<(u64, Event)>,
    ) -> Nursery {
        Nursery {
            gate: Arc::new(gate),
            balance: Balance::new(shards),
            probes: Arc::default(),
            evictions: Arc::default(),
            report,
            shards: shards as u16,
            events,
            lives: 0,
        }
    }

    /// Starts shard `id` on `core`, with these sockets by the listeners' slots. It reports when it is up.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(
        &mut self,
        id: u16,
        core: usize,
        plan: Arc<Plan>,
        sockets: Vec<(u32, OwnedFd)>,
    ) -> io::Result<Shard> {
        if self.lives >= u64::from(self.shards) {
            // Another had this place.
            self.balance.renew(id);
        }
        self.lives += 1;
        let life = self.lives;
        let (sender, receiver) = inbox::channel();
        let heartbeat = Pulse::default();
        let seed = rand::random();
        tracing::debug!("{} on core {core}, seed {seed}", shard::name(id));
        let launch = Launch {
            id,
            plan,
            sockets,
            inbox: receiver,
            seed,
            gate: Arc::clone(&self.gate),
            balance: Some(Arc::clone(&self.balance)),
            shards: self.shards,
            probes: Arc::clone(&self.probes),
            evictions: Arc::clone(&self.evictions),
            report: Arc::clone(&self.report),
        };
        let events = self.events.clone();
        let pulse = Arc::clone(&heartbeat);
        let birth = Birth { id, life, core, inbox: sender, heartbeat, events };
        Shard::spawn(birth, move |up| shard::serve(launch, core, &pulse, up))
    }
}
