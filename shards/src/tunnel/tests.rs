//! Tunnels on a simulated host: what goes in comes out, and each way they end.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Waker;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use ringway_engine::sim::{self, Fault, Faults, Net, Report, Sim, SimSettings};
use ringway_engine::uring::{self, GroupSettings};

use super::*;

pub(crate) type SimStream = <Sim as Engine>::Stream;

/// Longer than anything but a deadline takes.
const LONG: Duration = Duration::from_secs(600);
const IDLE: Duration = Duration::from_secs(60);
const SEND: Duration = Duration::from_secs(30);
/// Latencies, late completions: what may come on top of a time.
const SLACK: Duration = Duration::from_millis(5);

/// The far ends of a tunnel's two connections, and how it ended.
struct Bench {
    engine: Sim,
    a: SimStream,
    b: SimStream,
    ended: Rc<End>,
    passed: Rc<Count>,
}

/// How a tunnel ended and when, and who waits for that.
#[derive(Default)]
struct End {
    end: Cell<Option<(Ended, Time)>>,
    waiter: RefCell<Option<Waker>>,
}

impl End {
    fn set(&self, ended: Ended, at: Time) {
        self.end.set(Some((ended, at)));
        if let Some(waiter) = self.waiter.borrow_mut().take() {
            waiter.wake();
        }
    }

    async fn wait(&self) -> (Ended, Time) {
        poll_fn(|cx| {
            *self.waiter.borrow_mut() = Some(cx.waker().clone());
            self.end.get().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

impl Bench {
    /// A tunnel that begins after `received` has come from both sides, and is then received first.
    async fn open(engine: Sim, net: &Net, idle: Duration, received: [&[u8]; 2]) -> Bench {
        let stream = |port| {
            let sockets = net.pair(SocketAddr::from(([127, 0, 0, 1], port)));
            sockets.map(|socket| engine.adopt_stream(socket).expect("room for a stream"))
        };
        let ([a, near_a], [near_b, b]) = (stream(80), stream(81));
        let mut first = [None, None];
        for (at, (far, near)) in [(&a, &near_a), (&b, &near_b)].into_iter().enumerate() {
            if !received[at].is_empty() {
                send(&engine, far, received[at]).await.expect("a new connection takes some bytes");
                first[at] = near.recv().await.expect("a new connection works");
            }
        }
        let ended = Rc::new(End::default());
        let passed = Rc::new(Count::default());
        let task = {
            let (engine, ended, passed) = (engine.clone(), Rc::clone(&ended), Rc::clone(&passed));
            async move {
                let [from_a, from_b] = first;
                let settings = Settings { idle, send: SEND, passed: &passed };
                let a = Peer { stream: &near_a, received: from_a };
                let b = Peer { stream: &near_b, received: from_b };
                let end = relay(&engine, a, b, settings).await;
                ended.set(end, engine.now());
                near_a.close().await;
                near_b.close().await;
            }
        };
        engine.spawn(task);
        Bench { engine, a, b, ended, passed }
    }

    async fn sleep(&self, time: Duration) {
        self.engine.sleep_until(self.engine.now() + time).await;
    }
}

/// Sends all of `bytes`.
pub(crate) async fn send(engine: &Sim, stream: &SimStream, bytes: &[u8]) -> io::Result<()> {
    let mut buffer = engine.buffer();
    buffer.vec().extend_from_slice(bytes);
    stream.set_deadline(Deadline::Send, engine.now() + LONG);
    stream.send(Out::Buffer(buffer)).await
}

/// The next `count` bytes.
pub(crate) async fn take(stream: &SimStream, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        bytes.extend_from_slice(&stream.recv().await.expect("the tunnel works").expect("more is to come"));
    }
    assert_eq!(bytes.len(), count, "more came than was sent");
    bytes
}

/// Everything up to the end, and how that came.
async fn take_all(stream: &SimStream, into: &RefCell<Vec<u8>>) -> io::Result<()> {
    while let Some(chunk) = stream.recv().await? {
        into.borrow_mut().extend_from_slice(&chunk);
    }
    Ok(())
}

/// Bytes that show when one is missing or in another's place.
fn bytes(rng: &mut SmallRng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes[..]);
    bytes
}

/// The wheel's resolution.
const TICK: Duration = Duration::from_millis(1);

/// Buffers of clients as large as those of production, so that transfers are seen as such, and few for transfers. The far
/// ends receive from the same: there are enough for what a tunnel may hold and for them.
fn buffers() -> uring::Settings {
    uring::Settings {
        accepted: GroupSettings { buffer_bytes: 4096, initial: 4, max: 128 },
        connected: GroupSettings { buffer_bytes: 4096, initial: 4, max: 128 },
        bulk: GroupSettings { buffer_bytes: 16 * 1024, initial: 2, max: 8 },
        ..sim::small_queues()
    }
}

/// Runs a case with many seeds, and says which one failed.
pub(crate) fn seeds(count: u64, case: impl Fn(u64)) {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("seed {}", self.0);
            }
        }
    }
    for seed in 0..count {
        let current = Seed(seed);
        case(seed);
        drop(current);
    }
}

/// Runs a case on a host, and looks whether it leaves anything behind.
pub(crate) fn run<F: Future<Output = ()> + 'static>(
    settings: &SimSettings,
    main: impl FnOnce(Sim, Net) -> F,
) -> Report {
    let ((), report) = sim::run(settings, &buffers(), main).expect("sizes that fit");
    assert!(report.is_clean(), "something is left behind: {report:#?}");
    report
}

/// Runs a case on a host without faults, with many seeds.
fn calm<F: Future<Output = ()> + 'static>(case: impl Fn(Sim, Net, SmallRng) -> F) {
    seeds(100, |seed| {
        run(&SimSettings::new(seed), |engine, net| case(engine, net, SmallRng::seed_from_u64(seed)));
    });
}

/// What one far end sends, and what it has received so far.
struct Script {
    out: Vec<u8>,
    /// Bytes in a piece.
    piece_max: usize,
    pause_max_us: u64,
    received: RefCell<Vec<u8>>,
    /// What was sent before the tunnel began is not sent again.
    skip: usize,
}

impl Script {
    /// `may_skip`: whether some of it may be sent before the tunnel begins, for which the connection must hold.
    fn draw(rng: &mut SmallRng, may_skip: bool) -> Script {
        let len = [0, 1, 1_000, 100_000, 400_000][rng.random_range(0..5)];
        let piece_max = [1, 100, 5_000, 100_000][rng.random_range(if len > 5_000 { 2 } else { 0 }..4)];
        let skip = if may_skip && rng.random() { len.min(50) } else { 0 };
        Script {
            out: bytes(rng, len),
            piece_max,
            pause_max_us: [0, 0, 500][rng.random_range(0..3)],
            received: RefCell::default(),
            skip,
        }
    }

    /// Sends it all, then the end.
    async fn play(&self, bench: &Bench, stream: &SimStream, mut rng: SmallRng) -> io::Result<()> {
        let mut rest = &self.out[self.skip..];
        while !rest.is_empty() {
            let piece = rng.random_range(1..=self.piece_max.min(rest.len()));
            send(&bench.engine, stream, &rest[..piece]).await?;
            rest = &rest[piece..];
            if self.pause_max_us > 0 {
                bench.sleep(Duration::from_micros(rng.random_range(0..=self.pause_max_us))).await;
            }
        }
        stream.shutdown_write();
        Ok(())
    }
}

async fn join<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(move |cx| {
        if first.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(cx)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(cx)
        {
            second = Some(value);
        }
        if first.is_some() && second.is_some() {
            Poll::Ready((first.take().expect("just seen"), second.take().expect("just seen")))
        } else {
            Poll::Pending
        }
    })
    .await
}

/// Both far ends send all they have, in pieces, and half-close; each receives until the end.
fn exchange(settings: &SimSettings) -> Report {
    let may_break = settings.faults.of(Fault::Reset) > 0.0;
    run(settings, |engine, net| {
        let seed = settings.seed;
        async move {
            let mut rng = SmallRng::seed_from_u64(seed);
            let scripts = [Script::draw(&mut rng, !may_break), Script::draw(&mut rng, !may_break)];
            let [of_a, of_b] = &scripts;
            let before = [&of_a.out[..of_a.skip], &of_b.out[..of_b.skip]];
            let bench = Bench::open(engine, &net, IDLE, before).await;
            let (rng_a, rng_b) = (SmallRng::seed_from_u64(seed ^ 1), SmallRng::seed_from_u64(seed ^ 2));
            let (sent, received) = join(
                join(of_a.play(&bench, &bench.a, rng_a), of_b.play(&bench, &bench.b, rng_b)),
                join(take_all(&bench.a, &of_a.received), take_all(&bench.b, &of_b.received)),
            )
            .await;
            let (ended, _) = bench.ended.wait().await;
            let from_a = of_b.received.borrow();
            let from_b = of_a.received.borrow();
            assert!(
                of_a.out.starts_with(&from_a) && of_b.out.starts_with(&from_b),
                "bytes are not what was sent"
            );
            assert_eq!(bench.passed.get(), ended.from_a + ended.from_b);
            if ended.cause == Cause::Complete && received.0.is_ok() && received.1.is_ok() {
                assert_eq!((from_a.len(), from_b.len()), (of_a.out.len(), of_b.out.len()));
                assert_eq!((ended.from_a, ended.from_b), (from_a.len() as u64, from_b.len() as u64));
            } else {
                assert!(may_break, "{ended:?} {sent:?} {received:?}");
            }
            // Who sees the end, on a connection that is not known to have broken, has everything.
            if received.1.is_ok() && sent.1.is_ok() {
                assert_eq!(from_a.len(), of_a.out.len());
            }
            if received.0.is_ok() && sent.0.is_ok() {
                assert_eq!(from_b.len(), of_b.out.len());
            }
        }
    })
}

#[test]
fn bytes_of_both_directions_at_once_arrive_exactly() {
    seeds(300, |seed| {
        exchange(&SimSettings::new(seed));
    });
}

#[test]
fn whatever_the_kernel_does_bytes_arrive_exactly_or_the_connection_is_seen_to_break() {
    seeds(500, |seed| {
        exchange(&SimSettings::faulty(seed));
    });
}

/// The kernel says once that a connection broke. If a send was told, what is received then looks like the end.
#[test]
fn a_connection_that_breaks_while_it_is_sent_to_is_not_passed_on_as_its_end() {
    seeds(400, |seed| {
        let faults = Faults::none().with(Fault::Reset, 0.01 * (1 + seed % 5) as f32);
        exchange(&SimSettings { faults, ..SimSettings::new(seed) });
    });
}

#[test]
fn after_the_end_of_one_direction_the_other_goes_on() {
    calm(|engine, net, mut rng| async move {
        let bench = Bench::open(engine, &net, IDLE, [b"", b""]).await;
        let (first, second) = if rng.random() { (&bench.a, &bench.b) } else { (&bench.b, &bench.a) };
        send(&bench.engine, first, b"question").await.expect("the tunnel works");
        first.shutdown_write();
        assert_eq!(take(second, 8).await, b"question");
        assert!(second.recv().await.expect("the tunnel works").is_none());
        let answer = bytes(&mut rng, 100_000);
        for piece in answer.chunks(9_000) {
            // Long, but not too long.
            bench.sleep(IDLE / 2).await;
            let (sent, received) = join(send(&bench.engine, second, piece), take(first, piece.len())).await;
            sent.expect("the tunnel works");
            assert_eq!(received, piece);
        }
        assert!(bench.ended.end.get().is_none());
        second.shutdown_write();
        assert!(first.recv().await.expect("the tunnel works").is_none());
        let (ended, _) = bench.ended.wait().await;
        assert_eq!(ended.cause, Cause::Complete);
    });
}

#[test]
fn a_tunnel_without_a_byte_ends_at_its_deadline_with_resets() {
    calm(|engine, net, mut rng| async move {
        let bench = Bench::open(engine, &net, IDLE, [b"", b""]).await;
        // Bytes of either side renew the time of both.
        for _ in 0..rng.random_range(0..5) {
            bench.sleep(IDLE - SLACK * 2).await;
            let (from, to) = if rng.random() { (&bench.a, &bench.b) } else { (&bench.b, &bench.a) };
            send(&bench.engine, from, b"ping").await.expect("the tunnel lives");
            assert_eq!(take(to, 4).await, b"ping");
        }
        // Passed on up to a latency ago; and a direction that has ended keeps nothing alive.
        let last = bench.engine.now();
        if rng.random() {
            bench.a.shutdown_write();
            assert!(bench.b.recv().await.expect("the tunnel lives").is_none());
        }
        let (ended, at) = bench.ended.wait().await;
        assert_eq!(ended.cause, Cause::Idle);
        assert!(
            at + SLACK >= last + IDLE && at <= last + IDLE + SLACK,
            "{:?} after the last byte",
            at.since(last)
        );
        assert!(bench.a.recv().await.is_err());
    });
}

#[test]
fn the_deadline_is_exact_to_the_moment_the_last_byte_came() {
    // With no latency to speak of, it is the turn whose time is not before the deadline.
    seeds(50, |seed| {
        let latency = Duration::from_nanos(1)..=Duration::from_nanos(1);
        run(&SimSettings { latency, ..SimSettings::new(seed) }, |engine, net| async move {
            let bench = Bench::open(engine, &net, IDLE, [b"", b""]).await;
            bench.sleep(IDLE / 3).await;
            let sent_at = bench.engine.now();
            send(&bench.engine, &bench.b, b"x").await.expect("the tunnel lives");
            let (ended, at) = bench.ended.wait().await;
            assert_eq!(ended, Ended { cause: Cause::Idle, from_a: 0, from_b: 1 });
            assert!(at >= sent_at + IDLE, "too early");
            assert!(at <= sent_at + IDLE + TICK + TICK / 10, "too late: {:?}", at.since(sent_at + IDLE));
        });
    });
}

#[test]
fn a_reset_is_passed_on() {
    calm(|engine, net, mut rng| async move {
        let bench = Bench::open(engine.clone(), &net, IDLE, [b"", b""]).await;
        let Bench { a, b, ended, .. } = bench;
        let (first, second, side) = if rng.random() { (a, b, Side::A) } else { (b, a, Side::B) };
        let is_flowing: bool = rng.random();
        if is_flowing {
            send(&engine, &first, &bytes(&mut rng, 3_000)).await.expect("the tunnel works");
        }
        first.reset_on_close();
        first.close().await;
        let error = take_all(&second, &RefCell::default()).await.expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(ended.wait().await.0.cause, Cause::Reset(side));
    });
}

#[test]
fn a_tunnel_that_is_dropped_resets_both_sides() {
    calm(|engine, net, _| async move {
        let [a, near_a] = net.pair(SocketAddr::from(([127, 0, 0, 1], 80)));
        let [near_b, b] = net.pair(SocketAddr::from(([127, 0, 0, 1], 81)));
        let [a, near_a, near_b, b] =
            [a, near_a, near_b, b].map(|socket| engine.adopt_stream(socket).expect("room for a stream"));
        let passed = Count::default();
        {
            let settings = Settings { idle: IDLE, send: SEND, passed: &passed };
            let peer = |stream| Peer { stream, received: None };
            let mut tunnel = pin!(relay(&engine, peer(&near_a), peer(&near_b), settings));
            let mut late = pin!(engine.sleep_until(engine.now() + Duration::from_secs(1)));
            poll_fn(|cx| {
                assert!(tunnel.as_mut().poll(cx).is_pending());
                late.as_mut().poll(cx)
            })
            .await;
        }
        near_a.close().await;
        near_b.close().await;
        for far in [&a, &b] {
            let error = far.recv().await.expect_err("a reset");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
    });
}

#[test]
fn a_reader_that_takes_nothing_stops_its_sender_and_is_cut_off_in_time() {
    calm(|engine, net, mut rng| async move {
        let bench = Bench::open(engine, &net, LONG, [b"", b""]).await;
        let (from, side) = if rng.random() { (&bench.a, Side::B) } else { (&bench.b, Side::A) };
        let begin = bench.engine.now();
        // More than all windows and buffers together could hide.
        let flood = bytes(&mut rng, 2_000_000);
        let (sent, _) = join(send(&bench.engine, from, &flood), async {
            bench.sleep(SEND / 2).await;
            let counters = bench.engine.counters();
            // At most a chunk on its way and one received, or what the kernel queued before the transfer was seen.
            assert!(counters.chunks_out <= 16, "{} chunks are held", counters.chunks_out);
            let passed = bench.passed.get();
            assert!(
                passed > 0 && passed < 500_000,
                "{passed} bytes were taken in for a reader that takes none"
            );
        })
        .await;
        assert!(sent.is_err(), "the sender is told");
        let (ended, at) = bench.ended.wait().await;
        assert_eq!(ended.cause, Cause::Stalled(side));
        let longest = SEND + BULK_PAUSE_MAX + SLACK * 100;
        assert!(at >= begin + SEND && at <= begin + longest, "{:?}", at.since(begin));
    });
}

#[test]
fn a_slow_reader_gets_everything_as_long_as_it_reads() {
    seeds(20, |seed| {
        run(&SimSettings::new(seed), |engine, net| async move {
            let mut rng = SmallRng::seed_from_u64(seed);
            // No time that is longer than the pauses may pass without a byte on the other side, either.
            let bench = Bench::open(engine, &net, IDLE, [b"", b""]).await;
            let flood = bytes(&mut rng, 400_000);
            let mut received = Vec::new();
            let (sent, ()) = join(
                async {
                    send(&bench.engine, &bench.a, &flood).await?;
                    bench.a.shutdown_write();
                    Ok::<(), io::Error>(())
                },
                async {
                    bench.b.set_mode(Mode::Body);
                    while let Some(chunk) = bench.b.recv().await.expect("the tunnel works") {
                        received.extend_from_slice(&chunk);
                        bench.sleep(Duration::from_millis(500)).await;
                    }
                },
            )
            .await;
            sent.expect("the tunnel works");
            assert!(received == flood, "bytes are not what was sent");
            bench.b.shutdown_write();
            assert_eq!(bench.ended.wait().await.0.cause, Cause::Complete);
        });
    });
}

#[test]
fn a_conversation_holds_no_buffer_while_it_waits_and_needs_no_receive_for_each_message() {
    calm(|engine, net, _| async move {
        let bench = Bench::open(engine, &net, IDLE, [b"", b""]).await;
        let mut receives = None;
        for _ in 0..20 {
            send(&bench.engine, &bench.a, &[7; 100]).await.expect("the tunnel works");
            assert_eq!(take(&bench.b, 100).await, [7; 100]);
            send(&bench.engine, &bench.b, &[8; 50]).await.expect("the tunnel works");
            assert_eq!(take(&bench.a, 50).await, [8; 50]);
            bench.sleep(Duration::from_millis(100)).await;
            let counters = bench.engine.counters();
            assert_eq!(counters.chunks_out, 0);
            assert_eq!(*receives.get_or_insert(counters.recvs), counters.recvs);
        }
        assert_eq!(bench.engine.counters().bytes_spliced, 0);
    });
}

#[test]
fn a_transfer_is_spliced_and_a_conversation_after_it_is_not() {
    seeds(100, |seed| {
        // A window smaller than this lets pass what looks like a conversation.
        let window_bytes = 32 * 1024..=64 * 1024;
        run(&SimSettings { window_bytes, ..SimSettings::new(seed) }, |engine, net| async move {
            let mut rng = SmallRng::seed_from_u64(seed);
            let bench = Bench::open(engine, &net, IDLE, [b"", b""]).await;
            let (from, to) = if rng.random() { (&bench.a, &bench.b) } else { (&bench.b, &bench.a) };
            let flood = bytes(&mut rng, 500_000);
            let (sent, received) = join(send(&bench.engine, from, &flood), take(to, flood.len())).await;
            sent.expect("the tunnel works");
            assert!(received == flood, "bytes are not what was sent");
            let spliced = bench.engine.counters().bytes_spliced;
            assert!(spliced > 300_000, "only {spliced} bytes");
            bench.sleep(BULK_PAUSE_MAX * 2).await;
            for _ in 0..10 {
                send(&bench.engine, from, &[7; 100]).await.expect("the tunnel works");
                assert_eq!(take(to, 100).await, [7; 100]);
            }
            assert_eq!(bench.engine.counters().bytes_spliced, spliced);
            assert!(bench.ended.end.get().is_none());
        });
    });
}

#[test]
fn a_transfer_goes_on_whatever_splicing_does() {
    let spliced = Cell::new(0);
    seeds(200, |seed| {
        let often = 0.05 + (seed % 5) as f32 * 0.15;
        let faults = [Fault::ShortSplice, Fault::SpliceAgain, Fault::NoPipe, Fault::SmallPipe, Fault::Late];
        let faults = faults.into_iter().enumerate().filter(|(at, _)| seed >> at & 1 == 1);
        let faults = faults.fold(Faults::none(), |all, (_, fault)| all.with(fault, often));
        let settings = SimSettings { faults, ..SimSettings::new(seed) };
        let report = exchange(&settings);
        spliced.set(spliced.get() + report.engine.counters.bytes_spliced);
    });
    assert!(spliced.get() > 1_000_000, "{} bytes spliced in all", spliced.get());
}
