//! Every deadline of `docs/deadlines.md`: when it fires, in virtual time, and what the page promises comes then.
//!
//! A deadline's start is taken a little before the proxy can know of it, so that firing early shows.

mod queue;

use std::future::Future;
use std::time::Duration;

use ringway_core::Config;
use ringway_core::config::Deadline;
use ringway_engine::Stream;
use ringway_shards::limits::{DRAIN_GRACE, LINGER_MAX as LINGER};

use crate::config::TCP;
use crate::draw::timeouts;
use crate::http::Wire;
use crate::seeds;
use crate::site::{End, GET, OK, Site, TURN, end, head, own_answer, serve, silent_end, site, take_ok};
use crate::talk::{both, race};

/// Seeds of each scenario: they differ in buffers, and in how bytes are cut into pieces.
const SEEDS: u64 = 4;
const SECOND: Duration = Duration::from_secs(1);

const WEBSOCKET: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: sim.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Plays scenarios, each on a site of its own with this change to its configuration.
macro_rules! play {
    ($seed:ident, $($change:path: $($scenario:expr),+;)+) => {{
        $($(site($seed, $change, $scenario);)+)+
    }};
}

/// The scenarios of a deadline. There is none without: this would not compile.
fn scenarios(deadline: Deadline, seed: u64) {
    match deadline {
        Deadline::ProxyHeader => play! { seed,
            expect_header: |site| header_stops(site, b"PROXY TCP4 10.0.0"), |site| header_stops(site, b"");
        },
        Deadline::RequestHead => play! { seed,
            usual: head_stops, head_trickles, head_never_begins;
            expect_header: head_never_begins_behind_a_header;
        },
        Deadline::Idle => play! { seed, usual: idle; },
        Deadline::RequestBody => play! { seed, usual: body_stops, body_stops_behind_an_early_answer; },
        Deadline::RequestBodyRate => play! { seed, usual: body_is_slow, body_is_fast_enough; },
        Deadline::Queue => play! { seed,
            queue::of_cluster: queue::too_long, queue::in_time, queue::full;
            queue::of_cluster_at_once: queue::at_once;
            queue::of_source: queue::too_long, queue::in_time, queue::full;
            queue::of_source_at_once: queue::at_once;
        },
        Deadline::Connect => play! { seed,
            usual: connect_to_nobody, connect_to_the_other, connect_a_tunnel_to_nobody;
        },
        Deadline::ResponseHead => play! { seed,
            usual: no_response, interims_only, response_head_trickles, no_response_to_a_long_request;
        },
        Deadline::ResponseBody => play! { seed,
            usual: |site| response_stops(site, b"Content-Length: 1000\r\n\r\n0123456789"),
                |site| response_stops(site, b"Content-Length: 1000000\r\n\r\n0123456789"),
                |site| response_stops(site, b"Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"),
                |site| response_stops(site, b"Connection: close\r\n\r\n0123456789");
        },
        Deadline::Send => play! { seed,
            usual: |site| client_takes_nothing(site, true), |site| client_takes_nothing(site, false),
                backend_takes_nothing, tunnel_peer_takes_nothing;
        },
        Deadline::Tunnel => play! { seed, usual: quiet_tcp, quiet_websocket; },
        Deadline::Total => play! { seed,
            short_total: request_takes_too_long, answer_does_not_begin, answer_takes_too_long,
                a_tunnel_is_no_request;
            shorter_than_connect: no_connection_is_made;
        },
        Deadline::Linger => play! { seed, usual: linger; },
        Deadline::Drain => play! { seed, patient: drain; },
    }
}

#[test]
fn each_deadline_fires_when_it_must_and_gives_what_the_page_promises() {
    seeds::each("each_deadline_fires_when_it_must_and_gives_what_the_page_promises", SEEDS, |seed| {
        for deadline in Deadline::ALL {
            let failed = std::panic::catch_unwind(|| scenarios(deadline, seed));
            if let Err(panic) = failed {
                eprintln!("the deadline: {}", deadline.name());
                std::panic::resume_unwind(panic);
            }
        }
    });
}

fn usual(_: &mut Config) {}

fn expect_header(config: &mut Config) {
    config.listeners[0].proxy_protocol = true;
    config.listeners[0].trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
}

const TOTAL: Duration = Duration::from_millis(2_500);

/// Shorter than most others, and longer than a piece of anything takes.
fn short_total(config: &mut Config) {
    config.listeners[0].timeouts.total = TOTAL;
}

fn shorter_than_connect(config: &mut Config) {
    config.listeners[0].timeouts.total = timeouts().connect / 2;
}

/// Nothing ends by itself.
fn patient(config: &mut Config) {
    for listener in &mut config.listeners {
        (listener.timeouts.response, listener.timeouts.tunnel) = (100 * SECOND, 100 * SECOND);
    }
}

/// A connection that ends as `how`, now.
async fn ends(site: &Site, wire: &mut Wire, how: End) {
    let before = site.now();
    assert_eq!(end(wire).await, how);
    assert!(site.now().since(before) < TURN, "freed late: {:?}", site.now().since(before));
}

/// A connection that ends, somehow, now.
async fn is_freed(site: &Site, wire: &mut Wire) {
    let before = site.now();
    end(wire).await;
    assert!(site.now().since(before) < TURN, "freed late: {:?}", site.now().since(before));
}

// PROXY protocol header

async fn header_stops(site: Site, header: &[u8]) {
    let since = site.now();
    let mut client = site.client().await;
    assert!(header.is_empty() || site.send(&client, header).await);
    silent_end(&mut client).await;
    site.fired("PROXY protocol header", since, timeouts().proxy_header);
}

// Request head

async fn head_stops(site: Site) {
    let mut client = site.client().await;
    site.sleep(SECOND).await;
    let since = site.now();
    assert!(site.send(&client, b"GET / HT").await);
    own_answer(&mut client, 408).await;
    site.fired("head", since, timeouts().head);
    ends(&site, &mut client, End::Clean).await;
}

/// On a connection that has been used, a byte at a time.
async fn head_trickles(site: Site) {
    let listener = site.listen(0);
    let mut client = site.client().await;
    assert!(site.send(&client, GET).await);
    serve(&site, &mut site.accept(&listener).await).await;
    take_ok(&mut client).await;
    site.sleep(SECOND).await;
    let since = site.now();
    assert!(site.send(&client, b"GET / HTTP/1.1\r\nX-Long: ").await);
    let sender = client.twin();
    trickle(&site, &sender, b"x", own_answer(&mut client, 408)).await;
    site.fired("head that trickles", since, timeouts().head);
}

async fn head_never_begins(site: Site) {
    let since = site.now();
    let mut client = site.client().await;
    assert_eq!(silent_end(&mut client).await, End::Clean);
    site.fired("first byte", since, timeouts().head);
}

async fn head_never_begins_behind_a_header(site: Site) {
    let mut client = site.client().await;
    site.sleep(SECOND).await;
    let since = site.now();
    assert!(site.send(&client, b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n").await);
    assert_eq!(silent_end(&mut client).await, End::Clean);
    site.fired("first byte behind a PROXY protocol header", since, timeouts().head);
}

// Idle

async fn idle(site: Site) {
    let listener = site.listen(0);
    let (mut client, mut origin) = (site.client().await, None);
    let mut since = site.now();
    for _ in 0..3 {
        since = site.now();
        assert!(site.send(&client, GET).await);
        if origin.is_none() {
            origin = Some(site.accept(&listener).await);
        }
        serve(&site, origin.as_mut().expect("it was accepted")).await;
        take_ok(&mut client).await;
        // Not long enough, and counted anew each time.
        if site.snapshot().await.counters.requests < 3 {
            site.sleep(timeouts().idle - SECOND).await;
        }
    }
    assert_eq!(silent_end(&mut client).await, End::Clean);
    site.fired("idle", since, timeouts().idle);
    assert_eq!(site.snapshot().await.pooled, 1, "the backend's connection is of use to others");
}

// Request body

/// The head of an upload, and its first ten bytes, which reach the backend.
async fn upload(site: &Site, len: usize) -> (Wire, Wire) {
    let listener = site.listen(0);
    let client = site.client().await;
    let head = format!("POST / HTTP/1.1\r\nHost: sim.example\r\nContent-Length: {len}\r\n\r\n0123456789");
    assert!(site.send(&client, head.as_bytes()).await);
    let mut origin = site.accept(&listener).await;
    self::head(&mut origin).await;
    (client, origin)
}

async fn body_stops(site: Site) {
    let (mut client, mut origin) = upload(&site, 1000).await;
    site.sleep(2 * SECOND).await;
    let since = site.now();
    assert!(site.send(&client, b"0123456789").await);
    own_answer(&mut client, 408).await;
    site.fired("body", since, timeouts().body);
    is_freed(&site, &mut origin).await;
    ends(&site, &mut client, End::Clean).await;
}

async fn body_stops_behind_an_early_answer(site: Site) {
    let (mut client, mut origin) = upload(&site, 1000).await;
    assert!(site.send(&origin, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun").await);
    head(&mut client).await;
    site.sleep(2 * SECOND).await;
    let since = site.now();
    assert!(site.send(&client, b"0123456789").await);
    assert_eq!(end(&mut client).await, End::Reset);
    site.fired("body behind an early answer", since, timeouts().body);
    is_freed(&site, &mut origin).await;
}

/// Sends `bytes` every tenth of a second for as long as `until` takes.
async fn trickle<T>(site: &Site, to: &Wire, bytes: &[u8], until: impl Future<Output = T>) {
    let sending = async {
        while site.send(to, bytes).await {
            site.sleep(SECOND / 10).await;
        }
    };
    race(until, sending).await.expect("the peer takes it until then");
}

async fn body_is_slow(site: Site) {
    let since = site.now();
    let (mut client, mut origin) = upload(&site, 1000).await;
    let sender = client.twin();
    trickle(&site, &sender, b"5byte", async {
        own_answer(&mut client, 408).await;
    })
    .await;
    let took = site.now().since(since);
    // It is judged when a piece comes.
    let period = timeouts().body;
    assert!((period..period + SECOND / 10 + 2 * TURN).contains(&took), "{took:?}");
    is_freed(&site, &mut origin).await;
}

async fn body_is_fast_enough(site: Site) {
    let (mut client, mut origin) = upload(&site, 10 + 11 * 100).await;
    for _ in 0..100 {
        assert!(site.send(&client, b"eleven byte").await);
        site.sleep(SECOND / 10).await;
    }
    origin.skip(10 + 11 * 100).await.expect("all of it arrives");
    assert!(site.send(&origin, OK).await);
    take_ok(&mut client).await;
}

// Connect

async fn connect_to_nobody(site: Site) {
    site.black_hole(0);
    site.black_hole(1);
    let since = site.now();
    let mut client = site.client().await;
    assert!(site.send(&client, GET).await);
    own_answer(&mut client, 503).await;
    site.fired("connect, twice", since, 2 * timeouts().connect);
    assert_eq!(site.snapshot().await.counters.connect_failures, 2);
}

async fn connect_to_the_other(site: Site) {
    site.black_hole(0);
    let listener = site.listen(1);
    let mut client = site.client().await;
    let mut late = 0;
    for _ in 0..4 {
        let since = site.now();
        // The connection before is not used again.
        assert!(site.send(&client, GET).await);
        let mut origin = site.accept(&listener).await;
        head(&mut origin).await;
        assert!(
            site.send(&origin, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK").await
        );
        drop(origin);
        take_ok(&mut client).await;
        if site.now().since(since) >= TURN {
            site.fired("connect", since, timeouts().connect);
            late += 1;
        }
    }
    assert_eq!(site.snapshot().await.counters.connect_failures, late);
}

async fn connect_a_tunnel_to_nobody(site: Site) {
    site.black_hole(0);
    site.black_hole(1);
    let since = site.now();
    let mut client = site.connect(TCP).await;
    assert_eq!(silent_end(&mut client).await, End::Reset);
    site.fired("connect, twice", since, 2 * timeouts().connect);
}

// Response head

/// A request that a backend has got.
async fn asked(site: &Site, request: &[u8]) -> (Wire, Wire) {
    let listener = site.listen(0);
    let client = site.client().await;
    assert!(site.send(&client, request).await);
    let mut origin = site.accept(&listener).await;
    head(&mut origin).await;
    (client, origin)
}

async fn no_response(site: Site) {
    let since = site.now();
    let (mut client, mut origin) = asked(&site, GET).await;
    own_answer(&mut client, 504).await;
    site.fired("response head", since, timeouts().response);
    is_freed(&site, &mut origin).await;
    // The client's connection is as good as before.
    assert!(site.send(&client, b"DELETE * HTTP/1.1\r\n\r\n").await);
    own_answer(&mut client, 400).await;
}

async fn interims_only(site: Site) {
    let since = site.now();
    let (mut client, mut origin) = asked(&site, GET).await;
    let sender = origin.twin();
    race(
        async {
            for _ in 0..8 {
                assert!(head(&mut client).await.start.starts_with("HTTP/1.1 103 "));
            }
            own_answer(&mut client, 504).await;
        },
        async {
            for _ in 0..8 {
                site.sleep(SECOND / 3).await;
                assert!(site.send(&sender, b"HTTP/1.1 103 Early Hints\r\n\r\n").await);
            }
            std::future::pending().await
        },
    )
    .await;
    site.fired("response head behind interim ones", since, timeouts().response);
    is_freed(&site, &mut origin).await;
}

async fn response_head_trickles(site: Site) {
    let since = site.now();
    let (mut client, mut origin) = asked(&site, GET).await;
    assert!(site.send(&origin, b"HTTP/1.1 200 OK\r\nX-Long: ").await);
    let sender = origin.twin();
    trickle(&site, &sender, b"x", own_answer(&mut client, 504)).await;
    site.fired("response head that trickles", since, timeouts().response);
    is_freed(&site, &mut origin).await;
}

async fn no_response_to_a_long_request(site: Site) {
    let (mut client, mut origin) = upload(&site, 20).await;
    site.sleep(2 * SECOND).await;
    let since = site.now();
    assert!(site.send(&client, b"0123456789").await);
    own_answer(&mut client, 504).await;
    site.fired("response head behind a body", since, timeouts().response);
    is_freed(&site, &mut origin).await;
}

// Response body

async fn response_stops(site: Site, begun: &[u8]) {
    let (mut client, mut origin) = asked(&site, GET).await;
    assert!(site.send(&origin, &[b"HTTP/1.1 200 OK\r\n", begun].concat()).await);
    head(&mut client).await;
    site.sleep(2 * SECOND).await;
    let since = site.now();
    let more: &[u8] = if begun.ends_with(b"\r\n") { b"a\r\n0123456789\r\n" } else { b"0123456789" };
    assert!(site.send(&origin, more).await);
    assert_eq!(end(&mut client).await, End::Reset);
    site.fired("response body", since, timeouts().response_body);
    is_freed(&site, &mut origin).await;
}

// Send

/// Much more than windows and buffers take.
const MUCH: usize = 400_000;

async fn client_takes_nothing(site: Site, chunked: bool) {
    let (mut client, mut origin) = asked(&site, GET).await;
    let since = site.now();
    let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 400000" };
    let mut answer = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n").into_bytes();
    if chunked {
        answer.extend_from_slice(b"61a80\r\n");
    }
    answer.extend_from_slice(&[b'.'; MUCH]);
    assert!(!site.send(&origin, &answer).await, "the proxy takes no more than the client");
    site.fired("send to a client", since, timeouts().send);
    is_freed(&site, &mut origin).await;
    assert_eq!(end(&mut client).await, End::Reset);
}

async fn backend_takes_nothing(site: Site) {
    let (mut client, mut origin) = upload(&site, 10 + MUCH).await;
    let (since, sender) = (site.now(), client.twin());
    both(
        async {
            // Until the proxy has answered.
            site.send(&sender, &[b'.'; MUCH]).await;
        },
        async {
            own_answer(&mut client, 502).await;
            site.fired("send to a backend", since, timeouts().send);
            is_freed(&site, &mut origin).await;
            // It takes in a part of what the client still sends, and no more.
            end(&mut client).await;
        },
    )
    .await;
}

async fn tunnel_peer_takes_nothing(site: Site) {
    let (mut client, mut origin) = tcp(&site).await;
    let since = site.now();
    assert!(!site.send(&client, &[b'.'; MUCH]).await, "the proxy takes no more than the backend");
    let took = site.now().since(since);
    // Four times as long where bytes go from socket to socket, in larger pieces.
    let most = timeouts().tunnel + 4 * timeouts().send + TURN;
    assert!((timeouts().send..most).contains(&took), "{took:?}");
    // A connection says once that it broke: the send was told.
    is_freed(&site, &mut client).await;
    ends(&site, &mut origin, End::Reset).await;
}

// Tunnel

/// Both ends of a connection of the TCP listener.
async fn tcp(site: &Site) -> (Wire, Wire) {
    let listener = site.listen(0);
    let client = site.connect(TCP).await;
    let origin = site.accept(&listener).await;
    (client, origin)
}

/// Both ends of a WebSocket.
async fn websocket(site: &Site) -> (Wire, Wire) {
    let (mut client, origin) = asked(site, WEBSOCKET).await;
    assert!(site.send(&origin, SWITCHING).await);
    assert!(head(&mut client).await.start.starts_with("HTTP/1.1 101 "));
    (client, origin)
}

async fn quiet(site: &Site, (mut client, mut origin): (Wire, Wire)) {
    site.sleep(timeouts().tunnel - SECOND).await;
    assert!(site.send(&client, b"ping").await);
    origin.skip(4).await.expect("the tunnel lives");
    site.sleep(timeouts().tunnel - SECOND).await;
    // One direction prolongs both.
    let since = site.now();
    assert!(site.send(&origin, b"pong").await);
    client.skip(4).await.expect("the tunnel lives");
    assert_eq!(silent_end(&mut client).await, End::Reset);
    site.fired("tunnel", since, timeouts().tunnel);
    ends(site, &mut origin, End::Reset).await;
}

async fn quiet_tcp(site: Site) {
    let ends = tcp(&site).await;
    quiet(&site, ends).await;
}

async fn quiet_websocket(site: Site) {
    let ends = websocket(&site).await;
    quiet(&site, ends).await;
}

// Total

async fn request_takes_too_long(site: Site) {
    let since = site.now();
    let (mut client, mut origin) = upload(&site, MUCH).await;
    let sender = client.twin();
    trickle(&site, &sender, &[b'.'; 100], own_answer(&mut client, 408)).await;
    site.fired("total while the request comes", since, TOTAL);
    is_freed(&site, &mut origin).await;
}

async fn no_connection_is_made(site: Site) {
    site.black_hole(0);
    site.black_hole(1);
    let since = site.now();
    let mut client = site.client().await;
    assert!(site.send(&client, GET).await);
    own_answer(&mut client, 504).await;
    site.fired("total while a connection is made", since, timeouts().connect / 2);
    assert_eq!(site.snapshot().await.counters.connect_failures, 0, "nothing is held against the backend");
}

async fn answer_does_not_begin(site: Site) {
    let since = site.now();
    let (mut client, mut origin) = asked(&site, GET).await;
    own_answer(&mut client, 504).await;
    site.fired("total while no answer comes", since, TOTAL);
    is_freed(&site, &mut origin).await;
}

async fn answer_takes_too_long(site: Site) {
    let since = site.now();
    let (mut client, mut origin) = asked(&site, GET).await;
    assert!(site.send(&origin, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await);
    head(&mut client).await;
    let sender = origin.twin();
    trickle(&site, &sender, b"5byte", async {
        assert_eq!(end(&mut client).await, End::Reset);
    })
    .await;
    site.fired("total while the answer comes", since, TOTAL);
    is_freed(&site, &mut origin).await;
}

async fn a_tunnel_is_no_request(site: Site) {
    let (mut client, mut origin) = websocket(&site).await;
    site.sleep(2 * TOTAL).await;
    assert!(site.send(&client, b"ping").await);
    origin.skip(4).await.expect("the tunnel lives");
    client.stream.shutdown_write();
    origin.stream.shutdown_write();
    assert_eq!((end(&mut client).await, end(&mut origin).await), (End::Clean, End::Clean));
}

// Linger

async fn linger(site: Site) {
    let mut client = site.client().await;
    let since = site.now();
    assert!(site.send(&client, b"DELETE * HTTP/1.1\r\n\r\n").await);
    own_answer(&mut client, 400).await;
    // Nothing more comes; but what the client sends is still taken, and does not prolong it.
    ends(&site, &mut client, End::Clean).await;
    while site.snapshot().await.connections > 0 {
        site.send(&client, b"more of the request").await;
        site.sleep(Duration::from_micros(500)).await;
    }
    site.fired("linger", since, LINGER);
}

// Drain

async fn drain(site: Site) {
    const WITHIN: Duration = Duration::from_secs(5);
    let (mut idle, mut fresh) = (site.client().await, site.client().await);
    let listener = site.listen(0);
    assert!(site.send(&idle, GET).await);
    let mut origin = site.accept(&listener).await;
    serve(&site, &mut origin).await;
    take_ok(&mut idle).await;
    // Neither of these ends by itself.
    let busy = site.client().await;
    assert!(site.send(&busy, GET).await);
    head(&mut origin).await;
    let tunnel = site.connect(TCP).await;
    let other = site.accept(&listener).await;
    let since = site.now();
    let draining = async {
        let summary = site.drain(WITHIN).await;
        site.fired("drain", since, WITHIN);
        assert!(!summary.drained && summary.cut == 2, "{summary:?}");
    };
    let others = async {
        ends(&site, &mut idle, End::Clean).await;
        assert_eq!(silent_end(&mut fresh).await, End::Clean);
        site.fired("the first byte of a new connection in a drain", since, DRAIN_GRACE);
    };
    both(draining, others).await;
    drop((busy, origin, tunnel, other));
}
