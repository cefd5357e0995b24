//! What a change does not concern goes on: WebSockets, a long download, keep-alive clients, while everything around them changes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::control::{Controlled, change};
use crate::common::{Checker, Client, FaultyOrigin, Origin, PIECE, Then, Traffic, now, rest};
use crate::upgrades::websocket::{echoing, frame, handshake, read_frame};

const WEBSOCKETS: usize = 10;
const MUTATIONS: usize = 1000;
const RELOADS: usize = 100;
/// The download, in bytes; unless `RINGWAY_E2E_BYTES` says otherwise.
const DOWNLOAD_BYTES: u64 = 1 << 30;
/// While the mutations are on, the download goes at this rate, in bytes per second: far from its end.
const RATE: u64 = 16 << 20;

/// The log of some thousand events tells nobody anything.
const QUIET: &str = "log_level = \"warn\"";

fn download_bytes() -> u64 {
    let bytes =
        std::env::var("RINGWAY_E2E_BYTES").map_or(DOWNLOAD_BYTES, |text| text.parse().expect("bytes"));
    bytes - bytes % PIECE.len() as u64
}

/// One that sends a large body whose every byte tells its place.
fn large() -> Origin {
    Origin::with(|_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", download_bytes())?;
        for _ in 0..download_bytes() / PIECE.len() as u64 {
            out.write_all(&PIECE)?;
        }
        Ok(Then::Keep)
    })
}

/// The configuration file: three clusters that nothing touches, and `others` that come and go.
fn configuration(site: &FaultyOrigin, chat: &Origin, large: &Origin, others: &str) -> String {
    format!(
        "[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n\
         [clusters.site]\nfrontends = [{{}}]\nbackends = [{{ address = \"{}\" }}]\n\
         [clusters.chat]\nfrontends = [{{ hostname = \"test\", path_prefix = \"/chat\" }}]\n\
         backends = [{{ address = \"{}\" }}]\n\
         [clusters.large]\nfrontends = [{{ path = \"/large\" }}]\nbackends = [{{ address = \"{}\" }}]\n{others}",
        site.address, chat.address, large.address
    )
}

/// Mutation number `n` of those through the socket.
fn mutation(n: usize, origin: &FaultyOrigin) -> Vec<Value> {
    let cluster = format!("other-{}", n / 10 % 7);
    let (again, address) = (n / 10, json!({ "address": origin.address.to_string() }));
    let listener = |name: &str, set: Value| {
        let mut change = change(name, "", "", set);
        change["listener"] = json!("passing");
        change
    };
    let host = json!({ "hostname": format!("{again}.other.test") });
    vec![match n % 10 {
        0 => change("cluster_add", &cluster, "", json!({})),
        1 => change("backend_add", &cluster, "x", address),
        2 => change("frontend_add", &cluster, "", host),
        3 => change("backend_update", &cluster, "x", json!({ "weight": 1 + again % 1000 })),
        4 => listener("listener_add", json!({ "address": "127.0.0.1:0" })),
        5 => change("cluster_update", &cluster, "", json!({ "retries": again % 16 })),
        6 => listener("listener_deactivate", Value::Null),
        7 => listener("listener_remove", Value::Null),
        8 => change("backend_update", &cluster, "x", json!({ "state": "drain" })),
        _ => change("cluster_remove", &cluster, "", Value::Null),
    }]
}

/// Reads the body, at [`RATE`] as long as `slowly` holds.
fn download(mut client: Client, slowly: &AtomicBool, got: &AtomicU64) {
    let head = client.head().expect("an answer");
    assert_eq!(head.status, 200, "{head:?}");
    let mut checker = Checker::default();
    let mut piece = vec![0; 256 * 1024];
    let since = now();
    while checker.bytes < download_bytes() {
        let n = client.read(&mut piece);
        assert!(n > 0, "it ended after {} bytes", checker.bytes);
        checker.take(&piece[..n]);
        got.store(checker.bytes, Ordering::Relaxed);
        while slowly.load(Ordering::Relaxed)
            && since.elapsed().as_secs_f64() * (RATE as f64) < checker.bytes as f64
        {
            rest(Duration::from_millis(5));
        }
    }
    assert_eq!(checker.bytes, download_bytes());
}

/// Sends messages back and forth until `ends`; returns how many.
fn chat(me: usize, stream: &mut TcpStream, ends: &AtomicBool) -> usize {
    let mut from = std::io::BufReader::new(stream.try_clone().expect("a descriptor"));
    let mut n = 0;
    while !ends.load(Ordering::Relaxed) {
        let message = format!("message {n} of {me}");
        stream.write_all(&frame(message.as_bytes(), Some([1, 2, 3, 4]))).expect("the tunnel is open");
        let (back, _) = read_frame(&mut from).expect("a message").expect("no end yet");
        assert_eq!(back, message.as_bytes(), "{me}");
        n += 1;
        rest(Duration::from_millis(20));
    }
    n
}

#[test]
fn websockets_a_download_and_requests_go_on_while_all_around_them_changes() {
    let (site, other) = (FaultyOrigin::new("site"), FaultyOrigin::new("other"));
    let (chatting, large) = (echoing(b""), large());
    let text = |others: &str| configuration(&site, &chatting, &large, others);
    let daemon = Controlled::of(QUIET, &text(""));
    let before = daemon.hash(2);
    let traffic = Traffic::start(daemon.address(), 4, Duration::from_millis(5));
    let mut sockets: Vec<TcpStream> = (0..WEBSOCKETS)
        .map(|_| {
            let mut client = daemon.client();
            assert_eq!(client.send(handshake("/chat")).head().expect("an answer").status, 101);
            client.into_stream()
        })
        .collect();
    let mut downloading = daemon.client();
    downloading.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
    let (slowly, ends, got) = (AtomicBool::new(true), AtomicBool::new(false), AtomicU64::new(0));
    let since = now();
    thread::scope(|scope| {
        let body = scope.spawn(|| download(downloading, &slowly, &got));
        let ends = &ends;
        let chats: Vec<_> = sockets
            .iter_mut()
            .enumerate()
            .map(|(me, stream)| scope.spawn(move || chat(me, stream, ends)))
            .collect();
        // Whatever goes wrong, nobody goes on for ever.
        let _ends = Ends(ends, &slowly);
        let mut verbs = daemon.verbs();
        for n in 0..MUTATIONS {
            verbs.apply(&mutation(n, &other));
        }
        let changed = now() - since;
        for n in 0..RELOADS {
            let others = if n % 2 == 1 {
                String::new()
            } else {
                format!(
                    "[clusters.reloaded]\nfrontends = [{{ hostname = \"{n}.test\" }}]\n\
                     backends = [{{ address = \"{}\" }}]\n[[listeners]]\nname = \"second\"\naddress = \"127.0.0.1:0\"\n",
                    other.address
                )
            };
            daemon.folder().configure(QUIET, &text(&others));
            let answer = verbs.done(&json!({ "verb": "reload" }));
            assert!(answer["count"].as_u64() > Some(0), "{n}: {answer}");
        }
        println!("{MUTATIONS} mutations in {changed:?}, with {RELOADS} reloads in {:?}", now() - since);
        assert!(!body.is_finished(), "the download was open all the while: {got:?} bytes");
        assert!(chats.iter().all(|chat| !chat.is_finished()), "the WebSockets were, too");
        slowly.store(false, Ordering::Relaxed);
        body.join().expect("it came whole");
        ends.store(true, Ordering::Relaxed);
        for chat in chats {
            assert!(chat.join().expect("no message was lost") > 5);
        }
    });
    println!("the download came whole after {:?}", now() - since);
    traffic.expect_served(100);
    assert_eq!(daemon.hash(2), before, "all of it was taken back");
    assert_eq!(daemon.how()["shards"].as_array().map(Vec::len), Some(2));
    for stream in &mut sockets {
        stream.set_nonblocking(true).expect("a socket takes it");
        let quiet = stream.read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(quiet, "still open, and nothing more was said");
    }
}

struct Ends<'s>(&'s AtomicBool, &'s AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
            self.1.store(false, Ordering::Relaxed);
        }
    }
}
