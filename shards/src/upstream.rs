//! Getting a connection to a backend for a request: select, take from the pool or connect, try the next one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ringway_core::config::SendProxy;
use ringway_core::{Address, Time};
use ringway_engine::{Deadline, Engine, Mode, Out, Stream, is_exhaustion};
use ringway_lb::{BackendKey, Flip, Tried};

use crate::call::Call;
use crate::pool::Life;
use crate::shard::Shard;

/// How far a request has got with its attempts.
pub(crate) struct Attempts {
    tried: Tried,
    left: u32,
    /// A connection from the pool broke: take a new one.
    fresh: bool,
}

impl Attempts {
    /// As [`Attempts::new`], without connections from the pool.
    pub(crate) fn fresh(retries: u32) -> Attempts {
        Attempts { fresh: true, ..Attempts::new(retries) }
    }

    /// `retries` beyond the first attempt.
    pub(crate) fn new(retries: u32) -> Attempts {
        Attempts { tried: Tried::NONE, left: retries + 1, fresh: false }
    }
}

/// A backend connection in use by one request. Counts as in flight from selection until it is dropped or parked.
pub(crate) struct Upstream<E: Engine> {
    shard: Rc<Shard<E>>,
    cluster: usize,
    key: BackendKey,
    /// `None` before the connection is there and after it was parked.
    stream: Option<E::Stream>,
    life: Life,
    /// It was used before: the backend may have closed it while our request was on its way.
    pub(crate) reused: bool,
}

impl<E: Engine> Upstream<E> {
    /// A connection for a request to `cluster`; `None` when no backend can be had.
    pub(crate) async fn acquire(
        call: &Call<'_, E>,
        cluster: usize,
        attempts: &mut Attempts,
    ) -> Option<Upstream<E>> {
        let shard = &call.client.shard;
        let mut evicted = false;
        while attempts.left > 0 {
            let (mut upstream, address) = Upstream::select(shard, cluster, attempts)?;
            if !attempts.tried.is_empty() {
                shard.counters.redispatches.one();
            }
            if !attempts.fresh && upstream.take_pooled() {
                return Some(upstream);
            }
            let deadline = call.by(call.client.timeouts().connect);
            match shard.engine.connect(address.clone(), deadline).await {
                Ok(stream) => {
                    upstream.opened(stream);
                    return Some(upstream);
                }
                Err(error) if is_exhaustion(&error) => {
                    // That is our trouble, not the backend's, and the next one would meet it as well. Idle connections
                    // hold what is missing.
                    shard.counters.exhausted.one();
                    if evicted || !shard.evict_idle() {
                        return None;
                    }
                    evicted = true;
                    // Until they are closed.
                    shard.engine.yield_now().await;
                    shard.engine.yield_now().await;
                }
                // That says nothing about this backend, and there is no time for another.
                Err(_) if call.is_over() => return None,
                Err(error) => {
                    shard.counters.connect_failures.one();
                    tracing::debug!(shard = shard.id, %address, %error, "connect failed");
                    upstream.unreachable(attempts);
                }
            }
        }
        None
    }

    fn select(
        shard: &Rc<Shard<E>>,
        cluster: usize,
        attempts: &mut Attempts,
    ) -> Option<(Upstream<E>, Address)> {
        let mut backends = shard.backends.borrow_mut();
        let list = backends.cluster_mut(shard.clusters[cluster]);
        let selection = list.select(shard.engine.now(), &mut *shard.rng.borrow_mut(), &attempts.tried)?;
        list.begin_request(selection.key);
        if let Some(flip) = list.take_fail_open_flip() {
            tracing::warn!(shard = shard.id, cluster = %list.id(), ?flip, "fail-open");
        }
        let upstream = Upstream {
            shard: Rc::clone(shard),
            cluster,
            key: selection.key,
            stream: None,
            life: Life { opened: Time::ZERO, requests: 0 },
            reused: false,
        };
        Some((upstream, selection.address))
    }

    fn take_pooled(&mut self) -> bool {
        let shard = &self.shard;
        let now = shard.engine.now();
        while let Some((stream, life)) = shard.pool.take(self.cluster, self.key, now) {
            if !stream.has_pending() && !self.is_worn(life, now) {
                shard.counters.reused.one();
                (self.stream, self.life, self.reused) = (Some(stream), life, true);
                return true;
            }
            drop(stream);
            shard.connection_closed(self.cluster, self.key);
        }
        false
    }

    fn opened(&mut self, stream: E::Stream) {
        let shard = &self.shard;
        shard.counters.backend_connections.one();
        shard.backends.borrow_mut().cluster_mut(shard.clusters[self.cluster]).connection_opened(self.key);
        self.life.opened = shard.engine.now();
        self.stream = Some(stream);
    }

    /// Whether a connection is too old, or has carried too many requests, to carry another.
    fn is_worn(&self, life: Life, now: Time) -> bool {
        let plan = &self.shard.plan.clusters[self.cluster];
        now.since(life.opened) >= plan.pool_max_age || life.requests >= plan.pool_max_requests
    }

    /// The backend did not answer this request: it is not tried again for it. Others still go there, because what one
    /// request makes a backend close its connection for need not concern them; were it taken out, a single request that
    /// is retried everywhere could take every backend out.
    pub(crate) fn unanswered(&self, attempts: &mut Attempts) {
        attempts.left -= 1;
        attempts.tried.insert(self.key);
    }

    /// The backend can not be connected to: nobody tries until its back-off has passed.
    fn unreachable(&self, attempts: &mut Attempts) {
        self.unanswered(attempts);
        let shard = &self.shard;
        let mut backends = shard.backends.borrow_mut();
        let list = backends.cluster_mut(shard.clusters[self.cluster]);
        let failed = list.on_failure(self.key, shard.engine.now(), &mut *shard.rng.borrow_mut());
        if failed.flip == Some(Flip::AllDown) {
            tracing::error!(shard = shard.id, cluster = %list.id(), "no backend is available");
        }
    }

    /// A connection from the pool ended before it answered. That says nothing about the backend; the next attempt uses a
    /// new connection.
    pub(crate) fn stale(&self, attempts: &mut Attempts) {
        self.shard.counters.replays.one();
        attempts.fresh = true;
    }

    /// The backend answers.
    pub(crate) fn succeeded(&self) {
        let shard = &self.shard;
        let mut backends = shard.backends.borrow_mut();
        let list = backends.cluster_mut(shard.clusters[self.cluster]);
        if list.on_success(self.key).flip == Some(Flip::Recovered) {
            tracing::info!(shard = shard.id, cluster = %list.id(), "a backend is available again");
        }
    }

    /// What the backend is told of the client before the first byte of a connection.
    pub(crate) fn send_proxy(&self) -> SendProxy {
        self.shard.plan.clusters[self.cluster].send_proxy
    }

    pub(crate) fn stream(&self) -> &E::Stream {
        self.stream.as_ref().expect("an upstream that was handed out has its connection until it is parked")
    }

    /// Starts sending to the backend, with the deadline that it has for taking it.
    pub(crate) fn post(&self, call: &Call<'_, E>, out: Out<E::Chunk>) {
        self.stream().set_deadline(Deadline::Send, call.by(call.client.timeouts().send));
        self.stream().post(out);
    }

    /// Whether the last send failed, as far as is known.
    pub(crate) async fn send_failed(&self) -> bool {
        let mut sent = pin!(self.stream().sent());
        poll_fn(|cx| Poll::Ready(matches!(sent.as_mut().poll(cx), Poll::Ready(Err(_))))).await
    }

    /// Whether everything posted was sent. A backend that answers early may still have to read the end of the request;
    /// until then its connection can not carry another.
    pub(crate) async fn has_taken_all(&self) -> bool {
        let mut sent = pin!(self.stream().sent());
        poll_fn(|cx| Poll::Ready(matches!(sent.as_mut().poll(cx), Poll::Ready(Ok(()))))).await
    }

    /// The request is over, and the connection can carry another: keep it.
    pub(crate) fn park(mut self) {
        let shard = Rc::clone(&self.shard);
        let Some(stream) = self.stream.take() else { return };
        stream.set_mode(Mode::Idle);
        self.life.requests = self.life.requests.saturating_add(1);
        let now = shard.engine.now();
        let plan = &shard.plan.clusters[self.cluster];
        let keep =
            !shard.draining.get() && plan.send_proxy == SendProxy::Off && !self.is_worn(self.life, now);
        let max = if keep { plan.pool_idle_max } else { 0 };
        // What does not fit is dropped, and counted, with `self`.
        self.stream = shard.pool.put(self.cluster, self.key, (stream, self.life), max, now);
    }
}

impl<E: Engine> Drop for Upstream<E> {
    fn drop(&mut self) {
        let shard = &self.shard;
        if self.stream.is_some() {
            shard.connection_closed(self.cluster, self.key);
        }
        let mut backends = shard.backends.borrow_mut();
        shard.released(backends.cluster_mut(shard.clusters[self.cluster]).end_request(self.key));
    }
}
