//! A client that speaks verbs: JSON both ways, in the protocol's field 1000.

use std::path::Path;

use serde_json::{Value, json};

use super::channel::Channel;
use super::wire::{Answer, Ask, Kind, Status};

pub(crate) struct Verbs {
    pub(super) channel: Channel,
}

impl Verbs {
    pub(crate) fn connect(socket: &Path) -> Verbs {
        Verbs { channel: Channel::connect(socket).expect("the daemon accepts") }
    }

    /// The answer to a verb, or why it is refused.
    pub(crate) fn ask(&mut self, verb: &Value) -> Result<Value, Value> {
        self.channel.send(Ask::Ringway(verb.to_string())).expect("the daemon takes it");
        self.next().unwrap_or_else(|| panic!("no answer to {verb}"))
    }

    /// Asks, and waits for no answer.
    pub(crate) fn send(&mut self, verb: &Value) {
        self.channel.send(Ask::Ringway(verb.to_string())).expect("the daemon takes it");
    }

    /// Sends what may be no verb at all.
    pub(crate) fn channel_send(&mut self, text: &str) {
        self.channel.send(Ask::Ringway(text.to_owned())).expect("the daemon takes it");
    }

    /// The next answer; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<Result<Value, Value>> {
        self.channel.next().expect("an answer").map(read)
    }

    /// The answer to a verb that must be carried out.
    pub(crate) fn done(&mut self, verb: &Value) -> Value {
        self.ask(verb).unwrap_or_else(|error| panic!("{verb} was refused: {error}"))
    }

    /// Why a verb is refused.
    pub(crate) fn refused(&mut self, verb: &Value) -> Value {
        match self.ask(verb) {
            Ok(answer) => panic!("{verb} was carried out: {answer}"),
            Err(error) => error,
        }
    }

    /// Has these changes applied, all of them.
    pub(crate) fn apply(&mut self, changes: &[Value]) -> Value {
        let answer = self.done(&json!({ "verb": "apply", "changes": changes }));
        assert_eq!(answer["late"], Value::Null, "{answer}");
        answer
    }

    /// Why these changes are refused.
    pub(crate) fn not_applied(&mut self, changes: &[Value]) -> Value {
        self.refused(&json!({ "verb": "apply", "changes": changes }))
    }
}

fn read(answer: Answer) -> Result<Value, Value> {
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    match (answer.status(), answer.content.and_then(|content| content.kind), &answer.ringway_error) {
        (Status::Failure, _, Some(error)) => Err(parsed(error)),
        (Status::Ok | Status::Processing, Some(Kind::Ringway(text)), None) => Ok(parsed(&text)),
        (status, content, error) => panic!("{status:?} {:?} {content:?} {error:?}", answer.message),
    }
}

/// A change by its name and what it names: `change("backend_add", "site", "a", json!({ ... }))`. Empty names and `null` are
/// left out.
pub(crate) fn change(name: &str, cluster: &str, backend: &str, set: Value) -> Value {
    let mut change = json!({ "change": name });
    for (key, value) in [("cluster", json!(cluster)), ("backend", json!(backend)), ("set", set)] {
        if value != "" && !value.is_null() {
            change[key] = value;
        }
    }
    change
}
