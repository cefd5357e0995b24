//! Snapshots of the shards: asked for all at once, gathered as they come.

use ringway_shards::{Command, Snapshot};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

use super::limits::SNAPSHOT_WAIT;
use super::shard::Shard;

/// Asks every shard for a snapshot. The channel closes when each has answered, or ended without.
pub(super) fn ask<'a>(shards: impl Iterator<Item = &'a Shard>) -> UnboundedReceiver<Snapshot> {
    let (reply, replies) = mpsc::unbounded_channel();
    for shard in shards {
        let reply = reply.clone();
        // Nobody may be waiting any more.
        shard.tell(Command::Snapshot(Box::new(move |snapshot| drop(reply.send(snapshot)))));
    }
    replies
}

/// The snapshots in the order of the shards, without those of shards that end or do not answer in time.
pub(super) async fn gather(mut replies: UnboundedReceiver<Snapshot>) -> Vec<Snapshot> {
    let mut snapshots = Vec::new();
    let all = async {
        while let Some(snapshot) = replies.recv().await {
            snapshots.push(snapshot);
        }
    };
    if timeout(SNAPSHOT_WAIT, all).await.is_err() {
        tracing::warn!("a shard did not report within {SNAPSHOT_WAIT:?}");
    }
    snapshots.sort_by_key(|snapshot| snapshot.shard);
    snapshots
}
