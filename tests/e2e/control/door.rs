//! Who may come in, and the socket's file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::thread;

use rustix::process::{Signal, Uid, geteuid};
use rustix::thread::set_thread_res_uid;
use serde_json::json;

use crate::common::control::wire::{Ask, Status};
use crate::common::control::{Channel, Controlled, Folder, mode, site};
use crate::common::{Daemon, FaultyOrigin, run, tool};

/// The user `nobody` of every distribution.
const NOBODY: u32 = 65534;

#[test]
fn the_socket_is_its_owners_alone_and_goes_with_the_process() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let socket = daemon.folder().socket();
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(daemon.how()["pid"], daemon.pid());
    let folder = daemon.end(Signal::TERM);
    assert!(!folder.socket().exists());
}

#[test]
fn what_a_killed_daemon_left_is_replaced() {
    let origin = FaultyOrigin::new("a");
    let folder = Controlled::before(&[&origin]).end(Signal::KILL);
    assert!(folder.socket().exists(), "it could not remove it");
    let daemon = folder.start();
    assert_eq!(daemon.how()["pid"], daemon.pid());
    assert_eq!(mode(&daemon.folder().socket()), 0o600);
}

#[test]
fn a_socket_that_somebody_listens_on_stays_his() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let socket = daemon.folder().socket();
    let second = Folder::new();
    let text = fs::read_to_string(daemon.folder().config()).expect("a configuration");
    fs::write(second.config(), text).expect("a folder to write to");
    let said = second.start_refused();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains(&socket.display().to_string()), "{said:?}");
    assert!(!said.out.contains("ready"), "{said:?}");
    assert_eq!(daemon.how()["pid"], daemon.pid());
    assert_eq!(daemon.client().get("/").status, 200);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone_and_the_start_refused() {
    let origin = FaultyOrigin::new("a");
    let folder = Folder::new();
    folder.configure("", &site("", &[&origin]));
    fs::write(folder.socket(), "precious").expect("a folder to write to");
    let said = folder.start_refused();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains(&folder.socket().display().to_string()), "{said:?}");
    assert_eq!(fs::read_to_string(folder.socket()).expect("it is there"), "precious");
}

#[test]
fn without_a_command_socket_there_is_none() {
    let origin = FaultyOrigin::new("a");
    let daemon = Daemon::configured(&site("", &[&origin]));
    assert_eq!(daemon.client().get("/").status, 200);
    if !tool("ss") {
        return println!("skipped: ss is not installed (iproute2)");
    }
    let (_, sockets, _) = run(std::process::Command::new("ss").args(["-xlpH"]));
    assert!(!sockets.contains(&format!("pid={},", daemon.pid())), "{sockets}");
}

/// A connection that somebody else makes: the kernel says of a socket who made it, and a thread may be another user.
fn connected_as(uid: u32, folder: &Folder) -> std::io::Result<UnixStream> {
    let socket = folder.socket();
    let other = thread::spawn(move || {
        let uid = Uid::from_raw(uid);
        set_thread_res_uid(uid, uid, uid).expect("root may become anybody");
        UnixStream::connect(socket)
    });
    other.join().expect("no panic")
}

#[test]
fn another_user_is_kept_out_by_the_file_and_where_that_is_open_by_who_he_is() {
    if !geteuid().is_root() {
        return println!("skipped: only root can be another user");
    }
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = daemon.hash(2);
    let folder = daemon.folder();
    fs::set_permissions(folder.file(""), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let refused = connected_as(NOBODY, folder).expect_err("0600 says no");
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    fs::set_permissions(folder.socket(), fs::Permissions::from_mode(0o666)).expect("it is ours");
    let mut other = Channel::over(connected_as(NOBODY, folder).expect("anybody may connect now"));
    let change = json!({ "change": "cluster_remove", "cluster": "site" });
    let verb = json!({ "verb": "apply", "changes": [change] });
    // It may be closed already.
    let _ = other.send(Ask::Ringway(verb.to_string()));
    // It is told why, if it is told anything; and then it is out.
    while let Ok(Some(answer)) = other.next() {
        assert_eq!(answer.status(), Status::Failure, "{answer:?}");
        assert!(answer.message.contains(&NOBODY.to_string()), "{answer:?}");
    }
    daemon.expect_log(&format!("{NOBODY}"));
    assert_eq!(daemon.hash(2), before);
    assert_eq!(daemon.client().get("/").status, 200);
    // Its owner still may.
    assert_eq!(daemon.how()["pid"], daemon.pid());
}
