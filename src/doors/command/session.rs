//! One client, from its first byte to its last: a request, its answer, the next request.

use std::io;
use std::sync::Arc;

use prost::Message;
use ringway_core::{Actor, Answer, ErrorCode, EventKind, Verb, VerbError};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::frame::{self, Frame, FrameError, FrameReader};
use super::limits::{FAREWELL_MAX, LARGE_MESSAGE_BYTES, Patience};
use super::reply;
use super::subscription::Subscription;
use super::translate;
use super::wire::{Request, RequestType, ResponseStatus};
use crate::coordinator::Hub;

/// A client that was let in.
pub(super) struct Session {
    stream: UnixStream,
    reader: FrameReader,
    hub: Hub,
    actor: Actor,
    /// Large messages of all sessions.
    large: Arc<Semaphore>,
    patience: Patience,
    subscription: Option<Subscription>,
}

/// Why a session ends, other than that its client left.
#[derive(Debug, thiserror::Error)]
enum Ending {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("its answer: {0}")]
    Write(io::Error),
}

impl Session {
    pub(super) fn new(
        stream: UnixStream,
        hub: Hub,
        actor: Actor,
        large: Arc<Semaphore>,
        patience: Patience,
    ) -> Session {
        let reader = FrameReader::new(Arc::clone(&large), patience.frame);
        Session { stream, reader, hub, actor, large, patience, subscription: None }
    }

    /// Serves the client until it leaves or has to.
    pub(super) async fn run(mut self) {
        let Err(ending) = self.serve().await else { return };
        let code = match &ending {
            Ending::Frame(FrameError::Short { .. } | FrameError::Long { .. } | FrameError::Late { .. }) => {
                ErrorCode::Invalid
            }
            Ending::Frame(FrameError::Busy) => ErrorCode::Busy,
            Ending::Frame(FrameError::Cut | FrameError::Io(_)) | Ending::Write(_) => {
                return tracing::debug!(by = %self.actor, "a client of the command socket is gone: {ending}");
            }
        };
        tracing::warn!(by = %self.actor, "a client of the command socket is shown out: {ending}");
        refuse(&self.stream, &VerbError::new(code, ending.to_string())).await;
    }

    async fn serve(&mut self) -> Result<(), Ending> {
        loop {
            let frame = match &mut self.subscription {
                None => self.reader.read(&self.stream).await?,
                // Requests come first: a client can leave, or ask, while events are many.
                Some(subscription) => tokio::select! {
                    biased;
                    frame = self.reader.read(&self.stream) => frame?,
                    page = subscription.next(self.hub.events()) => {
                        // Events that wait for a slow client take no memory here, and what it misses it is told.
                        let is_over = subscription.is_over();
                        frame::write(&self.stream, &page, None).await.map_err(Ending::Write)?;
                        if is_over {
                            return Ok(());
                        }
                        continue;
                    }
                },
            };
            let Some(frame) = frame else { return Ok(()) };
            // On the heap, and only while it is at work: an idle client keeps little.
            let (answer, _permit) = Box::pin(self.answer(frame)).await;
            frame::write(&self.stream, &answer, Some(self.patience.write)).await.map_err(Ending::Write)?;
        }
    }

    /// Does what a message asks for. Returns the bytes of the answer, and its share of the large ones.
    async fn answer(&mut self, frame: Frame) -> (Vec<u8>, Option<OwnedSemaphorePermit>) {
        let request = Request::decode(frame.body.as_slice());
        drop(frame);
        let response = match request {
            Ok(Request { request_type: Some(RequestType::Ringway(verb)) }) => self.own(verb).await,
            Ok(Request { request_type: Some(RequestType::SubscribeEvents(_)) }) => {
                // Others have no name in the protocol, and might be taken for the first one that has.
                let kinds = EventKind::ALL.into_iter().filter(|kind| kind.number() < 100).collect();
                match self.subscribe(None, kinds, false, false).await {
                    Ok((next, _)) => reply::processing(format!("events from number {next} on"), None),
                    Err(error) => reply::failure(&error, false),
                }
            }
            Ok(Request { request_type: Some(request) }) => {
                match translate::answer(request, &self.hub, &self.actor).await {
                    Ok(reply) => reply::ok(reply),
                    Err(error) => reply::failure(&error, false),
                }
            }
            Ok(Request { request_type: None }) => {
                let text =
                    "the message asks for nothing that is known here: it is empty, or of a later protocol";
                reply::failure(&VerbError::new(ErrorCode::Invalid, text), true)
            }
            Err(error) => {
                let text = format!("the message is no request of the command protocol: {error}");
                reply::failure(&VerbError::new(ErrorCode::Invalid, text), true)
            }
        };
        let mut out = Vec::new();
        reply::write(&response, &mut out);
        if out.len() as u64 <= LARGE_MESSAGE_BYTES {
            return (out, None);
        }
        drop(response);
        if let Ok(permit) = Arc::clone(&self.large).try_acquire_owned() {
            return (out, Some(permit));
        }
        let text =
            "too many large answers are not yet taken by other clients; try again, or ask for a part of it";
        let mut out = Vec::new();
        reply::write(&reply::failure(&VerbError::new(ErrorCode::Busy, text), true), &mut out);
        (out, None)
    }

    /// A verb that came as JSON.
    async fn own(&mut self, verb: String) -> super::wire::Response {
        let parsed = serde_json::from_str(&verb);
        drop(verb);
        let result = match parsed {
            Ok(Verb::Subscribe { since, kinds, no_gaps }) => {
                let subscribed = self.subscribe(since, kinds, true, no_gaps).await;
                subscribed.map(|(next, missed)| Answer::Subscribed { next, missed })
            }
            Ok(verb) => self.hub.ask(verb, self.actor.clone()).await,
            Err(error) => Err(VerbError::new(ErrorCode::Invalid, format!("this is no verb: {error}"))),
        };
        match result {
            Ok(answer @ Answer::Subscribed { .. }) => reply::answer(ResponseStatus::Processing, &answer),
            Ok(answer) => reply::answer(ResponseStatus::Ok, &answer),
            Err(error) => reply::failure(&error, true),
        }
    }

    /// Begins to tell the client events, in place of those it was told before. Returns the first one's number, and how many
    /// before it are lost.
    async fn subscribe(
        &mut self,
        since: Option<u64>,
        kinds: Vec<EventKind>,
        ours: bool,
        no_gaps: bool,
    ) -> Result<(u64, u64), VerbError> {
        let verb = Verb::Subscribe { since, kinds: kinds.clone(), no_gaps };
        match self.hub.ask(verb, self.actor.clone()).await? {
            Answer::Subscribed { next, missed } => {
                // What was lost before is told with this answer, and not again.
                let first = match since {
                    Some(since) if since <= next => since.max(1).saturating_add(missed),
                    Some(_) | None => next,
                };
                self.subscription = Some(Subscription::new(first, kinds, ours, no_gaps));
                Ok((next, missed))
            }
            other => Err(translate::unexpected(&other)),
        }
    }
}

/// Tells a client why it has to leave, if it takes it within a moment.
pub(super) async fn refuse(stream: &UnixStream, error: &VerbError) {
    let mut out = Vec::new();
    reply::write(&reply::failure(error, true), &mut out);
    // Who does not read it does not want to know.
    drop(timeout(FAREWELL_MAX, frame::write(stream, &out, None)).await);
}

#[cfg(test)]
mod tests;
