//! The configuration file, read again: what is different is applied, additions, changes and removals, or nothing is.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::common::control::{Controlled, ask, is_refused, site};
use crate::common::{FaultyOrigin, LONG, Traffic, eventually};

/// `main` and `site`, and something else.
fn with(origins: &[&FaultyOrigin], more: &str) -> String {
    format!("{}\n{more}", site("", origins))
}

fn app(origin: &FaultyOrigin, lines: &str) -> String {
    format!(
        "[[listeners]]\nname = \"more\"\naddress = \"127.0.0.1:0\"\n[clusters.app]\n{lines}\n\
         [[clusters.app.frontends]]\nhostname = \"app.test\"\n\
         [[clusters.app.backends]]\nid = \"b\"\naddress = \"{}\"\n",
        origin.address
    )
}

#[test]
fn a_reload_adds_changes_and_removes_and_shows_what_before_it_does() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let traffic = Traffic::start(daemon.address(), 2, Duration::from_millis(5));
    assert_eq!(daemon.json("reload")["count"], 0, "nothing is different");
    let empty = daemon.hash(2);

    // Additions.
    daemon.folder().configure("", &with(&[&a], &app(&b, "")));
    let shown = daemon.json("reload --dry-run");
    assert_eq!((&shown["dry_run"], &shown["count"]), (&json!(true), &json!(4)), "{shown}");
    assert_eq!(daemon.hash(2), empty);
    let done = daemon.json("reload");
    assert_eq!(done["changes"], shown["changes"]);
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("b"));
    let more = daemon.listens("more");
    assert_eq!(ask(more, "test").header("origin"), Some("a"));

    // Changes.
    let full = daemon.hash(2);
    let changed = app(&b, "max_in_flight = 5").replace("id = \"b\"", "id = \"b\"\nweight = 7");
    daemon.folder().configure("drain_timeout = \"5s\"", &with(&[&a], &changed));
    let shown = daemon.json("reload --dry-run");
    let names: Vec<_> =
        shown["changes"].as_array().expect("changes").iter().map(|it| it["change"].clone()).collect();
    assert_eq!(shown["count"], 3, "{shown}");
    for name in ["daemon_update", "cluster_update", "backend_update"] {
        assert!(names.contains(&json!(name)), "{shown}");
    }
    daemon.json("reload");
    assert_ne!(daemon.hash(2), full);
    assert_eq!(daemon.listens("more"), more, "it was not touched");
    let cluster = &daemon.json("cluster show app")["clusters"][0];
    assert_eq!(
        (&cluster["set"]["max_in_flight"], &cluster["backends"][0]["set"]["weight"]),
        (&json!(5), &json!(7))
    );

    // Removals, of what came through the socket as well.
    daemon.json("cluster add passing");
    daemon.folder().configure("", &with(&[&a], ""));
    let human = daemon.cli("reload --dry-run");
    assert_eq!(human.code, Some(0));
    for line in ["- cluster app", "- cluster passing", "- listener more"] {
        assert!(human.out.contains(line), "{}", human.out);
    }
    daemon.json("reload");
    assert_eq!(daemon.hash(2), empty, "as at the start");
    assert!(is_refused(more));
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("a"));
    traffic.expect_served(20);
}

#[test]
fn a_file_with_a_mistake_is_refused_with_its_place_and_nothing_is_changed() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let before = daemon.hash(2);
    let good = with(&[&a], &app(&b, ""));
    for (bad, named) in [
        (format!("{good}\n[clusters.app.timeouts]\n"), "timeouts"),
        (good.replace("[[clusters.app.frontends]]", "[[clusters.app.frontends]]\npath = \"x\""), "path"),
        (format!("{good}\n[clusters.app\n"), ""),
    ] {
        daemon.folder().configure("", &bad);
        for words in ["reload", "reload --dry-run"] {
            let refusal = daemon.refusal(words, 2);
            let message = refusal["message"].as_str().expect("a text");
            assert!(message.contains("ringway.toml:") && message.contains(named), "{refusal}");
        }
        assert_eq!(daemon.hash(2), before);
    }
    // A file that the kernel does not give out.
    let refusal = daemon.refusal("reload --file /nowhere/at/all.toml", 1);
    assert_eq!(refusal["code"], "io", "{refusal}");
    // An address that is taken: the rest of the file is not applied either.
    let taken = good.replace(
        "name = \"more\"\naddress = \"127.0.0.1:0\"",
        &format!("name = \"more\"\naddress = \"{}\"", a.address),
    );
    daemon.folder().configure("", &taken);
    daemon.refusal("reload", 1);
    assert_eq!(daemon.hash(2), before);
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("a"));
}

#[test]
fn another_file_can_be_loaded_in_place_of_the_one_of_the_start() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let before = daemon.hash(2);
    let config = fs::read_to_string(daemon.folder().config()).expect("a configuration");
    let other = daemon.folder().file("other.toml");
    fs::write(&other, format!("{config}\n{}", app(&b, ""))).expect("a folder to write to");
    daemon.json(&format!("reload --file {}", other.display()));
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("b"));
    daemon.json("reload");
    assert_eq!(daemon.hash(2), before, "the one of the start again");
}

#[test]
fn sighup_reloads_and_a_file_with_a_mistake_is_told_in_the_log() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    daemon.folder().configure("", &with(&[&a], &app(&b, "")));
    daemon.signal(Signal::HUP);
    eventually("it was read", LONG, || {
        (ask(daemon.address(), "app.test").header("origin") == Some("b")).then_some(())
    });
    let before = daemon.hash(2);
    daemon.folder().configure("", "[[listeners");
    daemon.signal(Signal::HUP);
    daemon.expect_log("ringway.toml:");
    assert_eq!(daemon.hash(2), before);
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("b"));
}

#[test]
fn what_takes_a_restart_waits_for_one() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = daemon.hash(2);
    let refusal = daemon.refusal("limits set shards=3", 2);
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("invalid"), &json!("shards")), "{refusal}");
    assert!(refusal["message"].as_str().is_some_and(|text| text.contains("restart")), "{refusal}");
    // In the file it is no mistake: the rest of it is applied.
    daemon.folder().configure("shards = 3\ndrain_timeout = \"7s\"", &site("", &[&origin]));
    assert_eq!(daemon.json("reload")["count"], 1);
    assert_ne!(daemon.hash(2), before);
    assert_eq!(daemon.client().get("/").status, 200);
    let daemon = daemon.end(Signal::TERM).start();
    daemon.hash(3);
}
