//! Splicing: what comes in on one stream goes out on another, every byte, whoever is slow, ends, or breaks off.

use std::io::{self, ErrorKind};
use std::time::Duration;

use ringway_engine::uring::Settings;
use ringway_engine::{Deadline, Engine, Mode, Out, SpliceError, Spliced, Stream};

use crate::books::Bytes;
use crate::harness::{Harness, Outcome, Spec, StreamOf, Wish};
use crate::pattern::Pattern;
use crate::talk::{expect_end, pair, piece, recv_pattern, send_pattern, until_gone};
use crate::tasks::{Child, Cut, both, cut_after, start, within};

scenarios! {
    every_byte_arrives_however_it_is_cut with Spec { seeds: 60, ..Spec::default() };
    receiving_and_splicing_may_alternate with Spec { seeds: 60, ..Spec::default() };
    both_directions_go_at_once;
    no_more_than_asked_for_is_moved;
    the_end_is_told_and_told_again;
    one_direction_ends_and_the_other_goes_on;
    queued_bytes_are_to_be_received_first;
    a_receive_under_way_is_stopped_and_loses_nothing with Spec { seeds: 60, ..Spec::default() };
    a_send_under_way_goes_first;
    the_wait_for_the_first_byte_has_a_deadline;
    the_wait_for_the_receiver_has_a_deadline;
    a_reset_by_the_sender_is_an_error_of_receiving;
    a_reset_by_the_receiver_is_an_error_of_sending with Spec { seeds: 40, ..Spec::default() };
    with_all_pipes_taken_it_is_unavailable with Spec { settings: pipes(1, 64 * 1024), ..Spec::default() };
    without_pipes_it_is_unavailable with Spec { settings: pipes(0, 64 * 1024), ..Spec::default() };
    a_small_pipe_is_enough with Spec { settings: pipes(1, 1), ..Spec::default() };
    a_slow_reader_slows_the_sender_and_gets_everything;
    nothing_is_lost_by_giving_up_before_the_first_byte with Spec { seeds: 60, ..Spec::default() };
    giving_up_half_way_leaves_no_pipe_and_lets_nothing_follow;
    closing_at_any_moment_leaves_nothing with Spec { seeds: 60, ..Spec::default() };
    a_fast_sender_gets_a_bounded_part_of_each_turn;
}

/// More than any pair of socket buffers and a pipe hold.
const TOO_MUCH: usize = 64 << 20;
/// For a receiver that is not what a scenario is about.
const PATIENCE: Duration = Duration::from_secs(30);
const FLOOD_PIECE: usize = 500_000;
/// What the engine moves from one connection in a turn.
const TURN_BYTES: u64 = 256 * 1024;

fn pipes(pipes_max: u32, pipe_bytes: u32) -> Settings {
    Settings { pipes_max, pipe_bytes, ..Settings::default() }
}

/// `source` talks to `from`, `to` to `sink`; bytes are moved between the two in the middle.
struct Line<S> {
    source: S,
    from: S,
    to: S,
    sink: S,
}

async fn line<H: Harness>(h: &H, wish: Wish) -> io::Result<Line<StreamOf<H>>> {
    let (listener, addr) = h.listen(wish)?;
    let (from, source) = pair(h, &listener, addr).await?;
    let (sink, to) = pair(h, &listener, addr).await?;
    Ok(Line { source, from, to, sink })
}

fn plain(error: SpliceError) -> io::Error {
    match error {
        SpliceError::Recv(error) | SpliceError::Send(error) => error,
    }
}

/// Moves once, if need be by a copy; how many bytes, 0 at the end.
async fn step<S: Stream>(from: &S, to: &S, max: u64) -> Result<u64, SpliceError> {
    step_within(from, to, max, PATIENCE).await
}

async fn step_within<S: Stream>(from: &S, to: &S, max: u64, patience: Duration) -> Result<u64, SpliceError> {
    match from.splice(to, max, patience).await? {
        Spliced::Moved(count) => {
            assert!((1..=max).contains(&count), "{count} bytes moved, at most {max} wanted");
            Ok(count)
        }
        Spliced::End => Ok(0),
        Spliced::Unavailable => copy(from, to).await,
    }
}

async fn copy<S: Stream>(from: &S, to: &S) -> Result<u64, SpliceError> {
    let Some(chunk) = from.recv().await.map_err(SpliceError::Recv)? else { return Ok(0) };
    let count = chunk.len() as u64;
    to.send(Out::Chunk(chunk)).await.map_err(SpliceError::Send)?;
    Ok(count)
}

/// Moves everything until the end, and hands that on.
async fn relay<S: Stream>(from: &S, to: &S) -> io::Result<u64> {
    let mut moved = 0;
    loop {
        match step(from, to, u64::MAX).await.map_err(plain)? {
            0 => break,
            count => moved += count,
        }
    }
    to.shutdown_write();
    Ok(moved)
}

/// Sends `total` bytes in pieces of all sizes, and the end.
async fn send_uneven<H: Harness>(
    h: H,
    source: StreamOf<H>,
    id: usize,
    total: usize,
) -> io::Result<StreamOf<H>> {
    let mut out = Pattern::new(id);
    while out.at() < total {
        let most = [1, 100, 5_000, 70_000, 400_000][h.below(5)];
        let n = (1 + h.below(most)).min(total - out.at());
        source.send(piece(&h, &mut out, n)).await?;
        if h.below(8) == 0 {
            h.sleep_ms(1).await;
        }
    }
    source.shutdown_write();
    Ok(source)
}

/// Sends more than anybody takes, until it is stopped. In pieces: an operation that has to be continued more than a hundred
/// times is given to a thread by the kernel.
fn flood<H: Harness>(h: &H, source: StreamOf<H>, total: usize) -> Child<io::Result<StreamOf<H>>> {
    let own = h.clone();
    start(h, async move {
        send_pattern(&own, &source, &mut Pattern::new(1), total, FLOOD_PIECE).await?;
        Ok(source)
    })
}

async fn every_byte_arrives_however_it_is_cut<H: Harness>(h: H) -> Outcome {
    for (mode, wish) in [(Mode::Body, Wish::USUAL), (Mode::Body, Wish::NARROW), (Mode::Head, Wish::USUAL)] {
        let total = 1 + h.below(h.effort(4 << 20, 120_000));
        let Line { source, from, to, sink } = line(&h, wish).await?;
        from.set_mode(mode);
        let sending = start(&h, send_uneven(h.clone(), source, 3, total));
        let own = h.clone();
        let moving = start(&h, async move {
            let mut moved = 0;
            loop {
                let max = 1 + own.below([1, 1_000, 100_000, 10_000_000][own.below(4)]) as u64;
                match step(&from, &to, max).await.map_err(plain)? {
                    0 => break,
                    count => moved += count,
                }
            }
            to.shutdown_write();
            io::Result::Ok(moved)
        });
        sink.set_mode(mode);
        recv_pattern(&sink, &mut Pattern::new(3), total).await?;
        expect_end(&sink).await?;
        assert_eq!(moving.await?, total as u64);
        drop(sending.await?);
    }
    let counters = h.engine().counters();
    assert!(counters.bytes_spliced > 0 || !h.calm(), "nothing was spliced: {counters:?}");
    Ok(Bytes::AllArrived)
}

async fn receiving_and_splicing_may_alternate<H: Harness>(h: H) -> Outcome {
    let total = h.effort(2 << 20, 100_000);
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    let sending = start(&h, send_uneven(h.clone(), source, 5, total));
    let own = h.clone();
    let moving = start(&h, async move {
        loop {
            from.set_mode([Mode::Idle, Mode::Head, Mode::Body][own.below(3)]);
            let moved = match own.below(2) {
                0 => step(&from, &to, 1 + own.below(200_000) as u64).await,
                _ => copy(&from, &to).await,
            };
            if moved.map_err(plain)? == 0 {
                break;
            }
        }
        to.shutdown_write();
        io::Result::Ok(())
    });
    recv_pattern(&sink, &mut Pattern::new(5), total).await?;
    expect_end(&sink).await?;
    moving.await?;
    drop(sending.await?);
    Ok(Bytes::AllArrived)
}

async fn both_directions_go_at_once<H: Harness>(h: H) -> Outcome {
    let total = h.effort(4 << 20, 100_000);
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    let moving = start(&h, async move {
        let moved = both(relay(&from, &to), relay(&to, &from)).await?;
        io::Result::Ok((from, to, moved))
    });
    for stream in [&source, &sink] {
        stream.set_mode(Mode::Body);
    }
    let talk = |stream: StreamOf<H>, says: usize, hears: usize| {
        let own = h.clone();
        async move {
            let (mut out, mut back) = (Pattern::new(says), Pattern::new(hears));
            let saying = async {
                send_pattern(&own, &stream, &mut out, total, 90_000).await?;
                stream.shutdown_write();
                Ok(())
            };
            let hearing = async {
                recv_pattern(&stream, &mut back, total).await?;
                expect_end(&stream).await
            };
            both(saying, hearing).await
        }
    };
    both(talk(source, 1, 2), talk(sink, 2, 1)).await?;
    let (_, _, moved) = moving.await?;
    assert_eq!(moved, (total as u64, total as u64));
    Ok(Bytes::AllArrived)
}

async fn no_more_than_asked_for_is_moved<H: Harness>(h: H) -> Outcome {
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    from.set_mode(Mode::Body);
    source.post(piece(&h, &mut Pattern::new(1), 10_000));
    let mut moved = 0;
    while moved < 4_000 {
        let max = (4_000 - moved).min(1_500);
        match from.splice(&to, max, PATIENCE).await.map_err(plain)? {
            Spliced::Moved(count) => {
                assert!(count <= max);
                moved += count;
            }
            other if h.calm() => panic!("{other:?}"),
            // A copy is of as much as it likes.
            _ => return Ok(Bytes::Uneven),
        }
    }
    // The rest is still there to be received.
    let mut back = Pattern::new(1);
    recv_pattern(&sink, &mut back, 4_000).await?;
    recv_pattern(&from, &mut back, 6_000).await?;
    source.sent().await?;
    Ok(Bytes::AllArrived)
}

async fn the_end_is_told_and_told_again<H: Harness>(h: H) -> Outcome {
    for bytes in [0, 1, 50_000] {
        let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
        let receiving = start(&h, async move { recv_pattern(&sink, &mut Pattern::new(1), bytes).await });
        let out = piece(&h, &mut Pattern::new(1), bytes);
        let sending = start(&h, async move {
            source.send(out).await?;
            source.shutdown_write();
            io::Result::Ok(source)
        });
        let mut moved = 0;
        while moved < bytes as u64 {
            moved += step(&from, &to, u64::MAX).await.map_err(plain)?;
        }
        for _ in 0..2 {
            assert_eq!(step(&from, &to, 1).await.map_err(plain)?, 0);
        }
        assert_eq!(from.splice(&to, 1, PATIENCE).await.map_err(plain)?, Spliced::End);
        expect_end(&from).await?;
        receiving.await?;
        drop(sending.await?);
    }
    Ok(Bytes::AllArrived)
}

async fn one_direction_ends_and_the_other_goes_on<H: Harness>(h: H) -> Outcome {
    let total = h.effort(1 << 20, 60_000);
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    let moving = start(&h, async move { both(relay(&from, &to), relay(&to, &from)).await });
    source.send(piece(&h, &mut Pattern::new(1), 777)).await?;
    source.shutdown_write();
    recv_pattern(&sink, &mut Pattern::new(1), 777).await?;
    expect_end(&sink).await?;
    let (mut out, mut back) = (Pattern::new(2), Pattern::new(2));
    both(send_pattern(&h, &sink, &mut out, total, 9_000), recv_pattern(&source, &mut back, total)).await?;
    sink.shutdown_write();
    expect_end(&source).await?;
    assert_eq!(moving.await?, (777, total as u64));
    Ok(Bytes::AllArrived)
}

async fn queued_bytes_are_to_be_received_first<H: Harness>(h: H) -> Outcome {
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    // Arms the receive, which goes on by itself.
    from.set_deadline(Deadline::Recv, h.in_ms(1));
    assert!(from.recv().await.is_err(), "nothing was sent");
    from.set_deadline(Deadline::Recv, ringway_core::Time::NEVER);
    source.send(piece(&h, &mut Pattern::new(1), 300)).await?;
    while !from.has_pending() {
        h.sleep_ms(1).await;
    }
    assert_eq!(from.splice(&to, u64::MAX, PATIENCE).await.map_err(plain)?, Spliced::Unavailable);
    source.shutdown_write();
    assert_eq!(relay(&from, &to).await?, 300);
    recv_pattern(&sink, &mut Pattern::new(1), 300).await?;
    expect_end(&sink).await?;
    Ok(Bytes::AllArrived)
}

async fn a_receive_under_way_is_stopped_and_loses_nothing<H: Harness>(h: H) -> Outcome {
    const ROUNDS: usize = 30;
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    let own = h.clone();
    let sending = start(&h, async move {
        let mut out = Pattern::new(1);
        for _ in 0..ROUNDS {
            own.sleep_ms(own.below(3) as u64).await;
            source.send(piece(&own, &mut out, 100)).await?;
        }
        source.shutdown_write();
        io::Result::Ok(source)
    });
    let receiving = start(&h, async move {
        recv_pattern(&sink, &mut Pattern::new(1), 100 * ROUNDS).await?;
        expect_end(&sink).await
    });
    let mut moved = 0;
    loop {
        // A receive that is armed and given up, in each mode.
        from.set_mode([Mode::Idle, Mode::Head, Mode::Body][h.below(3)]);
        if let Some(chunk) = cut_after(from.recv(), 1, Cut::Waiting).await {
            let Some(chunk) = chunk? else { break };
            moved += chunk.len() as u64;
            to.send(Out::Chunk(chunk)).await?;
        }
        match step(&from, &to, u64::MAX).await.map_err(plain)? {
            0 => break,
            count => moved += count,
        }
    }
    to.shutdown_write();
    assert_eq!(moved, 100 * ROUNDS as u64);
    receiving.await?;
    drop(sending.await?);
    Ok(Bytes::AllArrived)
}

async fn a_send_under_way_goes_first<H: Harness>(h: H) -> Outcome {
    let total = h.effort(2 << 20, 200_000);
    let Line { source, from, to, sink } = line(&h, Wish::NARROW).await?;
    from.set_mode(Mode::Body);
    let mut out = Pattern::new(1);
    to.post(piece(&h, &mut out, total));
    source.post(piece(&h, &mut out, 5_000));
    sink.set_mode(Mode::Body);
    let receiving = start(&h, async move { recv_pattern(&sink, &mut Pattern::new(1), total + 5_000).await });
    let mut moved = 0;
    while moved < 5_000 {
        moved += step(&from, &to, u64::MAX).await.map_err(plain)?;
    }
    receiving.await?;
    source.sent().await?;
    Ok(Bytes::AllArrived)
}

async fn the_wait_for_the_first_byte_has_a_deadline<H: Harness>(h: H) -> Outcome {
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    let mut out = Pattern::new(1);
    let receiving = start(&h, async move { recv_pattern(&sink, &mut Pattern::new(1), 3_000).await });
    for mode in [Mode::Idle, Mode::Head, Mode::Body] {
        from.set_mode(mode);
        for ms in [1, 30] {
            let at = h.in_ms(ms);
            from.set_deadline(Deadline::Recv, at);
            match from.splice(&to, u64::MAX, PATIENCE).await {
                Err(SpliceError::Recv(error)) if error.kind() == ErrorKind::TimedOut => {}
                Err(error) => return Err(plain(error)),
                // There was no pipe to wait with.
                Ok(Spliced::Unavailable) if !h.calm() => continue,
                Ok(other) => panic!("nothing was sent: {other:?}"),
            }
            assert!(h.now() >= at, "{:?} early", at.since(h.now()));
            if h.precise() {
                assert!(h.now() <= at + Duration::from_millis(2), "{:?} late", h.now().since(at));
            }
        }
        // The stream goes on working.
        from.set_deadline(Deadline::Recv, h.in_ms(10_000));
        source.send(piece(&h, &mut out, 1_000)).await?;
        let mut moved = 0;
        while moved < 1_000 {
            moved += step(&from, &to, u64::MAX).await.map_err(plain)?;
        }
    }
    receiving.await?;
    Ok(Bytes::AllArrived)
}

async fn the_wait_for_the_receiver_has_a_deadline<H: Harness>(h: H) -> Outcome {
    let Line { source, from, to, sink: _sink } = line(&h, Wish::NARROW).await?;
    from.set_mode(Mode::Body);
    let _flood = flood(&h, source, h.effort(TOO_MUCH, 1 << 20));
    let mut at = h.in_ms(50);
    to.set_deadline(Deadline::Send, at);
    let error = loop {
        match step_within(&from, &to, u64::MAX, Duration::from_millis(50)).await {
            // Each part has its own time.
            Ok(_) => {
                at = h.in_ms(50);
                to.set_deadline(Deadline::Send, at);
            }
            Err(error) => break error,
        }
    };
    match error {
        SpliceError::Send(error) if error.kind() == ErrorKind::TimedOut => {}
        error => return Err(plain(error)),
    }
    assert!(h.now() >= at, "{:?} early", at.since(h.now()));
    assert_eq!(h.engine().counters().pipes_out, 0);
    assert!(to.sent().await.is_err(), "bytes would follow a gap");
    Ok(Bytes::Uneven)
}

async fn a_reset_by_the_sender_is_an_error_of_receiving<H: Harness>(h: H) -> Outcome {
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    source.send(piece(&h, &mut Pattern::new(1), 500)).await?;
    let mut moved = 0;
    while moved < 500 {
        moved += step(&from, &to, u64::MAX).await.map_err(plain)?;
    }
    recv_pattern(&sink, &mut Pattern::new(1), 500).await?;
    source.reset_on_close();
    source.close().await;
    for _ in 0..2 {
        match step(&from, &to, u64::MAX).await {
            Err(SpliceError::Recv(error)) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => return Err(plain(error)),
            Ok(moved) => panic!("a reset looks like {moved} bytes"),
        }
    }
    // The other one is as good as before.
    to.send(piece(&h, &mut Pattern::new(2), 100)).await?;
    recv_pattern(&sink, &mut Pattern::new(2), 100).await?;
    Ok(Bytes::Uneven)
}

async fn a_reset_by_the_receiver_is_an_error_of_sending<H: Harness>(h: H) -> Outcome {
    for waiting in [false, true] {
        let Line { source, from, to, sink } = line(&h, Wish::NARROW).await?;
        from.set_mode(Mode::Body);
        let _flood = flood(&h, source, h.effort(TOO_MUCH, 1 << 20));
        let own = h.clone();
        let resetting = start(&h, async move {
            // With its receiver's buffers full, the splice waits by then.
            own.sleep_ms(if waiting { 50 } else { own.below(3) as u64 }).await;
            sink.reset_on_close();
            sink.close().await;
        });
        let error = loop {
            match step(&from, &to, u64::MAX).await {
                Ok(0) => panic!("the sender has not ended"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        match error {
            SpliceError::Send(error)
                if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {}
            error => return Err(plain(error)),
        }
        resetting.await;
        assert_eq!(h.engine().counters().pipes_out, 0);
        assert!(to.send(Out::Static(b"more")).await.is_err());
    }
    Ok(Bytes::Uneven)
}

async fn with_all_pipes_taken_it_is_unavailable<H: Harness>(h: H) -> Outcome {
    let slow = line(&h, Wish::NARROW).await?;
    let quick = line(&h, Wish::USUAL).await?;
    slow.from.set_mode(Mode::Body);
    quick.from.set_mode(Mode::Body);
    let total = h.effort(TOO_MUCH, 500_000);
    let Line { source: slow_source, from, to, sink: slow_sink } = slow;
    let flooding = flood(&h, slow_source, total);
    let held = start(&h, async move {
        let mut moved = 0;
        while moved < total as u64 {
            moved += step(&from, &to, u64::MAX).await.map_err(plain)?;
        }
        io::Result::Ok(())
    });
    // It stands still once nothing moves any more.
    let mut before = (0, 0);
    loop {
        h.sleep_ms(120).await;
        let counters = h.engine().counters();
        let now = (counters.bytes_spliced, counters.bytes_out);
        if now == before {
            break;
        }
        before = now;
    }
    let taken = h.engine().counters().pipes_out;
    assert!(taken == 1 || !h.calm(), "{:?}", h.engine().counters());
    quick.source.send(piece(&h, &mut Pattern::new(2), 100)).await?;
    if taken == 1 {
        let spliced = quick.from.splice(&quick.to, u64::MAX, PATIENCE).await.map_err(plain)?;
        assert_eq!(spliced, Spliced::Unavailable);
    }
    assert_eq!(step(&quick.from, &quick.to, u64::MAX).await.map_err(plain)?.min(1), 1);
    // When the slow one goes on, its pipe comes home, and others have their turn.
    slow_sink.set_mode(Mode::Body);
    recv_pattern(&slow_sink, &mut Pattern::new(1), total).await?;
    held.await?;
    assert_eq!(h.engine().counters().pipes_out, 0);
    assert!(h.engine().counters().pipes <= 1);
    quick.source.send(piece(&h, &mut Pattern::new(2), 100)).await?;
    let spliced = quick.from.splice(&quick.to, u64::MAX, PATIENCE).await.map_err(plain)?;
    assert!(matches!(spliced, Spliced::Moved(_)) || !h.calm(), "{spliced:?}");
    drop((flooding.await?, quick));
    Ok(Bytes::Uneven)
}

async fn without_pipes_it_is_unavailable<H: Harness>(h: H) -> Outcome {
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    let sending = start(&h, send_uneven(h.clone(), source, 1, 10_000));
    let receiving = start(&h, async move { recv_pattern(&sink, &mut Pattern::new(1), 10_000).await });
    for _ in 0..3 {
        assert_eq!(from.splice(&to, u64::MAX, PATIENCE).await.map_err(plain)?, Spliced::Unavailable);
    }
    assert_eq!(relay(&from, &to).await?, 10_000);
    receiving.await?;
    drop(sending.await?);
    Ok(Bytes::AllArrived)
}

async fn a_small_pipe_is_enough<H: Harness>(h: H) -> Outcome {
    let total = h.effort(1 << 20, 3_000);
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    from.set_mode(Mode::Body);
    let sending = start(&h, send_uneven(h.clone(), source, 1, total));
    let receiving = start(&h, async move { recv_pattern(&sink, &mut Pattern::new(1), total).await });
    assert_eq!(relay(&from, &to).await?, total as u64);
    receiving.await?;
    drop(sending.await?);
    Ok(Bytes::AllArrived)
}

async fn a_slow_reader_slows_the_sender_and_gets_everything<H: Harness>(h: H) -> Outcome {
    let total = h.effort(2 << 20, 400_000);
    let Line { source, from, to, sink } = line(&h, Wish::NARROW).await?;
    from.set_mode(Mode::Body);
    let sending = start(&h, send_uneven(h.clone(), source, 1, total));
    let moving = start(&h, async move { relay(&from, &to).await });
    sink.set_mode(Mode::Body);
    let mut back = Pattern::new(1);
    while back.at() < total {
        if h.below(4) == 0 {
            h.sleep_ms(1).await;
            let counters = h.engine().counters();
            // What lies in between is in one pipe, or in one buffer; the reader here has none.
            assert!(counters.pipes_out + counters.chunks_out <= 2, "{counters:?}");
        }
        let chunk = sink.recv().await?.ok_or(ErrorKind::UnexpectedEof)?;
        back.read(&chunk);
    }
    expect_end(&sink).await?;
    assert_eq!(moving.await?, total as u64);
    drop(sending.await?);
    Ok(Bytes::AllArrived)
}

async fn nothing_is_lost_by_giving_up_before_the_first_byte<H: Harness>(h: H) -> Outcome {
    const ROUNDS: usize = 40;
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    let receiving = start(&h, async move {
        recv_pattern(&sink, &mut Pattern::new(1), 10 * ROUNDS).await?;
        expect_end(&sink).await
    });
    let mut out = Pattern::new(1);
    let mut moved = 0;
    for round in 0..ROUNDS {
        from.set_mode([Mode::Idle, Mode::Head, Mode::Body][h.below(3)]);
        // Nothing is under way: it can only wait, or say that it can not.
        if moved == 10 * round as u64 {
            let given_up = cut_after(from.splice(&to, u64::MAX, PATIENCE), h.below(2), Cut::Waiting).await;
            assert!(matches!(given_up, None | Some(Ok(Spliced::Unavailable) | Err(_))), "{given_up:?}");
        }
        source.send(piece(&h, &mut out, 10)).await?;
        while moved < 10 * (round + 1) as u64 {
            moved += match h.below(2) {
                0 => step(&from, &to, u64::MAX).await,
                _ => copy(&from, &to).await,
            }
            .map_err(plain)?;
        }
    }
    to.shutdown_write();
    receiving.await?;
    Ok(Bytes::AllArrived)
}

async fn giving_up_half_way_leaves_no_pipe_and_lets_nothing_follow<H: Harness>(h: H) -> Outcome {
    let Line { source, from, to, sink: _sink } = line(&h, Wish::NARROW).await?;
    from.set_mode(Mode::Body);
    let _flood = flood(&h, source, h.effort(TOO_MUCH, 1 << 20));
    let base = h.engine().counters();
    let endless = async {
        loop {
            if let Err(error) = step(&from, &to, u64::MAX).await {
                return plain(error);
            }
        }
    };
    if let Some(error) = within(&h, Duration::from_millis(300), endless).await {
        return Err(error);
    }
    let counters = h.engine().counters();
    assert_eq!(counters.pipes_out, 0);
    // Unless it was a copy that waited, bytes are lost now.
    if h.calm() {
        assert!(counters.pipes <= base.pipes, "a pipe with bytes in it is kept: {counters:?}");
        assert!(to.send(Out::Static(b"more")).await.is_err(), "bytes would follow a gap");
        assert!(from.splice(&to, 1, PATIENCE).await.is_err());
    }
    Ok(Bytes::Uneven)
}

async fn closing_at_any_moment_leaves_nothing<H: Harness>(h: H) -> Outcome {
    for _ in 0..h.effort(30, 3) {
        let wish = if h.below(2) == 0 { Wish::NARROW } else { Wish::USUAL };
        let Line { source, from, to, sink } = line(&h, wish).await?;
        from.set_mode([Mode::Idle, Mode::Head, Mode::Body][h.below(3)]);
        let sending = start(&h, send_uneven(h.clone(), source, 1, 500_000));
        let reading = (h.below(2) == 0).then(|| start(&h, async move { until_gone(&sink).await }));
        let own = h.clone();
        let endless = async move {
            while step(&from, &to, 1 + own.below(1_000_000) as u64).await.is_ok_and(|moved| moved > 0) {}
            from.close().await;
            to.close().await;
        };
        within(&h, Duration::from_micros(h.below(4_000) as u64), endless).await;
        drop((sending, reading));
    }
    Ok(Bytes::Uneven)
}

async fn a_fast_sender_gets_a_bounded_part_of_each_turn<H: Harness>(h: H) -> Outcome {
    let total = h.effort(32 << 20, 2 << 20);
    let Line { source, from, to, sink } = line(&h, Wish::USUAL).await?;
    from.set_mode(Mode::Body);
    let sending = flood(&h, source, total);
    sink.set_mode(Mode::Body);
    let receiving = start(&h, async move { recv_pattern(&sink, &mut Pattern::new(1), total).await });
    let (mut moved, mut turn, mut in_turn) = (0, 0, 0);
    while moved < total as u64 {
        let count = step(&from, &to, u64::MAX).await.map_err(plain)?;
        let turns = h.engine().counters().turns;
        in_turn = if turns == turn { in_turn + count } else { count };
        turn = turns;
        // What had to wait for its receiver was taken from its sender in a turn before.
        assert!(in_turn <= 2 * TURN_BYTES, "{in_turn} bytes in one turn");
        moved += count;
    }
    receiving.await?;
    drop(sending.await?);
    Ok(Bytes::AllArrived)
}
