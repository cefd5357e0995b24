//! How everything stands, in the log: what SIGUSR1 asks for.

use ringway_core::ClusterId;
use ringway_core::state::ConfigState;
use ringway_health::board::{BackendState, Board, Gauges};
use ringway_shards::{Planner, Snapshot};

use super::report::backend_word;

/// A line for each cluster and each of its backends. Requests and connections are those of all shards.
pub(super) fn of_clusters(state: &ConfigState, planner: &Planner, board: &Board) -> Vec<String> {
    let mut lines = Vec::new();
    for cluster in state.clusters() {
        let id = &cluster.settings.id;
        if let Some(gauges) = planner.cluster_slot(id).and_then(|slot| board.gauges(slot)) {
            lines.push(cluster_line(id, &gauges));
        }
        for backend in &cluster.backends {
            let Some(member) = planner.member(id, &backend.id) else { continue };
            if let Some(state) = board.backend(member) {
                lines.push(backend_line(id, &state, planner.load(member)));
            }
        }
    }
    lines
}

fn cluster_line(id: &ClusterId, gauges: &Gauges) -> String {
    let state = if gauges.is_all_down { "all down" } else { "available" };
    format!(
        "cluster {id}: {state}, {} of {} backends available, {} healthy, {} ejected, {} down, {} shards failing open; \
         all down {} times, {} ejections, {} refused",
        gauges.available,
        gauges.configured,
        gauges.healthy,
        gauges.ejected,
        gauges.unreachable,
        gauges.fail_open_shards,
        gauges.all_down_total,
        gauges.ejections_total,
        gauges.ejections_refused_total,
    )
}

fn backend_line(
    cluster: &ClusterId,
    state: &BackendState<'_>,
    (requests, connections): (u64, u64),
) -> String {
    let word = backend_word(state);
    let BackendState { id, address, .. } = state;
    format!("backend {cluster}/{id} {address}: {word}, {requests} requests, {connections} connections")
}

/// Writes the lines, those of the shards first.
pub(super) fn log(snapshots: &[Snapshot], clusters: &[String]) {
    for snapshot in snapshots {
        let counters = &snapshot.counters;
        tracing::info!(
            "shard {}: {} connections, {} pooled, {} checks, {} requests, {} waited, {} refused at limits, \
             {} failed open, {} probes, {} of them failed, {} handed over, {} taken over",
            snapshot.shard,
            snapshot.connections,
            snapshot.pooled,
            snapshot.checks,
            counters.requests,
            counters.queued,
            counters.queue_refused + counters.source_refused + counters.rate_limited,
            counters.fail_open,
            counters.probes,
            counters.probes_failed,
            counters.handed_over,
            counters.taken_over,
        );
    }
    for line in clusters {
        tracing::info!("{line}");
    }
}
