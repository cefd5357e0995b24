//! What a route changes, and what no route can.

use ringway_core::config::{HeaderEdits, PathMatch, Rewrite};

use super::*;

type Lines<'a> = &'a [(&'a str, &'a str)];

fn edits(remove: &[&str], set: Lines<'_>, append: Lines<'_>) -> HeaderEdits {
    let lines = |lines: Lines<'_>| lines.iter().map(|&(name, value)| (name.into(), value.into())).collect();
    HeaderEdits {
        remove: remove.iter().map(|&name| name.into()).collect(),
        set: lines(set),
        append: lines(append),
    }
}

fn of_requests(request_headers: HeaderEdits) -> Rewrite {
    Rewrite { request_headers, ..Rewrite::default() }
}

/// What becomes of a GET under `/api`, but for our own fields.
fn changed(rewrite: &Rewrite, target: &str, lines: &str) -> String {
    let rules = RequestRules::new(rewrite, &PathMatch::Prefix("/api".into()));
    let head = format!("GET {target} HTTP/1.1\r\nHost: a:80\r\n{lines}\r\n");
    let out = rewritten_by(&head, rules.as_ref()).expect("accepted");
    out.replace(OURS, "")
}

#[test]
fn fields_are_removed_then_set_then_appended() {
    let rewrite = of_requests(edits(
        &["x-gone", "X-Both"],
        &[("X-Set", "first"), ("X-Both", "new"), ("x-set", "last")],
        &[("X-More", "1"), ("X-More", "2"), ("X-Set", "appended")],
    ));
    assert_eq!(
        changed(
            &rewrite,
            "/",
            "X-GONE: 1\r\nKept: 1\r\nx-both: old\r\nX-Set: old\r\nX-More: 0\r\nx-gone: 2\r\n"
        ),
        "GET / HTTP/1.1\r\nHost: a:80\r\nKept: 1\r\nX-More: 0\r\nX-Forwarded-Host: a:80\r\n\
         X-Both: new\r\nx-set: last\r\nX-More: 1\r\nX-More: 2\r\nX-Set: appended\r\n\r\n"
    );
}

#[test]
fn a_matched_prefix_is_replaced_in_every_form_of_target() {
    let rewrite = Rewrite { replace_prefix: Some("/v2".into()), ..Rewrite::default() };
    for (target, line) in [
        ("/api/x?y=/api", "GET /v2/x?y=/api HTTP/1.1"),
        ("/api//x", "GET /v2/x HTTP/1.1"),
        ("http://a/api?b", "GET /v2?b HTTP/1.1"),
        ("http://a", "GET / HTTP/1.1"),
        ("/other", "GET /other HTTP/1.1"),
    ] {
        let out = changed(&rewrite, target, "");
        assert_eq!(out, format!("{line}\r\nHost: a:80\r\nX-Forwarded-Host: a:80\r\n\r\n"), "{target}");
    }
    let rules = RequestRules::new(&rewrite, &PathMatch::Prefix("/".into()));
    let out = rewritten_by("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", rules.as_ref()).expect("accepted");
    assert!(out.starts_with("OPTIONS * HTTP/1.1\r\n"), "{out}");
    for path in [PathMatch::Exact("/api".into()), PathMatch::Regex("/api".into())] {
        assert_eq!(RequestRules::new(&rewrite, &path), None, "there is no matched prefix to replace");
    }
}

#[test]
fn a_host_is_replaced_and_the_one_asked_for_is_told() {
    let rewrite = Rewrite { host: Some("b.internal:81".into()), ..Rewrite::default() };
    assert_eq!(
        changed(&rewrite, "/", "A: b\r\n"),
        "GET / HTTP/1.1\r\nA: b\r\nHost: b.internal:81\r\nX-Forwarded-Host: a:80\r\n\r\n"
    );
    let rules = RequestRules::new(&rewrite, &PathMatch::Prefix("/".into()));
    let out = rewritten_by("GET / HTTP/1.0\r\n\r\n", rules.as_ref()).expect("accepted");
    assert_eq!(out, format!("GET / HTTP/1.1\r\nHost: b.internal:81\r\n{OURS}\r\n"));
}

#[test]
fn connect_keeps_its_target_and_host() {
    let mut rewrite = of_requests(edits(&["x"], &[("Y", "1")], &[]));
    rewrite.host = Some("b".into());
    rewrite.replace_prefix = Some("/v2".into());
    let rules = RequestRules::new(&rewrite, &PathMatch::Prefix("/".into()));
    for version in ["1.1", "1.0"] {
        let head = format!("CONNECT a:1 HTTP/{version}\r\nHost: a:1\r\nX: 1\r\n\r\n");
        let out = rewritten_by(&head, rules.as_ref()).expect("accepted");
        assert_eq!(
            out,
            format!("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n{OURS}X-Forwarded-Host: a:1\r\nY: 1\r\n\r\n"),
            "HTTP/{version}"
        );
    }
}

#[test]
fn framing_and_connection_fields_are_out_of_reach_of_rules() {
    let all =
        ["content-length", "transfer-encoding", "host", "connection", "te", "upgrade", "x-forwarded-for"];
    let set = all.map(|name| (name, "evil"));
    let rewrite = of_requests(edits(&all, &set, &set));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    let rules = RequestRules::new(&rewrite, &PathMatch::Prefix("/".into()));
    assert_eq!(rewritten_by(head, rules.as_ref()), rewritten(head));
    let rules =
        ResponseRules::new(&Rewrite { response_headers: edits(&all, &set, &set), ..Rewrite::default() });
    let (out, _) = sent_by("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", rules.as_ref());
    assert_eq!(out, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
}

fn sent_by(head: &str, rules: Option<&ResponseRules>) -> (String, ResponseRewrite) {
    let mut out = Vec::new();
    let rewrite =
        with_response(head.as_bytes(), Method::Get, |parsed| response(parsed, KEPT, rules, None, &mut out));
    (String::from_utf8(out).expect("ASCII"), rewrite.expect("accepted"))
}

#[test]
fn an_answer_is_changed_and_always_written() {
    let rewrite = Rewrite {
        response_headers: edits(
            &["server"],
            &[("Strict-Transport-Security", "max-age=1")],
            &[("Via", "ringway")],
        ),
        ..Rewrite::default()
    };
    let rules = ResponseRules::new(&rewrite);
    let (out, rewrite) = sent_by(
        "HTTP/1.0 200 OK\r\nServer: x\r\nstrict-transport-security: y\r\nVia: a\r\nKeep-Alive: 1\r\n\r\n",
        rules.as_ref(),
    );
    assert_eq!(
        out,
        "HTTP/1.1 200 OK\r\nVia: a\r\nConnection: close\r\nStrict-Transport-Security: max-age=1\r\nVia: ringway\r\n\r\n"
    );
    assert_eq!((rewrite.head, rewrite.keep_alive), (HeadOut::Written, false));
    let (_, rewrite) = sent_by("HTTP/1.1 204 No Content\r\n\r\n", rules.as_ref());
    assert_eq!(rewrite.head, HeadOut::Written);
    let (_, rewrite) = sent_by("HTTP/1.1 103 Early Hints\r\nServer: x\r\n\r\n", rules.as_ref());
    assert_eq!(rewrite.head, HeadOut::Untouched, "an interim answer is not the answer");
}

#[test]
fn a_route_without_changes_has_no_rules() {
    assert_eq!(RequestRules::new(&Rewrite::default(), &PathMatch::Prefix("/".into())), None);
    assert_eq!(ResponseRules::new(&Rewrite::default()), None);
}

proptest! {
    #[test]
    fn no_rules_change_how_a_request_is_framed(
        head in request_head(),
        remove in prop::collection::vec("(x-a|accept|host|content-length|[a-z-]{1,6})", 0..3),
        set in prop::collection::vec(("([A-Za-z-]{1,8}|Transfer-Encoding|connection)", "[ -~]{0,8}"), 0..3),
        prefix in prop::option::of("/{1,2}[a-z]{0,2}/?"), host in prop::option::of("[a-z]{1,4}"),
    ) {
        let lines: Vec<(&str, &str)> = set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let names: Vec<&str> = remove.iter().map(String::as_str).collect();
        let rewrite = Rewrite {
            request_headers: edits(&names, &lines, &lines),
            replace_prefix: prefix.map(|prefix| prefix.as_str().into()),
            host: host.as_deref().map(Into::into),
            ..Rewrite::default()
        };
        let rules = RequestRules::new(&rewrite, &PathMatch::Prefix("/a".into()));
        if let Some(out) = rewritten_by(&head, rules.as_ref()) {
            let facts = |head: &str| with_request(head.as_bytes(), |parsed| {
                (parsed.method.as_bytes().to_vec(), parsed.body, parsed.expect_continue)
            });
            prop_assert_eq!(facts(&head), facts(&out), "{:?}", out);
            let asked = with_request(out.as_bytes(), |parsed| parsed.authority.map(|authority| authority.bytes.to_vec()));
            if let Some(host) = host {
                prop_assert_eq!(asked, Some(Some(host.into_bytes())), "{:?}", out);
            }
        }
    }
}
