//! Scripts drawn from a seed.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use ringway_core::config::{HashKey, Policy, SendProxy, Timeouts};
use ringway_engine::uring::{GroupSettings, Settings};

use crate::bytes::Way;
use crate::script::{
    Answer, Balancing, Client, Coordinator, Exchange, Framing, Limits, Method, Mischief, Misdeed, Origin,
    Pace, Route, Script, Session, Setup, Tunnel, Via,
};

/// What a script may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Well-formed only. Origins may be down for a while, or close idle connections, but one of them always serves.
    WellFormed,
    /// Clients and origins that misbehave, besides those that do not.
    Unruly,
}

/// Timeouts as unlike each other as they can be, so that an answer's time tells which one it was.
pub(crate) fn timeouts() -> Timeouts {
    Timeouts {
        head: Duration::from_secs(2),
        idle: Duration::from_secs(7),
        body: Duration::from_secs(3),
        connect: Duration::from_secs(1),
        response: Duration::from_secs(4),
        response_body: Duration::from_secs(5),
        send: Duration::from_secs(6),
        tunnel: Duration::from_secs(8),
        total: Duration::from_secs(40),
        proxy_header: Duration::from_millis(1_500),
    }
}

/// Buffers as in production, but for their size.
pub(crate) fn buffers(rng: &mut SmallRng) -> Settings {
    let mut group = |sizes: [u32; 3]| GroupSettings {
        buffer_bytes: sizes[rng.random_range(0..sizes.len())],
        initial: 8,
        max: 8192,
    };
    Settings {
        sq_entries: 64,
        cq_entries: 1024,
        accepted: group([256, 1024, 4096]),
        connected: group([512, 2048, 16 * 1024]),
        bulk: group([4096, 32 * 1024, 64 * 1024]),
        pipes_max: rng.random_range(1..=4),
        pipe_bytes: 16 * 1024,
    }
}

/// A proxy without limits, and with nothing that need not be.
pub(crate) fn plain_setup() -> Setup {
    Setup {
        timeouts: timeouts(),
        proxied: false,
        send_proxy: SendProxy::Off,
        requests_per_connection: None,
        pool_max_requests: None,
        pool_max_age: Duration::from_secs(3600),
        connections_max: u32::MAX,
        per_source_max: None,
        balancing: Balancing::default(),
        limits: Limits::default(),
    }
}

fn setup(rng: &mut SmallRng) -> Setup {
    let one_in = |n: u32, rng: &mut SmallRng| rng.random_ratio(1, n);
    Setup {
        proxied: one_in(4, rng),
        send_proxy: [SendProxy::Off, SendProxy::Off, SendProxy::Off, SendProxy::V1, SendProxy::V2]
            [rng.random_range(0..5)],
        requests_per_connection: one_in(6, rng).then(|| rng.random_range(1..=3)),
        pool_max_requests: one_in(6, rng).then(|| rng.random_range(1..=3)),
        pool_max_age: match rng.random_range(0..6) {
            0 => Duration::from_millis(rng.random_range(1..30)),
            _ => Duration::from_secs(3600),
        },
        connections_max: if one_in(8, rng) { rng.random_range(1..=3) } else { u32::MAX },
        // More than there are clients: they are counted, and none is refused.
        per_source_max: one_in(4, rng).then_some(64),
        ..plain_setup()
    }
}

/// The script of a seed.
pub(crate) fn script(kind: Kind, rng: &mut SmallRng) -> Script {
    let origins = origins(kind, rng);
    let mut exchanges = Vec::new();
    let clients = (0..rng.random_range(1..=8)).map(|_| client(kind, &mut exchanges, rng)).collect();
    let mut setup = setup(rng);
    // A drain does not wait for connections that wait for their place.
    let drains = rng.random_bool(0.15);
    let drain_at = drains.then(|| Duration::from_millis(rng.random_range(0..60)));
    let buffers = buffers(rng);
    setup.balancing = balancing(kind, rng);
    setup.limits = limits(rng);
    Script { setup, buffers, origins, clients, exchanges, drain_at }
}

fn balancing(kind: Kind, rng: &mut SmallRng) -> Balancing {
    use Policy::{First, LeastLoaded, Maglev, PowerOfTwo, Random, Rendezvous, RoundRobin};
    let policies = [PowerOfTwo, LeastLoaded, Maglev, Random, First, RoundRobin, Rendezvous];
    let keys = [HashKey::Source, HashKey::Uri, HashKey::Header("x-id".into())];
    // Where origins are down, what is well-formed needs its retries.
    let tight = kind == Kind::Unruly && rng.random_bool(0.3);
    Balancing {
        policy: policies[rng.random_range(0..policies.len())],
        hash_key: keys[rng.random_range(0..keys.len())].clone(),
        sticky: rng.random_bool(0.2),
        retry_budget: tight.then(|| (rng.random_range(0..=20), rng.random_range(0..=3))),
        outliers: [None, Some(Coordinator::Deaf), Some(Coordinator::Busy)][rng.random_range(0..3)],
    }
}

fn limits(rng: &mut SmallRng) -> Limits {
    let mut few = |n: u32| rng.random_ratio(1, n).then(|| rng.random_range(1..=4));
    let (cluster_requests, backend_requests) = (few(6), few(6));
    let (backend_connections, source_requests) = (few(6), few(8));
    // Until all the others are done, or not at all.
    let wait = if rng.random_bool(0.7) { Duration::from_secs(300) } else { Duration::ZERO };
    Limits { cluster_requests, backend_requests, backend_connections, source_requests, wait }
}

fn origins(kind: Kind, rng: &mut SmallRng) -> Vec<Origin> {
    let count = rng.random_range(1..=3);
    let idle_max_ms = rng.random_bool(0.3).then(|| rng.random_range(1..30));
    let mut origins = vec![Origin { closed_ms: Vec::new(), idle_max_ms }; count];
    let steady = rng.random_range(0..count);
    for (index, origin) in origins.iter_mut().enumerate() {
        match kind {
            Kind::WellFormed if index != steady && rng.random_bool(0.4) => {
                let until =
                    if rng.random_bool(0.5) { u64::MAX / 2_000_000 } else { rng.random_range(1..2_000) };
                origin.closed_ms.push(0..until);
            }
            Kind::Unruly if rng.random_bool(0.2) => {
                let from = rng.random_range(0..50);
                origin.closed_ms.push(from..from + rng.random_range(1..3_000));
            }
            _ => {}
        }
    }
    origins
}

fn client(kind: Kind, exchanges: &mut Vec<Exchange>, rng: &mut SmallRng) -> Client {
    let start = Duration::from_micros(rng.random_range(0..20_000));
    let sessions = (0..rng.random_range(1..=2)).map(|_| session(kind, exchanges, rng)).collect();
    Client { start, sessions }
}

fn session(kind: Kind, exchanges: &mut Vec<Exchange>, rng: &mut SmallRng) -> Session {
    let pause_max = Duration::from_micros([0, 1_000, 40_000][rng.random_range(0..3)]);
    if rng.random_bool(0.1) {
        let id = exchanges.len();
        exchanges.push(tunnel(kind, Via::Tcp, rng));
        return Session { http10: false, pipelined: false, pause_max, exchanges: vec![id] };
    }
    let http10 = rng.random_bool(0.1);
    let pipelined = !http10 && rng.random_bool(0.25);
    let count = rng.random_range(1..=5);
    let mut ids = Vec::new();
    for n in 0..count {
        let is_last = n + 1 == count;
        if is_last && !http10 && !pipelined && rng.random_bool(0.15) {
            ids.push(exchanges.len());
            let via = if rng.random_bool(0.7) { Via::WebSocket } else { Via::Connect };
            exchanges.push(tunnel(kind, via, rng));
            break;
        }
        let mut exchange = exchange(http10, rng);
        if pipelined {
            // Whoever waits for an answer in the middle of its requests waits for ever.
            exchange.expect = false;
            exchange.answer.early = false;
        }
        exchange.close = is_last && rng.random_bool(0.5);
        if kind == Kind::Unruly {
            if is_last && !pipelined && rng.random_bool(0.3) {
                exchange.mischief = mischief(&exchange, rng);
            }
            if rng.random_bool(0.15) {
                exchange.answer.misdeed = misdeed(&exchange, rng);
                exchange.answer.misdeeds = rng.random_range(1..=4);
            }
        }
        ids.push(exchanges.len());
        exchanges.push(exchange);
    }
    Session { http10, pipelined, pause_max, exchanges: ids }
}

/// A request for a tunnel, and what goes through it.
fn tunnel(kind: Kind, via: Via, rng: &mut SmallRng) -> Exchange {
    let up = len(rng, 150 * 1024);
    let plan = Tunnel {
        via,
        up,
        down: len(rng, 150 * 1024),
        waits: [None, Some(Way::Up), Some(Way::Down)][rng.random_range(0..3)],
        ahead: if rng.random_bool(0.4) { up.min(rng.random_range(0..1_000)) } else { 0 },
        refused: via != Via::Tcp && rng.random_bool(0.2),
    };
    let mut answer = answer(false, false, rng);
    if plan.refused && via == Via::Connect {
        answer.status = [302, 403, 503][rng.random_range(0..3)];
    }
    let mut exchange = Exchange {
        route: Route::Plain,
        tunnel: Some(plan),
        method: if via == Via::Connect { Method::Connect } else { Method::Get },
        body: None,
        expect: false,
        close: false,
        pace: pace(rng),
        mischief: None,
        answer,
    };
    if kind == Kind::Unruly && !plan.refused {
        exchange.mischief = match rng.random_range(0..10) {
            0 => Some(Mischief::Leave(rng.random_range(0..=100))),
            1 => Some(Mischief::StallBody),
            2 => Some(Mischief::SlowReader(Duration::from_millis(rng.random_range(0..15_000)))),
            _ => None,
        };
        if rng.random_bool(0.3) {
            let percent = rng.random_range(0..=100);
            exchange.answer.misdeeds = usize::MAX;
            exchange.answer.misdeed = Some(match rng.random_range(0..6) {
                0 => Misdeed::Hangup,
                1 => Misdeed::StallAt(percent),
                2 => Misdeed::CutAt(percent),
                3 if via == Via::WebSocket => Misdeed::BadAccept,
                4 if via != Via::Tcp => Misdeed::Garbage,
                _ => Misdeed::ResetAt(percent),
            });
        }
    }
    exchange
}

fn exchange(http10: bool, rng: &mut SmallRng) -> Exchange {
    let method = [Method::Get, Method::Get, Method::Head, Method::Post, Method::Put][rng.random_range(0..5)];
    let body = match method {
        Method::Post | Method::Put => {
            let framing = if http10 { Framing::Length } else { framing(rng, false) };
            Some((len(rng, 200 * 1024), framing))
        }
        Method::Get | Method::Head | Method::Connect => None,
    };
    let expect = !http10 && body.is_some() && rng.random_bool(0.1);
    let route = match rng.random_range(0..20) {
        0 => Route::Moved,
        1 => Route::Fixed,
        2..6 => Route::Edited,
        _ => Route::Plain,
    };
    Exchange {
        route,
        tunnel: None,
        method,
        body,
        expect,
        close: false,
        pace: pace(rng),
        mischief: None,
        answer: answer(body.is_some(), expect, rng),
    }
}

fn answer(to_body: bool, expect: bool, rng: &mut SmallRng) -> Answer {
    let statuses = [200, 200, 200, 201, 204, 302, 304, 404, 500, 503];
    let mut interims = if rng.random_bool(0.15) { rng.random_range(1..=3) } else { 0 };
    let early = to_body && !expect && rng.random_bool(0.15);
    if expect {
        interims = interims.max(1);
    }
    let http10 = rng.random_bool(0.1);
    let framing = match framing(rng, true) {
        Framing::Chunked { .. } if http10 => Framing::Close,
        framing => framing,
    };
    if http10 {
        interims = 0;
    }
    Answer {
        interims,
        status: statuses[rng.random_range(0..statuses.len())],
        len: len(rng, 300 * 1024),
        framing,
        early,
        deaf_ms: if early { rng.random_range(0..20) } else { 0 },
        close: http10 || framing == Framing::Close || rng.random_bool(0.15),
        http10,
        pace: pace(rng),
        delay_ms: if rng.random_bool(0.3) { rng.random_range(0..20) } else { 0 },
        misdeed: None,
        misdeeds: 0,
    }
}

fn framing(rng: &mut SmallRng, may_close: bool) -> Framing {
    match rng.random_range(0..if may_close { 8 } else { 7 }) {
        0..4 => Framing::Length,
        7 => Framing::Close,
        _ => {
            let chunk_max = [1, 7, 100, 4096, 20_000][rng.random_range(0..5)];
            Framing::Chunked { chunk_max, trailer: rng.random_bool(0.3) }
        }
    }
}

/// Mostly short, seldom as long as can be.
fn len(rng: &mut SmallRng, most: usize) -> usize {
    match rng.random_range(0..20) {
        0..3 => 0,
        3..12 => rng.random_range(1..400),
        12..18 => rng.random_range(400..10_000),
        // From socket to socket, if it is of known length.
        _ => rng.random_range(10_000..=most),
    }
}

fn pace(rng: &mut SmallRng) -> Pace {
    match rng.random_range(0..8) {
        0 => Pace::ByteByByte,
        1 | 2 => Pace::Pieces {
            max: [100, 1500, 10_000][rng.random_range(0..3)],
            pause_max_us: rng.random_range(0..300),
        },
        _ => Pace::AtOnce,
    }
}

fn mischief(exchange: &Exchange, rng: &mut SmallRng) -> Option<Mischief> {
    let has_body = exchange.body.is_some_and(|(len, _)| len > 1);
    let is_chunked = matches!(exchange.body, Some((1.., Framing::Chunked { trailer: false, .. })));
    Some(match rng.random_range(0..7) {
        0 => Mischief::StallHead,
        1 if has_body && !exchange.expect => Mischief::StallBody,
        2 => Mischief::SlowReader(Duration::from_millis(rng.random_range(0..15_000))),
        3 if is_chunked => Mischief::BadChunk,
        4 => Mischief::Garbage,
        _ => Mischief::Leave(rng.random_range(0..=100)),
    })
}

fn misdeed(exchange: &Exchange, rng: &mut SmallRng) -> Option<Misdeed> {
    let answer = &exchange.answer;
    let framed = answer.has_body(exchange.method) && answer.framing != Framing::Close;
    let chunked = framed && answer.len > 0 && matches!(answer.framing, Framing::Chunked { .. });
    let measured = framed && answer.framing == Framing::Length;
    Some(match rng.random_range(0..13) {
        9 => Misdeed::StallReading(rng.random_range(0..100)),
        10 => Misdeed::ResetAt(rng.random_range(0..=100)),
        11 if measured => Misdeed::Shorter,
        12 if !answer.http10 => Misdeed::Flood,
        0 => Misdeed::Stall,
        1 => Misdeed::StallUnread,
        2 => Misdeed::StallAt(rng.random_range(1..100)),
        3 => Misdeed::Hangup,
        4 => Misdeed::Reset,
        5 => Misdeed::CutAt(rng.random_range(1..100)),
        6 if framed && !answer.close => Misdeed::Longer,
        7 if chunked => Misdeed::BadChunk,
        _ => Misdeed::Garbage,
    })
}
