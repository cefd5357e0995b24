//! Frontends as changes: which requests a cluster gets, and those that are answered without one.

use std::collections::BTreeMap;

use ringway_core::change::Keys;
use ringway_core::verb::ListenerInfo;
use ringway_core::{Change, ErrorCode, VerbError};
use serde_json::{Value, json};

use super::address;
use super::field::{Entries, NOT_HERE, adding, invalid, name, refuse, unsupported, word};
use super::lookup::Asking;
use crate::doors::command::wire::{
    Header, HeaderMatchKind, HeaderPosition, HeaderPredicate, ListenerType, PathRule, PathRuleKind,
    RedirectPolicy, RedirectScheme, RequestHttpFrontend, RequestTcpFrontend, RulePosition,
};

/// What becomes of the requests.
enum Outcome {
    /// This cluster gets them.
    Forward(String),
    /// They are answered 401: nobody gets them.
    Deny,
    /// They are sent elsewhere, with this status.
    Redirect(u16),
}

pub(super) async fn add(
    asking: &Asking<'_>,
    frontend: RequestHttpFrontend,
) -> Result<Vec<Change>, VerbError> {
    let outcome = outcome(&frontend)?;
    let mut set = identity(asking, &frontend).await?;
    set.extend(effects(&frontend, &outcome)?);
    Ok(vec![match outcome {
        Outcome::Forward(cluster) => Change::FrontendAdd { cluster: name("cluster_id", &cluster)?, set },
        Outcome::Deny | Outcome::Redirect(_) => Change::RouteAdd { set },
    }])
}

pub(super) async fn remove(
    asking: &Asking<'_>,
    frontend: RequestHttpFrontend,
) -> Result<Vec<Change>, VerbError> {
    let set = identity(asking, &frontend).await?;
    Ok(vec![match outcome(&frontend)? {
        Outcome::Forward(cluster) => Change::FrontendRemove { cluster: name("cluster_id", &cluster)?, set },
        Outcome::Deny | Outcome::Redirect(_) => Change::RouteRemove { set },
    }])
}

fn outcome(frontend: &RequestHttpFrontend) -> Result<Outcome, VerbError> {
    let policy = frontend.redirect.map(|policy| word("redirect", policy)).transpose()?;
    Ok(match policy.unwrap_or(RedirectPolicy::Forward) {
        RedirectPolicy::Forward => match &frontend.cluster_id {
            Some(cluster) => Outcome::Forward(cluster.clone()),
            None => Outcome::Deny,
        },
        RedirectPolicy::Unauthorized => Outcome::Deny,
        RedirectPolicy::Permanent => Outcome::Redirect(301),
        RedirectPolicy::Found => Outcome::Redirect(302),
        RedirectPolicy::PermanentRedirect => Outcome::Redirect(308),
        RedirectPolicy::SilentClose => return Err(unsupported("redirect", NOT_HERE)),
    })
}

/// The keys that say which requests.
async fn identity(asking: &Asking<'_>, frontend: &RequestHttpFrontend) -> Result<Keys, VerbError> {
    let listener = asking.listener(&frontend.address, ListenerType::Http).await?;
    refuse(
        &[("position", word::<RulePosition>("position", frontend.position)? != RulePosition::Tree)],
        "the most specific frontend wins, there is no PRE and POST",
    )?;
    let PathRule { kind, value } = &frontend.path;
    let path: (&str, Value) = match word("path", *kind)? {
        PathRuleKind::Prefix if value.is_empty() || value == "/" => ("path_prefix", Value::Null),
        PathRuleKind::Prefix => ("path_prefix", value.as_str().into()),
        PathRuleKind::Regex => ("path_regex", value.as_str().into()),
        PathRuleKind::Equals => ("path", value.as_str().into()),
    };
    let predicates: Result<Vec<Value>, _> = frontend.header_predicates.iter().map(predicate).collect();
    let predicates = predicates?;
    Ok(adding(vec![
        ("listeners", json!([listener.listener])),
        ("hostname", frontend.hostname.as_str().into()),
        path,
        ("methods", frontend.method.as_ref().map(|method| vec![method.as_str()]).into()),
        ("headers", if predicates.is_empty() { Value::Null } else { predicates.into() }),
    ]))
}

fn predicate(predicate: &HeaderPredicate) -> Result<Value, VerbError> {
    let HeaderPredicate { name, kind, value } = predicate;
    let missing =
        || invalid("header_predicates", format!("the test of {name:?} has no value to compare with"));
    Ok(match word("header_predicates", *kind)? {
        HeaderMatchKind::Exact => json!({ "name": name, "equals": value.as_ref().ok_or_else(missing)? }),
        HeaderMatchKind::Regex => json!({ "name": name, "regex": value.as_ref().ok_or_else(missing)? }),
        HeaderMatchKind::Present => json!({ "name": name, "present": true }),
    })
}

/// The keys that say what becomes of them.
fn effects(frontend: &RequestHttpFrontend, outcome: &Outcome) -> Result<Keys, VerbError> {
    let RequestHttpFrontend {
        cluster_id: _,
        address: _,
        hostname: _,
        path: _,
        method: _,
        position: _,
        // They only inform.
        tags: _,
        redirect: _,
        required_auth,
        redirect_scheme,
        redirect_template,
        rewrite_host,
        rewrite_path,
        rewrite_port,
        headers,
        hsts,
        header_predicates: _,
    } = frontend;
    let hsts_off = hsts.as_ref().is_none_or(|hsts| hsts.enabled == Some(false));
    refuse(
        &[
            ("required_auth", *required_auth == Some(true)),
            ("redirect_template", redirect_template.is_some()),
            ("hsts", !hsts_off),
        ],
        NOT_HERE,
    )?;
    let placeholder = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('$'));
    refuse(
        &[("rewrite_host", placeholder(rewrite_host)), ("rewrite_path", placeholder(rewrite_path))],
        "there are no $HOST and $PATH placeholders in this build",
    )?;
    let scheme = redirect_scheme.map(|scheme| word("redirect_scheme", scheme)).transpose()?;
    let mut entries = match outcome {
        Outcome::Forward(_) => {
            refuse(
                &[
                    ("redirect_scheme", scheme.is_some_and(|scheme| scheme != RedirectScheme::Same)),
                    ("rewrite_path", rewrite_path.is_some()),
                    ("rewrite_port", rewrite_port.is_some()),
                ],
                "it only has a meaning with a redirect",
            )?;
            vec![("host", rewrite_host.as_deref().into())]
        }
        Outcome::Deny => {
            refuse(
                &[
                    ("redirect_scheme", scheme.is_some_and(|scheme| scheme != RedirectScheme::Same)),
                    ("rewrite_host", rewrite_host.is_some()),
                    ("rewrite_path", rewrite_path.is_some()),
                    ("rewrite_port", rewrite_port.is_some()),
                ],
                "it only has a meaning where requests are forwarded or redirected",
            )?;
            vec![("respond", json!({ "status": 401 }))]
        }
        Outcome::Redirect(status) => {
            let location = location(frontend, scheme.unwrap_or(RedirectScheme::Same))?;
            vec![("redirect", location.into()), ("redirect_status", (*status).into())]
        }
    };
    entries.extend(edits(headers)?);
    Ok(adding(entries))
}

/// Where a redirect leads.
fn location(frontend: &RequestHttpFrontend, scheme: RedirectScheme) -> Result<String, VerbError> {
    let address = address::from_wire("address", &frontend.address)?;
    let (scheme, port) = match scheme {
        // `{host}` comes without port.
        RedirectScheme::Same => ("http", (address.port() != 80).then_some(u32::from(address.port()))),
        RedirectScheme::Http => ("http", None),
        RedirectScheme::Https => ("https", None),
    };
    let port = frontend.rewrite_port.or(port).map(|port| format!(":{port}")).unwrap_or_default();
    let host = frontend.rewrite_host.as_deref().unwrap_or("{host}");
    let path = frontend.rewrite_path.as_deref().unwrap_or("{path}{query}");
    Ok(format!("{scheme}://{host}{port}{path}"))
}

/// Edits of one kind of message.
#[derive(Default)]
struct Edits {
    remove: Vec<Value>,
    set: BTreeMap<String, Value>,
}

impl Edits {
    /// An empty value deletes.
    fn take(&mut self, header: &Header) -> Result<(), VerbError> {
        let Header { key, val, .. } = header;
        if val.is_empty() {
            self.remove.push(key.as_str().into());
        } else if self.set.insert(key.clone(), val.as_str().into()).is_some() {
            return Err(invalid("headers", format!("{key:?} is set twice")));
        }
        Ok(())
    }

    fn value(self) -> Value {
        let Edits { remove, set } = self;
        let mut entries: Entries = Vec::new();
        if !remove.is_empty() {
            entries.push(("remove", remove.into()));
        }
        if !set.is_empty() {
            entries.push(("set", Keys::from_iter(set).into()));
        }
        if entries.is_empty() { Value::Null } else { adding(entries).into() }
    }
}

fn edits(headers: &[Header]) -> Result<Entries, VerbError> {
    let (mut requests, mut responses) = (Edits::default(), Edits::default());
    for header in headers {
        let position = word("headers", header.position)?;
        if position == HeaderPosition::Unspecified {
            let text = format!("{:?} is of neither request nor response", header.key);
            return Err(invalid("headers", text));
        }
        if matches!(position, HeaderPosition::Request | HeaderPosition::Both) {
            requests.take(header)?;
        }
        if matches!(position, HeaderPosition::Response | HeaderPosition::Both) {
            responses.take(header)?;
        }
    }
    Ok(vec![("request_headers", requests.value()), ("response_headers", responses.value())])
}

/// The cluster that a TCP listener names, if it does.
pub(super) fn tcp_cluster(listener: &ListenerInfo) -> Option<&str> {
    listener.set.get("cluster").and_then(Value::as_str)
}

pub(super) async fn add_tcp(
    asking: &Asking<'_>,
    frontend: RequestTcpFrontend,
) -> Result<Vec<Change>, VerbError> {
    let (listener, cluster) = tcp(asking, frontend).await?;
    if let Some(other) = tcp_cluster(&listener) {
        let text = format!(
            "listener {} has a frontend already: cluster {other} gets its connections",
            listener.listener
        );
        return Err(VerbError::new(ErrorCode::Exists, text).field("address"));
    }
    let set = Keys::from_iter([("cluster".to_owned(), cluster.into())]);
    Ok(vec![Change::ListenerUpdate { listener: listener.listener, set }])
}

pub(super) async fn remove_tcp(
    asking: &Asking<'_>,
    frontend: RequestTcpFrontend,
) -> Result<Vec<Change>, VerbError> {
    let (listener, cluster) = tcp(asking, frontend).await?;
    if tcp_cluster(&listener) != Some(&cluster) {
        let text = format!("cluster {cluster} has no frontend on listener {}", listener.listener);
        return Err(VerbError::new(ErrorCode::NotFound, text).field("cluster_id"));
    }
    let set = Keys::from_iter([("cluster".to_owned(), Value::Null)]);
    Ok(vec![Change::ListenerUpdate { listener: listener.listener, set }])
}

/// The listener and the cluster of a TCP frontend.
async fn tcp(asking: &Asking<'_>, frontend: RequestTcpFrontend) -> Result<(ListenerInfo, String), VerbError> {
    let RequestTcpFrontend { cluster_id, address, tags: _, sni, alpn } = frontend;
    refuse(&[("sni", sni.is_some()), ("alpn", !alpn.is_empty())], "TLS is not in this build")?;
    Ok((asking.listener(&address, ListenerType::Tcp).await?, cluster_id))
}
