//! What the origin learns of the client, and what stays between neighbours.

use std::io::Write;

use crate::common::{Client, Daemon, Origin, Then};

/// The fields that arrive at an echoing origin, in lower case.
fn arriving(client: &mut Client, fields: &str) -> Vec<(String, String)> {
    client.send(format!("GET / HTTP/1.1\r\nHost: Example.com:81\r\n{fields}\r\n"));
    let answer = client.answer();
    assert_eq!(answer.status, 200);
    let lines = answer.text().lines().skip(1).map_while(|line| line.split_once(": "));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn values<'f>(fields: &'f [(String, String)], name: &str) -> Vec<&'f str> {
    fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_str()).collect()
}

#[test]
fn the_origin_learns_who_asked_and_for_what() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let fields = arriving(&mut daemon.client(), "X-Request: 1\r\n");
    assert_eq!(values(&fields, "host"), ["Example.com:81"]);
    assert_eq!(values(&fields, "x-request"), ["1"]);
    assert_eq!(values(&fields, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&fields, "x-forwarded-proto"), ["http"]);
    assert_eq!(values(&fields, "x-forwarded-host"), ["Example.com:81"]);
    assert_eq!(values(&fields, "x-forwarded-port"), [daemon.address().port().to_string()]);
}

#[test]
fn a_client_can_not_forge_how_it_reached_us() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let fields = arriving(
        &mut daemon.client(),
        "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: bank.example\r\n\
         X-Forwarded-Port: 443\r\nConnection: X-Forwarded-For, X-Forwarded-Proto\r\n",
    );
    let clients = values(&fields, "x-forwarded-for").join(", ");
    assert!(clients.ends_with("127.0.0.1"), "the last is what we saw ourselves: {clients}");
    assert_eq!(values(&fields, "x-forwarded-proto"), ["http"]);
    assert_eq!(values(&fields, "x-forwarded-host"), ["Example.com:81"]);
    assert_eq!(values(&fields, "x-forwarded-port"), [daemon.address().port().to_string()]);
}

#[test]
fn former_hops_stay_in_front() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let fields = arriving(&mut daemon.client(), "X-Forwarded-For: 192.0.2.7, 192.0.2.8\r\n");
    assert_eq!(values(&fields, "x-forwarded-for"), ["192.0.2.7, 192.0.2.8, 127.0.0.1"]);
}

#[test]
fn hop_by_hop_fields_end_here() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let fields = arriving(
        &mut daemon.client(),
        "Connection: keep-alive, X-Secret\r\nKeep-Alive: timeout=5\r\nX-Secret: 1\r\nProxy-Connection: x\r\n\
         Upgrade: h2c\r\nX-Kept: 2\r\n",
    );
    for gone in ["connection", "keep-alive", "x-secret", "proxy-connection", "upgrade"] {
        assert_eq!(values(&fields, gone), [""; 0], "{gone} in {fields:?}");
    }
    assert_eq!(values(&fields, "x-kept"), ["2"]);
}

#[test]
fn hop_by_hop_fields_of_the_origin_end_here() {
    let origin = Origin::with(|_, out| {
        out.write_all(
            b"HTTP/1.1 200 OK\r\nConnection: X-Internal\r\nX-Internal: 1\r\nKeep-Alive: timeout=5\r\n\
              Content-Length: 2\r\nX-Kept: 2\r\n\r\nok",
        )?;
        Ok(Then::Keep)
    });
    let daemon = Daemon::before(&[&origin]);
    let answer = daemon.client().get("/");
    assert_eq!(answer.text(), "ok");
    for gone in ["x-internal", "keep-alive"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert_eq!(answer.header("x-kept"), Some("2"));
}
