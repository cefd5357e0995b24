//! One run: a simulated host with clients, the proxy and its backends; what must hold whatever the script says.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_core::Time;
use ringway_engine::Engine;
use ringway_engine::sim::{self, Faults, Net, Sim, SimSettings};
use ringway_shards::{Command, Files, Gate, Launch, Plan, Summary, inbox};

use crate::book::Book;
use crate::client::Client;
use crate::config::{self, TCP, WEB};
use crate::origin;
use crate::script::{Coordinator, Script};
use crate::site::nothing_counts;
use crate::talk::{Signal, before, both, sleep};

/// The longest a run takes, in virtual time.
const RUN_MAX: Duration = Duration::from_secs(3600);
/// The longest it takes until everything is gone that need not be there, in virtual time.
const SETTLE_MAX: Duration = Duration::from_secs(15);
/// A shard that has drained keeps three tasks: the sweep of its pool, its health checks, and what gives up connections for
/// others.
const TASKS_LEFT: u64 = 3;
/// The receive of wake-ups by other threads is in flight as long as the engine runs.
const IN_FLIGHT_LEFT: u64 = 1;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) book: Rc<Book>,
    pub(crate) summary: Summary,
}

/// Runs a script. `patience`: how long a client waits for an answer before it says that the proxy hangs.
pub(crate) fn run(settings: &SimSettings, script: Script, patience: Duration) -> Ended {
    let buffers = script.buffers.clone();
    let (seed, is_calm) = (settings.seed, settings.faults == Faults::none());
    let book = Rc::new(Book::new(script, is_calm));
    let own = Rc::clone(&book);
    let setup = &book.script.setup;
    let gate = Arc::new(Gate::configured(setup.connections_max, &config::daemon(setup)));
    let own_gate = Arc::clone(&gate);
    let (summary, report) =
        sim::run(settings, &buffers, |engine, net| play(engine, net, own, own_gate, seed, patience))
            .expect("sizes that fit");
    assert!(report.is_clean(), "something is left behind on the host: {report:?}");
    assert_eq!(report.engine.counters.pipes_out, 0, "a pipe did not come home: {report:?}");
    assert_eq!(gate.open(), 0, "a connection that has ended still counts");
    Ended { book, summary }
}

async fn play(
    engine: Sim,
    net: Net,
    book: Rc<Book>,
    gate: Arc<Gate>,
    seed: u64,
    patience: Duration,
) -> Summary {
    let plan = Plan::new(&config::config(&book.script), &[WEB, TCP], &Files::default(), &[0; 32])
        .expect("a sound plan");
    let (inbox, receiver) = inbox::channel();
    let sockets = vec![net.listen(WEB), net.listen(TCP)];
    let plan = Arc::new(plan);
    let coordinator = book.script.setup.balancing.outliers;
    let report = Arc::new(move |signal| match coordinator {
        Some(Coordinator::Busy) => Err(signal),
        Some(Coordinator::Deaf) | None => Ok(()),
    });
    let launch = Launch { report, ..Launch::alone(Arc::clone(&plan), sockets, receiver, seed, gate) };
    let ended: Rc<(RefCell<Option<Summary>>, Signal)> = Rc::default();
    let (shard, end) = (ringway_shards::run(engine.clone(), launch), Rc::clone(&ended));
    engine.spawn(async move {
        *end.0.borrow_mut() = Some(shard.await);
        end.1.give();
    });
    for index in 0..book.script.origins.len() {
        let seed = seed.wrapping_mul(31).wrapping_add(index as u64);
        engine.spawn(origin::run(engine.clone(), net.clone(), Rc::clone(&book), index, seed));
    }
    let clients: Rc<(Cell<usize>, Signal)> =
        Rc::new((Cell::new(book.script.clients.len()), Signal::default()));
    for index in 0..book.script.clients.len() {
        let rng = SmallRng::seed_from_u64(seed.wrapping_mul(37).wrapping_add(index as u64));
        let greeting = Vec::new();
        let client = Client { engine: engine.clone(), book: Rc::clone(&book), rng, patience, greeting };
        let clients = Rc::clone(&clients);
        engine.spawn(async move {
            client.run(index).await;
            clients.0.set(clients.0.get() - 1);
            if clients.0.get() == 0 {
                clients.1.give();
            }
        });
    }
    let draining = async {
        match book.script.drain_at {
            Some(at) => engine.sleep_until(Time::ZERO + at).await,
            None => {
                clients.1.wait().await;
                // Until the proxy has seen the last client go.
                sleep(&engine, Duration::from_millis(200)).await;
            }
        }
        inbox.send(Command::Drain { within: RUN_MAX }).expect("the shard runs");
        ended.1.wait().await;
    };
    let whole = both(draining, clients.1.wait());
    if before(&engine, Time::ZERO + RUN_MAX, whole).await.is_none() {
        panic!("the run hangs: {} clients are not done\n{}", clients.0.get(), net.dump());
    }
    book.closing.set(true);
    settle(&engine, &net, 1).await;
    nothing_counts(&plan);
    let summary = ended.0.borrow_mut().take();
    summary.expect("the shard has ended")
}

/// Waits until nothing is left that drained shards, so many of them, and origins that went home, could still hold.
pub(crate) async fn settle(engine: &Sim, net: &Net, shards: u64) {
    // The run is a task, too.
    let tasks = 1 + shards * TASKS_LEFT;
    let deadline = engine.now() + SETTLE_MAX;
    loop {
        let now = engine.counters();
        let left = [now.streams, now.listeners, now.chunks_out, now.pipes_out];
        if left == [0; 4] && now.tasks <= tasks && now.in_flight <= IN_FLIGHT_LEFT {
            return;
        }
        assert!(engine.now() < deadline, "something is left in a drained engine: {now:?}\n{}", net.dump());
        sleep(engine, Duration::from_millis(50)).await;
    }
}
