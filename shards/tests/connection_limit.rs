//! A limit of connections as the backend sees it, over real sockets and two shards: a connection is opened only when the one
//! that makes room for it has been closed.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ringway_core::Config;
use ringway_engine::native;
use ringway_engine::uring::Settings;
use ringway_shards::inbox::{self, Sender};
use ringway_shards::{Command, Files, Gate, Launch, Plan, Summary};

const CONNECTIONS_MAX: u32 = 3;
const CLIENTS: usize = 12;
const REQUESTS: usize = 40;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

/// Whether the peer has not closed this connection yet.
fn is_open(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(n) => n > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// Serves what `stream` brings until its end; it does not block, so that others may look whether it is open.
fn serve(mut stream: &TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::yield_now();
                continue;
            }
            Err(_) => return,
        }
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            if stream.write_all(ANSWER).is_err() {
                return;
            }
        }
    }
}

/// An origin, and the most connections to it that were open whenever it got one.
fn origin() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let most = Arc::new(AtomicUsize::new(0));
    let own = Arc::clone(&most);
    let open: Arc<Mutex<Vec<Arc<TcpStream>>>> = Arc::default();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = Arc::new(stream.expect("a connection"));
            stream.set_nonblocking(true).expect("it is a socket");
            {
                let mut open = open.lock().expect("nobody panics");
                open.retain(|stream| is_open(stream));
                open.push(Arc::clone(&stream));
                own.fetch_max(open.len(), Ordering::Relaxed);
            }
            thread::spawn(move || serve(&stream));
        }
    });
    (address, most)
}

struct Shard {
    address: SocketAddr,
    inbox: Sender,
    thread: thread::JoinHandle<Summary>,
}

/// Shards of one process, each with a listening socket of its own.
fn shards(origin: SocketAddr) -> Vec<Shard> {
    let listeners: Vec<_> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    let addresses: Vec<_> =
        listeners.iter().map(|socket| socket.local_addr().expect("it is bound")).collect();
    let mut config = Config::direct(addresses[0], &[origin], None).expect("a sound configuration");
    let cluster = &mut config.clusters[0];
    cluster.queue_timeout = Duration::from_secs(30);
    cluster.backends[0].max_connections = Some(CONNECTIONS_MAX);
    let plan = Plan::new(&config, &addresses[..1], &Files::default(), &[0; 32]).expect("a sound plan");
    let (plan, gate, evictions) = (Arc::new(plan), Arc::new(Gate::new(u32::MAX, None)), Arc::default());
    let start = |(id, (listener, address)): (usize, (TcpListener, SocketAddr))| {
        let (inbox, receiver) = inbox::channel();
        let (plan, gate, evictions) = (Arc::clone(&plan), Arc::clone(&gate), Arc::clone(&evictions));
        let thread = thread::spawn(move || {
            let alone = Launch::alone(plan, vec![OwnedFd::from(listener)], receiver, id as u64, gate);
            let launch = Launch { id: id as u16, shards: 2, evictions, ..alone };
            native::run(&Settings::default(), |engine| ringway_shards::run(engine, launch))
                .expect("io_uring")
                .0
        });
        Shard { address, inbox, thread }
    };
    listeners.into_iter().zip(addresses).enumerate().map(start).collect()
}

#[test]
fn a_backend_never_sees_more_connections_than_it_may_have() {
    let (origin, most) = origin();
    let shards = shards(origin);
    thread::scope(|scope| {
        for n in 0..CLIENTS {
            let address = shards[n % shards.len()].address;
            scope.spawn(move || {
                let mut client = TcpStream::connect(address).expect("the shard listens");
                client.set_read_timeout(Some(Duration::from_secs(30))).expect("it is a socket");
                for _ in 0..REQUESTS {
                    client.write_all(REQUEST).expect("the shard takes the request");
                    let mut answer = [0; ANSWER.len()];
                    client.read_exact(&mut answer).expect("the shard answers");
                    assert_eq!(answer.escape_ascii().to_string(), ANSWER.escape_ascii().to_string());
                }
            });
        }
    });
    assert!((1..=CONNECTIONS_MAX as usize).contains(&most.load(Ordering::Relaxed)), "{most:?} at once");
    for Shard { inbox, thread, .. } in shards {
        inbox.send(Command::Drain { within: Duration::from_secs(5) }).expect("the shard runs");
        assert!(thread.join().expect("the shard ends well").drained);
    }
}
