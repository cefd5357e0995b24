//! The body of a request on its way to the backend.

use std::io;

use ringway_engine::{Chunk, Deadline, Engine, Mode, Out, Stream};

use crate::client::Client;
use crate::http1::{Body, Framing, FramingError};
use crate::limits::BULK_BYTES_MIN;
use crate::upstream::Upstream;

/// Why a body could not be passed on to its end.
#[derive(Debug)]
pub(crate) enum UploadError {
    /// The client broke its framing: 400.
    Framing,
    /// The client sent nothing for too long: 408.
    Timeout,
    /// The client went away in the middle.
    ClientGone,
    /// The backend does not take it. It may have answered all the same.
    Backend,
}

impl From<FramingError> for UploadError {
    fn from(_: FramingError) -> UploadError {
        UploadError::Framing
    }
}

/// One piece of a body, judged.
pub(crate) struct Piece<C> {
    /// What goes on; may be empty.
    pub(crate) forward: C,
    /// What stood behind the body's end.
    pub(crate) rest: Option<C>,
}

/// Judges the next received piece, and cuts it where the body ends.
pub(crate) fn feed<C: Chunk>(
    body: &mut Body,
    framing: Framing,
    mut received: C,
    tail: &mut Vec<u8>,
) -> Result<Piece<C>, FramingError> {
    let fed = body.feed(&mut received, framing, tail)?;
    if fed.consumed == received.len() {
        received.truncate(fed.kept);
        return Ok(Piece { forward: received, rest: None });
    }
    let mut forward = received.split_to(fed.consumed);
    forward.truncate(fed.kept);
    Ok(Piece { forward, rest: Some(received) })
}

/// Passes the rest of the request's body on; gives back what the client sent behind it.
///
/// At most two pieces are held: one on its way to the backend, one received meanwhile. The next is received only when it
/// is asked for, so a slow backend slows the client down.
pub(crate) async fn upload<E: Engine>(
    client: &Client<E>,
    upstream: &Upstream<E>,
    mut body: Body,
    mut tail: Vec<u8>,
) -> Result<Option<E::Chunk>, UploadError> {
    let mode = match body {
        Body::Length { left } if left < BULK_BYTES_MIN => Mode::Head,
        _ => Mode::Body,
    };
    client.stream.set_mode(mode);
    loop {
        client.stream.set_deadline(Deadline::Recv, client.shard.engine.now() + client.timeouts().body);
        let chunk = match client.stream.recv().await {
            Ok(Some(chunk)) => chunk,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(UploadError::Timeout),
            Ok(None) | Err(_) => return Err(UploadError::ClientGone),
        };
        let Piece { forward, rest } = feed(&mut body, Framing::AsIs, chunk, &mut tail)?;
        upstream.stream().sent().await.map_err(|_| UploadError::Backend)?;
        if !forward.is_empty() {
            upstream.post(client, Out::Chunk(forward));
        }
        if body.is_done() {
            send_tail(client, upstream, &tail).await?;
            client.stream.set_mode(Mode::Idle);
            return Ok(rest);
        }
    }
}

/// Sends the trailer section, if there is one.
pub(crate) async fn send_tail<E: Engine>(
    client: &Client<E>,
    upstream: &Upstream<E>,
    tail: &[u8],
) -> Result<(), UploadError> {
    if tail.is_empty() {
        return Ok(());
    }
    upstream.stream().sent().await.map_err(|_| UploadError::Backend)?;
    let mut buffer = client.shard.engine.buffer();
    buffer.vec().extend_from_slice(tail);
    upstream.post(client, Out::Buffer(buffer));
    Ok(())
}
