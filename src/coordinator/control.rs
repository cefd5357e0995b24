//! Who tells the coordinator what to do: signals, or the handle of a process that runs it inside.

use std::future;
use std::time::Duration;

use ringway_shards::Snapshot;
use tokio::sync::mpsc::UnboundedReceiver;

use super::signals::{Notice, Signal, Signals};

/// What the coordinator is asked to do.
#[derive(Debug)]
pub(super) enum Request {
    /// Drain; if that runs already, end at once.
    Signal(Signal),
    /// Say in the log how everything stands.
    Status,
    /// Read the configuration file again, and open log files anew.
    Reload,
    /// Drain within this time.
    Stop {
        /// Zero: cut everything off now.
        within: Duration,
    },
    /// Gather a snapshot of each shard, in the order of the shards.
    Snapshot(std::sync::mpsc::Sender<Vec<Snapshot>>),
}

/// Where requests come from.
#[derive(Debug)]
pub(super) enum Control {
    Signals(Signals),
    Handle {
        requests: UnboundedReceiver<Request>,
        /// The handle is gone, which was reported.
        orphaned: bool,
    },
}

impl Control {
    pub(super) fn requests(requests: UnboundedReceiver<Request>) -> Control {
        Control::Handle { requests, orphaned: false }
    }

    /// The next request. Cancel-safe. A handle that is dropped means: end now.
    pub(super) async fn next(&mut self) -> Request {
        match self {
            Control::Signals(signals) => match signals.next().await {
                Notice::End(signal) => Request::Signal(signal),
                Notice::Status => Request::Status,
                Notice::Reload => Request::Reload,
            },
            Control::Handle { orphaned: true, .. } => future::pending().await,
            Control::Handle { requests, orphaned } => requests.recv().await.unwrap_or_else(|| {
                *orphaned = true;
                Request::Stop { within: Duration::ZERO }
            }),
        }
    }
}
