//! Listeners as the protocol lists them.

use ringway_core::change::Keys;
use ringway_core::config::defaults;
use ringway_core::verb::ListenerInfo;
use serde_json::Value;

use super::address;
use super::duration::in_seconds;
use super::listener::STICKY_NAME;
use super::lookup::{address_of, protocol};
use crate::doors::command::wire::{ForwardedHeaders, HttpListenerConfig, ListenersList, TcpListenerConfig};

/// By their addresses.
pub(super) fn to_wire(listeners: &[ListenerInfo]) -> ListenersList {
    let mut list = ListenersList::default();
    for listener in listeners {
        // One whose port the kernel has yet to choose listens nowhere.
        let Some(at) = address_of(listener) else { continue };
        let address = address::to_wire(at);
        let timeouts = listener.set.get("timeouts").and_then(Value::as_object);
        let connect_timeout = in_seconds(timeouts, "connect", defaults::CONNECT_TIMEOUT);
        let expect_proxy = listener.set.get("proxy_protocol").and_then(Value::as_bool).unwrap_or(false);
        let active = listener.active;
        if protocol(listener) == "tcp" {
            let tunnel = in_seconds(timeouts, "tunnel", defaults::TUNNEL_TIMEOUT);
            let listener = TcpListenerConfig {
                address,
                expect_proxy,
                front_timeout: tunnel,
                back_timeout: tunnel,
                connect_timeout,
                active,
                ..TcpListenerConfig::default()
            };
            list.tcp_listeners.insert(at.to_string(), listener);
        } else {
            let listener = HttpListenerConfig {
                address,
                expect_proxy,
                sticky_name: STICKY_NAME.to_owned(),
                front_timeout: in_seconds(timeouts, "idle", defaults::IDLE_TIMEOUT),
                back_timeout: in_seconds(timeouts, "response", defaults::RESPONSE_TIMEOUT),
                connect_timeout,
                request_timeout: in_seconds(timeouts, "head", defaults::HEAD_TIMEOUT),
                active,
                forwarded_headers: Some(forwarded(listener.set.get("forwarding")).into()),
                ..HttpListenerConfig::default()
            };
            list.http_listeners.insert(at.to_string(), listener);
        }
    }
    list
}

fn forwarded(forwarding: Option<&Value>) -> ForwardedHeaders {
    let forwarding = forwarding.and_then(Value::as_object);
    let says = |key: &str, default| {
        forwarding.and_then(|keys: &Keys| keys.get(key)).and_then(Value::as_bool).unwrap_or(default)
    };
    match (says("x_forwarded_for", true), says("forwarded", false)) {
        (true, true) => ForwardedHeaders::Both,
        (true, false) => ForwardedHeaders::XForwarded,
        (false, true) => ForwardedHeaders::Rfc7239,
        (false, false) => ForwardedHeaders::None,
    }
}
