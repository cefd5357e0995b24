//! Sessions over a pair of sockets.

use std::time::Duration;

use ringway_core::Record;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::doors::command::testing::{Desk, PATIENCE, answer, content, message, own, run};
use crate::doors::command::wire::{ContentType, SubscribeEvents};

const SUBSCRIBE: RequestType = RequestType::SubscribeEvents(SubscribeEvents {});

fn refusal(response: &super::super::wire::Response) -> VerbError {
    assert_eq!(response.status(), ResponseStatus::Failure, "{response:?}");
    serde_json::from_str(response.ringway_error.as_deref().expect("in JSON")).expect("an error")
}

#[test]
fn a_verb_in_json_is_answered_in_json() {
    run(async {
        let desk = Desk::new(|verb| match verb {
            Verb::Status => Err(VerbError::new(ErrorCode::Stopping, "it ends").field("why")),
            _ => Ok(Answer::Done { generation: 7 }),
        });
        let (mut client, _) = desk.session(PATIENCE);
        let response = client.ask(own(&Verb::Stop { hard: false })).await;
        assert_eq!(response.status(), ResponseStatus::Ok);
        assert_eq!(answer(response), Answer::Done { generation: 7 });
        let response = client.ask(own(&Verb::Status)).await;
        assert_eq!(response.message, "why: it ends");
        assert_eq!(refusal(&response), VerbError::new(ErrorCode::Stopping, "it ends").field("why"));
        assert_eq!(desk.asked(), [Verb::Stop { hard: false }, Verb::Status]);
    });
}

#[test]
fn a_client_of_the_protocol_sees_nothing_of_ours() {
    run(async {
        let desk = Desk::new(|_| Err(VerbError::new(ErrorCode::InUse, "a route needs it").field("cluster")));
        let (mut client, _) = desk.session(PATIENCE);
        let response = client.ask(RequestType::RemoveCluster("api".to_owned())).await;
        assert_eq!(response.status(), ResponseStatus::Failure);
        assert_eq!((response.message.as_str(), response.ringway_error), ("cluster: a route needs it", None));
    });
}

#[test]
fn requests_that_come_at_once_are_answered_in_their_order() {
    run(async {
        let desk = Desk::done();
        let (mut client, _) = desk.session(PATIENCE);
        let verbs = [Verb::Status, Verb::Hashes, Verb::CountRequests];
        client.send(&verbs.each_ref().map(|verb| message(own(verb))).concat()).await;
        for _ in &verbs {
            assert_eq!(client.response().await.expect("an answer").status(), ResponseStatus::Ok);
        }
        assert_eq!(desk.asked(), verbs);
    });
}

#[test]
fn garbage_within_a_message_is_refused_and_the_session_goes_on() {
    run(async {
        let desk = Desk::done();
        let (mut client, _) = desk.session(PATIENCE);
        client.send(b"\x0c\0\0\0\0\0\0\0\xff\xff\xff\xff").await;
        let refused = refusal(&client.response().await.expect("an answer"));
        assert!(refused.message.contains("no request of the command protocol"), "{refused}");
        client.send(b"\x08\0\0\0\0\0\0\0").await;
        let refused = refusal(&client.response().await.expect("an answer"));
        assert!(refused.message.contains("asks for nothing"), "{refused}");
        for json in
            ["", "{", "{}", r#"{"verb":"dance"}"#, r#"{"verb":"stop","loud":true}"#, &"[".repeat(10_000)]
        {
            let response = client.ask(RequestType::Ringway(json.to_owned())).await;
            assert!(refusal(&response).message.starts_with("this is no verb: "), "{response:?}");
        }
        assert_eq!(client.ask(own(&Verb::Status)).await.status(), ResponseStatus::Ok);
        assert_eq!(desk.asked(), [Verb::Status]);
    });
}

#[test]
fn garbage_for_a_length_ends_the_session_with_a_reason() {
    run(async {
        let (mut client, session) = Desk::done().session(PATIENCE);
        client.send(b"GET / HTTP/1.1\r\n\r\n").await;
        let refused = refusal(&client.response().await.expect("a reason"));
        assert!(refused.message.contains("is more than the"), "{refused}");
        assert_eq!(client.response().await, None);
        session.await.expect("it ended well");
    });
}

#[test]
fn half_a_message_ends_the_session_when_its_time_is_over() {
    run(async {
        let patience = Patience { frame: Duration::from_millis(30), ..PATIENCE };
        let (mut client, session) = Desk::done().session(patience);
        client.send(&message(own(&Verb::Status))[..20]).await;
        let refused = refusal(&client.response().await.expect("a reason"));
        assert!(refused.message.contains("30ms"), "{refused}");
        assert_eq!(client.response().await, None);
        session.await.expect("it ended well");
    });
}

#[test]
fn a_client_that_takes_no_answer_is_not_waited_for() {
    run(async {
        let clusters = vec!["x".repeat(100_000).as_str().into()];
        let changes = vec![ringway_core::Change::DaemonUpdate {
            set: [("x".to_owned(), serde_json::Value::Array(clusters))].into_iter().collect(),
        }];
        let desk = Desk::new(move |_| Ok(Answer::Configuration { changes: changes.clone() }));
        let patience = Patience { write: Duration::from_millis(30), ..PATIENCE };
        let (mut client, session) = desk.session(patience);
        let requests = message(own(&Verb::Configuration)).repeat(100);
        // It reads nothing; what it can not send any more it was refused.
        drop(client.stream.write_all(&requests).await);
        session.await.expect("it ended well");
    });
}

#[test]
fn large_answers_that_nobody_takes_are_not_piled_up() {
    run(async {
        let set: ringway_core::change::Keys =
            [("x".to_owned(), "x".repeat(3_000_000).into())].into_iter().collect();
        let changes = vec![ringway_core::Change::DaemonUpdate { set }];
        let desk = Desk::new(move |_| Ok(Answer::Configuration { changes: changes.clone() }));
        let (mut slow, _) = desk.session(PATIENCE);
        slow.send(&message(own(&Verb::Configuration))).await;
        while desk.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        slow.stream.readable().await.expect("its answer begins");
        let (mut other, _) = desk.session(PATIENCE);
        let refused = refusal(&other.ask(own(&Verb::Configuration)).await);
        assert_eq!(refused.code, ErrorCode::Busy, "{refused}");
        assert_eq!(slow.response().await.expect("an answer").status(), ResponseStatus::Ok);
        assert_eq!(other.ask(own(&Verb::Configuration)).await.status(), ResponseStatus::Ok);
    });
}

#[test]
fn a_subscriber_gets_events_as_the_protocol_has_them() {
    run(async {
        let desk = Desk::events();
        let (mut client, _) = desk.session(PATIENCE);
        desk.emit(EventKind::ClusterAdded);
        let response = client.ask(SUBSCRIBE).await;
        assert_eq!((response.status(), response.content.as_ref()), (ResponseStatus::Processing, None));
        // It has no number in the protocol.
        desk.emit(EventKind::BackendEjected);
        desk.emit(EventKind::MetricDetailChanged);
        for kind in [4, 30] {
            let response = client.response().await.expect("an event");
            assert_eq!(response.status(), ResponseStatus::Processing);
            match content(response) {
                Some(ContentType::Event(event)) => assert_eq!(event.kind, kind),
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn a_subscriber_by_a_verb_gets_whole_records_and_may_ask_on() {
    run(async {
        let desk = Desk::events();
        let (mut client, session) = desk.session(PATIENCE);
        let kinds = vec![EventKind::BackendEjected];
        let response = client.ask(own(&Verb::Subscribe { since: Some(1), kinds, no_gaps: false })).await;
        assert_eq!(response.status(), ResponseStatus::Processing);
        assert_eq!(answer(response), Answer::Subscribed { next: 1, missed: 0 });
        desk.emit(EventKind::ClusterAdded);
        desk.emit(EventKind::BackendEjected);
        match answer(client.response().await.expect("an event")) {
            Answer::Event(record) => {
                let Record { seq, event, .. } = *record;
                assert_eq!((seq, event.kind), (2, EventKind::BackendEjected));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(answer(client.ask(own(&Verb::Status)).await), Answer::Done { generation: 7 });
        drop(client);
        session.await.expect("a subscriber that leaves ends its session");
    });
}

#[test]
fn a_slow_subscriber_is_told_exactly_how_many_it_missed() {
    run(async {
        let desk = Desk::events();
        let (mut client, _) = desk.session(PATIENCE);
        client.ask(own(&Verb::Subscribe { since: None, kinds: vec![], no_gaps: false })).await;
        let count = 200_000;
        (0..count).for_each(|_| desk.emit(EventKind::ClusterAdded));
        let (mut got, mut missed, mut last) = (0, 0, 0);
        while last < count {
            match answer(client.response().await.expect("an event")) {
                Answer::Event(record) => {
                    assert_eq!(record.seq, last + 1);
                    (got, last) = (got + 1, record.seq);
                }
                Answer::Missed { missed: lost } => (missed, last) = (missed + lost, last + lost),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((got, missed), (65_536, count - 65_536));
        assert_eq!(desk.asked().len(), 1);
    });
}

#[test]
fn one_that_wants_no_gaps_is_told_how_many_it_missed_and_shown_out() {
    run(async {
        let desk = Desk::events();
        let (mut client, _) = desk.session(PATIENCE);
        client.ask(own(&Verb::Subscribe { since: None, kinds: vec![], no_gaps: true })).await;
        (0..200_000).for_each(|_| desk.emit(EventKind::ClusterAdded));
        match answer(client.response().await.expect("what it missed")) {
            Answer::Missed { missed } => assert_eq!(missed, 200_000 - 65_536),
            other => panic!("{other:?}"),
        }
        assert!(client.response().await.is_none(), "nothing more comes");
    });
}

#[test]
fn what_a_subscriber_is_told_to_have_missed_it_is_not_told_again() {
    run(async {
        let desk = Desk::new(|_| Ok(Answer::Subscribed { next: 3, missed: 200_000 - 65_536 }));
        (0..200_000).for_each(|_| desk.emit(EventKind::ClusterAdded));
        let (mut client, _) = desk.session(PATIENCE);
        client.ask(own(&Verb::Subscribe { since: Some(1), kinds: vec![], no_gaps: false })).await;
        match answer(client.response().await.expect("an event")) {
            Answer::Event(record) => assert_eq!(record.seq, 200_000 - 65_536 + 1),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn an_idle_client_costs_little() {
    run(async {
        let desk = Desk::done();
        let (_client, theirs) = UnixStream::pair().expect("two sockets");
        let actor = crate::doors::command::testing::actor();
        let session = Session::new(theirs, desk.hub, actor, Arc::new(Semaphore::new(1)), PATIENCE);
        let bytes = size_of_val(&session.run());
        assert!(bytes < 8 * 1024, "{bytes} bytes");
    });
}
