//! The native engine on this machine's kernel, over loopback.

use std::cell::{Cell, RefCell};
use std::env;
use std::fs;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ringway_engine::native::{self, Native};
use ringway_engine::uring::Settings;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::books::{Watchdog, close, drive, nothing_left};
use crate::harness::{
    ExpectedFailure, Harness, Outcome, Spec, StreamOf, Visits, Wish, expected_to_fail, take_over,
};

/// Scenarios that this engine is known to fail.
const EXPECTED_FAILURES: &[ExpectedFailure] = &[];

/// Descriptors are counted for the whole process: one test at a time.
static TURN: Mutex<()> = Mutex::new(());
/// Threads that visitors come from.
const VISITOR_THREADS: usize = 4;
/// How long a visitor waits for its word.
const VISIT_MAX: Duration = Duration::from_secs(30);

type Check = Box<dyn FnOnce()>;

#[derive(Clone)]
pub(crate) struct OnKernel {
    engine: Native,
    rng: Rc<RefCell<StdRng>>,
    /// Sockets that the scenario's addresses depend on.
    kept: Rc<RefCell<Vec<Socket>>>,
    afterwards: Rc<RefCell<Vec<Check>>>,
}

/// Runs a scenario, and checks what it leaves behind.
pub(crate) fn check<F>(name: &'static str, spec: &Spec, scenario: impl Fn(OnKernel) -> F)
where
    F: Future<Output = Outcome> + 'static,
{
    if expected_to_fail(EXPECTED_FAILURES, name) {
        return;
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for round in 0..spec.rounds {
        let _watchdog = Watchdog::over(format!("{name}::native, round {round}"));
        let before = descriptors();
        let afterwards: Rc<RefCell<Vec<Check>>> = Rc::default();
        let checks = Rc::clone(&afterwards);
        let workers = Rc::new(Cell::new(0));
        let seen = Rc::clone(&workers);
        let (ended, report) = native::run(&spec.settings, |engine| {
            let rng = Rc::new(RefCell::new(StdRng::seed_from_u64(u64::from(round))));
            let h = OnKernel { engine, rng, kept: Rc::default(), afterwards: checks };
            let scenario = scenario(h.clone());
            let driven = drive(h, spec.clone(), scenario);
            async move {
                let ended = driven.await;
                seen.set(worker_threads());
                ended
            }
        })
        .unwrap_or_else(|error| panic!("{error}"));
        close(ended, &report, false);
        assert_eq!(workers.get(), 0, "the kernel started threads: some operation blocks");
        for check in afterwards.take() {
            check();
        }
        let after = descriptors();
        assert_eq!(before.len(), after.len(), "descriptors before: {before:?}, after: {after:?}");
    }
}

/// What this process has open.
fn descriptors() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc is mounted");
    let mut open: Vec<String> = entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect();
    open.sort_unstable();
    open
}

/// Threads that the kernel started for this process's rings.
fn worker_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc is mounted");
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("iou-wrk"))
        .count()
}

fn tcp() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket")
}

/// Binds to a free port of loopback.
fn bind(socket: &Socket) -> SocketAddr {
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    socket.local_addr().expect("a bound socket").as_socket().expect("an IPv4 address")
}

impl Harness for OnKernel {
    type Engine = Native;

    fn engine(&self) -> &Native {
        &self.engine
    }

    fn listening(&self, wish: Wish) -> (OwnedFd, SocketAddr) {
        let socket = tcp();
        if wish.narrow {
            // Accepted sockets inherit them; the kernel rounds up to the least it can do with.
            socket.set_recv_buffer_size(1).expect("a size");
            socket.set_send_buffer_size(1).expect("a size");
        }
        let addr = bind(&socket);
        socket.listen(wish.backlog as i32).expect("a bound socket");
        (socket.into(), addr)
    }

    fn listening_unix(&self, backlog: u32) -> (OwnedFd, Arc<Path>) {
        let path = self.no_unix();
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        socket.bind(&SockAddr::unix(&path).expect("a short path")).expect("a new path");
        socket.listen(backlog as i32).expect("a bound socket");
        let file = Arc::clone(&path);
        self.afterwards(Box::new(move || fs::remove_file(&file).expect("the socket's file")));
        (socket.into(), path)
    }

    fn accept_unix(&self, listening: &OwnedFd) -> Option<OwnedFd> {
        let listener = UnixListener::from(listening.try_clone().expect("a descriptor"));
        listener.set_nonblocking(true).expect("a socket");
        let (stream, _) = listener.accept().ok()?;
        Some(stream.into())
    }

    fn no_unix(&self) -> Arc<Path> {
        static PATHS: AtomicUsize = AtomicUsize::new(0);
        let number = PATHS.fetch_add(1, Ordering::Relaxed);
        env::temp_dir().join(format!("ringway-{}-{number}.sock", std::process::id())).into()
    }

    fn nobody(&self) -> SocketAddr {
        // Bound, so that nobody else gets the port, and not listening.
        let socket = tcp();
        let addr = bind(&socket);
        self.kept.borrow_mut().push(socket);
        addr
    }

    fn black_hole(&self) -> SocketAddr {
        // A backlog of nothing has room for one. Once it is full, requests are dropped without an answer.
        let socket = tcp();
        let addr = bind(&socket);
        socket.listen(0).expect("a bound socket");
        let mut kept = self.kept.borrow_mut();
        kept.push(socket);
        for _ in 0..3 {
            let filling = tcp();
            filling.set_nonblocking(true).expect("a socket");
            let _in_progress = filling.connect(&addr.into());
            kept.push(filling);
        }
        addr
    }

    fn visit(&self, to: SocketAddr, count: usize) -> impl Future<Output = Visits> + 'static {
        let shared: Arc<Mutex<Shared>> = Arc::default();
        for thread in 0..VISITOR_THREADS {
            let mine = count / VISITOR_THREADS + usize::from(thread < count % VISITOR_THREADS);
            let shared = Arc::clone(&shared);
            let visitor = thread::spawn(move || {
                let served = (0..mine).filter(|id| served(to, (thread << 32 | id) as u64)).count();
                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                shared.visits.served += served;
                shared.visits.turned_away += mine - served;
                shared.threads_done += 1;
                if let Some(waker) = shared.waker.take() {
                    waker.wake();
                }
            });
            self.afterwards(Box::new(move || visitor.join().expect("visitors do not panic")));
        }
        poll_fn(move |cx| {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.threads_done == VISITOR_THREADS {
                return Poll::Ready(shared.visits);
            }
            shared.waker = Some(cx.waker().clone());
            Poll::Pending
        })
    }

    fn elsewhere<F: Future<Output = io::Result<()>> + 'static>(
        &self,
        sockets: Vec<OwnedFd>,
        work: impl FnOnce(Self, Vec<StreamOf<Self>>) -> F + Send + 'static,
    ) -> impl Future<Output = io::Result<()>> + 'static {
        let told: Arc<Mutex<Told>> = Arc::default();
        let theirs = Arc::clone(&told);
        let other = thread::spawn(move || {
            let (done, report) = native::run(&Settings::default(), move |engine| {
                let rng = Rc::new(RefCell::new(StdRng::seed_from_u64(1)));
                let h = OnKernel { engine, rng, kept: Rc::default(), afterwards: Rc::default() };
                take_over(h, sockets, work)
            })
            .unwrap_or_else(|error| panic!("{error}"));
            nothing_left(&report);
            let mut told = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            told.done = Some(done);
            if let Some(waker) = told.waker.take() {
                waker.wake();
            }
        });
        self.afterwards(Box::new(move || other.join().expect("the other engine ends well")));
        poll_fn(move |cx| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(done) = told.done.take() {
                return Poll::Ready(done);
            }
            told.waker = Some(cx.waker().clone());
            Poll::Pending
        })
    }

    fn fragile(&self) -> bool {
        false
    }

    fn precise(&self) -> bool {
        false
    }

    fn calm(&self) -> bool {
        true
    }

    fn below(&self, n: usize) -> usize {
        self.rng.borrow_mut().random_range(0..n)
    }

    fn effort(&self, real: usize, _simulated: usize) -> usize {
        real
    }

    fn afterwards(&self, check: Check) {
        self.afterwards.borrow_mut().push(check);
    }
}

/// What visitors on other threads tell.
#[derive(Default)]
struct Shared {
    visits: Visits,
    threads_done: usize,
    waker: Option<Waker>,
}

/// What an engine on another thread tells.
#[derive(Default)]
struct Told {
    done: Option<io::Result<()>>,
    waker: Option<Waker>,
}

/// One visit on a blocking socket: whether the same word came back, and then the end.
fn served(to: SocketAddr, word: u64) -> bool {
    let visit = || {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(VISIT_MAX))?;
        stream.write_all(&word.to_be_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        io::Result::Ok(answer)
    };
    visit().is_ok_and(|answer| answer == word.to_be_bytes())
}
