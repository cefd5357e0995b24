//! What rules, routes and listeners of the wrong kind are told.

use super::*;

/// What a file with these parts is told, without the places. There are the listeners `web` (HTTP) and `db` (TCP), and the
/// clusters `blue` and `green`.
fn told(listener: &str, frontend: &str, routes: &str) -> Vec<String> {
    let backends = r#"backends = [{ address = "10.0.0.1:80" }]"#;
    let text = format!(
        r#"
        listeners = [
            {{ name = "web", address = "0.0.0.0:80", {listener} }},
            {{ name = "db", address = "0.0.0.0:81", protocol = "tcp", cluster = "green" }},
        ]
        routes = [{routes}]
        clusters.blue = {{ frontends = [{{ {frontend} }}], {backends} }}
        clusters.green = {{ {backends} }}
        "#
    );
    let problems = problems(&text);
    problems.iter().map(|line| line.splitn(4, ':').nth(3).expect("a place").trim().to_owned()).collect()
}

fn of_listener(listener: &str) -> Vec<String> {
    told(listener, "", "")
}

fn of_frontend(frontend: &str) -> Vec<String> {
    told("", frontend, "")
}

fn of_route(route: &str) -> Vec<String> {
    told("", "", &format!("{{ hostname = \"r\", {route} }}"))
}

/// Each text gives one line, which holds the piece.
fn assert_told(of: impl Fn(&str) -> Vec<String>, cases: &[(&str, &str)]) {
    for (text, piece) in cases {
        let told = of(text);
        assert!(told.len() == 1 && told[0].contains(piece), "{text}: {told:#?}");
    }
}

#[test]
fn the_templates_are_valid() {
    assert_eq!(told("", "", ""), [""; 0]);
    assert_eq!(of_route("cluster = \"green\""), [""; 0]);
}

#[test]
fn proxies_must_be_named_before_they_are_believed() {
    assert_told(
        of_listener,
        &[
            (
                "proxy_protocol = true",
                "listeners[0].proxy_protocol: nobody is trusted to send the PROXY protocol header; name the proxies in \
                 `trusted_proxies`; [\"0.0.0.0/0\", \"::/0\"] trusts anybody",
            ),
            (r#"trusted_proxies = ["10.0.0.0/33"]"#, "trusted_proxies[0]: \"10.0.0.0/33\" is neither"),
            (r#"trusted_proxies = ["10.0.0.1/8"]"#, r#"write "10.0.0.0/8", or the address alone"#),
            (r#"proxy_protocol = true, trusted_proxies = ["lb"]"#, "trusted_proxies[0]: \"lb\" is neither"),
        ],
    );
    assert_eq!(of_listener(r#"proxy_protocol = true, trusted_proxies = ["0.0.0.0/0", "::/0"]"#), [""; 0]);
}

#[test]
fn upgrades_are_names_of_protocols_that_do_not_hide_requests() {
    assert_told(
        of_listener,
        &[
            (r#"upgrades = ["h2c"]"#, "an upgrade to h2c hides requests from the rules"),
            (r#"upgrades = ["a-protocol-of-more-than-32-bytes.."]"#, "34 bytes are too long, at most 32"),
            (r#"upgrades = ["web socket"]"#, "' ' can not be in a protocol"),
            (r#"upgrades = ["a", "A"]"#, "upgrades[1]: \"a\" is listed twice"),
        ],
    );
    assert_eq!(of_listener("upgrades = []"), [""; 0]);
}

#[test]
fn a_listener_has_a_cluster_exactly_if_it_speaks_tcp() {
    let tcp = |rest: &str| format!(r#"protocol = "tcp", cluster = "blue", {rest}"#);
    assert_told(
        of_listener,
        &[
            (r#"cluster = "blue""#, "listeners[0].cluster: only a listener with `protocol = \"tcp\"`"),
            (r#"protocol = "tcp""#, "listeners[0]: a listener with `protocol = \"tcp\"` needs a cluster"),
            (r#"protocol = "tcp", cluster = "bleu""#, "there is no cluster \"bleu\"; did you mean \"blue\"?"),
            (
                &tcp("allow_connect = false"),
                "listeners[0].allow_connect: means nothing on a listener that speaks tcp",
            ),
            (&tcp("limits = {}"), "listeners[0].limits: means nothing"),
            (
                &tcp(r#"timeouts = { tunnel = "1s", total = "1s" }"#),
                "listeners[0].timeouts.total: means nothing",
            ),
        ],
    );
    assert_told(
        of_frontend,
        &[(
            r#"listeners = ["db"]"#,
            "listener \"db\" speaks tcp: there is no request to look at; its own `cluster`",
        )],
    );
    assert_told(
        of_route,
        &[(r#"cluster = "blue", listeners = ["db"]"#, "routes[0].listeners[0]: listener \"db\"")],
    );
}

#[test]
fn a_path_is_matched_in_one_way() {
    assert_told(
        of_frontend,
        &[
            (r#"path = "/a", path_prefix = "/b""#, "path_prefix: `path_prefix` can not stand beside `path`"),
            (r#"path_prefix = "/b", path_regex = "/c""#, "path_regex: `path_regex` can not stand beside"),
            (r#"path = "a""#, "path: \"a\" does not start with /"),
            (r#"path_regex = "/(""#, "path_regex: not a regular expression: unclosed group"),
            (r#"path_regex = '(\w{100}){1000}'"#, "path_regex: the compiled pattern is larger"),
        ],
    );
}

#[test]
fn methods_have_a_case() {
    assert_told(
        of_frontend,
        &[
            (r#"methods = ["get"]"#, "methods have a case: write \"GET\""),
            (r#"methods = ["GET", "GET"]"#, "methods[1]: \"GET\" is listed twice"),
            (r#"methods = ["G T"]"#, "' ' can not be in a method"),
        ],
    );
    let many: Vec<_> = (0..17).map(|n| format!("M{n}")).collect();
    assert_told(of_frontend, &[(&format!("methods = {many:?}"), "methods[16]: more than 16 methods")]);
    assert_eq!(of_frontend(r#"methods = ["PURGE", "x-lower"]"#), [""; 0]);
}

#[test]
fn a_test_is_of_one_kind() {
    let headers = |test: &str| of_frontend(&format!("headers = [{{ {test} }}]"));
    assert_told(
        headers,
        &[
            (r#"name = "a""#, "headers[0]: exactly one of `equals`, `prefix`, `regex`, `present` is needed"),
            (
                r#"name = "a", equals = "", present = true"#,
                "present: `present` can not stand beside `equals`",
            ),
            (r#"equals = "x""#, "headers[0].name: required key is missing"),
            (r#"name = "a b", equals = "x""#, "headers[0].name: ' ' can not be in the name"),
            (r#"name = "Host", equals = "x""#, "use `hostname`"),
            (r#"name = "a", equals = "x\u0007""#, "can not hold"),
            (r#"name = "a", regex = "[""#, "regex: not a regular expression"),
            (r#"name = "a", present = 1"#, "expected a boolean, found the integer 1"),
            (
                r#"name = "a", present = true }, { name = "A", present = true"#,
                "the same test is listed twice",
            ),
        ],
    );
    let query = |test: &str| of_frontend(&format!("query = [{{ {test} }}]"));
    assert_told(
        query,
        &[
            (
                r#"name = "", present = true"#,
                "query[0].name: the name of a parameter needs at least one character",
            ),
            (r#"name = "a=b", present = true"#, "no parameter of a query has '='"),
            (r#"name = "a", equals = "x&y""#, "no parameter of a query has '&'"),
            (r#"name = "a", equals = "ü""#, "percent-encoded"),
        ],
    );
    let many = [r#"{ name = "a", present = true }"#; 9].join(", ");
    let told = of_frontend(&format!("query = [{many}]"));
    assert!(told.iter().any(|line| line.contains("query[8]: more than 8 tests")), "{told:?}");
}

#[test]
fn fields_that_govern_framing_or_forwarding_are_not_changed() {
    let request = |edits: &str| of_frontend(&format!("request_headers = {{ {edits} }}"));
    assert_told(
        request,
        &[
            (
                r#"remove = ["Content-Length"]"#,
                "request_headers.remove[0]: \"Content-Length\" governs framing",
            ),
            (r#"set = { Transfer-Encoding = "x" }"#, "request_headers.set.Transfer-Encoding: "),
            (r#"append = { connection = "x" }"#, "governs framing"),
            (r#"set = { Host = "x" }"#, "use `host`"),
            (r#"set = { X-Forwarded-For = "x" }"#, "tells what [listeners.forwarding] rules; set it there"),
            (r#"remove = ["x-request-id"]"#, "tells what [listeners.forwarding] rules; set it there"),
            (r#"set = { "a b" = "x" }"#, "' ' can not be in the name of a header field"),
            (r#"set = { a = "x\r\ny: z" }"#, "request_headers.set.a: a header field can not hold '\\r'"),
            (r#"set = { a = " x" }"#, "spaces at the ends"),
            (r#"set = { a = 1 }"#, "request_headers.set.a: expected a string, found the integer 1"),
            (r#"set = { A = "x", a = "y" }"#, "request_headers.set.a: \"a\" is listed twice"),
            (r#"remove = ["A", "a"]"#, "request_headers.remove[1]: \"a\" is listed twice"),
        ],
    );
    let response = |edits: &str| of_frontend(&format!("response_headers = {{ {edits} }}"));
    assert_told(
        response,
        &[
            (r#"set = { Upgrade = "x" }"#, "response_headers.set.Upgrade: "),
            (r#"remove = ["Forwarded"]"#, "tells what [listeners.forwarding] rules"),
        ],
    );
    assert_eq!(response(r#"set = { X-Request-Id = "x", Server = "", X-Ort = "Zürich" }"#), [""; 0]);
    assert_eq!(request(r#"remove = ["X-Forwarded-Prefix"], append = { Via = "1.1 a" }"#), [""; 0]);
}

#[test]
fn only_a_prefix_can_be_replaced() {
    assert_told(
        of_frontend,
        &[
            (r#"path = "/a", strip_prefix = true"#, "strip_prefix: there is no prefix to change"),
            (r#"path_regex = "/a", replace_prefix = "/""#, "match with `path_prefix`"),
            (
                r#"strip_prefix = true, replace_prefix = "/x""#,
                "`replace_prefix` can not stand beside `strip_prefix`",
            ),
            (r#"replace_prefix = "x""#, "does not start with /"),
            (r#"host = "*.a""#, "backends are asked for one host"),
            (r#"host = "a:0""#, "\"0\" is not a port"),
            (r#"host = "a b""#, "is not a label"),
        ],
    );
    for host in ["a.example", "a.example:80", "10.0.0.1:80", "[::1]", "[::1]:80"] {
        assert_eq!(of_frontend(&format!("host = {host:?}")), [""; 0]);
    }
}

#[test]
fn a_route_has_one_action_with_existing_clusters() {
    assert_told(
        of_route,
        &[
            ("", "routes[0]: exactly one of `cluster`, `split`, `redirect`, `respond` is needed"),
            (r#"cluster = "blue", redirect = "/x""#, "redirect: `redirect` can not stand beside `cluster`"),
            (
                r#"cluster = "gren""#,
                "routes[0].cluster: there is no cluster \"gren\"; did you mean \"green\"?",
            ),
            (r#"cluster = "red""#, "there is no cluster \"red\"; clusters: blue, green"),
            (r#"split = { blue = 1, grene = 2 }"#, "routes[0].split.grene: there is no cluster"),
            (r#"split = { blue = 0, green = 0 }"#, "routes[0].split: no cluster has a weight"),
            ("split = {}", "routes[0].split: no cluster has a weight"),
            (r#"split = { blue = 10001 }"#, "routes[0].split.blue: 10001 is out of range, 0 to 10000"),
            (r#"split = { blue = "9" }"#, "write 9 without quotes"),
            (r#"cluster = "blue", redirect_status = 301"#, "there is no `redirect` that it is for"),
            (
                r#"redirect = "/x", redirect_status = 300"#,
                "300 is not among the valid values; valid values: 301",
            ),
            (r#"redirect = "/x", redirect_status = "301""#, "write 301 without quotes"),
            (r#"redirect = "/x", host = "a""#, "routes[0].host: no backend gets the request"),
        ],
    );
}

/// A path may begin with `//`, which a client takes for another host.
#[test]
fn a_redirect_leads_where_the_operator_says() {
    let redirect = |to: &str| of_route(&format!("redirect = {to:?}"));
    for to in ["https://{host}{path}{query}", "http://[::1]:80/x", "/new{path}{query}", "/", "/{query}"] {
        assert_eq!(redirect(to), [""; 0], "{to}");
    }
    for to in [
        "",
        "{path}",
        "/{path}",
        "//{host}",
        "https://",
        "https:///x",
        "https://{path}",
        "ftp://a",
        "x",
        "/\\a",
    ] {
        assert_told(redirect, &[(to, "does not say where; begin with")]);
    }
    assert_told(
        redirect,
        &[
            ("https://{hots}/", "unknown placeholder \"{hots}\"; use {host}, {path} or {query}"),
            ("https://a/{", "unknown placeholder \"{\""),
            ("https://a/}", "unknown placeholder \"}\""),
            ("https://a/ b", "a URL does not have ' '"),
            ("https://bücher/", "a URL does not have 'ü'"),
        ],
    );
}

#[test]
fn an_answer_of_a_route_is_whole() {
    let respond = |respond: &str| of_route(&format!("respond = {{ {respond} }}"));
    assert_told(
        respond,
        &[
            ("", "routes[0].respond.status: required key is missing"),
            ("status = 100", "100 is out of range, 200 to 599"),
            (r#"status = 200, body = "x", file = "y""#, "`file` can not stand beside `body`"),
            (r#"status = 204, body = "x""#, "respond.body: an answer with status 204 has no body"),
            (r#"status = 304, file = "x""#, "respond.file: an answer with status 304 has no body"),
            (r#"status = 200, content_type = "a\nb""#, "can not hold"),
            (r#"status = 200, file = """#, "needs at least one character"),
        ],
    );
    assert_eq!(respond("status = 204"), [""; 0]);
    let body = |length: usize| respond(&format!("status = 200, body = \"{}\"", "a".repeat(length)));
    assert_eq!(body(16 * 1024), [""; 0]);
    assert!(body(16 * 1024 + 1)[0].contains("name that with `file`"));
}

#[test]
fn each_status_has_one_text() {
    let told = |answers: &str| {
        let text = format!("answers = [{answers}]\n{}", FULL.split("[[answers]]").next().expect("a part"));
        problems(&text)
    };
    assert_eq!(told(r#"{ status = 503, html = "a" }, { status = 502, json = "a" }"#), [""; 0]);
    for (answers, piece) in [
        (
            r#"{ status = 503, html = "a" }, { status = 503, html = "b" }"#,
            "answers[0].status (line 1) already is",
        ),
        ("{ status = 503 }", "answers[0]: at least one of `html` and `json` is needed"),
        (r#"{ status = 200, html = "a" }"#, "200 is not among the valid values; valid values: 400, 404"),
        (r#"{ html = "a" }"#, "answers[0].status: required key is missing; expected `400`"),
    ] {
        let told = told(answers);
        assert!(told.len() == 1 && told[0].contains(piece), "{answers}: {told:#?}");
    }
}

#[test]
fn rules_collide_across_frontends_and_routes_whatever_the_order_of_their_tests() {
    let collide = |frontend: &str, route: &str| {
        let told = told("", frontend, &format!("{{ cluster = \"green\", {route} }}"));
        assert!(told.len() <= 1, "{told:#?}");
        assert!(
            told.iter()
                .all(|line| line.contains("routes[0]: clusters.blue.frontends[0] (line 7) already has"))
        );
        !told.is_empty()
    };
    assert!(collide("", ""));
    assert!(collide(r#"methods = ["GET", "PUT"]"#, r#"methods = ["PUT", "GET"], listeners = ["web"]"#));
    let (a, b) = (r#"{ name = "A", present = true }"#, r#"{ name = "b", equals = "x" }"#);
    assert!(collide(&format!("headers = [{a}, {b}]"), &format!("headers = [{b}, {a}]")));
    assert!(collide(r#"path_regex = "/x.*""#, r#"path_regex = "/x.*""#));
    assert!(collide(r#"path_prefix = "/x/""#, r#"path_prefix = "/x""#), "whole segments either way");
    assert!(!collide("", r#"methods = ["GET"]"#));
    assert!(!collide("", &format!("headers = [{a}]")));
    assert!(!collide(&format!("query = [{b}]"), &format!("headers = [{b}]")));
    assert!(!collide(r#"path = "/x""#, r#"path_prefix = "/x""#));
    assert!(!collide(r#"hostname = "a.example.com""#, r#"hostname = "*.example.com""#));
}

#[test]
fn a_refused_part_of_a_match_does_not_make_it_collide() {
    let told = told("", "", r#"{ cluster = "green", methods = ["g t"] }"#);
    assert!(told.len() == 1 && told[0].contains("can not be in a method"), "{told:#?}");
}
