//! The command line: what it accepts, what it refuses, and how it says so.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::common::{Daemon, Origin, config_file, ringway, run, tool};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

#[test]
fn the_start_says_where_each_listener_is_and_then_that_it_is_ready() {
    let origin = Origin::echo("one");
    let daemon = Daemon::configured(&format!(
        r#"
        daemon.shards = 3
        listeners = [{{ name = "a", address = "127.0.0.1:0" }}, {{ name = "b", address = "127.0.0.1:0" }}]
        clusters.site = {{ frontends = [{{}}], backends = [{{ address = "{}" }}] }}
        "#,
        origin.address
    ));
    let [a, b, ready] = &daemon.start_lines[..] else { panic!("{:?}", daemon.start_lines) };
    assert!(a.starts_with("listener a on 127.0.0.1:") && a.contains(": http, 3 shards on core"), "{a}");
    assert!(b.starts_with("listener b on 127.0.0.1:") && b.contains(": http, 3 shards on core"), "{b}");
    assert_eq!(ready, "ready");
    assert_ne!(daemon.listener("a").port(), 0);
    assert_ne!(daemon.listener("a"), daemon.listener("b"));
}

#[test]
fn the_examples_are_valid() {
    let mut checked = 0;
    for entry in fs::read_dir(EXAMPLES).expect("the folder of the examples").flatten() {
        let file = entry.path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            let (code, printed, said) = run(ringway().args(["check", "-c"]).arg(&file));
            assert_eq!(code, Some(0), "{said}");
            assert!(printed.starts_with(&format!("{}: ok (", file.display())), "{printed}");
            checked += 1;
        }
    }
    assert!(checked >= 2, "{checked} examples");
}

#[test]
fn a_check_counts_what_the_file_holds_and_tells_what_is_hardly_meant() {
    let file = config_file(
        r#"
        listeners = [{ name = "a", address = "127.0.0.1:8080" }, { name = "b", address = "127.0.0.1:8081" }]
        [clusters.c]
        frontends = [{ listeners = ["a"] }]
        backends = [{ address = "127.0.0.1:9000" }, { address = "127.0.0.1:9001" }, { address = "127.0.0.1:9002" }]
        "#,
    );
    let (code, printed, said) = run(ringway().args(["check", "-c"]).arg(&file));
    let file = file.display();
    assert_eq!(code, Some(0));
    assert_eq!(printed, format!("{file}: ok (2 listeners, 1 cluster, 3 backends)\n"));
    assert_eq!(
        said,
        format!("{file}: warning: no frontend holds for listener \"b\": each of its requests gets 404\n")
    );
}

#[test]
fn every_problem_of_a_file_is_told_with_its_place_and_nothing_starts() {
    let file = config_file(
        "[[listeners]]\nname = \"web\"\naddress = \"127.0.0.1\"\n[clusters.site]\nretrys = 3\n\
         [[clusters.site.frontends]]\n[[clusters.site.backends]]\naddress = \"127.0.0.1:0\"\n",
    );
    for subcommand in ["check", "start"] {
        let (code, printed, said) = run(ringway().args([subcommand, "-c"]).arg(&file));
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{subcommand}: {said}");
        for (line, text) in
            [(3, "listeners[0].address"), (5, "did you mean \"retries\"?"), (8, "backends[0].address")]
        {
            let place = format!("{}:{line}:", file.display());
            let told = said.lines().any(|said| said.starts_with(&place) && said.contains(text));
            assert!(told, "{subcommand}: {place} {text}:\n{said}");
        }
    }
}

#[test]
fn a_file_that_can_not_be_read_is_named() {
    for subcommand in ["check", "start"] {
        let (code, _, said) = run(ringway().args([subcommand, "-c", "/nowhere/ringway.toml"]));
        assert_eq!(code, Some(2));
        assert!(said.starts_with("/nowhere/ringway.toml: ") && said.contains("No such file"), "{said}");
    }
}

#[test]
fn flags_that_make_no_sense_are_refused_with_a_remedy() {
    for (args, remedy) in [
        (&["start"][..], "give a configuration file"),
        (&["start", "-c", "x.toml", "--listen", "127.0.0.1:0"], "drop --listen"),
        (&["start", "-c", "x.toml", "--to", "127.0.0.1:1"], "drop --to"),
        (&["start", "-c", "x.toml", "--shards", "2"], "daemon.shards"),
        (&["start", "--listen", "127.0.0.1:0"], "at least one address"),
        (&["start", "--to", "127.0.0.1:1"], "--listen 127.0.0.1:8080"),
        (&["start", "--listen", "8080", "--to", "127.0.0.1:1"], "did you mean 127.0.0.1:8080"),
        (&["start", "--listen", "127.0.0.1:0", "--to", "localhost:1"], "names are not resolved"),
        (&["start", "--listen", "127.0.0.1:1", "--to", "127.0.0.1:1"], "round for ever"),
        (&["start", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--shards", "0"], "--shards"),
        (&["start", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--shards", "2000"], "at most 1024"),
        (&["strat"], "start"),
        (&["check"], "--config <FILE>"),
    ] {
        let (code, printed, said) = run(ringway().args(args));
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{args:?}: {said}");
        assert!(said.contains(remedy), "{args:?}: {said}");
    }
}

#[test]
fn the_help_has_examples_and_exit_codes() {
    let (code, printed, _) = run(ringway().arg("--help"));
    assert_eq!(code, Some(0));
    for text in ["start", "check", "demo", "Exit codes:"] {
        assert!(printed.contains(text), "{text} in:\n{printed}");
    }
    for subcommand in ["start", "check", "demo"] {
        let (code, printed, _) = run(ringway().args([subcommand, "--help"]));
        assert_eq!(code, Some(0));
        assert!(printed.contains(&format!("  ringway {subcommand}")), "an example in:\n{printed}");
    }
}

#[test]
fn an_address_in_use_is_told_with_the_command_that_finds_its_user() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = other.local_addr().expect("bound");
    refused_as_in_use(&taken.to_string(), taken.port());
}

#[test]
fn a_second_daemon_does_not_take_half_of_the_connections_of_the_first() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    refused_as_in_use(&daemon.address().to_string(), daemon.address().port());
    assert_eq!(daemon.client().get("/").status, 200);
}

fn refused_as_in_use(address: &str, port: u16) {
    let (code, printed, said) = run(ringway().args(["start", "--listen", address, "--to", "127.0.0.1:9"]));
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{said}");
    for text in [address, "in use", &format!("ss -ltnp 'sport = :{port}'")] {
        assert!(said.contains(text), "{text:?} in:\n{said}");
    }
}

/// The daemon under this limit, as a user without privileges. The kernel counts locked memory by user, so each test has
/// one of its own.
fn unprivileged(user: u32, limit: &str, args: &[&str]) -> Option<(Option<i32>, String, String)> {
    if !rustix::process::geteuid().is_root() || !["setpriv", "prlimit"].iter().all(|name| tool(name)) {
        println!("skipped: needs root, setpriv and prlimit");
        return None;
    }
    // Where the binary was built, others may not look.
    let binary = std::env::temp_dir().join(format!("ringway-{}-{user}", std::process::id()));
    fs::copy(env!("CARGO_BIN_EXE_ringway"), &binary).expect("room for a copy");
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let mut command = Command::new("prlimit");
    let [user, group] = ["reuid", "regid"].map(|id| format!("--{id}={user}"));
    command.args([limit, "setpriv", &user, &group, "--clear-groups"]);
    let outcome = run(command.arg(Path::new(&binary)).args(args));
    fs::remove_file(&binary).expect("it is ours");
    Some(outcome)
}

#[test]
fn without_io_uring_it_says_why_and_exits_with_three() {
    let args = ["start", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"];
    if let Some((code, printed, said)) = unprivileged(65_501, "--memlock=65536", &args) {
        assert_eq!((code, printed.as_str()), (Some(3), ""), "{said}");
        assert!(said.contains("RLIMIT_MEMLOCK: 64 KiB") && said.contains("LimitMEMLOCK"), "{said}");
    }
}

#[test]
fn behind_a_seccomp_filter_it_says_so_and_exits_with_three() {
    // A filter holds for the thread and for what it starts.
    let denied = thread::spawn(|| {
        let io_uring_setup = 425;
        let filter = SeccompFilter::new(
            [(io_uring_setup, vec![])].into(),
            SeccompAction::Allow,
            SeccompAction::Errno(1),
            std::env::consts::ARCH.try_into().expect("an architecture with filters"),
        );
        let program = BpfProgram::try_from(filter.expect("a sound filter")).expect("a short program");
        seccompiler::apply_filter(&program).expect("a process may restrict itself");
        run(ringway().args(["start", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"]))
    });
    let (code, printed, said) = denied.join().expect("it ran to its end");
    assert_eq!((code, printed.as_str()), (Some(3), ""), "{said}");
    assert_eq!(said.lines().count(), 1, "one error, not one for each shard: {said}");
    assert!(said.contains("seccomp") && said.contains("remedy"), "{said}");
}

#[test]
fn a_shard_that_can_not_start_ends_the_whole_start() {
    // Room for some shards and not for all: each locks some hundred KiB.
    let args = ["start", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--shards", "16"];
    if let Some((code, printed, said)) = unprivileged(65_503, "--memlock=2097152", &args) {
        assert_eq!((code, printed.as_str()), (Some(3), ""), "{said}");
        for text in ["shard-", "did not start", "RLIMIT_MEMLOCK: 2048 KiB"] {
            assert!(said.contains(text), "{text:?} in:\n{said}");
        }
    }
}

#[test]
fn a_privileged_port_is_told_with_the_three_ways_to_get_it() {
    let unprivileged_from = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if unprivileged_from.is_ok_and(|port| port.trim().parse().is_ok_and(|port: u32| port <= 80)) {
        return println!("skipped: port 80 is for everyone here");
    }
    let args = ["start", "--listen", "127.0.0.1:80", "--to", "127.0.0.1:9"];
    if let Some((code, printed, said)) = unprivileged(65_502, "--nofile=1024", &args) {
        assert_eq!((code, printed.as_str()), (Some(1), ""), "{said}");
        for text in ["127.0.0.1:80", "CAP_NET_BIND_SERVICE", "net.ipv4.ip_unprivileged_port_start"] {
            assert!(said.contains(text), "{text:?} in:\n{said}");
        }
    }
}
