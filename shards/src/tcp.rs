//! A connection of a TCP listener: a tunnel to a backend of the listener's cluster.

#[cfg(test)]
mod tests;

use ringway_core::config::SendProxy;
use ringway_engine::{Engine, Out, Stream};

use crate::call::Call;
use crate::client::{Open, Phase};
use crate::greeting;
use crate::tunnel::{self, Peer};
use crate::upstream::{Attempts, Upstream};

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
    let mut attempts = Attempts::fresh(plan.retries);
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
    shard.counters.tunnels.one();
    let timeouts = client.timeouts();
    let settings =
        tunnel::Settings { idle: timeouts.tunnel, send: timeouts.send, passed: &shard.counters.tunnel_bytes };
    let from_client = Peer { stream: &client.stream, received };
    let from_backend = Peer { stream: upstream.stream(), received: None };
    let ended = tunnel::relay(&shard.engine, from_client, from_backend, settings).await;
    tracing::debug!(
        shard = shard.id,
        cause = ?ended.cause,
        from_client = ended.from_a,
        from_backend = ended.from_b,
        "the connection has ended"
    );
}
