//! From a listening socket to client tasks, up to the limits of connections.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use ringway_engine::{Engine, Listener, Stream};

use crate::client::{self, Client, Next, Open};
use crate::limits::GATE_RETRY;
use crate::recycle::Recycler;
use crate::shard::Shard;
use crate::tcp;

/// Accepts until the listener is stopped. At a limit of connections nothing is accepted: the kernel's backlog is the
/// queue.
pub(crate) async fn run<E, F, M>(
    shard: Rc<Shard<E>>,
    listener: Rc<E::Listener>,
    index: usize,
    recycler: Rc<Recycler<F>>,
    exchange: M,
) where
    E: Engine,
    F: Future<Output = Next<E::Chunk>> + 'static,
    M: Fn(Rc<Client<E>>, E::Chunk) -> F + Copy + 'static,
{
    loop {
        listener.set_room(shard.room());
        shard.clients.below(shard.plan.connections_max).await;
        while shard.gate.is_full() {
            shard.engine.sleep_until(shard.engine.now() + GATE_RETRY).await;
        }
        listener.set_room(shard.room());
        match listener.accept().await {
            Ok(Some((stream, peer))) => {
                // Another shard may have taken the last place meanwhile: this connection then waits for the next.
                while !shard.gate.enter() {
                    listener.set_room(0);
                    shard.engine.sleep_until(shard.engine.now() + GATE_RETRY).await;
                }
                shard.counters.connections.one();
                welcome(&shard, index, stream, peer, &recycler, exchange);
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!(shard = shard.id, listener = index, %error, "the listener can not accept any more");
                return;
            }
        }
    }
}

/// Starts the task of a connection that was let in.
fn welcome<E, F, M>(
    shard: &Rc<Shard<E>>,
    listener: usize,
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
    let plan = client.plan();
    // Whose connection it is, is known only from its first bytes where a proxy says so.
    if !plan.proxy_protocol && !client.admit(peer) {
        client.stream.reset_on_close();
        return;
    }
    match plan.tcp_cluster {
        Some(cluster) => shard.engine.spawn(tcp::serve(client, cluster)),
        None => shard.engine.spawn(client::serve(client, Rc::clone(recycler), exchange)),
    }
}
