//! What clients and servers in scenarios say to each other.

use std::io;
use std::net::SocketAddr;

use ringway_engine::{Chunk, Engine, Listener, Mode, Out, Stream};

use crate::harness::{ChunkOf, Harness, ListenerOf, StreamOf};
use crate::pattern::Pattern;
use crate::tasks::both;

/// Longer than anything in a scenario takes that is not meant to hang.
const PATIENCE_MS: u64 = 20_000;

/// Connects with all the patience there is.
pub(crate) async fn connect<H: Harness>(h: &H, to: SocketAddr) -> io::Result<StreamOf<H>> {
    h.engine().connect(to, h.in_ms(PATIENCE_MS)).await
}

/// The next connection of a listener that nobody stops.
pub(crate) async fn accept<H: Harness>(listener: &ListenerOf<H>) -> io::Result<StreamOf<H>> {
    let (stream, peer) = listener.accept().await?.expect("nobody has stopped this listener");
    assert!(peer.ip().is_loopback() && peer.port() != 0, "a client has an address: {peer}");
    Ok(stream)
}

/// A connection within the engine: the accepted end and the connected one.
pub(crate) async fn pair<H: Harness>(
    h: &H,
    listener: &ListenerOf<H>,
    addr: SocketAddr,
) -> io::Result<(StreamOf<H>, StreamOf<H>)> {
    both(accept::<H>(listener), connect(h, addr)).await
}

/// The next `n` bytes of a pattern, ready to be sent.
pub(crate) fn piece<H: Harness>(h: &H, pattern: &mut Pattern, n: usize) -> Out<ChunkOf<H>> {
    let mut buffer = h.engine().buffer();
    pattern.write(buffer.vec(), n);
    Out::Buffer(buffer)
}

/// Sends `total` bytes of a pattern in pieces of at most `most`.
pub(crate) async fn send_pattern<H: Harness>(
    h: &H,
    stream: &StreamOf<H>,
    pattern: &mut Pattern,
    total: usize,
    most: usize,
) -> io::Result<()> {
    let end = pattern.at() + total;
    while pattern.at() < end {
        let n = most.min(end - pattern.at());
        stream.send(piece(h, pattern, n)).await?;
    }
    Ok(())
}

/// Receives exactly `total` bytes of a pattern.
pub(crate) async fn recv_pattern<S: Stream>(
    stream: &S,
    pattern: &mut Pattern,
    total: usize,
) -> io::Result<()> {
    let end = pattern.at() + total;
    while pattern.at() < end {
        let chunk = stream.recv().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        assert!(!chunk.is_empty(), "a chunk is never empty");
        pattern.read(&chunk);
    }
    assert_eq!(pattern.at(), end, "more bytes came than were sent");
    Ok(())
}

/// Nothing comes any more, and it stays so.
pub(crate) async fn expect_end<S: Stream>(stream: &S) -> io::Result<()> {
    for _ in 0..2 {
        let next = stream.recv().await?;
        assert!(next.is_none(), "bytes after the end: {} of them", next.map_or(0, |chunk| chunk.len()));
    }
    Ok(())
}

/// Receives, and drops it, until the peer ends the connection in whatever way; how many bytes that were.
pub(crate) async fn until_gone<S: Stream>(stream: &S) -> usize {
    let mut bytes = 0;
    while let Ok(Some(chunk)) = stream.recv().await {
        bytes += chunk.len();
    }
    bytes
}

/// Sends everything back as it comes until the peer has nothing more to say, then says the same and closes.
pub(crate) async fn echo<S: Stream>(stream: S, mode: Mode) -> io::Result<usize> {
    let mut bytes = 0;
    stream.set_mode(mode);
    while let Some(chunk) = stream.recv().await? {
        bytes += chunk.len();
        stream.send(Out::Chunk(chunk)).await?;
    }
    stream.shutdown_write();
    stream.close().await;
    Ok(bytes)
}

/// Sends `total` bytes to an echo and compares what comes back meanwhile.
pub(crate) async fn ask_echo<H: Harness>(
    h: &H,
    stream: &StreamOf<H>,
    id: usize,
    total: usize,
    most: usize,
) -> io::Result<()> {
    let (mut out, mut back) = (Pattern::new(id), Pattern::new(id));
    both(send_pattern(h, stream, &mut out, total, most), recv_pattern(stream, &mut back, total)).await?;
    Ok(())
}

/// Ends a conversation with an echo the orderly way.
pub(crate) async fn part<S: Stream>(stream: S) -> io::Result<()> {
    stream.shutdown_write();
    expect_end(&stream).await?;
    stream.close().await;
    Ok(())
}

/// A whole client of an echo: connects, exchanges `total` bytes, parts.
pub(crate) async fn client<H: Harness>(
    h: H,
    to: SocketAddr,
    id: usize,
    total: usize,
    mode: Mode,
) -> io::Result<()> {
    let stream = connect(&h, to).await?;
    stream.set_mode(mode);
    ask_echo(&h, &stream, id, total, 16 * 1024).await?;
    part(stream).await
}

/// Splits a chunk in two at `at`, or leaves it whole when it is shorter.
pub(crate) fn split<C: Chunk>(mut chunk: C, at: usize) -> (Option<C>, C) {
    if chunk.len() > at && at > 0 { (Some(chunk.split_to(at)), chunk) } else { (None, chunk) }
}
