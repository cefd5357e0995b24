//! Slow readers: one that lives gets everything, one that does not costs no more than its deadline and its window.

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use ringway_engine::{Deadline, Engine, Mode, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Wish};
use crate::pattern::Pattern;
use crate::talk::{expect_end, pair, piece, until_gone};
use crate::tasks::{start, within};

scenarios! {
    a_slow_but_living_reader_gets_everything;
    a_reader_that_stopped_trips_the_send_deadline;
    a_send_deadline_set_while_it_is_waited_for_fires;
    a_send_in_time_is_not_hit_by_its_deadline;
    a_body_that_nobody_asks_for_stays_with_its_sender;
    heads_that_nobody_asks_for_hold_a_bounded_number_of_buffers;
}

/// More than any pair of socket buffers holds.
const TOO_MUCH: usize = 64 << 20;

async fn a_slow_but_living_reader_gets_everything<H: Harness>(h: H) -> Outcome {
    let total = h.effort(1 << 20, 200_000);
    for mode in [Mode::Head, Mode::Body] {
        let (listener, addr) = h.listen(Wish::NARROW)?;
        let (server, client) = pair(&h, &listener, addr).await?;
        let own = h.clone();
        let sending = start(&h, async move {
            let mut out = Pattern::new(6);
            while out.at() < total {
                let n = (1 + own.below(150_000)).min(total - out.at());
                client.set_deadline(Deadline::Send, own.in_ms(15_000));
                client.send(piece(&own, &mut out, n)).await?;
            }
            client.shutdown_write();
            std::io::Result::Ok(client)
        });
        server.set_mode(mode);
        let mut back = Pattern::new(6);
        while back.at() < total {
            if h.below(4) == 0 {
                h.sleep_ms(1).await;
            }
            let chunk = server.recv().await?.ok_or(ErrorKind::UnexpectedEof)?;
            back.read(&chunk);
        }
        expect_end(&server).await?;
        sending.await?;
    }
    Ok(Bytes::AllArrived)
}

async fn a_reader_that_stopped_trips_the_send_deadline<H: Harness>(h: H) -> Outcome {
    let much = h.effort(TOO_MUCH, 1 << 20);
    let (listener, addr) = h.listen(Wish::NARROW)?;
    for idle in [false, true] {
        let (server, client) = pair(&h, &listener, addr).await?;
        if idle {
            // The peer is dead to its own side, too: it does not even receive.
            server.set_mode(Mode::Body);
        }
        let at = h.in_ms(40);
        client.set_deadline(Deadline::Send, at);
        client.post(piece(&h, &mut Pattern::new(1), much));
        match client.sent().await {
            Ok(()) => panic!("{much} bytes were sent, and nobody reads"),
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error),
        }
        assert!(h.now() >= at, "{:?} early", at.since(h.now()));
        if h.precise() {
            assert!(h.now() <= at + Duration::from_millis(3), "{:?} late", h.now().since(at));
        }
        // It stays so, and closing does not wait for the peer.
        assert!(client.sent().await.is_err(), "the stream is of no use for sending any more");
        let closed = within(&h, Duration::from_secs(2), client.close()).await;
        assert!(closed.is_some(), "closing waits for a reader that does not read");
        // What had got through before comes out, and then the end.
        assert!(until_gone(&server).await < much);
    }
    Ok(Bytes::Uneven)
}

async fn a_send_deadline_set_while_it_is_waited_for_fires<H: Harness>(h: H) -> Outcome {
    let much = h.effort(TOO_MUCH, 1 << 20);
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let client = Rc::new(client);
    client.post(piece(&h, &mut Pattern::new(1), much));
    let waiting = start(&h, {
        let client = Rc::clone(&client);
        async move { client.sent().await }
    });
    h.sleep_ms(10).await;
    client.set_deadline(Deadline::Send, h.in_ms(10));
    let result = within(&h, Duration::from_secs(5), waiting).await.expect("the deadline counts at once");
    let error = result.expect_err("nobody reads");
    if error.kind() != ErrorKind::TimedOut {
        return Err(error);
    }
    drop((client, server));
    Ok(Bytes::Uneven)
}

async fn a_send_in_time_is_not_hit_by_its_deadline<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let receiving = start(&h, async move { until_gone(&server).await });
    for _ in 0..5 {
        client.set_deadline(Deadline::Send, h.in_ms(200));
        client.send(piece(&h, &mut Pattern::new(1), 1_000)).await?;
        // The deadline passes with nothing in flight.
        h.sleep_ms(if h.precise() { 300 } else { 20 }).await;
    }
    client.set_deadline(Deadline::Send, h.in_ms(10_000));
    client.send(piece(&h, &mut Pattern::new(1), 1_000)).await?;
    client.close().await;
    assert!(receiving.await == 6_000 || h.fragile());
    Ok(Bytes::Uneven)
}

async fn a_body_that_nobody_asks_for_stays_with_its_sender<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::NARROW)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    server.set_mode(Mode::Body);
    client.post(piece(&h, &mut Pattern::new(1), h.effort(TOO_MUCH, 1 << 20)));
    for _ in 0..10 {
        let chunk = server.recv().await?;
        h.sleep_ms(3).await;
        let out = h.engine().counters().chunks_out;
        assert!(out <= 1, "{out} buffers out, and one chunk was asked for");
        drop(chunk);
    }
    Ok(Bytes::Uneven)
}

async fn heads_that_nobody_asks_for_hold_a_bounded_number_of_buffers<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    let mut out = Pattern::new(1);
    client.send(piece(&h, &mut out, 10)).await?;
    drop(server.recv().await?);
    client.post(piece(&h, &mut out, h.effort(TOO_MUCH, 1 << 20)));
    for _ in 0..20 {
        h.sleep_ms(2).await;
        let held = h.engine().counters().chunks_out;
        // Eight are queued before the receive is stopped; the kernel goes on in batches of 32 until it hears of it.
        assert!(held <= 256, "{held} buffers held for a stream that nobody reads");
    }
    Ok(Bytes::Uneven)
}
