//! State files: what is saved comes back the same, what is not whole is refused, and a daemon that is killed leaves a good one.

mod killed;
mod start;

use std::fs;

use serde_json::{Value, json};

use crate::common::FaultyOrigin;
use crate::common::control::{Controlled, ask, change, mode, site};

/// Changes with something of everything, on top of [`site`].
fn everything(origin: &FaultyOrigin) -> Vec<Value> {
    let at = json!({ "address": origin.address.to_string(), "weight": 7, "max_in_flight": 100 });
    let frontend = json!({
        "hostname": "*.app.test", "path_prefix": "/%C3%A4", "methods": ["GET", "HEAD"],
        "headers": [{ "name": "x-test", "prefix": "a\"b\\c" }], "strip_prefix": true
    });
    vec![
        change("daemon_update", "", "", json!({ "drain_timeout": "7s" })),
        json!({ "change": "listener_add", "listener": "more", "set": { "address": "127.0.0.1:0", "active": false } }),
        change("cluster_add", "app", "", json!({ "load_balancing": "maglev", "sticky": { "cookie": "x" } })),
        change("frontend_add", "app", "", frontend),
        change("frontend_add", "app", "", json!({ "hostname": "app.test" })),
        change("backend_add", "app", "b", at),
        change("backend_add", "app", "c", json!({ "address": "unix:/run/c.sock", "state": "drain" })),
        change("health_check_set", "app", "", json!({ "path": "/health", "interval": "2s" })),
        change("cluster_add", "empty", "", json!({})),
        change("route_add", "", "", json!({ "hostname": "old.test", "redirect": "https://new.test{path}" })),
    ]
}

fn save(daemon: &Controlled) -> Vec<Value> {
    let file = daemon.folder().state();
    let saved = daemon.json(&format!("state save {}", file.display()));
    let text = fs::read_to_string(&file).expect("it was saved");
    assert!(text.ends_with('\n'), "{text}");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(saved["count"], lines.len() - 2, "{saved}");
    lines
}

#[test]
fn what_is_saved_and_loaded_is_the_same_and_a_change_is_a_line() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let mut verbs = daemon.verbs();
    let small = daemon.hash(2);
    verbs.apply(&everything(&b));
    let full = daemon.hash(2);
    let lines = save(&daemon);
    let path = daemon.folder().state();
    assert_eq!(mode(&path), 0o600);
    let entries = fs::read_dir(daemon.folder().file("")).expect("a folder");
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("tmp")), "{names:?}");
    let (head, end) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!((&head["ringway_state"], &head["changes"]), (&json!(1), &json!(lines.len() - 2)), "{head}");
    assert_eq!(*end, json!({ "end": lines.len() - 2 }));
    assert_eq!(lines[1..lines.len() - 1], daemon.configuration());
    // A single change is a single other line, beside the first.
    verbs.apply(&[change("backend_update", "app", "b", json!({ "weight": 8 }))]);
    let other = save(&daemon);
    let differ = lines.iter().zip(&other).skip(1).filter(|(line, other)| line != other).count();
    assert_eq!((lines.len(), differ), (other.len(), 1));
    verbs.apply(&[change("backend_update", "app", "b", json!({ "weight": 7 }))]);
    assert_eq!(save(&daemon)[1..], lines[1..], "the same state is the same text");

    // Removals and additions, by the difference alone.
    verbs.done(&json!({ "verb": "reload" }));
    assert_eq!(daemon.hash(2), small);
    verbs.apply(&[change("cluster_add", "passing", "", json!({}))]);
    let shown = daemon.json(&format!("state load {} --dry-run", path.display()));
    assert_eq!(shown["dry_run"], true);
    let wanted = daemon.json(&format!("state load {}", path.display()));
    assert_eq!(wanted["changes"], shown["changes"]);
    assert_eq!(daemon.hash(2), full);
    assert_eq!(ask(daemon.address(), "app.test").header("origin"), Some("b"));
    assert_eq!(daemon.json(&format!("state load {}", path.display()))["count"], 0, "it is already");
    assert_eq!(daemon.client().get("/").header("origin"), Some("a"));
}

#[test]
fn a_file_that_is_not_whole_or_not_ours_is_refused_with_the_line_and_nothing_is_applied() {
    let (a, b) = (FaultyOrigin::new("a"), FaultyOrigin::new("b"));
    let daemon = Controlled::before(&[&a]);
    let mut verbs = daemon.verbs();
    verbs.apply(&everything(&b));
    save(&daemon);
    let good = fs::read(daemon.folder().state()).expect("it was saved");
    verbs.done(&json!({ "verb": "reload" }));
    let before = daemon.hash(2);
    let text = std::str::from_utf8(&good).expect("a text");
    let lines: Vec<&str> = text.lines().collect();
    let count = lines.len();
    let joined = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let replaced = |place: usize, line: &str| {
        let mut lines = lines.clone();
        lines[place] = line;
        joined(&lines)
    };
    let long = format!(
        "{{\"change\":\"cluster_add\",\"cluster\":\"x\",\"set\":{{\"hash_key\":\"{}\"}}}}",
        "x".repeat(8 << 20)
    );
    let newer = lines[0].replace("\"ringway_state\":1", "\"ringway_state\":2");
    let other_end = format!("{{\"end\":{}}}", count - 1);
    for (what, content, line) in [
        ("an empty file", Vec::new(), 1),
        ("a file of something else", b"[daemon]\nshards = 2\n".to_vec(), 1),
        ("bytes", vec![0xff; 100], 1),
        ("a JSON of something else", b"{\"name\":\"x\"}\n".to_vec(), 1),
        ("a newer format", replaced(0, &newer), 1),
        ("no end", joined(&lines[..count - 1]), count),
        ("half of it", good[..good.len() / 2].to_vec(), 0),
        ("a last line that is cut", good[..good.len() - 4].to_vec(), count),
        ("another end", replaced(count - 1, &other_end), count),
        ("a line that is no change", replaced(3, "{}"), 4),
        ("a line that is no JSON", replaced(2, "oops"), 3),
        (
            "a line of another change",
            replaced(2, "{\"change\":\"cluster_add\",\"cluster\":\"y\",\"set\":{}}"),
            0,
        ),
        ("a line that is lost", joined(&[&lines[..2], &lines[3..]].concat()), 0),
        ("a line twice", joined(&[&lines[..3], &lines[2..]].concat()), 0),
        ("more behind the end", [&good[..], b"{}\n"].concat(), count + 1),
        ("an over-long line", replaced(3, &long), 4),
        ("not UTF-8", [text.as_bytes()[..text.len() - 20].to_vec(), vec![0xff; 20]].concat(), 0),
    ] {
        fs::write(daemon.folder().state(), &content).expect("a folder to write to");
        for words in ["state load", "state load --dry-run"] {
            let (verb, option) = words.split_at("state load".len());
            let words = format!("{verb} {}{option}", daemon.folder().state().display());
            let said = daemon.cli(&format!("{words} --json"));
            assert!(said.code.is_some_and(|code| code == 1 || code == 2), "{what}: {said:?}");
            let refusal: Value = serde_json::from_str(&said.err).expect("JSON");
            let message = refusal["message"].as_str().expect("a text");
            assert!(message.contains("ringway.state"), "{what}: {message}");
            let named = if line == 0 { "line ".to_owned() } else { format!("line {line}") };
            assert!(message.contains(&named) && message.len() < 2000, "{what}, {named}: {message}");
        }
        assert_eq!(daemon.hash(2), before, "{what}");
    }
    fs::write(daemon.folder().state(), &good).expect("a folder to write to");
    daemon.json(&format!("state load {}", daemon.folder().state().display()));
    assert_ne!(daemon.hash(2), before);
}

#[test]
fn a_file_that_can_not_be_written_leaves_the_old_one_as_it_was() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = save(&daemon);
    let folder = daemon.folder().file("folder");
    fs::create_dir(&folder).expect("a folder to write to");
    let refusal = daemon.refusal(&format!("state save {}", folder.display()), 1);
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("io"), &json!("file")), "{refusal}");
    assert_eq!(save(&daemon), before);
}

#[test]
fn every_change_is_saved_by_itself_where_that_was_asked_for() {
    let origin = FaultyOrigin::new("a");
    let folder = crate::common::control::Folder::new();
    let lines = format!("state_file = \"{}\"\nautomatic_state_save = true", folder.state().display());
    folder.configure(&lines, &site("", &[&origin]));
    let daemon = folder.start();
    let mut verbs = daemon.verbs();
    for n in 0..50 {
        verbs.apply(&[change("cluster_add", &format!("c{n}"), "", json!({}))]);
    }
    let file = daemon.folder().state();
    crate::common::eventually("the last one is in it", crate::common::LONG, || {
        let text = fs::read_to_string(&file).ok()?;
        (text.contains("\"c49\"") && text.lines().last()?.starts_with("{\"end\":")).then_some(())
    });
    assert_eq!(mode(&file), 0o600);
    assert_eq!(daemon.events_since(Some(1), &["STATE_SAVED"]).seen(), [], "it follows what is told");
    // And the last before the end, however soon that comes.
    verbs.apply(&[change("cluster_add", "last", "", json!({}))]);
    let folder = daemon.end(rustix::process::Signal::TERM);
    assert!(fs::read_to_string(folder.state()).expect("it was saved").contains("\"last\""));
}
