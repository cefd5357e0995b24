//! The bare relay: bytes from a client to a backend and back, one backend connection for each client, no protocol.
//!
//! It is the floor under a proxy on this engine: `cargo run --release -p ringway-engine --example relay -- LISTEN TO`.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::Duration;

use ringway_engine::native::{self, Native};
use ringway_engine::uring::Settings;
use ringway_engine::{Engine, Listener, Out, Stream};

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<SocketAddr>());
    let (Some(Ok(listen)), Some(Ok(to))) = (args.next(), args.next()) else {
        eprintln!("usage: relay LISTEN_ADDRESS BACKEND_ADDRESS");
        std::process::exit(2);
    };
    let socket = TcpListener::bind(listen).expect("the address is free");
    let outcome = native::run(&Settings::default(), |engine| async move {
        let listener = engine.adopt_listener(OwnedFd::from(socket)).expect("a slot");
        while let Ok(Some((client, _))) = listener.accept().await {
            engine.spawn(relay(engine.clone(), client, to));
        }
    });
    if let Err(error) = outcome {
        eprintln!("{error}");
        std::process::exit(3);
    }
}

async fn relay(engine: Native, client: <Native as Engine>::Stream, to: SocketAddr) {
    let deadline = engine.now() + Duration::from_secs(3);
    let Ok(backend) = engine.connect(to, deadline).await else { return };
    while let Ok(Some(request)) = client.recv().await {
        backend.post(Out::Chunk(request));
        let Ok(Some(answer)) = backend.recv().await else { return };
        if backend.sent().await.is_err() || client.sent().await.is_err() {
            return;
        }
        client.post(Out::Chunk(answer));
    }
}
