//! One direction ends, the other goes on; and how an end, a close and a drop look from the other side.

use std::io;
use std::time::Duration;

use ringway_engine::{Engine, Mode, Out, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, StreamOf, Wish};
use crate::pattern::Pattern;
use crate::talk::{expect_end, pair, piece, recv_pattern, send_pattern, until_gone};
use crate::tasks::{both, start, within};

scenarios! {
    the_connecting_side_ends_first;
    the_accepting_side_ends_first;
    both_sides_end_at_once;
    a_dropped_stream_ends_the_peer_at_once;
    a_closed_stream_is_gone_when_close_returns;
    dropping_with_a_send_in_flight_frees_everything;
    a_flooded_stream_can_be_closed_at_any_moment;
    a_reset_is_no_end;
}

const TOTAL: usize = 150_000;

/// `quiet` says nothing more, `talker` goes on for long, and both see all of it and the end.
async fn one_ends_first<H: Harness>(h: &H, quiet: StreamOf<H>, talker: StreamOf<H>) -> Outcome {
    quiet.set_mode(Mode::Body);
    quiet.send(piece(h, &mut Pattern::new(1), 777)).await?;
    quiet.shutdown_write();
    recv_pattern(&talker, &mut Pattern::new(1), 777).await?;
    expect_end(&talker).await?;
    let (mut out, mut back) = (Pattern::new(2), Pattern::new(2));
    both(send_pattern(h, &talker, &mut out, TOTAL, 9_000), recv_pattern(&quiet, &mut back, TOTAL)).await?;
    talker.shutdown_write();
    expect_end(&quiet).await?;
    talker.close().await;
    quiet.close().await;
    Ok(Bytes::AllArrived)
}

async fn a_reset_is_no_end<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    server.send(piece(&h, &mut Pattern::new(1), 100)).await?;
    recv_pattern(&client, &mut Pattern::new(1), 100).await?;
    server.reset_on_close();
    server.close().await;
    match client.recv().await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Bytes::AllArrived),
        Err(error) => Err(error),
        Ok(_) => panic!("a reset looks like an end, or like bytes"),
    }
}

async fn the_connecting_side_ends_first<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    one_ends_first(&h, client, server).await
}

async fn the_accepting_side_ends_first<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    one_ends_first(&h, server, client).await
}

async fn both_sides_end_at_once<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    server.shutdown_write();
    client.shutdown_write();
    both(expect_end(&server), expect_end(&client)).await?;
    Ok(Bytes::AllArrived)
}

async fn a_dropped_stream_ends_the_peer_at_once<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    for mode in [Mode::Idle, Mode::Head, Mode::Body] {
        let (server, client) = pair(&h, &listener, addr).await?;
        // A receive is armed on the side that is dropped.
        server.set_mode(mode);
        let waiting = start(&h, async move { server.recv().await.map(|_| ()) });
        h.sleep_ms(2).await;
        drop(waiting);
        let gone = within(&h, Duration::from_secs(1), until_gone(&client)).await;
        assert_eq!(gone, Some(0), "the peer of a dropped stream sees its end");
    }
    Ok(Bytes::AllArrived)
}

async fn a_closed_stream_is_gone_when_close_returns<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    assert_eq!(h.engine().counters().streams, 2);
    client.post(piece(&h, &mut Pattern::new(1), 8 << 20));
    h.sleep_ms(5).await;
    client.close().await;
    assert_eq!(h.engine().counters().streams, 1);
    until_gone(&server).await;
    server.close().await;
    assert_eq!(h.engine().counters().streams, 0);
    Ok(Bytes::Uneven)
}

async fn dropping_with_a_send_in_flight_frees_everything<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    for _ in 0..h.effort(20, 4) {
        let (server, client) = pair(&h, &listener, addr).await?;
        client.post(piece(&h, &mut Pattern::new(1), 1 << 20));
        server.set_mode(Mode::Body);
        if let Some(chunk) = server.recv().await? {
            server.post(Out::Chunk(chunk));
        }
        if h.below(2) == 0 {
            h.sleep_ms(1).await;
        }
        drop(client);
        until_gone(&server).await;
    }
    Ok(Bytes::Uneven)
}

async fn a_flooded_stream_can_be_closed_at_any_moment<H: Harness>(h: H) -> Outcome {
    let much = h.effort(16 << 20, 1 << 20);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    for round in 0..h.effort(60, 6) {
        let (server, client) = pair(&h, &listener, addr).await?;
        // More comes than anybody reads: the receive never gets to wait for the socket.
        client.post(piece(&h, &mut Pattern::new(1), much));
        for _ in 0..h.below(20) {
            h.engine().yield_now().await;
        }
        server.set_mode([Mode::Head, Mode::Idle, Mode::Body][round % 3]);
        for _ in 0..h.below(10) {
            drop(server.recv().await?);
        }
        if h.below(2) == 0 {
            server.set_mode(Mode::Body);
        }
        let closed = within(&h, Duration::from_secs(2), server.close()).await;
        assert!(closed.is_some(), "round {round}: a stream is not closed while its peer sends");
        drop(client);
    }
    Ok(Bytes::Uneven)
}
