//! A listener as shards use it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use ringway_core::ListenerName;
use ringway_core::config::{self, Limits, Protocol, Timeouts};

use crate::http1::{ForwardRules, HeadLimits, Scheme, TunnelRules};
use crate::rate::Rate;

/// What requests and connections of a listener go by; where they lead to is the router's.
#[derive(Debug)]
pub(crate) struct ListenerPlan {
    pub(crate) name: ListenerName,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its connections are passed on as they are.
    pub(crate) is_tcp: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: HeadLimits,
    /// The least rate of a request's body, in bytes per second.
    pub(crate) body_rate: u64,
    pub(crate) rate: Option<Arc<Rate>>,
    /// How old a connection may get.
    pub(crate) connection_max_age: Option<Duration>,
    /// How many requests a connection may carry.
    pub(crate) requests_max: u32,
    pub(crate) proxy_protocol: bool,
    trusted: Vec<IpNet>,
    /// What backends are told of where a request came from.
    pub(crate) forwarding: ForwardRules,
    /// What clients may leave HTTP for.
    pub(crate) tunnels: TunnelRules,
}

impl ListenerPlan {
    /// `address`: where it really listens. `before`: what it was so far; who was slowed down stays so.
    pub(super) fn new(
        listener: &config::Listener,
        address: SocketAddr,
        before: Option<&ListenerPlan>,
    ) -> ListenerPlan {
        let Limits { head_bytes, headers, uri_bytes, body_rate, requests_per_connection, connection_max_age } =
            listener.limits;
        let known = before.and_then(|before| before.rate.as_ref());
        let rate = listener.rate_limit.as_ref().map(|limit| match known {
            Some(rate) if rate.is_for(limit) => Arc::clone(rate),
            _ => Arc::new(Rate::new(limit)),
        });
        ListenerPlan {
            name: listener.name.clone(),
            address,
            is_tcp: listener.protocol == Protocol::Tcp,
            timeouts: listener.timeouts,
            limits: HeadLimits { head_bytes, headers, uri_bytes },
            body_rate: body_rate as u64,
            rate,
            connection_max_age,
            requests_max: requests_per_connection.unwrap_or(u32::MAX),
            proxy_protocol: listener.proxy_protocol,
            trusted: listener.trusted_proxies.clone(),
            forwarding: ForwardRules::new(&listener.forwarding, address.port(), Scheme::Http),
            tunnels: TunnelRules::new(&listener.upgrades, listener.allow_connect),
        }
    }

    /// Whether this peer may say on whose behalf it connects.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted.iter().any(|network| network.contains(&peer))
    }
}
