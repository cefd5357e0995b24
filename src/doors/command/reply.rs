//! Responses, made of what the coordinator answers.

use ringway_core::{Answer, ErrorCode, VerbError};

use super::frame;
use super::wire::{ContentType, Response, ResponseContent, ResponseStatus};

/// What a request of the protocol is answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    pub(super) message: String,
    pub(super) content: Option<ContentType>,
}

impl Reply {
    pub(super) fn new(message: impl Into<String>) -> Reply {
        Reply { message: message.into(), content: None }
    }

    pub(super) fn with(message: impl Into<String>, content: ContentType) -> Reply {
        Reply { message: message.into(), content: Some(content) }
    }
}

/// The last word.
pub(super) fn ok(reply: Reply) -> Response {
    response(ResponseStatus::Ok, reply.message, reply.content)
}

/// There is more to come.
pub(super) fn processing(message: impl Into<String>, content: Option<ContentType>) -> Response {
    response(ResponseStatus::Processing, message.into(), content)
}

/// The last word: no. Only Ringway's own clients are told in JSON as well.
pub(super) fn failure(error: &VerbError, ours: bool) -> Response {
    let ringway_error = ours.then(|| json(error));
    Response { ringway_error, ..response(ResponseStatus::Failure, error.to_string(), None) }
}

/// An answer to a verb that came as JSON.
pub(super) fn answer(status: ResponseStatus, answer: &Answer) -> Response {
    response(status, String::new(), Some(ContentType::Ringway(json(answer))))
}

/// Appends a response as it goes over the socket; in place of one that is too long, says so.
pub(super) fn write(response: &Response, out: &mut Vec<u8>) {
    let Err(bytes) = frame::encode(response, out) else { return };
    let text = format!("the answer has {bytes} bytes, more than the longest message; ask for a part of it");
    let refusal = failure(&VerbError::new(ErrorCode::Busy, text), true);
    frame::encode(&refusal, out).expect("it is short");
}

fn response(status: ResponseStatus, message: String, content: Option<ContentType>) -> Response {
    let content = content.map(|content| ResponseContent { content_type: Some(content) });
    Response { status: status.into(), message, content, ringway_error: None }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("verbs and answers are plain data with texts for keys")
}
