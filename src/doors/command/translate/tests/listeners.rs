//! Listeners.

use super::*;

fn http() -> HttpListenerConfig {
    HttpListenerConfig {
        address: at("[::1]:80"),
        sticky_name: "SOZUBALANCEID".to_owned(),
        front_timeout: 60,
        back_timeout: 30,
        connect_timeout: 3,
        request_timeout: 10,
        active: true,
        forwarded_headers: Some(ForwardedHeaders::XForwarded.into()),
        ..HttpListenerConfig::default()
    }
}

fn tcp() -> TcpListenerConfig {
    TcpListenerConfig {
        address: at("127.0.0.1:80"),
        front_timeout: 60,
        back_timeout: 90,
        connect_timeout: 3,
        ..TcpListenerConfig::default()
    }
}

fn add(listener: HttpListenerConfig) -> RequestType {
    RequestType::AddHttpListener(Box::new(listener))
}

fn update(update: UpdateHttpListenerConfig) -> RequestType {
    RequestType::UpdateHttpListener(Box::new(update))
}

#[test]
fn a_listener_is_named_by_its_protocol_and_address() {
    let changes = changes(add(HttpListenerConfig { expect_proxy: true, active: false, ..http() }));
    let expected = json!([{ "change": "listener_add", "listener": "http-[::1]:80", "set": {
        "address": "[::1]:80",
        "active": false,
        "timeouts": {
            "idle": "60s", "body": "60s", "response": "30s", "response_body": "30s", "connect": "3s", "head": "10s",
        },
        "forwarding": {
            "x_forwarded_for": true, "x_forwarded_proto": true, "x_forwarded_host": true, "x_forwarded_port": true,
            "forwarded": false,
        },
        "proxy_protocol": true,
        "trusted_proxies": ["0.0.0.0/0", "::/0"],
    } }]);
    assert_eq!(changes, expected);
}

#[test]
fn a_tcp_listener_has_the_longer_of_both_idle_times_and_no_cluster_yet() {
    assert_eq!(
        changes(RequestType::AddTcpListener(TcpListenerConfig { active: true, ..tcp() })),
        json!([{ "change": "listener_add", "listener": "tcp-127.0.0.1:80", "set": {
            "address": "127.0.0.1:80",
            "protocol": "tcp",
            "timeouts": { "tunnel": "90s", "connect": "3s" },
        } }])
    );
    refused_by_name(
        &tcp(),
        &[
            ("public_address", |listener| listener.public_address = Some(at("1.2.3.4:5"))),
            ("sni_preread_timeout", |listener| listener.sni_preread_timeout = Some(5)),
            ("sni_preread_max_bytes", |listener| listener.sni_preread_max_bytes = Some(5)),
            ("interface", |listener| listener.interface = Some("eth0".to_owned())),
        ],
        RequestType::AddTcpListener,
    );
}

#[test]
fn an_update_says_only_what_it_changes() {
    let changed = UpdateHttpListenerConfig {
        address: at("127.0.0.1:8080"),
        connect_timeout: Some(1),
        ..UpdateHttpListenerConfig::default()
    };
    assert_eq!(
        changes(update(changed)),
        json!([{ "change": "listener_update", "listener": "web", "set":
            { "timeouts": { "connect": "1s" } } }])
    );
    // By the address that it got from the kernel.
    let changed = UpdateHttpListenerConfig {
        address: at("[::1]:32768"),
        forwarded_headers: Some(ForwardedHeaders::None.into()),
        expect_proxy: Some(false),
        ..UpdateHttpListenerConfig::default()
    };
    let changed = changes(update(changed));
    assert_eq!(
        (&changed[0]["listener"], &changed[0]["set"]["forwarding"]["forwarded"]),
        (&json!("any"), &json!(false))
    );
    assert_eq!(changed[0]["set"]["proxy_protocol"], Value::Null);
    let changed = UpdateTcpListenerConfig {
        address: at("127.0.0.1:9000"),
        front_timeout: Some(5),
        ..UpdateTcpListenerConfig::default()
    };
    assert_eq!(
        changes(RequestType::UpdateTcpListener(changed)),
        json!([{ "change": "listener_update", "listener": "db", "set": { "timeouts": { "tunnel": "5s" } } }])
    );
}

#[test]
fn what_a_listener_can_not_be_is_refused_by_name() {
    refused_by_name(
        &http(),
        &[
            ("address", |listener| listener.address = SocketAddress::default()),
            ("public_address", |listener| listener.public_address = Some(at("1.2.3.4:5"))),
            ("sticky_name", |listener| listener.sticky_name = "mine".to_owned()),
            ("http_answers", |listener| {
                let answer_404 = Some("x".to_owned());
                listener.http_answers =
                    Some(CustomHttpAnswers { answer_404, ..CustomHttpAnswers::default() });
            }),
            ("answers", |listener| _ = listener.answers.insert("404".to_owned(), "x".to_owned())),
            ("sozu_id_header", |listener| listener.sozu_id_header = Some("Mine".to_owned())),
            ("elide_x_real_ip", |listener| listener.elide_x_real_ip = Some(true)),
            ("send_x_real_ip", |listener| listener.send_x_real_ip = Some(true)),
            ("interface", |listener| listener.interface = Some("eth0".to_owned())),
            ("forwarded_headers", |listener| listener.forwarded_headers = Some(4)),
            ("h2_max_concurrent_streams", |listener| listener.h2_max_concurrent_streams = Some(100)),
            ("h2_stream_refusal_percent", |listener| listener.h2_stream_refusal_percent = Some(1)),
        ],
        add,
    );
    // The protocol's defaults are no wishes.
    let defaults = HttpListenerConfig {
        public_address: Some(http().address),
        http_answers: Some(CustomHttpAnswers::default()),
        sozu_id_header: Some("Sozu-Id".to_owned()),
        elide_x_real_ip: Some(false),
        ..http()
    };
    assert_eq!(changes(add(defaults)), changes(add(http())));
}

#[test]
fn a_listener_is_found_by_its_address_and_protocol() {
    let (address, proxy) = (at("127.0.0.1:9000"), ListenerType::Tcp.into());
    let remove = RemoveListener { address: address.clone(), proxy, interface: None };
    let activate = ActivateListener { address: address.clone(), proxy, from_scm: false, interface: None };
    let deactivate = DeactivateListener { address, proxy, to_scm: false, interface: None };
    for (request, change) in [
        (RequestType::RemoveListener(remove.clone()), "listener_remove"),
        (RequestType::ActivateListener(activate.clone()), "listener_activate"),
        (RequestType::DeactivateListener(deactivate.clone()), "listener_deactivate"),
    ] {
        assert_eq!(changes(request), json!([{ "change": change, "listener": "db" }]));
    }
    refused_by_name(
        &remove,
        &[
            ("address", |remove| remove.proxy = ListenerType::Http.into()),
            ("address", |remove| remove.address = at("127.0.0.1:1")),
            ("proxy", |remove| remove.proxy = 4),
            ("interface", |remove| remove.interface = Some("eth0".to_owned())),
        ],
        RequestType::RemoveListener,
    );
    refused_by_name(
        &activate,
        &[("from_scm", |request| request.from_scm = true)],
        RequestType::ActivateListener,
    );
    refused_by_name(
        &deactivate,
        &[("to_scm", |request| request.to_scm = true)],
        RequestType::DeactivateListener,
    );
    let https = RemoveListener { proxy: ListenerType::Https.into(), ..remove };
    assert_eq!(refusal(RequestType::RemoveListener(https)).code, ErrorCode::NotInThisBuild);
}

#[test]
fn listeners_are_listed_by_their_addresses() {
    let (result, _) = ask(RequestType::ListListeners(ListListeners {}));
    let Some(ContentType::ListenersList(list)) = result.expect("a list").content else { panic!("no list") };
    let addresses: Vec<_> = list.http_listeners.keys().map(String::as_str).collect();
    assert_eq!(addresses, ["127.0.0.1:8080", "[::1]:32768"]);
    let web = &list.http_listeners["127.0.0.1:8080"];
    assert_eq!(
        *web,
        HttpListenerConfig { address: at("127.0.0.1:8080"), request_timeout: 3, ..http() },
        "parts of a second count as a whole one"
    );
    let any = &list.http_listeners["[::1]:32768"];
    assert_eq!(any.forwarded_headers(), ForwardedHeaders::Both);
    assert_eq!(list.tcp_listeners["127.0.0.1:9001"].front_timeout, 3600);
    assert_eq!(list.tcp_listeners.len(), 2);
}
