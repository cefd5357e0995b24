//! `[[listeners]]` and the tables in it.

use crate::config::check::{Seen, at_most, twice};
use crate::config::defaults::{TRUSTED_PROXIES_MAX, UPGRADES_MAX};
use crate::config::keys::Section;
use crate::config::problem::{Problems, Refusal};
use crate::config::table::Table;
use crate::config::{Forwarding, Limits, Listener, Protocol, RateLimit, RequestId, Timeouts, parse};
use crate::ids::{ClusterId, ListenerName};

pub(super) fn listener(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Listener> {
    let listener = single(table, seen, problems);
    let is_tcp = table.word("protocol", &mut Problems::new(""), Protocol::from_word) == Protocol::Tcp;
    if is_tcp && !table.has("cluster") {
        let refusal = Refusal::new("a listener with `protocol = \"tcp\"` needs a cluster");
        problems.add(&table.at, refusal.hint("add `cluster = \"NAME\"`"));
    }
    listener
}

/// A listener by itself: one that speaks TCP and leads to nobody closes its connections.
pub(super) fn single(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Listener> {
    let name = table.text("name", problems, ListenerName::parse);
    let address = table.text("address", problems, parse::address);
    let protocol = table.word("protocol", problems, Protocol::from_word);
    let active = table.boolean("active", problems);
    let cluster = table.text("cluster", problems, ClusterId::parse);
    let trusted_proxies = table.texts("trusted_proxies", problems, parse::network);
    at_most(&trusted_proxies, TRUSTED_PROXIES_MAX, "networks", problems);
    let proxy_protocol = table.boolean("proxy_protocol", problems);
    let upgrades = table.texts("upgrades", problems, parse::upgrade);
    twice(&upgrades, problems);
    at_most(&upgrades, UPGRADES_MAX, "protocols", problems);
    let allow_connect = table.boolean("allow_connect", problems);
    let timeouts_table = table.table("timeouts", problems);
    let timeouts = timeouts_table.as_ref().map(|table| timeouts(table, problems));
    let limits = table.table("limits", problems).map(|table| limits(&table, problems));
    let forwarding = table.table("forwarding", problems).map(|table| forwarding(&table, problems));
    let rate_limit = table.table("rate_limit", problems).and_then(|table| rate_limit(&table, problems));

    if proxy_protocol && trusted_proxies.is_empty() && !is_list_refused(table, problems) {
        let refusal = Refusal::new("nobody is trusted to send the PROXY protocol header");
        problems.add(
            &table.at_of("proxy_protocol"),
            refusal.hint("name the proxies in `trusted_proxies`; [\"0.0.0.0/0\", \"::/0\"] trusts anybody"),
        );
    }
    match protocol {
        Protocol::Http => table.none_of(
            &["cluster"],
            problems,
            "only a listener with `protocol = \"tcp\"` leads to one cluster",
            "give the cluster a frontend that names this listener",
        ),
        Protocol::Tcp => check_tcp(table, timeouts_table.as_ref(), problems),
    }
    match name.clone() {
        Some(named) => {
            if protocol == Protocol::Tcp {
                seen.tcp.insert(named.0.clone());
            }
            seen.listeners.push(named);
        }
        None => seen.has_unnamed_listener = true,
    }
    seen.addresses.extend(address.clone());
    seen.to_clusters.extend(cluster.clone());
    Some(Listener {
        name: name?.0,
        address: address?.0,
        protocol,
        active,
        cluster: cluster.map(|(name, _)| name),
        proxy_protocol,
        trusted_proxies: trusted_proxies.into_iter().map(|(network, _)| network).collect(),
        forwarding: forwarding.unwrap_or_default(),
        upgrades: upgrades.into_iter().map(|(name, _)| name).collect(),
        allow_connect,
        timeouts: timeouts.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
        rate_limit,
    })
}

/// Whether `trusted_proxies` is empty only because what it holds was refused.
fn is_list_refused(table: &Table<'_>, problems: &Problems<'_>) -> bool {
    problems.is_about(&table.at_of("trusted_proxies").path)
}

/// What concerns requests means nothing to a relay of bytes.
fn check_tcp(table: &Table<'_>, timeouts: Option<&Table<'_>>, problems: &mut Problems<'_>) {
    let why = "means nothing on a listener that speaks tcp, where there are no requests";
    table.none_of(HTTP_KEYS, problems, why, "remove it");
    if let Some(timeouts) = timeouts {
        let of_requests: Vec<_> = Section::Timeouts
            .keys()
            .map(|key| key.name)
            .filter(|name| !TCP_TIMEOUTS.contains(name))
            .collect();
        timeouts.none_of(&of_requests, problems, why, "remove it");
    }
}

/// The keys of a listener that concern requests.
pub(in crate::config) const HTTP_KEYS: &[&str] =
    &["upgrades", "allow_connect", "limits", "forwarding", "rate_limit"];
/// The timeouts that hold for a relay of bytes.
pub(in crate::config) const TCP_TIMEOUTS: &[&str] = &["connect", "send", "tunnel", "proxy_header"];

fn timeouts(table: &Table<'_>, problems: &mut Problems<'_>) -> Timeouts {
    Timeouts {
        head: table.duration("head", problems),
        idle: table.duration("idle", problems),
        body: table.duration("body", problems),
        connect: table.duration("connect", problems),
        response: table.duration("response", problems),
        response_body: table.duration("response_body", problems),
        send: table.duration("send", problems),
        tunnel: table.duration("tunnel", problems),
        total: table.duration("total", problems),
        proxy_header: table.duration("proxy_header", problems),
    }
}

fn limits(table: &Table<'_>, problems: &mut Problems<'_>) -> Limits {
    Limits {
        head_bytes: table.size("head_bytes", problems),
        headers: table.integer("headers", problems),
        uri_bytes: table.size("uri_bytes", problems),
        body_rate: table.size("body_rate", problems),
        requests_per_connection: table.optional_integer("requests_per_connection", problems),
        connection_max_age: table.optional_duration("connection_max_age", problems),
    }
}

fn forwarding(table: &Table<'_>, problems: &mut Problems<'_>) -> Forwarding {
    Forwarding {
        x_forwarded_for: table.boolean("x_forwarded_for", problems),
        x_forwarded_proto: table.boolean("x_forwarded_proto", problems),
        x_forwarded_host: table.boolean("x_forwarded_host", problems),
        x_forwarded_port: table.boolean("x_forwarded_port", problems),
        forwarded: table.boolean("forwarded", problems),
        request_id: table.word("request_id", problems, RequestId::from_word),
    }
}

fn rate_limit(table: &Table<'_>, problems: &mut Problems<'_>) -> Option<RateLimit> {
    let key = table.text("key", problems, parse::rate_key);
    let rate = table.required_integer("rate", problems);
    let burst = table.optional_integer("burst", problems);
    Some(RateLimit { key: key?.0, rate: rate?, burst: burst.or(rate)? })
}
