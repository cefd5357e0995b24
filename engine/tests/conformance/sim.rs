//! The simulated engine: each scenario over many seeds, on hosts that behave and hosts that do not.

use std::cell::RefCell;
use std::env;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use ringway_engine::sim::{self, Fault, Faults, Net, Sim, SimRing, SimSettings, SimSocket};
use ringway_engine::uring::{Settings, Uring};

use crate::books::{Watchdog, close, drive, nothing_left};
use crate::harness::{
    ExpectedFailure, Harness, Outcome, Spec, StreamOf, Visits, Wish, expected_to_fail, take_over,
};
use crate::talk::client;
use crate::tasks::start;
use ringway_engine::Mode;

/// Scenarios that this engine is known to fail.
const EXPECTED_FAILURES: &[ExpectedFailure] = &[];

/// Replays one seed.
const SEED: &str = "RINGWAY_SIM_SEED";
/// How many seeds to run, instead of what each scenario asks for.
const SEEDS: &str = "RINGWAY_SIM_SEEDS";

type Check = Box<dyn FnOnce()>;

#[derive(Clone)]
pub(crate) struct Simulated {
    engine: Sim,
    net: Net,
    faults: Faults,
    rng: Rc<RefCell<Xoshiro256PlusPlus>>,
    afterwards: Rc<RefCell<Vec<Check>>>,
}

/// Runs a scenario over its seeds, and checks what each run leaves behind.
pub(crate) fn check<F>(name: &'static str, spec: &Spec, scenario: impl Fn(Simulated) -> F)
where
    F: Future<Output = Outcome> + 'static,
{
    if expected_to_fail(EXPECTED_FAILURES, name) {
        return;
    }
    if let Some(seed) = number(SEED) {
        return run(name, spec, seed, &scenario);
    }
    // Every scenario has seeds of its own: what is drawn is then new in each.
    let first =
        name.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % 1_000_003;
    for seed in (0..number(SEEDS).unwrap_or(spec.seeds)).map(|index| first << 20 | index) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(name, spec, seed, &scenario))) {
            eprintln!("{name} failed with seed {seed}; to replay it:");
            eprintln!(
                "{SEED}={seed} cargo test -p ringway-engine --test conformance -- --exact --nocapture {name}::sim"
            );
            resume_unwind(panic);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number: {text}")))
}

/// A quarter of the seeds behaves, half of them is rough but loses nothing, a quarter breaks connections, too.
fn faults(seed: u64) -> Faults {
    match seed % 4 {
        0 => Faults::none(),
        1 | 2 => Faults::random(seed).with(Fault::Reset, 0.0).with(Fault::NoDescriptors, 0.0),
        _ => Faults::random(seed),
    }
}

fn run<F>(name: &'static str, spec: &Spec, seed: u64, scenario: &impl Fn(Simulated) -> F)
where
    F: Future<Output = Outcome> + 'static,
{
    let _watchdog = Watchdog::over(format!("{name}::sim, seed {seed}"));
    let faults = faults(seed);
    let settings = SimSettings {
        faults,
        sq_entries: spec.settings.sq_entries as usize,
        cq_entries: spec.settings.cq_entries as usize,
        ..SimSettings::new(seed)
    };
    let afterwards: Rc<RefCell<Vec<Check>>> = Rc::default();
    let checks = Rc::clone(&afterwards);
    let mut fragile = false;
    let (ended, report) = sim::run(&settings, &spec.settings, |engine, net| {
        let rng = Rc::new(RefCell::new(Xoshiro256PlusPlus::seed_from_u64(!seed)));
        let h = Simulated { engine, net, faults, rng, afterwards: checks };
        fragile = h.fragile();
        let scenario = scenario(h.clone());
        drive(h, spec.clone(), scenario)
    })
    .unwrap_or_else(|error| panic!("{error}"));
    close(ended, &report.engine, fragile);
    assert!(report.is_clean(), "something is left behind on the host: {report:?}");
    for check in afterwards.take() {
        check();
    }
}

impl Harness for Simulated {
    type Engine = Sim;

    fn engine(&self) -> &Sim {
        &self.engine
    }

    fn listening(&self, wish: Wish) -> (SimSocket, SocketAddr) {
        // Windows are narrow here anyway.
        let socket = self.net.listen_with((Ipv4Addr::LOCALHOST, 0).into(), wish.backlog as usize);
        let addr = socket.local_addr().expect("a listening socket");
        (socket, addr)
    }

    fn listening_unix(&self, backlog: u32) -> (SimSocket, Arc<Path>) {
        let path: Arc<Path> = Path::new(&format!("/run/{}.sock", self.net.open_descriptors())).into();
        (self.net.listen_unix(&path, backlog as usize), path)
    }

    fn accept_unix(&self, listening: &SimSocket) -> Option<SimSocket> {
        self.net.accept(listening)
    }

    fn no_unix(&self) -> Arc<Path> {
        Path::new("/run/none.sock").into()
    }

    fn nobody(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 1).into()
    }

    fn black_hole(&self) -> SocketAddr {
        let addr = (Ipv4Addr::LOCALHOST, 2).into();
        self.net.black_hole(addr);
        addr
    }

    fn visit(&self, to: SocketAddr, count: usize) -> impl Future<Output = Visits> + 'static {
        // Nothing is outside a simulation: they are tasks that come when they like.
        let visitors: Vec<_> = (0..count)
            .map(|id| {
                let own = self.clone();
                start(self, async move {
                    own.sleep_ms(own.below(30) as u64).await;
                    client(own, to, id, 8, Mode::Head).await.is_ok()
                })
            })
            .collect();
        async move {
            let mut visits = Visits::default();
            for visitor in visitors {
                match visitor.await {
                    true => visits.served += 1,
                    false => visits.turned_away += 1,
                }
            }
            visits
        }
    }

    fn elsewhere<F: Future<Output = io::Result<()>> + 'static>(
        &self,
        sockets: Vec<SimSocket>,
        work: impl FnOnce(Self, Vec<StreamOf<Self>>) -> F + Send + 'static,
    ) -> impl Future<Output = io::Result<()>> + 'static {
        // One thread, so nothing else goes on in this engine until the other one has ended.
        let outer = self.clone();
        let (done, report) = Uring::run(SimRing::new(&self.net), &Settings::default(), move |engine| {
            let h = Simulated { engine, ..outer };
            take_over(h, sockets, work)
        })
        .expect("sizes that fit");
        nothing_left(&report);
        std::future::ready(done)
    }

    fn fragile(&self) -> bool {
        self.faults.of(Fault::Reset) > 0.0 || self.faults.of(Fault::NoDescriptors) > 0.0
    }

    fn precise(&self) -> bool {
        self.calm()
    }

    fn calm(&self) -> bool {
        self.faults == Faults::none()
    }

    fn below(&self, n: usize) -> usize {
        self.rng.borrow_mut().random_range(0..n)
    }

    fn effort(&self, _real: usize, simulated: usize) -> usize {
        simulated
    }

    fn afterwards(&self, check: Check) {
        self.afterwards.borrow_mut().push(check);
    }
}
