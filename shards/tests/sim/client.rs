//! A client that does what the script says, and checks what it gets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use std::{io, mem};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use ringway_core::Time;
use ringway_engine::sim::Sim;
use ringway_engine::{Engine, Stream};

use crate::book::{Book, Seen, one_more};
use crate::bytes::{self, Way};
use crate::config::{FIXED, TCP, WEB};
use crate::http::{Fail, Framed, Head, Wire, frame, framing_field};
use crate::proxy_header;
use crate::script::{Exchange, Framing, LIE_BYTES, Method, Mischief, Misdeed, Pace, Route, Session, Via};
use crate::talk::{Signal, before, both, race, send, sleep};
use crate::tunnel::{self, Then};

/// How long a client waits for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How often it tries: descriptors may run out.
const CONNECTS_MAX: usize = 5;
/// How long a request that was answered before it was sent goes on being sent.
const REST_MAX: Duration = Duration::from_secs(1);
/// How long a client waits for `100 Continue`: origins need not send it.
const CONTINUE_MAX: Duration = Duration::from_millis(500);
/// How often a request that nobody has seen is sent again.
const RESENT_MAX: usize = 3;

/// One client of a run.
pub(crate) struct Client {
    pub(crate) engine: Sim,
    pub(crate) book: Rc<Book>,
    pub(crate) rng: SmallRng,
    /// The longest an answer may take: beyond, the proxy hangs.
    pub(crate) patience: Duration,
    /// What the next thing sent begins with.
    pub(crate) greeting: Vec<u8>,
}

/// What was read of one answer.
#[derive(Debug)]
struct Read {
    seen: Seen,
    /// The connection ends with it.
    closes: bool,
}

impl Client {
    pub(crate) async fn run(mut self, index: usize) {
        let book = Rc::clone(&self.book);
        let client = &book.script.clients[index];
        self.engine.sleep_until(Time::ZERO + client.start).await;
        for session in &client.sessions {
            let mut todo: VecDeque<usize> = session.exchanges.iter().copied().collect();
            while !todo.is_empty() {
                let Some(mut wire) = self.connect(index, &todo).await else {
                    self.give_up(&mut todo);
                    break;
                };
                if session.pipelined {
                    self.pipeline(&mut wire, session, &mut todo).await;
                } else {
                    self.in_turn(&mut wire, session, &mut todo).await;
                }
            }
        }
    }

    /// A connection for what is to be done.
    async fn connect(&mut self, index: usize, todo: &VecDeque<usize>) -> Option<Wire> {
        let book = Rc::clone(&self.book);
        let first = &book.script.exchanges[todo[0]];
        let to = if first.is_via(Via::Tcp) { TCP } else { WEB };
        for _ in 0..CONNECTS_MAX {
            let deadline = self.engine.now() + CONNECT_MAX;
            if let Ok(stream) = self.engine.connect(to, deadline).await {
                one_more(&book.connects);
                let mut source = stream.local_address().ok();
                let wire = Wire::new(stream);
                if book.script.setup.proxied {
                    source = Some(proxy_header::source(index, book.connects.get()));
                    self.greet(&wire, source, todo).await;
                }
                for &id in todo {
                    book.update(id, |record| record.source = source);
                }
                return Some(wire);
            }
            sleep(&self.engine, Duration::from_millis(100)).await;
        }
        None
    }

    /// Says whose connection it is, at once or with the first request.
    async fn greet(&mut self, wire: &Wire, source: Option<SocketAddr>, todo: &VecDeque<usize>) {
        let source = source.expect("a header names somebody");
        self.greeting = proxy_header::write(self.rng.random_bool(0.5), source);
        let is_sound = |id: &usize| self.book.script.exchanges[*id].mischief.is_none();
        if todo.iter().all(is_sound) && self.rng.random_bool(0.5) {
            return;
        }
        let max = self.rng.random_range(1..=self.greeting.len());
        let pace = Pace::Pieces { max, pause_max_us: 300 };
        let greeting = mem::take(&mut self.greeting);
        // If it can not be sent, there will be no answer either.
        let _ = send(&self.engine, &wire.stream, &greeting, pace, &mut self.rng).await;
    }

    /// One request after the other's answer, until the connection ends.
    async fn in_turn(&mut self, wire: &mut Wire, session: &Session, todo: &mut VecDeque<usize>) {
        let mut is_fresh = true;
        while let Some(id) = todo.pop_front() {
            let started = self.engine.now();
            let (read, reusable) = match self.book.script.exchanges[id].tunnel {
                Some(_) => (self.tunnel(wire, id).await, false),
                None => self.exchange(wire, session.http10, id).await,
            };
            let record = self.book.record(id);
            let unseen = matches!(read.seen, Seen::Nothing(_)) && record.reached == 0;
            // Where nothing is delayed, what no origin has seen when the connection is over was not carried out.
            let harmless = self.book.is_calm || self.book.script.exchanges[id].method.is_idempotent();
            if unseen && !is_fresh && harmless && record.resent < RESENT_MAX {
                // The connection ended while it was idle: that is nobody's fault.
                self.book.update(id, |record| record.resent += 1);
                todo.push_front(id);
                return;
            }
            self.note(id, &read, started);
            if !reusable {
                return self.expect_end(wire, id, &read).await;
            }
            is_fresh = false;
            let pause_us = self.rng.random_range(0..=session.pause_max.as_micros() as u64);
            sleep(&self.engine, Duration::from_micros(pause_us)).await;
        }
    }

    /// One request and its answer; whether the connection can take another.
    async fn exchange(&mut self, wire: &mut Wire, http10: bool, id: usize) -> (Read, bool) {
        let book = Rc::clone(&self.book);
        let (engine, exchange) = (&self.engine, &book.script.exchanges[id]);
        let mut rng = SmallRng::seed_from_u64(self.rng.random());
        let (request, mut head_len) = request(id, exchange, http10, exchange.close);
        let mut message = mem::take(&mut self.greeting);
        head_len += message.len();
        message.extend_from_slice(&request);
        let upto = extent(exchange, message.len(), head_len);
        let stream = Rc::clone(&wire.stream);
        let (go_on, answered) = (Signal::default(), Signal::default());
        let all = async {
            let first = if exchange.expect { head_len.min(upto) } else { upto };
            send(engine, &stream, &message[..first], exchange.pace, &mut rng).await?;
            if first < upto {
                before(engine, engine.now() + CONTINUE_MAX, go_on.wait()).await;
                send(engine, &stream, &message[first..upto], exchange.pace, &mut rng).await?;
            }
            Ok::<(), io::Error>(())
        };
        if let Some(Mischief::Leave(percent)) = exchange.mischief {
            let _ = before(engine, engine.now() + self.patience, all).await;
            let pause_us = self.rng.random_range(0..=50 * percent as u64);
            sleep(engine, Duration::from_micros(pause_us)).await;
            return (Read { seen: Seen::Left, closes: false }, false);
        }
        // What was answered before it was sent is not sent to its end: nobody wants it any more.
        let sending = race(all, async {
            answered.wait().await;
            sleep(engine, REST_MAX).await;
        });
        let reading = async {
            if let Some(Mischief::SlowReader(time)) = exchange.mischief {
                sleep(engine, time).await;
            }
            wire.deadline = engine.now() + self.patience;
            let read = read_answer(&book, wire, id, http10, &go_on).await;
            answered.give();
            read
        };
        let (sent, read) = both(sending, reading).await;
        let complete = upto == message.len() && matches!(sent, Some(Ok(())));
        let reusable = complete && matches!(read.seen, Seen::Whole { .. }) && !read.closes;
        (read, reusable)
    }

    /// All requests at once; the answers must come in their order.
    async fn pipeline(&mut self, wire: &mut Wire, session: &Session, todo: &mut VecDeque<usize>) {
        let book = Rc::clone(&self.book);
        let (engine, started) = (&self.engine, self.engine.now());
        let mut bytes = mem::take(&mut self.greeting);
        for &id in todo.iter() {
            assert_eq!(book.record(id).reached, 0, "exchange {id}: carried out behind a last answer");
            let exchange = &book.script.exchanges[id];
            let close = exchange.close && todo.back() == Some(&id);
            bytes.extend_from_slice(&request(id, exchange, session.http10, close).0);
        }
        let pace = book.script.exchanges[todo[0]].pace;
        let stream = Rc::clone(&wire.stream);
        let mut rng = SmallRng::seed_from_u64(self.rng.random());
        let (go_on, answered) = (Signal::default(), Signal::default());
        let sending = race(send(engine, &stream, &bytes, pace, &mut rng), answered.wait());
        let reading = async {
            while let Some(id) = todo.pop_front() {
                wire.deadline = engine.now() + self.patience;
                let read = read_answer(&book, wire, id, session.http10, &go_on).await;
                self.note(id, &read, started);
                let whole = matches!(read.seen, Seen::Whole { .. });
                if !whole {
                    // What was behind it is not sent again: it may have been carried out.
                    self.give_up(todo);
                }
                if !whole || read.closes {
                    self.expect_end(wire, id, &read).await;
                    break;
                }
            }
            answered.give();
        };
        both(sending, reading).await;
    }

    /// Asks for a tunnel, and uses it.
    async fn tunnel(&mut self, wire: &mut Wire, id: usize) -> Read {
        let book = Rc::clone(&self.book);
        let (engine, exchange) = (&self.engine, &book.script.exchanges[id]);
        let plan = exchange.tunnel.as_ref().expect("a tunnel is asked for");
        let up = bytes::body(id, Way::Up, plan.up);
        let (upto, then) = match exchange.mischief {
            Some(Mischief::Leave(percent)) => (plan.up * percent / 100, Then::Leave),
            Some(Mischief::StallBody) => (plan.up / 2, Then::Stall),
            _ => (plan.up, Then::End),
        };
        let sent = plan.ahead.min(upto);
        let mut opening = mem::take(&mut self.greeting);
        match plan.via {
            Via::Tcp => opening.extend_from_slice(hello(id).as_bytes()),
            Via::WebSocket | Via::Connect => {
                opening.extend_from_slice(&request(id, exchange, false, false).0)
            }
        }
        opening.extend_from_slice(&up[..sent]);
        let mut rng = SmallRng::seed_from_u64(self.rng.random());
        let opened = send(engine, &wire.stream, &opening, exchange.pace, &mut rng).await;
        if let (Via::Tcp, Err(error)) = (plan.via, opened) {
            // A connection says only once that it broke; without one there may still be an answer.
            return Read { seen: Seen::Nothing(Fail::Broken(error.kind())), closes: true };
        }
        wire.deadline = engine.now() + self.patience;
        let mut read = Read { seen: Seen::Whole { status: 0, own: false, interims: 0 }, closes: true };
        if plan.via != Via::Tcp {
            read = read_answer(&book, wire, id, false, &Signal::default()).await;
            assert!(
                read.closes,
                "exchange {id}: what is behind a request for a tunnel is no request: {read:?}"
            );
            if !matches!(read.seen, Seen::Whole { status, own: false, .. } if exchange.is_grant(status)) {
                return read;
            }
        }
        let end = tunnel::End {
            id,
            tunnel: plan,
            way: Way::Up,
            sent,
            upto,
            then,
            pace: exchange.pace,
            deaf: match exchange.mischief {
                Some(Mischief::SlowReader(time)) => time,
                _ => Duration::ZERO,
            },
            // An end that a fault has broken says so once, and not always to who asks.
            fair: book.is_calm
                && !matches!(exchange.answer.misdeed, Some(Misdeed::CutAt(_) | Misdeed::Hangup)),
        };
        wire.deadline = engine.now() + self.patience;
        match tunnel::play(engine, wire, end, &mut rng).await {
            _ if then == Then::Leave => Read { seen: Seen::Left, closes: false },
            Ok(()) => read,
            // A TCP connection that has led nowhere.
            Err(fail) if book.record(id).reached == 0 => Read { seen: Seen::Nothing(fail), closes: true },
            Err(fail) => Read { seen: Seen::Cut(fail), closes: true },
        }
    }

    fn give_up(&self, todo: &mut VecDeque<usize>) {
        for id in todo.drain(..) {
            self.book.update(id, |record| record.seen = Some(Seen::Nothing(Fail::End)));
        }
    }

    fn note(&self, id: usize, read: &Read, started: Time) {
        let took = self.engine.now().since(started);
        let hangs = matches!(read.seen, Seen::Cut(Fail::Late) | Seen::Nothing(Fail::Late));
        let (record, exchange) = (self.book.record(id), &self.book.script.exchanges[id]);
        assert!(!hangs, "exchange {id} hangs: {:?} after {took:?}, {record:?}, {exchange:?}", read.seen);
        self.book.update(id, |record| (record.seen, record.took) = (Some(read.seen), took));
    }

    /// Nothing comes behind a last answer but the end of the stream.
    async fn expect_end(&self, wire: &mut Wire, id: usize, read: &Read) {
        let exchange = &self.book.script.exchanges[id];
        if read.closes && matches!(read.seen, Seen::Whole { status, .. } if !exchange.is_grant(status)) {
            assert!(
                wire.is_empty(),
                "exchange {id}: bytes behind the last answer: {:?}, {:?}",
                wire.rest(),
                exchange
            );
            wire.deadline = self.engine.now() + self.patience;
            wire.stream.shutdown_write();
            let end = wire.more().await;
            assert!(
                !matches!(end, Ok(()) | Err(Fail::Late)),
                "exchange {id}: {end:?} behind the last answer"
            );
        }
    }
}

impl Exchange {
    fn is_via(&self, via: Via) -> bool {
        self.tunnel.is_some_and(|tunnel| tunnel.via == via)
    }

    /// Whether an answer with this status begins the tunnel that was asked for.
    pub(crate) fn is_grant(&self, status: u16) -> bool {
        self.tunnel.is_some_and(|tunnel| match tunnel.via {
            Via::Tcp => true,
            Via::WebSocket => status == 101,
            Via::Connect => (200..300).contains(&status),
        })
    }
}

/// What a TCP connection begins with.
pub(crate) fn hello(id: usize) -> String {
    format!("hello {id}\r\n")
}

/// The bytes of a request, and how many of them are its head.
fn request(id: usize, exchange: &Exchange, http10: bool, close: bool) -> (Vec<u8>, usize) {
    let framing = exchange.body.map_or(String::new(), |(len, framing)| framing_field(len, framing));
    let connection = match (http10, close) {
        (false, true) => "Connection: close\r\n",
        (true, false) => "Connection: keep-alive\r\n",
        _ => "",
    };
    let (host, target) = match exchange.method {
        Method::Connect => ("sim.example:443", "sim.example:443".to_string()),
        _ => ("sim.example", format!("{}/exchange/{id}?q={id}", exchange.route.prefix())),
    };
    let upgrade = match exchange.is_via(Via::WebSocket) {
        true => format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n",
            tunnel::KEY
        ),
        false => String::new(),
    };
    let mut bytes = format!(
        "{} {target} HTTP/1.{}\r\nHost: {host}\r\nX-Id: {id}\r\nX-Drop: yes\r\nX-Stamp: client\r\n\
         {framing}{connection}{upgrade}{}\r\n",
        exchange.method.name(),
        u8::from(!http10),
        if exchange.expect { "Expect: 100-continue\r\n" } else { "" },
    )
    .into_bytes();
    if exchange.mischief == Some(Mischief::Garbage) {
        bytes = b"EHLO mail.example\r\n\r\n".to_vec();
    }
    let head_len = bytes.len();
    if let Some((len, framing)) = exchange.body {
        bytes.extend_from_slice(&frame(id, &bytes::body(id, Way::Up, len), framing));
    }
    if exchange.mischief == Some(Mischief::BadChunk) {
        // The end of the last chunk.
        let at = bytes.len() - 5;
        bytes[at] = b'z';
    }
    (bytes, head_len)
}

/// How much of a request is sent.
fn extent(exchange: &Exchange, len: usize, head_len: usize) -> usize {
    match exchange.mischief {
        Some(Mischief::StallHead) => head_len / 2,
        Some(Mischief::StallBody) => (head_len + len) / 2,
        Some(Mischief::Leave(percent)) => len * percent / 100,
        _ => len,
    }
}

/// Reads interim answers and a final one.
async fn read_answer(book: &Book, wire: &mut Wire, id: usize, http10: bool, go_on: &Signal) -> Read {
    let mut interims = 0;
    loop {
        let begun = interims > 0 || !wire.is_empty();
        let head = match wire.head().await {
            Ok(head) => head,
            Err(fail) => {
                let seen = if begun || !wire.is_empty() { Seen::Cut(fail) } else { Seen::Nothing(fail) };
                return Read { seen, closes: true };
            }
        };
        go_on.give();
        let status = status(&head);
        let exchange = &book.script.exchanges[id];
        if exchange.is_grant(status) && head.field("x-id").is_some() {
            assert_eq!(head.number("x-id"), Some(id), "exchange {id} got the tunnel of another: {head:?}");
            if status == 101 {
                assert_eq!(head.field("sec-websocket-accept"), Some(tunnel::ACCEPT), "{head:?}");
                assert_eq!(head.field("upgrade"), Some("websocket"), "{head:?}");
            }
            return Read { seen: Seen::Whole { status, own: false, interims }, closes: true };
        }
        if status >= 200 {
            return read_final(book, wire, id, http10, &head, status, interims).await;
        }
        assert!(!http10, "exchange {id}: HTTP/1.0 knows no {status}");
        interims += 1;
        one_more(&book.interims);
    }
}

fn status(head: &Head) -> u16 {
    let status = head.start.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    let status = status.and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status line: {head:?}"))
}

async fn read_final(
    book: &Book,
    wire: &mut Wire,
    id: usize,
    http10: bool,
    head: &Head,
    status: u16,
    interims: usize,
) -> Read {
    let exchange = &book.script.exchanges[id];
    let (answer, method) = (&exchange.answer, exchange.method);
    let framed = head.framing().unwrap_or(Framed::Close);
    let own = head.field("x-id").is_none();
    // What is not understood is not known to be a HEAD.
    let unread = matches!(exchange.mischief, Some(Mischief::StallHead | Mischief::Garbage));
    let has_body = (method != Method::Head || own && unread) && !matches!(status, 204 | 304);
    let connection = head.field("connection");
    let closes = match connection {
        None => http10,
        Some("close") => true,
        Some("keep-alive") => false,
        Some(other) => panic!("exchange {id}: Connection: {other}"),
    };
    assert!(closes || !has_body || framed != Framed::Close, "exchange {id}: a body without end: {head:?}");
    let whole = Read { seen: Seen::Whole { status, own, interims }, closes };
    let cut = |fail| Read { seen: Seen::Cut(fail), closes: true };
    if own {
        let Framed::Length(len) = framed else {
            panic!("exchange {id}: an own answer without length: {head:?}")
        };
        check_own(id, exchange, head, status, len);
        return match if has_body { wire.read(len).await } else { Ok(Vec::new()) } {
            Ok(body) => {
                let is_fixed = has_body && exchange.route == Route::Fixed && status == 203;
                assert!(!is_fixed || body == FIXED.as_bytes(), "exchange {id}: {}", body.escape_ascii());
                whole
            }
            Err(fail) => cut(fail),
        };
    }
    check_fields(id, exchange.route, head);
    assert_eq!(head.number("x-id"), Some(id), "exchange {id} got the answer of another: {head:?}");
    assert_eq!(status, answer.status, "exchange {id}");
    let expected = match answer.framing {
        _ if status == 204 => Framed::Close,
        Framing::Length if has_body && framed == Framed::Length(answer.len + LIE_BYTES) => {
            assert_eq!(answer.misdeed, Some(Misdeed::Shorter), "exchange {id}: {head:?}");
            framed
        }
        Framing::Length => Framed::Length(answer.len),
        Framing::Chunked { .. } if !http10 => Framed::Chunked,
        _ => Framed::Close,
    };
    assert_eq!(framed, expected, "exchange {id}: {head:?}");
    match if has_body { wire.body(framed, id, Way::Down, answer.len).await } else { Ok(()) } {
        Ok(()) => whole,
        Err(fail) => cut(fail),
    }
}

/// An answer that a route gives says what the route says.
fn check_own(id: usize, exchange: &Exchange, head: &Head, status: u16, len: usize) {
    if Some(status) != exchange.route.own_status() {
        return;
    }
    match exchange.route {
        Route::Moved => {
            let to = format!("https://new.example/moved/exchange/{id}?q={id}");
            assert_eq!(head.field("location"), Some(to.as_str()), "exchange {id}: {head:?}");
        }
        _ => assert_eq!(len, FIXED.len(), "exchange {id}: {head:?}"),
    }
}

/// The fields of an answer that a route changes.
fn check_fields(id: usize, route: Route, head: &Head) {
    let [drop, stamp, added] = match route {
        Route::Edited => [None, Some("route"), Some("route")],
        _ => [Some("yes"), Some("origin"), None],
    };
    assert_eq!(head.field("x-drop"), drop, "exchange {id}: {head:?}");
    assert_eq!(head.field("x-stamp"), stamp, "exchange {id}: {head:?}");
    assert_eq!(head.field("x-added"), added, "exchange {id}: {head:?}");
}
