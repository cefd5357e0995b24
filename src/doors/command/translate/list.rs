//! Answers as contents of responses.

use std::collections::BTreeMap;

use ringway_core::verb::{ClusterInfo, ListenerInfo, ShardInfo};
use ringway_core::{Answer, ClusterId, Verb, VerbError};

use super::field::name;
use super::lookup::{Asking, protocol};
use super::{backend, cluster, frontend_list, listener_list, unexpected};
use crate::doors::command::reply::Reply;
use crate::doors::command::wire::{
    ClusterHashes, ClusterInformation, ClusterInformations, ContentType, FrontendFilters, ListedFrontends,
    RequestCounts, ResponseContent, RunState, WorkerInfo, WorkerInfos, WorkerResponses,
};

/// Who answers for the process, where clients of the protocol expect an answer of each worker. All shards serve by one
/// configuration.
const MAIN: &str = "main";

/// An answer that says all that its response needs.
pub(super) fn reply(answer: Answer) -> Result<Reply, VerbError> {
    Ok(match answer {
        Answer::Done { generation } => Reply::new(format!("done; generation {generation}")),
        Answer::Changed { generation, count, .. } => {
            Reply::new(format!("{count} changes; generation {generation}"))
        }
        Answer::Saved { file, count } => Reply::new(format!("saved {count} changes to {}", file.display())),
        Answer::Counts(counts) => {
            let number = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
            let map = counts.into_iter().map(|(name, count)| (name, number(count))).collect();
            Reply::with("", ContentType::RequestCounts(RequestCounts { map }))
        }
        Answer::Status(status) => {
            // Shards are threads of one process.
            let pid = i32::try_from(status.pid).unwrap_or_default();
            let vec = status.shards.iter().map(|shard| worker(shard, pid)).collect();
            let text = format!("Ringway {}, generation {}", status.version, status.generation);
            Reply::with(text, ContentType::Workers(WorkerInfos { vec }))
        }
        Answer::Hashes { clusters, .. } => {
            let content = ContentType::ClusterHashes(ClusterHashes { map: clusters });
            Reply::with("", by_workers(content))
        }
        other => return Err(unexpected(&other)),
    })
}

fn worker(shard: &ShardInfo, pid: i32) -> WorkerInfo {
    let state = match shard.state.as_str() {
        "running" => RunState::Running,
        "draining" => RunState::Stopping,
        "restarting" => RunState::Stopped,
        _ => RunState::NotAnswering,
    };
    WorkerInfo { id: u32::from(shard.shard), pid, run_state: state.into() }
}

fn by_workers(content: ContentType) -> ContentType {
    let content = ResponseContent { content_type: Some(content) };
    ContentType::WorkerResponses(WorkerResponses { map: BTreeMap::from([(MAIN.to_owned(), content)]) })
}

pub(super) async fn listeners(asking: &Asking<'_>) -> Result<Reply, VerbError> {
    let listeners = asking.listeners().await?;
    Ok(Reply::with("", ContentType::ListenersList(listener_list::to_wire(&listeners))))
}

/// Clusters with all that belongs to them.
pub(super) async fn clusters(asking: &Asking<'_>, verb: Verb) -> Result<Reply, VerbError> {
    let clusters = match asking.ask(verb).await? {
        Answer::Clusters { clusters } => clusters,
        other => return Err(unexpected(&other)),
    };
    let listeners = asking.listeners().await?;
    let vec = clusters.iter().map(|cluster| information(cluster, &listeners)).collect();
    let content = ContentType::Clusters(ClusterInformations { vec });
    Ok(Reply::with("", by_workers(content)))
}

fn information(info: &ClusterInfo, listeners: &[ListenerInfo]) -> ClusterInformation {
    let name = info.cluster.as_str();
    let frontends =
        info.frontends.iter().flat_map(|keys| frontend_list::to_wire(Some(name), keys, listeners));
    ClusterInformation {
        configuration: Some(cluster::to_wire(name, &info.set)),
        http_frontends: frontends.flatten().collect(),
        https_frontends: Vec::new(),
        tcp_frontends: frontend_list::tcp_to_wire(listeners)
            .filter(|front| front.cluster_id == name)
            .collect(),
        backends: info.backends.iter().map(|backend| backend::to_wire(name, backend)).collect(),
        udp_frontends: Vec::new(),
    }
}

/// Frontends and routes; no protocol named: all.
pub(super) async fn frontends(asking: &Asking<'_>, filters: FrontendFilters) -> Result<Reply, VerbError> {
    let FrontendFilters { http, https, tcp, domain, cluster_id } = filters;
    let all = !(http || https || tcp);
    let cluster: Option<ClusterId> = cluster_id.map(|cluster| name("cluster_id", &cluster)).transpose()?;
    let listeners = asking.listeners().await?;
    let mut list = ListedFrontends::default();
    let mut unsaid = 0;
    if tcp || all {
        // A TCP frontend has no host.
        let wanted =
            |id: &str| cluster.as_ref().is_none_or(|cluster| cluster.as_str() == id) && domain.is_none();
        list.tcp_frontends
            .extend(frontend_list::tcp_to_wire(&listeners).filter(|front| wanted(&front.cluster_id)));
    }
    if (http || all) && listeners.iter().any(|listener| protocol(listener) == "http") {
        let frontends = match asking.ask(Verb::Frontends { cluster, domain, listener: None }).await? {
            Answer::Frontends { frontends } => frontends,
            other => return Err(unexpected(&other)),
        };
        for keys in &frontends {
            let cluster = keys.get("cluster").and_then(|cluster| cluster.as_str());
            match frontend_list::to_wire(cluster, keys, &listeners) {
                Some(said) => list.http_frontends.extend(said),
                None => unsaid += 1,
            }
        }
    }
    let message = match unsaid {
        0 => String::new(),
        unsaid => format!(
            "{unsaid} frontends and routes have more to them than this protocol can say, and are left out"
        ),
    };
    Ok(Reply::with(message, ContentType::FrontendList(list)))
}
