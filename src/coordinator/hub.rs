//! The way from the doors to the coordinator: verbs in, answers out, events to read.
//!
//! Doors are tasks on the coordinator's thread. A verb waits in a bounded queue; the answer comes when it was carried out on
//! all shards, or refused.

use ringway_core::{Actor, Answer, ErrorCode, Time, Verb, VerbError};
use tokio::sync::{mpsc, oneshot};

use super::clock;
use super::events::Events;
use super::limits::ASKS_WAITING_MAX;

/// What a door has of the coordinator. A clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    asks: mpsc::Sender<Ask>,
    events: Events,
}

/// A verb on its way.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) verb: Verb,
    pub(crate) actor: Actor,
    /// When it came.
    pub(super) at: Time,
    reply: oneshot::Sender<Result<Answer, VerbError>>,
}

impl Ask {
    /// A verb that came at `at`; `reply`: where its answer goes.
    pub(super) fn new(
        verb: Verb,
        actor: Actor,
        at: Time,
        reply: oneshot::Sender<Result<Answer, VerbError>>,
    ) -> Ask {
        Ask { verb, actor, at, reply }
    }

    /// Answers; nobody may be waiting any more.
    pub(crate) fn answer(self, result: Result<Answer, VerbError>) {
        let _ = self.reply.send(result);
    }
}

impl Hub {
    /// A hub, and where its verbs come out.
    pub(crate) fn new(events: Events) -> (Hub, mpsc::Receiver<Ask>) {
        let (asks, receiver) = mpsc::channel(ASKS_WAITING_MAX);
        (Hub { asks, events }, receiver)
    }

    /// Has `verb` carried out for `actor`.
    ///
    /// # Errors
    /// Why it was refused; nothing of it was applied.
    pub(crate) async fn ask(&self, verb: Verb, actor: Actor) -> Result<Answer, VerbError> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask::new(verb, actor, clock::now(), reply);
        let ended = || VerbError::new(ErrorCode::Stopping, "the process is ending");
        self.asks.send(ask).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    /// What happened so far, and what happens.
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }
}
