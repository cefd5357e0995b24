//! Requests of the Sozu command protocol as verbs, and what is answered to them as responses.
//!
//! What the protocol says by address, such as a listener, is looked up first: doors know nothing of the state. Where it says
//! "add or replace", that is a look and then an add or an update; keys that the protocol has no words for keep their values.
//!
//! A field that can not be kept to is refused by its name. What only informs (`tags`) is left out, and so is what says the
//! default.

use ringway_core::change::Keys;
use ringway_core::config::LogLevel;
use ringway_core::{Actor, Answer, Change, ErrorCode, Verb, VerbError};

use super::reply::Reply;
use super::wire::{ContentType, MaxConnectionsPerIpLimit, RequestType};
use crate::coordinator::Hub;

pub(super) mod address;
mod backend;
mod cluster;
mod duration;
mod field;
mod frontend;
mod frontend_list;
mod health_check;
mod list;
mod listener;
mod listener_list;
mod lookup;

use lookup::Asking;

/// Does what a client asks for.
///
/// # Errors
/// Why it was refused, by the coordinator or for a field that can not be kept to.
pub(super) async fn answer(request: RequestType, hub: &Hub, actor: &Actor) -> Result<Reply, VerbError> {
    let asking = Asking { hub, actor };
    let changes = match request {
        RequestType::AddCluster(cluster) => cluster::add(&asking, *cluster).await?,
        RequestType::RemoveCluster(cluster) => {
            vec![Change::ClusterRemove { cluster: field::name("remove_cluster", &cluster)? }]
        }
        RequestType::AddHttpFrontend(frontend)
        | RequestType::AddHttpFrontendWithHeaderPredicates(frontend) => {
            frontend::add(&asking, *frontend).await?
        }
        RequestType::RemoveHttpFrontend(frontend)
        | RequestType::RemoveHttpFrontendWithHeaderPredicates(frontend) => {
            frontend::remove(&asking, *frontend).await?
        }
        RequestType::AddTcpFrontend(frontend) => frontend::add_tcp(&asking, frontend).await?,
        RequestType::RemoveTcpFrontend(frontend) => frontend::remove_tcp(&asking, frontend).await?,
        RequestType::AddBackend(backend) | RequestType::AddUnixBackend(backend) => {
            backend::add(&asking, backend).await?
        }
        RequestType::RemoveBackend(backend) => backend::remove(&asking, backend).await?,
        RequestType::AddHttpListener(listener) => listener::add_http(*listener)?,
        RequestType::AddTcpListener(listener) => listener::add_tcp(listener)?,
        RequestType::UpdateHttpListener(listener) => listener::update_http(&asking, *listener).await?,
        RequestType::UpdateTcpListener(listener) => listener::update_tcp(&asking, listener).await?,
        RequestType::RemoveListener(listener) => listener::remove(&asking, listener).await?,
        RequestType::ActivateListener(listener) => listener::activate(&asking, listener).await?,
        RequestType::DeactivateListener(listener) => listener::deactivate(&asking, listener).await?,
        RequestType::SetHealthCheck(check) => health_check::set(check)?,
        RequestType::RemoveHealthCheck(cluster) => {
            vec![Change::HealthCheckRemove { cluster: field::name("remove_health_check", &cluster)? }]
        }
        RequestType::SetMaxConnectionsPerIp(limit) => {
            let limit = if limit == 0 { serde_json::Value::Null } else { limit.into() };
            let set = Keys::from_iter([(MAX_CONNECTIONS_PER_SOURCE.to_owned(), limit)]);
            vec![Change::DaemonUpdate { set }]
        }
        other => return no_change(other, &asking).await,
    };
    let answer = asking.ask(Verb::Apply { changes, dry_run: false }).await?;
    Ok(Reply::new(match answer {
        Answer::Done { generation } => format!("applied; generation {generation}"),
        Answer::Changed { generation, count: 0, .. } => {
            format!("nothing to change; generation {generation}")
        }
        Answer::Changed { generation, late, .. } if late.is_empty() => {
            format!("applied; generation {generation}")
        }
        Answer::Changed { generation, late, .. } => {
            format!("applied; generation {generation}; not yet confirmed by {}", late.join(", "))
        }
        other => return Err(unexpected(&other)),
    }))
}

const MAX_CONNECTIONS_PER_SOURCE: &str = "max_connections_per_source";

/// The requests that do not change the configuration by a change of their own.
async fn no_change(request: RequestType, asking: &Asking<'_>) -> Result<Reply, VerbError> {
    match request {
        RequestType::SaveState(path) => asking.reply(Verb::StateSave { file: field::path(path) }).await,
        RequestType::LoadState(path) => {
            asking.reply(Verb::StateLoad { file: field::path(path), dry_run: false }).await
        }
        RequestType::ReloadConfiguration(path) => {
            asking.reply(Verb::Reload { file: field::path(path), dry_run: false }).await
        }
        RequestType::SoftStop(_) => asking.reply(Verb::Stop { hard: false }).await,
        RequestType::HardStop(_) => asking.reply(Verb::Stop { hard: true }).await,
        RequestType::Logging(filter) => asking.reply(Verb::LogLevel { level: level(&filter)? }).await,
        RequestType::CountRequests(_) => asking.reply(Verb::CountRequests).await,
        RequestType::Status(_) | RequestType::ListWorkers(_) => asking.reply(Verb::Status).await,
        RequestType::ListListeners(_) => list::listeners(asking).await,
        RequestType::ListFrontends(filters) => list::frontends(asking, filters).await,
        RequestType::QueryClusterById(cluster) => {
            let cluster = Some(field::name("query_cluster_by_id", &cluster)?);
            list::clusters(asking, Verb::Clusters { cluster, domain: None, path: None }).await
        }
        RequestType::QueryClustersByDomain(query) => {
            let verb = Verb::Clusters { cluster: None, domain: Some(query.hostname), path: query.path };
            list::clusters(asking, verb).await
        }
        RequestType::QueryClustersHashes(_) => asking.reply(Verb::Hashes).await,
        RequestType::QueryHealthChecks(query) => health_check::query(asking, query).await,
        RequestType::QueryMaxConnectionsPerIp(_) => max_connections_per_ip(asking).await,
        other => {
            let feature = feature(&other);
            let refused = asking.ask(Verb::Unavailable { feature: feature.to_owned() }).await;
            Err(refused.err().unwrap_or_else(|| field::unavailable(feature)))
        }
    }
}

async fn max_connections_per_ip(asking: &Asking<'_>) -> Result<Reply, VerbError> {
    let changes = match asking.ask(Verb::Configuration).await? {
        Answer::Configuration { changes } => changes,
        other => return Err(unexpected(&other)),
    };
    let limit = changes.iter().find_map(|change| match change {
        Change::DaemonUpdate { set } => set.get(MAX_CONNECTIONS_PER_SOURCE)?.as_u64(),
        _ => None,
    });
    let content = MaxConnectionsPerIpLimit { limit: limit.unwrap_or(0) };
    Ok(Reply::with("", ContentType::MaxConnectionsPerIpLimit(content)))
}

/// Only a level; filters by module are not there.
fn level(filter: &str) -> Result<LogLevel, VerbError> {
    serde_json::from_value(filter.to_ascii_lowercase().into()).map_err(|_| {
        let text = format!(
            "{filter:?} is not a level: \"error\", \"warn\", \"info\", \"debug\" or \"trace\"; there are no filters by module"
        );
        VerbError::new(ErrorCode::Invalid, text).field("logging")
    })
}

/// What a request is about that this build does not have.
fn feature(request: &RequestType) -> &'static str {
    use RequestType as R;
    match request {
        R::AddHttpsFrontend(_)
        | R::RemoveHttpsFrontend(_)
        | R::AddHttpsListener(_)
        | R::UpdateHttpsListener(_)
        | R::AddHttpsListenerWithClientAuth(_)
        | R::UpdateHttpsListenerWithClientAuth(_)
        | R::AddHttpsFrontendWithHeaderPredicates(_)
        | R::RemoveHttpsFrontendWithHeaderPredicates(_)
        | R::AddHttpsFrontendWithSilentClose(_) => "https",
        R::AddCertificate(_)
        | R::ReplaceCertificate(_)
        | R::RemoveCertificate(_)
        | R::QueryCertificatesFromTheState(_)
        | R::QueryCertificatesFromWorkers(_) => "certificates",
        R::AddUdpListener(_) | R::UpdateUdpListener(_) | R::AddUdpFrontend(_) | R::RemoveUdpFrontend(_) => {
            "udp"
        }
        R::QueryMetrics(_) | R::ConfigureMetrics(_) | R::SetMetricDetail(_) => "metrics",
        R::UpgradeMain(_) | R::UpgradeWorker(_) => "upgrade",
        R::LaunchWorker(_) => "launch_worker",
        R::ReturnListenSockets(_) => "return_listen_sockets",
        R::SetMaxConnectionsPerSubnet(_) | R::QueryMaxConnectionsPerSubnet(_) => "max_connections_per_subnet",
        R::SetMaxConnectionAttempts(_) => "max_connection_attempts of the process",
        R::CloseSessions(_) => "close_sessions",
        R::AddHttpFrontendWithSilentClose(_) => "silent close",
        R::SetProtectedHealthCheck(_)
        | R::QueryProtectedHealthCheckSupport(_)
        | R::ProtectedHealthCheckOrder(_) => "protected health checks",
        _ => "this request",
    }
}

/// The coordinator said something that does not belong to what it was asked.
pub(super) fn unexpected(answer: &Answer) -> VerbError {
    debug_assert!(false, "{answer:?}");
    tracing::error!("the coordinator's answer does not belong to what it was asked: {answer:?}");
    VerbError::new(ErrorCode::Invalid, "the answer can not be told in this protocol; please report this")
}

#[cfg(test)]
mod tests;
