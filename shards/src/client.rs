//! One client connection: idle, an exchange, idle again, the end.

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use rand::RngExt;
use ringway_core::Time;
use ringway_engine::{Deadline, Engine, Mode, Stream};

use crate::greeting;
use crate::http1::ClientAddress;
use crate::limits::{DRAIN_GRACE, LINGER_BYTES_MAX, LINGER_MAX};
use crate::listener::Listener;
use crate::recycle::Recycler;
use crate::shard::Shard;

/// What lives as long as the connection.
pub(crate) struct Client<E: Engine> {
    pub(crate) shard: Rc<Shard<E>>,
    pub(crate) stream: E::Stream,
    /// What it came through.
    pub(crate) listener: Rc<Listener<E>>,
    /// Where it stands in the shard's list.
    pub(crate) place: Cell<u32>,
    pub(crate) phase: Cell<Phase>,
    /// Whose connection it is: its peer's, or who a trusted proxy says.
    address: Cell<ClientAddress>,
    port: Cell<u16>,
    /// Its forwarding fields are believed.
    trusted: Cell<bool>,
    /// It is counted for its source.
    admitted: Cell<bool>,
    /// Where it was made to, as a proxy says.
    destination: OnceCell<Box<SocketAddr>>,
    /// How many requests it has brought.
    pub(crate) requests: Cell<u32>,
    /// Since when it is here.
    born: Time,
    /// Where in the spread of ages its own limit lies.
    jitter: u8,
}

/// What a connection is doing, for a drain to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was received yet.
    Fresh,
    /// A request is in progress.
    Busy,
    /// Waits for the first byte of another request: nothing is lost when it is closed.
    Idle,
}

/// What is to become of a connection after an exchange.
pub(crate) enum Next<C> {
    /// Another request may come, or has begun with these bytes.
    Keep(Option<C>),
    /// It is over.
    End,
}

/// How an exchange left the connection.
pub(crate) enum Left<C> {
    /// Another request may come, or has begun with these bytes.
    Keep(Option<C>),
    /// It is over, and nothing more is expected from the client.
    Close,
    /// It is over, but the client may still be sending: take that in, so that it reads our answer.
    Linger,
    /// It is cut off where it is, with a reset: the client has part of an answer, and must not take it for the whole. The
    /// end of the connection alone would say just that, where the connection's end is the answer's.
    Cut,
}

impl<E: Engine> Client<E> {
    /// Whether it ends with its present request, whatever that says.
    pub(crate) fn is_ending(&self) -> bool {
        self.shard.draining.get() || self.listener.is_retired()
    }

    /// Notes whose connection it is, and counts it for that source. `false`: the source has as many as it may.
    pub(crate) fn admit(&self, source: SocketAddr) -> bool {
        self.address.set(ClientAddress::new(source.ip()));
        self.port.set(source.port());
        self.trusted.set(self.listener.terms().trusts(source.ip()));
        let admitted = self.shard.gate.admit(source.ip());
        self.admitted.set(admitted == Some(true));
        if admitted.is_none() {
            self.shard.counters.refused_sources.one();
        }
        admitted.is_some()
    }

    /// Notes where the connection was made to, as a proxy says.
    pub(crate) fn set_destination(&self, destination: SocketAddr) {
        let _ = self.destination.set(Box::new(destination));
    }

    /// Whose connection it is.
    pub(crate) fn source(&self) -> SocketAddr {
        SocketAddr::new(self.address.get().ip(), self.port.get())
    }

    /// Where it was made to; the listener's address where the kernel can not tell.
    pub(crate) fn destination(&self) -> SocketAddr {
        match self.destination.get() {
            Some(destination) => **destination,
            None => self.stream.local_address().unwrap_or(self.listener.terms().address),
        }
    }

    /// Whose connection it is, as backends are told.
    pub(crate) fn address(&self) -> ClientAddress {
        self.address.get()
    }

    /// Whether the client's own forwarding fields are believed.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted.get()
    }

    /// When it is so old that the next answer is the last: in the tenth before the configured age, each at its own time, so
    /// that clients that came together do not come again together.
    fn worn_at(&self) -> Time {
        self.listener.terms().connection_max_age.map_or(Time::NEVER, |max| self.worn_after(max))
    }

    fn worn_after(&self, max: Duration) -> Time {
        self.born + (max - max / 10) + (max / 10).mul_f32(f32::from(self.jitter) / 255.0)
    }

    /// When it ends if it is idle: a tenth later, because whoever still uses it is to be told first.
    fn ends_at(&self) -> Time {
        let max = self.listener.terms().connection_max_age;
        max.map_or(Time::NEVER, |max| self.worn_after(max) + max / 10)
    }

    /// Whether an answer from now on is the last.
    pub(crate) fn is_worn(&self) -> bool {
        self.shard.engine.now() >= self.worn_at()
    }

    /// Sets the time that the first byte of the next request has.
    fn set_patience(&self) {
        let patience = match self.phase.get() {
            Phase::Fresh if self.is_ending() => DRAIN_GRACE,
            Phase::Fresh => self.listener.terms().timeouts.head,
            Phase::Busy | Phase::Idle => self.listener.terms().timeouts.idle,
        };
        let by = self.shard.engine.now() + patience;
        self.stream.set_deadline(Deadline::Recv, by.min(self.ends_at()));
    }
}

/// A client connection that was let in; taken off the books when its task ends, however it ends.
pub(crate) struct Open<E: Engine>(Rc<Client<E>>);

impl<E: Engine> Open<E> {
    /// Takes a connection on the books. The gate has let it in.
    pub(crate) fn new(
        shard: &Rc<Shard<E>>,
        listener: &Rc<Listener<E>>,
        stream: E::Stream,
        peer: SocketAddr,
    ) -> Open<E> {
        let ages = listener.terms().connection_max_age.is_some();
        let client = Rc::new(Client {
            shard: Rc::clone(shard),
            stream,
            listener: Rc::clone(listener),
            place: Cell::new(0),
            phase: Cell::new(Phase::Fresh),
            address: Cell::new(ClientAddress::new(peer.ip())),
            port: Cell::new(peer.port()),
            trusted: Cell::new(false),
            admitted: Cell::new(false),
            destination: OnceCell::new(),
            requests: Cell::new(0),
            born: shard.engine.now(),
            jitter: if ages { shard.rng.borrow_mut().random() } else { 0 },
        });
        shard.clients.insert(&client);
        Open(client)
    }
}

impl<E: Engine> Deref for Open<E> {
    type Target = Rc<Client<E>>;

    fn deref(&self) -> &Rc<Client<E>> {
        &self.0
    }
}

impl<E: Engine> Drop for Open<E> {
    fn drop(&mut self) {
        let shard = &self.0.shard;
        shard.clients.remove(&self.0);
        shard.gate.leave();
        if let Some(balancer) = &shard.balancer {
            let now = shard.engine.now();
            balancer.left(now.since(self.0.born), now);
        }
        if self.0.admitted.get() {
            shard.gate.dismiss(self.0.source().ip());
        }
    }
}

/// Serves a client until its connection ends.
///
/// This future is what an idle connection costs, so it keeps handles only: everything else belongs to the exchange, whose
/// memory is pooled.
pub(crate) async fn serve<E, F, M>(client: Open<E>, recycler: Rc<Recycler<F>>, exchange: M)
where
    E: Engine,
    F: Future<Output = Next<E::Chunk>> + 'static,
    M: Fn(Rc<Client<E>>, E::Chunk) -> F,
{
    let mut next = Next::Keep(None);
    if client.listener.terms().proxy_protocol {
        // Boxed: what nearly no connection needs must not make every idle one larger.
        match Box::pin(greeting::proxy_header(&client)).await {
            Some(rest) => next = Next::Keep(rest),
            None => return,
        }
    }
    while let Next::Keep(rest) = next {
        let first = match rest {
            Some(chunk) => chunk,
            None => {
                client.set_patience();
                match client.stream.recv().await {
                    Ok(Some(chunk)) => chunk,
                    // The end, a deadline without a byte, a drain, a reset: there is nobody to answer to. But the last
                    // answer may still be on its way, to a client that closed its own direction or reads slowly.
                    Ok(None) | Err(_) => {
                        let _ = client.stream.sent().await;
                        return;
                    }
                }
            }
        };
        client.phase.set(Phase::Busy);
        next = recycler.run(|| exchange(Rc::clone(&client), first)).await;
        client.phase.set(Phase::Idle);
    }
}

/// Brings a connection into the state in which an exchange leaves it.
pub(crate) async fn settle<E: Engine>(client: &Client<E>, left: Left<E::Chunk>) -> Next<E::Chunk> {
    match left {
        // The answer may have begun when there was still time for another one.
        Left::Keep(None) if client.is_ending() || client.shard.engine.now() >= client.ends_at() => {
            linger(client).await;
        }
        Left::Keep(rest) => return Next::Keep(rest),
        Left::Close => drop(client.stream.sent().await),
        Left::Linger => linger(client).await,
        Left::Cut => client.stream.reset_on_close(),
    }
    Next::End
}

/// Says that nothing more will come, then drops what the client still sends, for a bounded time and amount.
async fn linger<E: Engine>(client: &Client<E>) {
    if client.stream.sent().await.is_err() {
        return;
    }
    client.stream.shutdown_write();
    client.stream.set_mode(Mode::Body);
    client.stream.set_deadline(Deadline::Recv, client.shard.engine.now() + LINGER_MAX);
    let mut dropped = 0;
    while let Ok(Some(chunk)) = client.stream.recv().await {
        dropped += chunk.len();
        if dropped > LINGER_BYTES_MAX {
            return;
        }
    }
}
