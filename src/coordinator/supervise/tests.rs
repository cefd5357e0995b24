//! Shards that fail, and what becomes of the others.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ringway_core::Config;
use ringway_core::config::Daemon;
use ringway_shards::inbox::{self, Receiver};
use ringway_shards::{Command, Files, Plan, Summary};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::super::control::{Control, Request};
use super::super::error::ShardFailure;
use super::super::health::Health;
use super::super::launch::Shards;
use super::super::outcome::Outcome;
use super::super::shard::{Event, Shard};
use super::supervise;

const DRAIN: Duration = Duration::from_secs(30);

type Work = fn(Receiver) -> Result<Summary, ShardFailure>;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// As a shard that has connections to finish: the last command must be to drain.
fn obeys(mut inbox: Receiver) -> Result<Summary, ShardFailure> {
    loop {
        match runtime().block_on(inbox.next()) {
            // Another has ended before.
            Command::Live(_) => {}
            Command::Drain { within: DRAIN } => {
                return Ok(Summary { drained: false, cut: 3, ..Summary::default() });
            }
            other => panic!("told to {other:?}"),
        }
    }
}

fn panics(_: Receiver) -> Result<Summary, ShardFailure> {
    panic!("on purpose");
}

fn ends_unasked(_: Receiver) -> Result<Summary, ShardFailure> {
    Ok(Summary { drained: true, ..Summary::default() })
}

fn ignores_everything(inbox: Receiver) -> Result<Summary, ShardFailure> {
    let _inbox = inbox;
    loop {
        thread::park();
    }
}

/// Nothing to serve.
fn config(drain_timeout: Duration) -> Config {
    Config {
        daemon: Daemon { drain_timeout, ..Daemon::default() },
        listeners: Vec::new(),
        clusters: Vec::new(),
        routes: Vec::new(),
        answers: Vec::new(),
    }
}

fn shards(works: &[Work]) -> Shards {
    let (sender, events) = mpsc::unbounded_channel::<(u16, Event)>();
    let shard = |(id, work): (usize, &Work)| {
        let (commands, inbox) = inbox::channel();
        let work = *work;
        Shard::spawn(id as u16, commands, sender.clone(), move |_| work(inbox)).expect("a thread")
    };
    let config = config(DRAIN);
    let plan = Plan::new(&config, &[], &Files::default(), &[0; 32]).expect("nothing to serve");
    let (health, _) = Health::new(&config);
    Shards { live: works.iter().enumerate().map(shard).collect(), events, health, plan: Arc::new(plan) }
}

/// The outcome of these shards, while nobody asks for anything.
fn left_alone(works: &[Work]) -> Outcome {
    let (_handle, requests) = mpsc::unbounded_channel();
    runtime().block_on(supervise(shards(works), &mut Control::requests(requests), config(DRAIN)))
}

#[test]
fn a_shard_that_panics_is_named_and_the_others_drain() {
    let outcome = left_alone(&[obeys, panics, obeys]);
    let [(name, ShardFailure::Panicked(text))] = &outcome.failures[..] else { panic!("{outcome:?}") };
    assert_eq!((name.as_str(), text.as_str()), ("shard-1", "on purpose"));
    assert_eq!(outcome.cut, 6, "the others were drained");
}

#[test]
fn a_shard_that_ends_unasked_has_failed() {
    let outcome = left_alone(&[ends_unasked, obeys]);
    let [(name, ShardFailure::EndedUnasked)] = &outcome.failures[..] else { panic!("{outcome:?}") };
    assert_eq!(name, "shard-0");
    assert_eq!(outcome.cut, 3, "the other was drained");
}

#[test]
fn a_shard_that_does_not_end_is_left_behind_and_named() {
    let (handle, requests) = mpsc::unbounded_channel();
    handle.send(Request::Stop { within: Duration::ZERO }).expect("somebody listens");
    let outcome = runtime().block_on(supervise(
        shards(&[ignores_everything]),
        &mut Control::requests(requests),
        config(DRAIN),
    ));
    let [(name, ShardFailure::Stuck)] = &outcome.failures[..] else { panic!("{outcome:?}") };
    assert_eq!(name, "shard-0");
}

#[test]
fn the_handle_drains_all_of_them() {
    let (handle, requests) = mpsc::unbounded_channel();
    handle.send(Request::Stop { within: DRAIN }).expect("somebody listens");
    let outcome = runtime().block_on(supervise(
        shards(&[obeys, obeys]),
        &mut Control::requests(requests),
        config(Duration::from_secs(1)),
    ));
    assert!(outcome.failures.is_empty() && outcome.cut == 6, "{outcome:?}");
}
