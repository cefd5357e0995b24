//! The proxy's configuration in a run.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use ringway_core::config::{
    Action, Cluster, Content, Daemon, HeaderEdits, Listener, Match, OutlierDetection, PathMatch, Protocol,
    Redirect, RedirectStatus, Respond, Rewrite, Route as Rule, Sticky,
};
use ringway_core::{Config, ListenerName};

use crate::script::{Balancing, Limits, Route, Script, Setup};

/// Where the proxy listens for HTTP.
pub(crate) const WEB: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080));
/// Where it passes on whatever comes.
pub(crate) const TCP: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8081));
/// The body of a fixed answer.
pub(crate) const FIXED: &str = "as it is configured\n";
/// The host that requests of an edited route ask for.
pub(crate) const INNER_HOST: &str = "inner.example:8000";

/// Where an origin listens.
pub(crate) fn origin_address(index: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 9000 + index as u16))
}

/// A configuration with an HTTP and a TCP listener, and one cluster of `origins` behind both.
pub(crate) fn base(origins: usize) -> Config {
    let addresses: Vec<_> = (0..origins).map(origin_address).collect();
    let mut config = Config::direct(WEB, &addresses, None).expect("a sound configuration");
    let mut tcp = Listener::new(ListenerName::parse("tcp").expect("a name"), TCP);
    (tcp.protocol, tcp.cluster) = (Protocol::Tcp, Some(config.clusters[0].id.clone()));
    config.listeners.push(tcp);
    config
}

/// What a script needs.
pub(crate) fn config(script: &Script) -> Config {
    let setup = &script.setup;
    let mut config = base(script.origins.len());
    for listener in &mut config.listeners {
        listener.timeouts = setup.timeouts;
        listener.proxy_protocol = setup.proxied;
        listener.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        listener.limits.requests_per_connection = setup.requests_per_connection;
        listener.allow_connect = true;
    }
    if !setup.proxied {
        // Then clients would be trusted ones.
        config.listeners.iter_mut().for_each(|listener| listener.trusted_proxies.clear());
    }
    let cluster = &mut config.clusters[0];
    cluster.send_proxy = setup.send_proxy;
    cluster.pool_max_requests = setup.pool_max_requests;
    cluster.pool_max_age = setup.pool_max_age;
    balance(cluster, &setup.balancing);
    limit(cluster, &setup.limits);
    config.daemon = daemon(setup);
    let cluster = &config.clusters[0];
    let id = cluster.id.clone();
    config.routes = vec![
        rule(Route::Edited, edits(), Action::Split(vec![(id, 1)])),
        rule(Route::Moved, Rewrite::default(), moved()),
        fixed_rule(),
    ];
    config
}

/// The route that needs no backend.
pub(crate) fn fixed_rule() -> Rule {
    rule(Route::Fixed, Rewrite::default(), fixed())
}

fn balance(cluster: &mut Cluster, balancing: &Balancing) {
    (cluster.load_balancing, cluster.hash_key) = (balancing.policy, balancing.hash_key.clone());
    cluster.sticky = balancing.sticky.then(Sticky::default);
    if let Some((percent, min)) = balancing.retry_budget {
        (cluster.retry_budget, cluster.retry_budget_min) = (percent, min);
    }
    cluster.outlier_detection = balancing.outliers.map(|_| OutlierDetection {
        server_errors: 2,
        gateway_errors: 1,
        connect_failures: 1,
        ..OutlierDetection::default()
    });
}

fn limit(cluster: &mut Cluster, limits: &Limits) {
    (cluster.max_in_flight, cluster.queue_timeout) = (limits.cluster_requests, limits.wait);
    for backend in &mut cluster.backends {
        backend.max_in_flight = limits.backend_requests;
        backend.max_connections = limits.backend_connections;
    }
}

/// What is limited for the whole process.
pub(crate) fn daemon(setup: &Setup) -> Daemon {
    Daemon {
        max_connections_per_source: setup.per_source_max,
        max_in_flight_per_source: setup.limits.source_requests,
        source_queue_timeout: setup.limits.wait,
        ..Daemon::default()
    }
}

fn rule(route: Route, rewrite: Rewrite, action: Action) -> Rule {
    let matching = Match { path: PathMatch::Prefix(route.prefix().into()), ..Match::any() };
    Rule { listeners: Vec::new(), matching, rewrite, action }
}

fn edits() -> Rewrite {
    let line = |name: &str, value: &str| (Arc::from(name), Arc::from(value));
    Rewrite {
        request_headers: HeaderEdits {
            remove: vec!["x-drop".into()],
            set: vec![line("X-Stamp", "route")],
            append: vec![line("X-Added", "route")],
        },
        response_headers: HeaderEdits {
            remove: vec!["x-drop".into()],
            set: vec![line("X-Stamp", "route")],
            append: vec![line("X-Added", "route")],
        },
        replace_prefix: Some("/".into()),
        host: Some(INNER_HOST.into()),
    }
}

fn moved() -> Action {
    let to = "https://new.example{path}{query}".into();
    Action::Redirect(Redirect { status: RedirectStatus::Permanent, to })
}

fn fixed() -> Action {
    Action::Respond(Respond {
        status: 203,
        content_type: "text/plain".into(),
        body: Content::Inline(FIXED.into()),
    })
}
