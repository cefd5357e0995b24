//! Probes against answers as origins give them, whole and in pieces.

use proptest::prelude::*;

use super::*;
use crate::limits::{BODY_BYTES_MAX, CHUNK_LINE_BYTES_MAX, HEAD_BYTES_MAX};

mod h2c;

fn check(statuses: &str, body: Option<&str>) -> HealthCheck {
    HealthCheck { statuses: statuses.parse().unwrap(), body: body.map(Into::into), ..HealthCheck::default() }
}

fn probe(check: &HealthCheck) -> Probe {
    Probe::new(check, &"127.0.0.1:8080".parse().unwrap())
}

/// The verdict on the pieces of an answer, and on the connection's end where they leave it open.
fn verdict<'a>(check: &HealthCheck, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), Reason> {
    let mut judge = probe(check).judge();
    for piece in pieces {
        match judge.feed(piece) {
            Step::More | Step::Send(_) => {}
            Step::Passed => {
                assert_eq!((judge.feed(b"late"), judge.end()), (Step::Passed, Ok(())), "a verdict is final");
                return Ok(());
            }
            Step::Failed(reason) => {
                assert_eq!(judge.end(), Err(reason.clone()), "a verdict is final");
                return Err(reason);
            }
        }
    }
    judge.end()
}

fn http(statuses: &str, body: Option<&str>, answer: &str) -> Result<(), Reason> {
    let check = check(statuses, body);
    let whole = verdict(&check, [answer.as_bytes()]);
    let in_bytes = verdict(&check, answer.as_bytes().chunks(1));
    assert_eq!(whole, in_bytes, "{:?}", &answer[..answer.len().min(200)]);
    whole
}

#[test]
fn the_request_has_what_the_check_says() {
    let text = |check: &HealthCheck, address: &str| {
        let probe = Probe::new(check, &address.parse().unwrap());
        (probe.address().to_string(), String::from_utf8(probe.request().to_vec()).unwrap())
    };
    let plain = HealthCheck::default();
    assert_eq!(
        text(&plain, "[::1]:81"),
        (
            "[::1]:81".to_owned(),
            "GET / HTTP/1.1\r\nHost: [::1]:81\r\nUser-Agent: ringway-health\r\nConnection: close\r\n\r\n"
                .to_owned()
        )
    );
    let rich = HealthCheck {
        method: "HEAD".into(),
        path: "/up?deep=1".into(),
        host: Some("app.example".into()),
        headers: vec![("X-Key".into(), "a b".into()), ("user-agent".into(), "us".into())],
        port: Some(9000),
        ..plain
    };
    let request = "HEAD /up?deep=1 HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\nX-Key: a b\r\nuser-agent: us\r\n\r\n";
    assert_eq!(text(&rich, "10.0.0.1:80"), ("10.0.0.1:9000".to_owned(), request.to_owned()));
    let unix = text(&HealthCheck { host: None, ..rich }, "unix:/run/app.sock");
    assert_eq!(unix.0, "unix:/run/app.sock");
    assert!(unix.1.contains("\r\nHost: localhost\r\n"));
}

#[test]
fn a_connection_suffices_for_tcp() {
    let probe = probe(&HealthCheck { protocol: CheckProtocol::Tcp, ..check("2xx", Some("ok")) });
    assert!(probe.is_connect_only() && probe.request().is_empty());
    let mut judge = probe.judge();
    assert_eq!((judge.feed(b"220 mail"), judge.end()), (Step::Passed, Ok(())));
}

#[test]
fn the_status_alone_decides_where_no_body_is_asked_for() {
    let accepted = "2xx,404".parse().unwrap();
    for (status, result) in [
        (200, Ok(())),
        (404, Ok(())),
        (500, Err(Reason::Status { status: 500, accepted })),
        (302, Err(Reason::Status { status: 302, accepted })),
        (101, Err(Reason::Status { status: 101, accepted })),
    ] {
        assert_eq!(http("2xx,404", None, &format!("HTTP/1.1 {status} What\r\nA: b\r\n\r\n")), result);
        assert_eq!(http("2xx,404", None, &format!("HTTP/1.0 {status} \n\n")), result);
    }
    assert_eq!(http("any", None, "HTTP/1.1 101 Ok\r\n\r\n"), Ok(()));
    assert_eq!(
        http("2xx", None, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        Ok(()),
        "it does not matter here"
    );
}

#[test]
fn interim_answers_are_skipped() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(http("204", None, answer), Ok(()));
    assert_eq!(http("any", None, "HTTP/1.1 100 Continue\r\n\r\n"), Err(Reason::Cut));
}

#[test]
fn what_is_not_http_fails_at_its_first_wrong_byte() {
    for answer in
        ["SSH-2.0-OpenSSH\r\n", "H", "HTTP/2 200\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n", "\0\0\x12\x04"]
    {
        let wrong = if answer == "H" { Err(Reason::Cut) } else { Err(Reason::NotHttp) };
        assert_eq!(http("any", None, answer), wrong, "{answer:?}");
    }
    for head in ["HTTP/1.1 20x OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 099 No\r\n\r\n"]
    {
        assert_eq!(http("any", None, head), Err(Reason::NotHttp), "{head:?}");
    }
    assert_eq!(http("any", None, ""), Err(Reason::Cut));
}

#[test]
fn a_head_is_read_up_to_its_bound() {
    let head = |bytes: usize| {
        let frame = "HTTP/1.1 200 OK\r\nA: \r\n\r\n";
        frame.replace("A: ", &format!("A: {}", "x".repeat(bytes - frame.len())))
    };
    assert_eq!(http("2xx", None, &head(HEAD_BYTES_MAX)), Ok(()));
    assert_eq!(http("2xx", None, &head(HEAD_BYTES_MAX + 1)), Err(Reason::HeadTooLong));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let both = interim.to_owned() + &head(HEAD_BYTES_MAX - interim.len());
    assert_eq!(http("2xx", None, &both), Ok(()));
    let both = interim.to_owned() + &head(HEAD_BYTES_MAX - interim.len() + 1);
    assert_eq!(http("2xx", None, &both), Err(Reason::HeadTooLong), "interim answers count");
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200));
    assert_eq!(http("2xx", None, &many), Err(Reason::HeadTooLong));
}

#[test]
fn a_body_is_searched_in_whatever_way_it_is_framed() {
    let missing = Err(Reason::Body("all is well".into()));
    let http = |answer: &str| http("2xx", Some("all is well"), &format!("HTTP/1.1 200 OK\r\n{answer}"));
    assert_eq!(http("Content-Length: 15\r\n\r\n, all is well, "), Ok(()));
    assert_eq!(
        http("Content-Length: 11\r\n\r\nall is fine all is well"),
        missing,
        "what is behind is no body"
    );
    assert_eq!(http("Content-Length: 0\r\n\r\nall is well"), missing);
    assert_eq!(http("Content-Length: 90\r\n\r\nall is "), Err(Reason::Cut));
    assert_eq!(http("\r\nnow all all is well"), Ok(()));
    assert_eq!(http("\r\nall is"), missing, "the close ends the body");
    let chunked = |body: &str| http(&format!("Transfer-Encoding: gzip, Chunked\r\n\r\n{body}"));
    assert_eq!(chunked("3\r\nall\r\n0008;a=\"b\"\r\n is well\r\n0\r\n\r\n"), Ok(()));
    assert_eq!(chunked("a \r\nall is wel\r\n0\r\n\r\nl"), missing);
    assert_eq!(chunked("20\r\nall is "), Err(Reason::Cut));
    assert_eq!(http("Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\nall is well"), Ok(()));
    assert_eq!(http("Content-Length: 7\r\nContent-Length: 7\r\n\r\nall is well"), missing);
}

#[test]
fn a_body_that_can_not_be_framed_fails() {
    let http = |answer: &str| http("2xx", Some("ok"), &format!("HTTP/1.1 200 OK\r\n{answer}"));
    for length in ["x", "", "+2", "-1", "2, 2", "99999999999999999999999"] {
        assert_eq!(http(&format!("Content-Length: {length}\r\n\r\nok")), Err(Reason::Framing), "{length:?}");
    }
    assert_eq!(http("Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), Err(Reason::Framing));
    let long = format!("1;{}\r\no\r\n", "x".repeat(CHUNK_LINE_BYTES_MAX));
    let zeros = "0".repeat(CHUNK_LINE_BYTES_MAX + 1);
    for chunk in
        ["\r\n", "x\r\n", "2\nok", "2\r\nno!", "2\r\nno\r3", "1;a\nok", "11112222333344445", &long, &zeros]
    {
        let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{chunk}");
        assert_eq!(http(&chunked), Err(Reason::Framing), "{:?}", &chunk[..chunk.len().min(40)]);
    }
    let found_before = "Transfer-Encoding: chunked\r\n\r\n2\r\nok oh no";
    assert_eq!(http(found_before), Ok(()), "what comes after the verdict is not looked at");
}

#[test]
fn a_body_is_searched_up_to_its_bound() {
    let http =
        |before: usize| http("2xx", Some("ok"), &format!("HTTP/1.1 200 OK\r\n\r\n{}ok", "x".repeat(before)));
    assert_eq!(http(BODY_BYTES_MAX - 2), Ok(()));
    assert_eq!(http(BODY_BYTES_MAX - 1), Err(Reason::BodyStart("ok".into())));
}

#[test]
fn an_answer_that_can_have_no_body_has_none() {
    let none = Err(Reason::Body("ok".into()));
    assert_eq!(http("any", Some("ok"), "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"), none);
    let head = HealthCheck { method: "HEAD".into(), ..check("any", Some("ok")) };
    assert_eq!(verdict(&head, ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".as_bytes()]), none);
    assert_eq!(
        http("any", Some(""), "HTTP/1.1 204 No Content\r\n\r\n"),
        Ok(()),
        "the empty text is in each body"
    );
}

/// Bytes near to what an origin sends, so that chance gets behind the first line.
fn near_http() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Go\r\n", "HTTP/1.0 500 No\r\n", "\r\n", "\n", "ok", "o", "k", "0\r\n", "2\r\n",
            "5;x\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "a: b\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    (any::<bool>(), prop::collection::vec(piece, 0..14)).prop_map(|(starts, pieces)| {
        let start = if starts { "HTTP/1.1 200 OK\r\n".as_bytes().to_vec() } else { Vec::new() };
        [start, pieces.concat()].concat()
    })
}

/// Cuts `bytes` where `cuts` say.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

proptest! {
    #[test]
    fn the_verdict_is_the_same_however_the_answer_is_cut(
        answer in near_http(), body in any::<bool>(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let check = check("2xx", body.then_some("ok"));
        prop_assert_eq!(verdict(&check, [&answer[..]]), verdict(&check, cut(&answer, &cuts)));
    }
}
