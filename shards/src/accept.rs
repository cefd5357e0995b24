//! From a listening socket to client tasks, here or of another shard, up to the limits of connections.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use ringway_engine::{Engine, Listener as _, Stream};

use crate::balance::Handed;
use crate::client::{self, Client, Next, Open};
use crate::inbox::Receiver;
use crate::limits::GATE_RETRY;
use crate::listener::Listener;
use crate::recycle::Recycler;
use crate::shard::Shard;
use crate::tcp;

/// Accepts until the listener is stopped. At a limit of connections nothing is accepted: the kernel's backlog is the
/// queue.
pub(crate) async fn run<E, F, M>(
    shard: Rc<Shard<E>>,
    listener: Rc<Listener<E>>,
    socket: Rc<E::Listener>,
    recycler: Rc<Recycler<F>>,
    exchange: M,
) where
    E: Engine,
    F: Future<Output = Next<E::Chunk>> + 'static,
    M: Fn(Rc<Client<E>>, E::Chunk) -> F + Copy + 'static,
{
    loop {
        socket.set_room(shard.room());
        shard.clients.below_max().await;
        while shard.gate.is_full() {
            shard.engine.sleep_until(shard.engine.now() + GATE_RETRY).await;
        }
        socket.set_room(shard.room());
        match socket.accept().await {
            Ok(Some((stream, peer))) => {
                // Another shard may have taken the last place meanwhile: this connection then waits for the next.
                while !shard.gate.enter() {
                    socket.set_room(0);
                    shard.engine.sleep_until(shard.engine.now() + GATE_RETRY).await;
                }
                shard.counters.connections.one();
                if let Some(stream) = hand_over(&shard, listener.slot, stream, peer) {
                    welcome(&shard, &listener, stream, peer, &recycler, exchange);
                }
            }
            Ok(None) => return,
            Err(error) => {
                let name = &listener.terms().name;
                tracing::error!(shard = shard.id, listener = %name, %error, "the listener can not accept any more");
                return;
            }
        }
    }
}

/// Gives a connection that was let in to a shard that has clearly fewer. It comes back if it is to be served here.
fn hand_over<E: Engine>(
    shard: &Rc<Shard<E>>,
    listener: u32,
    stream: E::Stream,
    peer: SocketAddr,
) -> Option<E::Stream> {
    let Some(balancer) = &shard.balancer else { return Some(stream) };
    let placed = balancer.place(shard.engine.now(), &mut *shard.rng.borrow_mut());
    let Some(to) = placed else { return Some(stream) };
    let socket = match stream.into_socket() {
        Ok(socket) => socket,
        Err(stream) => {
            balancer.keep(to);
            return Some(stream);
        }
    };
    match balancer.hand(to, Handed { listener, socket, peer }) {
        Ok(()) => {
            shard.counters.handed_over.one();
            None
        }
        Err(handed) => adopt(shard, handed.socket),
    }
}

/// Takes a socket in whose connection was let in and is counted here.
fn adopt<E: Engine>(shard: &Shard<E>, socket: E::Socket) -> Option<E::Stream> {
    let adopted = shard.engine.adopt_stream(socket);
    adopted
        .inspect_err(|error| {
            tracing::error!(shard = shard.id, %error, "a client's connection is lost: there is no place for it");
            shard.forget();
        })
        .ok()
}

/// What other shards hand over to this one. Whatever is left of it when this is dropped was never served.
pub(crate) struct Arrivals<E: Engine> {
    shard: Rc<Shard<E>>,
    handed: Receiver<Handed<E::Socket>>,
}

impl<E: Engine> Arrivals<E> {
    pub(crate) fn new(shard: &Rc<Shard<E>>, handed: Receiver<Handed<E::Socket>>) -> Arrivals<E> {
        Arrivals { shard: Rc::clone(shard), handed }
    }
}

impl<E: Engine> Drop for Arrivals<E> {
    fn drop(&mut self) {
        for _lost in self.handed.end() {
            self.shard.forget();
        }
    }
}

/// Serves what other shards hand over, until this one drains and all that had come by then has its task.
pub(crate) async fn take_over<E, F, M>(mut arrivals: Arrivals<E>, recycler: Rc<Recycler<F>>, exchange: M)
where
    E: Engine,
    F: Future<Output = Next<E::Chunk>> + 'static,
    M: Fn(Rc<Client<E>>, E::Chunk) -> F + Copy + 'static,
{
    while arrivals.handed.is_filled().await {
        let shard = &arrivals.shard;
        // Those that it accepts itself may have come first.
        shard.clients.below_max().await;
        let Some(Handed { listener, socket, peer }) = arrivals.handed.take() else { continue };
        let Some(listener) = shard.listener(listener).await else {
            // It was removed meanwhile: nobody serves it.
            drop(socket);
            shard.forget();
            continue;
        };
        if let Some(stream) = adopt(shard, socket) {
            shard.counters.taken_over.one();
            welcome(shard, &listener, stream, peer, &recycler, exchange);
        }
    }
}

/// Starts the task of a connection that was let in.
fn welcome<E, F, M>(
    shard: &Rc<Shard<E>>,
    listener: &Rc<Listener<E>>,
    stream: E::Stream,
    peer: SocketAddr,
    recycler: &Rc<Recycler<F>>,
    exchange: M,
) where
    E: Engine,
    F: Future<Output = Next<E::Chunk>> + 'static,
    M: Fn(Rc<Client<E>>, E::Chunk) -> F + Copy + 'static,
{
    let client = Open::new(shard, listener, stream, peer);
    let terms = listener.terms();
    // Whose connection it is, is known only from its first bytes where a proxy says so.
    if !terms.proxy_protocol && !client.admit(peer) {
        client.stream.reset_on_close();
        return;
    }
    if !terms.is_tcp {
        return shard.engine.spawn(client::serve(client, Rc::clone(recycler), exchange));
    }
    match listener.tcp_cluster().and_then(|slot| shard.cluster(slot)) {
        Some(cluster) if listener.knows(cluster.since) => shard.engine.spawn(tcp::serve(client, cluster)),
        // There is nobody to serve it.
        Some(_) | None => client.stream.reset_on_close(),
    }
}
