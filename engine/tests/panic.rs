//! An engine whose task panics, on the real kernel: it ends, and everything that it had is closed, though other threads of the
//! process go on.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use ringway_engine::native;
use ringway_engine::uring::Settings;
use ringway_engine::{Engine, Listener, Stream};

/// How long the end of a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_task_that_panics_ends_every_connection_and_leaves_the_listening_socket_to_who_else_has_it() {
    let listening = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listening.local_addr().expect("a bound socket");
    let kept = listening.try_clone().expect("a descriptor");
    let engine = std::thread::spawn(move || {
        let body = |engine: native::Native| async move {
            let listener = Rc::new(engine.adopt_listener(OwnedFd::from(listening)).expect("a slot"));
            let mut streams = Vec::new();
            while streams.len() < 8 {
                let (stream, _) = listener.accept().await.expect("it accepts").expect("it is not stopped");
                // Each has a receive in flight from here on.
                let first = stream.recv().await.expect("a connection").expect("not its end");
                assert_eq!(&first[..], b"x");
                streams.push(stream);
            }
            panic!("on purpose");
        };
        let ended = catch_unwind(AssertUnwindSafe(|| native::run::<(), _>(&Settings::default(), body)));
        assert!(ended.is_err());
    });
    let mut clients: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut client = TcpStream::connect(address).expect("it listens");
            client.set_read_timeout(Some(PATIENCE)).expect("a socket");
            client.write_all(b"x").expect("a connection");
            client
        })
        .collect();
    engine.join().expect("the panic was caught");
    for client in &mut clients {
        match client.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("it is still open: {other:?}"),
        }
    }
    let _next = TcpStream::connect(address).expect("it listens still");
    kept.accept().expect("whoever has the socket accepts on it");
}
