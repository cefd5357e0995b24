//! What a load says of targets that behave, and of those that do not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ringway_loadtest::load::{self, Errors, RunningLoad, Settings, Summary, Target};
use ringway_loadtest::origin;

use crate::client::{self, ANY_PORT, origin};

pub(crate) fn wait(duration: Duration) {
    let (_nobody, wait) = mpsc::channel::<()>();
    let _ = wait.recv_timeout(duration);
}

fn put_on(settings: Settings) -> RunningLoad {
    load::spawn(settings).expect("a load")
}

/// Puts the load on until there was so much of it.
fn until(settings: Settings, enough: impl Fn(u64, u64) -> bool) -> Summary {
    let load = put_on(settings);
    let (mut requests, mut errors) = (0, 0);
    for _ in 0..1_000 {
        wait(Duration::from_millis(20));
        let sample = load.sample();
        requests += sample.requests;
        errors += sample.errors.total();
        if enough(requests, errors) {
            return load.stop().expect("it had not failed");
        }
    }
    panic!("after 20 s there were {requests} requests, {errors} errors");
}

/// Answers every connection's first request with `answer` and closes.
fn canned(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind(ANY_PORT).expect("a port");
    let addr = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            // The load is ending when either fails.
            let _ = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(answer.as_bytes()));
        }
    });
    addr
}

#[test]
fn a_closed_loop_counts_what_the_origin_counts() {
    let origin = origin();
    let summary = until(Settings::new(Target::root(origin.addr()), 8), |requests, _| requests > 2_000);
    assert_eq!(summary.errors, Errors::default());
    assert_eq!(summary.body_bytes, summary.requests * "hello from blue\n".len() as u64);
    // What was on its way at the end, the origin may have seen.
    assert!(summary.unanswered <= 8);
    assert!((summary.requests..=summary.requests + 8).contains(&origin.requests()));
    assert!(Duration::ZERO < summary.p50 && summary.p50 <= summary.p99 && summary.p99 <= summary.max);
}

#[test]
fn a_fixed_rate_is_kept() {
    let origin = origin();
    let load = put_on(Settings::new(Target::root(origin.addr()), 4).at_rate(1_000.0));
    wait(Duration::from_secs(1));
    let summary = load.stop().expect("it had not failed");
    let due = summary.elapsed.as_secs_f64() * 1_000.0;
    assert_eq!(summary.errors, Errors::default());
    // A machine that is busy otherwise answers late, but what is due is due.
    let seen = (summary.requests + summary.unanswered) as f64;
    assert!((seen - due).abs() <= 3.0, "{seen} of {due}");
}

#[test]
fn large_bodies_are_received_whole() {
    let origin =
        origin::spawn(&origin::Settings { size: Some(3 << 20), ..client::settings() }).expect("an origin");
    let summary = until(Settings::new(Target::root(origin.addr()), 2), |requests, _| requests >= 10);
    assert_eq!((summary.errors, summary.body_bytes), (Errors::default(), summary.requests * (3 << 20)));
}

#[test]
fn connections_that_are_closed_after_an_answer_are_no_errors() {
    let origin = origin::spawn(&origin::Settings { close: true, ..client::settings() }).expect("an origin");
    let summary = until(Settings::new(Target::root(origin.addr()), 2), |requests, _| requests >= 100);
    assert_eq!(summary.errors, Errors::default());
}

#[test]
fn every_way_to_fail_has_its_class() {
    type Class = fn(&Errors) -> u64;
    let cases: [(&str, Class); 5] = [
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", |e| e.status),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", |e| e.short_body),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", |e| e.short_body),
        ("", |e| e.reset),
        ("220 mail.example.com ESMTP\r\n", |e| e.malformed),
    ];
    for (answer, class) in cases {
        let summary = until(Settings::new(Target::root(canned(answer)), 1), |_, errors| errors >= 5);
        assert_eq!((summary.requests, class(&summary.errors)), (0, summary.errors.total()), "{answer:?}");
    }
}

#[test]
fn good_answers_of_every_framing_are_no_errors() {
    for answer in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello, to the end",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    ] {
        let summary = until(Settings::new(Target::root(canned(answer)), 1), |requests, _| requests >= 5);
        // A canned target is done when its thread has written, not when the load has ended.
        assert_eq!(summary.errors, Errors::default(), "{answer:?}");
    }
}

#[test]
fn nobody_there_and_nobody_answering_are_told_apart() {
    let unused = TcpListener::bind(ANY_PORT).and_then(|listener| listener.local_addr()).expect("a port");
    let refused = until(Settings::new(Target::root(unused), 2), |_, errors| errors >= 4);
    assert_eq!(refused.errors.connect, refused.errors.total());

    let silent = TcpListener::bind(ANY_PORT).expect("a port");
    let target = Target::root(silent.local_addr().expect("bound"));
    let impatient = Settings { timeout: Duration::from_millis(50), ..Settings::new(target, 2) };
    let silence = until(impatient, |_, errors| errors >= 4);
    assert_eq!(silence.errors.timeout, silence.errors.total());
}

#[test]
fn a_load_survives_the_restart_of_its_origin() {
    let first = origin();
    let addr = first.addr();
    let load = put_on(Settings::new(Target::root(addr), 4).at_rate(500.0));
    wait(Duration::from_millis(300));
    first.stop().expect("it had not failed");
    wait(Duration::from_millis(300));
    let while_down = load.sample();
    assert!(while_down.errors.connect > 0, "{while_down:?}");
    let second = origin::spawn(&origin::Settings { listen: addr, ..client::settings() }).expect("free again");
    wait(Duration::from_millis(300));
    let _ = load.sample();
    wait(Duration::from_millis(300));
    let after = load.sample();
    assert!(after.requests > 0 && second.requests() > 0);
    assert_eq!(after.errors, Errors::default());
}
