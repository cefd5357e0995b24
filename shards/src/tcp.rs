//! A connection of a TCP listener: a tunnel to a backend of the listener's cluster.

#[cfg(test)]
mod tests;

use ringway_core::config::SendProxy;
use ringway_engine::{Engine, Out, Stream};

use crate::affinity::Traits;
use crate::call::Call;
use crate::client::{Open, Phase};
use crate::greeting;
use crate::tunnel;
use crate::upstream::{Affinity, Attempts, Upstream};

/// Serves a client until its connection ends. The backend is connected to at once, because in some protocols it speaks
/// first. If none can be had the client's connection is reset: there is no other way to say so.
pub(crate) async fn serve<E: Engine>(client: Open<E>, cluster: usize) {
    let mut received = None;
    if client.plan().proxy_protocol {
        match greeting::proxy_header(&client).await {
            Some(rest) => received = rest,
            None => return,
        }
    }
    // From here on a drain lets it go on until its deadline.
    client.phase.set(Phase::Busy);
    let shard = &client.shard;
    let plan = &shard.plan.clusters[cluster];
    let call = Call::new(&client);
    let traits = Traits::of_connection(client.source().ip());
    let affinity = Affinity { hash: plan.hash_key.as_ref().and_then(|key| traits.hash(key)), sticky: None };
    let mut attempts = Attempts::fresh(plan.retries, affinity);
    let Some(upstream) = Upstream::acquire(&call, cluster, &mut attempts).await else {
        shard.counters.unserved.one();
        client.stream.reset_on_close();
        return;
    };
    upstream.succeeded();
    if plan.send_proxy != SendProxy::Off {
        let mut header = shard.engine.buffer();
        greeting::push_proxy_header(&client, plan.send_proxy, header.vec());
        upstream.post(&call, Out::Buffer(header));
    }
    tunnel::between(&call, &upstream, received, None).await;
}
