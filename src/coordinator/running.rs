//! The handle to a coordinator that runs in the background.

use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::thread::JoinHandle;
use std::time::Duration;

use ringway_core::ListenerName;
use ringway_shards::Snapshot;
use tokio::sync::mpsc::UnboundedSender;

use super::control::Request;
use super::error::CoordinatorError;
use super::launch::Started;
use super::outcome::Outcome;

type Coordinator = JoinHandle<Result<Outcome, CoordinatorError>>;

/// A daemon inside this process, for plain threads to use. Dropping it ends the daemon at once.
#[derive(Debug)]
pub(crate) struct Running {
    started: Started,
    requests: UnboundedSender<Request>,
    thread: Coordinator,
}

impl Running {
    pub(super) fn new(started: Started, requests: UnboundedSender<Request>, thread: Coordinator) -> Running {
        Running { started, requests, thread }
    }

    /// Where each listener really listens, in the order of the configuration.
    pub(crate) fn addresses(&self) -> &[(ListenerName, SocketAddr)] {
        &self.started.addresses
    }

    /// A snapshot of each shard, in the order of the shards; without those that do not answer within a second. Empty
    /// when the daemon has ended.
    pub(crate) fn snapshot(&self) -> Vec<Snapshot> {
        let (reply, snapshots) = std::sync::mpsc::channel();
        // Both fail only when the coordinator has ended.
        let _ = self.requests.send(Request::Snapshot(reply));
        snapshots.recv().unwrap_or_default()
    }

    /// Drains within `within`, and returns when every shard has ended. Zero cuts everything off.
    pub(crate) fn stop(self, within: Duration) -> Outcome {
        // Fails when the coordinator has ended before, because a shard failed.
        let _ = self.requests.send(Request::Stop { within });
        join(self.thread).expect("what has started ends with an outcome")
    }
}

/// The coordinator's result. Its panic is the caller's.
pub(super) fn join(thread: Coordinator) -> Result<Outcome, CoordinatorError> {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}
