//! The audit log: one line per verb that may change something, with who asked and what came of it, as text and as JSON.

use std::fs;

use rustix::process::{Signal, getgid, getuid};
use serde_json::{Value, json};

use crate::common::control::wire::Ask;
use crate::common::control::{Controlled, Folder, change, site};
use crate::common::{FaultyOrigin, LONG, eventually};

fn start(origin: &FaultyOrigin) -> Controlled {
    let folder = Folder::new();
    let (text, json) = (folder.file("audit.log"), folder.file("audit.json"));
    let lines = format!("audit_log = \"{}\"\naudit_log_json = \"{}\"", text.display(), json.display());
    folder.configure(&lines, &site("", &[origin]));
    folder.start()
}

/// The lines of a file, as soon as there are so many.
fn lines(daemon: &Controlled, file: &str, count: usize) -> Vec<String> {
    eventually(&format!("{count} lines in {file}"), LONG, || {
        let text = fs::read_to_string(daemon.folder().file(file)).ok()?;
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        (lines.len() >= count && text.ends_with('\n')).then_some(lines)
    })
}

#[test]
fn every_verb_that_may_change_something_is_a_line_accepted_or_refused_and_no_other_is() {
    let origin = FaultyOrigin::new("a");
    let daemon = start(&origin);
    let mut verbs = daemon.verbs();
    let state = daemon.folder().state().display().to_string();
    verbs.apply(&[
        change("cluster_add", "app", "", json!({})),
        change("backend_add", "app", "b", json!({ "address": "127.77.77.77:7777" })),
    ]);
    verbs.not_applied(&[change("cluster_remove", "nobody", "", Value::Null)]);
    verbs.done(&json!({ "verb": "status" }));
    verbs.done(&json!({ "verb": "configuration" }));
    verbs.done(&json!({ "verb": "log_level", "level": "warn" }));
    verbs.done(&json!({ "verb": "state_save", "file": state }));
    verbs.refused(&json!({ "verb": "state_load", "file": "/nowhere/at/all" }));
    verbs.done(&json!({ "verb": "mark_health", "cluster": "site", "backend": "a", "healthy": true }));
    verbs.refused(&json!({ "verb": "unavailable", "feature": "certificates" }));
    daemon.sozu().done(Ask::RemoveCluster("app".to_owned()));
    let told: Vec<Value> = lines(&daemon, "audit.json", 8)
        .iter()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let facts: Vec<_> = told.iter().map(|line| (line["verb"].clone(), line["result"].clone())).collect();
    let expected = [
        ("apply", "ok"),
        ("apply", "refused"),
        ("log_level", "ok"),
        ("state_save", "ok"),
        ("state_load", "refused"),
        ("mark_health", "ok"),
        ("unavailable", "refused"),
        ("apply", "ok"),
    ];
    assert_eq!(facts, expected.map(|(verb, result)| (json!(verb), json!(result))), "{told:#?}");
    for line in &told {
        assert_eq!(line["pid"], std::process::id(), "{line}");
        assert_eq!((&line["uid"], &line["gid"]), (&json!(getuid().as_raw()), &json!(getgid().as_raw())));
        assert!(line["session"].as_u64() > Some(0) && line["elapsed_us"].is_u64(), "{line}");
        assert!(
            line["time"].as_str().is_some_and(|time| time.starts_with("20") && time.ends_with('Z')),
            "{line}"
        );
    }
    assert_ne!(told[0]["session"], told[7]["session"], "another connection");
    assert!(
        told[1].to_string().contains("not_found") && told[1].to_string().contains("nobody"),
        "{}",
        told[1]
    );
    let text = lines(&daemon, "audit.log", 8);
    assert_eq!(text.len(), told.len());
    for (line, fields) in text.iter().zip(&told) {
        let verb = format!(" verb={} ", fields["verb"].as_str().expect("a text"));
        assert!(line.contains(&verb) && line.contains(&format!("pid={}", std::process::id())), "{line}");
    }
    // Names, and not what they were set to.
    let all = text.join("\n") + &told.iter().map(Value::to_string).collect::<String>();
    assert!(all.contains("app") && !all.contains("127.77.77.77"), "{all}");
}

#[test]
fn a_log_that_was_moved_away_begins_anew_and_nothing_is_lost() {
    let origin = FaultyOrigin::new("a");
    let daemon = start(&origin);
    let mut verbs = daemon.verbs();
    let mut weight = |n: u64| {
        verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": n }))]);
    };
    for n in 1..=10 {
        weight(n);
    }
    assert_eq!(lines(&daemon, "audit.log", 10).len(), 10);
    fs::rename(daemon.folder().file("audit.log"), daemon.folder().file("audit.log.1")).expect("it is ours");
    // What rotates logs says so.
    daemon.signal(Signal::HUP);
    daemon.expect_log("SIGHUP");
    for n in 11..=20 {
        weight(n);
    }
    let seen = eventually("all of them", LONG, || {
        let count = |name: &str| {
            fs::read_to_string(daemon.folder().file(name))
                .map_or(0, |text| text.matches(" verb=apply ").count())
        };
        let (old, new) = (count("audit.log.1"), count("audit.log"));
        (old + new == 20).then_some((old, new))
    });
    assert!(seen.1 > 0, "{seen:?}");
    let started = daemon.end(Signal::TERM).start();
    assert!(lines(&started, "audit.log", seen.1).len() >= seen.1, "a start goes on where it was");
}
