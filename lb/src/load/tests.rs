//! Tests of a backend's shared load: exact limits, latency, runs of failures.

use std::sync::atomic::AtomicU64;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

#[test]
fn a_limit_holds_exactly_against_racing_threads() {
    const MAX: u32 = 7;
    let load = Load::new();
    let (inside, admitted) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    if load.try_begin(MAX) {
                        let count = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        assert!(count <= u64::from(MAX), "{count} inside at a limit of {MAX}");
                        admitted.fetch_add(1, Ordering::Relaxed);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        load.end(1);
                    }
                }
            });
        }
    });
    // Four threads never exceed seven: nobody may have been refused.
    assert_eq!((admitted.into_inner(), load.requests()), (20_000, 0));
}

#[test]
fn the_last_place_is_given_once() {
    let load = Load::new();
    assert_eq!([(); 4].map(|()| load.try_begin(3)), [true, true, true, false]);
    assert_eq!([(); 3].map(|()| load.try_open(2)), [true, true, false]);
    load.end(1);
    load.closed(1);
    assert!(load.try_begin(3) && !load.try_begin(3));
    assert!(load.try_open(2) && !load.try_open(2));
    assert!(load.try_begin(u32::MAX), "no limit");
    assert_eq!((load.requests(), load.connections()), (4, 2));
}

#[test]
fn a_slow_answer_is_believed_at_once_and_forgotten_slowly() {
    let load = Load::new();
    load.observe(10 * MS, at(100));
    assert_near(load.latency(at(100)), 10 * MS);
    load.observe(200 * MS, at(100));
    assert_near(load.latency(at(100)), 200 * MS);

    // One decay time later the peak has kept 1/e = 0.368 of its weight.
    load.observe(10 * MS, at(110));
    assert_near(load.latency(at(110)), Duration::from_micros(79_897));
    load.observe(10 * MS, at(160));
    assert_near(load.latency(at(160)), Duration::from_micros(10_471));
}

#[test]
fn many_fast_answers_forget_a_peak_no_faster_than_one() {
    let load = Load::new();
    load.observe(200 * MS, at(100));
    for milli in 0..10_000 {
        load.observe(10 * MS, at(100) + milli * MS);
        load.observe(10 * MS, at(100) + milli * MS);
    }
    assert_near(load.latency(at(110)), Duration::from_micros(79_897));
}

#[test]
fn a_backend_that_answers_nothing_is_tried_again_some_time() {
    let load = Load::new();
    load.observe(1_000 * MS, at(100));
    assert_near(load.latency(at(110)), Duration::from_micros(367_879));
    assert!(load.latency(at(146)) < 11 * MS);
}

#[test]
fn another_shards_earlier_clock_changes_nothing() {
    let load = Load::new();
    load.observe(200 * MS, at(100));
    load.observe(10 * MS, at(99));
    assert_near(load.latency(at(98)), 200 * MS);
    assert_near(load.latency(at(100)), 200 * MS);
}

#[test]
fn fast_failures_cost_more_each_time() {
    let load = Load::new();
    load.observe(MS, at(100));
    let costs = [(); 9].map(|()| {
        load.penalise(at(100));
        load.latency(at(100)).as_secs_f32().round() as u32
    });
    assert_eq!(costs, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

#[test]
fn one_that_was_never_measured_gets_one_request_to_be_measured_by() {
    let load = Load::new();
    let cost = || load.cost(Metric::Latency, at(100));
    assert_eq!(load.latency(at(100)), crate::limits::LATENCY_NEUTRAL);
    assert_eq!(cost(), 0, "cheaper than any");
    assert!(load.try_begin(u32::MAX));
    assert!(cost() >= 2 * 29_999_999, "{}", cost());
    load.observe(5 * MS, at(100));
    assert_eq!(cost(), 10_000_000);
}

#[test]
fn each_metric_has_its_cost() {
    let load = Load::new();
    for _ in 0..3 {
        assert!(load.try_begin(u32::MAX));
    }
    assert!(load.try_open(u32::MAX));
    load.observe(2 * MS, at(100));
    let costs =
        [Metric::Requests, Metric::Connections, Metric::Latency].map(|metric| load.cost(metric, at(100)));
    assert_eq!(costs, [3, 1, 8_000_000]);
}

#[test]
fn failures_in_a_row_are_told_apart() {
    use FailureKind::{Connect, Gateway, ServerError};
    let load = Load::new();
    let runs = |server_errors, gateway_errors, connects| Failures { server_errors, gateway_errors, connects };
    assert_eq!([Connect, Connect].map(|kind| load.failed(kind)), [runs(0, 0, 1), runs(0, 0, 2)]);
    load.connected();
    assert_eq!([Gateway, Gateway].map(|kind| load.failed(kind)), [runs(1, 1, 0), runs(2, 2, 0)]);
    assert_eq!([ServerError, Gateway].map(|kind| load.failed(kind)), [runs(3, 0, 0), runs(4, 1, 0)]);
    assert_eq!(load.failed(Connect), runs(4, 1, 1));
    assert_eq!(load.failures(), runs(4, 1, 1));
    load.connected();
    assert_eq!(load.failures(), runs(4, 1, 0));
    load.succeeded();
    assert_eq!(load.failures(), Failures::default());
    let _ = [Connect, Gateway].map(|kind| load.failed(kind));
    load.forget_failures();
    assert_eq!([Connect, Gateway].map(|kind| load.failed(kind)), [runs(0, 0, 1), runs(1, 1, 1)]);
}

#[test]
fn no_failure_is_counted_twice_or_lost_by_racing_threads() {
    let load = Load::new();
    let lengths: Vec<Vec<u32>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| (0..2_000).map(|_| load.failed(FailureKind::Gateway).gateway_errors).collect())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut lengths = lengths.concat();
    lengths.sort_unstable();
    assert!(lengths.into_iter().eq(1..=8_000), "each length of the run is told once");
}

fn assert_near(measured: Duration, expected: Duration) {
    let (measured, expected) = (measured.as_secs_f64(), expected.as_secs_f64());
    assert!((measured / expected - 1.0).abs() < 0.002, "{measured} s instead of {expected} s");
}
