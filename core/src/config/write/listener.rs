//! `[[listeners]]` and the tables in it, as text.

use super::{
    Value, array, duration, each, number, optional, optional_duration, quoted, section, size, text,
    unwritten, word,
};
use crate::config::keys::Section;
use crate::config::read::listener::{HTTP_KEYS, TCP_TIMEOUTS};
use crate::config::{Forwarding, Limits, Listener, Protocol, RateLimit, Timeouts};

pub(super) fn write(out: &mut String, listener: &Listener) {
    let is_tcp = listener.protocol == Protocol::Tcp;
    section(out, "[[listeners]]", Section::Listener, of_listener(listener));
    section(out, "[listeners.timeouts]", Section::Timeouts, of_timeouts(&listener.timeouts, is_tcp));
    if is_tcp {
        return;
    }
    section(out, "[listeners.limits]", Section::Limits, of_limits(&listener.limits));
    section(out, "[listeners.forwarding]", Section::Forwarding, of_forwarding(&listener.forwarding));
    if let Some(limit) = &listener.rate_limit {
        section(out, "[listeners.rate_limit]", Section::RateLimit, of_rate_limit(limit));
    }
}

pub(super) fn of_listener(listener: &Listener) -> impl FnMut(&str) -> Value {
    let is_tcp = listener.protocol == Protocol::Tcp;
    move |name| match name {
        name if is_tcp && HTTP_KEYS.contains(&name) => Value::Left,
        "name" => text(&listener.name),
        "address" => text(&listener.address),
        "protocol" => word(listener.protocol.as_str()),
        "active" => number(listener.active),
        "cluster" => Value::of(listener.cluster.as_ref(), |name| quoted(name.as_str())),
        "proxy_protocol" => number(listener.proxy_protocol),
        "trusted_proxies" => Value::Is(array(&listener.trusted_proxies)),
        "upgrades" => Value::Is(array(&listener.upgrades)),
        "allow_connect" => number(listener.allow_connect),
        "timeouts" | "limits" | "forwarding" => Value::Left,
        "rate_limit" => Value::below(listener.rate_limit.as_ref()),
        name => unwritten(Section::Listener, name),
    }
}

pub(super) fn of_rate_limit(limit: &RateLimit) -> impl FnMut(&str) -> Value {
    let RateLimit { key, rate, burst } = limit;
    let burst = number(*burst).that_follows(burst == rate);
    each(Section::RateLimit, [("key", text(key)), ("rate", number(*rate)), ("burst", burst)])
}

pub(super) fn of_timeouts(timeouts: &Timeouts, is_tcp: bool) -> impl FnMut(&str) -> Value {
    move |name| match name {
        name if is_tcp && !TCP_TIMEOUTS.contains(&name) => Value::Left,
        "head" => duration(timeouts.head),
        "idle" => duration(timeouts.idle),
        "body" => duration(timeouts.body),
        "connect" => duration(timeouts.connect),
        "response" => duration(timeouts.response),
        "response_body" => duration(timeouts.response_body),
        "send" => duration(timeouts.send),
        "tunnel" => duration(timeouts.tunnel),
        "total" => duration(timeouts.total),
        "proxy_header" => duration(timeouts.proxy_header),
        name => unwritten(Section::Timeouts, name),
    }
}

pub(super) fn of_limits(limits: &Limits) -> impl FnMut(&str) -> Value {
    each(
        Section::Limits,
        [
            ("head_bytes", size(limits.head_bytes)),
            ("headers", number(limits.headers)),
            ("uri_bytes", size(limits.uri_bytes)),
            ("body_rate", size(limits.body_rate)),
            ("requests_per_connection", optional(limits.requests_per_connection)),
            ("connection_max_age", optional_duration(limits.connection_max_age)),
        ],
    )
}

pub(super) fn of_forwarding(forwarding: &Forwarding) -> impl FnMut(&str) -> Value {
    each(
        Section::Forwarding,
        [
            ("x_forwarded_for", number(forwarding.x_forwarded_for)),
            ("x_forwarded_proto", number(forwarding.x_forwarded_proto)),
            ("x_forwarded_host", number(forwarding.x_forwarded_host)),
            ("x_forwarded_port", number(forwarding.x_forwarded_port)),
            ("forwarded", number(forwarding.forwarded)),
            ("request_id", word(forwarding.request_id.as_str())),
        ],
    )
}
