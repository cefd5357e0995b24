//! What the seam forbids panics in the caller, and leaves the engine whole.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ringway_engine::{Chunk, Engine, Mode, Out, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Wish};
use crate::pattern::Pattern;
use crate::talk::{ask_echo, echo, pair, part, piece, recv_pattern};
use crate::tasks::start;

scenarios! {
    a_second_post_before_sent_panics_and_the_first_goes_through;
    waiting_for_a_send_that_was_never_posted_is_no_wait;
    sending_nothing_is_sent_at_once;
    cutting_beyond_the_end_of_a_chunk_panics_and_the_chunk_stays;
}

/// Whether the call panics. What it printed is part of the test's output.
fn panics<T>(call: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

async fn a_second_post_before_sent_panics_and_the_first_goes_through<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let mut out = Pattern::new(1);
    client.post(piece(&h, &mut out, 100_000));
    assert!(panics(|| client.post(Out::Static(b"too early"))), "one send at a time");
    recv_pattern(&server, &mut Pattern::new(1), 100_000).await?;
    client.sent().await?;
    drop(server);
    Ok(Bytes::AllArrived)
}

async fn waiting_for_a_send_that_was_never_posted_is_no_wait<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    client.sent().await?;
    let server = start(&h, echo(server, Mode::Head));
    ask_echo(&h, &client, 1, 100, 100).await?;
    client.sent().await?;
    client.sent().await?;
    part(client).await?;
    server.await?;
    Ok(Bytes::AllArrived)
}

async fn sending_nothing_is_sent_at_once<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    for _ in 0..3 {
        client.send(Out::Static(b"")).await?;
        client.send(Out::Buffer(h.engine().buffer())).await?;
    }
    let server = start(&h, echo(server, Mode::Body));
    ask_echo(&h, &client, 1, 100, 100).await?;
    part(client).await?;
    assert_eq!(server.await?, 100);
    Ok(Bytes::AllArrived)
}

async fn cutting_beyond_the_end_of_a_chunk_panics_and_the_chunk_stays<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let mut back = Pattern::new(1);
    client.send(piece(&h, &mut Pattern::new(1), 100)).await?;
    while back.at() < 100 {
        let mut chunk = server.recv().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let beyond = chunk.len() + 1;
        assert!(panics(|| chunk.advance(beyond)), "there are not so many bytes");
        assert!(panics(|| drop(chunk.split_to(beyond))), "there are not so many bytes");
        back.read(&chunk);
        let len = chunk.len();
        chunk.advance(len);
        assert!(chunk.is_empty());
    }
    Ok(Bytes::AllArrived)
}
