//! What clusters are told about balancing, stickiness, checks and limits.

use super::*;

/// What a file with these parts of a cluster is told, without the places. Its backends are `one`, and `local` behind a UNIX
/// socket if `cluster` does not have its own.
fn told(listener: &str, cluster: &str) -> Vec<String> {
    let backends = if cluster.contains("backends = [") {
        String::new()
    } else {
        r#"backends = [{ id = "one", address = "10.0.0.1:80" }, { id = "local", address = "unix:/s" }]"#
            .to_owned()
    };
    let text = format!(
        "listeners = [{{ name = \"web\", address = \"0.0.0.0:80\", {listener} }}]\n\
         [clusters.c]\nfrontends = [{{}}]\n{cluster}\n{backends}"
    );
    let problems = problems(&text);
    problems.iter().map(|line| line.splitn(4, ':').nth(3).expect("a place").trim().to_owned()).collect()
}

fn of_cluster(cluster: &str) -> Vec<String> {
    told("", cluster)
}

fn of_check(check: &str) -> Vec<String> {
    of_cluster(&format!("health_check = {{ {check} }}"))
}

fn of_sticky(sticky: &str) -> Vec<String> {
    of_cluster(&format!("sticky = {{ {sticky} }}"))
}

fn of_outliers(outliers: &str) -> Vec<String> {
    of_cluster(&format!("outlier_detection = {{ {outliers} }}"))
}

fn of_rate(rate: &str) -> Vec<String> {
    told(&format!("rate_limit = {{ {rate} }}"), "")
}

/// Each text gives one line, which holds the piece; no piece: it is valid.
fn assert_told(of: impl Fn(&str) -> Vec<String>, cases: &[(&str, &str)]) {
    for (text, piece) in cases {
        let told = of(text);
        match piece {
            &"" => assert_eq!(told, [""; 0], "{text}"),
            piece => assert!(told.len() == 1 && told[0].contains(piece), "{text}: {told:#?}"),
        }
    }
}

#[test]
fn an_empty_table_turns_a_feature_on_with_its_defaults() {
    let cluster = |tables: &str| {
        let text = format!(
            "listeners = [{{ name = \"a\", address = \"0.0.0.0:80\" }}]\n[clusters.c]\nfrontends = [{{}}]\n\
             backends = [{{ address = \"10.0.0.1:80\" }}]\n{tables}"
        );
        read(&text).clusters.remove(0)
    };
    let off = cluster("");
    assert_eq!((off.sticky, off.health_check, off.outlier_detection), (None, None, None));
    let on = cluster("[clusters.c.sticky]\n[clusters.c.health_check]\n[clusters.c.outlier_detection]\n");
    assert_eq!(on.sticky, Some(Sticky::default()));
    assert_eq!(on.health_check, Some(HealthCheck::default()));
    assert_eq!(on.outlier_detection, Some(OutlierDetection::default()));
}

#[test]
fn a_hash_key_says_what_and_whose() {
    assert_told(
        |key| of_cluster(&format!("hash_key = {key:?}")),
        &[
            ("source", ""),
            ("uri", ""),
            ("header:X-User", ""),
            ("cookie:Session", ""),
            ("header", "clusters.c.hash_key: \"header\" does not say which; write \"header:NAME\""),
            ("cookie:", "the name of a cookie needs at least one character"),
            ("header:", "the name of a header field needs at least one character"),
            ("header:a b", "' ' can not be in the name of a header field"),
            ("cookie:a;b", "';' can not be in the name of a cookie"),
            ("source:a", "\"source\" has no name behind it; write \"source\""),
            ("haeder:X", "unknown value \"haeder:X\"; did you mean \"header:NAME\"?"),
            ("soruce", "unknown value \"soruce\"; did you mean \"source\"?"),
            ("path", "valid values: \"source\", \"uri\", \"header:NAME\", \"cookie:NAME\""),
            ("", "unknown value \"\""),
        ],
    );
}

#[test]
fn the_name_of_a_header_has_no_case_and_that_of_a_cookie_has() {
    let key = |key: &str| {
        let text = FULL.replace("cookie:Session", key);
        read(&text).clusters.remove(0).hash_key
    };
    assert_eq!(key("header:X-User"), HashKey::Header("x-user".into()));
    assert_eq!(key("cookie:X-User"), HashKey::Cookie("X-User".into()));
}

#[test]
fn a_request_may_wait_no_time_or_minutes() {
    let wait = |wait: &str| of_cluster(&format!("queue_timeout = {wait:?}"));
    assert_told(
        wait,
        &[
            ("0s", ""),
            ("0ms", ""),
            ("5m", ""),
            ("301s", "\"301s\" is out of range, 0s to 5m"),
            ("0", "is not a duration"),
        ],
    );
}

#[test]
fn a_check_over_tcp_has_no_request() {
    let tcp = |rest: &str| of_check(&format!("protocol = \"tcp\", {rest}"));
    assert_told(
        tcp,
        &[
            (r#"interval = "1s", rise = 1"#, ""),
            (
                r#"path = "/""#,
                "clusters.c.health_check.path: means nothing to a check that only connects; remove it",
            ),
            (r#"statuses = "any""#, "health_check.statuses: means nothing"),
            ("headers = {}", "health_check.headers: means nothing"),
        ],
    );
    assert_eq!(tcp(r#"method = "GET", host = "a", body = "x""#).len(), 3);
}

#[test]
fn a_check_asks_what_can_be_asked() {
    assert_told(
        of_check,
        &[
            (r#"protocol = "grpc""#, "unknown value \"grpc\"; valid values: \"tcp\", \"http\", \"h2c\""),
            (r#"method = "get""#, "methods have a case: write \"GET\""),
            (r#"method = "CONNECT""#, "CONNECT asks for a tunnel"),
            (r#"method = "HEAD""#, ""),
            (r#"method = "HEAD", body = "ok""#, "health_check.body: the answer to HEAD has no body"),
            (r#"path = "health""#, "\"health\" does not start with /"),
            (r#"path = "/health?a=/b?c""#, ""),
            (r#"path = "/a b""#, "no path of a request has ' '"),
            (r#"path = "/a?b c""#, "no query of a request has ' '"),
            (r#"path = "/a?b#c""#, "no query of a request has '#'"),
            (r#"host = "*.example.com""#, "backends are asked for one host"),
            (r#"host = "a.example.com:x""#, "is not a port"),
            (r#"statuses = "2xx,404""#, ""),
            (r#"statuses = "2xx,6xx""#, "statuses: \"6xx\" is no status"),
            (r#"statuses = """#, "as in \"2xx,404\""),
            (r#"body = """#, "every body contains the empty text"),
            ("port = 0", "0 is out of range, 1 to 65535"),
            ("rise = 0", "0 is out of range, 1 to 100"),
        ],
    );
    let long = |length: usize| of_check(&format!("body = \"{}\"", "a".repeat(length)));
    assert_eq!(long(1024), [""; 0]);
    assert_eq!(long(1025).len(), 1);
    assert_eq!(of_check(&format!("path = \"/?{}\"", "a".repeat(1022))), [""; 0]);
    assert_eq!(of_check(&format!("path = \"/?{}\"", "a".repeat(1023))).len(), 1);
}

#[test]
fn fields_that_govern_the_connection_are_not_set_by_a_check() {
    let with = |name: &str| of_check(&format!("headers = {{ {name:?} = \"x\" }}"));
    for name in [
        "Connection",
        "Content-Length",
        "Transfer-Encoding",
        "TE",
        "Upgrade",
        "Keep-Alive",
        "Trailer",
        "Expect",
    ] {
        let told = with(name);
        assert!(told.len() == 1 && told[0].contains("governs framing or the connection"), "{told:?}");
    }
    assert_told(
        with,
        &[
            ("Host", "a check sets its own; use `host`"),
            ("X-Probe", ""),
            ("User-Agent", ""),
            ("a\nb", "can not be in"),
        ],
    );
    assert_told(
        of_check,
        &[
            (r#"headers = { a = "x\r\ny" }"#, "health_check.headers.a: a header field can not hold '\\r'"),
            (r#"headers = { a = "x", A = "y" }"#, "health_check.headers.A: \"a\" is listed twice"),
        ],
    );
    let many = |n: usize| (0..n).map(|n| format!("x{n} = \"\"")).collect::<Vec<_>>().join(", ");
    assert_eq!(of_check(&format!("headers = {{ {} }}", many(32))), [""; 0]);
    assert_eq!(of_check(&format!("headers = {{ {} }}", many(33))).len(), 1);
}

#[test]
fn a_probe_ends_before_the_next_one_begins() {
    assert_told(
        of_check,
        &[
            (r#"interval = "2s""#, ""),
            (r#"interval = "2s", timeout = "2s""#, ""),
            (
                r#"interval = "2s", timeout = "3s""#,
                "health_check.timeout: a probe would not end before the next one begins, 2s later; lower it, or raise `interval`",
            ),
            (r#"fast_interval = "1s", timeout = "2s""#, "1s later; lower it, or raise `fast_interval`"),
            (r#"fast_interval = "10s""#, ""),
            (r#"fast_interval = "11s""#, "health_check.fast_interval: longer than `interval`, which is 10s"),
            (r#"fast_interval = "11s", timeout = "12s""#, "health_check.fast_interval"),
            (r#"interval = "60", fast_interval = "30s", timeout = "20s""#, "\"60\" is not a duration"),
            (r#"interval = "99ms""#, "out of range, 100ms to 1h"),
        ],
    );
    let times = |times: &str| {
        let text = FULL.replace("interval = \"20s\"\nfast_interval = \"2s\"\ntimeout = \"1500ms\"", times);
        let check = read(&text).clusters.remove(0).health_check.expect("a check");
        [check.interval, check.fast_interval, check.timeout].map(|time| time.as_secs())
    };
    assert_eq!(times(""), [10, 10, 5]);
    assert_eq!(times("interval = \"2s\""), [2, 2, 2], "the timeout fits by itself");
    assert_eq!(times("interval = \"1m\"\nfast_interval = \"3s\""), [60, 3, 3]);
    assert_eq!(times("interval = \"1m\"\ntimeout = \"30s\""), [60, 60, 30]);
}

#[test]
fn a_port_is_not_asked_of_a_unix_socket() {
    assert_told(
        of_check,
        &[(
            "port = 8080",
            "clusters.c.health_check.port: backend \"local\" listens on a UNIX socket, which has no ports; \
             remove `port`, or put the backend into a cluster of its own",
        )],
    );
    let ip = "backends = [{ address = \"10.0.0.1:80\" }]\nhealth_check = { port = 8080 }";
    assert_eq!(of_cluster(ip), [""; 0]);
}

#[test]
fn a_backend_is_not_out_for_longer_than_the_longest_time() {
    assert_told(
        of_outliers,
        &[
            (r#"ejection_time = "1m", ejection_time_max = "1m""#, ""),
            (r#"ejection_time = "10m""#, ""),
            (
                r#"ejection_time = "1m", ejection_time_max = "59s""#,
                "outlier_detection.ejection_time_max: shorter than `ejection_time`, which is 1m; raise it, or lower `ejection_time`",
            ),
            (r#"ejection_time_max = "29s""#, "which is 30s"),
            ("ejected_max = 0", "0 is out of range, 1 to 100"),
            ("success_rate_backends = 1", "1 is out of range, 2 to 10000"),
            ("server_error = 1", "unknown key; did you mean \"server_errors\"?"),
        ],
    );
    let longest = |times: &str| {
        let text = FULL.replace("ejection_time = \"20s\"\nejection_time_max = \"2m\"", times);
        read(&text).clusters.remove(0).outlier_detection.expect("a detection").ejection_time_max.as_secs()
    };
    assert_eq!(longest("ejection_time = \"20s\""), 300);
    assert_eq!(longest("ejection_time = \"10m\""), 600);
}

#[test]
fn a_cookie_that_browsers_drop_is_refused() {
    assert_told(
        of_sticky,
        &[
            (r#"same_site = "none", secure = true"#, ""),
            (
                r#"same_site = "none""#,
                "sticky.same_site: browsers drop a cookie that is SameSite=None and not Secure; \
                 add `secure = true`, or use \"lax\"",
            ),
            (r#"cookie = "__Host-x", secure = true"#, ""),
            (r#"cookie = "__Host-x""#, "sticky.cookie: browsers drop \"__Host-x\" unless it is Secure"),
            (r#"cookie = "__secure-x""#, "because its name begins with \"__Secure-\"; add `secure = true`"),
            (r#"cookie = "a b""#, "' ' can not be in the name of a cookie"),
            (r#"cookie = "a=b""#, "'=' can not be in the name of a cookie"),
            (r#"cookie = """#, "the name of a cookie needs at least one character"),
            (
                r#"max_age = "1500ms""#,
                "sticky.max_age: Max-Age counts whole seconds; write it without milliseconds",
            ),
            (r#"max_age = "2000ms""#, ""),
            (r#"max_age = "0s""#, "\"0s\" is out of range, 1s to 9600h"),
            (r#"secret_file = """#, "the path of a file needs at least one character"),
            (r#"samesite = "lax""#, "unknown key; did you mean \"same_site\"?"),
        ],
    );
}

#[test]
fn clients_of_two_backends_are_not_kept_by_one_sticky_id() {
    let of = |one: &str, two: &str| {
        of_cluster(&format!(
            "backends = [{{ address = \"10.0.0.1:80\", {one} }}, {{ address = \"10.0.0.2:80\", {two} }}]"
        ))
    };
    let told = "clients of another backend of the cluster are already kept by \"x\"; give each backend a `sticky_id` of its own";
    for (one, two, at) in [
        (r#"sticky_id = "x""#, r#"sticky_id = "x""#, "clusters.c.backends[1].sticky_id"),
        (r#"id = "x""#, r#"sticky_id = "x""#, "clusters.c.backends[1].sticky_id"),
        (r#"sticky_id = "x""#, r#"id = "x""#, "clusters.c.backends[1].id"),
    ] {
        assert_eq!(of(one, two), [format!("{at}: {told}")]);
    }
    assert_eq!(of(r#"id = "x", sticky_id = "y""#, r#"id = "y", sticky_id = "x""#), [""; 0]);
    let twice = of(r#"id = "x""#, r#"id = "x""#);
    assert!(twice.len() == 1 && twice[0].contains("already named"), "{twice:?}");
    assert_eq!(of("", r#"sticky_id = "a b""#).len(), 1);
}

#[test]
fn a_rate_limit_has_a_rate() {
    assert_told(
        of_rate,
        &[
            ("rate = 10", ""),
            (r#"key = "header:X-Key", rate = 10, burst = 1"#, ""),
            ("", "listeners[0].rate_limit.rate: required key is missing; expected integer, 1 to 1000000"),
            ("rate = 0", "0 is out of range, 1 to 1000000"),
            ("rate = 1, burst = 0", "burst: 0 is out of range"),
            (
                r#"rate = 1, key = "cookie:a""#,
                "unknown value \"cookie:a\"; valid values: \"source\", \"header:NAME\"",
            ),
            (r#"rate = 1, key = "header""#, "does not say which; write \"header:NAME\""),
        ],
    );
    let read = |line: &str| {
        let text = FULL.replace("rate = 50\nburst = 200", line);
        read(&text).listeners.remove(0).rate_limit.expect("a limit").burst
    };
    assert_eq!(read("rate = 50"), 50, "the burst is the rate");
    let tcp = told(r#"protocol = "tcp", cluster = "c", rate_limit = { rate = 1 }"#, "");
    assert!(
        tcp.iter().any(|line| line.contains("rate_limit: means nothing on a listener that speaks tcp")),
        "{tcp:?}"
    );
}

#[test]
fn a_cluster_whose_name_is_refused_is_told_the_rest_as_well() {
    let text = FULL.replace("clusters.alpha", "clusters.\"a/b\"").replace("port = 8008", "port = 0");
    let told = problems(&text);
    assert!(told.iter().any(|line| line.contains("health_check.port: 0 is out of range")), "{told:#?}");
}
