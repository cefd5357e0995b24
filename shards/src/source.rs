//! A place among the requests that one source may have in flight.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ringway_engine::Engine;

use crate::call::Call;
use crate::gate::{Gate, Source};
use crate::shard::Shard;

/// Given back when it is dropped.
pub(crate) struct Place<E: Engine> {
    shard: Rc<Shard<E>>,
    source: Source,
}

impl<E: Engine> Drop for Place<E> {
    fn drop(&mut self) {
        self.shard.gate.end_request(&self.source);
    }
}

/// Whether requests are counted by source at all.
pub(crate) fn is_limited(gate: &Gate) -> bool {
    gate.request_limit().is_some()
}

impl<E: Engine> Place<E> {
    /// Of the call's client.
    fn taken(call: &Call<'_, E>) -> Place<E> {
        Place { shard: Rc::clone(&call.client.shard), source: source(call) }
    }
}

fn source<E: Engine>(call: &Call<'_, E>) -> Source {
    Source::from(call.client.source().ip())
}

/// A place for a request of the call's client, if one is free.
pub(crate) fn try_place<E: Engine>(call: &Call<'_, E>) -> Option<Place<E>> {
    let limit = call.client.shard.gate.request_limit()?;
    limit.slots.try_enter(source(call), limit.max()).then(|| Place::taken(call))
}

/// The next place that is free; `None` when none is in time, or too many wait already.
pub(crate) async fn wait<E: Engine>(call: &Call<'_, E>) -> Option<Place<E>> {
    let shard = &call.client.shard;
    let limit = shard.gate.request_limit()?;
    if limit.wait().is_zero() {
        return None;
    }
    let mut waiter = limit.slots.join(source(call), limit.max(), limit.waiting_max())?;
    shard.counters.queued.one();
    let mut late = pin!(shard.engine.sleep_until(call.by(limit.wait())));
    poll_fn(|cx| {
        if waiter.poll_enter(cx).is_ready() {
            return Poll::Ready(Some(Place::taken(call)));
        }
        late.as_mut().poll(cx).map(|()| None)
    })
    .await
}
