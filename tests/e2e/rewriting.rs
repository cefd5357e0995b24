//! What a route changes in requests and their answers.

use std::io::Write;

use crate::common::{Client, Daemon, Origin, Then};

/// A daemon whose only frontend says this, in front of an echoing origin.
fn rewriting(frontend: &str, origin: &Origin) -> Daemon {
    Daemon::configured(&format!(
        "[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n\
         [[clusters.site.backends]]\naddress = \"{}\"\n[[clusters.site.frontends]]\n{frontend}\n",
        origin.address
    ))
}

/// The request as it arrives, line by line, names in lower case.
fn arriving(client: &mut Client, target: &str, fields: &str) -> Vec<String> {
    let answer = client.ask(format!("GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
    assert_eq!(answer.status, 200);
    answer.text().lines().map(str::to_owned).collect()
}

fn with_name<'l>(lines: &'l [String], name: &str) -> Vec<&'l str> {
    lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

#[test]
fn fields_of_requests_are_removed_set_and_appended() {
    let origin = Origin::echo("one");
    let daemon = rewriting(
        r#"request_headers = { remove = ["X-Debug", "cookie"], set = { X-Env = "live" }, append = { Via = "1.1 edge" } }"#,
        &origin,
    );
    let mut client = daemon.client();
    let lines = arriving(
        &mut client,
        "/",
        "x-debug: 1\r\nX-DEBUG: 2\r\nCookie: a=b\r\nx-env: test\r\nX-Env: dev\r\nVia: 1.0 fred\r\nX-Other: 3\r\n",
    );
    for (name, values) in [
        ("x-debug", &[][..]),
        ("cookie", &[]),
        ("x-env", &["live"]),
        ("via", &["1.0 fred", "1.1 edge"]),
        ("x-other", &["3"]),
        ("host", &["test"]),
    ] {
        assert_eq!(with_name(&lines, name), values, "{name} in {lines:?}");
    }
    let lines = arriving(&mut client, "/", "");
    assert_eq!(with_name(&lines, "x-env"), ["live"], "also where there was none");
}

#[test]
fn fields_of_answers_are_removed_set_and_appended() {
    let origin = Origin::with(|request, out| {
        let (head, body) = match request.target() {
            "/chunked" => ("Transfer-Encoding: chunked", "2\r\nok\r\n0\r\n\r\n"),
            _ => ("Content-Length: 2", "ok"),
        };
        write!(
            out,
            "HTTP/1.1 200 OK\r\nServer: secret/1.0\r\nCache-Control: no-store\r\ncache-control: private\r\n\
             Set-Cookie: a=b\r\n{head}\r\n\r\n{body}"
        )?;
        Ok(Then::Keep)
    });
    let daemon = rewriting(
        r#"response_headers = { remove = ["server"], set = { Cache-Control = "public" }, append = { Set-Cookie = "c=d" } }"#,
        &origin,
    );
    let mut client = daemon.client();
    for target in ["/", "/chunked", "/"] {
        let answer = client.get(target);
        let values = |name: &str| -> Vec<&str> {
            answer.headers.iter().filter(|field| field.0 == name).map(|field| &*field.1).collect()
        };
        assert_eq!((answer.status, answer.text()), (200, "ok"), "{target}");
        assert_eq!(values("server"), [""; 0], "{target}");
        assert_eq!(values("cache-control"), ["public"], "{target}");
        assert_eq!(values("set-cookie"), ["a=b", "c=d"], "{target}");
    }
}

#[test]
fn answers_that_a_route_gives_itself_are_changed_as_well() {
    let origin = Origin::echo("one");
    let daemon = Daemon::configured(&format!(
        r#"
        [[listeners]]
        name = "main"
        address = "127.0.0.1:0"
        [[routes]]
        path = "/closed"
        respond = {{ status = 503, body = "closed" }}
        response_headers = {{ set = {{ Retry-After = "3600" }} }}
        [[routes]]
        path = "/moved"
        redirect = "/new"
        response_headers = {{ append = {{ Cache-Control = "max-age=60" }} }}
        [clusters.site]
        frontends = [{{}}]
        backends = [{{ address = "{}" }}]
        "#,
        origin.address
    ));
    let mut client = daemon.client();
    let closed = client.get("/closed");
    assert_eq!((closed.status, closed.header("retry-after")), (503, Some("3600")));
    let moved = client.get("/moved");
    assert_eq!((moved.status, moved.header("cache-control")), (302, Some("max-age=60")));
}

#[test]
fn a_prefix_is_stripped_or_replaced_and_the_rest_stays_as_it_is() {
    let origin = Origin::echo("one");
    for (frontend, pairs) in [
        (
            "path_prefix = \"/api\"\nstrip_prefix = true",
            &[
                ("/api", "/"),
                ("/api/", "/"),
                ("/api/a%20b/../c?d=/api", "/a%20b/../c?d=/api"),
                ("/api?x", "/?x"),
            ][..],
        ),
        (
            "path_prefix = \"/api\"\nreplace_prefix = \"/v2/rest\"",
            &[("/api", "/v2/rest"), ("/api/a?b", "/v2/rest/a?b"), ("/api?x", "/v2/rest?x")],
        ),
        (
            "path_prefix = \"/\"\nreplace_prefix = \"/app\"",
            &[("/", "/app/"), ("/a", "/app/a"), ("/?b", "/app/?b")],
        ),
    ] {
        let daemon = rewriting(frontend, &origin);
        let mut client = daemon.client();
        for (target, arrives) in pairs {
            let lines = arriving(&mut client, target, "");
            assert_eq!(lines[0], format!("GET {arrives} HTTP/1.1"), "{target} with {frontend}");
        }
    }
}

#[test]
fn a_stripped_path_does_not_become_a_host() {
    let origin = Origin::echo("one");
    let daemon = rewriting("path_prefix = \"/api\"\nstrip_prefix = true", &origin);
    let lines = arriving(&mut daemon.client(), "/api//evil.example/x", "");
    assert!(lines[0].starts_with("GET /"), "{}", lines[0]);
    assert_eq!(with_name(&lines, "host"), ["test"]);
}

#[test]
fn another_host_is_asked_for_and_the_client_s_own_is_told() {
    let origin = Origin::echo("one");
    let daemon = rewriting("host = \"internal.example:8080\"", &origin);
    for request in [
        "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET http://test/ HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\r\nhost:test\r\nZ: 1\r\n\r\n",
    ] {
        let answer = daemon.client().ask(request);
        let lines: Vec<_> = answer.text().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "GET / HTTP/1.1", "{request:?}");
        assert_eq!(with_name(&lines, "host"), ["internal.example:8080"], "{request:?}");
        assert_eq!(with_name(&lines, "x-forwarded-host"), ["test"], "{request:?}");
    }
}
