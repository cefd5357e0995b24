//! Clusters both ways.

use ringway_core::change::Keys;
use ringway_core::{Change, VerbError};
use serde_json::{Value, json};

use super::field::{Entries, NOT_HERE, adding, invalid, name, refuse, replacing, unsupported, word};
use super::health_check;
use super::listener::STICKY_NAME;
use super::lookup::Asking;
use crate::doors::command::wire::{Cluster, LoadBalancingAlgorithms, LoadMetric, ProxyProtocolConfig};

/// Adds a cluster, or replaces what the protocol can say of one.
pub(super) async fn add(asking: &Asking<'_>, cluster: Cluster) -> Result<Vec<Change>, VerbError> {
    let id = name("cluster_id", &cluster.cluster_id)?;
    let present = asking.cluster(&id).await?;
    Ok(vec![match present {
        None => Change::ClusterAdd { cluster: id, set: adding(entries(cluster, adding)?) },
        Some(_) => Change::ClusterUpdate { cluster: id, set: replacing(entries(cluster, replacing)?) },
    }])
}

/// The keys of a cluster; `table` makes those of the tables in it.
fn entries(cluster: Cluster, table: impl Fn(Entries) -> Keys) -> Result<Entries, VerbError> {
    let Cluster {
        cluster_id: _,
        sticky_session,
        https_redirect,
        proxy_protocol,
        load_balancing,
        answer_503,
        load_metric,
        http2,
        answers,
        https_redirect_port,
        authorized_hashes,
        www_authenticate,
        max_connections_per_ip,
        retry_after,
        health_check,
        udp,
        max_connections_per_subnet,
        affinity_header,
        affinity_cookie,
        shard_percent,
        shard_min_backends,
        shard_mode,
        max_connection_attempts,
    } = cluster;
    refuse(
        &[
            ("https_redirect", https_redirect),
            ("answer_503", answer_503.is_some()),
            ("http2", http2 == Some(true)),
            ("answers", !answers.is_empty()),
            ("https_redirect_port", https_redirect_port.is_some()),
            ("authorized_hashes", !authorized_hashes.is_empty()),
            ("www_authenticate", www_authenticate.is_some()),
            ("max_connections_per_ip", max_connections_per_ip.is_some()),
            ("retry_after", retry_after.is_some()),
            ("udp", udp.is_some()),
            ("max_connections_per_subnet", max_connections_per_subnet.is_some()),
            ("shard_percent", shard_percent.is_some()),
            ("shard_min_backends", shard_min_backends.is_some()),
            ("shard_mode", shard_mode.is_some()),
        ],
        NOT_HERE,
    )?;
    let policy = policy_word(word("load_balancing", load_balancing)?);
    let metric = load_metric.map(|metric| word("load_metric", metric)).transpose()?.map(metric_word);
    Ok(vec![
        ("load_balancing", policy.into()),
        ("load_metric", metric.into()),
        ("hash_key", hash_key(affinity_header, affinity_cookie)?),
        ("retries", retries(max_connection_attempts)?),
        ("send_proxy", send_proxy(proxy_protocol)?),
        // The name that clients of the protocol know the cookie by.
        ("sticky", if sticky_session { json!({ "cookie": STICKY_NAME }) } else { Value::Null }),
        (
            "health_check",
            match health_check {
                Some(check) => table(health_check::entries(check)?).into(),
                None => Value::Null,
            },
        ),
    ])
}

fn policy_word(policy: LoadBalancingAlgorithms) -> &'static str {
    match policy {
        LoadBalancingAlgorithms::RoundRobin => "round_robin",
        LoadBalancingAlgorithms::Random => "random",
        LoadBalancingAlgorithms::LeastLoaded => "least_loaded",
        LoadBalancingAlgorithms::PowerOfTwo => "power_of_two",
        LoadBalancingAlgorithms::Hrw => "rendezvous",
        LoadBalancingAlgorithms::Maglev => "maglev",
    }
}

fn metric_word(metric: LoadMetric) -> &'static str {
    match metric {
        LoadMetric::Connections => "connections",
        LoadMetric::Requests => "requests",
        LoadMetric::ConnectionTime => "latency",
    }
}

fn hash_key(header: Option<String>, cookie: Option<String>) -> Result<Value, VerbError> {
    match (header, cookie) {
        (None, None) => Ok(Value::Null),
        (Some(header), None) => Ok(format!("header:{header}").into()),
        (None, Some(cookie)) => Ok(format!("cookie:{cookie}").into()),
        (Some(_), Some(_)) => {
            Err(invalid("affinity_cookie", "there is an affinity_header already; one of both"))
        }
    }
}

/// The protocol counts the first try.
fn retries(attempts: Option<u32>) -> Result<Value, VerbError> {
    match attempts {
        None => Ok(Value::Null),
        Some(0) => Err(invalid("max_connection_attempts", "no attempt would serve nothing; at least 1")),
        Some(attempts) => Ok((attempts - 1).into()),
    }
}

fn send_proxy(config: Option<i32>) -> Result<Value, VerbError> {
    let field = "proxy_protocol";
    match config.map(|config| word(field, config)).transpose()? {
        None => Ok(Value::Null),
        Some(ProxyProtocolConfig::Send) => Ok("v2".into()),
        Some(ProxyProtocolConfig::Expect) => {
            Err(unsupported(field, "whether a header is expected is the listener's expect_proxy"))
        }
        Some(ProxyProtocolConfig::Relay) => Err(unsupported(
            field,
            "a header is relayed where the listener has expect_proxy and the cluster SEND_HEADER",
        )),
    }
}

/// What the protocol can say of a cluster.
pub(super) fn to_wire(cluster: &str, keys: &Keys) -> Cluster {
    let text = |key: &str| keys.get(key).and_then(Value::as_str);
    let hash = |kind: &str| text("hash_key").and_then(|key| key.strip_prefix(kind)).map(str::to_owned);
    let policy = match text("load_balancing").unwrap_or("power_of_two") {
        "random" => LoadBalancingAlgorithms::Random,
        "least_loaded" => LoadBalancingAlgorithms::LeastLoaded,
        "power_of_two" => LoadBalancingAlgorithms::PowerOfTwo,
        "rendezvous" => LoadBalancingAlgorithms::Hrw,
        "maglev" => LoadBalancingAlgorithms::Maglev,
        // `first` has no word in the protocol; round robin is its default.
        _ => LoadBalancingAlgorithms::RoundRobin,
    };
    let metric = match text("load_metric") {
        Some("connections") => Some(LoadMetric::Connections),
        Some("requests") => Some(LoadMetric::Requests),
        Some("latency") => Some(LoadMetric::ConnectionTime),
        _ => None,
    };
    let sends = text("send_proxy").is_some_and(|version| version != "off");
    let retries = keys.get("retries").and_then(Value::as_u64).and_then(|tries| u32::try_from(tries).ok());
    Cluster {
        cluster_id: cluster.to_owned(),
        sticky_session: keys.contains_key("sticky"),
        proxy_protocol: sends.then_some(ProxyProtocolConfig::Send.into()),
        load_balancing: policy.into(),
        load_metric: metric.map(i32::from),
        health_check: keys.get("health_check").and_then(Value::as_object).map(health_check::to_wire),
        affinity_header: hash("header:"),
        affinity_cookie: hash("cookie:"),
        max_connection_attempts: retries.map(|retries| retries + 1),
        ..Cluster::default()
    }
}
