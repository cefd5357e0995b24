//! The books kept over every scenario: what must hold while it runs, when it has ended, and when its engine has.

use std::future::Future;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ringway_engine::uring::Report;
use ringway_engine::{Counters, Engine};

use crate::harness::{Harness, Outcome, Spec};
use crate::tasks::within;

/// The longest a scenario takes, in the engine's time. Virtual time jumps here as soon as nothing else can happen.
const SCENARIO_MAX: Duration = Duration::from_secs(60);
/// The longest a test takes, in real time, however its engine spins or sleeps.
const TEST_MAX: Duration = Duration::from_secs(150);
/// How long operations may take to be gone after a scenario let go of everything.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// What a scenario says of the bytes that went over its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Both ends were in the engine, and all that was sent was received.
    AllArrived,
    /// Something was cut off on purpose, or one end was elsewhere.
    Uneven,
}

/// What a run came to, before its engine ended.
pub(crate) struct Ended {
    outcome: Outcome,
    last: Counters,
}

/// Runs a scenario inside its engine, and watches that it ends and lets go of everything while the engine still runs.
pub(crate) async fn drive<H: Harness>(h: H, spec: Spec, scenario: impl Future<Output = Outcome>) -> Ended {
    let base = h.engine().counters();
    let outcome = if spec.outside {
        scenario.await
    } else {
        within(&h, SCENARIO_MAX, scenario).await.unwrap_or_else(|| {
            panic!("the scenario hangs: nothing happened until {SCENARIO_MAX:?}; {:?}", h.engine().counters())
        })
    };
    if !spec.abrupt {
        let settled = within(&h, SETTLE_MAX, settle(&h, base)).await;
        assert!(
            settled.is_some(),
            "something is left behind in a running engine: {:?}",
            h.engine().counters()
        );
    }
    Ended { outcome, last: h.engine().counters() }
}

/// Waits until the engine holds no more than it did at `base`.
pub(crate) async fn settle<H: Harness>(h: &H, base: Counters) {
    loop {
        let now = h.engine().counters();
        let gauges =
            |of: &Counters| [of.in_flight, of.streams, of.listeners, of.tasks, of.chunks_out, of.pipes_out];
        if gauges(&now).iter().zip(gauges(&base)).all(|(now, base)| *now <= base) {
            return;
        }
        h.sleep_ms(1).await;
    }
}

/// Checks what a run left behind after its engine has ended.
pub(crate) fn close(ended: Ended, report: &Report, fragile: bool) {
    nothing_left(report);
    match ended.outcome {
        Ok(Bytes::Uneven) => {}
        Ok(Bytes::AllArrived) => {
            assert_eq!(
                ended.last.bytes_in, ended.last.bytes_out,
                "bytes received and bytes sent: {:?}",
                ended.last
            );
        }
        Err(error) if fragile && is_bad_luck(&error) => {}
        Err(error) => panic!("the scenario failed: {error} ({:?})", error.kind()),
    }
}

/// Checks that an engine that has ended holds nothing.
pub(crate) fn nothing_left(report: &Report) {
    let end = &report.counters;
    let left = [end.in_flight, end.streams, end.listeners, end.tasks, end.chunks_out, end.pipes];
    assert_eq!(
        left, [0; 6],
        "in flight, streams, listeners, tasks, chunks out, pipes: all must be zero at the end: {end:?}"
    );
}

/// Whether this is what a connection that the harness broke, or a lack that it made up, looks like to its user.
pub(crate) fn is_bad_luck(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::TimedOut
    ) || error.raw_os_error() == Some(EMFILE)
}

/// Ends the process when a test does not end: a blocked engine can not be unwound.
pub(crate) struct Watchdog {
    _ended: mpsc::Sender<()>,
}

impl Watchdog {
    /// Watches until it is dropped; `what` says which run it was.
    pub(crate) fn over(what: String) -> Watchdog {
        let (ended, watch) = mpsc::channel();
        thread::spawn(move || {
            if watch.recv_timeout(TEST_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Past the test harness, which would keep it to itself.
                let _ =
                    writeln!(io::stderr(), "{what}: no end after {TEST_MAX:?}; giving up on the whole suite");
                std::process::exit(101);
            }
        });
        Watchdog { _ended: ended }
    }
}
