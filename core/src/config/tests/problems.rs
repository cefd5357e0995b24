//! What a wrong file is told: place, key, reason and remedy, for everything at once.

use super::*;

/// A valid file with `daemon`, `listener`, `cluster`, `frontend` and `backend` replaced in it, each on a line of its
/// own: 2, 4, 6, 7 and 8.
fn file(replace: &[(&str, &str)]) -> String {
    let part = |name: &str, default: &str| {
        let given = replace.iter().find(|(part, _)| *part == name);
        given.map_or(default, |(_, text)| *text).to_owned()
    };
    [
        "[daemon]".to_owned(),
        part("daemon", ""),
        "[[listeners]]".to_owned(),
        part("listener", r#"name = "web", address = "0.0.0.0:80""#).replace(", ", "\n"),
        "[clusters.api]".to_owned(),
        part("cluster", ""),
        format!("frontends = [{{ {} }}]", part("frontend", "")),
        format!("backends = [{{ {} }}]", part("backend", r#"address = "10.0.0.1:80""#)),
    ]
    .join("\n")
}

/// What replacing one part is told, without the place.
fn told(part: &str, text: &str) -> Vec<String> {
    let problems = problems(&file(&[(part, text)]));
    problems.iter().map(|line| line.splitn(4, ':').nth(3).expect("a place").trim().to_owned()).collect()
}

#[test]
fn the_template_itself_is_valid() {
    assert_eq!(problems(&file(&[])), [""; 0]);
}

#[test]
fn every_problem_is_told_at_once_in_the_order_of_the_lines() {
    let text = r#"[deamon]
shards = 2

[[listeners]]
name = "web"
address = "localhost:80"
timeouts = { head = 10, idel = "1s" }

[[clusters.api.frontends]]
hostnme = "example.com"
listeners = ["web", "wbe"]
[[clusters.api.backends]]
address = "10.0.0.1:80"
weight = 5000
[[clusters.api.backends]]
"größe" = 1
adress = "10.0.0.2:80"

[clusters.empty]
retries = "4"
"#;
    assert_eq!(
        problems(text),
        [
            r#"f:1:2: deamon: unknown key; did you mean "daemon"?"#,
            r#"f:6:11: listeners[0].address: "localhost:80" is not an address with its port; host names are not looked up: write the IP address"#,
            r#"f:7:21: listeners[0].timeouts.head: expected a duration with its unit, found the integer 10; write "10s" for seconds; the units are ms, s, m and h"#,
            r#"f:7:25: listeners[0].timeouts.idel: unknown key; did you mean "idle"?"#,
            r#"f:10:1: clusters.api.frontends[0].hostnme: unknown key; did you mean "hostname"?"#,
            r#"f:11:21: clusters.api.frontends[0].listeners[1]: there is no listener "wbe"; did you mean "web"?"#,
            r#"f:14:10: clusters.api.backends[0].weight: 5000 is out of range, 1 to 1000"#,
            r#"f:15:1: clusters.api.backends[1].address: required key is missing; expected string: `IP:port`, `[IPv6]:port` or `unix:/path`"#,
            r#"f:16:1: clusters.api.backends[1]."größe": unknown key; valid keys: id, address, weight, backup, state, sticky_id, max_in_flight, max_connections"#,
            r#"f:17:1: clusters.api.backends[1].adress: unknown key; did you mean "address"?"#,
            r#"f:19:11: clusters.empty.backends: at least one is needed; add [[clusters.empty.backends]]"#,
            r#"f:20:11: clusters.empty.retries: expected an integer, found the string "4"; write 4 without quotes"#,
        ]
    );
}

#[test]
fn an_empty_file_is_told_what_it_needs() {
    assert_eq!(
        problems(""),
        [
            "f:1:1: listeners: at least one is needed; add [[listeners]]",
            "f:1:1: clusters: nothing is served: neither a cluster nor a route is there; add [clusters.NAME] or [[routes]]",
        ]
    );
    assert_eq!(problems("listeners = []\n[clusters]").len(), 2);
}

#[test]
fn what_is_not_toml_is_told_where() {
    assert_eq!(
        problems("a = 1\nb = = 2"),
        ["f:2:5: not valid TOML: extra `=`, expected nothing"],
        "position and reason"
    );
    let told = problems("[[listeners]]\naddress = 127.0.0.1:80\n");
    assert!(told.len() == 1 && told[0].starts_with("f:2:"), "{told:?}");
    let told = problems("[daemon]\nshards = 1\nshards = 2\n");
    assert!(told.len() == 1 && told[0].starts_with("f:3:1: not valid TOML: duplicate key"), "{told:?}");
    let errors = Config::read("f", b"a = 'x'\nb = '\xc3\xa9\xff'").expect_err("not UTF-8");
    assert_eq!(errors.to_string(), "f:2:7: not valid TOML: the file is not UTF-8; save it as UTF-8");
}

#[test]
fn a_protocol_of_a_later_version_is_not_called_unknown() {
    assert_eq!(
        told("listener", r#"name = "web", address = "0.0.0.0:80", protocol = "https""#),
        [r#"listeners[0].protocol: "https" is not in this build; use "http", "tcp""#]
    );
    assert_eq!(
        told("listener", r#"name = "web", address = "0.0.0.0:80", protocol = "htp""#),
        [r#"listeners[0].protocol: unknown value "htp"; did you mean "http"?"#]
    );
    assert_eq!(
        told("cluster", r#"load_balancing = "weather""#),
        [
            r#"clusters.api.load_balancing: unknown value "weather"; valid values: "round_robin", "random", "least_loaded", "power_of_two", "maglev", "rendezvous", "first""#
        ]
    );
}

#[test]
fn a_table_in_the_wrong_brackets_is_told_the_right_ones() {
    assert_eq!(
        problems("[listeners]\nname = \"web\"\n[[clusters]]\n"),
        [
            "f:1:1: listeners: expected an array of tables, found a table; write [[listeners]] with double brackets",
            "f:3:1: clusters: expected a table of tables, found an array; write [clusters.NAME]",
        ]
    );
    assert_eq!(
        told("frontend", r#"listeners = "web""#),
        [
            r#"clusters.api.frontends[0].listeners: expected an array of strings, found the string "web"; write ["web"]"#
        ]
    );
}

#[test]
fn an_address_that_is_almost_one_is_told_the_rest() {
    let hint = |text: &str| {
        let told = told("backend", &format!("address = {text:?}"));
        told.first().map(|line| line.rsplit("; ").next().unwrap_or(line).to_owned()).unwrap_or_default()
    };
    assert_eq!(hint("10.0.0.1"), r#"add the port: "10.0.0.1:8080""#);
    assert_eq!(hint("::1"), r#"add the port: "[::1]:8080""#);
    assert_eq!(hint(":80"), r#"for every address write "0.0.0.0:80""#);
    assert_eq!(hint("*:80"), r#"for every address write "0.0.0.0:80""#);
    assert_eq!(hint("db:80"), "host names are not looked up: write the IP address");
    assert_eq!(hint("db"), r#"write IP:port, as in "127.0.0.1:8080" or "[::1]:8080""#);
    assert_eq!(hint("10.0.0.1:0"), "clusters.api.backends[0].address: nobody listens on port 0");
    assert_eq!(hint("10.0.0.1:80"), "");
    assert_eq!(hint("/run/app.sock"), "for a UNIX socket write \"unix:\" before its path");
    assert_eq!(
        hint("unix:run/app.sock"),
        "clusters.api.backends[0].address: the path of a UNIX socket must be absolute"
    );
    assert_eq!(hint("unix:/run/app.sock"), "add `id = \"NAME\"`");
    assert_eq!(told("backend", r#"id = "app", address = "unix:/run/app.sock""#), [""; 0]);
}

#[test]
fn hosts_and_paths_that_match_nothing_are_refused() {
    assert_eq!(
        told("frontend", r#"hostname = "www.*.com""#),
        ["clusters.api.frontends[0].hostname: a * stands for the first labels of a host name only; \
          write \"*.example.com\", or \"*\" for every host"]
    );
    for path in ["", "api", "/a?b", "/a#b", "/a b", "/é", "/a\\u0000"] {
        let told = told("frontend", &format!("path_prefix = \"{path}\""));
        assert!(told.len() == 1 && told[0].starts_with("clusters.api.frontends[0].path_prefix"), "{told:?}");
    }
    let at = |length: usize| told("frontend", &format!("path_prefix = \"/{}\"", "a".repeat(length)));
    let bound = crate::config::defaults::PATH_PREFIX_BYTES_MAX;
    assert_eq!(at(bound - 1), [""; 0]);
    assert_eq!(at(bound).len(), 1);
}

#[test]
fn names_that_are_none_are_refused() {
    let told = told("backend", r#"address = "10.0.0.1:80", id = "a b""#);
    assert!(
        told.len() == 1 && told[0].starts_with("clusters.api.backends[0].id: ' ' at character 2"),
        "{told:?}"
    );
    let text = file(&[]).replace("[clusters.api]", "[clusters.\"a/b\"]");
    let told = problems(&text);
    assert!(told.len() == 1 && told[0].contains(r#"clusters."a/b": '/' at character 2"#), "{told:?}");
}

#[test]
fn what_is_unique_can_not_be_said_twice() {
    let listeners = r#"
listeners = [
  { name = "a", address = "0.0.0.0:80" },
  { name = "a", address = "0.0.0.0:81" },
  { name = "b", address = "0.0.0.0:80" },
  { name = "c", address = "0.0.0.0:0" },
  { name = "d", address = "0.0.0.0:0" },
]
[clusters.api]
frontends = [{}]
backends = [{ address = "10.0.0.1:80" }, { address = "10.0.0.1:80" }, { address = "10.0.0.1:80", id = "x" }]
"#;
    assert_eq!(
        problems(listeners),
        [
            r#"f:4:12: listeners[1].name: listeners[0].name (line 3) already is "a"; give each its own name"#,
            r#"f:5:27: listeners[2].address: listeners[0].address (line 3) already is "0.0.0.0:80"; give each its own address"#,
            r#"f:11:54: clusters.api.backends[1].address: another backend of the cluster is already named "10.0.0.1:80"; give each backend an `id` of its own, or remove one"#,
        ]
    );
}

/// Whether a second frontend collides with `{ listeners = ["a"], hostname = "x.com", path_prefix = "/v1" }`.
fn collides(second: &str) -> bool {
    let text = format!(
        r#"
listeners = [{{ name = "a", address = "0.0.0.0:80" }}, {{ name = "b", address = "0.0.0.0:81" }}]
[clusters.one]
frontends = [{{ listeners = ["a"], hostname = "x.com", path_prefix = "/v1" }}]
backends = [{{ address = "10.0.0.1:80" }}]
[clusters.two]
frontends = [{{ {second} }}]
backends = [{{ address = "10.0.0.1:80" }}]
"#
    );
    let told = problems(&text);
    for line in &told {
        assert_eq!(
            line,
            "f:7:14: clusters.two.frontends[0]: clusters.one.frontends[0] (line 4) already has host \"x.com\" \
             with path \"/v1\"; change `listeners`, `hostname` or `path_prefix` of one of them"
        );
    }
    !told.is_empty()
}

#[test]
fn two_frontends_collide_when_a_request_can_mean_both() {
    assert!(collides(r#"listeners = ["a"], hostname = "X.com.", path_prefix = "/v1""#));
    assert!(collides(r#"listeners = ["b", "a"], hostname = "x.com", path_prefix = "/v1""#));
    assert!(collides(r#"hostname = "x.com", path_prefix = "/v1""#), "no list means all of them");
    assert!(!collides(r#"listeners = ["b"], hostname = "x.com", path_prefix = "/v1""#));
    assert!(!collides(r#"listeners = ["a"], hostname = "x.com", path_prefix = "/v2""#));
    assert!(!collides(r#"listeners = ["a"], hostname = "*", path_prefix = "/v1""#));
}

#[test]
fn a_listener_whose_other_keys_are_wrong_is_still_a_target() {
    let text =
        file(&[("listener", r#"name = "web", address = "oops""#), ("frontend", r#"listeners = ["web"]"#)]);
    assert_eq!(problems(&text).len(), 1);
    let text = file(&[
        ("listener", r#"name = "w b", address = "0.0.0.0:80""#),
        ("frontend", r#"listeners = ["web"]"#),
    ]);
    assert_eq!(problems(&text).len(), 1, "the refused name may be the one that is meant");
    assert_eq!(
        told("frontend", r#"listeners = ["internal"]"#),
        [r#"clusters.api.frontends[0].listeners[0]: there is no listener "internal"; listeners: web"#]
    );
    assert_eq!(
        told("frontend", r#"listeners = ["web", "web"]"#),
        [r#"clusters.api.frontends[0].listeners[1]: "web" is listed twice"#]
    );
}

#[test]
fn text_of_the_file_can_not_forge_lines_of_the_answer() {
    let text = file(&[("daemon", "\"x\\ny\\u001b[0m\" = 1\nlog_level = \"a\\nb\"")]);
    let told = problems(&text);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|line| line.starts_with("f:") && !line.contains('\u{1b}')), "{told:?}");
}
