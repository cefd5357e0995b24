//! A backend that does what the script says, and checks what it gets.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use ringway_core::Time;
use ringway_core::config::SendProxy;
use ringway_engine::sim::{Net, Sim};
use ringway_engine::{Engine, Listener, Stream};

use crate::book::{Book, one_more};
use crate::bytes::{self, Way};
use crate::config::{INNER_HOST, TCP, WEB, origin_address};
use crate::http::{Fail, Framed, Head, Wire, frame, framing_field};
use crate::proxy_header;
use crate::script::{Answer, Exchange, Framing, LIE_BYTES, Method, Mischief, Misdeed, Route, Via};
use crate::talk::{SimStream, before, both, send, sleep};
use crate::tunnel::{self, Then};

/// Many more interim answers than a proxy passes on.
const FLOOD: usize = 100;
/// How often an idle connection looks whether it is time to go.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a misbehaving origin goes on reading what it does not want: longer than the proxy waits.
const STALL_MAX: Duration = Duration::from_secs(120);

/// Listens when the script says so, until the run is over.
pub(crate) async fn run(engine: Sim, net: Net, book: Rc<Book>, index: usize, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let at_ms = |ms| Time::ZERO + Duration::from_millis(ms);
    let mut closed = book.script.origins[index].closed_ms.iter();
    loop {
        let window = closed.next();
        let close_at = window.map_or(Time::NEVER, |window| at_ms(window.start));
        if engine.now() < close_at {
            let socket = net.listen(origin_address(index));
            let listener = engine.adopt_listener(socket).expect("room for a listener");
            while engine.now() < close_at && !book.closing.get() {
                let look_at = close_at.min(engine.now() + LOOK_EVERY);
                let Some(accepted) = before(&engine, look_at, listener.accept()).await else { continue };
                let (stream, _) = accepted.expect("a listening socket").expect("it was not stopped");
                one_more(&book.accepts);
                let rng = SmallRng::seed_from_u64(rng.random());
                engine.spawn(serve(engine.clone(), Rc::clone(&book), index, stream, rng));
            }
            drop(listener.into_socket().await);
        }
        let open_at = window.map_or(Time::NEVER, |window| at_ms(window.end));
        while engine.now() < open_at {
            if book.closing.get() {
                return;
            }
            engine.sleep_until(open_at.min(engine.now() + LOOK_EVERY)).await;
        }
    }
}

/// What becomes of the connection.
#[derive(PartialEq, Eq)]
enum Next {
    Keep,
    Close,
}

async fn serve(engine: Sim, book: Rc<Book>, index: usize, stream: SimStream, mut rng: SmallRng) {
    let mut wire = Wire::new(stream);
    let mut told = None;
    if book.script.setup.send_proxy != SendProxy::Off {
        wire.deadline = engine.now() + STALL_MAX;
        match proxy_header::read(&mut wire, book.script.setup.send_proxy).await {
            Ok(addresses) => told = Some(addresses),
            Err(_) => return,
        }
    }
    let mut idle_max_ms = None;
    loop {
        let patience = idle_max_ms.map(|most| Duration::from_millis(rng.random_range(1..=most)));
        let leave_at = patience.map_or(Time::NEVER, |patience| engine.now() + patience);
        while wire.is_empty() {
            wire.deadline = leave_at.min(engine.now() + LOOK_EVERY);
            match wire.more().await {
                Ok(()) => break,
                Err(Fail::Late) if engine.now() < leave_at && !book.closing.get() => {}
                Err(_) => return,
            }
        }
        idle_max_ms = book.script.origins[index].idle_max_ms;
        wire.deadline = engine.now() + STALL_MAX;
        let Ok(first) = wire.peek().await else { return };
        if first == b'h' {
            let Ok(line) = wire.line().await else { return };
            let id = line.strip_prefix("hello ").and_then(|id| id.parse().ok());
            let id = id.unwrap_or_else(|| panic!("whose connection is this: {line}"));
            check_told(&book, id, told, TCP);
            book.update(id, |record| record.reached += 1);
            let misdeed = book.script.exchanges[id].answer.misdeed;
            if misdeed != Some(Misdeed::Hangup) {
                converse(&engine, &book, &mut wire, id, misdeed, &mut rng).await;
            }
            return;
        }
        let Ok(head) = wire.head().await else { return };
        let id = identify(&book, &head);
        check_told(&book, id, told, WEB);
        let exchange = &book.script.exchanges[id];
        book.update(id, |record| record.reached += 1);
        let answer = &exchange.answer;
        let misdeed = answer.misdeed.filter(|_| book.record(id).reached <= answer.misdeeds);
        let then = match exchange_one(&engine, &book, &mut wire, &head, id, misdeed, &mut rng).await {
            Ok(then) => then,
            Err(_) => return,
        };
        if then == Next::Close {
            return;
        }
    }
}

/// Checks that the header a connection began with names the client whose connection this is.
fn check_told(book: &Book, id: usize, told: Option<[SocketAddr; 2]>, listener: SocketAddr) {
    let Some([source, destination]) = told else { return };
    let expected = book.record(id).source.expect("clients say who they are before they ask");
    // Where things are late, it may be one that the client has given up since.
    let is_it = if book.is_calm { source == expected } else { source.ip() == expected.ip() };
    assert!(is_it, "exchange {id}: the PROXY header names {source} instead of {expected}");
    let to = if book.script.setup.proxied { proxy_header::DESTINATION.into() } else { listener };
    assert_eq!(destination, to, "exchange {id}: the PROXY header's destination");
}

/// The exchange that a head belongs to, after checking that nothing of it was lost.
fn identify(book: &Book, head: &Head) -> usize {
    let mut words = head.start.split(' ');
    let (method, path, version) = (words.next(), words.next(), words.next());
    assert_eq!((version, words.next()), (Some("HTTP/1.1"), None), "{head:?}");
    let id = head.number("x-id").unwrap_or_else(|| panic!("whose request is this: {head:?}"));
    let exchange = &book.script.exchanges[id];
    let target = match exchange.method {
        Method::Connect => "sim.example:443".to_string(),
        _ => format!("/exchange/{id}?q={id}"),
    };
    assert_eq!(path, Some(target.as_str()), "{head:?}");
    assert_eq!(method, Some(exchange.method.name()), "{head:?}");
    let asked = if exchange.method == Method::Connect { "sim.example:443" } else { "sim.example" };
    let [host, drop, stamp, added] = match exchange.route {
        Route::Plain => [Some(asked), Some("yes"), Some("client"), None],
        Route::Edited => [Some(INNER_HOST), None, Some("route"), Some("route")],
        Route::Moved | Route::Fixed => panic!("a request that is not for backends: {head:?}"),
    };
    assert_eq!(head.field("host"), host, "{head:?}");
    assert_eq!(head.field("x-drop"), drop, "{head:?}");
    assert_eq!(head.field("x-stamp"), stamp, "{head:?}");
    assert_eq!(head.field("x-added"), added, "{head:?}");
    assert_eq!(head.field("x-forwarded-host"), Some(asked), "{head:?}");
    let source = book.record(id).source.map(|source| source.ip().to_string());
    assert_eq!(head.field("x-forwarded-for"), source.as_deref(), "{head:?}");
    let upgrade = exchange.tunnel.is_some_and(|tunnel| tunnel.via == Via::WebSocket);
    assert_eq!(head.field("upgrade"), upgrade.then_some("websocket"), "{head:?}");
    assert_eq!(head.field("sec-websocket-key"), upgrade.then_some(tunnel::KEY), "{head:?}");
    assert_eq!(head.field("x-forwarded-proto"), Some("http"), "{head:?}");
    let framed = match exchange.body {
        None => None,
        Some((len, Framing::Length)) => Some(Framed::Length(len)),
        Some((_, _)) => Some(Framed::Chunked),
    };
    assert_eq!(head.framing(), framed, "exchange {id}: framing of the request");
    id
}

async fn exchange_one(
    engine: &Sim,
    book: &Book,
    wire: &mut Wire,
    head: &Head,
    id: usize,
    misdeed: Option<Misdeed>,
    rng: &mut SmallRng,
) -> Result<Next, Fail> {
    let exchange = &book.script.exchanges[id];
    let answer = &exchange.answer;
    let stream = Rc::clone(&wire.stream);
    let reading = async |wire: &mut Wire| {
        if let (Some(framed), Some((len, _))) = (head.framing(), exchange.body) {
            wire.body(framed, id, Way::Up, len).await?;
        }
        if exchange.tunnel.is_none_or(|tunnel| tunnel.refused) {
            book.update(id, |record| record.completed += 1);
        }
        Ok::<(), Fail>(())
    };
    match misdeed {
        Some(Misdeed::Reset) => {
            stream.reset_on_close();
            return Ok(Next::Close);
        }
        Some(Misdeed::StallReading(percent)) => {
            let len = exchange.body.map_or(0, |(len, _)| len * percent / 100);
            let _ = wire.skip(len).await;
            stall(engine, book).await;
            return Ok(Next::Close);
        }
        Some(Misdeed::StallUnread) => {
            stall(engine, book).await;
            return Ok(Next::Close);
        }
        _ => {}
    }
    let before_body = interims(answer, misdeed);
    if head.field("expect").is_some() || answer.early {
        send_all(engine, &stream, before_body.as_bytes(), exchange, rng).await?;
    }
    if !answer.early {
        reading(wire).await?;
        if head.field("expect").is_none() {
            send_all(engine, &stream, before_body.as_bytes(), exchange, rng).await?;
        }
    }
    match misdeed {
        Some(Misdeed::Stall) => {
            wait_for_the_end(wire).await;
            return Ok(Next::Close);
        }
        Some(Misdeed::Hangup) => return Ok(Next::Close),
        _ => {}
    }
    if let Some(tunnel) = exchange.tunnel.filter(|tunnel| !tunnel.refused) {
        let accept =
            if misdeed == Some(Misdeed::BadAccept) { "c3R1cGlkIGFuc3dlcg==" } else { tunnel::ACCEPT };
        let switch = match tunnel.via {
            Via::Connect => format!("HTTP/1.1 200 Fine\r\nX-Id: {id}\r\n\r\n"),
            _ => format!(
                "HTTP/1.1 101 Switching Protocols\r\nX-Id: {id}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            ),
        };
        send_all(engine, &stream, switch.as_bytes(), exchange, rng).await?;
        converse(engine, book, wire, id, misdeed, rng).await;
        return Ok(Next::Close);
    }
    let bytes = message(id, exchange, misdeed);
    let (upto, then) = match misdeed {
        Some(Misdeed::StallAt(percent) | Misdeed::CutAt(percent) | Misdeed::ResetAt(percent)) => {
            (bytes.len() * percent / 100, Next::Close)
        }
        Some(Misdeed::BadChunk | Misdeed::Garbage | Misdeed::Shorter) => (bytes.len(), Next::Close),
        _ if answer.close || answer.framing == Framing::Close => (bytes.len(), Next::Close),
        _ => (bytes.len(), Next::Keep),
    };
    let answering = async {
        if answer.delay_ms > 0 {
            sleep(engine, Duration::from_millis(answer.delay_ms)).await;
        }
        send_all(engine, &stream, &bytes[..upto], exchange, rng).await
    };
    if answer.early {
        let late_reading = async {
            sleep(engine, Duration::from_millis(answer.deaf_ms)).await;
            reading(wire).await
        };
        let (sent, read) = both(answering, late_reading).await;
        sent.and(read)?;
    } else {
        answering.await?;
    }
    if matches!(misdeed, Some(Misdeed::ResetAt(_))) {
        stream.reset_on_close();
    }
    if matches!(misdeed, Some(Misdeed::StallAt(_))) {
        wait_for_the_end(wire).await;
    }
    Ok(then)
}

async fn send_all(
    engine: &Sim,
    stream: &SimStream,
    bytes: &[u8],
    exchange: &Exchange,
    rng: &mut SmallRng,
) -> Result<(), Fail> {
    let sent = send(engine, stream, bytes, exchange.answer.pace, rng).await;
    sent.map_err(|error| Fail::Broken(error.kind()))
}

/// Neither reads nor sends.
async fn stall(engine: &Sim, book: &Book) {
    let until = engine.now() + STALL_MAX;
    while engine.now() < until && !book.closing.get() {
        sleep(engine, LOOK_EVERY).await;
    }
}

/// Uses a tunnel that was granted.
async fn converse(
    engine: &Sim,
    book: &Book,
    wire: &mut Wire,
    id: usize,
    misdeed: Option<Misdeed>,
    rng: &mut SmallRng,
) {
    let exchange = &book.script.exchanges[id];
    let tunnel = exchange.tunnel.as_ref().expect("it was asked for");
    let (upto, then) = match misdeed {
        Some(Misdeed::CutAt(percent)) => (tunnel.down * percent / 100, Then::Leave),
        Some(Misdeed::ResetAt(percent)) => (tunnel.down * percent / 100, Then::Reset),
        Some(Misdeed::StallAt(percent)) => (tunnel.down * percent / 100, Then::Stall),
        _ => (tunnel.down, Then::End),
    };
    let is_refused = misdeed == Some(Misdeed::BadAccept);
    let fair = book.is_calm && !is_refused && !matches!(exchange.mischief, Some(Mischief::Leave(_)));
    let (pace, deaf) = (exchange.answer.pace, Duration::from_millis(exchange.answer.delay_ms));
    let end = tunnel::End { id, tunnel, way: Way::Down, sent: 0, upto, then, pace, deaf, fair };
    wire.deadline = engine.now() + STALL_MAX;
    if tunnel::play(engine, wire, end, rng).await.is_ok() {
        book.update(id, |record| record.completed += 1);
    }
}

/// Reads on until the proxy has had enough.
async fn wait_for_the_end(wire: &mut Wire) {
    while wire.more().await.is_ok() {}
}

fn interims(answer: &Answer, misdeed: Option<Misdeed>) -> String {
    let count = if misdeed == Some(Misdeed::Flood) { FLOOD } else { answer.interims };
    (0..count)
        .map(|n| match n % 2 {
            0 => "HTTP/1.1 100 Continue\r\n\r\n",
            _ => "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
        })
        .collect()
}

/// The final answer.
fn message(id: usize, exchange: &Exchange, misdeed: Option<Misdeed>) -> Vec<u8> {
    let answer = &exchange.answer;
    let connection = if answer.close && !answer.http10 { "Connection: close\r\n" } else { "" };
    let said = if misdeed == Some(Misdeed::Shorter) { answer.len + LIE_BYTES } else { answer.len };
    let framing = match answer.status {
        204 => String::new(),
        _ => framing_field(said, answer.framing),
    };
    let head = format!(
        "HTTP/1.{} {} Fine\r\nX-Id: {id}\r\nX-Drop: yes\r\nX-Stamp: origin\r\n{framing}{connection}\r\n",
        u8::from(!answer.http10),
        answer.status
    );
    let mut bytes = head.into_bytes();
    if misdeed == Some(Misdeed::Garbage) {
        bytes = b"220 mail.example ESMTP ready\r\n\r\n".to_vec();
    }
    if answer.has_body(exchange.method) {
        let body = bytes::body(id, Way::Down, answer.len);
        let mut framed = frame(id, &body, answer.framing);
        if misdeed == Some(Misdeed::BadChunk) {
            // Its size is right for the first bytes; what follows them is no line end.
            let first = &body[..body.len().min(5)];
            framed = [format!("{:x}\r\n", first.len()).as_bytes(), first, b",\r\n"].concat();
        }
        bytes.extend_from_slice(&framed);
    }
    if misdeed == Some(Misdeed::Longer) {
        bytes.extend_from_slice(b"HTTP/1.1 200 Smuggled\r\nX-Id: 99999\r\nContent-Length: 0\r\n\r\n");
    }
    bytes
}
