//! A target that stalls for a second: what the two kinds of load make of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ringway_core::Time;
use ringway_engine::sim::{self, SimSettings};
use ringway_engine::{Engine, Listener, Out, Stream, uring};
use ringway_loadtest::load::{self, Recorder, Settings, Summary, Target, drive};
use ringway_loadtest::stop;
use rustix::process::{Pid, Signal, kill_process};

use crate::loads::wait;

const SECOND: Duration = Duration::from_secs(1);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Answers at once, but not from `stall` on for a second: then everything waits.
async fn stalling<E: Engine>(engine: E, stream: E::Stream, stall: Time) {
    while let Ok(Some(_)) = stream.recv().await {
        if engine.now() >= stall {
            engine.sleep_until(stall + SECOND).await;
        }
        if stream.send(Out::Static(ANSWER)).await.is_err() {
            return;
        }
    }
}

/// Ten seconds, of which the fifth is a stall.
fn with_a_stall(rate: Option<f64>) -> Summary {
    let (summary, _) =
        sim::run(&SimSettings::new(7), &uring::Settings::default(), |engine, net| async move {
            let socket = net.listen("10.0.0.1:80".parse().expect("an address"));
            let target = Target::root(socket.local_addr().expect("it listens"));
            let listener = engine.adopt_listener(socket).expect("a slot");
            let (stopper, stop) = stop::channel();
            let stall = engine.now() + 4 * SECOND;
            let (server, mut ends) = (engine.clone(), stop.clone());
            engine.spawn(async move {
                while let Some(Ok(Some((stream, _)))) = ends.or(listener.accept()).await {
                    server.spawn(stalling(server.clone(), stream, stall));
                }
            });
            let recorder = Recorder::new();
            let load = Settings { rate, ..Settings::new(target, 16) };
            engine.spawn(drive(engine.clone(), load, recorder.clone(), stop));
            engine.sleep_until(engine.now() + 10 * SECOND).await;
            stopper.stop();
            engine.yield_now().await;
            engine.yield_now().await;
            recorder.summary()
        })
        .expect("the sizes are good");
    summary
}

#[test]
fn a_fixed_rate_shows_a_stall_in_every_request_that_was_due() {
    let summary = with_a_stall(Some(500.0));
    assert!(summary.requests >= 4_990, "{summary:?}");
    assert!(summary.p50 < Duration::from_millis(10), "{summary:?}");
    // A tenth of the requests was due in the stall; the first of them waited for all of it.
    assert!(summary.p99 > Duration::from_millis(850) && summary.p99 < SECOND, "{summary:?}");
    assert!(summary.p90 < summary.p99 && summary.max >= Duration::from_millis(990), "{summary:?}");
}

#[test]
fn a_closed_loop_sends_nothing_that_could_find_a_stall() {
    let summary = with_a_stall(None);
    assert!(summary.max >= Duration::from_millis(990), "{summary:?}");
    assert!(summary.p999 < Duration::from_millis(100), "{summary:?}");
}

/// Ended with the test, however that ends.
struct Process(Child);

impl Process {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it is our child");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_origin_that_is_halted_for_a_second_shows_in_the_p99() {
    let child = Command::new(env!("CARGO_BIN_EXE_ringway-loadtest"))
        .args(["origin", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program was built with the test");
    let mut origin = Process(child);
    let mut line = String::new();
    BufReader::new(origin.0.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("it says where it listens");
    let address = line.split(' ').nth(2).and_then(|address| address.parse().ok()).expect("an address");

    let load = load::spawn(Settings::new(Target::root(address), 16).at_rate(500.0)).expect("a load");
    wait(SECOND);
    origin.signal(Signal::STOP);
    wait(SECOND);
    origin.signal(Signal::CONT);
    wait(SECOND);
    let summary = load.stop().expect("it had not failed");
    assert_eq!(summary.errors.total(), 0, "{summary:?}");
    assert!(summary.p99 > Duration::from_millis(850), "{summary:?}");
}
