//! `has_pending` says whether the next receive answers at once, and takes nothing away.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ringway_engine::{Mode, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Wish};
use crate::pattern::Pattern;
use crate::talk::{pair, piece};
use crate::tasks::{Cut, cut_after};

scenarios! {
    bytes_and_the_end_are_announced;
    an_armed_body_announces_one_chunk;
}

/// What the next receive answers without waiting.
fn at_once<S: Stream>(stream: &S) -> Poll<std::io::Result<Option<S::Chunk>>> {
    let mut receive = pin!(stream.recv());
    receive.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits until something is announced.
async fn announced<H: Harness, S: Stream>(h: &H, stream: &S) {
    while !stream.has_pending() {
        h.sleep_ms(1).await;
    }
}

async fn bytes_and_the_end_are_announced<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    assert!(!server.has_pending() && !client.has_pending(), "nothing was sent");
    assert!(cut_after(server.recv(), 1, Cut::Waiting).await.is_none(), "nothing was sent");
    let (mut out, mut back) = (Pattern::new(1), Pattern::new(1));
    for _ in 0..5 {
        client.send(piece(&h, &mut out, 100)).await?;
        while back.at() < out.at() {
            announced(&h, &server).await;
            assert!(server.has_pending(), "asking takes nothing away");
            match at_once(&server) {
                Poll::Ready(chunk) => back.read(&chunk?.ok_or(std::io::ErrorKind::UnexpectedEof)?),
                Poll::Pending => panic!("announced, and not there"),
            }
        }
        assert!(!server.has_pending() || h.fragile(), "everything was taken");
    }
    client.shutdown_write();
    announced(&h, &server).await;
    for _ in 0..3 {
        match at_once(&server) {
            Poll::Ready(end) => assert!(end?.is_none(), "the end was announced"),
            Poll::Pending => panic!("announced, and not there"),
        }
        assert!(server.has_pending(), "the end stays");
    }
    Ok(Bytes::AllArrived)
}

async fn an_armed_body_announces_one_chunk<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    server.set_mode(Mode::Body);
    h.sleep_ms(2).await;
    let (mut out, mut back) = (Pattern::new(1), Pattern::new(1));
    for _ in 0..5 {
        assert!(cut_after(server.recv(), 1, Cut::Waiting).await.is_none(), "nothing was sent");
        client.send(piece(&h, &mut out, 100)).await?;
        while back.at() < out.at() {
            announced(&h, &server).await;
            match at_once(&server) {
                Poll::Ready(chunk) => back.read(&chunk?.ok_or(std::io::ErrorKind::UnexpectedEof)?),
                Poll::Pending => panic!("announced, and not there"),
            }
            // In this mode nothing is received ahead: ask for more, if there is more.
            if back.at() < out.at()
                && let Some(chunk) = cut_after(server.recv(), 1, Cut::Waiting).await
            {
                back.read(&chunk?.ok_or(std::io::ErrorKind::UnexpectedEof)?);
            }
        }
    }
    Ok(Bytes::AllArrived)
}
