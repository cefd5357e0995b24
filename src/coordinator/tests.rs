//! A daemon in the background of this process, with real shards.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use ringway_core::Config;
use ringway_core::config::{Backend, Cluster, Daemon, Frontend, Listener, ShardCount};
use ringway_core::{ClusterId, ListenerName};

use super::sockets::ListenError;
use super::{CoordinatorError, Running, start};

const DRAIN: Duration = Duration::from_secs(10);

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Listeners `l0`, `l1`, ... on these addresses, in front of a port where nobody listens.
fn config(addresses: &[SocketAddr]) -> Config {
    let nowhere = TcpListener::bind(any_port()).expect("a port").local_addr().expect("bound");
    let name = |n| ListenerName::parse(&format!("l{n}")).expect("a name");
    let listeners = addresses.iter().enumerate().map(|(n, address)| Listener::new(name(n), *address));
    let id = ClusterId::parse("site").expect("a name");
    Config {
        daemon: Daemon { shards: ShardCount::new(2), ..Daemon::default() },
        listeners: listeners.collect(),
        clusters: vec![Cluster::new(id, vec![Frontend::any()], vec![Backend::new(nowhere)])],
        routes: Vec::new(),
        answers: Vec::new(),
    }
}

/// What a client is told.
fn ask(address: SocketAddr) -> String {
    let mut client = TcpStream::connect(address).expect("somebody listens");
    client.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").expect("a connection");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    answer
}

fn running(addresses: &[SocketAddr]) -> Running {
    start(config(addresses)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn it_answers_on_every_listener_until_it_is_stopped() {
    let running = running(&[any_port(), any_port()]);
    let addresses: Vec<_> =
        running.addresses().iter().map(|(name, address)| (name.as_str(), *address)).collect();
    let [("l0", first), ("l1", second)] = addresses[..] else { panic!("{addresses:?}") };
    for address in [first, second, first] {
        assert!(ask(address).starts_with("HTTP/1.1 503 "));
    }
    let snapshots = running.snapshot();
    let shards: Vec<_> = snapshots.iter().map(|snapshot| snapshot.shard).collect();
    assert_eq!(shards, [0, 1]);
    assert_eq!(snapshots.iter().map(|snapshot| snapshot.counters.requests).sum::<u64>(), 3);
    let outcome = running.stop(DRAIN);
    assert!(outcome.failures.is_empty(), "{outcome:?}");
    assert_eq!((outcome.requests, outcome.cut), (3, 0));
    TcpStream::connect(first).expect_err("nobody listens any more");
}

#[test]
fn a_stop_without_time_cuts_connections_off() {
    let running = running(&[any_port()]);
    let address = running.addresses()[0].1;
    let mut client = TcpStream::connect(address).expect("somebody listens");
    client.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").expect("a connection");
    let mut answer = [0; 12];
    client.read_exact(&mut answer).expect("an answer");
    client.write_all(b"GET / HT").expect("a connection");
    let outcome = running.stop(Duration::ZERO);
    assert!(outcome.failures.is_empty(), "{outcome:?}");
    assert_eq!(outcome.cut, 1);
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let taken = TcpListener::bind(any_port()).expect("a port");
    let free = TcpListener::bind(any_port()).expect("a port").local_addr().expect("bound");
    let error = start(config(&[free, taken.local_addr().expect("bound")])).expect_err("one is taken");
    let CoordinatorError::Listen(ListenError { listener, .. }) = &error else { panic!("{error}") };
    assert_eq!(listener.as_str(), "l1");
    TcpListener::bind(free).expect("it is free again");
}

#[test]
fn two_daemons_live_side_by_side_in_one_process() {
    let daemons = [running(&[any_port()]), running(&[any_port()])];
    for daemon in &daemons {
        assert!(ask(daemon.addresses()[0].1).starts_with("HTTP/1.1 503 "));
    }
    for daemon in daemons {
        assert_eq!(daemon.stop(DRAIN).requests, 1);
    }
}
