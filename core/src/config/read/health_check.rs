//! `[clusters.NAME.health_check]` and `[clusters.NAME.outlier_detection]`.

use std::sync::Arc;
use std::time::Duration;

use crate::config::check::{at_most, twice};
use crate::config::defaults as d;
use crate::config::problem::{Problems, Refusal, quoted};
use crate::config::table::Table;
use crate::config::units::duration_text;
use crate::config::{CheckProtocol, HealthCheck, OutlierDetection, parse};
use crate::statuses::Statuses;

use super::rewrite::GOVERNING;

/// The keys of a check that concern its request and the answer.
pub(in crate::config) const REQUEST_KEYS: &[&str] =
    &["method", "path", "host", "headers", "statuses", "body"];

pub(super) fn health_check(table: &Table<'_>, problems: &mut Problems<'_>) -> HealthCheck {
    let default = HealthCheck::default();
    let protocol = table.word("protocol", problems, CheckProtocol::from_word);
    if protocol == CheckProtocol::Tcp {
        let why = "means nothing to a check that only connects";
        table.none_of(REQUEST_KEYS, problems, why, "remove it, or ask with `protocol = \"http\"`");
    }
    let method = table.text("method", problems, parse::check_method).map(|(method, _)| method);
    let path = table.text("path", problems, parse::target).map(|(path, _)| path);
    let host = table.text("host", problems, parse::host).map(|(host, _)| host);
    let headers = headers(table, problems);
    let statuses = table.text("statuses", problems, str::parse::<Statuses>).map(|(statuses, _)| statuses);
    let body = table.text("body", problems, parse::contained).map(|(body, _)| body);
    if let (Some("HEAD"), Some(_)) = (method.as_deref(), &body) {
        let refusal = Refusal::new("the answer to HEAD has no body that could contain anything");
        problems.add(&table.at_of("body"), refusal.hint("remove it, or use `method = \"GET\"`"));
    }
    let [interval, fast_interval, timeout] = times(table, problems);
    HealthCheck {
        protocol,
        method: method.unwrap_or(default.method),
        path: path.unwrap_or(default.path),
        host,
        headers,
        statuses: statuses.unwrap_or(default.statuses),
        body,
        port: table.optional_integer("port", problems),
        interval,
        fast_interval,
        timeout,
        rise: table.integer("rise", problems),
        fall: table.integer("fall", problems),
    }
}

/// Names in lower case, as HTTP/2 has them.
fn headers(table: &Table<'_>, problems: &mut Problems<'_>) -> Vec<(Arc<str>, Arc<str>)> {
    let headers = table.pairs("headers", problems, asked_field, parse::field_value);
    let names: Vec<_> = headers.iter().map(|((name, _), at)| (name.clone(), at.clone())).collect();
    twice(&names, problems);
    at_most(&names, d::CHECK_HEADERS_MAX, "fields", problems);
    headers.into_iter().map(|(header, _)| header).collect()
}

/// The name of a field that a check may send.
fn asked_field(text: &str) -> Result<Arc<str>, Refusal> {
    let name = parse::field_name(text)?;
    if GOVERNING.contains(&name.as_ref()) {
        let refusal =
            Refusal::new(format!("{} governs framing or the connection: a check sets its own", quoted(text)));
        return Err(if &*name == "host" { refusal.hint("use `host`") } else { refusal.hint("remove it") });
    }
    Ok(name)
}

/// Interval, fast interval and timeout: a probe ends before the next one of its backend begins.
fn times(table: &Table<'_>, problems: &mut Problems<'_>) -> [Duration; 3] {
    let before = problems.count();
    let interval = table.duration("interval", problems);
    let fast = table.optional_duration("fast_interval", problems);
    let timeout = table.optional_duration("timeout", problems);
    let is_known = problems.count() == before;
    let fast_interval = fast.unwrap_or(interval);
    if is_known && fast_interval > interval {
        let refusal = Refusal::new(format!("longer than `interval`, which is {}", duration_text(interval)));
        problems.add(&table.at_of("fast_interval"), refusal.hint("lower it, or raise `interval`"));
        return [interval, interval, interval];
    }
    if is_known && timeout.is_some_and(|timeout| timeout > fast_interval) {
        let refusal = Refusal::new(format!(
            "a probe would not end before the next one begins, {} later",
            duration_text(fast_interval)
        ));
        let shorter = if fast.is_some() { "fast_interval" } else { "interval" };
        problems.add(&table.at_of("timeout"), refusal.hint(format!("lower it, or raise `{shorter}`")));
    }
    [interval, fast_interval, timeout.unwrap_or(d::CHECK_TIMEOUT.min(fast_interval))]
}

pub(super) fn outliers(table: &Table<'_>, problems: &mut Problems<'_>) -> OutlierDetection {
    let before = problems.count();
    let ejection_time = table.duration("ejection_time", problems);
    let longest = table.optional_duration("ejection_time_max", problems);
    if problems.count() == before && longest.is_some_and(|longest| longest < ejection_time) {
        let refusal =
            Refusal::new(format!("shorter than `ejection_time`, which is {}", duration_text(ejection_time)));
        problems.add(&table.at_of("ejection_time_max"), refusal.hint("raise it, or lower `ejection_time`"));
    }
    OutlierDetection {
        server_errors: table.integer("server_errors", problems),
        gateway_errors: table.integer("gateway_errors", problems),
        connect_failures: table.integer("connect_failures", problems),
        success_rate_deviations: table.integer("success_rate_deviations", problems),
        success_rate_requests: table.integer("success_rate_requests", problems),
        success_rate_backends: table.integer("success_rate_backends", problems),
        interval: table.duration("interval", problems),
        ejection_time,
        ejection_time_max: longest.unwrap_or(d::OUTLIER_EJECTION_TIME_MAX.max(ejection_time)),
        ejected_max: table.integer("ejected_max", problems),
    }
}
