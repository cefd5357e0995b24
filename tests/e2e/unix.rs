//! Backends on UNIX sockets.

use std::path::Path;

use crate::common::{Client, Daemon, LONG, UnixOrigin, eventually, socket_path};

/// One backend on this path.
fn backend(path: &Path) -> String {
    format!("backends = [{{ id = \"app\", address = \"unix:{}\" }}]", path.display())
}

fn post(client: &mut Client, body: &[u8]) -> u16 {
    client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len()));
    let answer = client.ask(body);
    assert!(answer.status != 200 || answer.body.ends_with(&body[..body.len().min(60_000)]));
    answer.status
}

#[test]
fn requests_reach_a_backend_on_a_unix_socket_and_its_connection_is_kept() {
    let path = socket_path();
    let origin = UnixOrigin::echo_at(&path, "app");
    let daemon = Daemon::tuned("", &backend(&path), &[]);
    let mut client = daemon.client();
    for n in 0..100 {
        let answer = client.get(&format!("/{n}"));
        assert_eq!((answer.status, answer.header("origin")), (200, Some("app")));
        assert!(answer.text().starts_with(&format!("GET /{n} HTTP/1.1\r\n")));
    }
    assert!(answer_tells_of(&mut client, "x-forwarded-for: 127.0.0.1"));
    for len in [10, 5000, 1_000_000] {
        assert_eq!(post(&mut client, &vec![b'x'; len]), 200, "{len} bytes");
    }
    assert_eq!(origin.requests(), 104);
    assert_eq!(origin.connections(), 1);
}

fn answer_tells_of(client: &mut Client, line: &str) -> bool {
    client.get("/").text().lines().any(|told| told == line)
}

#[test]
fn a_path_where_nobody_listens_means_503_until_somebody_does() {
    let path = socket_path();
    let daemon = Daemon::tuned("", &backend(&path), &[]);
    let mut client = daemon.client();
    assert_eq!(client.get("/").status, 503);
    let _origin = UnixOrigin::echo_at(&path, "late");
    eventually("the backend serves", LONG, || (client.get("/").status == 200).then_some(()));
}

#[test]
fn a_backend_may_be_restarted_on_its_path() {
    let path = socket_path();
    let daemon = Daemon::tuned("", &backend(&path), &[]);
    let mut client = daemon.client();
    for name in ["first", "second", "third"] {
        let origin = UnixOrigin::echo_at(&path, name);
        eventually("it serves", LONG, || (client.get("/").header("origin") == Some(name)).then_some(()));
        for _ in 0..10 {
            assert_eq!(client.get("/").header("origin"), Some(name), "nothing of the one before is left");
        }
        drop(origin);
        assert!(matches!(post(&mut daemon.client(), b"hi"), 502 | 503));
    }
}

#[test]
fn a_tcp_listener_may_lead_to_a_unix_socket() {
    let path = socket_path();
    let origin = UnixOrigin::echo_at(&path, "app");
    let daemon = Daemon::relaying("", &backend(&path), &[]);
    let mut client = daemon.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").header("origin"), Some("app"));
    }
    assert_eq!(origin.connections(), 1);
}
