//! What the origin learns of the client, and what stays between neighbours.

use std::io::Write;

use crate::common::{Client, Daemon, Origin, Then};

const TRUSTED: &str = "trusted_proxies = [\"127.0.0.0/8\"]";
/// Somebody is trusted, but not the clients of these tests.
const OTHERS_TRUSTED: &str = "trusted_proxies = [\"192.0.2.0/24\", \"10.0.0.1\"]";

/// What a client may claim, all at once.
const CLAIMS: &str = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: bank.example\r\n\
                      X-Forwarded-Port: 443\r\nForwarded: for=192.0.2.7;proto=https\r\n";

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

fn port(daemon: &Daemon) -> String {
    daemon.address().port().to_string()
}

/// 32 hexadecimal digits.
fn is_ours(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
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
    assert_eq!(values(&fields, "x-forwarded-port"), [port(&daemon)]);
    for unasked in ["forwarded", "x-request-id"] {
        assert_eq!(values(&fields, unasked), [""; 0], "{unasked}");
    }
}

#[test]
fn a_client_can_not_forge_how_it_reached_us() {
    let origin = Origin::echo("one");
    for listener in ["", OTHERS_TRUSTED] {
        let daemon = Daemon::tuned(listener, "", &[origin.address]);
        let hop = "Connection: X-Forwarded-For, X-Forwarded-Proto\r\n";
        let fields = arriving(&mut daemon.client(), &format!("{CLAIMS}{hop}"));
        assert_eq!(values(&fields, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(values(&fields, "x-forwarded-proto"), ["http"]);
        assert_eq!(values(&fields, "x-forwarded-host"), ["Example.com:81"]);
        assert_eq!(values(&fields, "x-forwarded-port"), [port(&daemon)]);
        assert_eq!(values(&fields, "forwarded"), [""; 0]);
    }
}

#[test]
fn a_trusted_proxy_is_believed_and_continued() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned(TRUSTED, "", &[origin.address]);
    let mut client = daemon.client();
    let fields = arriving(&mut client, CLAIMS);
    assert_eq!(values(&fields, "x-forwarded-for"), ["192.0.2.7, 127.0.0.1"]);
    assert_eq!(values(&fields, "x-forwarded-proto"), ["https"]);
    assert_eq!(values(&fields, "x-forwarded-host"), ["bank.example"]);
    assert_eq!(values(&fields, "x-forwarded-port"), ["443"]);
    assert_eq!(values(&fields, "forwarded"), ["for=192.0.2.7;proto=https"]);
    // The next request on the same connection says nothing of the kind.
    let fields = arriving(&mut client, "");
    assert_eq!(values(&fields, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&fields, "x-forwarded-proto"), ["http"]);
    assert_eq!(values(&fields, "x-forwarded-host"), ["Example.com:81"]);
    assert_eq!(values(&fields, "x-forwarded-port"), [port(&daemon)]);
}

#[test]
fn former_hops_of_a_trusted_proxy_stay_in_front() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned(TRUSTED, "", &[origin.address]);
    let fields = arriving(
        &mut daemon.client(),
        "X-Forwarded-For: 192.0.2.7, 192.0.2.8\r\nX-Other: 1\r\nX-Forwarded-For: 192.0.2.9\r\n",
    );
    let all = values(&fields, "x-forwarded-for").join(", ");
    assert_eq!(all, "192.0.2.7, 192.0.2.8, 192.0.2.9, 127.0.0.1");
}

#[test]
fn who_is_trusted_goes_by_the_address_of_each_connection() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("trusted_proxies = [\"127.0.0.2\"]", "", &[origin.address]);
    for (source, arrived) in [("127.0.0.2", "192.0.2.7, 127.0.0.2"), ("127.0.0.3", "127.0.0.3")] {
        let mut client = Client::connect_from(source, daemon.address());
        assert_eq!(values(&arriving(&mut client, CLAIMS), "x-forwarded-for"), [arrived]);
    }
}

#[test]
fn forwarded_tells_all_in_one_field_where_it_is_configured() {
    let origin = Origin::echo("one");
    let ours = "for=127.0.0.1;host=\"Example.com:81\";proto=http";
    for (trusted, claim, arrived) in [
        ("", "", ours.to_owned()),
        ("", "Forwarded: for=192.0.2.7\r\n", ours.to_owned()),
        (TRUSTED, "Forwarded: for=192.0.2.7;proto=https\r\n", format!("for=192.0.2.7;proto=https, {ours}")),
        // Half a list would name somebody else as the first.
        (TRUSTED, "Forwarded: for=192.0.2.7\r\nForwarded: for=\"\r\n", ours.to_owned()),
    ] {
        let daemon =
            Daemon::tuned(&format!("{trusted}\nforwarding = {{ forwarded = true }}"), "", &[origin.address]);
        let fields = arriving(&mut daemon.client(), claim);
        assert_eq!(values(&fields, "forwarded").join(", "), arrived, "{claim:?}");
    }
}

#[test]
fn each_field_can_be_switched_off_and_then_nobody_sends_it() {
    let origin = Origin::echo("one");
    let names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"];
    for off in names {
        let key = off.replace('-', "_");
        let daemon = Daemon::tuned(&format!("forwarding = {{ {key} = false }}"), "", &[origin.address]);
        for claims in ["", CLAIMS] {
            let fields = arriving(&mut daemon.client(), claims);
            for name in names {
                let expected = usize::from(name != off);
                assert_eq!(values(&fields, name).len(), expected, "{name} without {off}: {fields:?}");
            }
        }
    }
}

#[test]
fn a_request_id_is_left_alone_unless_it_is_configured() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let mut client = daemon.client();
    assert_eq!(values(&arriving(&mut client, ""), "x-request-id"), [""; 0]);
    assert_eq!(values(&arriving(&mut client, "X-Request-Id: theirs-1\r\n"), "x-request-id"), ["theirs-1"]);
}

#[test]
fn a_request_id_is_kept_or_added_where_there_is_none() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("forwarding = { request_id = \"keep\" }", "", &[origin.address]);
    let mut client = daemon.client();
    assert_eq!(values(&arriving(&mut client, "X-Request-Id: theirs-1\r\n"), "x-request-id"), ["theirs-1"]);
    let long = "x".repeat(5000);
    for doubtful in [
        String::new(),
        "X-Request-Id: a\r\nX-Request-Id: b\r\n".to_owned(),
        format!("X-Request-Id: {long}\r\n"),
        "X-Request-Id: a b\r\n".to_owned(),
    ] {
        let fields = arriving(&mut client, &doubtful);
        let ids = values(&fields, "x-request-id");
        assert!(matches!(ids[..], [id] if is_ours(id)), "{ids:?} for {doubtful:?}");
    }
}

#[test]
fn a_request_id_is_new_for_each_request_where_that_is_asked_for() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("forwarding = { request_id = \"new\" }", "", &[origin.address]);
    let mut client = daemon.client();
    let mut seen = Vec::new();
    for _ in 0..20 {
        let fields = arriving(&mut client, "X-Request-Id: theirs-1\r\n");
        let ids = values(&fields, "x-request-id");
        assert!(matches!(ids[..], [id] if is_ours(id)), "{ids:?}");
        seen.push(ids[0].to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20, "each is another");
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
