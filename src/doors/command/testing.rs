//! What the tests of the command socket have in common: a client, and a coordinator that takes note of what it is asked.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use ringway_core::{Actor, Answer, Event, EventKind, Verb, VerbError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::frame;
use super::limits::Patience;
use super::session::Session;
use super::wire::{ContentType, Request, RequestType, Response};
use crate::coordinator::{Events, Hub};

/// Longer than anything takes that comes at all.
const WAIT: Duration = Duration::from_secs(20);

pub(super) const PATIENCE: Patience = Patience { frame: WAIT, write: WAIT };

pub(super) fn actor() -> Actor {
    Actor { uid: 1, gid: 2, pid: 3, session: 4 }
}

/// Runs a test on the coordinator's runtime.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio_uring::start(async { timeout(WAIT, test).await.expect("it ends") })
}

/// A coordinator whose answers a test gives.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) hub: Hub,
    asked: Rc<RefCell<Vec<Verb>>>,
    /// One large message at once.
    large: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(answer: impl Fn(&Verb) -> Result<Answer, VerbError> + 'static) -> Desk {
        let (hub, mut asks) = Hub::new(Events::new());
        let asked = Rc::new(RefCell::new(Vec::new()));
        let desk = Desk { hub, asked: Rc::clone(&asked), large: Arc::new(Semaphore::new(1)) };
        spawn_local(async move {
            while let Some(ask) = asks.recv().await {
                asked.borrow_mut().push(ask.verb.clone());
                let result = answer(&ask.verb);
                ask.answer(result);
            }
        });
        desk
    }

    /// One that has done everything, and knows where its events are.
    pub(super) fn done() -> Desk {
        Desk::new(|_| Ok(Answer::Done { generation: 7 }))
    }

    /// One that answers subscribers that wish to begin at the first event.
    pub(super) fn events() -> Desk {
        Desk::new(|verb| match verb {
            Verb::Subscribe { .. } => Ok(Answer::Subscribed { next: 1, missed: 0 }),
            _ => Ok(Answer::Done { generation: 7 }),
        })
    }

    /// What it was asked since the last look.
    pub(super) fn asked(&self) -> Vec<Verb> {
        self.asked.take()
    }

    pub(super) fn emit(&self, kind: EventKind) {
        self.hub.events().emit(Event::new(kind), None);
    }

    /// A client in a session, and the session's task.
    pub(super) fn session(&self, patience: Patience) -> (Client, JoinHandle<()>) {
        let (ours, theirs) = UnixStream::pair().expect("two sockets");
        let large = Arc::clone(&self.large);
        let session = Session::new(theirs, self.hub.clone(), actor(), large, patience);
        (Client { stream: ours }, spawn_local(session.run()))
    }
}

/// The other end of a session.
pub(super) struct Client {
    pub(super) stream: UnixStream,
}

impl Client {
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("a reader");
    }

    pub(super) async fn ask(&mut self, request: RequestType) -> Response {
        self.send(&message(request)).await;
        self.response().await.expect("an answer")
    }

    /// The next response; none: the session has ended.
    pub(super) async fn response(&mut self) -> Option<Response> {
        let mut length = [0; frame::LENGTH_BYTES];
        if let Err(error) = self.stream.read_exact(&mut length).await {
            assert!(
                matches!(
                    error.kind(),
                    std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset
                ),
                "{error}"
            );
            return None;
        }
        let mut body = vec![0; u64::from_le_bytes(length) as usize - length.len()];
        self.stream.read_exact(&mut body).await.expect("a whole response");
        Some(Response::decode(body.as_slice()).expect("a response"))
    }
}

/// A request as it goes over the socket.
pub(super) fn message(request: RequestType) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode(&Request { request_type: Some(request) }, &mut out).expect("it is short");
    out
}

/// A verb in JSON.
pub(super) fn own(verb: &Verb) -> RequestType {
    RequestType::Ringway(serde_json::to_string(verb).expect("plain data"))
}

/// The content of a response.
pub(super) fn content(response: Response) -> Option<ContentType> {
    response.content.and_then(|content| content.content_type)
}

/// The answer in JSON of a response.
pub(super) fn answer(response: Response) -> Answer {
    match content(response) {
        Some(ContentType::Ringway(json)) => serde_json::from_str(&json).expect("an answer"),
        other => panic!("{other:?}"),
    }
}
