//! Process groups made of `sh` and `sleep`.

use std::path::{Path, PathBuf};

use super::Group;
use crate::error::Error;
use crate::probe::Expected;
use crate::scratch::Scratch;
use crate::usage::processes_of;
use crate::{clock, ports};

fn shell(dir: &Path, script: &str) -> Group {
    Group::start("shell", 0, dir, &PathBuf::from("sh"), &["-c".to_owned(), script.to_owned()]).unwrap()
}

#[test]
fn a_dropped_group_leaves_no_process_behind_even_when_it_ignores_being_asked() {
    let dir = Scratch::new("group-drop").unwrap();
    let group = shell(dir.path(), "trap '' TERM; sleep 60 & sleep 60 & wait");
    let leader = group.child.id();
    while processes_of(leader).unwrap().len() < 3 {
        clock::pause();
    }
    drop(group);
    assert_eq!(processes_of(leader).unwrap(), []);
}

#[test]
fn a_process_that_ends_early_is_reported_with_its_last_words() {
    let dir = Scratch::new("group-early").unwrap();
    let mut group = shell(dir.path(), "echo no such directive >&2; exit 3");
    let expected = Expected { body_bytes: 0, close: false };
    let error = group.wait_until_ready(ports::free().unwrap(), expected).unwrap_err();
    let Error::Ended { status, log, .. } = error else { panic!("{error}") };
    assert!(status.contains('3'), "{status}");
    assert_eq!(log, "no such directive");
}

#[test]
fn a_process_that_leaves_its_core_is_found_out() {
    let dir = Scratch::new("group-pinned").unwrap();
    let mut group = shell(dir.path(), "sleep 60; true");
    while processes_of(group.child.id()).unwrap().len() < 2 {
        clock::pause();
    }
    group.check_pinned().unwrap();
    group.core = 4095;
    assert!(matches!(group.check_pinned(), Err(Error::NotPinned { core: 4095, .. })));
}
