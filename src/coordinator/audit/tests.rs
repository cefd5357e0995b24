//! The audit log: what its lines say, and that they get there.

use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;

use ringway_core::{BackendId, Change, ClusterId, ErrorCode, EventKind};
use serde_json::Value;

use super::*;
use crate::coordinator::state_file::folder::Folder;

const ACTOR: Actor = Actor { uid: 1000, gid: 100, pid: 4711, session: 3 };
/// 2026-01-02T03:04:05.678Z.
const TIME_MS: u64 = 1_767_323_045_678;

fn cluster() -> ClusterId {
    ClusterId::parse("api").expect("a name")
}

fn backend() -> BackendId {
    BackendId::parse("api-1").expect("a name")
}

fn keys(text: &str) -> ringway_core::change::Keys {
    serde_json::from_str(text).expect("an object")
}

fn changed(count: usize, late: &[&str]) -> Answer {
    let late = late.iter().map(|&shard| shard.to_owned()).collect();
    Answer::Changed { generation: 8, dry_run: false, changes: Vec::new(), count, late }
}

fn fields(verb: &Verb, result: &Result<Answer, VerbError>) -> Fields {
    let elapsed = Duration::from_micros(812);
    Fields::new(&Entry { verb, actor: &ACTOR, result, generation: 8, elapsed }, TIME_MS)
}

fn text(verb: &Verb, result: &Result<Answer, VerbError>) -> String {
    fields(verb, result).text(0)
}

/// It was done.
const DONE: Result<Answer, VerbError> = Ok(Answer::Done { generation: 8 });

fn apply(changes: Vec<Change>) -> Verb {
    Verb::Apply { changes, dry_run: false }
}

#[test]
fn a_line_says_when_what_who_and_what_came_of_it() {
    let verb = apply(vec![
        Change::BackendAdd {
            cluster: cluster(),
            backend: backend(),
            set: keys(r#"{"address":"10.0.0.1:80"}"#),
        },
        Change::ClusterUpdate {
            cluster: cluster(),
            set: keys(r#"{"max_requests":5,"sticky":{"cookie":"C"}}"#),
        },
        Change::FrontendRemove {
            cluster: cluster(),
            set: keys(r#"{"hostname":"a.example","path_prefix":"/b"}"#),
        },
    ]);
    let result = Ok(changed(2, &["shard-1", "shard-3"]));
    assert_eq!(
        text(&verb, &result),
        "2026-01-02T03:04:05.678Z verb=apply result=ok uid=1000 gid=100 pid=4711 session=3 generation=8 \
         elapsed_us=812 changes=3 what=\"backend_add api/api-1; cluster_update api max_requests,sticky; \
         frontend_remove api a.example/b\" changed=2 late=\"shard-1; shard-3\"\n"
    );
    assert_eq!(
        fields(&verb, &result).json(7),
        concat!(
            r#"{"time":"2026-01-02T03:04:05.678Z","verb":"apply","result":"ok","uid":1000,"gid":100,"pid":4711,"#,
            r#""session":3,"generation":8,"elapsed_us":812,"changes":3,"what":["backend_add api/api-1","#,
            r#""cluster_update api max_requests,sticky","frontend_remove api a.example/b"],"changed":2,"#,
            r#""late":["shard-1","shard-3"],"lost":7}"#,
            "\n"
        )
    );
}

#[test]
fn a_refusal_is_recorded_with_its_reason() {
    let verb = apply(vec![Change::ClusterRemove { cluster: cluster() }]);
    let error = VerbError::new(ErrorCode::InUse, "listener \"tcp\" needs it").field("cluster").change(0);
    let line = text(&verb, &Err(error));
    let (_, end) = line.split_once(" elapsed_us=812 ").expect("it has a duration");
    assert_eq!(
        end,
        "changes=1 what=\"cluster_remove api\" code=in_use change=0 field=cluster \
         message=\"listener \\\"tcp\\\" needs it\"\n"
    );
    assert!(line.contains(" result=refused "), "{line}");
}

#[test]
fn a_saved_file_is_named() {
    let result = Ok(Answer::Saved { file: "/var/lib/ringway/state".into(), count: 12 });
    let line = text(&Verb::StateSave { file: None }, &result);
    assert!(line.ends_with(" elapsed_us=812 file=/var/lib/ringway/state saved=12\n"), "{line}");
}

#[test]
fn every_audited_verb_says_what_it_is_about() {
    let (cluster, backend) = (cluster(), backend());
    for (verb, what) in [
        (Verb::Reload { file: Some("/etc/a b".into()), dry_run: true }, "file=\"/etc/a b\" dry_run=true"),
        (Verb::StateLoad { file: None, dry_run: false }, ""),
        (Verb::MarkHealth { cluster, backend, healthy: false }, "cluster=api backend=api-1 healthy=false"),
        (Verb::LogLevel { level: ringway_core::config::LogLevel::Debug }, "level=debug"),
        (
            Verb::Subscribe {
                since: Some(7),
                kinds: vec![EventKind::BackendUp, EventKind::BackendDown],
                no_gaps: false,
            },
            "since=7 kinds=\"BACKEND_UP; BACKEND_DOWN\"",
        ),
        (Verb::Stop { hard: true }, "hard=true"),
        (Verb::ShardRelaunch { shard: 2 }, "shard=2"),
        (Verb::Unavailable { feature: "certificates".to_owned() }, "feature=certificates"),
    ] {
        assert!(verb.is_audited());
        let line = text(&verb, &DONE);
        assert_eq!(line.split_once(" elapsed_us=812").expect("it has one").1.trim(), what);
    }
}

#[test]
fn nobody_can_write_a_line_of_their_own() {
    let forged = "x\n2026-01-02T03:04:05.678Z verb=apply result=ok uid=0\r\u{1b}[2K\u{2028}\" uid=0";
    let verbs = [
        Verb::Unavailable { feature: forged.to_owned() },
        Verb::StateSave { file: Some(forged.into()) },
        apply(vec![Change::DaemonUpdate { set: [(forged.to_owned(), Value::Null)].into_iter().collect() }]),
    ];
    let refused = Err(VerbError::new(ErrorCode::Invalid, forged).field(forged));
    for verb in verbs {
        let fields = fields(&verb, &refused);
        for line in [fields.text(0), fields.json(0)] {
            let (line, end) = line.split_at(line.len() - 1);
            assert_eq!(end, "\n");
            assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'), "{line}");
            // The one that is true, and those within quotes.
            assert!(line.matches("uid=0").count() == line.matches("\\\" uid=0").count() * 2, "{line}");
        }
        let back: Value = serde_json::from_str(&fields.json(0)).expect("it is JSON");
        assert_eq!(back["uid"], 1000);
    }
}

#[test]
fn a_line_is_bounded_whatever_is_asked_for() {
    let long = "x".repeat(64 * 1024);
    let set: ringway_core::change::Keys = (0..10).map(|n| (format!("{n}{long}"), Value::Null)).collect();
    let change = Change::ClusterUpdate { cluster: cluster(), set };
    let refused = Err(VerbError::new(ErrorCode::Invalid, long.clone()).field(long.clone()));
    let line = text(&apply(vec![change; 40]), &refused);
    assert!(line.contains(" changes=40 "), "the number is told");
    assert!(line.len() < 8 * 1024, "{} bytes", line.len());
    let line = text(&Verb::StateSave { file: Some(long.into()) }, &refused);
    assert!(line.len() < 8 * 1024, "{} bytes", line.len());
}

/// A sink without a thread behind it.
fn stuck(room: usize) -> (Sink, Receiver<String>) {
    let (lines, queue) = sync_channel(room);
    let (_, ended) = oneshot::channel();
    let (path, wishes) = (PathBuf::from("nowhere"), Arc::default());
    (Sink { path, lines, lost: Cell::new(0), wishes, ended }, queue)
}

#[test]
fn what_does_not_fit_is_counted_in_the_next_line_that_does() {
    let (sink, queue) = stuck(2);
    let verb = Verb::Stop { hard: false };
    let record = || sink.send(|lost| fields(&verb, &DONE).text(lost));
    for _ in 0..5 {
        record();
    }
    let first: Vec<_> = queue.try_iter().collect();
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|line| !line.contains("lost")));
    for _ in 0..2 {
        record();
    }
    let then: Vec<_> = queue.try_iter().collect();
    assert!(then[0].ends_with(" lost=3\n"), "{then:?}");
    assert!(!then[1].contains("lost"), "{then:?}");
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).expect("it is there").lines().map(str::to_owned).collect()
}

#[test]
fn the_end_waits_for_every_line_in_both_files() {
    let folder = Folder::new();
    let (text, json) = (folder.join("audit.log"), folder.join("audit.json"));
    let audit = Audit::open(Some(text.clone()), Some(json.clone())).expect("both can be written");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    for shard in 0..1000 {
        let verb = Verb::ShardRelaunch { shard };
        let elapsed = Duration::ZERO;
        audit.record(&Entry { verb: &verb, actor: &ACTOR, result: &DONE, generation: 8, elapsed });
    }
    runtime.block_on(audit.close());
    let (text, json) = (lines(&text), lines(&json));
    assert_eq!((text.len(), json.len()), (1000, 1000));
    for (shard, (text, json)) in text.iter().zip(&json).enumerate() {
        assert!(text.ends_with(&format!(" shard={shard}")), "{text}");
        let json: Value = serde_json::from_str(json).expect("it is JSON");
        assert_eq!(json["shard"], shard);
    }
}

#[test]
fn without_files_nothing_is_recorded() {
    let audit = Audit::open(None, None).expect("there is nothing that could fail");
    let verb = Verb::Stop { hard: true };
    let elapsed = Duration::ZERO;
    audit.record(&Entry { verb: &verb, actor: &ACTOR, result: &DONE, generation: 1, elapsed });
    audit.reopen();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(audit.close());
}
