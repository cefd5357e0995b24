//! The engine over a ring: the loop, and the seam's types on top of the bookkeeping.
//!
//! One turn: poll the tasks that are ready, fire the timers that are due, submit everything they asked for and wait,
//! all in one system call; then take the completions in. However many connections are busy, a turn costs one `enter`.

mod accept;
pub(crate) mod addr;
mod conn;
mod connect;
mod deadline;
mod listen;
mod pipes;
pub(crate) mod pool;
pub mod ring;
mod send;
mod settings;
mod splice;
mod state;
mod token;

pub use addr::RawAddr;
pub use pool::PoolChunk;
pub use settings::{GroupSettings, Settings};

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ringway_core::{Address, Time};

use crate::buffer::{Buffer, BufferPool};
use crate::exec::Executor;
use crate::remote::Registration;
use crate::seam::{Deadline, Engine, Listener, Mode, Out, SpliceError, Spliced, Stream};
use crate::slab::Key;
use crate::wheel::TimerId;
use crate::{Counters, Heartbeat, uring::accept::Acceptor};
use pool::RecvPool;
use ring::{Ring, Wait};
use splice::Transfer;
use state::{ChunkOf, Sleeper, State, Timer};

/// How long the end waits for operations to be cancelled. What is still in flight then is reported, and the buffers'
/// memory is leaked, because the kernel may still write to it.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// How long a turn of that waits at most.
const DRAIN_TURN: Duration = Duration::from_millis(10);

struct Core<R: Ring> {
    // Dropped in this order: tasks hold streams, streams hold the core, so `run` clears them before.
    exec: Executor,
    state: RefCell<State<R>>,
    pool: Rc<RecvPool<R::Buffers>>,
    buffers: Rc<BufferPool>,
    now: Cell<Time>,
    heartbeat: Arc<Heartbeat>,
}

/// An engine over the ring `R`.
pub struct Uring<R: Ring> {
    core: Rc<Core<R>>,
}

impl<R: Ring> Clone for Uring<R> {
    fn clone(&self) -> Uring<R> {
        Uring { core: Rc::clone(&self.core) }
    }
}

/// How an engine's run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The counters after everything was cancelled and closed. A clean end has nothing in flight, no stream, no
    /// listener, no task and no chunk out.
    pub counters: Counters,
    /// Outgoing buffers in the pool.
    pub buffers_idle: usize,
}

impl<R: Ring> Uring<R> {
    /// Runs `main` on this thread until it completes, then drops every task, cancels what is in flight and closes
    /// what is open.
    ///
    /// # Errors
    /// When the ring can not be set up, or the kernel refuses to work on.
    pub fn run<T: 'static, F>(
        ring: R,
        settings: &Settings,
        main: impl FnOnce(Uring<R>) -> F,
    ) -> io::Result<(T, Report)>
    where
        F: Future<Output = T> + 'static,
    {
        let engine = Uring::new(ring, settings)?;
        let entered = engine.core.exec.registration().enter();
        // Tasks hold streams, and streams the engine: should one panic, the circle is cut here, and everything is closed.
        let tasks = TasksEnd(engine.clone());
        engine.core.state.borrow_mut().watch_wakeups();
        let result: Rc<RefCell<Option<T>>> = Rc::default();
        let main = main(engine.clone());
        let slot = Rc::clone(&result);
        engine.spawn(async move {
            let value = main.await;
            *slot.borrow_mut() = Some(value);
        });
        let value = loop {
            engine.poll_tasks();
            if let Some(value) = result.borrow_mut().take() {
                break value;
            }
            engine.wait(false)?;
        };
        let report = engine.end()?;
        drop(tasks);
        drop(entered);
        Ok((value, report))
    }

    fn new(mut ring: R, settings: &Settings) -> io::Result<Uring<R>> {
        settings.validate().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let groups = settings.groups();
        let buffers = ring.buffer_groups(&groups.map(|group| group.max))?;
        let pool = RecvPool::new(buffers, &groups);
        let registration = Registration::new(ring.unpark())
            .ok_or_else(|| io::Error::other("too many engines run in this process"))?;
        let now = Cell::new(ring.now());
        let state = RefCell::new(State::new(ring, Rc::clone(&pool), settings));
        let exec = Executor::new(registration);
        let heartbeat = Arc::<Heartbeat>::default();
        heartbeat.begin(now.get());
        Ok(Uring { core: Rc::new(Core { exec, state, pool, buffers: BufferPool::new(), now, heartbeat }) })
    }

    /// The first half of a turn: polls what is ready.
    fn poll_tasks(&self) {
        self.core.exec.gather(false);
        self.core.exec.run();
    }

    /// The second half: submits, waits, takes completions in, fires what is due.
    fn wait(&self, draining: bool) -> io::Result<()> {
        let core = &*self.core;
        let wait = {
            let mut state = core.state.borrow_mut();
            state.feed_starved();
            if core.exec.has_ready()
                || !state.yielded.is_empty()
                || !core.exec.registration().remote().prepare_sleep()
            {
                Wait::No
            } else if draining {
                Wait::Until(state.now + DRAIN_TURN)
            } else {
                Wait::Until(state.wheel.next().unwrap_or(Time::NEVER))
            }
        };
        let mut state = core.state.borrow_mut();
        core.heartbeat.end(core.now.get(), state.ring.now());
        state.ring.enter(wait)?;
        drop(state);
        self.take_in(draining);
        core.state.borrow_mut().advance();
        core.exec.gather(true);
        Ok(())
    }

    /// Takes in every completion that is there.
    fn take_in(&self, draining: bool) {
        let mut state = self.core.state.borrow_mut();
        let state = &mut *state;
        state.counters.turns += 1;
        state.now = state.ring.now();
        self.core.now.set(state.now);
        self.core.heartbeat.begin(state.now);
        let mut batch = mem::take(&mut state.batch);
        loop {
            state.ring.reap(&mut batch);
            if batch.is_empty() {
                break;
            }
            for completion in batch.drain(..) {
                state.complete(completion, draining);
            }
        }
        state.batch = batch;
        state.wake_yielded();
    }

    /// Drops the tasks, then cancels and closes until nothing is in flight.
    fn end(&self) -> io::Result<Report> {
        let core = &*self.core;
        core.exec.clear();
        {
            let mut state = core.state.borrow_mut();
            state.close_all();
            state.close_pipes();
            state.stop_wakeups();
        }
        let deadline = core.state.borrow().now + DRAIN_MAX;
        let counters = loop {
            let counters = self.counters();
            if counters.in_flight == 0 || core.now.get() >= deadline {
                break counters;
            }
            self.poll_tasks();
            self.wait(true)?;
        };
        if counters.in_flight != 0 {
            core.pool.poison();
        }
        Ok(Report { counters, buffers_idle: core.buffers.idle() })
    }
}

/// Drops the tasks of an engine, also when it ends by a panic.
struct TasksEnd<R: Ring>(Uring<R>);

impl<R: Ring> Drop for TasksEnd<R> {
    fn drop(&mut self) {
        self.0.core.exec.clear();
        if std::thread::panicking() {
            if let Ok(mut state) = self.0.core.state.try_borrow_mut() {
                state.close_pipes();
                state.abandon();
            }
            // What is in flight ends with the ring, at some time: its buffers must outlive that.
            self.0.core.pool.poison();
        }
    }
}

impl<R: Ring> Engine for Uring<R> {
    type Socket = R::Socket;
    type Chunk = ChunkOf<R>;
    type Stream = UringStream<R>;
    type Listener = UringListener<R>;

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.core.exec.spawn(Box::pin(task));
    }

    fn now(&self) -> Time {
        self.core.now.get()
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        Sleep { core: Rc::clone(&self.core), at, sleeper: None }
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        let core = Rc::clone(&self.core);
        let mut since = None;
        poll_fn(move |cx| {
            let turn = core.state.borrow().counters.turns;
            if turn > *since.get_or_insert(turn) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    fn adopt_listener(&self, socket: R::Socket) -> io::Result<UringListener<R>> {
        let mut state = self.core.state.borrow_mut();
        let fd = state.ring.adopt(socket);
        match state.acceptors.insert(Acceptor::new(fd)) {
            Some(key) => Ok(UringListener { core: Rc::clone(&self.core), key }),
            None => {
                state.ring.close_now(fd);
                Err(io::ErrorKind::OutOfMemory.into())
            }
        }
    }

    fn adopt_stream(&self, socket: R::Socket) -> io::Result<UringStream<R>> {
        let key = self.core.state.borrow_mut().adopt(socket)?;
        Ok(UringStream { core: Rc::clone(&self.core), key })
    }

    fn connect(
        &self,
        to: impl Into<Address> + 'static,
        deadline: Time,
    ) -> impl Future<Output = io::Result<UringStream<R>>> + 'static {
        let core = Rc::clone(&self.core);
        let to = to.into();
        async move {
            match to {
                Address::Ip(to) => connect(core, to, deadline).await,
                Address::Unix(to) => connect_unix(core, &to, deadline).await,
            }
        }
    }

    fn buffer(&self) -> Buffer {
        self.core.buffers.take()
    }

    fn heartbeat(&self) -> Arc<Heartbeat> {
        Arc::clone(&self.core.heartbeat)
    }

    fn counters(&self) -> Counters {
        self.core.state.borrow().snapshot(self.core.exec.len())
    }
}

async fn connect<R: Ring>(core: Rc<Core<R>>, to: SocketAddr, deadline: Time) -> io::Result<UringStream<R>> {
    let key = core.state.borrow_mut().connect(&to, deadline)?;
    // From here on, dropping the future drops the stream, and that cancels the attempt.
    let stream = UringStream { core, key };
    poll_fn(|cx| stream.core.state.borrow_mut().poll_connect(key, cx)).await?;
    Ok(stream)
}

async fn connect_unix<R: Ring>(core: Rc<Core<R>>, to: &Path, deadline: Time) -> io::Result<UringStream<R>> {
    let mut wait = connect::BACKLOG_WAIT;
    loop {
        let connected = core.state.borrow_mut().connect_unix(to)?;
        if let Some(key) = connected {
            return Ok(UringStream { core, key });
        }
        let now = core.now.get();
        if now >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let at = deadline.min(now + wait);
        Sleep { core: Rc::clone(&core), at, sleeper: None }.await;
        wait = (2 * wait).min(connect::BACKLOG_WAIT_MAX);
    }
}

struct Sleep<R: Ring> {
    core: Rc<Core<R>>,
    at: Time,
    sleeper: Option<Key>,
}

impl<R: Ring> Future for Sleep<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let core = Rc::clone(&self.core);
        if core.now.get() >= self.at {
            return Poll::Ready(());
        }
        let mut state = core.state.borrow_mut();
        let key = match self.sleeper {
            Some(key) => key,
            None => {
                let key = state.sleepers.insert(Sleeper { timer: None, waker: None });
                let key = key.expect("sleeping tasks are limited far below the number of slots");
                self.sleeper = Some(key);
                key
            }
        };
        let at = self.at;
        let state = &mut *state;
        if let Some(sleeper) = state.sleepers.get_mut(key) {
            if sleeper.timer.is_none() && at != Time::NEVER {
                sleeper.timer = Some(state.wheel.insert(at, Timer::Sleep(key)));
            }
            conn::register(&mut sleeper.waker, cx.waker());
        }
        Poll::Pending
    }
}

impl<R: Ring> Drop for Sleep<R> {
    fn drop(&mut self) {
        if let Some(key) = self.sleeper {
            let mut state = self.core.state.borrow_mut();
            let timer: Option<TimerId> = state.sleepers.remove(key).and_then(|sleeper| sleeper.timer);
            if let Some(timer) = timer {
                state.wheel.remove(timer);
            }
        }
    }
}

/// A stream of [`Uring`].
pub struct UringStream<R: Ring> {
    core: Rc<Core<R>>,
    key: Key,
}

impl<R: Ring> Stream for UringStream<R> {
    type Chunk = ChunkOf<R>;
    type Socket = R::Socket;

    fn recv(&self) -> impl Future<Output = io::Result<Option<ChunkOf<R>>>> {
        poll_fn(|cx| self.core.state.borrow_mut().poll_recv(self.key, cx))
    }

    fn has_pending(&self) -> bool {
        self.core.state.borrow().has_pending(self.key)
    }

    fn set_mode(&self, mode: Mode) {
        self.core.state.borrow_mut().set_mode(self.key, mode);
    }

    fn post(&self, out: Out<ChunkOf<R>>) {
        self.core.state.borrow_mut().post(self.key, out);
    }

    fn sent(&self) -> impl Future<Output = io::Result<()>> {
        poll_fn(|cx| self.core.state.borrow_mut().poll_sent(self.key, cx))
    }

    fn shutdown_write(&self) {
        self.core.state.borrow_mut().shutdown_write(self.key);
    }

    fn reset_on_close(&self) {
        self.core.state.borrow_mut().reset_on_close(self.key);
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        self.core.state.borrow_mut().local_address(self.key)
    }

    fn splice(
        &self,
        to: &UringStream<R>,
        max: u64,
        patience: Duration,
    ) -> impl Future<Output = Result<Spliced, SpliceError>> {
        assert!(max > 0 && Rc::ptr_eq(&self.core, &to.core), "some bytes, from one engine to itself");
        Splice { core: &self.core, transfer: Transfer::new(self.key, to.key, max, patience) }
    }

    fn set_deadline(&self, which: Deadline, at: Time) {
        self.core.state.borrow_mut().set_deadline(self.key, which, at);
    }

    fn into_socket(self) -> Result<R::Socket, UringStream<R>> {
        let released = self.core.state.borrow_mut().release(self.key);
        // `Drop` finds no slot any more.
        released.ok_or(self)
    }

    fn close(self) -> impl Future<Output = ()> {
        self.core.state.borrow_mut().begin_close(self.key);
        poll_fn(move |cx| self.core.state.borrow_mut().poll_closed(self.key, cx))
    }
}

impl<R: Ring> Drop for UringStream<R> {
    fn drop(&mut self) {
        self.core.state.borrow_mut().begin_close(self.key);
    }
}

/// See [`Stream::splice`].
struct Splice<'a, R: Ring> {
    core: &'a Core<R>,
    transfer: Transfer,
}

impl<R: Ring> Future for Splice<'_, R> {
    type Output = Result<Spliced, SpliceError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let core = self.core;
        core.state.borrow_mut().poll_splice(&mut self.transfer, cx)
    }
}

impl<R: Ring> Drop for Splice<'_, R> {
    fn drop(&mut self) {
        self.core.state.borrow_mut().end_splice(&mut self.transfer);
    }
}

/// A listener of [`Uring`].
pub struct UringListener<R: Ring> {
    core: Rc<Core<R>>,
    key: Key,
}

impl<R: Ring> Listener for UringListener<R> {
    type Stream = UringStream<R>;
    type Socket = R::Socket;

    fn accept(&self) -> impl Future<Output = io::Result<Option<(UringStream<R>, SocketAddr)>>> {
        poll_fn(|cx| {
            let accepted = self.core.state.borrow_mut().poll_accept(self.key, cx);
            accepted.map_ok(|accepted| {
                accepted.map(|(key, peer)| (UringStream { core: Rc::clone(&self.core), key }, peer))
            })
        })
    }

    fn set_room(&self, connections: u32) {
        self.core.state.borrow_mut().set_room(self.key, connections);
    }

    fn stop(&self) {
        self.core.state.borrow_mut().stop_accept(self.key);
    }

    fn into_socket(self) -> impl Future<Output = R::Socket> {
        self.stop();
        async move {
            let fd = poll_fn(|cx| self.core.state.borrow_mut().poll_release(self.key, cx)).await;
            // The slot is ours until we give it up, so there is a descriptor; and `Drop` finds no slot any more.
            let fd = fd.expect("a listener has its slot until it is released");
            self.core.state.borrow_mut().ring.release(fd)
        }
    }
}

impl<R: Ring> Drop for UringListener<R> {
    fn drop(&mut self) {
        self.core.state.borrow_mut().begin_close_acceptor(self.key);
    }
}
