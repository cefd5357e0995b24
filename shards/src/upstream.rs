//! Getting a connection to a backend for a request: select, take from the pool or connect, try the next one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ringway_core::config::SendProxy;
use ringway_core::{Address, Time};
use ringway_engine::{Deadline, Engine, Mode, Out, Stream, is_exhaustion};
use ringway_lb::{BackendKey, Demand, FailureKind, FailureOutcome, NoBackend, SuccessOutcome, Tier, Tried};

use crate::call::Call;
use crate::cluster::Cluster;
use crate::pool::Life;
use crate::queue;
use crate::shard::Shard;

/// What a request says about which backend it should get.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Affinity {
    /// Of its key, where backends are chosen by it.
    pub(crate) hash: Option<u64>,
    /// The backend that its cookie names.
    pub(crate) sticky: Option<BackendKey>,
}

/// Why there is no place for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// No backend may get it.
    None,
    /// Those that may have as many requests as they may.
    Full,
    /// Those that may have as many connections as they may, and none of them is idle here.
    NoConnection,
}

impl From<NoBackend> for NoSeat {
    fn from(none: NoBackend) -> NoSeat {
        match none {
            NoBackend::None => NoSeat::None,
            NoBackend::Full => NoSeat::Full,
        }
    }
}

/// How far a request has got with its attempts.
pub(crate) struct Attempts {
    affinity: Affinity,
    tried: Tried,
    left: u32,
    /// A connection from the pool broke: take a new one.
    fresh: bool,
}

impl Attempts {
    /// As [`Attempts::new`], without connections from the pool.
    pub(crate) fn fresh(retries: u32, affinity: Affinity) -> Attempts {
        Attempts { fresh: true, ..Attempts::new(retries, affinity) }
    }

    /// `retries` beyond the first attempt.
    pub(crate) fn new(retries: u32, affinity: Affinity) -> Attempts {
        Attempts { affinity, tried: Tried::NONE, left: retries + 1, fresh: false }
    }
}

/// A place at a backend, taken by one request: counts as in flight from selection until it is dropped or parked.
pub(crate) struct Upstream<E: Engine> {
    shard: Rc<Shard<E>>,
    cluster: Rc<Cluster<E>>,
    key: BackendKey,
    /// `None` before the connection is there and after it was parked.
    stream: Option<E::Stream>,
    /// A connection is counted: this one, or the one that is being made.
    counted: bool,
    /// It got a connection, or the right to make one: its end is of use to those that wait.
    seated: bool,
    /// Its connection lies in the pool.
    parked: bool,
    life: Life,
    /// When the request got its place.
    since: Time,
    /// It was used before: the backend may have closed it while our request was on its way.
    pub(crate) reused: bool,
}

impl<E: Engine> Upstream<E> {
    /// A connection for a request to `cluster`; `None` when no backend can be had.
    pub(crate) async fn acquire(
        call: &Call<'_, E>,
        cluster: &Rc<Cluster<E>>,
        attempts: &mut Attempts,
    ) -> Option<Upstream<E>> {
        let shard = &call.client.shard;
        let mut evicted = false;
        while attempts.left > 0 {
            let is_retry = !attempts.tried.is_empty();
            if is_retry && !cluster.may_retry(shard.engine.now()) {
                shard.counters.retries_refused.one();
                return None;
            }
            let (mut upstream, address) = match Upstream::seat(call, cluster, attempts) {
                Ok(seat) => seat,
                Err(NoSeat::None) => return None,
                // Boxed: what nearly no request needs must not make every one larger.
                Err(why) => Box::pin(queue::wait(call, cluster, attempts, why)).await?,
            };
            if is_retry {
                shard.counters.redispatches.one();
            }
            if upstream.stream.is_some() {
                return Some(upstream);
            }
            let deadline = call.by(call.timeouts().connect);
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
                    upstream.unreachable(attempts, &error);
                }
            }
        }
        None
    }

    /// A place for a request that has just come: behind those that wait already.
    fn seat(
        call: &Call<'_, E>,
        cluster: &Rc<Cluster<E>>,
        attempts: &Attempts,
    ) -> Result<(Upstream<E>, Address), NoSeat> {
        let plan = cluster.plan();
        if plan.has_waiters() {
            // Those may wait for no more than a connection that another shard gives up.
            return Err(if plan.limits_connections { NoSeat::NoConnection } else { NoSeat::Full });
        }
        drop(plan);
        Upstream::try_seat(&call.client.shard, cluster, attempts)
    }

    /// A place at a backend, and a connection: one from the pool, or the right to make one.
    pub(crate) fn try_seat(
        shard: &Rc<Shard<E>>,
        cluster: &Rc<Cluster<E>>,
        attempts: &Attempts,
    ) -> Result<(Upstream<E>, Address), NoSeat> {
        let seat = Upstream::select(shard, cluster, attempts, &attempts.tried)?;
        if let Some(seat) = seat.connected(attempts.fresh) {
            return Ok(seat);
        }
        Upstream::seat_elsewhere(shard, cluster, attempts)
    }

    /// As [`Upstream::try_seat`], past backends that have as many connections as they may.
    #[cold]
    fn seat_elsewhere(
        shard: &Rc<Shard<E>>,
        cluster: &Rc<Cluster<E>>,
        attempts: &Attempts,
    ) -> Result<(Upstream<E>, Address), NoSeat> {
        let mut passed = attempts.tried;
        while !passed.is_full() {
            // A backend that is left out only for its connections is one to wait for.
            let Ok(seat) = Upstream::select(shard, cluster, attempts, &passed) else { break };
            passed.insert(seat.0.key);
            if let Some(seat) = seat.connected(attempts.fresh) {
                return Ok(seat);
            }
        }
        Err(NoSeat::NoConnection)
    }

    fn select(
        shard: &Rc<Shard<E>>,
        cluster: &Rc<Cluster<E>>,
        attempts: &Attempts,
        tried: &Tried,
    ) -> Result<Selected<E>, NoBackend> {
        let mut list = cluster.list.borrow_mut();
        let Affinity { hash, sticky } = attempts.affinity;
        let since = shard.engine.now();
        let selection = list.select(since, &mut *shard.rng.borrow_mut(), &Demand { tried, hash, sticky })?;
        if !matches!(selection.tier, Tier::Primary | Tier::Backup | Tier::Sticky) {
            shard.counters.fail_open.one();
        }
        if let Some(flip) = list.take_fail_open_flip() {
            shard.tell_fail_open(cluster, flip);
        }
        let upstream = Upstream {
            shard: Rc::clone(shard),
            cluster: Rc::clone(cluster),
            key: selection.key,
            stream: None,
            counted: false,
            seated: false,
            parked: false,
            life: Life { opened: Time::ZERO, requests: 0 },
            since,
            reused: false,
        };
        Ok(Selected(upstream, selection.address))
    }

    fn take_pooled(&mut self) -> bool {
        let shard = &self.shard;
        let now = shard.engine.now();
        while let Some((stream, life)) = self.cluster.pool.take(self.key, now) {
            if !stream.has_pending() && !self.is_worn(life, now) {
                shard.counters.reused.one();
                (self.stream, self.life, self.reused, self.counted) = (Some(stream), life, true, true);
                return true;
            }
            shard.close_connection(&self.cluster, self.key, stream);
        }
        false
    }

    /// Counts the connection that is to be made; `false`: the backend, or the cluster, has as many as it may.
    fn count_connection(&mut self) -> bool {
        self.counted = self.cluster.list.borrow_mut().try_open(self.key);
        self.counted
    }

    fn opened(&mut self, stream: E::Stream) {
        let shard = &self.shard;
        shard.counters.backend_connections.one();
        self.life.opened = shard.engine.now();
        self.stream = Some(stream);
        if self.cluster.plan().is_watched {
            shard.watch_connect(&self.cluster, self.key);
        }
    }

    /// Whether a connection is too old, or has carried too many requests, to carry another.
    fn is_worn(&self, life: Life, now: Time) -> bool {
        let plan = self.cluster.plan();
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
    fn unreachable(&self, attempts: &mut Attempts, error: &std::io::Error) {
        self.unanswered(attempts);
        let shard = &self.shard;
        let outcome = {
            let mut list = self.cluster.list.borrow_mut();
            list.on_failure(self.key, shard.engine.now(), &mut *shard.rng.borrow_mut()).outcome
        };
        if let FailureOutcome::Down { .. } = outcome {
            shard.tell_down(&self.cluster, self.key, format!("connect: {error}"));
        }
        if self.cluster.plan().is_watched {
            shard.watch_failure(&self.cluster, self.key, FailureKind::Connect);
        }
    }

    /// A connection from the pool ended before it answered. That says nothing about the backend; the next attempt uses a
    /// new connection.
    pub(crate) fn stale(&self, attempts: &mut Attempts) {
        self.shard.counters.replays.one();
        attempts.fresh = true;
    }

    /// The backend took the connection, and that is all there is to know.
    pub(crate) fn succeeded(&self) {
        let shard = &self.shard;
        let outcome = self.cluster.list.borrow_mut().on_success(self.key).outcome;
        match outcome {
            SuccessOutcome::Unchanged => {}
            SuccessOutcome::Recovered => shard.tell_recovered(&self.cluster, self.key),
            SuccessOutcome::Up => shard.tell_up(&self.cluster, self.key),
        }
    }

    /// The backend answers, with this status.
    pub(crate) fn answered(&self, status: u16) {
        self.succeeded();
        let shard = &self.shard;
        if self.cluster.plan().is_watched {
            shard.watch_answer(&self.cluster, self.key, status, self.since);
        }
    }

    /// The backend had the request and did not answer as it should.
    pub(crate) fn misbehaved(&self) {
        if self.cluster.plan().is_watched {
            self.shard.watch_failure(&self.cluster, self.key, FailureKind::Gateway);
        }
    }

    /// Calls `then` with the cookie that keeps the client here, as a whole field; `None`: the client has it, or there is none.
    pub(crate) fn with_cookie<T>(
        &self,
        sticky: Option<BackendKey>,
        then: impl FnOnce(Option<&[u8]>) -> T,
    ) -> T {
        let plan = self.cluster.plan();
        let Some(cookies) = plan.cookies.as_ref().filter(|_| sticky != Some(self.key)) else {
            return then(None);
        };
        let list = self.cluster.list.borrow();
        then(list.get(self.key).and_then(|backend| cookies.line(backend.sticky_id())))
    }

    /// What the backend is told of the client before the first byte of a connection.
    pub(crate) fn send_proxy(&self) -> SendProxy {
        self.cluster.plan().send_proxy
    }

    pub(crate) fn stream(&self) -> &E::Stream {
        self.stream.as_ref().expect("an upstream that was handed out has its connection until it is parked")
    }

    /// Starts sending to the backend, with the deadline that it has for taking it.
    pub(crate) fn post(&self, call: &Call<'_, E>, out: Out<E::Chunk>) {
        self.stream().set_deadline(Deadline::Send, call.by(call.timeouts().send));
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
        let plan = self.cluster.plan();
        let ends = shard.draining.get()
            || plan.send_proxy != SendProxy::Off
            || self.is_worn(self.life, now)
            || plan.limits_connections && shard.gives_way(&self.cluster)
            // It was removed meanwhile.
            || self.cluster.seats.borrow().is_closed(self.key);
        let max = if ends { 0 } else { plan.pool_idle_max };
        drop(plan);
        // What does not fit is dropped, and counted, with `self`.
        self.stream = self.cluster.pool.put(self.key, (stream, self.life), max, now);
        self.counted = self.stream.is_some();
        self.parked = !self.counted;
    }
}

impl<E: Engine> Drop for Upstream<E> {
    fn drop(&mut self) {
        let shard = &self.shard;
        match self.stream.take() {
            Some(stream) => shard.close_connection(&self.cluster, self.key, stream),
            None if self.counted => shard.connection_closed(&self.cluster, self.key),
            None => {}
        }
        let released = self.cluster.list.borrow_mut().end_request(self.key);
        shard.released(&self.cluster, self.key, &released);
        // Else who tries in its turn, and finds no connection, would give itself another turn, and so on for ever.
        if !self.seated {
            return;
        }
        let plan = self.cluster.plan();
        if !(self.parked && plan.limits_connections && plan.has_waiters()) {
            return plan.room_was_made();
        }
        // In this turn nobody can have the connection yet.
        let (shard, cluster) = (Rc::clone(shard), Rc::clone(&self.cluster));
        shard.engine.clone().spawn(async move {
            shard.engine.yield_now().await;
            cluster.plan().room_was_made();
        });
    }
}

/// A backend that was selected, and where it listens.
struct Selected<E: Engine>(Upstream<E>, Address);

impl<E: Engine> Selected<E> {
    /// With a connection of the pool, or with one counted that is to be made; `None`: there may be no more.
    fn connected(mut self, fresh: bool) -> Option<(Upstream<E>, Address)> {
        self.0.seated = (!fresh && self.0.take_pooled()) || self.0.count_connection();
        self.0.seated.then_some((self.0, self.1))
    }
}
