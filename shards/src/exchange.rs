//! One request and its answer: from the first byte to the decision what becomes of both connections.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ringway_core::Time;
use ringway_engine::{Buffer, Chunk, Deadline, Engine, Out, Stream};

use crate::client::{self, Client, Left, Next};
use crate::http1::{Body, Framing, FramingError, Status};
use crate::limits::JOIN_BYTES_MAX;
use crate::request::{self, Gathered};
use crate::respond::{Answered, Asker, RespondError, respond};
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
    /// Without one.
    Failed(RespondError),
    /// The client broke its own request; `answering`: it has part of an answer.
    Upload { error: UploadError, answering: bool },
}

/// Serves the request that begins with `first`, and leaves the connection ready for the next one or ended.
pub(crate) async fn exchange<E: Engine>(client: Rc<Client<E>>, first: E::Chunk) -> Next<E::Chunk> {
    let left = answer(&client, first).await;
    client::settle(&client, left).await
}

async fn answer<E: Engine>(client: &Client<E>, first: E::Chunk) -> Left<E::Chunk> {
    let Gathered { ask, head, rest } = match request::gather(client, first).await {
        Ok(gathered) => gathered,
        Err(left) => return left,
    };
    let counters = &client.shard.counters;
    counters.requests.one();
    let asker = Asker { version: ask.version, keep_alive: ask.keep_alive, is_head: ask.is_head };
    let mut out = Outgoing { head, piece: None, body: ask.body, tail: Vec::new() };
    let Ok(rest) = begin_body(&mut out, rest) else {
        counters.rejected.one();
        return fail(client, Status::BadRequest, asker, false, None).await;
    };
    let whole = out.is_whole();
    let Some(cluster) = ask.cluster else {
        return fail(client, Status::NotFound, asker, whole, rest).await;
    };
    // Some backend took the request and did not answer it.
    let mut reached = false;
    let mut attempts = Attempts::new(client.shard.plan.clusters[cluster].retries);
    loop {
        let Some(upstream) = Upstream::acquire(client, cluster, &mut attempts).await else {
            counters.unserved.one();
            let status = if reached { Status::BadGateway } else { Status::ServiceUnavailable };
            return fail(client, status, asker, whole, rest).await;
        };
        reached = true;
        match attempt(client, &upstream, &mut out, asker).await {
            Outcome::Answered { answered, uploaded, behind } => {
                if answered.keep_upstream && uploaded && upstream.has_taken_all().await {
                    upstream.park();
                }
                return after(asker, answered.keep_client, uploaded, rest.or(behind));
            }
            Outcome::Upload { error, answering } => {
                drop(upstream);
                return abandon(client, error, answering, asker).await;
            }
            Outcome::Failed(RespondError::Unanswered) => {
                if !(whole && ask.idempotent) {
                    drop(upstream);
                    return fail(client, Status::BadGateway, asker, whole, rest).await;
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
                drop(upstream);
                return give_up(client, error, asker, whole, rest).await;
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
    client: &Client<E>,
    upstream: &Upstream<E>,
    out: &mut Outgoing<E::Chunk>,
    asker: Asker,
) -> Outcome<E::Chunk> {
    let head = out.head.share();
    upstream.post(
        client,
        match out.piece.take() {
            None => Out::Buffer(head),
            Some(piece) => Out::Both(head, piece),
        },
    );
    let await_answer = || {
        let deadline = client.shard.engine.now() + client.timeouts().response;
        upstream.stream().set_deadline(Deadline::Recv, deadline);
    };
    if out.body.is_done() {
        await_answer();
        // Where it fails the backend is gone, which the wait for the answer tells as well.
        let _ = upload::send_tail(client, upstream, &out.tail).await;
        return match respond(client, upstream, asker, || {}).await {
            Ok(answered) => Outcome::Answered { answered, uploaded: true, behind: None },
            Err(error) => Outcome::Failed(error),
        };
    }
    // The answer's time begins when the request is out; what is left of the connection's last one must not cut it short.
    upstream.stream().set_deadline(Deadline::Recv, Time::NEVER);
    let body = mem::replace(&mut out.body, Body::Done);
    let answering = Cell::new(false);
    let mut uploading = pin!(upload::upload(client, upstream, body, mem::take(&mut out.tail)));
    let mut responding = pin!(respond(client, upstream, asker, || answering.set(true)));
    let (mut busy, mut uploaded, mut behind) = (true, false, None);
    poll_fn(|cx| {
        if busy && let Poll::Ready(result) = uploading.as_mut().poll(cx) {
            busy = false;
            match result {
                Ok(rest) => (uploaded, behind) = (true, rest),
                // It may have answered before it stopped to listen.
                Err(UploadError::Backend) => {}
                Err(error) => return Poll::Ready(Outcome::Upload { error, answering: answering.get() }),
            }
            if !answering.get() {
                await_answer();
            }
        }
        responding.as_mut().poll(cx).map(|result| match result {
            Ok(answered) => Outcome::Answered { answered, uploaded, behind: behind.take() },
            Err(error) => Outcome::Failed(error),
        })
    })
    .await
}

/// What becomes of the client's connection after an answer.
fn after<C>(asker: Asker, keep: bool, request_read: bool, rest: Option<C>) -> Left<C> {
    match rest {
        _ if !request_read => Left::Linger,
        rest if keep => Left::Keep(rest),
        None if !asker.keep_alive => Left::Close,
        // The client did not ask for the end, so its next request may be under way.
        _ => Left::Linger,
    }
}

/// Answers without a backend's help.
async fn fail<E: Engine>(
    client: &Client<E>,
    status: Status,
    asker: Asker,
    request_read: bool,
    rest: Option<E::Chunk>,
) -> Left<E::Chunk> {
    let keep = asker.keep_alive && request_read && !client.shard.draining.get();
    client.answer(status, keep, asker.is_head).await;
    after(asker, keep, request_read, rest)
}

/// The backend had the request and does not answer it as it should.
async fn give_up<E: Engine>(
    client: &Client<E>,
    error: RespondError,
    asker: Asker,
    whole: bool,
    rest: Option<E::Chunk>,
) -> Left<E::Chunk> {
    let counters = &client.shard.counters;
    match error {
        RespondError::Timeout => {
            counters.backend_timeouts.one();
            fail(client, Status::GatewayTimeout, asker, whole, rest).await
        }
        RespondError::Bad(reason) => {
            counters.bad_responses.one();
            tracing::debug!(shard = client.shard.id, reason, "response refused");
            fail(client, Status::BadGateway, asker, whole, rest).await
        }
        RespondError::Unanswered => fail(client, Status::BadGateway, asker, whole, rest).await,
        RespondError::Cut | RespondError::ClientGone => {
            counters.aborted.one();
            Left::Cut
        }
    }
}

/// The client did not bring its request to an end.
async fn abandon<E: Engine>(
    client: &Client<E>,
    error: UploadError,
    answering: bool,
    asker: Asker,
) -> Left<E::Chunk> {
    let counters = &client.shard.counters;
    let status = match error {
        UploadError::Timeout => {
            counters.client_timeouts.one();
            Status::RequestTimeout
        }
        UploadError::Framing => {
            counters.rejected.one();
            Status::BadRequest
        }
        UploadError::ClientGone | UploadError::Backend => {
            counters.aborted.one();
            return Left::Cut;
        }
    };
    if answering {
        counters.aborted.one();
        return Left::Cut;
    }
    fail(client, status, asker, false, None).await
}
