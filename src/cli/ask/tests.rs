//! Answers, and refusals.

use ringway_core::verb::ClusterInfo;
use ringway_core::{ClusterId, ListenerName};

use super::*;

fn question(verb: Verb) -> Question {
    Question::new(verb, outcome)
}

#[test]
fn an_answer_is_told_to_people_and_to_programs() {
    let question = question(Verb::Stop { hard: false });
    let answer = Answer::Done { generation: 3 };
    assert_eq!(told(false, &question, answer.clone()).expect("told"), "done; generation 3\n");
    assert_eq!(told(true, &question, answer).expect("told"), "{\"answer\":\"done\",\"generation\":3}\n");
}

#[test]
fn shards_that_are_late_are_named() {
    let answer = Answer::Changed {
        generation: 4,
        dry_run: false,
        changes: Vec::new(),
        count: 2,
        late: vec!["shard-1".to_owned(), "shard-3".to_owned()],
    };
    assert_eq!(
        outcome(&answer).expect("told"),
        "2 changes; generation 4\nnot yet confirmed by shard-1, shard-3; they follow as soon as they can\n"
    );
}

#[test]
fn an_answer_to_another_question_is_garbage() {
    let error = told(false, &question(Verb::CountRequests), Answer::Listeners { listeners: Vec::new() });
    let error = error.expect_err("it is no outcome");
    assert!(error.to_string().contains("an answer to count_requests that is not known here"), "{error}");
}

#[test]
fn a_cluster_that_is_not_there_is_not_found() {
    let name = ClusterId::parse("api").expect("a name");
    let verb = Verb::Clusters { cluster: Some(name.clone()), domain: None, path: None };
    let question = Question::new(verb, |_| Some("told".to_owned()));
    let error = told(false, &question, Answer::Clusters { clusters: Vec::new() }).expect_err("none");
    assert_eq!((error.code(), error.exit_code()), ("not_found", exit::NOT_FOUND));
    let info = ClusterInfo {
        cluster: name,
        available: true,
        hash: 0,
        set: Default::default(),
        frontends: Vec::new(),
        backends: Vec::new(),
    };
    assert_eq!(told(false, &question, Answer::Clusters { clusters: vec![info] }).expect("told"), "told");
}

#[test]
fn what_is_not_meant_is_in_no_form_of_the_answer() {
    let question = Question::new(Verb::Configuration, |_| Some(String::new())).narrowed(|answer| {
        if let Answer::Configuration { changes } = answer {
            changes.clear();
        }
    });
    let listener = ListenerName::parse("web").expect("a name");
    let answer = Answer::Configuration { changes: vec![Change::ListenerRemove { listener }] };
    let json = told(true, &question, answer).expect("told");
    assert_eq!(json, "{\"answer\":\"configuration\",\"changes\":[]}\n");
}

#[test]
fn a_refusal_has_code_field_and_remedy_in_both_forms() {
    let refused =
        VerbError::new(ErrorCode::Invalid, "expected a duration, as in \"5s\"").change(2).field("idle");
    let error = ClientError::Refused(refused.clone());
    assert_eq!(error_text(&error), "ringway: invalid: change 2: idle: expected a duration, as in \"5s\"");
    assert_eq!(serde_json::from_str::<VerbError>(&error_json(&error)).expect("a refusal"), refused);
    let slow = ClientError::Slow(std::time::Duration::from_secs(30));
    assert!(
        error_json(&slow)
            .starts_with("{\"code\":\"timeout\",\"message\":\"the daemon did not answer within 30 s;")
    );
    assert!(!error_text(&ClientError::Failed("a\x1b[2J".to_owned())).contains('\x1b'));
}

#[test]
fn every_kind_of_refusal_has_its_exit_code() {
    for (code, exit_code) in [
        (ErrorCode::Invalid, 2),
        (ErrorCode::NotFound, 5),
        (ErrorCode::Exists, 6),
        (ErrorCode::InUse, 6),
        (ErrorCode::Io, 1),
        (ErrorCode::Shard, 1),
        (ErrorCode::NotInThisBuild, 7),
        (ErrorCode::Busy, 8),
        (ErrorCode::Stopping, 8),
    ] {
        assert_eq!(ClientError::Refused(VerbError::new(code, "")).exit_code(), exit_code, "{code:?}");
        assert!(exit::HELP.contains(&format!("\n  {exit_code}    ")), "{exit_code}");
    }
}
