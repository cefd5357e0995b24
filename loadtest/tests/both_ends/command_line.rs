//! The program itself.

use std::process::{Command, Output};

use crate::client::origin;

fn loadtest(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringway-loadtest"))
        .args(args)
        .output()
        .expect("it was built with the test")
}

#[test]
fn a_run_ends_with_a_table() {
    let origin = origin();
    let url = format!("http://{}/?size=100", origin.addr());
    let output = loadtest(&["run", &url, "--connections", "4", "--rate", "200", "--duration", "500ms"]);
    let table = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{table}");
    for word in ["4 connections", "200 requests/s", "p50", "p99.9", "errors                 0"] {
        assert!(table.contains(word), "{word}: {table}");
    }
}

#[test]
fn a_run_without_any_answer_fails() {
    let origin = origin();
    let url = format!("http://{}/", origin.addr());
    origin.stop().expect("it had not failed");
    let output = loadtest(&["run", &url, "--duration", "100ms"]);
    let table = String::from_utf8(output.stdout).expect("text");
    assert!(!output.status.success() && table.contains("(connect "), "{table}");
}

#[test]
fn what_can_not_be_meant_is_refused() {
    for args in [
        &["run", "127.0.0.1:80"][..],
        &["run", "http://127.0.0.1:1/", "--rate", "0"],
        &["run", "http://127.0.0.1:1/", "--duration", "5"],
        &["origin", "--listen", "127.0.0.1:0", "--size", "2GiB"],
        &["origin", "--listen", "127.0.0.1:0", "--name", "a b"],
        &["origin", "--listen", "192.0.2.1:1"],
    ] {
        let output = loadtest(args);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{args:?}");
    }
}
