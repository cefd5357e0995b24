//! What a simulated ring does, one operation at a time. Most of it was measured on a real one first.

use std::net::SocketAddr;
use std::time::Duration;

use ringway_core::Time;

use super::{Fault, Faults, Net, SimBuffers, SimRing, SimSettings};
use crate::uring::RawAddr;
use crate::uring::ring::{BufferRing, Completion, Op, Ring, Wait};

mod accept;
mod buffers;
mod cancel;
mod connect;
mod engine;
mod faults;
mod recv;
mod send;
mod splice;
mod waits;

/// Size of the kit's receive buffers.
const BUFFER_BYTES: usize = 256;
/// Room in the kit's buffer group.
const GROUP_ENTRIES: u16 = 64;

/// A ring, receive buffers, and what has completed.
struct Kit {
    net: Net,
    ring: SimRing,
    buffers: SimBuffers,
    memory: Vec<Vec<u8>>,
    seen: Vec<Completion>,
    next_user_data: u64,
}

impl Kit {
    /// A ring whose one buffer group is empty.
    fn new(settings: SimSettings) -> Kit {
        let net = Net::new(settings);
        let mut ring = SimRing::new(&net);
        let buffers = ring.buffer_groups(&[GROUP_ENTRIES]).expect("a power of two");
        let memory = vec![vec![0; BUFFER_BYTES]; usize::from(GROUP_ENTRIES)];
        Kit { net, ring, buffers, memory, seen: Vec::new(), next_user_data: 1 }
    }

    fn provide(&mut self, id: u16) {
        let bytes = self.memory[usize::from(id)].as_mut_ptr();
        self.buffers.provide(0, id, bytes, BUFFER_BYTES as u32);
    }

    fn provide_all(&mut self) {
        (0..GROUP_ENTRIES).for_each(|id| self.provide(id));
    }

    /// What a completion brought; its buffer goes back.
    fn bytes(&mut self, completion: Completion) -> Vec<u8> {
        let id = completion.buffer().expect("bytes come in a buffer");
        let bytes = self.memory[usize::from(id)][..completion.result as usize].to_vec();
        self.provide(id);
        bytes
    }

    fn push(&mut self, op: Op) -> u64 {
        let user_data = self.next_user_data;
        self.next_user_data += 1;
        self.ring.push(user_data, op);
        user_data
    }

    fn recv(&mut self, fd: i32) -> u64 {
        self.push(Op::Recv { fd, group: 0, multishot: true, limit_bytes: u32::MAX, poll_first: true })
    }

    fn recv_once(&mut self, fd: i32) -> u64 {
        self.push(Op::Recv { fd, group: 0, multishot: false, limit_bytes: 0, poll_first: false })
    }

    /// Sends bytes that live on, so that no test can free them too early.
    fn send(&mut self, fd: i32, bytes: &[u8]) -> u64 {
        let bytes: &'static [u8] = Box::leak(bytes.into());
        self.push(Op::Send { fd, bytes: bytes.as_ptr(), len: bytes.len() as u32 })
    }

    fn connect(&mut self, to: SocketAddr) -> (i32, u64) {
        let fd = self.ring.socket(&to).expect("a descriptor is left");
        let addr: &'static RawAddr = Box::leak(Box::new(RawAddr::from(&to)));
        (fd, self.push(Op::Connect { fd, addr }))
    }

    fn cancel(&mut self, target: u64) -> u64 {
        self.push(Op::Cancel { target })
    }

    fn enter(&mut self, wait: Wait) {
        self.ring.enter(wait).expect("a simulated ring works on");
        self.seen.reserve(1024);
        self.ring.reap(&mut self.seen);
    }

    /// The next completion of this operation; others are kept.
    fn next(&mut self, user_data: u64) -> Completion {
        loop {
            if let Some(at) = self.seen.iter().position(|seen| seen.user_data == user_data) {
                return self.seen.remove(at);
            }
            self.enter(Wait::Until(Time::NEVER));
        }
    }

    fn result(&mut self, user_data: u64) -> i32 {
        self.next(user_data).result
    }

    /// Everything that completes within `time`, and what was kept before.
    fn pass(&mut self, time: Duration) -> Vec<Completion> {
        let until = self.ring.now() + time;
        while self.ring.now() < until {
            self.enter(Wait::Until(until));
        }
        std::mem::take(&mut self.seen)
    }

    /// Everything that happens before long.
    fn rest(&mut self) -> Vec<Completion> {
        self.pass(Duration::from_millis(200))
    }

    /// Two ends of a connection.
    fn pair(&mut self) -> (i32, i32) {
        let [a, b] = self.net.pair(addr(80));
        (self.ring.adopt(a), self.ring.adopt(b))
    }

    fn listen(&mut self, port: u16, backlog: usize) -> i32 {
        let socket = self.net.listen_with(addr(port), backlog);
        self.ring.adopt(socket)
    }

    /// Receives until the end of the stream or an error, and how it ended.
    fn drain(&mut self, fd: i32) -> (Vec<u8>, i32) {
        let mut all = Vec::new();
        let mut armed = self.recv(fd);
        loop {
            let completion = self.next(armed);
            if completion.buffer().is_some() {
                all.extend(self.bytes(completion));
            } else if ![-libc::ENOBUFS, -libc::ECANCELED].contains(&completion.result) {
                return (all, completion.result);
            }
            if !completion.more() {
                armed = self.recv(fd);
            }
        }
    }
}

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Bytes that show when one is missing or in another's place.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// Runs a case for many seeds and says which one failed.
fn seeds(count: u64, case: impl Fn(u64)) {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("seed {}", self.0);
            }
        }
    }
    for seed in 0..count {
        let current = Seed(seed);
        case(seed);
        drop(current);
    }
}

/// Nothing going wrong, for many seeds.
fn calm(case: impl Fn(Kit)) {
    seeds(100, |seed| case(Kit::new(SimSettings::new(seed))));
}

/// One thing going wrong, always.
fn always(fault: Fault, case: impl Fn(Kit)) {
    seeds(100, |seed| {
        case(Kit::new(SimSettings { faults: Faults::none().with(fault, 1.0), ..SimSettings::new(seed) }));
    });
}
