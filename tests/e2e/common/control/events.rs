//! A subscriber that keeps what it is told.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::MOMENT;
use super::verbs::Verbs;
use crate::common::daemon::LONG;
use crate::common::wait::{eventually, now, rest};

/// An event as it was told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) seq: u64,
    pub(crate) time_ms: u64,
    pub(crate) actor: Option<Actor>,
    pub(crate) kind: String,
    pub(crate) cluster: Option<String>,
    pub(crate) backend: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) listener: Option<String>,
    pub(crate) shard: Option<u16>,
    #[serde(default)]
    pub(crate) reason: String,
}

/// Who caused it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Actor {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) pid: u32,
    pub(crate) session: u64,
}

/// What an event is about: `site/a`, `site`, `main`, `shard 0`, or nothing.
pub(crate) fn about(record: &Record) -> String {
    match record {
        // An event about a cluster may name the backend that tipped it.
        Record { kind, cluster: Some(cluster), .. } if is_of_cluster(kind) => cluster.clone(),
        Record { cluster: Some(cluster), backend: Some(backend), .. } => format!("{cluster}/{backend}"),
        Record { cluster: Some(cluster), .. } => cluster.clone(),
        Record { listener: Some(listener), .. } => listener.clone(),
        Record { shard: Some(shard), .. } => format!("shard {shard}"),
        _ => String::new(),
    }
}

fn is_of_cluster(kind: &str) -> bool {
    ["NO_AVAILABLE_BACKENDS", "CLUSTER_RECOVERED", "FAIL_OPEN_ENTERED", "FAIL_OPEN_LEFT"].contains(&kind)
}

/// Somebody who listens. Dropping it ends the subscription.
pub(crate) struct Events {
    /// The number of the first event that it is told of.
    pub(crate) next: u64,
    /// How many that it asked for are not kept.
    pub(crate) missed: u64,
    told: Arc<Mutex<Vec<Record>>>,
    stream: UnixStream,
    listening: Option<thread::JoinHandle<()>>,
}

impl Events {
    pub(super) fn subscribe(socket: &Path, since: Option<u64>, kinds: &[&str]) -> Events {
        let mut verbs = Verbs::connect(socket);
        let mut verb = json!({ "verb": "subscribe", "kinds": kinds });
        if let Some(since) = since {
            verb["since"] = json!(since);
        }
        let answer = verbs.done(&verb);
        let number = |key: &str| answer[key].as_u64().unwrap_or_else(|| panic!("{key} in {answer}"));
        let (next, missed) = (number("next"), number("missed"));
        let stream = verbs.channel.stream.try_clone().expect("a descriptor");
        // It may be quiet for as long as it likes.
        stream.set_read_timeout(None).expect("a socket takes it");
        let told = Arc::<Mutex<Vec<Record>>>::default();
        let theirs = Arc::clone(&told);
        let listening = thread::spawn(move || {
            while let Ok(Some(answer)) = verbs.channel.next() {
                keep(answer, &theirs);
            }
        });
        Events { next, missed, told, stream, listening: Some(listening) }
    }

    /// What it was told so far.
    pub(crate) fn seen(&self) -> Vec<Record> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it was told of these kinds.
    pub(crate) fn of(&self, kinds: &[&str]) -> Vec<Record> {
        let mut seen = self.seen();
        seen.retain(|record| kinds.contains(&&*record.kind));
        seen
    }

    /// The kinds that it was told, and what each is about, its own kind of event left out.
    pub(crate) fn facts(&self) -> Vec<(String, String)> {
        let seen = self.seen();
        let others = seen.iter().filter(|record| record.kind != "EVENTS_SUBSCRIBED");
        others.map(|record| (record.kind.clone(), about(record))).collect()
    }

    /// Waits for the first event of a kind about `whom`; empty: about whatever.
    pub(crate) fn expect(&self, kind: &str, whom: &str) -> Record {
        eventually(&format!("{kind} {whom}"), LONG, || {
            let all = self.of(&[kind]);
            all.into_iter().find(|record| whom.is_empty() || about(record) == whom)
        })
    }

    /// Waits until it was told these, each once, in this order, and nothing else.
    pub(crate) fn expect_in_order(&self, expected: &[(&str, &str)]) {
        self.expect_facts(expected, |facts| facts);
    }

    /// As [`Events::expect_in_order`], in whatever order.
    pub(crate) fn expect_all(&self, expected: &[(&str, &str)]) {
        let sorted = |mut facts: Vec<(String, String)>| {
            facts.sort();
            facts
        };
        self.expect_facts(expected, sorted);
    }

    fn expect_facts(
        &self,
        expected: &[(&str, &str)],
        order: impl Fn(Vec<(String, String)>) -> Vec<(String, String)>,
    ) {
        let owned = |(kind, whom): &(&str, &str)| ((*kind).to_owned(), (*whom).to_owned());
        let expected = order(expected.iter().map(owned).collect());
        let deadline = now() + LONG;
        while self.facts().len() < expected.len() && now() < deadline {
            rest(Duration::from_millis(5));
        }
        // What is told twice comes later.
        rest(MOMENT);
        assert_eq!(order(self.facts()), expected, "{:#?}", self.seen());
        self.expect_no_gaps();
    }

    /// Its numbers follow each other, and time does not jump.
    pub(crate) fn expect_no_gaps(&self) {
        let seen = self.seen();
        for pair in seen.windows(2) {
            assert_eq!(pair[1].seq, pair[0].seq + 1, "{pair:?}");
        }
        if let Some(first) = seen.first() {
            assert_eq!(first.seq, self.next, "the answer said so");
        }
    }
}

fn keep(answer: super::wire::Answer, told: &Mutex<Vec<Record>>) {
    let Some(super::wire::Kind::Ringway(text)) = answer.content.and_then(|content| content.kind) else {
        panic!("{}", answer.message);
    };
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    match value["answer"].as_str() {
        Some("event") => {
            let mut record = value.as_object().expect("an object").clone();
            record.remove("answer");
            told.push(serde_json::from_value(Value::Object(record)).expect("a record"));
        }
        _ => panic!("{text}"),
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        let ended = self.listening.take().is_none_or(|listening| listening.join().is_ok());
        assert!(ended || thread::panicking(), "it was told something that is no event");
    }
}
