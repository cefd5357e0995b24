//! One client connection: idle, an exchange, idle again, the end.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use ringway_core::config::Timeouts;
use ringway_engine::{Deadline, Engine, Mode, Out, Stream};

use crate::http1::{ForwardPrefix, Scheme, Status};
use crate::limits::{LINGER_BYTES_MAX, LINGER_MAX};
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
    /// Waits for the first byte of another request: nothing is lost when it is closed.
    pub(crate) idle: Cell<bool>,
    pub(crate) forward: ForwardPrefix,
}

/// What is to become of a connection after an exchange.
pub(crate) enum Next<C> {
    /// Another request may come, or has begun with these bytes.
    Keep(Option<C>),
    /// It is over, and nothing more is expected from the client.
    Close,
    /// It is over, but the client may still be sending: take that in, so that it reads our answer.
    Linger,
    /// It is cut off where it is: the client has part of an answer, and must not take it for the whole.
    Cut,
}

impl<E: Engine> Client<E> {
    pub(crate) fn new(
        shard: &Rc<Shard<E>>,
        listener: usize,
        stream: E::Stream,
        peer: SocketAddr,
    ) -> Rc<Client<E>> {
        let port = shard.plan.listeners[listener].port;
        Rc::new(Client {
            shard: Rc::clone(shard),
            stream,
            listener: listener as u32,
            place: Cell::new(0),
            idle: Cell::new(false),
            forward: ForwardPrefix::new(peer.ip(), port, Scheme::Http),
        })
    }

    pub(crate) fn plan(&self) -> &ListenerPlan {
        &self.shard.plan.listeners[self.listener as usize]
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
pub(crate) async fn serve<E, F, M>(client: Rc<Client<E>>, recycler: Rc<Recycler<F>>, exchange: M)
where
    E: Engine,
    F: Future<Output = Next<E::Chunk>> + 'static,
    M: Fn(Rc<Client<E>>, E::Chunk) -> F,
{
    let _open = Open(&client);
    let mut rest = None;
    let mut patience = client.timeouts().head;
    loop {
        let first = match rest.take() {
            Some(chunk) => chunk,
            None => {
                client.stream.set_deadline(Deadline::Recv, client.shard.engine.now() + patience);
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
        client.idle.set(false);
        match recycler.run(exchange(Rc::clone(&client), first)).await {
            Next::Keep(chunk) => {
                if client.shard.draining.get() && chunk.is_none() {
                    let _ = client.stream.sent().await;
                    return;
                }
                rest = chunk;
            }
            Next::Close => {
                let _ = client.stream.sent().await;
                return;
            }
            Next::Cut => return,
            Next::Linger => {
                linger(&client).await;
                return;
            }
        }
        if rest.is_none() {
            client.idle.set(true);
            patience = client.timeouts().idle;
        }
    }
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
struct Open<'a, E: Engine>(&'a Rc<Client<E>>);

impl<E: Engine> Drop for Open<'_, E> {
    fn drop(&mut self) {
        self.0.shard.clients.remove(self.0);
    }
}
