//! How everything stands, in the log: what SIGUSR1 asks for.

use ringway_core::config::AdminState;
use ringway_core::{ClusterId, Config};
use ringway_health::board::{BackendState, Board, Gauges, Member};
use ringway_shards::{Plan, Snapshot};

/// A line for each cluster and each of its backends. Requests and connections are those of all shards.
pub(super) fn of_clusters(config: &Config, board: &Board, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (cluster, of_cluster) in (0..).zip(&config.clusters) {
        let Some(gauges) = board.gauges(cluster) else { continue };
        lines.push(cluster_line(&of_cluster.id, &gauges));
        for backend in 0..gauges.configured {
            let member = Member { cluster, backend };
            if let Some(state) = board.backend(member) {
                lines.push(backend_line(&of_cluster.id, &state, plan.load(member)));
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
    let word = match state {
        BackendState { admin: AdminState::Maint, .. } => "maint".to_owned(),
        BackendState { unreachable: Some(reason), .. } => format!("down ({reason})"),
        BackendState { unhealthy: Some(reason), .. } => format!("unhealthy ({reason})"),
        BackendState { ejected: Some((_, reason)), .. } => format!("ejected ({reason})"),
        BackendState { admin: AdminState::Drain, .. } => "drain".to_owned(),
        _ => "up".to_owned(),
    };
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
