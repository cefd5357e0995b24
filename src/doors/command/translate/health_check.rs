//! Health checks both ways.

use std::collections::BTreeMap;

use ringway_core::change::Keys;
use ringway_core::config::defaults;
use ringway_core::statuses::{STATUS_MAX, STATUS_MIN};
use ringway_core::{Answer, Change, Statuses, Verb, VerbError};
use serde_json::Value;

use super::duration::{in_seconds, seconds};
use super::field::{Entries, adding, invalid, name, refuse, word};
use super::lookup::Asking;
use super::unexpected;
use crate::doors::command::reply::Reply;
use crate::doors::command::wire::{
    ContentType, HealthCheckConfig, HealthCheckMode, HealthChecksList, HttpStatusRange, QueryHealthChecks,
    SetHealthCheck,
};

pub(super) fn set(check: SetHealthCheck) -> Result<Vec<Change>, VerbError> {
    let cluster = name("cluster_id", &check.cluster_id)?;
    Ok(vec![Change::HealthCheckSet { cluster, set: adding(entries(check.config)?) }])
}

/// The keys of `[clusters.NAME.health_check]`.
pub(super) fn entries(check: HealthCheckConfig) -> Result<Entries, VerbError> {
    let HealthCheckConfig {
        uri,
        interval,
        timeout,
        healthy_threshold,
        unhealthy_threshold,
        expected_status,
        mode,
        accepted_statuses,
        port,
        headers,
    } = check;
    // Their values come with requests of their own, and are secrets.
    refuse(&[("health_check.headers", !headers.is_empty())], "protected headers are not in this build")?;
    let (protocol, path, statuses) = match word("health_check.mode", mode)? {
        // Nothing is asked for, and no status comes.
        HealthCheckMode::Tcp => ("tcp".into(), Value::Null, Value::Null),
        HealthCheckMode::Http => {
            let path = if uri.is_empty() { Value::Null } else { uri.into() };
            (Value::Null, path, self::statuses(expected_status, &accepted_statuses)?)
        }
    };
    Ok(vec![
        ("protocol", protocol),
        ("path", path),
        ("statuses", statuses),
        ("port", port.into()),
        ("interval", seconds(interval)),
        ("timeout", seconds(timeout)),
        ("rise", healthy_threshold.into()),
        ("fall", unhealthy_threshold.into()),
    ])
}

fn statuses(expected: u32, accepted: &[HttpStatusRange]) -> Result<Value, VerbError> {
    match (expected, accepted) {
        // Any from 200 to 299, which is the default here as well.
        (0, []) => Ok(Value::Null),
        (0, ranges) => {
            let ranges = ranges.iter().map(|range| format!("{}-{}", range.start, range.end));
            Ok(ranges.collect::<Vec<_>>().join(",").into())
        }
        (expected, []) => Ok(expected.to_string().into()),
        (_, _) => {
            Err(invalid("health_check.accepted_statuses", "there is an expected_status already; one of both"))
        }
    }
}

/// What the protocol can say of a health check.
pub(super) fn to_wire(keys: &Keys) -> HealthCheckConfig {
    let text = |key: &str| keys.get(key).and_then(Value::as_str);
    let number = |key: &str, default: u32| {
        keys.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    };
    let interval = in_seconds(Some(keys), "interval", defaults::CHECK_INTERVAL);
    let tcp = text("protocol") == Some("tcp");
    let mode = if tcp { HealthCheckMode::Tcp } else { HealthCheckMode::Http };
    let accepted = text("statuses").and_then(|text| text.parse().ok()).map_or_else(Vec::new, ranges);
    let (expected_status, accepted_statuses) = match accepted.as_slice() {
        [HttpStatusRange { start: 200, end: 299 }] => (0, Vec::new()),
        [HttpStatusRange { start, end }] if start == end => (*start, Vec::new()),
        _ => (0, accepted),
    };
    HealthCheckConfig {
        uri: text("path").unwrap_or(defaults::CHECK_PATH).to_owned(),
        interval,
        timeout: in_seconds(Some(keys), "timeout", defaults::CHECK_TIMEOUT).min(interval),
        healthy_threshold: number("rise", defaults::CHECK_RISE),
        unhealthy_threshold: number("fall", defaults::CHECK_FALL),
        expected_status,
        mode: mode.into(),
        accepted_statuses,
        port: keys.contains_key("port").then(|| number("port", 0)),
        headers: Vec::new(),
    }
}

/// Statuses as ranges, in their order.
fn ranges(statuses: Statuses) -> Vec<HttpStatusRange> {
    let mut ranges: Vec<HttpStatusRange> = Vec::new();
    for status in (STATUS_MIN..=STATUS_MAX).filter(|status| statuses.contains(*status)).map(u32::from) {
        match ranges.last_mut() {
            Some(last) if last.end + 1 == status => last.end = status,
            _ => ranges.push(HttpStatusRange { start: status, end: status }),
        }
    }
    ranges
}

/// The checks of one cluster, or of all that have one.
pub(super) async fn query(asking: &Asking<'_>, query: QueryHealthChecks) -> Result<Reply, VerbError> {
    let cluster = query.cluster_id.map(|cluster| name("cluster_id", &cluster)).transpose()?;
    let clusters = match asking.ask(Verb::Clusters { cluster, domain: None, path: None }).await? {
        Answer::Clusters { clusters } => clusters,
        other => return Err(unexpected(&other)),
    };
    let checks = clusters.iter().filter_map(|cluster| {
        let keys = cluster.set.get("health_check")?.as_object()?;
        Some((cluster.cluster.to_string(), to_wire(keys)))
    });
    let map: BTreeMap<_, _> = checks.collect();
    Ok(Reply::with("", ContentType::HealthChecksList(HealthChecksList { map })))
}
