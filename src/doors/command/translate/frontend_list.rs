//! Frontends and routes as the protocol lists them.

use std::net::SocketAddr;

use ringway_core::change::Keys;
use ringway_core::verb::ListenerInfo;
use serde_json::Value;

use super::address;
use super::frontend::tcp_cluster;
use super::lookup::{address_of, protocol};
use crate::doors::command::wire::{
    Header, HeaderMatchKind, HeaderPosition, HeaderPredicate, PathRule, PathRuleKind, RedirectPolicy,
    RedirectScheme, RequestHttpFrontend, RequestTcpFrontend, RulePosition,
};

/// A frontend or route: one for each of its listeners and methods. None, if it has more to it than the protocol can say.
pub(super) fn to_wire(
    cluster: Option<&str>,
    keys: &Keys,
    listeners: &[ListenerInfo],
) -> Option<Vec<RequestHttpFrontend>> {
    let unsaid = ["query", "split", "strip_prefix", "replace_prefix"];
    if unsaid.iter().any(|key| keys.contains_key(*key)) {
        return None;
    }
    let text = |key: &str| keys.get(key).and_then(Value::as_str);
    let mut frontend = RequestHttpFrontend {
        cluster_id: cluster.map(str::to_owned),
        hostname: text("hostname").unwrap_or("*").to_owned(),
        path: path(keys),
        position: RulePosition::Tree.into(),
        rewrite_host: text("host").map(str::to_owned),
        headers: headers(keys)?,
        header_predicates: predicates(keys)?,
        ..RequestHttpFrontend::default()
    };
    if let Some(respond) = keys.get("respond") {
        if respond.get("status").and_then(Value::as_u64) != Some(401) {
            return None;
        }
        frontend.redirect = Some(RedirectPolicy::Unauthorized.into());
    }
    if let Some(location) = text("redirect") {
        let policy = match keys.get("redirect_status").and_then(Value::as_u64).unwrap_or(302) {
            301 => RedirectPolicy::Permanent,
            302 => RedirectPolicy::Found,
            308 => RedirectPolicy::PermanentRedirect,
            _ => return None,
        };
        frontend.redirect = Some(policy.into());
        redirect(location, &mut frontend)?;
    }
    let methods: Vec<Option<String>> = match texts(keys, "methods") {
        methods if methods.is_empty() => vec![None],
        methods => methods.into_iter().map(|method| Some(method.to_owned())).collect(),
    };
    let mut all = Vec::new();
    for at in addresses(keys, listeners) {
        for method in &methods {
            let (address, method) = (address::to_wire(at), method.clone());
            all.push(RequestHttpFrontend { address, method, ..frontend.clone() });
        }
    }
    Some(all)
}

/// Where it holds: at its listeners, or at all that speak HTTP.
fn addresses(keys: &Keys, listeners: &[ListenerInfo]) -> Vec<SocketAddr> {
    let names = texts(keys, "listeners");
    let holds = |listener: &&ListenerInfo| match names.as_slice() {
        [] => protocol(listener) == "http",
        names => names.contains(&listener.listener.as_str()),
    };
    listeners.iter().filter(holds).filter_map(address_of).collect()
}

fn texts<'a>(keys: &'a Keys, key: &str) -> Vec<&'a str> {
    keys.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn path(keys: &Keys) -> PathRule {
    let kinds = [
        ("path", PathRuleKind::Equals),
        ("path_regex", PathRuleKind::Regex),
        ("path_prefix", PathRuleKind::Prefix),
    ];
    let said = kinds.iter().find_map(|(key, kind)| Some((keys.get(*key)?.as_str()?, *kind)));
    let (value, kind) = said.unwrap_or(("/", PathRuleKind::Prefix));
    PathRule { kind: kind.into(), value: value.to_owned() }
}

/// The parts of a redirect's location that the protocol has fields for.
fn redirect(location: &str, frontend: &mut RequestHttpFrontend) -> Option<()> {
    let (scheme, rest) = location.split_once("://")?;
    let scheme = match scheme {
        "http" => RedirectScheme::Http,
        "https" => RedirectScheme::Https,
        _ => return None,
    };
    // `{path}` begins with the slash.
    let end = rest.find(['/', '{']).filter(|at| *at > 0);
    let (authority, path) = match rest.strip_prefix("{host}") {
        Some(after) => {
            let end = after.find(['/', '{']).unwrap_or(after.len());
            rest.split_at("{host}".len() + end)
        }
        None => rest.split_at(end.unwrap_or(rest.len())),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (authority, None),
    };
    frontend.redirect_scheme = Some(scheme.into());
    frontend.rewrite_host = (host != "{host}").then(|| host.to_owned());
    frontend.rewrite_port = port;
    frontend.rewrite_path = (path != "{path}{query}").then(|| path.to_owned());
    Some(())
}

/// Edits of header fields; none, if there are appended ones.
fn headers(keys: &Keys) -> Option<Vec<Header>> {
    let mut all = Vec::new();
    let sides =
        [("request_headers", HeaderPosition::Request), ("response_headers", HeaderPosition::Response)];
    for (key, position) in sides {
        let Some(edits) = keys.get(key).and_then(Value::as_object) else { continue };
        if edits.contains_key("append") {
            return None;
        }
        let header = |key: &str, val: &str| Header {
            position: position.into(),
            key: key.to_owned(),
            val: val.to_owned(),
        };
        all.extend(texts(edits, "remove").into_iter().map(|name| header(name, "")));
        for (name, value) in edits.get("set").and_then(Value::as_object).into_iter().flatten() {
            all.push(header(name, value.as_str()?));
        }
    }
    Some(all)
}

/// Tests of header fields; none, if there is one of another kind.
fn predicates(keys: &Keys) -> Option<Vec<HeaderPredicate>> {
    let tests = keys.get("headers").and_then(Value::as_array).into_iter().flatten();
    let predicate = |test: &Value| {
        let text = |key: &str| test.get(key).and_then(Value::as_str).map(str::to_owned);
        let (kind, value) = match (text("equals"), text("regex"), test.get("present")) {
            (Some(value), ..) => (HeaderMatchKind::Exact, Some(value)),
            (_, Some(value), _) => (HeaderMatchKind::Regex, Some(value)),
            (_, _, Some(Value::Bool(true))) => (HeaderMatchKind::Present, None),
            _ => return None,
        };
        Some(HeaderPredicate { name: text("name")?, kind: kind.into(), value })
    };
    tests.map(predicate).collect()
}

/// What the TCP listeners say of who gets their connections.
pub(super) fn tcp_to_wire(listeners: &[ListenerInfo]) -> impl Iterator<Item = RequestTcpFrontend> {
    listeners.iter().filter_map(|listener| {
        let (cluster, at) = (tcp_cluster(listener)?, address_of(listener)?);
        Some(RequestTcpFrontend {
            cluster_id: cluster.to_owned(),
            address: address::to_wire(at),
            ..RequestTcpFrontend::default()
        })
    })
}
