//! Changing the mode in mid-stream, with bytes under way: every byte comes once, in order.

use std::io;
use std::time::Duration;

use ringway_engine::{Deadline, Engine, Mode, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, StreamOf, Wish};
use crate::pattern::Pattern;
use crate::talk::{expect_end, pair, piece};
use crate::tasks::{Child, Cut, cut_after, start, within};

scenarios! {
    pipelined_heads_and_bodies_are_byte_exact with Spec { seeds: 40, ..Spec::default() };
    whatever_a_reader_does_between_the_stream_is_byte_exact with Spec { rounds: 3, seeds: 60, ..Spec::default() };
    a_mode_set_while_a_receive_waits_takes_effect;
    switching_without_reading_keeps_what_is_queued;
}

const MODES: [Mode; 3] = [Mode::Idle, Mode::Head, Mode::Body];

/// Sends `total` bytes in pieces of all sizes, as fast as they go or with pauses, and ends.
fn sender<H: Harness>(
    h: &H,
    stream: StreamOf<H>,
    total: usize,
    largest: usize,
) -> Child<io::Result<StreamOf<H>>> {
    let own = h.clone();
    start(h, async move {
        let mut out = Pattern::new(8);
        while out.at() < total {
            let n = (1 + own.below(largest)).min(total - out.at());
            stream.send(piece(&own, &mut out, n)).await?;
            match own.below(12) {
                0 => own.sleep_ms(1).await,
                1..4 => own.engine().yield_now().await,
                _ => {}
            }
        }
        stream.shutdown_write();
        Ok(stream)
    })
}

async fn pipelined_heads_and_bodies_are_byte_exact<H: Harness>(h: H) -> Outcome {
    const HEAD: usize = 200;
    let body = h.effort(50_000, 9_000);
    let messages = h.effort(40, 10);
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    // Message after message without a pause, so that each chunk may end anywhere.
    let sending = sender(&h, client, messages * (HEAD + body), 20_000);
    let mut back = Pattern::new(8);
    for message in 0..messages {
        let begin = message * (HEAD + body);
        server.set_mode(Mode::Head);
        while back.at() < begin + HEAD {
            let chunk = server.recv().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            back.read(&chunk);
        }
        server.set_mode(Mode::Body);
        while back.at() < begin + HEAD + body {
            let chunk = server.recv().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            back.read(&chunk);
        }
    }
    expect_end(&server).await?;
    sending.await?;
    Ok(Bytes::AllArrived)
}

async fn whatever_a_reader_does_between_the_stream_is_byte_exact<H: Harness>(h: H) -> Outcome {
    let total = h.effort(3 << 20, 120_000);
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let largest = [100, 5_000, 100_000][h.below(3)];
    let sending = sender(&h, client, total.min(largest * 300), largest);
    let total = total.min(largest * 300);
    let mut back = Pattern::new(8);
    let mut held = Vec::new();
    while back.at() < total {
        match h.below(10) {
            0..3 => server.set_mode(MODES[h.below(3)]),
            3 => server.set_deadline(Deadline::Recv, h.in_ms(h.below(3) as u64)),
            4 => held.clear(),
            5 if h.below(4) == 0 => h.sleep_ms(1).await,
            _ => {}
        }
        match cut_after(server.recv(), 1 + h.below(2), Cut::BOTH[h.below(2)]).await {
            None => h.engine().yield_now().await,
            Some(Ok(chunk)) => {
                let chunk = chunk.ok_or(io::ErrorKind::UnexpectedEof)?;
                back.read(&chunk);
                if h.below(3) == 0 && held.len() < 20 {
                    held.push(chunk);
                }
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
                server.set_deadline(Deadline::Recv, h.in_ms(1_000));
            }
            Some(Err(error)) => return Err(error),
        }
    }
    server.set_deadline(Deadline::Recv, ringway_core::Time::NEVER);
    expect_end(&server).await?;
    sending.await?;
    Ok(Bytes::AllArrived)
}

async fn a_mode_set_while_a_receive_waits_takes_effect<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let (mut out, mut back) = (Pattern::new(1), Pattern::new(1));
    for from in MODES {
        for to in MODES {
            server.set_mode(from);
            assert!(cut_after(server.recv(), 1, Cut::Waiting).await.is_none(), "nothing was sent");
            if h.below(2) == 0 {
                h.sleep_ms(1).await;
            }
            server.set_mode(to);
            client.post(piece(&h, &mut out, 5_000));
            while back.at() < out.at() {
                let next = within(&h, Duration::from_secs(10), server.recv()).await;
                let chunk = next.expect("bytes were sent, and the receive waits")?;
                back.read(&chunk.ok_or(io::ErrorKind::UnexpectedEof)?);
            }
            client.sent().await?;
        }
    }
    Ok(Bytes::AllArrived)
}

async fn switching_without_reading_keeps_what_is_queued<H: Harness>(h: H) -> Outcome {
    let total = 60_000;
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let sending = sender(&h, client, total, 3_000);
    let mut back = Pattern::new(8);
    while back.at() < total {
        for _ in 0..h.below(6) {
            server.set_mode(MODES[h.below(3)]);
            if h.below(2) == 0 {
                h.sleep_ms(1).await;
            }
        }
        let chunk = server.recv().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        back.read(&chunk);
    }
    expect_end(&server).await?;
    sending.await?;
    Ok(Bytes::AllArrived)
}
