//! Waiting at a limit: requests that no backend of their cluster has room for, in the order in which they came, over all
//! shards.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use ringway_core::Address;
use ringway_engine::Engine;
use ringway_lb::Waiter;

use crate::call::Call;
use crate::cluster::Cluster;
use crate::limits::EVICTION_WAIT;
use crate::upstream::{Attempts, NoSeat, Upstream};

/// A place at a backend of `cluster` as soon as one is free; `None` when none is in time, or too many wait already, or
/// waiting is of no use.
pub(crate) async fn wait<E: Engine>(
    call: &Call<'_, E>,
    cluster: &Rc<Cluster<E>>,
    attempts: &Attempts,
    why: NoSeat,
) -> Option<(Upstream<E>, Address)> {
    let shard = &call.client.shard;
    let (queue, queue_timeout) = {
        let plan = cluster.plan();
        (Arc::clone(&plan.queue), plan.queue_timeout)
    };
    let refused = || shard.counters.queue_refused.one();
    // Others give idle connections up within moments: that much even those wait that are not to wait.
    let patience = match why {
        NoSeat::NoConnection => queue_timeout.max(EVICTION_WAIT),
        _ => queue_timeout,
    };
    if patience.is_zero() {
        refused();
        return None;
    }
    let Some(mut waiter) = queue.join() else {
        refused();
        return None;
    };
    shard.counters.queued.one();
    let mut starving = None;
    let mut late = pin!(shard.engine.sleep_until(call.by(patience)));
    while turn(&mut waiter, late.as_mut()).await {
        if call.is_deserted().await {
            return None;
        }
        match Upstream::try_seat(shard, cluster, attempts) {
            Ok(seat) => {
                waiter.served();
                return Some(seat);
            }
            Err(NoSeat::NoConnection) => {
                starving.get_or_insert_with(|| Wanting::new(cluster));
                shard.ask_for_connections();
            }
            // It waited for others only, and is not to wait for this.
            Err(NoSeat::Full) if queue_timeout.is_zero() => break,
            Err(NoSeat::Full) => starving = None,
            // Its turn goes to the next.
            Err(NoSeat::None) => return None,
        }
    }
    refused();
    None
}

/// A request that waits for a connection, and not only for room.
struct Wanting<'a, E: Engine>(&'a Cluster<E>);

impl<'a, E: Engine> Wanting<'a, E> {
    fn new(cluster: &'a Cluster<E>) -> Wanting<'a, E> {
        cluster.plan().begin_starving();
        cluster.starving.set(cluster.starving.get() + 1);
        Wanting(cluster)
    }
}

impl<E: Engine> Drop for Wanting<'_, E> {
    fn drop(&mut self) {
        let Wanting(cluster) = self;
        cluster.plan().end_starving();
        cluster.starving.set(cluster.starving.get() - 1);
    }
}

/// Whether it is the waiter's turn before it is too late.
async fn turn(waiter: &mut Waiter, mut late: Pin<&mut impl Future<Output = ()>>) -> bool {
    poll_fn(|cx| {
        if waiter.poll_turn(cx).is_ready() {
            return Poll::Ready(true);
        }
        late.as_mut().poll(cx).map(|()| false)
    })
    .await
}
