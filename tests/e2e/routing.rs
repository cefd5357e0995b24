//! Which cluster gets a request.

use std::fs;

use crate::common::{Client, Daemon, Origin, Response};

/// One cluster for each name, with an echoing origin of that name.
struct Site {
    daemon: Daemon,
    _origins: Vec<Origin>,
}

impl Site {
    /// `routes`: pairs of a cluster and what its frontend matches. `more` goes before the clusters.
    fn new(more: &str, routes: &[(&'static str, &str)]) -> Site {
        let mut toml = format!("[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n{more}\n");
        let origins: Vec<_> = routes.iter().map(|(name, _)| Origin::echo(name)).collect();
        for ((name, matching), origin) in routes.iter().zip(&origins) {
            toml += &format!(
                "[clusters.{name}]\n{matching}\nbackends = [{{ address = \"{}\" }}]\n",
                origin.address
            );
        }
        Site { daemon: Daemon::configured(&toml), _origins: origins }
    }

    /// The answer to a request with this host, and these fields.
    fn ask(&self, method: &str, host: &str, target: &str, fields: &str) -> Response {
        let mut client = self.daemon.client();
        client.ask(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"))
    }

    /// The name of the cluster that got it; `-`: none did.
    fn choice(&self, method: &str, host: &str, target: &str, fields: &str) -> String {
        let answer = self.ask(method, host, target, fields);
        assert_eq!(answer.status == 404, answer.header("origin").is_none(), "{answer:?}");
        answer.header("origin").unwrap_or("-").to_owned()
    }
}

#[test]
fn host_and_path_choose_the_cluster_and_the_most_specific_wins() {
    let [site, api, v2, any] = ["site", "api", "v2", "any"].map(Origin::echo);
    let daemon = Daemon::configured(&format!(
        r#"
        listeners = [
            {{ name = "public", address = "127.0.0.1:0" }},
            {{ name = "inside", address = "127.0.0.1:0" }},
        ]
        [clusters.site]
        frontends = [{{ hostname = "www.example.com", listeners = ["public"] }}]
        backends = [{{ address = "{}" }}]
        [clusters.api]
        frontends = [
            {{ hostname = "www.example.com", path_prefix = "/api" }},
            {{ hostname = "api.example.com" }},
        ]
        backends = [{{ address = "{}" }}]
        [clusters.v2]
        frontends = [{{ hostname = "www.example.com", path_prefix = "/api/v2" }}]
        backends = [{{ address = "{}" }}]
        [clusters.any]
        frontends = [{{ listeners = ["inside"] }}]
        backends = [{{ address = "{}" }}]
        "#,
        site.address, api.address, v2.address, any.address
    ));
    for (listener, host, path, expected) in [
        ("public", "www.example.com", "/", Some("site")),
        ("public", "WWW.Example.COM", "/x", Some("site")),
        ("public", "www.example.com:8080", "/x?api", Some("site")),
        ("public", "www.example.com", "/api", Some("api")),
        ("public", "www.example.com", "/api/v1", Some("api")),
        ("public", "www.example.com", "/api/v2/x", Some("v2")),
        ("public", "api.example.com", "/anything", Some("api")),
        ("public", "example.com", "/", None),
        ("public", "other.example", "/api", None),
        ("inside", "other.example", "/api", Some("any")),
        ("inside", "www.example.com", "/api/v2", Some("v2")),
    ] {
        let mut client = Client::connect(daemon.listener(listener));
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let answer = client.answer();
        let status = if expected.is_some() { 200 } else { 404 };
        assert_eq!((answer.status, answer.header("origin")), (status, expected), "{listener} {host} {path}");
    }
}

#[test]
fn a_request_without_a_route_leaves_the_connection_usable() {
    let origin = Origin::echo("one");
    let daemon = Daemon::configured(&format!(
        r#"
        listeners = [{{ name = "main", address = "127.0.0.1:0" }}]
        [clusters.site]
        frontends = [{{ path_prefix = "/known" }}]
        backends = [{{ address = "{}" }}]
        "#,
        origin.address
    ));
    let mut client = daemon.client();
    assert_eq!(client.get("/unknown").status, 404);
    assert_eq!(client.get("/known").status, 200);
    assert_eq!(client.get("/unknown").status, 404);
    assert_eq!(origin.requests(), 1);
}

#[test]
fn an_exact_host_wins_over_the_longest_wildcard_and_that_over_any() {
    let site = Site::new(
        "",
        &[
            ("exact", r#"frontends = [{ hostname = "a.b.example.com" }]"#),
            ("near", r#"frontends = [{ hostname = "*.b.example.com" }]"#),
            ("far", r#"frontends = [{ hostname = "*.example.com", path_prefix = "/far" }]"#),
            ("any", r#"frontends = [{ hostname = "*" }]"#),
        ],
    );
    for (host, path, expected) in [
        ("a.b.example.com", "/", "exact"),
        ("A.B.Example.Com:8080", "/", "exact"),
        ("x.b.example.com", "/", "near"),
        ("y.x.b.example.com", "/", "near"),
        ("b.example.com", "/far", "far"),
        ("x.y.example.com", "/far/away", "far"),
        ("example.com", "/far", "any"),
        ("badexample.com", "/far", "any"),
        ("192.0.2.1", "/", "any"),
        ("[2001:db8::1]:80", "/", "any"),
    ] {
        assert_eq!(site.choice("GET", host, path, ""), expected, "{host} {path}");
    }
}

#[test]
fn an_exact_path_wins_over_a_pattern_and_that_over_the_longest_prefix() {
    let site = Site::new(
        "",
        &[
            ("exact", r#"frontends = [{ path = "/api/v1/status" }]"#),
            ("long", r#"frontends = [{ path_prefix = "/api/v1" }]"#),
            ("short", r#"frontends = [{ path_prefix = "/api" }]"#),
            ("pattern", r#"frontends = [{ path_regex = '/(img|api)/.*\.png' }]"#),
        ],
    );
    for (target, expected) in [
        ("/api/v1/status", "exact"),
        ("/api/v1/status?x=/api", "exact"),
        ("/api/v1/status/", "long"),
        ("/api/v1", "long"),
        ("/api/v1/a.png", "pattern"),
        ("/api/v10", "short"),
        ("/api/a.pngs", "short"),
        ("/img/a.png", "pattern"),
        ("/img/a.png?size=2", "pattern"),
        ("/img/a.png.gz", "-"),
        ("/x/img/a.png", "-"),
        ("/apis", "-"),
    ] {
        assert_eq!(site.choice("GET", "test", target, ""), expected, "{target}");
    }
}

#[test]
fn methods_header_fields_and_parameters_refine_a_path() {
    let site = Site::new(
        "",
        &[
            ("rest", r#"frontends = [{ path_prefix = "/" }]"#),
            ("writes", r#"frontends = [{ methods = ["POST", "PUT"] }]"#),
            ("canary", r#"frontends = [{ headers = [{ name = "X-Canary", equals = "always" }] }]"#),
            (
                "mobile",
                r#"frontends = [{ headers = [{ name = "user-agent", regex = ".*(Android|iPhone).*" }] }]"#,
            ),
            ("beta", r#"frontends = [{ query = [{ name = "beta", present = true }] }]"#),
            (
                "both",
                r#"frontends = [{ headers = [{ name = "X-Canary", prefix = "al" }], query = [{ name = "v", equals = "2" }] }]"#,
            ),
            (
                "anonymous",
                r#"frontends = [{ path_prefix = "/members", headers = [{ name = "Cookie", present = false }] }]"#,
            ),
        ],
    );
    for (method, target, fields, expected) in [
        ("GET", "/", "", "rest"),
        ("POST", "/", "", "writes"),
        ("PUT", "/", "X-Canary: never\r\n", "writes"),
        // A test weighs more than a method.
        ("PUT", "/", "X-Canary: always\r\n", "canary"),
        ("post", "/", "", "rest"),
        ("GET", "/", "x-cANARY: always\r\n", "canary"),
        ("GET", "/", "X-Canary: never\r\nX-Canary: always\r\n", "canary"),
        ("GET", "/", "X-Canary: Always\r\n", "rest"),
        ("GET", "/", "User-Agent: Mozilla (iPhone)\r\n", "mobile"),
        ("GET", "/?beta", "", "beta"),
        ("GET", "/?a=1&beta=0", "", "beta"),
        ("GET", "/?alpha=beta", "", "rest"),
        ("GET", "/?v=2", "X-Canary: always\r\n", "both"),
        ("GET", "/?v=2&beta", "X-Canary: almost\r\n", "both"),
        ("GET", "/?v=20", "X-Canary: almost\r\n", "rest"),
        ("GET", "/members", "", "anonymous"),
        ("GET", "/members", "Cookie: a=b\r\n", "rest"),
    ] {
        assert_eq!(site.choice(method, "test", target, fields), expected, "{method} {target} {fields:?}");
    }
}

#[test]
fn a_split_gives_each_cluster_its_share() {
    const REQUESTS: u32 = 2000;
    let routes = "[[routes]]\nsplit = { stable = 3, canary = 1, off = 0 }";
    let site = Site::new(routes, &[("stable", ""), ("canary", ""), ("off", "")]);
    let mut client = site.daemon.client();
    let mut canary = 0;
    for _ in 0..REQUESTS {
        match client.get("/").header("origin") {
            Some("canary") => canary += 1,
            other => assert_eq!(other, Some("stable")),
        }
    }
    // Six standard deviations of a binomial distribution: 1 in 500 million runs is outside.
    let deviation = (f64::from(REQUESTS) * 0.25 * 0.75).sqrt();
    let off = f64::from(canary) - f64::from(REQUESTS) * 0.25;
    assert!(off.abs() < 6.0 * deviation, "{canary} of {REQUESTS} for a weight of 1 in 4");
}

#[test]
fn a_redirect_tells_where_and_the_connection_goes_on() {
    let routes = r#"
        [[routes]]
        hostname = "old.example"
        redirect = "https://new.example{path}{query}"
        redirect_status = 308
        [[routes]]
        path_prefix = "/moved"
        redirect = "https://{host}/elsewhere"
        [[routes]]
        path_prefix = "/here"
        redirect = "/now{path}{query}"
        redirect_status = 301
        "#;
    let site = Site::new(routes, &[("rest", "frontends = [{}]")]);
    let mut client = site.daemon.client();
    for (host, target, status, location) in [
        ("old.example", "/a/b?c=d", 308, "https://new.example/a/b?c=d"),
        ("old.example:8080", "/", 308, "https://new.example/"),
        ("test:8080", "/moved/x", 302, "https://test/elsewhere"),
        ("test", "/here?x", 301, "/now/here?x"),
    ] {
        for method in ["GET", "HEAD", "POST"] {
            client.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            let answer = if method == "HEAD" { client.head().expect("an answer") } else { client.answer() };
            assert_eq!((answer.status, answer.header("location")), (status, Some(location)), "{method}");
            assert_ne!(answer.header("content-length"), Some("0"), "{method}");
        }
    }
    assert_eq!(client.get("/").header("origin"), Some("rest"), "the connection goes on");
    // A body that is not read must not be taken for the next request.
    let post = "POST /moved HTTP/1.1\r\nHost: test\r\nContent-Length: 37\r\n\r\n";
    let answer = client.ask(format!("{post}GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_eq!(answer.status, 302);
    client.finish();
    let more = client.read_to_end();
    assert!(!more.windows(8).any(|bytes| bytes == b"smuggled"), "{}", more.escape_ascii());
}

#[test]
fn a_fixed_answer_is_given_without_a_backend() {
    // Relative to the folder of the configuration file.
    let name = format!("page-{}.html", std::process::id());
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    let page = "<p>closed</p>".repeat(1000);
    fs::write(&path, &page).expect("a folder to write to");
    let routes = format!(
        r#"
        [[routes]]
        path = "/robots.txt"
        respond = {{ status = 200, body = "Disallow: /\n" }}
        [[routes]]
        path = "/closed"
        respond = {{ status = 503, content_type = "text/html; charset=utf-8", file = "{name}" }}
        [[routes]]
        path = "/empty"
        respond = {{ status = 204 }}
        [[routes]]
        methods = ["DELETE"]
        respond = {{ status = 403, content_type = "application/json", body = '{{"error": "read only"}}' }}
        "#
    );
    let site = Site::new(&routes, &[("rest", "frontends = [{}]")]);
    let _ = fs::remove_file(path);
    let mut client = site.daemon.client();
    let robots = client.get("/robots.txt");
    assert_eq!((robots.status, robots.text()), (200, "Disallow: /\n"));
    assert_eq!(robots.header("content-type"), Some("text/plain; charset=utf-8"));
    let closed = client.get("/closed?x");
    assert_eq!((closed.status, closed.text()), (503, page.as_str()));
    assert_eq!(closed.header("content-type"), Some("text/html; charset=utf-8"));
    let empty = client.get("/empty");
    assert_eq!((empty.status, empty.header("content-length")), (204, None));
    let head = client.send("HEAD /closed HTTP/1.1\r\nHost: test\r\n\r\n").head().expect("an answer");
    assert_eq!((head.status, head.header("content-length")), (503, Some(&*page.len().to_string())));
    let delete = client.ask("DELETE /x HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!((delete.status, delete.text()), (403, r#"{"error": "read only"}"#));
    assert_eq!(client.get("/other").header("origin"), Some("rest"), "the connection goes on");
}
