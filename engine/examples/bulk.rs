//! Bodies relayed by copy or by splice: what the choice costs, and from which size on it pays.
//!
//! One backend connection for each client, requests passed on as they come, each answer's head looked at for the length
//! of its body: `cargo run --release -p ringway-engine --example bulk -- LISTEN TO copy`, or `… splice PIPE_KIB`.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::Duration;

use ringway_engine::native::{self, Native};
use ringway_engine::uring::Settings;
use ringway_engine::{Engine, Listener, Mode, Out, Spliced, Stream};
use socket2::SockRef;

type NativeStream = <Native as Engine>::Stream;
/// How long a receiver may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (listen, to, splice, pipe_kib) = match words[..] {
        [listen, to, "copy"] => (listen, to, false, "64"),
        [listen, to, "splice", pipe_kib] => (listen, to, true, pipe_kib),
        _ => usage(),
    };
    let addr = |text: &str| text.parse::<SocketAddr>().unwrap_or_else(|_| usage());
    let (listen, to) = (addr(listen), addr(to));
    let pipe_bytes = 1024 * pipe_kib.parse::<u32>().unwrap_or_else(|_| usage());
    let settings = Settings { pipe_bytes, ..Settings::default() };
    let socket = TcpListener::bind(listen).expect("the address is free");
    // Accepted sockets inherit it. Without, the rest of an answer waits for its client's delayed acknowledgement.
    SockRef::from(&socket).set_tcp_nodelay(true).expect("a socket");
    let outcome = native::run(&settings, |engine| async move {
        let listener = engine.adopt_listener(OwnedFd::from(socket)).expect("a slot");
        while let Ok(Some((client, _))) = listener.accept().await {
            let own = engine.clone();
            engine.spawn(async move {
                let _gone = relay(own, client, to, splice).await;
            });
        }
    });
    if let Err(error) = outcome {
        eprintln!("{error}");
        std::process::exit(3);
    }
}

fn usage() -> ! {
    eprintln!("usage: bulk LISTEN_ADDRESS BACKEND_ADDRESS copy | splice PIPE_KIB");
    std::process::exit(2)
}

/// `None` once either side has gone.
async fn relay(engine: Native, client: NativeStream, to: SocketAddr, splice: bool) -> Option<()> {
    let backend = engine.connect(to, engine.now() + Duration::from_secs(3)).await.ok()?;
    loop {
        let request = client.recv().await.ok()??;
        backend.send(Out::Chunk(request)).await.ok()?;
        let answer = backend.recv().await.ok()??;
        let mut left = body_left(&answer)?;
        if left > 0 {
            backend.set_mode(Mode::Body);
        }
        client.sent().await.ok()?;
        client.post(Out::Chunk(answer));
        while left > 0 {
            if splice {
                match backend.splice(&client, left, PATIENCE).await.ok()? {
                    Spliced::Moved(count) => {
                        left -= count;
                        continue;
                    }
                    Spliced::End => return None,
                    Spliced::Unavailable => {}
                }
            }
            let chunk = backend.recv().await.ok()??;
            left -= chunk.len() as u64;
            client.sent().await.ok()?;
            client.post(Out::Chunk(chunk));
        }
        backend.set_mode(Mode::Head);
    }
}

/// What is missing of an answer's body when its head has come.
fn body_left(answer: &[u8]) -> Option<u64> {
    let head = 4 + answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..head]).ok()?.to_ascii_lowercase();
    let value = text.split("content-length:").nth(1)?.lines().next()?;
    let length: u64 = value.trim().parse().ok()?;
    length.checked_sub((answer.len() - head) as u64)
}
