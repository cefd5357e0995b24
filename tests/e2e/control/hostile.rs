//! Clients that send nonsense, or half of something, or do not read: the data plane serves on, and so does the door.

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::control::wire::{Ask, Status};
use crate::common::control::{Channel, Controlled, change, framed, site};
use crate::common::{
    FaultyOrigin, LONG, Traffic, descriptors, eventually, now, raise_descriptor_limit, resident_kib,
};

/// Moderate: what is looked at is whether it is served, not how fast.
const PAUSE: Duration = Duration::from_millis(5);

/// What a client is told that sent these bytes and nothing more; and whether it is out then.
fn told(daemon: &Controlled, bytes: &[u8]) -> (Vec<String>, bool) {
    let mut channel = daemon.channel();
    // It may be closed before all is written.
    let _ = channel.stream.write_all(bytes);
    let mut reasons = Vec::new();
    channel.stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket takes it");
    loop {
        match channel.next() {
            Ok(Some(answer)) => {
                assert_eq!(answer.status(), Status::Failure, "{answer:?}");
                reasons.push(answer.message);
            }
            Ok(None) => return (reasons, true),
            Err(error) => {
                let reset = error.kind() == std::io::ErrorKind::ConnectionReset;
                return (reasons, reset);
            }
        }
    }
}

/// These bytes behind a length, whatever that says.
fn behind(length: u64, rest: &[u8]) -> Vec<u8> {
    [&length.to_le_bytes(), rest].concat()
}

#[test]
fn nonsense_gets_a_clear_error_and_nobody_else_notices() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = daemon.hash(2);
    let traffic = Traffic::start(daemon.address(), 2, PAUSE);
    let noise: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    // Where a message ends is not known any more: told, and out.
    for (what, bytes) in [
        ("a length that does not count itself", behind(0, b"")),
        ("a length of less than itself", behind(7, b"")),
        ("a length beyond all bounds", behind(u64::MAX, b"")),
        ("a length that is too long", behind(1 << 40, &noise)),
        ("another protocol", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
    ] {
        let (reasons, is_out) = told(&daemon, &bytes);
        assert!(is_out, "{what}: still open");
        let [reason] = &reasons[..] else { panic!("{what}: {reasons:?}") };
        assert!(reason.contains("bytes"), "{what}: {reason}");
    }
    // Where the message ends is known: told, and the next one is welcome.
    for (what, message) in [
        ("nothing", &b""[..]),
        ("noise", &noise[..]),
        ("a field without its end", &[0x0a, 0xff, 0x01, b'x'][..]),
        ("a field that is not known", &[0xf8, 0xff, 0x03, 0x01][..]),
        ("a message without what it requires", &[0x6a, 0x00][..]),
        ("a text that is none", &[0x0a, 0x02, 0xff, 0xfe][..]),
    ] {
        let (reasons, _) = told(&daemon, &behind(message.len() as u64 + 8, message));
        assert_eq!(reasons.len(), 1, "{what}: {reasons:?}");
        assert!(!reasons[0].is_empty(), "{what}");
    }
    let mut verbs = daemon.verbs();
    for (verb, named) in [
        (json!({ "verb": "no_such_verb" }), "no_such_verb"),
        (json!({ "verb": "apply" }), "changes"),
        (json!({ "verb": "apply", "changes": [], "surely": true }), "surely"),
        (json!({ "verb": "apply", "changes": [{ "change": "nothing_such" }] }), "nothing_such"),
        (json!([1, 2, 3]), ""),
        (Value::Null, ""),
    ] {
        let error = verbs.refused(&verb);
        assert_eq!(error["code"], "invalid", "{verb}: {error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(named)), "{verb}: {error}");
    }
    let deep = "[".repeat(100_000);
    verbs.channel_send(&deep);
    assert!(verbs.next().is_some_and(|answer| answer.is_err()), "it is refused, and no stack overflows");
    assert_eq!(daemon.hash(2), before);
    traffic.expect_served(20);
}

#[test]
fn half_messages_slow_readers_and_floods_hold_nobody_up() {
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::of("log_level = \"warn\"", &site("", &[&origin]));
    let traffic = Traffic::start(daemon.address(), 2, PAUSE);
    traffic.more(20);
    let before = (descriptors(daemon.pid()), resident_kib(daemon.pid()));
    let mut open = Vec::new();
    // Half of a length, a length alone, half of a large message.
    for half in [vec![9, 0, 0], behind(100, b""), behind(60 << 20, &[0; 1000])] {
        for _ in 0..20 {
            let mut channel = daemon.channel();
            channel.stream.write_all(&half).expect("the daemon takes it");
            open.push(channel);
        }
    }
    // Asks on and on, and reads nothing.
    let mut flood = daemon.channel();
    flood.stream.set_nonblocking(true).expect("a socket takes it");
    let question = framed(Ask::Ringway(r#"{"verb":"configuration"}"#.to_owned()));
    let since = now();
    while now() - since < Duration::from_secs(1) {
        match flood.stream.write(&question) {
            Ok(n) if n == question.len() => {}
            _ => std::thread::yield_now(),
        }
    }
    // Is told of every change, and reads nothing.
    let mut deaf = daemon.verbs();
    deaf.send(&json!({ "verb": "subscribe" }));
    let mut verbs = daemon.verbs();
    for round in 0..20 {
        let weights: Vec<_> = (0..200)
            .map(|n| change("backend_update", "site", "a", json!({ "weight": 1 + (n + round) % 2 })))
            .collect();
        let began = now();
        verbs.apply(&weights);
        assert!(now() - began < Duration::from_secs(5), "round {round} took {:?}", now() - began);
    }
    daemon.how();
    let grown = resident_kib(daemon.pid()).saturating_sub(before.1);
    assert!(grown < 64 * 1024, "{grown} KiB more");
    // Who goes in the middle is forgotten.
    drop((open, flood, deaf, verbs));
    eventually("their connections are closed", LONG, || {
        (descriptors(daemon.pid()) <= before.0 + 5).then_some(())
    });
    traffic.expect_served(50);
    daemon.hash(2);
}

#[test]
fn a_thousand_idle_clients_leave_room_for_one_that_asks_and_more_are_told_so() {
    const CLIENTS: usize = 1000;
    /// More than any door should let in.
    const TOO_MANY: usize = 1500;
    let limit = raise_descriptor_limit();
    if limit < 2 * TOO_MANY as u64 + 500 {
        return println!("skipped: {limit} descriptors are too few (ulimit -Hn)");
    }
    let origin = FaultyOrigin::new("a");
    let daemon = Controlled::before(&[&origin]);
    let before = descriptors(daemon.pid());
    let memory = resident_kib(daemon.pid());
    let traffic = Traffic::start(daemon.address(), 2, PAUSE);
    let mut idle: Vec<Channel> = (0..CLIENTS).map(|_| daemon.channel()).collect();
    eventually("all are accepted", LONG, || (descriptors(daemon.pid()) >= before + CLIENTS).then_some(()));
    let grown = resident_kib(daemon.pid()).saturating_sub(memory);
    assert!(grown < 16 * 1024, "{CLIENTS} clients took {grown} KiB");
    let mut verbs = daemon.verbs();
    verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": 7 }))]);
    // Beyond its bound a client is told so, and is out.
    let mut last = None;
    while idle.len() < TOO_MANY && last.is_none() {
        let mut channel = daemon.channel();
        channel.stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket takes it");
        last = channel.next().ok();
        idle.push(channel);
    }
    let last = last.expect("there is a bound").expect("a reason");
    assert_eq!(last.status(), Status::Failure, "{last:?}");
    assert!(last.ringway_error.is_some_and(|error| error.contains("busy")), "{}", last.message);
    let channel = idle.last_mut().expect("more than a thousand");
    channel.stream.set_read_timeout(Some(LONG)).expect("a socket takes it");
    assert_eq!(channel.stream.read(&mut [0]).expect("an end"), 0);
    verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": 8 }))]);
    drop(idle);
    eventually("all are gone", LONG, || (descriptors(daemon.pid()) < before + 50).then_some(()));
    daemon.how();
    traffic.expect_served(50);
}
