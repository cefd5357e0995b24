//! Listeners as changes.

use ringway_core::change::Keys;
use ringway_core::{Change, ListenerName, VerbError};
use serde_json::{Map, Value, json};

use super::address;
use super::duration::seconds;
use super::field::{NOT_HERE, refuse, unsupported, word};
use super::lookup::{Asking, listener_name};
use crate::doors::command::wire::{
    ActivateListener, CustomHttpAnswers, DeactivateListener, ForwardedHeaders, HttpListenerConfig,
    ListenerType, RemoveListener, SocketAddress, TcpListenerConfig, UpdateHttpListenerConfig,
    UpdateTcpListenerConfig,
};

/// The cookie's name that listeners of the protocol have by default. Here it is the clusters', which get this one.
pub(super) const STICKY_NAME: &str = "SOZUBALANCEID";

/// The protocol's default of `sozu_id_header`.
const ID_HEADER: &str = "Sozu-Id";

pub(super) fn add_http(listener: HttpListenerConfig) -> Result<Vec<Change>, VerbError> {
    let at = address::from_wire("address", &listener.address)?;
    let name = listener_name("http", at)?;
    let active = listener.active;
    let forwarded = listener.forwarded_headers.unwrap_or(ForwardedHeaders::Both.into());
    let mut set = Keys::new();
    set.insert("address".to_owned(), at.to_string().into());
    if !active {
        set.insert("active".to_owned(), false.into());
    }
    http_keys(UpdateHttpListenerConfig {
        address: listener.address,
        public_address: listener.public_address,
        expect_proxy: Some(listener.expect_proxy),
        sticky_name: Some(listener.sticky_name),
        front_timeout: Some(listener.front_timeout),
        back_timeout: Some(listener.back_timeout),
        connect_timeout: Some(listener.connect_timeout),
        request_timeout: Some(listener.request_timeout),
        http_answers: listener.http_answers,
        h2_max_rst_stream_per_window: listener.h2_max_rst_stream_per_window,
        h2_max_ping_per_window: listener.h2_max_ping_per_window,
        h2_max_settings_per_window: listener.h2_max_settings_per_window,
        h2_max_empty_data_per_window: listener.h2_max_empty_data_per_window,
        h2_max_continuation_frames: listener.h2_max_continuation_frames,
        h2_max_glitch_count: listener.h2_max_glitch_count,
        h2_initial_connection_window: listener.h2_initial_connection_window,
        h2_max_concurrent_streams: listener.h2_max_concurrent_streams,
        h2_stream_shrink_ratio: listener.h2_stream_shrink_ratio,
        h2_max_rst_stream_lifetime: listener.h2_max_rst_stream_lifetime,
        h2_max_rst_stream_abusive_lifetime: listener.h2_max_rst_stream_abusive_lifetime,
        h2_max_rst_stream_emitted_lifetime: listener.h2_max_rst_stream_emitted_lifetime,
        h2_max_header_list_size: listener.h2_max_header_list_size,
        h2_max_header_table_size: listener.h2_max_header_table_size,
        h2_stream_idle_timeout_seconds: listener.h2_stream_idle_timeout_seconds,
        h2_graceful_shutdown_deadline_seconds: listener.h2_graceful_shutdown_deadline_seconds,
        h2_max_window_update_stream0_per_window: listener.h2_max_window_update_stream0_per_window,
        sozu_id_header: listener.sozu_id_header,
        answers: listener.answers,
        elide_x_real_ip: listener.elide_x_real_ip,
        send_x_real_ip: listener.send_x_real_ip,
        h2_max_header_fields: listener.h2_max_header_fields,
        forwarded_headers: Some(forwarded),
        h2_stream_refusal_percent: listener.h2_stream_refusal_percent,
    })?
    .merge_into(&mut set);
    refuse(&[("interface", listener.interface.is_some())], NOT_HERE)?;
    Ok(vec![added(name, set)])
}

pub(super) async fn update_http(
    asking: &Asking<'_>,
    update: UpdateHttpListenerConfig,
) -> Result<Vec<Change>, VerbError> {
    let listener = asking.listener(&update.address, ListenerType::Http).await?;
    let mut set = Keys::new();
    http_keys(update)?.merge_into(&mut set);
    Ok(vec![Change::ListenerUpdate { listener: listener.listener, set }])
}

/// A new listener begins with the defaults.
fn added(listener: ListenerName, mut set: Keys) -> Change {
    set.retain(|_, value| !value.is_null());
    Change::ListenerAdd { listener, set }
}

/// Keys of a listener, tables beside them.
#[derive(Default)]
struct Patch {
    plain: Keys,
    timeouts: Map<String, Value>,
    forwarding: Map<String, Value>,
}

impl Patch {
    fn merge_into(self, keys: &mut Keys) {
        for (name, table) in [("timeouts", self.timeouts), ("forwarding", self.forwarding)] {
            if !table.is_empty() {
                keys.insert(name.to_owned(), table.into());
            }
        }
        keys.extend(self.plain);
    }

    fn timeout(&mut self, keys: &[&str], value: Option<u32>) {
        let Some(value) = value else { return };
        self.timeouts.extend(keys.iter().map(|key| ((*key).to_owned(), seconds(value))));
    }

    /// Whether each connection begins with a PROXY protocol header. The protocol believes everybody who sends one.
    fn expect_proxy(&mut self, expect: Option<bool>) {
        let Some(expect) = expect else { return };
        let trusted = if expect { json!(["0.0.0.0/0", "::/0"]) } else { Value::Null };
        let expect = if expect { true.into() } else { Value::Null };
        self.plain.insert("proxy_protocol".to_owned(), expect);
        self.plain.insert("trusted_proxies".to_owned(), trusted);
    }
}

fn http_keys(update: UpdateHttpListenerConfig) -> Result<Patch, VerbError> {
    let UpdateHttpListenerConfig {
        address,
        public_address,
        expect_proxy,
        sticky_name,
        front_timeout,
        back_timeout,
        connect_timeout,
        request_timeout,
        http_answers,
        h2_max_rst_stream_per_window,
        h2_max_ping_per_window,
        h2_max_settings_per_window,
        h2_max_empty_data_per_window,
        h2_max_continuation_frames,
        h2_max_glitch_count,
        h2_initial_connection_window,
        h2_max_concurrent_streams,
        h2_stream_shrink_ratio,
        h2_max_rst_stream_lifetime,
        h2_max_rst_stream_abusive_lifetime,
        h2_max_rst_stream_emitted_lifetime,
        h2_max_header_list_size,
        h2_max_header_table_size,
        h2_stream_idle_timeout_seconds,
        h2_graceful_shutdown_deadline_seconds,
        h2_max_window_update_stream0_per_window,
        sozu_id_header,
        answers,
        elide_x_real_ip,
        send_x_real_ip,
        h2_max_header_fields,
        forwarded_headers,
        h2_stream_refusal_percent,
    } = update;
    let other_answers = http_answers.is_some_and(|answers| answers != CustomHttpAnswers::default());
    refuse(
        &[
            ("public_address", public_address.is_some_and(|public| public != address)),
            ("http_answers", other_answers),
            ("answers", !answers.is_empty()),
            ("sozu_id_header", sozu_id_header.is_some_and(|header| header != ID_HEADER)),
            ("elide_x_real_ip", elide_x_real_ip == Some(true)),
            ("send_x_real_ip", send_x_real_ip == Some(true)),
        ],
        NOT_HERE,
    )?;
    refuse(
        &[
            ("h2_max_rst_stream_per_window", h2_max_rst_stream_per_window.is_some()),
            ("h2_max_ping_per_window", h2_max_ping_per_window.is_some()),
            ("h2_max_settings_per_window", h2_max_settings_per_window.is_some()),
            ("h2_max_empty_data_per_window", h2_max_empty_data_per_window.is_some()),
            ("h2_max_continuation_frames", h2_max_continuation_frames.is_some()),
            ("h2_max_glitch_count", h2_max_glitch_count.is_some()),
            ("h2_initial_connection_window", h2_initial_connection_window.is_some()),
            ("h2_max_concurrent_streams", h2_max_concurrent_streams.is_some()),
            ("h2_stream_shrink_ratio", h2_stream_shrink_ratio.is_some()),
            ("h2_max_rst_stream_lifetime", h2_max_rst_stream_lifetime.is_some()),
            ("h2_max_rst_stream_abusive_lifetime", h2_max_rst_stream_abusive_lifetime.is_some()),
            ("h2_max_rst_stream_emitted_lifetime", h2_max_rst_stream_emitted_lifetime.is_some()),
            ("h2_max_header_list_size", h2_max_header_list_size.is_some()),
            ("h2_max_header_table_size", h2_max_header_table_size.is_some()),
            ("h2_stream_idle_timeout_seconds", h2_stream_idle_timeout_seconds.is_some()),
            ("h2_graceful_shutdown_deadline_seconds", h2_graceful_shutdown_deadline_seconds.is_some()),
            ("h2_max_window_update_stream0_per_window", h2_max_window_update_stream0_per_window.is_some()),
            ("h2_max_header_fields", h2_max_header_fields.is_some()),
            ("h2_stream_refusal_percent", h2_stream_refusal_percent.is_some()),
        ],
        "HTTP/2 is not in this build",
    )?;
    if sticky_name.is_some_and(|name| !name.is_empty() && name != STICKY_NAME) {
        let why = format!("the cookie of sticky sessions is the cluster's, and is called {STICKY_NAME}");
        return Err(unsupported("sticky_name", &why));
    }
    let mut patch = Patch::default();
    patch.timeout(&["idle", "body"], front_timeout);
    patch.timeout(&["response", "response_body"], back_timeout);
    patch.timeout(&["connect"], connect_timeout);
    patch.timeout(&["head"], request_timeout);
    patch.expect_proxy(expect_proxy);
    if let Some(forwarded) = forwarded_headers {
        let (x, rfc7239) = match word("forwarded_headers", forwarded)? {
            ForwardedHeaders::Both => (true, true),
            ForwardedHeaders::XForwarded => (true, false),
            ForwardedHeaders::Rfc7239 => (false, true),
            ForwardedHeaders::None => (false, false),
        };
        for key in ["x_forwarded_for", "x_forwarded_proto", "x_forwarded_host", "x_forwarded_port"] {
            patch.forwarding.insert(key.to_owned(), x.into());
        }
        patch.forwarding.insert("forwarded".to_owned(), rfc7239.into());
    }
    Ok(patch)
}

pub(super) fn add_tcp(listener: TcpListenerConfig) -> Result<Vec<Change>, VerbError> {
    let TcpListenerConfig {
        address,
        public_address,
        expect_proxy,
        front_timeout,
        back_timeout,
        connect_timeout,
        active,
        sni_preread_timeout,
        sni_preread_max_bytes,
        interface,
    } = listener;
    refuse(
        &[
            ("sni_preread_timeout", sni_preread_timeout.is_some()),
            ("sni_preread_max_bytes", sni_preread_max_bytes.is_some()),
            ("interface", interface.is_some()),
        ],
        NOT_HERE,
    )?;
    let at = address::from_wire("address", &address)?;
    let mut set = Keys::new();
    set.insert("address".to_owned(), at.to_string().into());
    set.insert("protocol".to_owned(), "tcp".into());
    if !active {
        set.insert("active".to_owned(), false.into());
    }
    tcp_keys(UpdateTcpListenerConfig {
        address,
        public_address,
        expect_proxy: Some(expect_proxy),
        front_timeout: Some(front_timeout),
        back_timeout: Some(back_timeout),
        connect_timeout: Some(connect_timeout),
    })?
    .merge_into(&mut set);
    Ok(vec![added(listener_name("tcp", at)?, set)])
}

pub(super) async fn update_tcp(
    asking: &Asking<'_>,
    update: UpdateTcpListenerConfig,
) -> Result<Vec<Change>, VerbError> {
    let listener = asking.listener(&update.address, ListenerType::Tcp).await?;
    let mut set = Keys::new();
    tcp_keys(update)?.merge_into(&mut set);
    Ok(vec![Change::ListenerUpdate { listener: listener.listener, set }])
}

fn tcp_keys(update: UpdateTcpListenerConfig) -> Result<Patch, VerbError> {
    let UpdateTcpListenerConfig {
        address,
        public_address,
        expect_proxy,
        front_timeout,
        back_timeout,
        connect_timeout,
    } = update;
    refuse(&[("public_address", public_address.is_some_and(|public| public != address))], NOT_HERE)?;
    let mut patch = Patch::default();
    // A tunnel has one timeout, which a byte of either side begins anew: none of both is cut short.
    patch.timeout(&["tunnel"], front_timeout.max(back_timeout));
    patch.timeout(&["connect"], connect_timeout);
    patch.expect_proxy(expect_proxy);
    Ok(patch)
}

pub(super) async fn remove(asking: &Asking<'_>, request: RemoveListener) -> Result<Vec<Change>, VerbError> {
    let RemoveListener { address, proxy, interface } = request;
    let listener = meant(asking, &address, proxy, interface.is_some()).await?;
    Ok(vec![Change::ListenerRemove { listener }])
}

pub(super) async fn activate(
    asking: &Asking<'_>,
    request: ActivateListener,
) -> Result<Vec<Change>, VerbError> {
    let ActivateListener { address, proxy, from_scm, interface } = request;
    let listener = meant(asking, &address, proxy, interface.is_some()).await?;
    refuse(&[("from_scm", from_scm)], "sockets are not passed on over the command socket")?;
    Ok(vec![Change::ListenerActivate { listener }])
}

pub(super) async fn deactivate(
    asking: &Asking<'_>,
    request: DeactivateListener,
) -> Result<Vec<Change>, VerbError> {
    let DeactivateListener { address, proxy, to_scm, interface } = request;
    let listener = meant(asking, &address, proxy, interface.is_some()).await?;
    refuse(&[("to_scm", to_scm)], "sockets are not passed on over the command socket")?;
    Ok(vec![Change::ListenerDeactivate { listener }])
}

async fn meant(
    asking: &Asking<'_>,
    address: &SocketAddress,
    proxy: i32,
    interface: bool,
) -> Result<ListenerName, VerbError> {
    refuse(&[("interface", interface)], NOT_HERE)?;
    let protocol = word("proxy", proxy)?;
    asking.listener(address, protocol).await.map(|listener| listener.listener)
}
