//! Getting a connection to a backend for a request: select, take from the pool or connect, try the next one.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ringway_engine::{Deadline, Engine, Mode, Out, Stream, is_exhaustion};
use ringway_lb::{BackendKey, Flip, Tried};

use crate::client::Client;
use crate::shard::Shard;

/// How far a request has got with its attempts.
pub(crate) struct Attempts {
    tried: Tried,
    left: u32,
    /// A connection from the pool broke: take a new one.
    fresh: bool,
}

impl Attempts {
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
    /// It was used before: the backend may have closed it while our request was on its way.
    pub(crate) reused: bool,
}

impl<E: Engine> Upstream<E> {
    /// A connection for a request to `cluster`; `None` when no backend can be had.
    pub(crate) async fn acquire(
        client: &Client<E>,
        cluster: usize,
        attempts: &mut Attempts,
    ) -> Option<Upstream<E>> {
        let shard = &client.shard;
        while attempts.left > 0 {
            let (mut upstream, address) = Upstream::select(shard, cluster, attempts)?;
            if !attempts.tried.is_empty() {
                shard.counters.redispatches.one();
            }
            if !attempts.fresh && upstream.take_pooled() {
                return Some(upstream);
            }
            let deadline = shard.engine.now() + client.timeouts().connect;
            match shard.engine.connect(address, deadline).await {
                Ok(stream) => {
                    upstream.opened(stream);
                    return Some(upstream);
                }
                Err(error) if is_exhaustion(&error) => {
                    // That is our trouble, not the backend's, and the next one would meet it as well.
                    shard.counters.exhausted.one();
                    return None;
                }
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
    ) -> Option<(Upstream<E>, SocketAddr)> {
        let mut backends = shard.backends.borrow_mut();
        let list = backends.cluster_mut(shard.clusters[cluster]);
        let selection = list.select(shard.engine.now(), &mut *shard.rng.borrow_mut(), &attempts.tried)?;
        list.begin_request(selection.key);
        if let Some(flip) = list.take_fail_open_flip() {
            tracing::warn!(shard = shard.id, cluster = %list.id(), ?flip, "fail-open");
        }
        let upstream =
            Upstream { shard: Rc::clone(shard), cluster, key: selection.key, stream: None, reused: false };
        Some((upstream, selection.address))
    }

    fn take_pooled(&mut self) -> bool {
        let shard = &self.shard;
        while let Some(stream) = shard.pool.take(self.cluster, self.key, shard.engine.now()) {
            if !stream.has_pending() {
                shard.counters.reused.one();
                (self.stream, self.reused) = (Some(stream), true);
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
        self.stream = Some(stream);
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

    pub(crate) fn stream(&self) -> &E::Stream {
        self.stream.as_ref().expect("an upstream that was handed out has its connection until it is parked")
    }

    /// Starts sending to the backend, with the deadline that it has for taking it.
    pub(crate) fn post(&self, client: &Client<E>, out: Out<E::Chunk>) {
        let deadline = self.shard.engine.now() + client.timeouts().send;
        self.stream().set_deadline(Deadline::Send, deadline);
        self.stream().post(out);
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
        let max = if shard.draining.get() { 0 } else { shard.plan.clusters[self.cluster].pool_idle_max };
        // What does not fit is dropped, and counted, with `self`.
        self.stream = shard.pool.put(self.cluster, self.key, stream, max, shard.engine.now());
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
