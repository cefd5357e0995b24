//! Connecting: refused, never answered, given up, and what is left of it (nothing).

use std::io::ErrorKind;
use std::time::Duration;

use ringway_core::Time;
use ringway_engine::{Engine, Listener, Mode, Stream};

use crate::books::{Bytes, settle};
use crate::harness::{Harness, Outcome, Wish};
use crate::talk::{accept, ask_echo, echo, part, until_gone};
use crate::tasks::{Cut, all, cut_after, start, within};

scenarios! {
    where_nobody_listens_it_is_refused;
    what_is_never_answered_times_out_at_its_deadline;
    a_deadline_that_has_passed_times_out_or_connects;
    an_attempt_given_up_is_gone_at_once;
    an_attempt_given_up_at_any_moment_leaves_no_client_behind;
    many_attempts_time_out_each_at_its_own_deadline;
    the_deadline_of_the_attempt_does_not_outlive_it;
}

async fn where_nobody_listens_it_is_refused<H: Harness>(h: H) -> Outcome {
    let nobody = h.nobody();
    for _ in 0..20 {
        match h.engine().connect(nobody, h.in_ms(5_000)).await {
            Ok(_) => panic!("nobody listens at {nobody}"),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Bytes::AllArrived)
}

/// Tries to connect to where nobody answers; must fail at the deadline, not before and not much later.
async fn times_out<H: Harness>(h: H, to: std::net::SocketAddr, ms: u64) -> std::io::Result<()> {
    let begin = h.now();
    let deadline = h.in_ms(ms);
    match h.engine().connect(to, deadline).await {
        Ok(_) => panic!("{to} never answers"),
        Err(error) if error.kind() == ErrorKind::TimedOut => {}
        Err(error) => return Err(error),
    }
    assert!(h.now() >= deadline, "timed out {:?} early", deadline.since(h.now()));
    let took = h.now().since(begin);
    let late = if h.precise() { Duration::from_millis(ms + 3) } else { Duration::from_millis(ms + 5_000) };
    assert!(took <= late, "a deadline of {ms} ms took {took:?}");
    Ok(())
}

async fn what_is_never_answered_times_out_at_its_deadline<H: Harness>(h: H) -> Outcome {
    let hole = h.black_hole();
    for ms in [1, 20, 60] {
        times_out(h.clone(), hole, ms).await?;
    }
    Ok(Bytes::AllArrived)
}

async fn many_attempts_time_out_each_at_its_own_deadline<H: Harness>(h: H) -> Outcome {
    let hole = h.black_hole();
    let attempts = (0..30).map(|id| start(&h, times_out(h.clone(), hole, 5 + 7 * (id % 10)))).collect();
    all(attempts).await?;
    Ok(Bytes::AllArrived)
}

async fn a_deadline_that_has_passed_times_out_or_connects<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    h.sleep_ms(1).await;
    for at in [Time::ZERO, h.now() - Duration::from_millis(1), h.now()] {
        let attempt = within(&h, Duration::from_secs(5), h.engine().connect(addr, at)).await;
        match attempt.expect("an attempt ends at its deadline") {
            Ok(stream) => drop(stream),
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error),
        }
    }
    // Whoever got through all the same has gone again.
    listener.stop();
    while let Some((stream, _)) = listener.accept().await? {
        until_gone(&stream).await;
    }
    Ok(Bytes::AllArrived)
}

async fn an_attempt_given_up_is_gone_at_once<H: Harness>(h: H) -> Outcome {
    let base = h.engine().counters();
    let hole = h.black_hole();
    for _ in 0..10 {
        let attempt = cut_after(h.engine().connect(hole, h.in_ms(60_000)), 1, Cut::Waiting).await;
        match attempt {
            None => {}
            Some(Ok(_)) => panic!("{hole} never answers"),
            Some(Err(error)) => return Err(error),
        }
    }
    let gone = within(&h, Duration::from_secs(1), settle(&h, base)).await;
    assert!(gone.is_some(), "attempts given up are still there: {:?}", h.engine().counters());
    Ok(Bytes::AllArrived)
}

async fn an_attempt_given_up_at_any_moment_leaves_no_client_behind<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    for _ in 0..h.effort(100, 20) {
        let polls = h.below(3);
        let attempt = h.engine().connect(addr, h.in_ms(5_000));
        let connected = cut_after(attempt, polls, Cut::BOTH[h.below(2)]).await;
        if let Some(stream) = connected.transpose()? {
            stream.shutdown_write();
            // This one, or one that was given up before: all of them end.
            until_gone(&accept::<H>(&listener).await?).await;
        }
    }
    listener.stop();
    while let Some((stream, _)) = listener.accept().await? {
        until_gone(&stream).await;
    }
    Ok(Bytes::AllArrived)
}

async fn the_deadline_of_the_attempt_does_not_outlive_it<H: Harness>(h: H) -> Outcome {
    let (listener, addr) = h.listen(Wish::USUAL)?;
    let server = start(&h, async move { echo(accept::<H>(&listener).await?, Mode::Head).await });
    let stream = h.engine().connect(addr, h.in_ms(300)).await?;
    h.sleep_ms(400).await;
    ask_echo(&h, &stream, 1, 1_000, 1_000).await?;
    part(stream).await?;
    server.await?;
    Ok(Bytes::AllArrived)
}
