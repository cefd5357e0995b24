//! Deadlines are fields of the connection: they fire on time, lose no byte, and can be moved and cleared at any time.

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use ringway_core::Time;
use ringway_engine::{Deadline, Mode, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, Wish};
use crate::pattern::Pattern;
use crate::talk::{expect_end, pair, piece, recv_pattern};
use crate::tasks::{start, within};

scenarios! {
    a_trickle_with_a_deadline_between_all_bytes_is_whole with Spec { seeds: 40, ..Spec::default() };
    a_deadline_fires_on_time_and_again;
    bytes_that_are_there_come_before_the_deadline;
    a_cleared_deadline_never_fires;
    a_deadline_moved_later_fires_later;
    a_deadline_moved_earlier_wakes_who_waits;
    the_two_deadlines_do_not_touch_each_other;
}

/// What a receive with a deadline came to.
async fn timed_out<S: Stream>(stream: &S) -> std::io::Result<bool> {
    match stream.recv().await {
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(true),
        Err(error) => Err(error),
        Ok(chunk) => {
            assert!(chunk.is_some(), "the peer has not ended");
            Ok(false)
        }
    }
}

async fn a_trickle_with_a_deadline_between_all_bytes_is_whole<H: Harness>(h: H) -> Outcome {
    const BYTES: usize = 60;
    for mode in [Mode::Idle, Mode::Head, Mode::Body] {
        let (listener, addr) = h.listen(Wish::USUAL)?;
        let (server, client) = pair(&h, &listener, addr).await?;
        let own = h.clone();
        let sending = start(&h, async move {
            let mut out = Pattern::new(4);
            for _ in 0..BYTES {
                own.sleep_ms(3 + own.below(3) as u64).await;
                server.send(piece(&own, &mut out, 1)).await?;
            }
            server.shutdown_write();
            std::io::Result::Ok(server)
        });
        client.set_mode(mode);
        let (mut back, mut expired) = (Pattern::new(4), 0);
        loop {
            client.set_deadline(Deadline::Recv, h.in_ms(1 + h.below(2) as u64));
            match client.recv().await {
                Ok(Some(chunk)) => back.read(&chunk),
                Ok(None) => break,
                Err(error) if error.kind() == ErrorKind::TimedOut => expired += 1,
                Err(error) => return Err(error),
            }
        }
        assert_eq!(back.at(), BYTES);
        assert!(expired > BYTES / 4, "the deadline expired {expired} times only");
        sending.await?;
    }
    Ok(Bytes::AllArrived)
}

async fn a_deadline_fires_on_time_and_again<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    for mode in [Mode::Idle, Mode::Head, Mode::Body] {
        client.set_mode(mode);
        for ms in [1, 30] {
            let at = h.in_ms(ms);
            client.set_deadline(Deadline::Recv, at);
            assert!(timed_out(&client).await?, "nothing was sent");
            assert!(h.now() >= at, "{:?} early", at.since(h.now()));
            if h.precise() {
                assert!(h.now() <= at + Duration::from_millis(2), "{:?} late", h.now().since(at));
            }
            // It has passed: again at once.
            let again = within(&h, Duration::from_secs(5), timed_out(&client)).await;
            assert!(again.expect("a deadline in the past does not wait")?);
        }
    }
    // The stream goes on working.
    client.set_deadline(Deadline::Recv, h.in_ms(10_000));
    server.send(piece(&h, &mut Pattern::new(1), 1_000)).await?;
    recv_pattern(&client, &mut Pattern::new(1), 1_000).await?;
    Ok(Bytes::AllArrived)
}

async fn bytes_that_are_there_come_before_the_deadline<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    // Arms the receive, which goes on by itself.
    client.set_deadline(Deadline::Recv, h.in_ms(1));
    assert!(timed_out(&client).await?, "nothing was sent");
    server.send(piece(&h, &mut Pattern::new(1), 10)).await?;
    while !client.has_pending() {
        h.sleep_ms(1).await;
    }
    client.set_deadline(Deadline::Recv, Time::ZERO);
    assert!(!timed_out(&client).await?, "bytes were there");
    drop(server);
    Ok(Bytes::Uneven)
}

async fn a_cleared_deadline_never_fires<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    client.set_deadline(Deadline::Recv, h.in_ms(20));
    client.set_deadline(Deadline::Recv, Time::NEVER);
    let client = Rc::new(client);
    let waiting = start(&h, {
        let client = Rc::clone(&client);
        async move { timed_out(&*client).await }
    });
    // Cleared once more while it is waited for.
    h.sleep_ms(1).await;
    client.set_deadline(Deadline::Recv, h.in_ms(20));
    h.sleep_ms(1).await;
    client.set_deadline(Deadline::Recv, Time::NEVER);
    h.sleep_ms(60).await;
    server.send(piece(&h, &mut Pattern::new(1), 1)).await?;
    assert!(!waiting.await?, "a deadline that was cleared fired");
    Ok(Bytes::AllArrived)
}

async fn a_deadline_moved_later_fires_later<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (_server, client) = pair(&h, &listener, addr).await?;
    let client = Rc::new(client);
    client.set_deadline(Deadline::Recv, h.in_ms(10));
    let waiting = start(&h, {
        let client = Rc::clone(&client);
        async move { timed_out(&*client).await }
    });
    let mut last = Time::ZERO;
    for _ in 0..20 {
        last = h.in_ms(40);
        client.set_deadline(Deadline::Recv, last);
        h.sleep_ms(2).await;
    }
    assert!(waiting.await?);
    assert!(h.now() >= last, "{:?} early", last.since(h.now()));
    Ok(Bytes::AllArrived)
}

async fn a_deadline_moved_earlier_wakes_who_waits<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (_server, client) = pair(&h, &listener, addr).await?;
    let client = Rc::new(client);
    for first in [Time::NEVER, h.in_ms(50_000)] {
        client.set_deadline(Deadline::Recv, first);
        let waiting = start(&h, {
            let client = Rc::clone(&client);
            async move { timed_out(&*client).await }
        });
        h.sleep_ms(2).await;
        client.set_deadline(Deadline::Recv, h.in_ms(5));
        let fired = within(&h, Duration::from_secs(5), waiting).await;
        assert!(fired.expect("the earlier deadline counts")?);
        client.set_deadline(Deadline::Recv, Time::NEVER);
    }
    Ok(Bytes::AllArrived)
}

async fn the_two_deadlines_do_not_touch_each_other<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let (server, client) = pair(&h, &listener, addr).await?;
    // A send deadline that passes while nothing is being sent means nothing.
    client.set_deadline(Deadline::Send, h.in_ms(5));
    client.set_deadline(Deadline::Recv, h.in_ms(30));
    assert!(timed_out(&client).await?);
    client.set_deadline(Deadline::Send, h.in_ms(10_000));
    client.send(piece(&h, &mut Pattern::new(2), 100)).await?;
    recv_pattern(&server, &mut Pattern::new(2), 100).await?;
    client.shutdown_write();
    expect_end(&server).await?;
    Ok(Bytes::AllArrived)
}
