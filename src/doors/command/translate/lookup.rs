//! Questions to the coordinator that a translation needs answered first.

use std::net::SocketAddr;

use ringway_core::verb::{BackendInfo, ClusterInfo, ListenerInfo};
use ringway_core::{Actor, Answer, BackendId, ClusterId, ErrorCode, ListenerName, Verb, VerbError};

use super::{address, field, list, unexpected};
use crate::coordinator::Hub;
use crate::doors::command::reply::Reply;
use crate::doors::command::wire::{ListenerType, SocketAddress};

/// Asks the coordinator for a client.
pub(super) struct Asking<'a> {
    pub(super) hub: &'a Hub,
    pub(super) actor: &'a Actor,
}

impl Asking<'_> {
    pub(super) async fn ask(&self, verb: Verb) -> Result<Answer, VerbError> {
        self.hub.ask(verb, self.actor.clone()).await
    }

    /// Asks, and answers as the protocol does.
    pub(super) async fn reply(&self, verb: Verb) -> Result<Reply, VerbError> {
        list::reply(self.ask(verb).await?)
    }

    pub(super) async fn listeners(&self) -> Result<Vec<ListenerInfo>, VerbError> {
        match self.ask(Verb::Listeners).await? {
            Answer::Listeners { listeners } => Ok(listeners),
            other => Err(unexpected(&other)),
        }
    }

    /// The listener at an address, which must speak `protocol`.
    pub(super) async fn listener(
        &self,
        address: &SocketAddress,
        protocol: ListenerType,
    ) -> Result<ListenerInfo, VerbError> {
        let protocol = match protocol {
            ListenerType::Http => "http",
            ListenerType::Tcp => "tcp",
            ListenerType::Https => return Err(field::unavailable("https")),
            ListenerType::Udp => return Err(field::unavailable("udp")),
        };
        let address = address::from_wire("address", address)?;
        let found = self.listeners().await?.into_iter().find(|listener| is_at(listener, address));
        let Some(listener) = found else {
            let text = format!("no listener has the address {address}; add one first");
            return Err(VerbError::new(ErrorCode::NotFound, text).field("address"));
        };
        let speaks = self::protocol(&listener);
        if speaks != protocol {
            let name = &listener.listener;
            let text = format!("the listener at {address}, {name}, speaks {speaks}, not {protocol}");
            return Err(field::invalid("address", text));
        }
        Ok(listener)
    }

    /// A cluster, if there is one of that name.
    pub(super) async fn cluster(&self, cluster: &ClusterId) -> Result<Option<ClusterInfo>, VerbError> {
        let verb = Verb::Clusters { cluster: Some(cluster.clone()), domain: None, path: None };
        match self.ask(verb).await {
            Ok(Answer::Clusters { clusters }) => {
                Ok(clusters.into_iter().find(|found| found.cluster == *cluster))
            }
            Ok(other) => Err(unexpected(&other)),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A backend, if its cluster has one of that name.
    pub(super) async fn backend(
        &self,
        cluster: &ClusterId,
        backend: &BackendId,
    ) -> Result<Option<BackendInfo>, VerbError> {
        let cluster = self.cluster(cluster).await?;
        let mut backends = cluster.into_iter().flat_map(|cluster| cluster.backends);
        Ok(backends.find(|found| found.backend == *backend))
    }
}

/// `http` or `tcp`.
pub(super) fn protocol(listener: &ListenerInfo) -> &str {
    listener.set.get("protocol").and_then(|protocol| protocol.as_str()).unwrap_or("http")
}

/// The address that a listener was given; where the kernel chose its port, the one that it has got.
pub(super) fn address_of(listener: &ListenerInfo) -> Option<SocketAddr> {
    let given = listener.set.get("address").and_then(|address| address.as_str()?.parse().ok());
    given.filter(|given: &SocketAddr| given.port() != 0).or_else(|| listener.address.parse().ok())
}

fn is_at(listener: &ListenerInfo, address: SocketAddr) -> bool {
    address_of(listener) == Some(address) || listener.address.parse() == Ok(address)
}

/// What a listener is called that is named by its address only: `http-127.0.0.1:8080`.
pub(super) fn listener_name(protocol: &str, address: SocketAddr) -> Result<ListenerName, VerbError> {
    // No scope can come over the wire, so there is no character that names do without.
    field::name("address", &format!("{protocol}-{address}"))
}
