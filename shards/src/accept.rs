//! From a listening socket to client tasks, up to the shard's limit of connections.

use std::future::Future;
use std::rc::Rc;

use ringway_engine::{Engine, Listener};

use crate::client::{self, Client, Next};
use crate::recycle::Recycler;
use crate::shard::Shard;

/// Accepts until the listener is stopped. At the limit of connections nothing is accepted: the kernel's backlog is the
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
    let limit = shard.plan.connections_max;
    loop {
        shard.clients.below(limit).await;
        match listener.accept().await {
            Ok(Some((stream, peer))) => {
                shard.counters.connections.one();
                let client = Client::new(&shard, index, stream, peer);
                shard.clients.insert(&client);
                shard.engine.spawn(client::serve(client, Rc::clone(&recycler), exchange));
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!(shard = shard.id, listener = index, %error, "the listener can not accept any more");
                return;
            }
        }
    }
}
