//! The head of a request: gathered, understood, routed, and written anew for the backend.

use std::io;

use ringway_engine::{Buffer, Chunk, Deadline, Engine, Mode, Stream};

use crate::client::{Client, Left};
use crate::http1::{Body, HeadProgress, Method, Parsed, Reject, Scratch, Status, Version, request, rewrite};

/// What is kept of a request once its head has been written for the backend.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Index of the cluster that serves it; `None`: there is no route.
    pub(crate) cluster: Option<usize>,
    pub(crate) version: Version,
    /// The client lets us keep its connection.
    pub(crate) keep_alive: bool,
    pub(crate) is_head: bool,
    /// Sending it twice has the same effect as sending it once (RFC 9110 §9.2.2).
    pub(crate) idempotent: bool,
    pub(crate) body: Body,
    head_len: usize,
}

/// A request whose head is complete.
pub(crate) struct Gathered<C> {
    pub(crate) ask: Ask,
    /// The head as it goes to the backend.
    pub(crate) head: Buffer,
    /// What was received behind it.
    pub(crate) rest: Option<C>,
}

/// Reads the head that begins with `first`. Where there is none to be had the client was answered, and what comes next is
/// the error.
pub(crate) async fn gather<E: Engine>(
    client: &Client<E>,
    mut first: E::Chunk,
) -> Result<Gathered<E::Chunk>, Left<E::Chunk>> {
    let mut head = client.shard.engine.buffer();
    let mut progress = HeadProgress::default();
    match look(client, &first, &mut progress, &mut head) {
        Ok(Some(ask)) => {
            let rest = rest_after(&mut first, ask.head_len).then_some(first);
            return Ok(Gathered { ask, head, rest });
        }
        Ok(None) => {}
        Err(reject) => return Err(refuse(client, reject).await),
    }
    // It comes in pieces: they are put together in a buffer, and each receive buffer goes home at once.
    let mut received = client.shard.engine.buffer();
    received.vec().extend_from_slice(&first);
    drop(first);
    client.stream.set_deadline(Deadline::Recv, client.shard.engine.now() + client.timeouts().head);
    client.stream.set_mode(Mode::Head);
    loop {
        let mut piece = match client.stream.recv().await {
            Ok(Some(piece)) => piece,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                client.shard.counters.client_timeouts.one();
                client.answer(Status::RequestTimeout, false, false).await;
                return Err(Left::Linger);
            }
            Ok(None) => {
                let truncated =
                    Reject { status: Status::BadRequest, reason: "connection ended within the head" };
                return Err(refuse(client, truncated).await);
            }
            Err(_) => return Err(Left::Close),
        };
        let before = received.len();
        received.vec().extend_from_slice(&piece);
        match look(client, &received, &mut progress, &mut head) {
            Ok(Some(ask)) => {
                let rest = rest_after(&mut piece, ask.head_len - before).then_some(piece);
                return Ok(Gathered { ask, head, rest });
            }
            Ok(None) => {}
            Err(reject) => return Err(refuse(client, reject).await),
        }
    }
}

/// Drops the head from a chunk; whether anything is left.
fn rest_after(chunk: &mut impl Chunk, head_len: usize) -> bool {
    chunk.advance(head_len);
    !chunk.is_empty()
}

/// Understands the head at the start of `received`, routes it and writes it for the backend; `None`: there is more of it
/// to come. One synchronous step, so that the parsed fields live on the stack and are never kept.
fn look<E: Engine>(
    client: &Client<E>,
    received: &[u8],
    progress: &mut HeadProgress,
    head: &mut Buffer,
) -> Result<Option<Ask>, Reject> {
    let plan = client.plan();
    let mut scratch = Scratch::new();
    let request = match request::parse(received, &plan.limits, progress, &mut scratch)? {
        Parsed::Partial => return Ok(None),
        Parsed::Complete(request) => request,
    };
    let host = request.authority.map_or(&b""[..], |authority| authority.host);
    let cluster = plan.router.lookup(host, request.path);
    rewrite::request(&request, client.forward(), head.vec());
    Ok(Some(Ask {
        cluster: cluster.map(|cluster| cluster as usize),
        version: request.version,
        keep_alive: request.keep_alive,
        is_head: request.method == Method::Head,
        idempotent: request.method.is_idempotent(),
        body: Body::new(request.body),
        head_len: request.head_len,
    }))
}

async fn refuse<E: Engine>(client: &Client<E>, reject: Reject) -> Left<E::Chunk> {
    client.shard.counters.rejected.one();
    tracing::debug!(shard = client.shard.id, %reject, "request refused");
    client.answer(reject.status, false, false).await;
    Left::Linger
}

/// How much of a body is still to come at least, for choosing buffers.
pub(crate) fn is_bulk(body: &Body) -> bool {
    match body {
        Body::Done => false,
        Body::Length { left } => *left >= crate::limits::BULK_BYTES_MIN,
        Body::Chunked(_) | Body::UntilClose => true,
    }
}
