//! Idle backend connections given up for others: where connections are limited, one that lies idle in a shard's pool may be
//! the one that a request of another shard waits for.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use ringway_core::Time;
use ringway_engine::Engine;

use crate::cluster::Cluster;
use crate::limits::{EVICTION_IDLE_MIN, EVICTION_INTERVAL, KEPT_IN_A_ROW_MAX};
use crate::shard::Shard;

/// How shards ask each other for connections; the same for all of them.
#[derive(Default)]
pub struct Evictions(Mutex<Asked>);

#[derive(Default)]
struct Asked {
    times: u64,
    /// Of the shards that have done what they were asked for.
    wakers: Vec<Waker>,
}

impl Evictions {
    fn ask(&self) {
        let wakers = {
            let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            asked.times += 1;
            mem::take(&mut asked.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ready when somebody has asked after the `seen`-th time.
    fn poll_asked(&self, seen: &mut u64, cx: &Context<'_>) -> Poll<()> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.times != *seen {
            *seen = asked.times;
            return Poll::Ready(());
        }
        // One for each shard: the task that polls is always the same.
        asked.wakers.retain(|waker| !waker.will_wake(cx.waker()));
        asked.wakers.push(cx.waker().clone());
        Poll::Pending
    }
}

impl fmt::Debug for Evictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Evictions")
    }
}

impl<E: Engine> Shard<E> {
    /// Whether a connection that carried its request is to be closed, so that a request of another shard may have one. Where
    /// requests of this shard wait as well, they get it most times: a connection that is used again costs nothing.
    pub(crate) fn gives_way(&self, cluster: &Cluster<E>) -> bool {
        let wanted = cluster.plan().connections_wanted();
        if wanted == 0 {
            return false;
        }
        let (here, kept) = (&cluster.starving, &cluster.kept);
        if wanted <= here.get() {
            return false;
        }
        let gives = here.get() == 0 || kept.get() >= KEPT_IN_A_ROW_MAX;
        kept.set(if gives { 0 } else { kept.get() + 1 });
        gives
    }

    /// Asks all shards for idle connections of clusters that requests wait for: now, or as soon as it is not too often.
    pub(crate) fn ask_for_connections(self: &Rc<Self>) {
        let (now, asked_at) = (self.engine.now(), self.asked_at.get());
        if asked_at > now {
            return;
        }
        let due = asked_at + EVICTION_INTERVAL;
        if asked_at == Time::ZERO || due <= now {
            self.asked_at.set(now);
            return self.evictions.ask();
        }
        self.asked_at.set(due);
        let shard = Rc::clone(self);
        self.engine.spawn(async move {
            shard.engine.sleep_until(due).await;
            shard.evictions.ask();
        });
    }
}

/// Gives up what is asked for, for as long as the shard runs.
pub(crate) async fn run<E: Engine>(shard: Rc<Shard<E>>) {
    let mut seen = 0;
    loop {
        poll_fn(|cx| shard.evictions.poll_asked(&mut seen, cx)).await;
        while give_up(&shard) {
            shard.engine.sleep_until(shard.engine.now() + EVICTION_IDLE_MIN).await;
        }
    }
}

/// Closes what lies idle and is waited for; whether some of it was left, because a request of this shard may be about to take
/// it.
fn give_up<E: Engine>(shard: &Rc<Shard<E>>) -> bool {
    let now = shard.engine.now();
    let mut left = false;
    shard.each_cluster(|cluster| {
        let mut wanted = cluster.plan().connections_wanted();
        if wanted == 0 {
            return;
        }
        let is_awaited_here = cluster.starving.get() > 0;
        cluster.pool.sweep(
            |since, _| {
                if wanted == 0 {
                    return false;
                }
                if is_awaited_here && now.since(since) < EVICTION_IDLE_MIN {
                    left = true;
                    return false;
                }
                wanted -= 1;
                true
            },
            |key, stream| shard.close_connection(cluster, key, stream),
        );
    });
    left
}
