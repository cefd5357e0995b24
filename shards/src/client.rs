//! One client connection: idle, an exchange, idle again, the end.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use ringway_core::config::Timeouts;
use ringway_engine::{Deadline, Engine, Mode, Out, Stream};

use crate::http1::{ClientAddress, Forward, Status};
use crate::limits::{DRAIN_GRACE, LINGER_BYTES_MAX, LINGER_MAX};
use crate::plan::ListenerPlan;
use crate::recycle::Recycler;
use crate::shard::Shard;

/// What lives as long as the connection.
pub(crate) struct Client<E: Engine> {
    pub(crate) shard: Rc<Shard<E>>,
    pub(crate) stream: E::Stream,
    listener: u32,
    /// Where it stands in the shard's list.
    pub(crate) place: Cell<u32>,
    pub(crate) phase: Cell<Phase>,
    address: ClientAddress,
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
    pub(crate) fn new(
        shard: &Rc<Shard<E>>,
        listener: usize,
        stream: E::Stream,
        peer: SocketAddr,
    ) -> Rc<Client<E>> {
        Rc::new(Client {
            shard: Rc::clone(shard),
            stream,
            listener: listener as u32,
            place: Cell::new(0),
            phase: Cell::new(Phase::Fresh),
            address: ClientAddress::new(peer.ip()),
        })
    }

    pub(crate) fn plan(&self) -> &ListenerPlan {
        &self.shard.plan.listeners[self.listener as usize]
    }

    /// Sets the time that the first byte of the next request has.
    fn set_patience(&self) {
        let patience = match self.phase.get() {
            Phase::Fresh if self.shard.draining.get() => DRAIN_GRACE,
            Phase::Fresh => self.timeouts().head,
            Phase::Busy | Phase::Idle => self.timeouts().idle,
        };
        self.stream.set_deadline(Deadline::Recv, self.shard.engine.now() + patience);
    }

    /// What the backend is told of where a request came from.
    pub(crate) fn forward(&self) -> Forward<'_> {
        Forward { listener: &self.plan().prefix, client: &self.address }
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.plan().timeouts
    }

    /// Starts sending to the client, with the deadline that a client has for taking it.
    pub(crate) fn post(&self, out: Out<E::Chunk>) {
        let deadline = self.shard.engine.now() + self.timeouts().send;
        self.stream.set_deadline(Deadline::Send, deadline);
        self.stream.post(out);
    }

    /// Sends an answer of our own.
    pub(crate) async fn answer(&self, status: Status, keep_alive: bool, to_head: bool) {
        let counters = &self.shard.counters;
        counters.own_answers.one();
        counters.response(status.code());
        if self.stream.sent().await.is_ok() {
            self.post(Out::Static(status.answer(keep_alive, to_head)));
        }
    }
}

/// Serves a client until its connection ends.
///
/// This future is what an idle connection costs, so it keeps handles only: everything else belongs to the exchange, whose
/// memory is pooled.
pub(crate) async fn serve<E, F, M>(client: Rc<Client<E>>, recycler: Rc<Recycler<F>>, exchange: M)
where
    E: Engine,
    F: Future<Output = Next<E::Chunk>> + 'static,
    M: Fn(Rc<Client<E>>, E::Chunk) -> F,
{
    let client = Open(client);
    let mut next = Next::Keep(None);
    while let Next::Keep(rest) = next {
        let first = match rest {
            Some(chunk) => chunk,
            None => {
                client.0.set_patience();
                match client.0.stream.recv().await {
                    Ok(Some(chunk)) => chunk,
                    // The end, a deadline without a byte, a drain, a reset: there is nobody to answer to. But the last
                    // answer may still be on its way, to a client that closed its own direction or reads slowly.
                    Ok(None) | Err(_) => {
                        let _ = client.0.stream.sent().await;
                        return;
                    }
                }
            }
        };
        client.0.phase.set(Phase::Busy);
        next = recycler.run(|| exchange(Rc::clone(&client.0), first)).await;
        client.0.phase.set(Phase::Idle);
    }
}

/// Brings a connection into the state in which an exchange leaves it.
pub(crate) async fn settle<E: Engine>(client: &Client<E>, left: Left<E::Chunk>) -> Next<E::Chunk> {
    match left {
        Left::Keep(None) if client.shard.draining.get() => linger(client).await,
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

/// Takes the connection off the shard's list when its task ends, however it ends.
struct Open<E: Engine>(Rc<Client<E>>);

impl<E: Engine> Drop for Open<E> {
    fn drop(&mut self) {
        self.0.shard.clients.remove(&self.0);
    }
}
