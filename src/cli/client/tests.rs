//! The client against a socket that really speaks the frames, and some that do not.

use std::fs;
use std::os::unix::net::UnixListener;

use ringway_core::{Event, EventKind, Record};

use super::testing::{Server, asked, drained, refusal, reply};
use super::wire::Content;
use super::*;

/// Long enough for a loaded machine.
const PATIENT: Duration = Duration::from_secs(20);
/// For answers that do not come.
const SHORT: Duration = Duration::from_millis(100);

fn ask(server: &Server, timeout: Duration) -> Result<Answer, ClientError> {
    Client::connect(&server.path, timeout)?.ask(&Verb::Status)
}

fn done(generation: u64) -> Answer {
    Answer::Done { generation }
}

fn event(seq: u64) -> Answer {
    let event = Event::new(EventKind::StopRequested);
    Answer::Event(Box::new(Record { seq, time_ms: 0, actor: None, event }))
}

#[test]
fn a_frame_is_the_bytes_of_the_protocol() {
    let bytes = frame(&Request { ringway: Some("{}".to_owned()) });
    // The length with itself; field 1000, wire type 2 (1000 << 3 | 2 = 8002); two bytes.
    assert_eq!(bytes, [13, 0, 0, 0, 0, 0, 0, 0, 0xc2, 0x3e, 2, b'{', b'}']);
}

#[test]
fn the_answer_is_the_one_behind_those_that_say_that_more_comes() {
    let server = Server::new("client-processing", |mut stream| {
        assert_eq!(asked(&mut stream), Verb::Status);
        let mut bytes = reply(State::Processing, None);
        bytes.extend(reply(State::Processing, Some(&done(1))));
        bytes.extend(reply(State::Ok, Some(&done(2))));
        stream.write_all(&bytes).expect("a reader");
        drained(stream);
    });
    assert_eq!(ask(&server, PATIENT).expect("an answer"), done(2));
}

#[test]
fn an_answer_may_come_byte_by_byte() {
    let server = Server::new("client-bytes", |mut stream| {
        asked(&mut stream);
        for byte in reply(State::Ok, Some(&done(3))) {
            stream.write_all(&[byte]).expect("a reader");
        }
        drained(stream);
    });
    assert_eq!(ask(&server, PATIENT).expect("an answer"), done(3));
}

#[test]
fn one_connection_carries_many_questions_and_long_answers() {
    let long = Answer::Counts((0..20_000).map(|n| (format!("change_{n}"), n)).collect());
    let answer = long.clone();
    let server = Server::new("client-many", move |mut stream| {
        for _ in 0..3 {
            asked(&mut stream);
            stream.write_all(&reply(State::Ok, Some(&answer))).expect("a reader");
        }
        drained(stream);
    });
    let mut client = Client::connect(&server.path, PATIENT).expect("a server");
    for _ in 0..3 {
        assert_eq!(client.ask(&Verb::CountRequests).expect("an answer"), long);
    }
}

#[test]
fn a_refusal_keeps_its_code_and_field() {
    let refused = VerbError::new(ErrorCode::NotFound, "there is none").field("cluster");
    for (name, sent, code, exit_code, text) in [
        ("typed", Some(refused), "not_found", exit::NOT_FOUND, "cluster: there is none"),
        ("plain", None, "failed", exit::FAILURE, "it can not be"),
    ] {
        let server = Server::new(&format!("client-{name}"), move |mut stream| {
            asked(&mut stream);
            stream.write_all(&refusal(sent.as_ref())).expect("a reader");
            drained(stream);
        });
        let error = ask(&server, PATIENT).expect_err(name);
        assert_eq!((error.code(), error.exit_code(), error.to_string()), (code, exit_code, text.to_owned()));
    }
}

#[test]
fn what_is_no_answer_is_said_to_be_none() {
    let foreign = frame(&Response {
        status: 7,
        message: String::new(),
        content: Some(Content { ringway: Some("{}".to_owned()) }),
        ringway_error: None,
    });
    let unknown = frame(&Response {
        status: 0,
        message: String::new(),
        content: Some(Content { ringway: Some("{\"answer\":\"42\"}".to_owned()) }),
        ringway_error: None,
    });
    for (name, bytes, text) in [
        ("http", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "a message of 3"),
        ("short", 7_u64.to_le_bytes().to_vec(), "a message of 7 bytes"),
        ("huge", u64::MAX.to_le_bytes().to_vec(), "a message of 18446744073709551615 bytes"),
        ("noise", [&12_u64.to_le_bytes()[..], &[0xff; 4]].concat(), "no answer"),
        ("status", foreign, "no status 7"),
        ("unknown", unknown, "unknown variant `42`"),
        ("nothing", reply(State::Ok, None), "nothing but the message \"words\""),
        ("empty", 8_u64.to_le_bytes().to_vec(), "nothing but the message"),
    ] {
        let server = Server::new(&format!("client-{name}"), move |mut stream| {
            asked(&mut stream);
            stream.write_all(&bytes).expect("a reader");
            drained(stream);
        });
        let error = ask(&server, PATIENT).expect_err(name);
        assert!(matches!(error, ClientError::Garbage(_)), "{name}: {error:?}");
        assert!(error.to_string().contains(text), "{name}: {error}");
        assert_eq!(error.exit_code(), exit::NO_ANSWER, "{name}");
    }
}

#[test]
fn a_daemon_that_goes_leaves_it_open_whether_it_was_done() {
    let half = reply(State::Ok, Some(&done(1)));
    for (name, bytes, text) in
        [("silent", Vec::new(), "without a word"), ("half", half[..half.len() - 1].to_vec(), "in the middle")]
    {
        let server = Server::new(&format!("client-{name}"), move |mut stream| {
            asked(&mut stream);
            stream.write_all(&bytes).expect("a reader");
        });
        let error = ask(&server, PATIENT).expect_err(name);
        assert!(matches!(error, ClientError::Gone(_)) && error.to_string().contains(text), "{error:?}");
        assert_eq!(error.exit_code(), exit::NO_ANSWER);
    }
}

#[test]
fn a_daemon_that_is_slow_is_not_waited_for_for_ever() {
    let half = reply(State::Ok, Some(&done(1)))[..12].to_vec();
    let processing = reply(State::Processing, None);
    for (name, bytes) in [("mute", Vec::new()), ("stuck", half), ("busy", processing)] {
        let server = Server::new(&format!("client-{name}"), move |mut stream| {
            asked(&mut stream);
            stream.write_all(&bytes).expect("a reader");
            drained(stream);
        });
        let error = ask(&server, SHORT).expect_err(name);
        assert!(matches!(error, ClientError::Slow(SHORT)), "{name}: {error:?}");
        assert!(error.to_string().contains("within 100 ms"), "{error}");
    }
}

#[test]
fn a_question_that_nobody_takes_is_not_waited_for_for_ever() {
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let server = Server::new("client-full", move |_stream| {
        let _ = ended.recv();
    });
    // More than any socket's buffer.
    let verb = Verb::Unavailable { feature: "x".repeat(16 << 20) };
    let error =
        Client::connect(&server.path, SHORT).expect("a server").ask(&verb).expect_err("it is not taken");
    drop(end);
    assert!(matches!(error, ClientError::Slow(_)), "{error:?}");
}

#[test]
fn nobody_there_is_told_with_the_path_and_a_remedy() {
    let nowhere = Path::new("/nowhere/ringway.sock");
    let error = Client::connect(nowhere, PATIENT).expect_err("nobody");
    assert!(error.to_string().starts_with("/nowhere/ringway.sock: No such file"), "{error}");
    assert!(error.to_string().contains("daemon.command_socket"), "{error}");
    assert_eq!((error.code(), error.exit_code()), ("unreachable", exit::UNREACHABLE));

    let path = std::env::temp_dir().join(format!("ringway-client-{}-dead.sock", std::process::id()));
    drop(UnixListener::bind(&path).expect("a socket"));
    let error = Client::connect(&path, PATIENT).expect_err("nobody");
    fs::remove_file(&path).expect("it stays behind");
    assert!(error.to_string().contains("the daemon has ended"), "{error}");
    assert_eq!(error.exit_code(), exit::UNREACHABLE);
}

#[test]
fn a_subscriber_reads_on_until_nothing_comes() {
    let server = Server::new("client-subscriber", |mut stream| {
        assert_eq!(asked(&mut stream), Verb::Subscribe { since: Some(1), kinds: Vec::new(), no_gaps: false });
        let mut bytes = reply(State::Processing, None);
        bytes.extend(reply(State::Processing, Some(&Answer::Subscribed { next: 3, missed: 0 })));
        bytes.extend(reply(State::Processing, Some(&event(1))));
        bytes.extend(reply(State::Processing, Some(&event(2))));
        stream.write_all(&bytes).expect("a reader");
        drained(stream);
    });
    let mut client = Client::connect(&server.path, PATIENT).expect("a server");
    client.send(&Verb::Subscribe { since: Some(1), kinds: Vec::new(), no_gaps: false }).expect("a reader");
    for expected in [Answer::Subscribed { next: 3, missed: 0 }, event(1), event(2)] {
        assert_eq!(client.next(Some(PATIENT)).expect("an answer"), Some(expected));
    }
    assert_eq!(client.next(Some(SHORT)).expect("silence"), None);
}
