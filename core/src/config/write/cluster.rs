//! `[clusters.NAME]` and the tables in it, as text.

use super::toml::key;
use super::{
    Value, duration, each, number, of_rule, optional, optional_duration, pairs, path, quoted, section, text,
    unwritten, word,
};
use crate::config::defaults::{CHECK_TIMEOUT, OUTLIER_EJECTION_TIME_MAX};
use crate::config::keys::Section;
use crate::config::read::health_check::REQUEST_KEYS;
use crate::config::{Backend, CheckProtocol, Cluster, Frontend, HealthCheck, OutlierDetection, Sticky};

pub(super) fn write(out: &mut String, cluster: &Cluster) {
    let id = key(cluster.id.as_str());
    section(out, &format!("[clusters.{id}]"), Section::Cluster, of_cluster(cluster));
    if let Some(sticky) = &cluster.sticky {
        section(out, &format!("[clusters.{id}.sticky]"), Section::Sticky, of_sticky(sticky));
    }
    if let Some(check) = &cluster.health_check {
        section(out, &format!("[clusters.{id}.health_check]"), Section::HealthCheck, of_health_check(check));
    }
    if let Some(outliers) = &cluster.outlier_detection {
        let header = format!("[clusters.{id}.outlier_detection]");
        section(out, &header, Section::OutlierDetection, of_outlier_detection(outliers));
    }
    for Frontend { listeners, matching, rewrite } in &cluster.frontends {
        let header = format!("[[clusters.{id}.frontends]]");
        section(out, &header, Section::Frontend, |name| of_rule(listeners, matching, rewrite, name));
    }
    for server in &cluster.backends {
        section(out, &format!("[[clusters.{id}.backends]]"), Section::Backend, of_backend(server));
    }
}

pub(super) fn of_cluster(cluster: &Cluster) -> impl FnMut(&str) -> Value {
    each(
        Section::Cluster,
        [
            ("load_balancing", word(cluster.load_balancing.as_str())),
            ("load_metric", word(cluster.load_metric.as_str())),
            ("choices", number(cluster.choices)),
            ("hash_key", text(&cluster.hash_key)),
            ("hash_balance", optional(cluster.hash_balance)),
            ("slow_start", duration(cluster.slow_start)),
            ("panic_threshold", number(cluster.panic_threshold)),
            ("max_in_flight", optional(cluster.max_in_flight)),
            ("max_connections", optional(cluster.max_connections)),
            ("queue_timeout", duration(cluster.queue_timeout)),
            ("queue_max", number(cluster.queue_max)),
            ("retries", number(cluster.retries)),
            ("retry_budget", number(cluster.retry_budget)),
            ("retry_budget_min", number(cluster.retry_budget_min)),
            ("pool_idle_max", number(cluster.pool_idle_max)),
            ("pool_idle_timeout", duration(cluster.pool_idle_timeout)),
            ("pool_max_age", duration(cluster.pool_max_age)),
            ("pool_max_requests", optional(cluster.pool_max_requests)),
            ("send_proxy", word(cluster.send_proxy.as_str())),
            ("sticky", Value::below(cluster.sticky.as_ref())),
            ("health_check", Value::below(cluster.health_check.as_ref())),
            ("outlier_detection", Value::below(cluster.outlier_detection.as_ref())),
            ("frontends", Value::Left),
            ("backends", Value::Left),
        ],
    )
}

pub(super) fn of_sticky(sticky: &Sticky) -> impl FnMut(&str) -> Value {
    each(
        Section::Sticky,
        [
            ("cookie", text(&sticky.cookie)),
            ("secret_file", Value::of(sticky.secret_file.as_deref(), path)),
            ("secure", number(sticky.secure)),
            ("http_only", number(sticky.http_only)),
            ("same_site", word(sticky.same_site.as_str())),
            ("max_age", optional_duration(sticky.max_age)),
        ],
    )
}

pub(super) fn of_health_check(check: &HealthCheck) -> impl FnMut(&str) -> Value {
    move |name| match name {
        name if check.protocol == CheckProtocol::Tcp && REQUEST_KEYS.contains(&name) => Value::Left,
        "protocol" => word(check.protocol.as_str()),
        "method" => text(&check.method),
        "path" => text(&check.path),
        "host" => Value::of(check.host.as_deref(), quoted),
        "headers" => Value::unless_empty(&check.headers, pairs),
        "statuses" => text(&check.statuses),
        "body" => Value::of(check.body.as_deref(), quoted),
        "port" => optional(check.port),
        "interval" => duration(check.interval),
        "fast_interval" => duration(check.fast_interval).that_follows(check.fast_interval == check.interval),
        "timeout" => {
            duration(check.timeout).that_follows(check.timeout == CHECK_TIMEOUT.min(check.fast_interval))
        }
        "rise" => number(check.rise),
        "fall" => number(check.fall),
        name => unwritten(Section::HealthCheck, name),
    }
}

pub(super) fn of_outlier_detection(outliers: &OutlierDetection) -> impl FnMut(&str) -> Value {
    let follows = outliers.ejection_time_max == OUTLIER_EJECTION_TIME_MAX.max(outliers.ejection_time);
    each(
        Section::OutlierDetection,
        [
            ("server_errors", number(outliers.server_errors)),
            ("gateway_errors", number(outliers.gateway_errors)),
            ("connect_failures", number(outliers.connect_failures)),
            ("success_rate_deviations", number(outliers.success_rate_deviations)),
            ("success_rate_requests", number(outliers.success_rate_requests)),
            ("success_rate_backends", number(outliers.success_rate_backends)),
            ("interval", duration(outliers.interval)),
            ("ejection_time", duration(outliers.ejection_time)),
            ("ejection_time_max", duration(outliers.ejection_time_max).that_follows(follows)),
            ("ejected_max", number(outliers.ejected_max)),
        ],
    )
}

pub(super) fn of_backend(backend: &Backend) -> impl FnMut(&str) -> Value {
    each(
        Section::Backend,
        [
            ("id", text(&backend.id)),
            ("address", text(&backend.address)),
            ("weight", number(backend.weight)),
            ("backup", number(backend.backup)),
            ("state", word(backend.state.as_str())),
            ("sticky_id", Value::of(backend.sticky_id.as_deref(), quoted)),
            ("max_in_flight", optional(backend.max_in_flight)),
            ("max_connections", optional(backend.max_connections)),
        ],
    )
}
