//! Chunks: cut into pieces they still say the same, and they outlive their stream.

use ringway_engine::{Chunk, Engine, Mode, Out, Stream};

use crate::books::Bytes;
use crate::harness::{ChunkOf, Harness, Outcome, Wish};
use crate::pattern::Pattern;
use crate::talk::{ask_echo, client, echo, pair, part, piece, recv_pattern, split};
use crate::tasks::start;

scenarios! {
    chunks_that_outlive_their_stream_keep_their_bytes;
    the_pieces_of_a_chunk_are_the_chunk;
    a_piece_of_a_chunk_can_be_sent_while_the_rest_is_kept;
    a_chunk_can_be_changed_in_place;
}

async fn chunks_that_outlive_their_stream_keep_their_bytes<H: Harness>(h: H) -> Outcome {
    const TOTAL: usize = 30_000;
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let mut held: Vec<(ChunkOf<H>, Pattern)> = Vec::new();
    for (id, mode) in [(1, Mode::Head), (2, Mode::Body)] {
        let (server, stream) = pair(&h, &listener, addr).await?;
        stream.set_mode(mode);
        server.post(piece(&h, &mut Pattern::new(id), TOTAL));
        let mut place = Pattern::new(id);
        while place.at() < TOTAL {
            let mut chunk = stream.recv().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
            let begin = place.clone();
            place.read(&chunk);
            if chunk.len() > 7 {
                let (mut front, mut middle) = (chunk.split_to(2), chunk.split_to(3));
                let mut at = begin.clone();
                at.read(&front);
                held.push((middle.split_to(1), at.clone()));
                at.read(&held[held.len() - 1].0);
                middle.advance(1);
                at.read(&[held_byte(&begin, 3)]);
                held.push((middle, at));
                front.truncate(1);
                held.push((front, begin));
                // The rest of the chunk goes home only with its last piece.
            } else {
                held.push((chunk, begin));
            }
        }
        server.sent().await?;
        server.close().await;
        stream.close().await;
    }
    assert_eq!(h.engine().counters().streams, 0);
    // Others use the buffers that are free.
    let server = start(&h, async move {
        let stream = crate::talk::accept::<H>(&listener).await?;
        echo(stream, Mode::Body).await
    });
    client(h.clone(), addr, 3, 100_000, Mode::Body).await?;
    server.await?;
    assert!(h.engine().counters().chunks_out > 0, "chunks are held");
    for (chunk, mut place) in held.drain(..) {
        place.read(&chunk);
    }
    assert_eq!(h.engine().counters().chunks_out, 0, "nothing is held any more");
    Ok(Bytes::AllArrived)
}

/// The byte `n` places after the beginning.
fn held_byte(begin: &Pattern, n: usize) -> u8 {
    let mut bytes = Vec::new();
    begin.clone().write(&mut bytes, n + 1);
    bytes[n]
}

async fn the_pieces_of_a_chunk_are_the_chunk<H: Harness>(h: H) -> Outcome {
    const TOTAL: usize = 20_000;
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, stream) = pair(&h, &listener, addr).await?;
    server.post(piece(&h, &mut Pattern::new(1), TOTAL));
    let mut back = Pattern::new(1);
    while back.at() < TOTAL {
        let mut chunk = stream.recv().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let whole = chunk.len();
        // No more than there is: nothing happens.
        chunk.truncate(whole);
        chunk.truncate(whole + 1);
        assert_eq!(chunk.len(), whole);
        assert!(chunk.split_to(0).is_empty());
        assert_eq!(h.engine().counters().chunks_out.min(1), 1);
        while !chunk.is_empty() {
            let n = (1 + h.below(700)).min(chunk.len());
            let mut front = chunk.split_to(n);
            let skip = h.below(front.len() + 1);
            back.read(&front[..skip]);
            front.advance(skip);
            back.read(&front);
        }
    }
    server.sent().await?;
    assert_eq!(back.at(), TOTAL);
    Ok(Bytes::AllArrived)
}

async fn a_piece_of_a_chunk_can_be_sent_while_the_rest_is_kept<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, stream) = pair(&h, &listener, addr).await?;
    let own = h.clone();
    let server = start(&h, async move {
        server.set_mode(Mode::Body);
        while let Some(chunk) = server.recv().await? {
            let (front, rest) = split(chunk, own.below(3_000));
            if let Some(front) = front {
                server.send(Out::Chunk(front)).await?;
            }
            server.send(Out::Chunk(rest)).await?;
        }
        server.shutdown_write();
        server.close().await;
        std::io::Result::Ok(())
    });
    ask_echo(&h, &stream, 1, 80_000, 10_000).await?;
    part(stream).await?;
    server.await?;
    Ok(Bytes::AllArrived)
}

async fn a_chunk_can_be_changed_in_place<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, stream) = pair(&h, &listener, addr).await?;
    stream.send(piece(&h, &mut Pattern::new(1), 3_000)).await?;
    let mut changed = 0;
    while changed < 3_000 {
        let mut chunk = server.recv().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        changed += chunk.len();
        for byte in chunk.iter_mut() {
            *byte = !*byte;
        }
        // The first half and the second half are changed back as pieces of their own.
        let half = chunk.len() / 2;
        let mut front = chunk.split_to(half);
        for byte in front.iter_mut().chain(chunk.iter_mut()) {
            *byte = !*byte;
        }
        server.send(Out::Chunk(front)).await?;
        server.send(Out::Chunk(chunk)).await?;
    }
    recv_pattern(&stream, &mut Pattern::new(1), 3_000).await?;
    Ok(Bytes::AllArrived)
}
