//! Events from a daemon to the terminal.

use std::io::Write as _;

use clap::Parser;
use ringway_core::{Actor, BackendId, ClusterId, Event};

use super::*;
use crate::cli::client::testing::{Server, State, asked, drained, reply};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(words: &[&str]) -> Args {
    Line::try_parse_from(["events"].iter().chain(words))
        .map_err(|error| error.to_string())
        .expect("valid")
        .args
}

fn record(seq: u64, kind: EventKind) -> Record {
    Record { seq, time_ms: 1_000 * seq, actor: None, event: Event::new(kind) }
}

/// What is printed, and noted, of these answers.
fn told(
    name: &str,
    args: &Args,
    expected: Verb,
    answers: Vec<Answer>,
    stays: bool,
) -> (Result<(), EventsError>, String, String) {
    let server = Server::new(&format!("events-{name}"), move |mut stream| {
        assert_eq!(asked(&mut stream), expected);
        for answer in answers {
            stream.write_all(&reply(State::Processing, Some(&answer))).expect("a reader");
        }
        if stays {
            drained(stream);
        }
    });
    let client = Client::connect(&server.path, args.door.timeout()).expect("a server");
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let outcome = tell(args, client, &mut out, &mut notes);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (outcome, text(out), text(notes))
}

fn subscribed(next: u64, missed: u64) -> Answer {
    Answer::Subscribed { next, missed }
}

fn event(seq: u64, kind: EventKind) -> Answer {
    Answer::Event(Box::new(record(seq, kind)))
}

/// What the daemon tells of our own question.
fn ours(seq: u64) -> Answer {
    let actor =
        Some(Actor { uid: 0, gid: 0, pid: i32::try_from(process::id()).expect("a process"), session: 9 });
    Answer::Event(Box::new(Record { actor, ..record(seq, EventKind::EventsSubscribed) }))
}

#[test]
fn what_is_there_is_shown_and_then_it_ends() {
    let answers = vec![
        subscribed(2, 1),
        event(2, EventKind::ClusterAdded),
        event(3, EventKind::EventsSubscribed),
        ours(4),
        event(5, EventKind::BackendDown),
    ];
    let asked = Verb::Subscribe { since: Some(1), kinds: Vec::new(), no_gaps: false };
    let (outcome, out, notes) = told("there", &args(&[]), asked, answers, true);
    outcome.expect("an end");
    assert_eq!(
        out,
        "1970-01-01T00:00:02.000Z      2 CLUSTER_ADDED\n1970-01-01T00:00:03.000Z      3 EVENTS_SUBSCRIBED\n"
    );
    assert_eq!(notes, "", "whatever is kept was asked for");
}

#[test]
fn kinds_are_chosen_and_the_end_is_still_known() {
    let args = args(&["--kind", "backend_down", "--since", "2", "--timeout", "20s"]);
    let answers = vec![
        subscribed(4, 2),
        event(4, EventKind::BackendDown),
        event(5, EventKind::EventsSubscribed),
        ours(6),
        event(7, EventKind::BackendDown),
    ];
    let asked = Verb::Subscribe {
        since: Some(2),
        kinds: vec![EventKind::BackendDown, EventKind::EventsSubscribed],
        no_gaps: false,
    };
    let (outcome, out, notes) = told("kinds", &args, asked, answers, true);
    outcome.expect("an end");
    assert_eq!(out, "1970-01-01T00:00:04.000Z      4 BACKEND_DOWN\n");
    assert_eq!(notes, "ringway: 2 events are lost: they are not kept any more\n");
}

#[test]
fn silence_is_the_end_where_no_other_is_known() {
    let asked = Verb::Subscribe { since: Some(9), kinds: Vec::new(), no_gaps: false };
    let (outcome, out, _) = told("silence", &args(&["--since", "9"]), asked, vec![subscribed(9, 0)], true);
    outcome.expect("an end");
    assert_eq!(out, "");
}

#[test]
fn who_follows_is_told_what_is_lost_and_when_the_daemon_goes() {
    let args = args(&["--follow", "--kind", "BACKEND_UP", "--json"]);
    let answers = vec![subscribed(7, 0), event(8, EventKind::BackendUp), Answer::Missed { missed: 5 }];
    let asked = Verb::Subscribe { since: None, kinds: vec![EventKind::BackendUp], no_gaps: false };
    let (outcome, out, _) = told("follow", &args, asked, answers, false);
    assert!(matches!(outcome, Err(EventsError::Client(ClientError::Gone(_)))), "{outcome:?}");
    assert_eq!(
        out,
        "{\"answer\":\"event\",\"seq\":8,\"time_ms\":8000,\"kind\":\"BACKEND_UP\"}\n\
         {\"answer\":\"missed\",\"missed\":5}\n"
    );
}

#[test]
fn an_event_is_a_line_with_who_caused_it() {
    let cluster = ClusterId::parse("api").expect("a name");
    let backend = BackendId::parse("api-1").expect("a name");
    let event = Event::new(EventKind::BackendAdminChanged)
        .cluster(&cluster)
        .backend(&backend, &"10.0.0.1:80".parse().expect("an address"))
        .because("drain\n\x1b[31m");
    let actor = Some(Actor { uid: 0, gid: 0, pid: 7, session: 3 });
    assert_eq!(
        line(false, &Record { seq: 12, time_ms: 1_790_000_000_123, actor, event }),
        "2026-09-21T14:13:20.123Z     12 BACKEND_ADMIN_CHANGED cluster=api backend=api-1 address=10.0.0.1:80: \
         drain\\n\\u{1b}[31m (uid=0 gid=0 pid=7 session=3)"
    );
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399, "2000-02-28T23:59:59.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (951_868_800, "2000-03-01T00:00:00.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        (4_107_542_399, "2100-02-28T23:59:59.000Z"),
    ] {
        assert_eq!(utc(seconds * 1_000), text);
    }
}

#[test]
fn a_kind_that_does_not_exist_is_refused() {
    let refusal = Line::try_parse_from(["events", "--kind", "BACKEND_DWN"]).map(|line| line.args.kinds);
    assert!(refusal.expect_err("no kind").to_string().contains("BACKEND_DOWN"));
}
