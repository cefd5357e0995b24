//! Origins that can be made ill, and well again, on the same port, and that count what comes.

use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, Shutdown, shutdown};
use socket2::{Domain, Socket, Type};

use super::origin::{Request, Then, serve};
use super::server::Server;
use super::wait::{eventually, now, rest};

/// What probes ask for, to be told from requests.
pub(crate) const PROBE_PATH: &str = "/health";

/// Connections that the kernel keeps for an origin that accepts.
const BACKLOG: i32 = 512;

/// How an origin behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Answers 200 at once.
    Well,
    /// Answers 200 after so long; probes at once.
    Slow(Duration),
    /// Answers with this status at once.
    Saying(u16),
    /// Accepts, and answers nothing until it changes; then 200.
    Silent,
    /// Refuses connections, and has closed those that were open.
    Refusing,
    /// Takes connections until the kernel's queue is full, and accepts none: connecting times out.
    Full,
}

/// An origin on a port that stays its own, whatever its mood. Dropping it closes everything.
pub(crate) struct FaultyOrigin {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// Bound as long as the origin lives; listens while it does not refuse.
    socket: Socket,
    state: Arc<State>,
    server: Mutex<Option<Server<TcpStream>>>,
    /// What fills the queue of one that is full.
    filling: Mutex<Vec<Socket>>,
}

struct State {
    name: String,
    mood: Mutex<Mood>,
    changed: Condvar,
    requests: AtomicU64,
    in_flight: Gauge,
    /// Those whose other end is open, as far as is known.
    open: Mutex<Vec<Socket>>,
    open_most: AtomicU64,
    probes: Mutex<Vec<Instant>>,
    targets: Mutex<Vec<String>>,
}

/// How many there are now, and the most that there were.
#[derive(Default)]
struct Gauge {
    now: AtomicU64,
    most: AtomicU64,
}

impl Gauge {
    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FaultyOrigin {
    /// One that is well. Its answers have `name` in the field `Origin`, and the name of its mood as their body.
    pub(crate) fn new(name: &str) -> FaultyOrigin {
        FaultyOrigin::that_is(Mood::Well, name)
    }

    /// One that is in this mood from the beginning.
    pub(crate) fn that_is(mood: Mood, name: &str) -> FaultyOrigin {
        // A port that the kernel chose is lost when listening ends; one that was asked for stays.
        let chosen = bound(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = chosen.local_addr().ok().and_then(|address| address.as_socket()).expect("bound");
        let socket = bound(address);
        let state = State {
            name: name.to_owned(),
            mood: Mutex::new(Mood::Refusing),
            changed: Condvar::new(),
            requests: AtomicU64::new(0),
            in_flight: Gauge::default(),
            open: Mutex::default(),
            open_most: AtomicU64::new(0),
            probes: Mutex::default(),
            targets: Mutex::default(),
        };
        let origin = FaultyOrigin {
            name: name.to_owned(),
            address,
            socket,
            state: Arc::new(state),
            server: Mutex::default(),
            filling: Mutex::default(),
        };
        origin.turn(mood);
        origin
    }

    /// From now on it is in this mood. Answers that wait are given.
    pub(crate) fn turn(&self, mood: Mood) {
        let before = std::mem::replace(&mut *self.state.mood(), mood);
        self.state.changed.notify_all();
        if before == mood {
            return;
        }
        let mut server = self.server.lock().expect("no panic");
        match mood {
            Mood::Refusing | Mood::Full => {
                // The port stays bound: nobody else gets it meanwhile. A socket that does not listen has nothing to end.
                let _ = shutdown(&self.socket, Shutdown::Read);
                if let Some(mut server) = server.take() {
                    server.stop(|| ());
                }
                self.filling.lock().expect("no panic").clear();
                if mood == Mood::Full {
                    self.fill();
                }
            }
            _ if server.is_none() => {
                if before == Mood::Full {
                    let _ = shutdown(&self.socket, Shutdown::Read);
                }
                self.filling.lock().expect("no panic").clear();
                *server = Some(self.serve());
            }
            _ => {}
        }
    }

    fn serve(&self) -> Server<TcpStream> {
        self.socket.listen(BACKLOG).expect("the port is its own");
        let listener: TcpListener = self.socket.try_clone().expect("a descriptor").into();
        let accept = move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let state = Arc::clone(&self.state);
        Server::start(accept, move |shared, stream| {
            state.opened(stream.try_clone()?);
            serve(shared, stream, &|request, out| state.answer(request, out))
        })
    }

    /// Makes connections until the kernel takes no more.
    fn fill(&self) {
        self.socket.listen(0).expect("the port is its own");
        let mut filling = self.filling.lock().expect("no panic");
        // Those that do not get through are tried again by the kernel, and take the places that come free.
        for _ in 0..4 {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a descriptor");
            socket.set_nonblocking(true).expect("a socket takes it");
            let _ = socket.connect(&self.address.into());
            filling.push(socket);
        }
        let made = |filling: &[Socket]| filling.iter().filter(|socket| socket.peer_addr().is_ok()).count();
        eventually("one connection is in the queue", Duration::from_secs(5), || {
            (made(&filling) >= 1).then_some(())
        });
    }

    /// How many requests it has read, probes left out.
    pub(crate) fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How many requests it is at work on, probes left out.
    pub(crate) fn in_flight(&self) -> u64 {
        self.state.in_flight.now.load(Ordering::SeqCst)
    }

    /// The most requests that it was at work on at once.
    pub(crate) fn in_flight_most(&self) -> u64 {
        self.state.in_flight.most.load(Ordering::SeqCst)
    }

    /// The most connections that were open at once, as the daemon's end has it: one that it has closed is not.
    pub(crate) fn open_most(&self) -> u64 {
        self.state.open_most.load(Ordering::SeqCst)
    }

    /// When it was probed.
    pub(crate) fn probes(&self) -> Vec<Instant> {
        self.state.probes.lock().expect("no panic").clone()
    }

    /// What it was asked for, in the order in which it was, probes left out.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.state.targets.lock().expect("no panic").clone()
    }

    /// How many connections it has accepted since it last listened anew.
    pub(crate) fn connections(&self) -> u64 {
        self.server.lock().expect("no panic").as_ref().map_or(0, Server::connections)
    }
}

impl Drop for FaultyOrigin {
    fn drop(&mut self) {
        self.turn(Mood::Refusing);
    }
}

/// Does not listen yet.
fn bound(to: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a descriptor");
    // What is left of closed connections does not keep it from listening again.
    socket.set_reuse_address(true).expect("a socket takes it");
    socket.bind(&to.into()).expect("a port");
    socket
}

impl State {
    fn mood(&self) -> MutexGuard<'_, Mood> {
        self.mood.lock().expect("no panic")
    }

    fn opened(&self, stream: TcpStream) {
        let mut open = self.open.lock().expect("no panic");
        open.push(stream.into());
        let is_open = |socket: &Socket| {
            let flags = (RecvFlags::PEEK | RecvFlags::DONTWAIT).bits();
            let heard = socket.recv_with_flags(&mut [MaybeUninit::uninit()], flags as i32);
            heard.map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |bytes| bytes > 0)
        };
        open.retain(is_open);
        self.open_most.fetch_max(open.len() as u64, Ordering::SeqCst);
    }

    fn answer(&self, request: &Request, out: &mut TcpStream) -> io::Result<Then> {
        // Not every prober speaks HTTP/1.1.
        let target = request.line.split(' ').nth(1).unwrap_or_default();
        if target == PROBE_PATH {
            self.probes.lock().expect("no panic").push(now());
            return self.say(true, out);
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.targets.lock().expect("no panic").push(target.to_owned());
        self.in_flight.enter();
        self.say(false, out)
    }

    fn say(&self, is_probe: bool, out: &mut TcpStream) -> io::Result<Then> {
        let mood = *self.mood();
        match mood {
            Mood::Slow(time) if !is_probe => rest(time),
            Mood::Silent => {
                let mood = self.mood();
                drop(self.changed.wait_while(mood, |mood| *mood == Mood::Silent).expect("no panic"));
            }
            _ => {}
        }
        // Before the answer: whoever reads that may send the next one here.
        if !is_probe {
            self.in_flight.leave();
        }
        let status = if let Mood::Saying(status) = mood { status } else { 200 };
        let body = format!("{mood:?}");
        write!(
            out,
            "HTTP/1.1 {status} Said\r\nOrigin: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.name,
            body.len()
        )?;
        Ok(Then::Keep)
    }
}
