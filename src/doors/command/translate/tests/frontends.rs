//! Frontends for HTTP and TCP.

use super::*;

fn frontend(cluster: Option<&str>) -> RequestHttpFrontend {
    RequestHttpFrontend {
        cluster_id: cluster.map(str::to_owned),
        address: at("127.0.0.1:8080"),
        hostname: "a.example".to_owned(),
        position: RulePosition::Tree.into(),
        ..RequestHttpFrontend::default()
    }
}

fn add(frontend: RequestHttpFrontend) -> RequestType {
    RequestType::AddHttpFrontend(Box::new(frontend))
}

fn header(position: HeaderPosition, key: &str, val: &str) -> Header {
    Header { position: position.into(), key: key.to_owned(), val: val.to_owned() }
}

fn whole() -> RequestHttpFrontend {
    RequestHttpFrontend {
        path: PathRule { kind: PathRuleKind::Equals.into(), value: "/x".to_owned() },
        method: Some("GET".to_owned()),
        rewrite_host: Some("inside.example".to_owned()),
        headers: vec![
            header(HeaderPosition::Request, "x-old", ""),
            header(HeaderPosition::Request, "x-new", "1"),
            header(HeaderPosition::Response, "x-back", "2"),
        ],
        header_predicates: vec![
            HeaderPredicate { name: "a".to_owned(), kind: 0, value: Some("v".to_owned()) },
            HeaderPredicate { name: "b".to_owned(), kind: 1, value: Some("v.*".to_owned()) },
            HeaderPredicate { name: "c".to_owned(), kind: 2, value: None },
        ],
        ..frontend(Some("known"))
    }
}

#[test]
fn requests_are_forwarded_to_their_cluster() {
    let tagged = RequestHttpFrontend {
        tags: [("team".to_owned(), "a".to_owned())].into_iter().collect(),
        ..frontend(Some("known"))
    };
    assert_eq!(
        changes(add(tagged)),
        json!([{ "change": "frontend_add", "cluster": "known", "set":
            { "listeners": ["web"], "hostname": "a.example" } }])
    );
    let request = RequestType::AddHttpFrontendWithHeaderPredicates(Box::new(whole()));
    assert_eq!(
        changes(request),
        json!([{ "change": "frontend_add", "cluster": "known", "set": {
            "listeners": ["web"],
            "hostname": "a.example",
            "path": "/x",
            "methods": ["GET"],
            "headers": [
                { "name": "a", "equals": "v" }, { "name": "b", "regex": "v.*" }, { "name": "c", "present": true },
            ],
            "host": "inside.example",
            "request_headers": { "remove": ["x-old"], "set": { "x-new": "1" } },
            "response_headers": { "set": { "x-back": "2" } },
        } }])
    );
}

#[test]
fn a_frontend_is_removed_by_what_tells_it_from_others() {
    assert_eq!(
        changes(RequestType::RemoveHttpFrontend(Box::new(RequestHttpFrontend {
            hostname: "gone.example".to_owned(),
            header_predicates: vec![],
            ..whole()
        }))),
        json!([{ "change": "frontend_remove", "cluster": "known", "set":
            { "listeners": ["web"], "hostname": "gone.example", "path": "/x", "methods": ["GET"] } }])
    );
}

#[test]
fn requests_without_a_cluster_are_denied_or_sent_elsewhere() {
    let denied = json!([{ "change": "route_add", "set":
        { "listeners": ["web"], "hostname": "a.example", "respond": { "status": 401 } } }]);
    assert_eq!(changes(add(frontend(None))), denied);
    let unauthorized = RequestHttpFrontend {
        redirect: Some(RedirectPolicy::Unauthorized.into()),
        ..frontend(Some("known"))
    };
    assert_eq!(changes(add(unauthorized)), denied);
    assert_eq!(
        changes(RequestType::RemoveHttpFrontend(Box::new(RequestHttpFrontend {
            hostname: "gone.example".to_owned(),
            ..frontend(None)
        }))),
        json!([{ "change": "route_remove", "set": { "listeners": ["web"], "hostname": "gone.example" } }])
    );
    for (policy, scheme, status, location) in [
        (RedirectPolicy::Permanent, None, 301, "http://{host}:8080{path}{query}"),
        (RedirectPolicy::Found, Some(RedirectScheme::Http), 302, "http://{host}{path}{query}"),
        (RedirectPolicy::PermanentRedirect, Some(RedirectScheme::Https), 308, "https://{host}{path}{query}"),
    ] {
        let redirected = RequestHttpFrontend {
            redirect: Some(policy.into()),
            redirect_scheme: scheme.map(i32::from),
            ..frontend(None)
        };
        let set = &changes(add(redirected))[0]["set"];
        assert_eq!((&set["redirect"], &set["redirect_status"]), (&location.into(), &status.into()));
    }
}

#[test]
fn what_a_frontend_can_not_be_is_refused_by_name() {
    refused_by_name(
        &frontend(Some("known")),
        &[
            ("cluster_id", |front| front.cluster_id = Some(String::new())),
            ("address", |front| front.address = SocketAddress::default()),
            ("address", |front| front.address = at("127.0.0.1:1")),
            ("address", |front| front.address = at("127.0.0.1:9000")),
            ("path", |front| front.path.kind = 3),
            ("position", |front| front.position = 0),
            ("position", |front| front.position = 1),
            ("redirect", |front| front.redirect = Some(RedirectPolicy::SilentClose.into())),
            ("redirect", |front| front.redirect = Some(6)),
            ("required_auth", |front| front.required_auth = Some(true)),
            ("redirect_scheme", |front| front.redirect_scheme = Some(2)),
            ("redirect_template", |front| front.redirect_template = Some("x".to_owned())),
            ("rewrite_host", |front| front.rewrite_host = Some("$HOST[1]".to_owned())),
            ("rewrite_path", |front| front.rewrite_path = Some("$PATH[1]".to_owned())),
            ("rewrite_path", |front| front.rewrite_path = Some("/x".to_owned())),
            ("rewrite_port", |front| front.rewrite_port = Some(1)),
            ("headers", |front| front.headers = vec![header(HeaderPosition::Unspecified, "a", "b")]),
            ("headers", |front| front.headers = vec![header(HeaderPosition::Both, "a", "b"); 2]),
            ("hsts", |front| front.hsts = Some(HstsConfig { enabled: Some(true), ..HstsConfig::default() })),
            ("header_predicates", |front| front.header_predicates = vec![HeaderPredicate::default()]),
        ],
        add,
    );
}

#[test]
fn frontends_and_routes_come_back_as_they_went() {
    let redirected = RequestHttpFrontend {
        redirect: Some(RedirectPolicy::Permanent.into()),
        redirect_scheme: Some(RedirectScheme::Https.into()),
        rewrite_port: Some(8443),
        ..frontend(None)
    };
    let elsewhere = RequestHttpFrontend {
        rewrite_host: Some("b.example".to_owned()),
        rewrite_path: Some("/gone".to_owned()),
        ..redirected.clone()
    };
    let denied =
        RequestHttpFrontend { redirect: Some(RedirectPolicy::Unauthorized.into()), ..frontend(None) };
    for mut sent in [frontend(Some("known")), whole(), redirected, elsewhere, denied] {
        let changes = changes(add(sent.clone()));
        let keys = changes[0]["set"].as_object().expect("keys");
        let back = frontend_list::to_wire(sent.cluster_id.as_deref(), keys, &listeners());
        if sent.path.value.is_empty() {
            sent.path.value = "/".to_owned();
        }
        assert_eq!(back, Some(vec![sent]));
    }
}

#[test]
fn the_list_says_what_the_protocol_can_not() {
    run(async {
        let frontends = vec![
            keys(json!({ "cluster": "known" }), json!({ "listeners": ["web"] })),
            keys(json!({ "cluster": "known" }), json!({ "query": [{ "name": "a", "present": true }] })),
            keys(json!({ "split": { "known": 1 } }), json!({})),
        ];
        let desk = Desk::new(move |verb| match verb {
            Verb::Listeners => Ok(Answer::Listeners { listeners: listeners() }),
            _ => Ok(Answer::Frontends { frontends: frontends.clone() }),
        });
        let all = RequestType::ListFrontends(FrontendFilters::default());
        let reply = answer(all, &desk.hub, &actor()).await.expect("a list");
        assert!(reply.message.starts_with("2 frontends and routes have more to them"), "{}", reply.message);
        let Some(ContentType::FrontendList(list)) = reply.content else { panic!("no list") };
        assert_eq!((list.http_frontends.len(), list.tcp_frontends.len()), (1, 1));
        assert_eq!(
            (list.http_frontends[0].hostname.as_str(), list.tcp_frontends[0].cluster_id.as_str()),
            ("*", "sql")
        );
        let tcp =
            FrontendFilters { tcp: true, cluster_id: Some("other".to_owned()), ..FrontendFilters::default() };
        let reply = answer(RequestType::ListFrontends(tcp), &desk.hub, &actor()).await.expect("a list");
        assert_eq!(reply.content, Some(ContentType::FrontendList(ListedFrontends::default())));
    });
}

#[test]
fn a_tcp_frontend_is_the_cluster_of_its_listener() {
    let front = |cluster: &str, address: &str| RequestTcpFrontend {
        cluster_id: cluster.to_owned(),
        address: at(address),
        ..RequestTcpFrontend::default()
    };
    assert_eq!(
        changes(RequestType::AddTcpFrontend(front("known", "127.0.0.1:9000"))),
        json!([{ "change": "listener_update", "listener": "db", "set": { "cluster": "known" } }])
    );
    assert_eq!(
        changes(RequestType::RemoveTcpFrontend(front("sql", "127.0.0.1:9001"))),
        json!([{ "change": "listener_update", "listener": "sql", "set": { "cluster": null } }])
    );
    let taken = refusal(RequestType::AddTcpFrontend(front("known", "127.0.0.1:9001")));
    assert_eq!((taken.code, taken.field.as_deref()), (ErrorCode::Exists, Some("address")));
    let other = refusal(RequestType::RemoveTcpFrontend(front("known", "127.0.0.1:9001")));
    assert_eq!((other.code, other.field.as_deref()), (ErrorCode::NotFound, Some("cluster_id")));
    refused_by_name(
        &front("known", "127.0.0.1:9000"),
        &[
            ("address", |front| front.address = at("127.0.0.1:8080")),
            ("sni", |front| front.sni = Some("x".to_owned())),
            ("alpn", |front| front.alpn.push("h2".to_owned())),
        ],
        RequestType::AddTcpFrontend,
    );
}
