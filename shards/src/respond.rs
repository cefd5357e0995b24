//! The backend's answer on its way to the client.

use std::io;

use ringway_engine::{Buffer, Chunk, Deadline, Engine, Mode, Out, Stream};
use ringway_lb::BackendKey;

use crate::bulk::{self, Step, StepError};
use crate::call::Call;
use crate::http1::rewrite::{ClientSide, Edit, HeadOut, ResponseRules};
use crate::http1::{
    BadResponse, Body, Framing, HeadLimits, HeadProgress, Parsed, ReplyTo, Scratch, Tunnel, Version,
    response, rewrite,
};
use crate::limits::{INTERIM_RESPONSES_MAX, JOIN_BYTES_MAX};
use crate::live::Route;
use crate::request::is_bulk;
use crate::upload::{Piece, feed};
use crate::upstream::Upstream;

/// Limits for the heads of backends, which are trusted more than clients: what HAProxy and nginx take by default.
const RESPONSE_LIMITS: HeadLimits = HeadLimits { head_bytes: 32 * 1024, headers: 256, uri_bytes: 32 * 1024 };

/// What the backend's answer came to.
pub(crate) enum Done<C> {
    /// It was passed on to its end.
    Answered(Answered),
    /// It grants the tunnel that the client asked for, and its head was passed on. What came behind that is the tunnel's.
    Switched(Option<C>),
}

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
    /// The backend did not take the request in time: 502.
    NotTaken,
    /// The answer can not be passed on, and nothing of it was: 502.
    Bad(&'static str),
    /// The client has part of the answer: all that can be done is to cut it off, so that it does not take it for whole.
    Cut,
    /// The client does not take the answer.
    ClientGone,
}

impl RespondError {
    /// Whether it speaks against the backend, and not against its client.
    pub(crate) fn is_the_backends(&self) -> bool {
        matches!(
            self,
            RespondError::Unanswered | RespondError::Timeout | RespondError::NotTaken | RespondError::Bad(_)
        )
    }
}

impl From<BadResponse> for RespondError {
    fn from(bad: BadResponse) -> RespondError {
        RespondError::Bad(bad.reason)
    }
}

/// What the client's side decides about an answer.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) version: Version,
    pub(crate) keep_alive: bool,
    /// The client said by itself that it sends nothing more.
    pub(crate) is_last: bool,
    pub(crate) is_head: bool,
    /// What the client asked to leave HTTP for.
    pub(crate) tunnel: Tunnel,
    /// What led it here, where that changes it.
    pub(crate) route: Option<&'a Route>,
    /// The backend that its cookie names.
    pub(crate) sticky: Option<BackendKey>,
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
    tunnel: bool,
}

/// Passes the answer on, interim ones included. `answering` is called when the head of the final one is there.
pub(crate) async fn respond<E: Engine>(
    call: &Call<'_, E>,
    upstream: &Upstream<E>,
    asker: Asker<'_>,
    answering: impl Fn(),
) -> Result<Done<E::Chunk>, RespondError> {
    let client = call.client;
    let mut rest: Option<E::Chunk> = None;
    let mut interims = 0;
    loop {
        let first = match rest.take() {
            Some(chunk) => chunk,
            None => receive_first(upstream, interims).await?,
        };
        let mut out = client.shard.engine.buffer();
        let (head, mut chunk) = gather(call, upstream, asker, first, &mut out).await?;
        if head.tunnel {
            upstream.answered(head.status);
            pass_head(call, &head, &mut chunk, out).await?;
            return Ok(Done::Switched((!chunk.is_empty()).then_some(chunk)));
        }
        if head.status >= 200 {
            answering();
            upstream.answered(head.status);
            return forward(call, upstream, head, chunk, out).await.map(Done::Answered);
        }
        interims += 1;
        if interims > INTERIM_RESPONSES_MAX {
            return Err(RespondError::Bad("more interim responses than the limit"));
        }
        if asker.version == Version::Http11 {
            pass_head(call, &head, &mut chunk, out).await?;
        } else {
            drop(take_head(&head, &mut chunk, &mut out));
        }
        rest = (!chunk.is_empty()).then_some(chunk);
    }
}

/// Passes on a head that no body follows; `chunk` then begins with what came behind it.
async fn pass_head<E: Engine>(
    call: &Call<'_, E>,
    head: &Head,
    chunk: &mut E::Chunk,
    mut out: Buffer,
) -> Result<(), RespondError> {
    let taken = take_head(head, chunk, &mut out);
    call.client.stream.sent().await.map_err(|_| RespondError::ClientGone)?;
    call.client.shard.counters.response(head.status);
    call.post(match taken {
        Some(chunk) => Out::Chunk(chunk),
        None => Out::Buffer(out),
    });
    Ok(())
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
    call: &Call<'_, E>,
    upstream: &Upstream<E>,
    asker: Asker<'_>,
    first: E::Chunk,
    out: &mut Buffer,
) -> Result<(Head, E::Chunk), RespondError> {
    let rules = asker.route.and_then(|route| route.plan.response_rules.as_ref());
    let mut progress = HeadProgress::default();
    // Asked when the head is there: a drain that began meanwhile must be said in it.
    let asked = || {
        let ends = call.client.is_ending() || call.client.is_worn();
        Asker { keep_alive: asker.keep_alive && !ends, ..asker }
    };
    let mut look = |received: &[u8], out: &mut Buffer| {
        upstream
            .with_cookie(asker.sticky, |cookie| look(received, asked(), (rules, cookie), &mut progress, out))
    };
    if let Some(head) = look(&first, out)? {
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
        if let Some(mut head) = look(&received, out)? {
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
    asker: Asker<'_>,
    (rules, cookie): (Option<&ResponseRules>, Option<&[u8]>),
    progress: &mut HeadProgress,
    out: &mut Buffer,
) -> Result<Option<Head>, BadResponse> {
    let mut scratch = Scratch::new();
    let asked = ReplyTo { is_head: asker.is_head, tunnel: asker.tunnel };
    let response = match response::parse(received, asked, &RESPONSE_LIMITS, progress, &mut scratch)? {
        Parsed::Partial => return Ok(None),
        Parsed::Complete(response) => response,
    };
    let side = ClientSide { version: asker.version, keep_alive: asker.keep_alive };
    let rewritten = rewrite::response(&response, side, rules, cookie, out.vec());
    Ok(Some(Head {
        status: response.status,
        len: response.head_len,
        out: rewritten.head,
        body: Body::new(response.body),
        framing: rewritten.framing,
        keep_client: rewritten.keep_alive,
        keep_upstream: response.keep_alive,
        tunnel: response.tunnel,
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
    call: &Call<'_, E>,
    upstream: &Upstream<E>,
    head: Head,
    mut chunk: E::Chunk,
    mut out: Buffer,
) -> Result<Answered, RespondError> {
    let client = call.client;
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
    call.post(match head.out {
        HeadOut::Untouched | HeadOut::InPlace(_) => Out::Chunk(chunk),
        HeadOut::Written if chunk.len() <= JOIN_BYTES_MAX => {
            out.vec().extend_from_slice(&chunk);
            Out::Buffer(out)
        }
        HeadOut::Written => Out::Both(out, chunk),
    });
    if !body.is_done() {
        keep_upstream &= relay(call, upstream, &mut body, framing, &mut tail).await?;
    }
    if !tail.is_empty() {
        client.stream.sent().await.map_err(|_| RespondError::ClientGone)?;
        let mut buffer = client.shard.engine.buffer();
        buffer.vec().extend_from_slice(&tail);
        call.post(Out::Buffer(buffer));
    }
    Ok(Answered { keep_client, keep_upstream })
}

/// The backend's connection ended. That is the end of a body that lasts until then, unless the connection broke: the kernel
/// tells of that once, and may have told it to a send.
async fn ended<E: Engine>(upstream: &Upstream<E>, body: &mut Body) -> Result<(), RespondError> {
    let is_broken = upstream.send_failed().await;
    body.end_of_input().ok().filter(|()| !is_broken).ok_or(RespondError::Cut)
}

/// Passes the rest of a body on. While one piece is on its way to the client the next is received, and no more: a slow
/// client slows the backend down. `false`: the backend sent more than the body.
async fn relay<E: Engine>(
    call: &Call<'_, E>,
    upstream: &Upstream<E>,
    body: &mut Body,
    framing: Framing,
    tail: &mut Vec<u8>,
) -> Result<bool, RespondError> {
    let (client, stream) = (call.client, upstream.stream());
    stream.set_mode(if is_bulk(body) { Mode::Body } else { Mode::Head });
    let timeouts = call.timeouts();
    let lost = |error: io::Error| {
        if error.kind() == io::ErrorKind::TimedOut {
            client.shard.counters.backend_timeouts.one();
        }
        RespondError::Cut
    };
    loop {
        let by = call.by(timeouts.response_body);
        match bulk::step(stream, &client.stream, body, (by, call.within(timeouts.send))).await {
            Ok(Step::Passed(_)) if body.is_done() => return Ok(true),
            Ok(Step::Passed(_)) => continue,
            Ok(Step::End) => {
                return ended(upstream, body).await.map(|()| false);
            }
            Ok(Step::Ordinary) => {}
            Err(StepError::Sender(error)) => return Err(lost(error)),
            Err(StepError::Receiver(_)) => return Err(RespondError::ClientGone),
        }
        stream.set_deadline(Deadline::Recv, by);
        let chunk = match stream.recv().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => {
                return ended(upstream, body).await.map(|()| false);
            }
            Err(error) => return Err(lost(error)),
        };
        let Piece { forward, rest } = feed(body, framing, chunk, tail).map_err(|_| RespondError::Cut)?;
        client.stream.sent().await.map_err(|_| RespondError::ClientGone)?;
        if !forward.is_empty() {
            call.post(Out::Chunk(forward));
        }
        if body.is_done() {
            return Ok(rest.is_none());
        }
    }
}
