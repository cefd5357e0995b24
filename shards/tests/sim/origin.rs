//! A backend that does what the script says, and checks what it gets.

use std::rc::Rc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use ringway_core::Time;
use ringway_engine::sim::{Net, Sim};
use ringway_engine::{Engine, Listener};

use crate::book::{Book, one_more};
use crate::bytes::{self, Way};
use crate::http::{Fail, Framed, Head, Wire, frame, framing_field};
use crate::run::origin_address;
use crate::script::{Answer, Exchange, Framing, Misdeed};
use crate::talk::{SimStream, before, both, send, sleep};

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
enum Then {
    Keep,
    Close,
}

async fn serve(engine: Sim, book: Rc<Book>, index: usize, stream: SimStream, mut rng: SmallRng) {
    let mut wire = Wire::new(stream);
    let idle_max_ms = book.script.origins[index].idle_max_ms;
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
        wire.deadline = engine.now() + STALL_MAX;
        let Ok(head) = wire.head().await else { return };
        let id = identify(&book, &head);
        let exchange = &book.script.exchanges[id];
        book.update(id, |record| record.reached += 1);
        let answer = &exchange.answer;
        let misdeed = answer.misdeed.filter(|_| book.record(id).reached <= answer.misdeeds);
        let then = match exchange_one(&engine, &book, &mut wire, &head, id, misdeed, &mut rng).await {
            Ok(then) => then,
            Err(_) => return,
        };
        if then == Then::Close {
            return;
        }
    }
}

/// The exchange that a head belongs to, after checking that nothing of it was lost.
fn identify(book: &Book, head: &Head) -> usize {
    let mut words = head.start.split(' ');
    let (method, path, version) = (words.next(), words.next(), words.next());
    assert_eq!((version, words.next()), (Some("HTTP/1.1"), None), "{head:?}");
    let id = path.and_then(|path| path.strip_prefix("/exchange/")).and_then(|id| id.parse::<usize>().ok());
    let id = id.unwrap_or_else(|| panic!("whose request is this: {head:?}"));
    let exchange = &book.script.exchanges[id];
    assert_eq!(method, Some(exchange.method.name()), "{head:?}");
    assert_eq!(head.number("x-id"), Some(id), "fields of another request: {head:?}");
    assert_eq!(head.field("host"), Some("sim.example"), "{head:?}");
    assert_eq!(head.field("x-forwarded-for"), Some("127.0.0.1"), "{head:?}");
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
) -> Result<Then, Fail> {
    let exchange = &book.script.exchanges[id];
    let answer = &exchange.answer;
    let stream = Rc::clone(&wire.stream);
    let reading = async |wire: &mut Wire| {
        if let (Some(framed), Some((len, _))) = (head.framing(), exchange.body) {
            wire.body(framed, id, Way::Up, len).await?;
        }
        book.update(id, |record| record.completed += 1);
        Ok::<(), Fail>(())
    };
    match misdeed {
        Some(Misdeed::Reset) => return Ok(Then::Close),
        Some(Misdeed::StallUnread) => {
            let until = engine.now() + STALL_MAX;
            while engine.now() < until && !book.closing.get() {
                sleep(engine, LOOK_EVERY).await;
            }
            return Ok(Then::Close);
        }
        _ => {}
    }
    let before_body = interims(answer);
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
            return Ok(Then::Close);
        }
        Some(Misdeed::Hangup) => return Ok(Then::Close),
        _ => {}
    }
    let bytes = message(id, exchange, misdeed);
    let (upto, then) = match misdeed {
        Some(Misdeed::StallAt(percent) | Misdeed::CutAt(percent)) => {
            (bytes.len() * percent / 100, Then::Close)
        }
        Some(Misdeed::BadChunk | Misdeed::Garbage) => (bytes.len(), Then::Close),
        _ if answer.close || answer.framing == Framing::Close => (bytes.len(), Then::Close),
        _ => (bytes.len(), Then::Keep),
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

/// Reads on until the proxy has had enough.
async fn wait_for_the_end(wire: &mut Wire) {
    while wire.more().await.is_ok() {}
}

fn interims(answer: &Answer) -> String {
    (0..answer.interims)
        .map(|n| match n % 2 {
            0 => "HTTP/1.1 100 Continue\r\n\r\n",
            _ => "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
        })
        .collect()
}

/// The final answer.
fn message(id: usize, exchange: &Exchange, misdeed: Option<Misdeed>) -> Vec<u8> {
    let answer = &exchange.answer;
    let connection = if answer.close { "Connection: close\r\n" } else { "" };
    let framing = match answer.status {
        204 => String::new(),
        _ => framing_field(answer.len, answer.framing),
    };
    let head = format!("HTTP/1.1 {} Fine\r\nX-Id: {id}\r\n{framing}{connection}\r\n", answer.status);
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
