//! Clusters, frontends, routes, and Ringway's own answers.

use std::fs;

use super::share;
use crate::common::control::{Controlled, ask, site};
use crate::common::{FaultyOrigin, LONG, Mood, eventually};

fn status(daemon: &Controlled, host: &str) -> u16 {
    ask(daemon.address(), host).status
}

#[test]
fn a_cluster_comes_changes_and_goes_and_requests_in_progress_finish() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    daemon.json("cluster add app load_balancing=round_robin");
    daemon.json("frontend add app hostname=app.test");
    assert_eq!(status(&daemon, "app.test"), 503, "it has no backend");
    daemon.json(&format!("backend add app b address={}", b.address));
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("b"));
    let listed = daemon.json("cluster list");
    let names: Vec<_> =
        listed["clusters"].as_array().expect("clusters").iter().map(|it| &it["cluster"]).collect();
    assert_eq!(names, ["app", "site"]);
    // The other has a frontend for every host.
    for (host, clusters) in [("app.test", 2), ("other.test", 1)] {
        let listed = daemon.json(&format!("cluster list --domain {host}"));
        assert_eq!(listed["clusters"].as_array().map(Vec::len), Some(clusters), "{host}: {listed}");
    }
    let shown = daemon.json("cluster show app");
    let cluster = &shown["clusters"][0];
    assert_eq!(cluster["set"]["load_balancing"], "round_robin");
    assert_eq!(cluster["frontends"][0]["hostname"], "app.test");
    assert_eq!(cluster["backends"][0]["backend"], "b");
    assert_eq!(cluster["available"], true);

    // A limit of the cluster, from when it is set.
    b.turn(Mood::Silent);
    let mut first = daemon.client();
    first.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    eventually("it is under way", LONG, || (b.in_flight() == 1).then_some(()));
    daemon.json("cluster update app max_in_flight=1");
    assert_eq!(status(&daemon, "app.test"), 503);
    let hash = daemon.json("cluster show app")["clusters"][0]["hash"].clone();
    assert_ne!(hash, cluster["hash"]);
    daemon.json("cluster remove app");
    assert_eq!(status(&daemon, "app.test"), 200, "the other cluster gets them now");
    assert_eq!(daemon.refusal("cluster show app", 5)["code"], "not_found");
    b.turn(Mood::Well);
    let answer = first.answer();
    assert_eq!((answer.status, answer.header("origin")), (200, Some("b")));
}

#[test]
fn a_cluster_under_a_name_that_was_removed_is_another_one() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    for round in 0..5 {
        daemon.json("cluster add app");
        daemon.json("frontend add app hostname=app.test");
        let origin = if round % 2 == 0 { &a } else { &b };
        daemon.json(&format!("backend add app it address={}", origin.address));
        for _ in 0..6 {
            assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some(&*origin.name), "{round}");
        }
        daemon.json("cluster remove app");
    }
    daemon.hash(2);
}

#[test]
fn frontends_decide_who_gets_what_from_when_they_are_there() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    daemon.json("cluster add app");
    daemon.json(&format!("backend add app b address={}", b.address));
    let mut open = daemon.client();
    let asked = |client: &mut crate::common::Client, path: &str| {
        let answer = client.get(path);
        answer.header("origin").unwrap_or_default().to_owned()
    };
    assert_eq!(asked(&mut open, "/api/x"), "a");
    daemon.json("frontend add app path_prefix=/api strip_prefix=true");
    assert_eq!(asked(&mut open, "/api/x"), "b", "on a connection that was open");
    assert_eq!(b.targets().last().map(String::as_str), Some("/x"));
    assert_eq!(asked(&mut open, "/apix"), "a");
    daemon.json("frontend add app path_prefix=/api/deep");
    assert_eq!(asked(&mut open, "/api/deep/x"), "b");
    assert_eq!(b.targets().last().map(String::as_str), Some("/api/deep/x"));
    let listed = daemon.json("frontend list --cluster app");
    assert_eq!(listed["frontends"].as_array().map(Vec::len), Some(2), "{listed}");
    let refusal = daemon.refusal("frontend add site path_prefix=/api", 6);
    assert_eq!(refusal["code"], "exists", "{refusal}");
    assert!(refusal["message"].as_str().is_some_and(|text| text.contains("app")), "{refusal}");
    daemon.json("frontend remove app path_prefix=/api");
    assert_eq!(asked(&mut open, "/api/x"), "a");
    assert_eq!(asked(&mut open, "/api/deep/x"), "b");
    assert_eq!(daemon.refusal("frontend remove app path_prefix=/api", 5)["code"], "not_found");
}

#[test]
fn routes_redirect_answer_and_split_from_when_they_are_there() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let told = |words: &[&str]| {
        let said = daemon.cli_words(&[&["route"], words, &["--json"]].concat());
        said.answer(&words.join(" "))
    };
    told(&["add", "hostname=old.test", "redirect=https://new.test{path}", "redirect_status=308"]);
    let answer = ask(daemon.address(), "old.test");
    assert_eq!((answer.status, answer.header("location")), (308, Some("https://new.test/")));
    told(&["add", "hostname=own.test", "respond={ status = 200, body = \"ok\" }"]);
    let answer = ask(daemon.address(), "own.test");
    assert_eq!((answer.status, answer.text(), answer.header("origin")), (200, "ok", None));
    daemon.json("cluster add app");
    daemon.json(&format!("backend add app b address={}", b.address));
    told(&["add", "hostname=both.test", "split={ site = 1, app = 1 }"]);
    let seen: std::collections::BTreeSet<_> = (0..40)
        .filter_map(|_| ask(daemon.address(), "both.test").header("origin").map(str::to_owned))
        .collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(daemon.refusal("cluster remove app", 6)["code"], "in_use");
    let listed = daemon.json("route list");
    assert_eq!(listed["changes"].as_array().map(Vec::len), Some(3), "{listed}");
    for host in ["old.test", "own.test", "both.test"] {
        told(&["remove", &format!("hostname={host}")]);
        assert_eq!(ask(daemon.address(), host).header("origin"), Some("a"), "{host}");
    }
    daemon.json("cluster remove app");
}

#[test]
fn answers_are_ours_from_when_they_are_set_and_the_built_in_ones_again_after() {
    let origin = FaultyOrigin::new("a");
    let rest = site("", &[&origin])
        .replace("[[clusters.site.frontends]]\n", "[[clusters.site.frontends]]\nhostname = \"test\"\n");
    let daemon = Controlled::of("", &rest);
    let get = || {
        let request = "GET / HTTP/1.1\r\nHost: nobody.test\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
        daemon.client().ask(request)
    };
    let built_in = get();
    assert_eq!(built_in.status, 404);
    let page = daemon.folder().file("404.html");
    fs::write(&page, "<p>not here, says the test</p>").expect("a folder to write to");
    daemon.json(&format!("answer set 404 html={}", page.display()));
    let answer = get();
    assert_eq!((answer.status, answer.text()), (404, "<p>not here, says the test</p>"));
    let refusal = daemon.refusal("answer set 404 html=/nowhere/at/all.html", 1);
    assert!(
        refusal["message"].as_str().is_some_and(|text| text.contains("/nowhere/at/all.html")),
        "{refusal}"
    );
    assert_eq!(get().body, answer.body, "nothing was changed");
    daemon.json("answer remove 404");
    // But for the number of the request.
    let first = |answer: &crate::common::Response| answer.text().lines().next().map(str::to_owned);
    assert_eq!(first(&get()), first(&built_in));
}

#[test]
fn an_update_in_place_keeps_the_connections_on_both_sides() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let mut clients: Vec<_> = (0..8).map(|_| daemon.client()).collect();
    let all_served = |clients: &mut Vec<crate::common::Client>| {
        assert!(clients.iter_mut().all(|client| client.get("/").status == 200));
    };
    all_served(&mut clients);
    let upstream = origin.connections();
    for words in [
        "listener update main timeouts.idle=30s",
        "cluster update site retries=1 queue_timeout=1s",
        "backend update site a weight=50",
        "frontend add site hostname=more.test",
        "health-check set site path=/health",
        "listener update main --unset timeouts.idle",
    ] {
        assert_eq!(daemon.json(words)["count"], 1, "{words}");
        all_served(&mut clients);
    }
    let probes = origin.probes().len() as u64;
    assert!(origin.connections() <= upstream + probes + 1, "{} instead of {upstream}", origin.connections());
    assert_eq!(share(&daemon, "a", 4), 4);
}
