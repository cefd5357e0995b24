//! `[clusters.NAME]` and the tables in it.

use std::path::Path;

use crate::config::check::Seen;
use crate::config::problem::{Problems, Refusal};
use crate::config::table::Table;
use crate::config::{Backend, Cluster, Frontend, LoadMetric, Policy, SendProxy, parse};
use crate::ids::ClusterId;

use super::{backend, health_check, rule, sticky};

pub(super) fn cluster(
    name: &str,
    table: &Table<'_>,
    folder: &Path,
    seen: &mut Seen,
    problems: &mut Problems<'_>,
) -> Option<Cluster> {
    let id = ClusterId::parse(name).map_err(|error| problems.add(&table.at, error.into())).ok();
    match id.clone() {
        Some(id) => drop(seen.clusters.insert(id)),
        None => seen.has_unnamed_cluster = true,
    }
    let frontends = table.tables("frontends", problems);
    let frontends = frontends.iter().filter_map(|table| frontend(table, seen, problems)).collect();
    let backends = backend::backends(&table.tables("backends", problems), problems);
    let before = problems.count();
    // At the end, so that what is wrong with the rest is told as well.
    let settings = settings(id, table, folder, problems)?;
    if settings.health_check.as_ref().is_some_and(|check| check.port.is_some()) && problems.count() == before
    {
        every_backend_has_ports(table, &backends, problems);
    }
    Some(Cluster { frontends, backends, ..settings })
}

/// A cluster by itself, without frontends and backends.
pub(super) fn settings(
    id: Option<ClusterId>,
    table: &Table<'_>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Cluster> {
    let hash_key = table.text("hash_key", problems, parse::hash_key);
    let health_check = table.table("health_check", problems);
    let outlier_detection = table.table("outlier_detection", problems);
    let settings = Cluster {
        load_balancing: table.word("load_balancing", problems, Policy::from_word),
        load_metric: table.word("load_metric", problems, LoadMetric::from_word),
        choices: table.integer("choices", problems),
        hash_key: hash_key.map(|(key, _)| key).unwrap_or_default(),
        hash_balance: table.optional_integer("hash_balance", problems),
        slow_start: table.duration("slow_start", problems),
        panic_threshold: table.integer("panic_threshold", problems),
        max_in_flight: table.optional_integer("max_in_flight", problems),
        max_connections: table.optional_integer("max_connections", problems),
        queue_timeout: table.duration("queue_timeout", problems),
        queue_max: table.integer("queue_max", problems),
        retries: table.integer("retries", problems),
        retry_budget: table.integer("retry_budget", problems),
        retry_budget_min: table.integer("retry_budget_min", problems),
        sticky: table.table("sticky", problems).map(|table| sticky::sticky(&table, folder, problems)),
        health_check: health_check.map(|table| health_check::health_check(&table, problems)),
        outlier_detection: outlier_detection.map(|table| health_check::outliers(&table, problems)),
        pool_idle_max: table.integer("pool_idle_max", problems),
        pool_idle_timeout: table.duration("pool_idle_timeout", problems),
        pool_max_age: table.duration("pool_max_age", problems),
        pool_max_requests: table.optional_integer("pool_max_requests", problems),
        send_proxy: table.word("send_proxy", problems, SendProxy::from_word),
        ..Cluster::new(id?, Vec::new(), Vec::new())
    };
    Some(settings)
}

pub(super) fn frontend(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Frontend> {
    let rule = rule::rule(table, seen, problems)?;
    Some(Frontend { listeners: rule.listeners, matching: rule.matching, rewrite: rule.rewrite })
}

/// A check that has a port of its own can not ask a UNIX socket there.
fn every_backend_has_ports(cluster: &Table<'_>, backends: &[Backend], problems: &mut Problems<'_>) {
    if let Some(local) = backends.iter().find(|backend| backend.address.ip().is_none()) {
        let refusal =
            Refusal::new(format!("backend \"{}\" listens on a UNIX socket, which has no ports", local.id));
        let Some(check) = cluster.table("health_check", problems) else { return };
        let remedy = "remove `port`, or put the backend into a cluster of its own";
        problems.add(&check.at_of("port"), refusal.hint(remedy));
    }
}
