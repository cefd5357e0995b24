//! Files that are replaced, in real folders.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::super::folder::Folder;
use super::*;

/// A process that is no more.
fn ended() -> u32 {
    let mut child = process::Command::new("true").spawn().expect("there is a `true`");
    child.wait().expect("it ends");
    child.id()
}

#[test]
fn a_file_is_made_or_replaced_and_its_owner_alone_may_read_it() {
    let folder = Folder::new();
    let path = folder.join("state");
    for content in ["first, and longer", "second"] {
        replace(&path, content.as_bytes()).expect("it can be written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), content);
        let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{mode:o}");
        // What somebody else made of it does not stay.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("it is ours");
    }
    assert_eq!(folder.names(), ["state"]);
}

#[test]
fn who_reads_the_old_content_reads_it_to_the_end() {
    let folder = Folder::new();
    let path = folder.join("state");
    replace(&path, b"old").expect("it can be written");
    let reader = File::open(&path).expect("it is there");
    replace(&path, b"new").expect("it can be written");
    assert_eq!(io::read_to_string(reader).expect("it can be read"), "old");
}

#[test]
fn what_the_killed_have_left_is_removed_and_nothing_else() {
    let folder = Folder::new();
    let ended = ended();
    let (own, parent) = (process::id(), std::os::unix::process::parent_id());
    let random = "0123456789abcdef";
    let left = [format!(".state.{ended}-{random}.saving"), format!(".state.{own}-{random}.saving")];
    let mut stays = vec![
        "state".to_owned(),
        "state.saving".to_owned(),
        format!(".other.{ended}-{random}.saving"),
        format!(".state.{ended}-{random}"),
        format!(".state.{ended}-0123.saving"),
        format!(".state.{ended}-{random}.saving.1"),
        format!(".state.x{ended}-{random}.saving"),
        // One that is at it.
        format!(".state.{parent}-{random}.saving"),
    ];
    stays.sort_unstable();
    for name in left.iter().chain(&stays) {
        fs::write(folder.join(name), "half").expect("there is room");
    }
    replace(&folder.join("state"), b"whole").expect("it can be written");
    assert_eq!(folder.names(), stays);
}

#[test]
fn a_link_leads_to_the_file_that_is_replaced() {
    let folder = Folder::new();
    fs::create_dir(folder.join("lib")).expect("there is room");
    let (link, path) = (folder.join("state"), folder.join("lib/state"));
    fs::write(&path, "old").expect("there is room");
    symlink(&path, &link).expect("a link");
    replace(&link, b"new").expect("it can be written");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "new");
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
}

#[test]
fn what_can_not_be_replaced_stays_and_leaves_nothing_behind() {
    let folder = Folder::new();
    fs::create_dir(folder.join("folder")).expect("there is room");
    symlink("/dev/null", folder.join("device")).expect("a link");
    symlink(folder.join("nowhere/state"), folder.join("dangling")).expect("a link");
    let before = folder.names();
    for name in ["folder", "device", "dangling", "no/such/folder/state", ".."] {
        replace(&folder.join(name), b"new").expect_err(name);
    }
    assert_eq!(folder.names(), before);
    assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
}
