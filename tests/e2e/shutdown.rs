//! How the daemon ends.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Client, Daemon, LONG, Origin, Then, descriptors, eventually, now};

/// An origin that answers when it is told to, and at once when nobody is left to tell it.
fn held() -> (Origin, mpsc::Sender<()>) {
    let (go_on, waits) = mpsc::channel::<()>();
    let waits = Arc::new(Mutex::new(waits));
    let origin = Origin::with(move |_, out| {
        let _ = waits.lock().expect("no panic").recv();
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")?;
        Ok(Then::Keep)
    });
    (origin, go_on)
}

/// A client whose request has reached the origin.
fn with_request_in_progress(daemon: &Daemon, origin: &Origin) -> Client {
    let mut client = daemon.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    eventually("the request arrives", LONG, || (origin.requests() > 0).then_some(()));
    client
}

#[test]
fn sigterm_and_sigint_let_the_running_request_finish_and_exit_with_zero() {
    for signal in [Signal::TERM, Signal::INT] {
        let (origin, go_on) = held();
        let mut daemon = Daemon::before(&[&origin]);
        let mut begun = daemon.client();
        begun.send("GET / HTTP/1.1\r\nHost: nobody\r\n");
        let mut client = with_request_in_progress(&daemon, &origin);
        daemon.signal(signal);
        eventually("new connections are refused", LONG, || Client::try_connect(daemon.address()).err());
        go_on.send(()).expect("the origin waits");
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, "done"), "{signal:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{signal:?}");
        client.expect_closed();
        drop(go_on);
        // Its head had begun: it is a request in progress, too.
        begun.send("\r\n");
        assert_eq!(begun.answer().status, 200, "{signal:?}");
        assert_eq!(daemon.wait(LONG).code(), Some(0), "{signal:?}");
        assert!(daemon.log().contains("every one was finished"), "{}", daemon.log());
    }
}

#[test]
fn an_idle_daemon_ends_at_once() {
    for connections in [0, 20] {
        let origin = Origin::echo("one");
        let mut daemon = Daemon::before(&[&origin]);
        let mut clients: Vec<_> = (0..connections).map(|_| daemon.client()).collect();
        for client in &mut clients {
            assert_eq!(client.get("/").status, 200);
        }
        let start = now();
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.wait(LONG).code(), Some(0));
        let took = start.elapsed();
        assert!(took < Duration::from_millis(500), "with {connections} connections after {took:?}");
        for mut client in clients {
            client.expect_closed();
        }
    }
}

#[test]
fn connections_that_never_said_anything_do_not_hold_it_up() {
    let origin = Origin::echo("one");
    let mut daemon = Daemon::before(&[&origin]);
    let before = descriptors(daemon.pid());
    let silent: Vec<_> = (0..20).map(|_| daemon.client()).collect();
    eventually("they are accepted", LONG, || (descriptors(daemon.pid()) >= before + 20).then_some(()));
    let start = now();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(LONG).code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(1), "after {:?}", start.elapsed());
    for mut client in silent {
        client.expect_closed();
    }
}

#[test]
fn what_runs_beyond_the_drain_deadline_is_cut_off_and_told() {
    let (origin, _go_on) = held();
    let mut daemon = Daemon::configured(&format!(
        r#"
        daemon.drain_timeout = "500ms"
        listeners = [{{ name = "main", address = "127.0.0.1:0" }}]
        clusters.site = {{ frontends = [{{}}], backends = [{{ address = "{}" }}] }}
        "#,
        origin.address
    ));
    let mut client = with_request_in_progress(&daemon, &origin);
    let start = now();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(LONG).code(), Some(0));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(500) && took < Duration::from_millis(2500), "after {took:?}");
    assert!(daemon.log().contains("connections cut off: 1"), "{}", daemon.log());
    client.try_answer().expect_err("there is none");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (first, second, code) in [(Signal::TERM, Signal::TERM, 143), (Signal::TERM, Signal::INT, 130)] {
        let (origin, _go_on) = held();
        let mut daemon = Daemon::before(&[&origin]);
        let _client = with_request_in_progress(&daemon, &origin);
        daemon.signal(first);
        daemon.expect_log("draining");
        let start = now();
        daemon.signal(second);
        let status = daemon.wait(LONG);
        assert_eq!((status.code(), status.signal()), (Some(code), None));
        assert!(start.elapsed() < Duration::from_secs(2), "after {:?}", start.elapsed());
    }
}

#[test]
fn sighup_without_a_file_is_told_and_changes_nothing() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut client = daemon.client();
    assert_eq!(client.get("/").status, 200);
    daemon.signal(Signal::HUP);
    daemon.expect_log("SIGHUP: there is no configuration file to read again");
    assert_eq!(client.get("/").status, 200);
    assert_eq!(daemon.client().get("/").status, 200);
}
