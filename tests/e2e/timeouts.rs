//! Who keeps us waiting for too long.

use std::io::{self, Write};
use std::time::Duration;

use crate::common::{Daemon, Origin, Then, now};

const SHORT: Duration = Duration::from_millis(300);

fn with_short_timeouts(origin: &Origin) -> Daemon {
    let timeouts = "timeouts = { head = \"300ms\", idle = \"300ms\", body = \"300ms\", connect = \"300ms\", \
                    response = \"300ms\", response_body = \"300ms\", send = \"300ms\" }";
    Daemon::tuned(timeouts, "", &[origin.address])
}

#[test]
fn a_head_that_does_not_end_gets_408() {
    let origin = Origin::echo("one");
    let daemon = with_short_timeouts(&origin);
    let mut client = daemon.client();
    let start = now();
    client.send("GET / HTTP/1.1\r\nHost: te");
    assert_eq!(client.answer().status, 408);
    assert!(start.elapsed() >= SHORT, "after {:?}", start.elapsed());
    client.expect_closed();
    assert_eq!(origin.requests(), 0);
}

#[test]
fn a_body_that_does_not_end_gets_408() {
    let origin = Origin::echo("one");
    let daemon = with_short_timeouts(&origin);
    let mut client = daemon.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(client.answer().status, 408);
    client.expect_closed();
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let origin = Origin::echo("one");
    let daemon = with_short_timeouts(&origin);
    let mut client = daemon.client();
    assert_eq!(client.get("/").status, 200);
    let start = now();
    client.expect_closed();
    assert!(start.elapsed() >= SHORT / 2, "after {:?}", start.elapsed());
}

#[test]
fn a_connection_that_never_says_anything_is_closed_without_a_word() {
    let origin = Origin::echo("one");
    with_short_timeouts(&origin).client().expect_closed();
}

#[test]
fn an_origin_that_does_not_answer_in_time_means_504() {
    let origin = Origin::with(|request, _| match request.target() {
        "/stalls" => Ok(Then::Keep),
        _ => Err(io::ErrorKind::Other.into()),
    });
    let daemon = with_short_timeouts(&origin);
    let mut client = daemon.client();
    let start = now();
    assert_eq!(client.get("/stalls").status, 504);
    assert!(start.elapsed() >= SHORT, "after {:?}", start.elapsed());
    assert_eq!(origin.requests(), 1, "what may have had an effect is not sent again");
}

#[test]
fn a_late_answer_reaches_nobody() {
    let origin = Origin::with(|request, out| {
        if request.target() == "/late" {
            crate::common::eventually("the deadline", Duration::from_secs(5), {
                let start = now();
                move || (start.elapsed() > 2 * SHORT).then_some(())
            });
        }
        let body = request.target();
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        Ok(Then::Keep)
    });
    let daemon = with_short_timeouts(&origin);
    let mut client = daemon.client();
    assert_eq!(client.get("/late").status, 504);
    let start = now();
    let mut client = daemon.client();
    while start.elapsed() < 3 * SHORT {
        assert_eq!(client.get("/next").text(), "/next");
    }
}

#[test]
fn an_answer_that_stalls_is_cut_and_not_passed_off_as_whole() {
    let origin = Origin::with(|_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")?;
        Ok(Then::Keep)
    });
    let daemon = with_short_timeouts(&origin);
    let mut client = daemon.client();
    let error = client.try_get("/").expect_err("half an answer is none");
    assert!(
        matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset),
        "closed, not stalled: {error}"
    );
}
