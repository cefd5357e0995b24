//! The backend's answer on its way to the client.

use std::io;

use ringway_engine::{Buffer, Chunk, Deadline, Engine, Mode, Out, Stream};

use crate::client::Client;
use crate::http1::rewrite::{ClientSide, Edit, HeadOut};
use crate::http1::{
    BadResponse, Body, Framing, HeadLimits, HeadProgress, Method, Parsed, Scratch, Version, response, rewrite,
};
use crate::limits::{INTERIM_RESPONSES_MAX, JOIN_BYTES_MAX};
use crate::request::is_bulk;
use crate::upload::{Piece, feed};
use crate::upstream::Upstream;

/// Limits for the heads of backends, which are trusted more than clients: what HAProxy and nginx take by default.
const RESPONSE_LIMITS: HeadLimits = HeadLimits { head_bytes: 32 * 1024, headers: 256, uri_bytes: 32 * 1024 };

/// A complete answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    /// The client's connection may be kept.
    pub(crate) keep_client: bool,
    /// The backend's connection may carry another request.
    pub(crate) keep_upstream: bool,
}

/// Why there is no complete answer.
#[derive(Debug)]
pub(crate) enum RespondError {
    /// The backend's connection ended before the first byte of an answer: the request may be sent again.
    Unanswered,
    /// The backend did not begin to answer in time: 504.
    Timeout,
    /// The answer can not be passed on, and nothing of it was: 502.
    Bad(&'static str),
    /// The client has part of the answer: all that can be done is to cut it off, so that it does not take it for whole.
    Cut,
    /// The client does not take the answer.
    ClientGone,
}

impl From<BadResponse> for RespondError {
    fn from(bad: BadResponse) -> RespondError {
        RespondError::Bad(bad.reason)
    }
}

/// What the client's side decides about an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) version: Version,
    pub(crate) keep_alive: bool,
    pub(crate) is_head: bool,
}

/// What is kept of an answer's head.
struct Head {
    status: u16,
    len: usize,
    out: HeadOut,
    body: Body,
    framing: Framing,
    keep_client: bool,
    keep_upstream: bool,
}

/// Passes the answer on, interim ones included. `answering` is called when the head of the final one is there.
pub(crate) async fn respond<E: Engine>(
    client: &Client<E>,
    upstream: &Upstream<E>,
    asker: Asker,
    answering: impl Fn(),
) -> Result<Answered, RespondError> {
    let mut rest: Option<E::Chunk> = None;
    let mut interims = 0;
    loop {
        let first = match rest.take() {
            Some(chunk) => chunk,
            None => receive_first(upstream, interims).await?,
        };
        let mut out = client.shard.engine.buffer();
        let draining = || client.shard.draining.get();
        let (head, mut chunk) = gather(upstream, asker, draining, first, &mut out).await?;
        if head.status >= 200 {
            answering();
            upstream.succeeded();
            return forward(client, upstream, head, chunk, out).await;
        }
        interims += 1;
        if head.status == 101 || interims > INTERIM_RESPONSES_MAX {
            // Upgrade is not passed on, so nobody asked for another protocol.
            return Err(RespondError::Bad("interim response that nobody asked for"));
        }
        let interim = take_head(&head, &mut chunk, &mut out);
        if asker.version == Version::Http11 {
            client.stream.sent().await.map_err(|_| RespondError::ClientGone)?;
            client.shard.counters.response(head.status);
            client.post(match interim {
                Some(chunk) => Out::Chunk(chunk),
                None => Out::Buffer(out),
            });
        }
        rest = (!chunk.is_empty()).then_some(chunk);
    }
}

async fn receive_first<E: Engine>(upstream: &Upstream<E>, interims: u32) -> Result<E::Chunk, RespondError> {
    match upstream.stream().recv().await {
        Ok(Some(chunk)) => Ok(chunk),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(RespondError::Timeout),
        Ok(None) | Err(_) if interims == 0 => Err(RespondError::Unanswered),
        Ok(None) | Err(_) => Err(RespondError::Bad("connection ended after an interim response")),
    }
}

/// Reads the head that begins with `chunk`. The chunk that comes back begins with the head, if that came in one piece;
/// else the head stands in `out`, and the chunk begins with what follows it.
async fn gather<E: Engine>(
    upstream: &Upstream<E>,
    asker: Asker,
    draining: impl Fn() -> bool,
    first: E::Chunk,
    out: &mut Buffer,
) -> Result<(Head, E::Chunk), RespondError> {
    // Asked when the head is there: a drain that began meanwhile must be said in it.
    let asker = || Asker { keep_alive: asker.keep_alive && !draining(), ..asker };
    let mut progress = HeadProgress::default();
    if let Some(head) = look(&first, asker(), &mut progress, out)? {
        return Ok((head, first));
    }
    let mut received = out.vec().split_off(0);
    received.extend_from_slice(&first);
    drop(first);
    loop {
        let mut piece = match upstream.stream().recv().await {
            Ok(Some(piece)) => piece,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(RespondError::Timeout),
            Ok(None) | Err(_) => return Err(RespondError::Bad("connection ended within the response head")),
        };
        let before = received.len();
        received.extend_from_slice(&piece);
        if let Some(mut head) = look(&received, asker(), &mut progress, out)? {
            piece.advance(head.len - before);
            received.truncate(head.len);
            match head.out {
                HeadOut::Untouched => out.vec().extend_from_slice(&received),
                HeadOut::InPlace(edit) => {
                    let start = edit.apply(&mut received);
                    out.vec().extend_from_slice(&received[start..]);
                }
                HeadOut::Written => {}
            }
            (head.out, head.len) = (HeadOut::Written, 0);
            return Ok((head, piece));
        }
    }
}

/// Understands the head at the start of `received` and decides how it goes to the client. One synchronous step: see
/// `request::look`.
fn look(
    received: &[u8],
    asker: Asker,
    progress: &mut HeadProgress,
    out: &mut Buffer,
) -> Result<Option<Head>, BadResponse> {
    let mut scratch = Scratch::new();
    // Only HEAD changes how the body of an answer is found; CONNECT is refused before.
    let method = if asker.is_head { Method::Head } else { Method::Get };
    let response = match response::parse(received, method, &RESPONSE_LIMITS, progress, &mut scratch)? {
        Parsed::Partial => return Ok(None),
        Parsed::Complete(response) => response,
    };
    let side = ClientSide { version: asker.version, keep_alive: asker.keep_alive };
    let rewritten = rewrite::response(&response, side, out.vec());
    Ok(Some(Head {
        status: response.status,
        len: response.head_len,
        out: rewritten.head,
        body: Body::new(response.body),
        framing: rewritten.framing,
        keep_client: rewritten.keep_alive,
        keep_upstream: response.keep_alive,
    }))
}

/// Cuts an interim head off `chunk`: as a chunk if it is sent from there, else it is in `out`.
fn take_head<C: Chunk>(head: &Head, chunk: &mut C, out: &mut Buffer) -> Option<C> {
    let mut front = chunk.split_to(head.len);
    match head.out {
        HeadOut::Untouched => Some(front),
        HeadOut::InPlace(edit) => {
            edit_in_place(edit, &mut front);
            Some(front)
        }
        HeadOut::Written => {
            debug_assert!(!out.is_empty());
            None
        }
    }
}

/// Carries the edit out; the chunk then begins with the edited head. How many bytes shorter it is.
fn edit_in_place(edit: Edit, chunk: &mut impl Chunk) -> usize {
    let start = edit.apply(chunk);
    chunk.advance(start);
    start
}

/// Sends the final answer: its head with what is there of the body, then the rest as it comes.
async fn forward<E: Engine>(
    client: &Client<E>,
    upstream: &Upstream<E>,
    head: Head,
    mut chunk: E::Chunk,
    mut out: Buffer,
) -> Result<Answered, RespondError> {
    let Head { mut body, framing, keep_client, mut keep_upstream, .. } = head;
    let mut tail = Vec::new();
    // Where the body starts in the chunk, if the head goes out from there.
    let body_at = match head.out {
        HeadOut::Untouched => head.len,
        HeadOut::InPlace(edit) => head.len - edit_in_place(edit, &mut chunk),
        HeadOut::Written => {
            chunk.advance(head.len);
            0
        }
    };
    let fed = body.feed(&mut chunk[body_at..], framing, &mut tail);
    let fed = fed.map_err(|_| RespondError::Bad("malformed response body"))?;
    client.shard.counters.response(head.status);
    // Bytes behind the answer belong to nothing: they are dropped, and the connection with them.
    keep_upstream &= body_at + fed.consumed == chunk.len();
    chunk.truncate(body_at + fed.kept);
    client.stream.sent().await.map_err(|_| RespondError::ClientGone)?;
    client.post(match head.out {
        HeadOut::Untouched | HeadOut::InPlace(_) => Out::Chunk(chunk),
        HeadOut::Written if chunk.len() <= JOIN_BYTES_MAX => {
            out.vec().extend_from_slice(&chunk);
            Out::Buffer(out)
        }
        HeadOut::Written => Out::Both(out, chunk),
    });
    if !body.is_done() {
        keep_upstream &= relay(client, upstream, &mut body, framing, &mut tail).await?;
    }
    if !tail.is_empty() {
        client.stream.sent().await.map_err(|_| RespondError::ClientGone)?;
        let mut buffer = client.shard.engine.buffer();
        buffer.vec().extend_from_slice(&tail);
        client.post(Out::Buffer(buffer));
    }
    Ok(Answered { keep_client, keep_upstream })
}

/// Passes the rest of a body on. While one piece is on its way to the client the next is received, and no more: a slow
/// client slows the backend down. `false`: the backend sent more than the body.
async fn relay<E: Engine>(
    client: &Client<E>,
    upstream: &Upstream<E>,
    body: &mut Body,
    framing: Framing,
    tail: &mut Vec<u8>,
) -> Result<bool, RespondError> {
    let stream = upstream.stream();
    stream.set_mode(if is_bulk(body) { Mode::Body } else { Mode::Head });
    loop {
        stream.set_deadline(Deadline::Recv, client.shard.engine.now() + client.timeouts().response_body);
        let chunk = match stream.recv().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => {
                body.end_of_input().map_err(|_| RespondError::Cut)?;
                return Ok(false);
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::TimedOut {
                    client.shard.counters.backend_timeouts.one();
                }
                return Err(RespondError::Cut);
            }
        };
        let Piece { forward, rest } = feed(body, framing, chunk, tail).map_err(|_| RespondError::Cut)?;
        client.stream.sent().await.map_err(|_| RespondError::ClientGone)?;
        if !forward.is_empty() {
            client.post(Out::Chunk(forward));
        }
        if body.is_done() {
            return Ok(rest.is_none());
        }
    }
}
