//! How it ended.

use super::error::ShardFailure;
use super::signals::Signal;

/// How the daemon ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Client connections that were cut off because the drain deadline had passed.
    pub(crate) cut: u64,
    /// Requests served, by the shards that ended in order.
    pub(crate) requests: u64,
    /// The second signal, which ended it before the drain was over.
    pub(crate) interrupted: Option<Signal>,
    /// The shards that failed, by name.
    pub(crate) failures: Vec<(String, ShardFailure)>,
}
