//! Dropped at every await: whatever a task was doing, its peer sees an end or a reset, and nothing leaks.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use ringway_engine::{Engine, Listener, Mode, Out, Stream};

use crate::books::{Bytes, settle};
use crate::harness::{Harness, ListenerOf, Outcome, Spec, Wish};
use crate::pattern::Pattern;
use crate::talk::{accept, connect, expect_end, piece, recv_pattern, send_pattern, until_gone};
use crate::tasks::{Cut, both, cut_after, start};

scenarios! {
    the_connecting_task_is_dropped_at_every_await with Spec { seeds: 40, ..Spec::default() };
    the_accepting_task_is_dropped_at_every_await with Spec { seeds: 40, ..Spec::default() };
    a_receive_dropped_at_every_await_loses_nothing with Spec { seeds: 40, ..Spec::default() };
    a_wait_for_a_send_can_be_dropped_at_every_await with Spec { seeds: 40, ..Spec::default() };
}

const LITTLE: usize = 300;
const MUCH: usize = 60_000;

/// The way from polls done to the next number to try: every one at first, then in growing steps.
fn next(polls: usize) -> usize {
    polls + 1 + polls / 12
}

/// All a client does, with every kind of wait in it.
async fn talk<H: Harness>(h: H, to: SocketAddr) -> io::Result<()> {
    let stream = connect(&h, to).await?;
    let (mut out, mut back) = (Pattern::new(5), Pattern::new(5));
    stream.send(piece(&h, &mut out, LITTLE)).await?;
    recv_pattern(&stream, &mut back, LITTLE).await?;
    stream.set_mode(Mode::Body);
    both(send_pattern(&h, &stream, &mut out, MUCH, 20_000), recv_pattern(&stream, &mut back, MUCH)).await?;
    stream.set_mode(Mode::Idle);
    h.sleep_ms(1).await;
    stream.send(piece(&h, &mut out, LITTLE)).await?;
    stream.set_mode(Mode::Head);
    recv_pattern(&stream, &mut back, LITTLE).await?;
    stream.shutdown_write();
    expect_end(&stream).await?;
    stream.close().await;
    Ok(())
}

/// All a server does, with every kind of wait in it.
async fn answer<H: Harness>(h: H, listener: Rc<ListenerOf<H>>) -> io::Result<()> {
    let Some((stream, _)) = listener.accept().await? else { return Ok(()) };
    let mut received = 0;
    while let Some(chunk) = stream.recv().await? {
        received += chunk.len();
        stream.set_mode(if received < LITTLE { Mode::Head } else { Mode::Body });
        let out =
            if chunk.len() % 2 == 0 { Out::Chunk(chunk) } else { Out::Both(h.engine().buffer(), chunk) };
        stream.send(out).await?;
    }
    stream.shutdown_write();
    stream.close().await;
    Ok(())
}

async fn the_connecting_task_is_dropped_at_every_await<H: Harness>(h: H) -> Outcome {
    for cut in Cut::BOTH {
        let mut polls = 0;
        loop {
            let base = h.engine().counters();
            let (listener, addr) = h.listen(Wish::NARROW)?;
            let listener = Rc::new(listener);
            let server = start(&h, answer(h.clone(), Rc::clone(&listener)));
            let done = cut_after(talk(h.clone(), addr), polls, cut).await;
            if done.is_some() {
                done.transpose()?;
                server.await?;
                break;
            }
            // Perhaps it never got as far as connecting. If it did, its server ends, well or not.
            listener.stop();
            let _ = server.await;
            while let Some((stream, _)) = listener.accept().await? {
                until_gone(&stream).await;
            }
            drop(listener);
            settle(&h, base).await;
            polls = next(polls);
        }
    }
    Ok(Bytes::Uneven)
}

async fn the_accepting_task_is_dropped_at_every_await<H: Harness>(h: H) -> Outcome {
    for cut in Cut::BOTH {
        let mut polls = 0;
        loop {
            let base = h.engine().counters();
            let (listener, addr) = h.listen(Wish::NARROW)?;
            let listener = Rc::new(listener);
            let (own, theirs) = (h.clone(), Rc::downgrade(&listener));
            let client = start(&h, async move {
                let talked = talk(own, addr).await;
                // One whose connection broke before it was accepted will not come any more.
                if let Some(listener) = theirs.upgrade() {
                    listener.stop();
                }
                talked
            });
            let done = cut_after(answer(h.clone(), Rc::clone(&listener)), polls, cut).await;
            if done.is_some() {
                client.await?;
                done.transpose()?;
                break;
            }
            // Not accepted yet, it is closed with its listener; else with the task's stream.
            drop(listener);
            let _ = client.await;
            settle(&h, base).await;
            polls = next(polls);
        }
    }
    Ok(Bytes::Uneven)
}

async fn a_receive_dropped_at_every_await_loses_nothing<H: Harness>(h: H) -> Outcome {
    for mode in [Mode::Idle, Mode::Head, Mode::Body] {
        let (listener, addr) = h.listen(Wish::NARROW)?;
        let server = accept::<H>(&listener);
        let (server, client) = both(server, connect(&h, addr)).await?;
        let own = h.clone();
        let sending = start(&h, async move {
            let mut out = Pattern::new(9);
            while out.at() < MUCH {
                let n = (1 + own.below(2_000)).min(MUCH - out.at());
                client.send(piece(&own, &mut out, n)).await?;
                if own.below(4) == 0 {
                    own.sleep_ms(1).await;
                }
            }
            client.shutdown_write();
            io::Result::Ok(client)
        });
        server.set_mode(mode);
        let mut back = Pattern::new(9);
        loop {
            let cut = Cut::BOTH[h.below(2)];
            match cut_after(server.recv(), h.below(3), cut).await.transpose()? {
                None if h.below(2) == 0 => h.engine().yield_now().await,
                None => {}
                Some(Some(chunk)) => back.read(&chunk),
                Some(None) => break,
            }
        }
        assert_eq!(back.at(), MUCH);
        expect_end(&server).await?;
        sending.await?;
    }
    Ok(Bytes::AllArrived)
}

async fn a_wait_for_a_send_can_be_dropped_at_every_await<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = both(accept::<H>(&listener), connect(&h, addr)).await?;
    let receiving = start(&h, async move {
        recv_pattern(&server, &mut Pattern::new(9), 40 * MUCH / 10).await?;
        expect_end(&server).await
    });
    let mut out = Pattern::new(9);
    for _ in 0..40 {
        client.post(piece(&h, &mut out, MUCH / 10));
        while cut_after(client.sent(), h.below(3), Cut::BOTH[h.below(2)]).await.transpose()?.is_none() {
            if h.below(2) == 0 {
                h.engine().yield_now().await;
            }
        }
    }
    client.shutdown_write();
    receiving.await?;
    Ok(Bytes::AllArrived)
}
