//! What a scenario gets from the engine it runs on, and how it becomes a test on each of them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringway_core::Time;
use ringway_engine::Engine;
use ringway_engine::uring::Settings;

use crate::books::Bytes;

/// How a scenario ends. An error fails it, unless the harness [breaks connections](Harness::fragile) by itself.
pub(crate) type Outcome = io::Result<Bytes>;

pub(crate) type StreamOf<H> = <<H as Harness>::Engine as Engine>::Stream;
pub(crate) type ListenerOf<H> = <<H as Harness>::Engine as Engine>::Listener;
pub(crate) type SocketOf<H> = <<H as Harness>::Engine as Engine>::Socket;
pub(crate) type ChunkOf<H> = <<H as Harness>::Engine as Engine>::Chunk;

/// The engine under test, and the world around it.
pub(crate) trait Harness: Clone + 'static {
    type Engine: Engine;

    fn engine(&self) -> &Self::Engine;

    /// A listening socket that the engine does not know yet.
    fn listening(&self, wish: Wish) -> (SocketOf<Self>, SocketAddr);

    /// A listening UNIX socket that the engine does not know, and where it is.
    fn listening_unix(&self, backlog: u32) -> (SocketOf<Self>, Arc<Path>);

    /// Takes a connection that waits there, if one does.
    fn accept_unix(&self, listening: &SocketOf<Self>) -> Option<SocketOf<Self>>;

    /// Where a UNIX socket could be and none is.
    fn no_unix(&self) -> Arc<Path>;

    /// An address at which connecting is refused, for as long as the scenario runs.
    fn nobody(&self) -> SocketAddr;

    /// An address that never answers, for as long as the scenario runs.
    fn black_hole(&self) -> SocketAddr;

    /// Lets `count` clients connect that are as far outside the engine as can be. Each says a word of its own and
    /// waits for the same word.
    fn visit(&self, to: SocketAddr, count: usize) -> impl Future<Output = Visits> + 'static;

    /// Runs `work` on a second engine, which takes these sockets over; what it came to.
    fn elsewhere<F: Future<Output = io::Result<()>> + 'static>(
        &self,
        sockets: Vec<SocketOf<Self>>,
        work: impl FnOnce(Self, Vec<StreamOf<Self>>) -> F + Send + 'static,
    ) -> impl Future<Output = io::Result<()>> + 'static;

    /// Whether connections break and descriptors run out by chance: results that need luck can then not be demanded.
    fn fragile(&self) -> bool;

    /// Whether time passes only as the engine waits, and nothing is late.
    fn precise(&self) -> bool;

    /// Whether the kernel does nothing that it need not do.
    fn calm(&self) -> bool;

    /// A number below `n`, by the seed of this run.
    fn below(&self, n: usize) -> usize;

    /// The first for an engine on a real kernel, the second for one that has to simulate each step.
    fn effort(&self, real: usize, simulated: usize) -> usize;

    /// Called after the engine has ended.
    fn afterwards(&self, check: Box<dyn FnOnce()>);

    fn now(&self) -> Time {
        self.engine().now()
    }

    fn in_ms(&self, ms: u64) -> Time {
        self.now() + Duration::from_millis(ms)
    }

    /// Sleeps in the engine's time.
    fn sleep_ms(&self, ms: u64) -> impl Future<Output = ()> + 'static {
        self.engine().sleep_until(self.in_ms(ms))
    }

    /// A listener in the engine.
    fn listen(&self, wish: Wish) -> io::Result<(ListenerOf<Self>, SocketAddr)> {
        let (socket, addr) = self.listening(wish);
        Ok((self.engine().adopt_listener(socket)?, addr))
    }
}

/// What the engine does that takes sockets over.
pub(crate) async fn take_over<H: Harness, F: Future<Output = io::Result<()>>>(
    h: H,
    sockets: Vec<SocketOf<H>>,
    work: impl FnOnce(H, Vec<StreamOf<H>>) -> F,
) -> io::Result<()> {
    let streams: io::Result<_> = sockets.into_iter().map(|socket| h.engine().adopt_stream(socket)).collect();
    work(h, streams?).await
}

/// What a listening socket is to be like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) backlog: u32,
    /// Accepted connections get socket buffers as small as there are.
    pub(crate) narrow: bool,
}

impl Wish {
    pub(crate) const USUAL: Wish = Wish { backlog: 1024, narrow: false };
    pub(crate) const NARROW: Wish = Wish { backlog: 1024, narrow: true };
}

/// How visitors fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Visits {
    /// Got their word back.
    pub(crate) served: usize,
    /// Were refused, reset, or left without an answer.
    pub(crate) turned_away: usize,
}

/// How a scenario is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) settings: Settings,
    /// Times on a real kernel.
    pub(crate) rounds: u32,
    /// Seeds on a simulated one.
    pub(crate) seeds: u64,
    /// It waits for other threads, which virtual time would overtake: only the watchdog limits it.
    pub(crate) outside: bool,
    /// It leaves tasks behind on purpose; only the engine's end cleans up.
    pub(crate) abrupt: bool,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec { settings: Settings::default(), rounds: 1, seeds: 24, outside: false, abrupt: false }
    }
}

/// A scenario that an engine is known to fail, and why.
pub(crate) struct ExpectedFailure {
    /// `subject::scenario`.
    pub(crate) scenario: &'static str,
    pub(crate) reason: &'static str,
}

/// Whether the scenario is on the list; says so in the test's output.
pub(crate) fn expected_to_fail(list: &[ExpectedFailure], name: &str) -> bool {
    let found = list.iter().find(|expected| expected.scenario == name);
    if let Some(expected) = found {
        eprintln!("{name}: expected to fail on this engine: {}", expected.reason);
    }
    found.is_some()
}

/// Makes a test of each scenario for every engine. `with` gives a [`Spec`] other than the usual one.
macro_rules! scenarios {
    ($($scenario:ident $(with $spec:expr)?;)*) => {
        $(
            mod $scenario {
                #[allow(unused_imports, reason = "the subject's helpers are for scenarios with a spec of their own")]
                use super::*;

                #[allow(unused_assignments, unused_mut, reason = "a scenario may do with the usual spec")]
                fn spec() -> crate::harness::Spec {
                    let mut spec = crate::harness::Spec::default();
                    $(spec = $spec;)?
                    spec
                }

                #[test]
                fn native() {
                    crate::native::check(crate::harness::name(module_path!()), &spec(), super::$scenario);
                }

                #[test]
                fn sim() {
                    crate::sim::check(crate::harness::name(module_path!()), &spec(), super::$scenario);
                }
            }
        )*
    };
}

/// `subject::scenario` of a test's module path.
pub(crate) fn name(module_path: &'static str) -> &'static str {
    module_path.split_once("::").map_or(module_path, |(_, name)| name)
}
