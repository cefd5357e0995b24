//! A connection of a TCP listener: a tunnel to a backend of the listener's cluster.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use ringway_core::config::SendProxy;
use ringway_engine::{Engine, Out, Stream};

use crate::affinity::Traits;
use crate::call::Call;
use crate::client::{Open, Phase};
use crate::cluster::Cluster;
use crate::greeting;
use crate::tunnel;
use crate::upstream::{Affinity, Attempts, Upstream};

/// Serves a client until its connection ends. The backend is connected to at once, because in some protocols it speaks
/// first. If none can be had the client's connection is reset: there is no other way to say so.
pub(crate) async fn serve<E: Engine>(client: Open<E>, cluster: Rc<Cluster<E>>) {
    let mut received = None;
    if client.listener.terms().proxy_protocol {
        match greeting::proxy_header(&client).await {
            Some(rest) => received = rest,
            None => return,
        }
    }
    // From here on a drain lets it go on until its deadline.
    client.phase.set(Phase::Busy);
    let shard = &client.shard;
    let call = Call::new(&client);
    let traits = Traits::of_connection(client.source().ip());
    let mut attempts = {
        let plan = cluster.plan();
        let hash = plan.hash_key.as_ref().and_then(|key| traits.hash(key));
        Attempts::fresh(plan.retries, Affinity { hash, sticky: None })
    };
    let Some(upstream) = Upstream::acquire(&call, &cluster, &mut attempts).await else {
        shard.counters.unserved.one();
        client.stream.reset_on_close();
        return;
    };
    upstream.succeeded();
    let send_proxy = upstream.send_proxy();
    if send_proxy != SendProxy::Off {
        let mut header = shard.engine.buffer();
        greeting::push_proxy_header(&client, send_proxy, header.vec());
        upstream.post(&call, Out::Buffer(header));
    }
    tunnel::between(&call, &upstream, received, None).await;
}
