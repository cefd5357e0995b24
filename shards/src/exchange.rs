//! One request and its answer: from the first byte to the decision what becomes of both connections.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ringway_core::Time;
use ringway_core::config::SendProxy;
use ringway_engine::{Buffer, Chunk, Deadline, Engine, Out, Stream};

use crate::call::Call;
use crate::client::{self, Client, Left, Next};
use crate::greeting;
use crate::http1::{Body, Framing, FramingError, Status};
use crate::limits::JOIN_BYTES_MAX;
use crate::live::Lead;
use crate::own::{self, Wants};
use crate::plan::Action;
use crate::request::{self, Gathered};
use crate::respond::{Answered, Asker, Done, RespondError, respond};
use crate::source;
use crate::tunnel;
use crate::upload::{self, Piece, UploadError};
use crate::upstream::{Attempts, Upstream};

/// What goes to the backend.
struct Outgoing<C> {
    /// The head, and the body behind it if that is short and there already.
    head: Buffer,
    /// The beginning of a body that is not short.
    piece: Option<C>,
    /// What is still to come of it.
    body: Body,
    tail: Vec<u8>,
}

impl<C> Outgoing<C> {
    /// Whether `head` is all there is: it can then be sent again.
    fn is_whole(&self) -> bool {
        self.piece.is_none() && self.body.is_done()
    }
}

/// How an attempt at a backend ended.
enum Outcome<C> {
    /// With an answer.
    Answered {
        answered: Answered,
        /// The backend took the whole request.
        uploaded: bool,
        /// What the client sent behind it.
        behind: Option<C>,
    },
    /// With a tunnel, and what the backend sent in it already.
    Switched(Option<C>),
    /// Without one.
    Failed(RespondError),
    /// The client broke its own request; `answering`: it has part of an answer.
    Upload { error: UploadError, answering: bool },
}

/// Serves the request that begins with `first`, and leaves the connection ready for the next one or ended.
pub(crate) async fn exchange<E: Engine>(client: Rc<Client<E>>, first: E::Chunk) -> Next<E::Chunk> {
    let left = answer(&Call::new(&client), first).await;
    client::settle(&client, left).await
}

async fn answer<E: Engine>(call: &Call<'_, E>, first: E::Chunk) -> Left<E::Chunk> {
    let shard = &call.client.shard;
    let Gathered { ask, head, rest } = match request::gather(call, first).await {
        Ok(gathered) => gathered,
        Err(left) => return left,
    };
    let counters = &shard.counters;
    counters.requests.one();
    let affinity = ask.affinity;
    let (lead, is_idempotent) = (ask.lead, ask.idempotent);
    let asker = Asker {
        version: ask.version,
        keep_alive: ask.keep_alive,
        is_last: ask.is_last,
        is_head: ask.is_head,
        tunnel: ask.tunnel,
        route: lead.route(),
        sticky: affinity.sticky,
    };
    let mut out = Outgoing { head, piece: None, body: ask.body, tail: Vec::new() };
    if let Some(Action::Redirect(status, _)) = lead.own() {
        return redirect(call, *status, asker, out, rest).await;
    }
    let Ok(rest) = begin_body(&mut out, rest) else {
        counters.rejected.one();
        return fail(call, Status::BadRequest, Unserved { asker, out: &out, whole: false, rest: None }).await;
    };
    let whole = out.is_whole();
    if ask.is_too_fast {
        counters.rate_limited.one();
        return fail(call, Status::TooManyRequests, Unserved { asker, out: &out, whole, rest }).await;
    }
    if let Some(Action::Respond(status, answer)) = lead.own() {
        let keep = asker.keep_alive && whole && !call.client.is_ending();
        let mut buffer = shard.engine.buffer();
        buffer.vec().extend_from_slice(answer.answer(keep, asker.is_head));
        own::send(call, *status, Out::Buffer(buffer)).await;
        return after(asker, keep, whole, rest);
    }
    let Lead::Cluster { cluster, .. } = &lead else {
        let status = match lead {
            Lead::Gone => Status::ServiceUnavailable,
            Lead::Nowhere | Lead::Own(_) | Lead::Cluster { .. } => Status::NotFound,
        };
        return fail(call, status, Unserved { asker, out: &out, whole, rest }).await;
    };
    let mut place = None;
    if source::is_limited(&shard.gate) {
        place = source::try_place(call);
        if place.is_none() {
            // Boxed: what nearly no request needs must not make every one larger.
            place = Box::pin(source::wait(call)).await;
        }
        if place.is_none() {
            counters.source_refused.one();
            let request = Unserved { asker, out: &out, whole, rest };
            return fail(call, Status::ServiceUnavailable, request).await;
        }
    }
    // Until the end of it all.
    let _place = place;
    cluster.count_request(shard.engine.now());
    // Some backend took the request and did not answer it.
    let mut reached = false;
    let mut attempts = Attempts::new(cluster.plan().retries, affinity);
    let mut rest = rest;
    if whole && rest.is_none() {
        call.has_all();
    }
    loop {
        let upstream = Upstream::acquire(call, cluster, &mut attempts).await;
        rest = rest.or_else(|| call.take_ahead());
        let Some(upstream) = upstream else {
            if call.was_deserted() {
                counters.aborted.one();
                return Left::Close;
            }
            if call.is_over() {
                return give_up(call, RespondError::Timeout, Unserved { asker, out: &out, whole, rest })
                    .await;
            }
            counters.unserved.one();
            let status = if reached { Status::BadGateway } else { Status::ServiceUnavailable };
            return fail(call, status, Unserved { asker, out: &out, whole, rest }).await;
        };
        reached = true;
        match attempt(call, &upstream, &mut out, asker).await {
            Outcome::Answered { answered, uploaded, behind } => {
                if answered.keep_upstream && uploaded && upstream.has_taken_all().await {
                    upstream.park();
                }
                return after(asker, answered.keep_client, uploaded, rest.or(behind));
            }
            Outcome::Switched(behind) => {
                // Boxed: few exchanges become tunnels, and each would be larger for it.
                Box::pin(tunnel::between(call, &upstream, rest, behind)).await;
                return Left::Close;
            }
            Outcome::Upload { error, answering } => {
                drop(upstream);
                let request = Unserved { asker, out: &out, whole: false, rest: None };
                return abandon(call, error, answering, request).await;
            }
            Outcome::Failed(RespondError::Unanswered) => {
                if !upstream.reused {
                    upstream.misbehaved();
                }
                if !(whole && is_idempotent) {
                    drop(upstream);
                    return fail(call, Status::BadGateway, Unserved { asker, out: &out, whole, rest }).await;
                }
                // A connection from the pool that ends unanswered was closed while our request was on its way: that
                // happens, and says nothing about the backend.
                if upstream.reused {
                    upstream.stale(&mut attempts);
                } else {
                    upstream.unanswered(&mut attempts);
                }
            }
            Outcome::Failed(error) => {
                if error.is_the_backends() {
                    upstream.misbehaved();
                }
                drop(upstream);
                return give_up(call, error, Unserved { asker, out: &out, whole, rest }).await;
            }
        }
    }
}

/// Judges what is there of the body; a short piece goes behind the head. What follows the body comes back.
fn begin_body<C: Chunk>(out: &mut Outgoing<C>, received: Option<C>) -> Result<Option<C>, FramingError> {
    if out.body.is_done() {
        return Ok(received);
    }
    let Some(received) = received else { return Ok(None) };
    let Piece { forward, rest } = upload::feed(&mut out.body, Framing::AsIs, received, &mut out.tail)?;
    if forward.len() > JOIN_BYTES_MAX {
        out.piece = Some(forward);
    } else {
        out.head.vec().extend_from_slice(&forward);
        if out.body.is_done() {
            out.head.vec().append(&mut out.tail);
        }
    }
    Ok(rest)
}

/// Sends the request and passes the answer on. Both directions flow at once: a backend may answer before it has read
/// everything, and go on reading.
async fn attempt<E: Engine>(
    call: &Call<'_, E>,
    upstream: &Upstream<E>,
    out: &mut Outgoing<E::Chunk>,
    asker: Asker<'_>,
) -> Outcome<E::Chunk> {
    let head = match upstream.send_proxy() {
        SendProxy::Off => out.head.share(),
        send => {
            let mut greeted = call.client.shard.engine.buffer();
            greeting::push_proxy_header(call.client, send, greeted.vec());
            greeted.vec().extend_from_slice(&out.head);
            greeted
        }
    };
    upstream.post(
        call,
        match out.piece.take() {
            None => Out::Buffer(head),
            Some(piece) => Out::Both(head, piece),
        },
    );
    let await_answer = || {
        upstream.stream().set_deadline(Deadline::Recv, call.by(call.timeouts().response));
    };
    if out.body.is_done() {
        await_answer();
        // Where it fails otherwise the backend is gone, which the wait for the answer tells as well.
        if let Err(UploadError::Stalled) = upload::send_tail(call, upstream, &out.tail).await {
            return Outcome::Failed(RespondError::NotTaken);
        }
        return match respond(call, upstream, asker, || {}).await {
            Ok(Done::Answered(answered)) => Outcome::Answered { answered, uploaded: true, behind: None },
            Ok(Done::Switched(behind)) => Outcome::Switched(behind),
            Err(error) => Outcome::Failed(error),
        };
    }
    // The answer's time begins when the request is out; what is left of the connection's last one must not cut it short.
    upstream.stream().set_deadline(Deadline::Recv, Time::NEVER);
    let body = mem::replace(&mut out.body, Body::Done);
    let answering = Cell::new(false);
    let mut uploading = pin!(upload::upload(call, upstream, body, mem::take(&mut out.tail)));
    let mut responding = pin!(respond(call, upstream, asker, || answering.set(true)));
    let (mut busy, mut uploaded, mut behind) = (true, false, None);
    poll_fn(|cx| {
        if busy && let Poll::Ready(result) = uploading.as_mut().poll(cx) {
            busy = false;
            match result {
                Ok(rest) => (uploaded, behind) = (true, rest),
                Err(UploadError::Stalled) if !answering.get() => {
                    return Poll::Ready(Outcome::Failed(RespondError::NotTaken));
                }
                // It may have answered before it stopped to listen.
                Err(UploadError::Backend | UploadError::Stalled) => {}
                Err(error) => return Poll::Ready(Outcome::Upload { error, answering: answering.get() }),
            }
            if !answering.get() {
                await_answer();
            }
        }
        responding.as_mut().poll(cx).map(|result| match result {
            Ok(Done::Answered(answered)) => Outcome::Answered { answered, uploaded, behind: behind.take() },
            // Only requests without a body ask for a tunnel, and only such an answer begins one.
            Ok(Done::Switched(_)) => Outcome::Failed(RespondError::Cut),
            Err(error) => Outcome::Failed(error),
        })
    })
    .await
}

/// What becomes of the client's connection after an answer.
fn after<C>(asker: Asker<'_>, keep: bool, request_read: bool, rest: Option<C>) -> Left<C> {
    match rest {
        _ if !request_read => Left::Linger,
        rest if keep => Left::Keep(rest),
        None if asker.is_last => Left::Close,
        // The client did not ask for the end, so its next request may be under way.
        _ => Left::Linger,
    }
}

/// Sends the answer that the request's head was turned into.
async fn redirect<E: Engine>(
    call: &Call<'_, E>,
    status: u16,
    asker: Asker<'_>,
    out: Outgoing<E::Chunk>,
    rest: Option<E::Chunk>,
) -> Left<E::Chunk> {
    let whole = out.body.is_done();
    own::send(call, status, Out::Buffer(out.head)).await;
    after(asker, asker.keep_alive && whole && !call.client.is_ending(), whole, rest)
}

/// A request that is answered without a backend's help.
struct Unserved<'a, C> {
    asker: Asker<'a>,
    /// What was made of it.
    out: &'a Outgoing<C>,
    /// It was read to its end.
    whole: bool,
    /// What was received behind it.
    rest: Option<C>,
}

/// Answers without a backend's help.
async fn fail<E: Engine>(
    call: &Call<'_, E>,
    status: Status,
    request: Unserved<'_, E::Chunk>,
) -> Left<E::Chunk> {
    let Unserved { asker, out, whole, rest } = request;
    let keep_alive = asker.keep_alive && whole && !call.client.is_ending();
    own::answer(call, status, Wants { head: &out.head, keep_alive, is_head: asker.is_head }).await;
    after(asker, keep_alive, whole, rest)
}

/// The backend had the request and does not answer it as it should.
async fn give_up<E: Engine>(
    call: &Call<'_, E>,
    error: RespondError,
    request: Unserved<'_, E::Chunk>,
) -> Left<E::Chunk> {
    let counters = &call.client.shard.counters;
    match error {
        RespondError::Timeout => {
            counters.backend_timeouts.one();
            fail(call, Status::GatewayTimeout, request).await
        }
        RespondError::NotTaken => {
            counters.backend_timeouts.one();
            fail(call, Status::BadGateway, request).await
        }
        RespondError::Bad(reason) => {
            counters.bad_responses.one();
            tracing::debug!(shard = call.client.shard.id, reason, "response refused");
            fail(call, Status::BadGateway, request).await
        }
        RespondError::Unanswered => fail(call, Status::BadGateway, request).await,
        RespondError::Cut | RespondError::ClientGone => {
            counters.aborted.one();
            Left::Cut
        }
    }
}

/// The client did not bring its request to an end.
async fn abandon<E: Engine>(
    call: &Call<'_, E>,
    error: UploadError,
    answering: bool,
    request: Unserved<'_, E::Chunk>,
) -> Left<E::Chunk> {
    let counters = &call.client.shard.counters;
    let status = match error {
        UploadError::Timeout => {
            counters.client_timeouts.one();
            Status::RequestTimeout
        }
        UploadError::Framing => {
            counters.rejected.one();
            Status::BadRequest
        }
        UploadError::ClientGone | UploadError::Backend | UploadError::Stalled => {
            counters.aborted.one();
            return Left::Cut;
        }
    };
    if answering {
        counters.aborted.one();
        return Left::Cut;
    }
    fail(call, status, request).await
}
