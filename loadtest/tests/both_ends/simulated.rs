//! Both ends on one simulated host: virtual time, and faults by the seed.

use std::time::Duration;

use ringway_engine::Engine;
use ringway_engine::sim::{self, Fault, Faults, Report, SimSettings, small_queues};
use ringway_loadtest::load::{Errors, Recorder, Settings, Summary, Target, drive};
use ringway_loadtest::origin::{self, Requests};
use ringway_loadtest::stop;

use crate::client::settings;

/// A load of two seconds at 500 requests per second.
fn run(seed: u64, faults: Faults, size: u64) -> (Summary, Report) {
    let sim_settings = SimSettings { faults, ..SimSettings::new(seed) };
    let (summary, report) = sim::run(&sim_settings, &small_queues(), |engine, net| async move {
        let socket = net.listen("10.0.0.1:80".parse().expect("an address"));
        let addr = socket.local_addr().expect("it listens");
        let (stopper, stop) = stop::channel();
        let answers = origin::Settings { size: Some(size), ..settings() };
        let origin = origin::serve(engine.clone(), socket, answers, Requests::default(), stop.clone());
        engine.spawn(async move { origin.await.expect("the listener works") });
        let recorder = Recorder::new();
        let load = Settings { timeout: Duration::from_secs(1), ..Settings::new(Target::root(addr), 8) };
        engine.spawn(drive(engine.clone(), load.at_rate(500.0), recorder.clone(), stop));
        engine.sleep_until(engine.now() + Duration::from_secs(2)).await;
        stopper.stop();
        engine.yield_now().await;
        engine.yield_now().await;
        recorder.summary()
    })
    .expect("the sizes are good");
    assert!(report.is_clean(), "seed {seed}: {report:?}");
    (summary, report)
}

#[test]
fn a_well_behaved_network_answers_everything() {
    for seed in 0..8 {
        let (summary, _) = run(seed, Faults::none(), 20_000);
        assert_eq!(summary.errors, Errors::default(), "seed {seed}");
        assert!((990..=1_001).contains(&summary.requests), "seed {seed}: {summary:?}");
        assert_eq!(summary.body_bytes, summary.requests * 20_000, "seed {seed}");
    }
}

#[test]
fn pieces_cut_anyhow_and_late_completions_make_no_errors() {
    let mut faults = Faults::none();
    for fault in [
        Fault::ShortSend,
        Fault::TinyRecv,
        Fault::NoBuffers,
        Fault::CancelWithData,
        Fault::CancelFirst,
        Fault::MultishotEnds,
        Fault::PartialBatch,
        Fault::SpuriousWake,
    ] {
        faults = faults.with(fault, 0.05);
    }
    for seed in 0..16 {
        let (summary, _) = run(seed, faults, 3_000);
        assert_eq!(summary.errors, Errors::default(), "seed {seed}");
        assert!((990..=1_001).contains(&summary.requests), "seed {seed}: {summary:?}");
    }
}

#[test]
fn broken_connections_are_errors_and_the_load_goes_on() {
    for seed in 0..8 {
        let (summary, report) = run(seed, Faults::none().with(Fault::Reset, 0.02), 100);
        assert!(report.injected.of(Fault::Reset) > 0, "seed {seed}");
        assert!(summary.requests > 500, "seed {seed}: {summary:?}");
        let Errors { reset, short_body, connect, .. } = summary.errors;
        assert!(reset + connect > 0, "seed {seed}: {summary:?}");
        assert_eq!(reset + short_body + connect, summary.errors.total(), "seed {seed}: {summary:?}");
    }
}
