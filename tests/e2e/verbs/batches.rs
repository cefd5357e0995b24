//! Several changes at once: all of them or none, and dry runs.

use std::fs;

use serde_json::{Value, json};

use super::share;
use crate::common::FaultyOrigin;
use crate::common::control::{Controlled, ask, change};

fn app(origin: &FaultyOrigin) -> Vec<Value> {
    vec![
        change("cluster_add", "app", "", json!({})),
        change("frontend_add", "app", "", json!({ "hostname": "app.test" })),
        change("backend_add", "app", "b", json!({ "address": origin.address.to_string() })),
        change("backend_update", "site", "a", json!({ "state": "drain" })),
    ]
}

#[test]
fn of_a_batch_with_one_wrong_change_nothing_is_applied_and_the_wrong_one_is_named() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let before = (daemon.hash(2), daemon.how()["generation"].clone());
    let mut verbs = daemon.verbs();
    for (wrong, code, field) in [
        (change("backend_update", "site", "nobody", json!({ "weight": 1 })), "not_found", "backend"),
        (change("backend_add", "app", "c", json!({ "address": "nowhere" })), "invalid", "address"),
        (change("backend_add", "app", "c", json!({})), "invalid", "address"),
        (change("cluster_add", "app", "", json!({})), "exists", "cluster"),
        (change("cluster_update", "app", "", json!({ "retires": 1 })), "invalid", "retires"),
        (change("health_check_set", "app", "", json!({ "interval": "soon" })), "invalid", "interval"),
    ] {
        for place in [0, 2, 4] {
            let mut changes = app(&b);
            // What it needs comes before it, but where it is the first.
            changes.insert(place, wrong.clone());
            let error = verbs.not_applied(&changes);
            if place > 0 {
                assert_eq!(error["change"], json!(place), "{wrong}: {error}");
                assert_eq!(
                    (error["code"].as_str(), error["field"].as_str()),
                    (Some(code), Some(field)),
                    "{wrong}: {error}"
                );
            }
            assert_eq!((daemon.hash(2), daemon.how()["generation"].clone()), before, "{wrong} at {place}");
        }
    }
    assert_eq!(share(&daemon, "a", 8), 8);
    let answer = verbs.apply(&app(&b));
    assert_eq!(answer["count"], 4, "{answer}");
    assert_eq!(answer["generation"].as_u64(), before.1.as_u64().map(|generation| generation + 1));
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("b"));
    assert_eq!(daemon.how()["generation"], answer["generation"]);
}

#[test]
fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let before = daemon.hash(2);
    let mut verbs = daemon.verbs();
    // One of them finds what it wants.
    let changes =
        [app(&b), vec![change("backend_update", "site", "a", json!({ "state": "drain" }))]].concat();
    let answer = verbs.done(&json!({ "verb": "apply", "changes": changes, "dry_run": true }));
    assert_eq!((&answer["dry_run"], &answer["count"]), (&json!(true), &json!(4)), "{answer}");
    let names: Vec<_> =
        answer["changes"].as_array().expect("changes").iter().map(|change| &change["change"]).collect();
    assert_eq!(names, ["cluster_add", "frontend_add", "backend_add", "backend_update"]);
    assert_eq!(daemon.hash(2), before);
    assert_eq!(daemon.how()["generation"], answer["generation"], "of what runs");
    let error = verbs.refused(&json!({
        "verb": "apply", "dry_run": true, "changes": [change("cluster_remove", "nobody", "", Value::Null)]
    }));
    assert_eq!(error["code"], "not_found", "{error}");
    for words in [
        "backend drain site a",
        "cluster remove site",
        "listener remove main",
        "limits set max_connections=5",
    ] {
        let answer = daemon.json(&format!("{words} --dry-run"));
        assert_eq!((&answer["dry_run"], &answer["count"]), (&json!(true), &json!(1)), "{words}: {answer}");
    }
    assert_eq!(daemon.hash(2), before);
    assert_eq!(share(&daemon, "a", 8), 8);
}

#[test]
fn a_file_of_changes_is_one_batch() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let before = daemon.hash(2);
    let file = daemon.folder().file("changes.jsonl");
    let lines: String = app(&b).iter().map(|change| format!("{change}\n")).collect();
    fs::write(&file, format!("{lines}oops\n")).expect("a folder to write to");
    let path = file.display().to_string();
    let refusal = daemon.refusal(&format!("apply {path}"), 2);
    assert!(
        refusal["message"].as_str().is_some_and(|text| text.contains(&format!("{path}:5: "))),
        "{refusal}"
    );
    assert_eq!(daemon.hash(2), before);
    fs::write(&file, &lines).expect("a folder to write to");
    assert_eq!(daemon.json(&format!("apply {path} --dry-run"))["count"], 4);
    assert_eq!(daemon.hash(2), before);
    assert_eq!(daemon.json(&format!("apply {path}"))["count"], 4);
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("b"));
    // What runs now can be said again, change by change.
    let shown = daemon.cli("config show");
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let shown: Vec<Value> =
        shown.out.lines().map(|line| serde_json::from_str(line).expect("a change")).collect();
    assert_eq!(shown, daemon.configuration());
    for added in &app(&b)[..3] {
        assert!(
            shown.iter().any(|change| change["change"] == added["change"] && change["cluster"] == "app"),
            "{added}"
        );
    }
}
