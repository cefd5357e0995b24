//! Latches: whether a cluster is available, and whether any shard fails open. They tell only their flips.

use std::collections::BTreeSet;

/// Whether it was told that every backend of a cluster is unavailable.
///
/// A cluster without backends is neither all down nor recovered. So one that loses its last backend while it is all down
/// stays as it was told, until it has a backend that is available: the two events alternate, and each is true when it is
/// told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AllDown(bool);

impl AllDown {
    /// Takes the counts of now; tells whether it is all down, if that is news.
    pub(super) fn set(&mut self, configured: u32, available: u32) -> Option<bool> {
        if configured == 0 {
            return None;
        }
        let all_down = available == 0;
        (std::mem::replace(&mut self.0, all_down) != all_down).then_some(all_down)
    }
}

/// The shards that fail open in a cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct FailOpen {
    shards: BTreeSet<u16>,
}

impl FailOpen {
    /// Takes what a shard says; tells whether any fails open, if that is a change.
    pub(super) fn set(&mut self, shard: u16, entered: bool) -> Option<bool> {
        let was = !self.shards.is_empty();
        if entered {
            self.shards.insert(shard);
        } else {
            self.shards.remove(&shard);
        }
        let is = !self.shards.is_empty();
        (is != was).then_some(is)
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }
}
