//! Wrong input: refused by the name of the field, with an exit code, and nothing is changed.

use serde_json::Value;

use crate::common::control::{Controlled, Folder, run_within};
use crate::common::{FaultyOrigin, LONG, ringway};

#[test]
fn wrong_input_is_refused_with_its_field_and_an_exit_code() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = daemon.hash(2);
    let address = origin.address;
    let taken = format!("backend add site a address={address}");
    for (words, code, name, field) in [
        ("cluster add site", 6, "exists", "cluster"),
        ("cluster add app load_balancing=best", 2, "invalid", "load_balancing"),
        ("cluster add app retries=many", 2, "invalid", "retries"),
        ("cluster add app retires=3", 2, "invalid", "retires"),
        ("cluster add app sticky.max_age=1ms", 2, "invalid", "sticky.max_age"),
        ("cluster update nobody retries=1", 5, "not_found", "cluster"),
        ("cluster remove nobody", 5, "not_found", "cluster"),
        (&taken, 6, "exists", "backend"),
        ("backend add site b", 2, "invalid", "address"),
        ("backend add site b address=localhost:80", 2, "invalid", "address"),
        ("backend add nobody b address=127.0.0.1:1", 5, "not_found", "cluster"),
        ("backend update site nobody weight=1", 5, "not_found", "backend"),
        ("backend update site a weight=2000", 2, "invalid", "weight"),
        ("backend update site a state=asleep", 2, "invalid", "state"),
        ("backend remove site nobody", 5, "not_found", "backend"),
        ("backend mark site nobody healthy", 5, "not_found", "backend"),
        ("frontend add nobody hostname=x.test", 5, "not_found", "cluster"),
        ("frontend add site hostname=a..b", 2, "invalid", "hostname"),
        ("frontend add site path_regex=[", 2, "invalid", "path_regex"),
        ("frontend add site listeners=[\"nobody\"]", 5, "not_found", "listeners"),
        ("frontend remove site hostname=x.test", 5, "not_found", ""),
        ("health-check set site interval=0s", 2, "invalid", "interval"),
        ("health-check set nobody path=/", 5, "not_found", "cluster"),
        ("health-check remove nobody", 5, "not_found", "cluster"),
        ("listener add main address=127.0.0.1:0", 6, "exists", "listener"),
        ("listener add more", 2, "invalid", "address"),
        ("listener add more address=127.0.0.1:0 protocol=udp", 2, "invalid", "protocol"),
        ("listener add more address=127.0.0.1:0 protocol=tcp cluster=nobody", 5, "not_found", "cluster"),
        ("listener update nobody timeouts.idle=1s", 5, "not_found", "listener"),
        ("listener update main timeouts.idle=never", 2, "invalid", "timeouts.idle"),
        ("listener remove nobody", 5, "not_found", "listener"),
        ("listener activate nobody", 5, "not_found", "listener"),
        ("listener deactivate nobody", 5, "not_found", "listener"),
        ("route add redirect=https://x.test split.site=1", 2, "invalid", ""),
        ("route add hostname=x.test split.nobody=1", 5, "not_found", ""),
        ("route remove hostname=x.test", 5, "not_found", ""),
        ("answer set 200 html=/x", 2, "invalid", "status"),
        ("answer remove 404", 5, "not_found", "status"),
        ("limits set max_connections=0", 2, "invalid", "max_connections"),
        ("limits set drain_timeout=soon", 2, "invalid", "drain_timeout"),
        ("shard relaunch 7", 5, "not_found", "shard"),
        ("state save", 2, "invalid", "file"),
        ("state load", 2, "invalid", "file"),
        ("state load /nowhere/at/all", 1, "io", "file"),
        ("state save /nowhere/at/all", 1, "io", "file"),
        ("reload --file /nowhere/at/all", 1, "io", "file"),
    ] {
        let refusal = daemon.refusal(words, code);
        assert_eq!(refusal["code"], name, "{words}: {refusal}");
        let told = refusal["field"].as_str().unwrap_or_default();
        assert!(field.is_empty() || told == field, "{words}: {refusal}");
        assert!(refusal["message"].as_str().is_some_and(|text| text.len() > 10), "{words}: {refusal}");
        assert_eq!(refusal["change"], Value::Null, "there is only one: {words}: {refusal}");
        // For people, the same in one line.
        if words.starts_with("cluster") {
            let said = daemon.cli(words);
            assert_eq!((said.code, &*said.out, said.err.lines().count()), (Some(code), "", 1), "{said:?}");
            assert!(said.err.starts_with("ringway: "), "{said:?}");
        }
    }
    assert_eq!(daemon.hash(2), before);
    assert_eq!(daemon.client().get("/").status, 200);
}

#[test]
fn a_name_that_is_nearly_right_is_named() {
    let origin = FaultyOrigin::new("origin-one");
    let daemon = Controlled::before(&[&origin]);
    for (words, meant) in [
        ("cluster remove sitee", "\"site\""),
        ("backend remove site origin-on", "\"origin-one\""),
        ("listener remove mian", "\"main\""),
        ("cluster add app retrys=1", "retries"),
    ] {
        let said = daemon.cli(words);
        assert!(said.err.contains(meant), "{words}: {said:?}");
    }
}

#[test]
fn a_command_line_that_means_nothing_asks_nothing() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    for words in [
        "cluster",
        "cluster add",
        "cluster add app retries",
        "cluster update site",
        "backend weight site a heavy",
        "backend mark site a tired",
        "events --kind NO_SUCH_KIND",
        "shard relaunch first",
        "apply /nowhere/at/all",
        "nothing",
    ] {
        let said = daemon.cli(words);
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{words}: {said:?}");
        assert!(!said.err.is_empty(), "{words}");
    }
}

#[test]
fn a_daemon_that_is_not_there_has_an_exit_code_of_its_own() {
    let folder = Folder::new();
    let said = run_within(ringway().args(["status", "--json", "-s"]).arg(folder.socket()), LONG);
    assert_eq!(said.refusal("status", 4)["code"], "unreachable");
    let said = run_within(ringway().arg("status").env("RINGWAY_SOCKET", folder.socket()), LONG);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains(&folder.socket().display().to_string()), "{said:?}");
}

#[test]
fn the_socket_is_found_by_option_by_variable_and_by_configuration() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let (socket, config) = (daemon.folder().socket(), daemon.folder().config());
    let pid = |said: &crate::common::control::Said| said.answer("status")["pid"].clone();
    let by_option = run_within(ringway().args(["status", "--json", "--socket"]).arg(&socket), LONG);
    assert_eq!(pid(&by_option), daemon.pid());
    let by_variable = run_within(ringway().args(["status", "--json"]).env("RINGWAY_SOCKET", &socket), LONG);
    assert_eq!(pid(&by_variable), daemon.pid());
    let by_file = run_within(ringway().args(["status", "--json", "-c"]).arg(&config), LONG);
    assert_eq!(pid(&by_file), daemon.pid());
}
