//! Settings of balancing, limits and checks that others leave without effect.
//!
//! A configuration does not say which keys were written: one that is at its default is never told.

use super::Warning;
use crate::config::{
    AdminState, CheckProtocol, Cluster, Daemon, HashKey, LoadMetric, OutlierDetection, Policy, defaults,
};

pub(super) fn daemon(daemon: &Daemon, warnings: &mut Vec<Warning>) {
    if !daemon.source_queue_timeout.is_zero() && daemon.max_in_flight_per_source.is_none() {
        let key = "daemon.source_queue_timeout".to_owned();
        warnings.push(Warning::NoEffect { key, why: "there is no `max_in_flight_per_source` to wait at" });
    }
}

/// `is_tcp`: only listeners that speak TCP lead to it.
pub(super) fn cluster(cluster: &Cluster, is_tcp: bool, warnings: &mut Vec<Warning>) {
    for (_, key, why) in without_effect(cluster, is_tcp).into_iter().filter(|(is_told, ..)| *is_told) {
        warnings.push(Warning::NoEffect { key: format!("clusters.{}.{key}", cluster.id), why });
    }
    let unkept = cluster.backends.iter().enumerate().find(|(_, backend)| backend.sticky_id.is_some());
    if let (Some((n, _)), None) = (unkept, &cluster.sticky) {
        let key = format!("clusters.{}.backends[{n}].sticky_id", cluster.id);
        warnings.push(Warning::NoEffect { key, why: "the cluster has no table `sticky`" });
    }
    if cluster.backends.iter().all(|backend| backend.state != AdminState::Ready) {
        warnings.push(Warning::NoneReady { cluster: cluster.id.clone() });
    }
    let asks_for_http = cluster
        .health_check
        .as_ref()
        .is_some_and(|check| check.protocol != CheckProtocol::Tcp && check.port.is_none());
    if is_tcp && asks_for_http {
        warnings.push(Warning::CheckOfTcp { cluster: cluster.id.clone() });
    }
}

/// Whether a key of the cluster is to be told, the key, and why it has no effect.
fn without_effect(cluster: &Cluster, is_tcp: bool) -> [(bool, &'static str, &'static str); 9] {
    let Cluster { load_balancing: policy, hash_key, .. } = cluster;
    let no_hash = "`load_balancing` is neither \"maglev\" nor \"rendezvous\"";
    let no_request = "only listeners that speak tcp lead to the cluster, so there are no requests";
    let is_limited = cluster.max_in_flight.is_some()
        || cluster.max_connections.is_some()
        || cluster
            .backends
            .iter()
            .any(|backend| backend.max_in_flight.is_some() || backend.max_connections.is_some());
    let has_key = *hash_key != HashKey::Source;
    [
        (
            cluster.load_metric != LoadMetric::default() && !policy.compares_loads(),
            "load_metric",
            "`load_balancing` is neither \"least_loaded\" nor \"power_of_two\"",
        ),
        (
            cluster.choices != defaults::CHOICES && *policy != Policy::PowerOfTwo,
            "choices",
            "`load_balancing` is not \"power_of_two\"",
        ),
        (has_key && !policy.hashes(), "hash_key", no_hash),
        (has_key && policy.hashes() && is_tcp, "hash_key", no_request),
        (cluster.hash_balance.is_some() && !policy.hashes(), "hash_balance", no_hash),
        (
            !cluster.queue_timeout.is_zero() && !is_limited,
            "queue_timeout",
            "there is neither `max_in_flight` nor `max_connections` to wait at",
        ),
        (
            cluster.retries == 0 && cluster.retry_budget != defaults::RETRY_BUDGET,
            "retry_budget",
            "with `retries = 0` there is no try beyond the first",
        ),
        (cluster.sticky.is_some() && is_tcp, "sticky", no_request),
        (
            cluster.outlier_detection.as_ref().is_some_and(looks_at_nothing),
            "outlier_detection",
            "each of its signals is set to 0",
        ),
    ]
}

fn looks_at_nothing(outliers: &OutlierDetection) -> bool {
    let OutlierDetection { server_errors, gateway_errors, connect_failures, success_rate_deviations, .. } =
        *outliers;
    server_errors == 0 && gateway_errors == 0 && connect_failures == 0 && success_rate_deviations == 0
}
