//! What a start begins with: the state file if that was asked for and it is newer, else the configuration file.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::json;

use crate::common::FaultyOrigin;
use crate::common::control::{Controlled, Folder, change, site};

/// The configuration, with a state file and these further lines.
fn configure(folder: &Folder, origin: &FaultyOrigin, lines: &str) {
    let state = format!("state_file = \"{}\"\n{lines}", folder.state().display());
    folder.configure(&state, &site("", &[origin]));
}

/// A folder with a state file that has one cluster more than the configuration file; whoever started saved it.
fn saved(origin: &FaultyOrigin, lines: &str) -> Folder {
    let folder = Folder::new();
    configure(&folder, origin, lines);
    let daemon = folder.start();
    daemon.verbs().apply(&[change("cluster_add", "app", "", json!({}))]);
    daemon.json("state save");
    daemon.end(Signal::TERM)
}

fn has_app(daemon: &Controlled) -> bool {
    daemon.how()["clusters"] == 2
}

fn touched(file: &std::path::Path, ago: Duration) {
    let file = File::options().write(true).open(file).expect("it is there");
    file.set_modified(SystemTime::now() - ago).expect("it is ours");
}

#[test]
fn a_state_file_that_is_newer_is_taken_where_that_was_asked_for() {
    let origin = FaultyOrigin::new("a");
    let folder = saved(&origin, "load_state = true");
    touched(&folder.config(), Duration::from_secs(60));
    let daemon = folder.start();
    assert!(has_app(&daemon));
    assert_eq!(daemon.client().get("/").status, 200);
    daemon.hash(2);
    // The configuration file is what a reload goes by.
    daemon.json("reload");
    assert!(!has_app(&daemon));
}

#[test]
fn a_configuration_file_that_is_newer_is_taken() {
    let origin = FaultyOrigin::new("a");
    let folder = saved(&origin, "load_state = true");
    touched(&folder.state(), Duration::from_secs(60));
    assert!(!has_app(&folder.start()));
}

#[test]
fn a_state_file_that_nobody_asked_for_is_left_alone() {
    let origin = FaultyOrigin::new("a");
    let folder = saved(&origin, "");
    touched(&folder.config(), Duration::from_secs(60));
    let before = fs::read(folder.state()).expect("it is there");
    let daemon = folder.start();
    assert!(!has_app(&daemon));
    assert_eq!(fs::read(daemon.folder().state()).expect("it is there"), before);
}

#[test]
fn without_a_state_file_a_start_takes_the_configuration() {
    let origin = FaultyOrigin::new("a");
    let folder = Folder::new();
    configure(&folder, &origin, "load_state = true");
    let daemon = folder.start();
    assert_eq!(daemon.how()["clusters"], 1);
}

#[test]
fn a_state_file_that_is_broken_stops_the_start_with_its_line() {
    let origin = FaultyOrigin::new("a");
    let folder = saved(&origin, "load_state = true");
    let text = fs::read(folder.state()).expect("it is there");
    fs::write(folder.state(), &text[..text.len() - 3]).expect("it is ours");
    touched(&folder.config(), Duration::from_secs(60));
    let said = folder.start_refused();
    assert!(said.code.is_some_and(|code| code != 0), "{said:?}");
    assert!(said.err.contains("ringway.state") && said.err.contains("line "), "{said:?}");
    assert!(!said.out.contains("ready"), "{said:?}");
}

#[test]
fn keys_that_need_a_state_file_are_refused_without_one() {
    let origin = FaultyOrigin::new("a");
    for key in ["automatic_state_save", "load_state"] {
        let folder = Folder::new();
        folder.configure(&format!("{key} = true"), &site("", &[&origin]));
        let said = folder.start_refused();
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(key) && said.err.contains("state_file"), "{said:?}");
    }
}
