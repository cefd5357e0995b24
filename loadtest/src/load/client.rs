//! One connection of a load: a request, its answer, checked.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use ringway_engine::{Buffer, Chunk, Deadline, Engine, Mode, Out, Stream};

use super::response;
use super::stats::Failure;
use crate::wire::{Body, HeadError, Input};

/// What the connections of a load share.
pub(super) struct Ask {
    pub(super) address: std::net::SocketAddr,
    /// The whole request.
    pub(super) request: Buffer,
    pub(super) timeout: Duration,
}

pub(super) struct Client<E: Engine> {
    engine: E,
    ask: Rc<Ask>,
    connection: Option<Connection<E>>,
}

struct Connection<E: Engine> {
    stream: E::Stream,
    input: Input<E::Chunk>,
}

impl<E: Engine> Client<E> {
    pub(super) fn new(engine: E, ask: Rc<Ask>) -> Client<E> {
        Client { engine, ask, connection: None }
    }

    /// Asks once, over the connection there is or a new one; gives the length of the answer's body.
    pub(super) async fn exchange(&mut self) -> Result<u64, Failure> {
        let mut connection = match self.connection.take() {
            // One that the target closed while it was idle, as it may, is replaced. That is no error.
            Some(connection) if !connection.is_spent() => connection,
            _ => self.connect().await?,
        };
        let deadline = self.engine.now() + self.ask.timeout;
        connection.stream.set_deadline(Deadline::Recv, deadline);
        connection.stream.set_deadline(Deadline::Send, deadline);
        connection.stream.post(Out::Buffer(self.ask.request.share()));
        let (status, bytes, close) = connection.answer().await?;
        connection.stream.sent().await.map_err(|error| broken(&error))?;
        if !close {
            self.connection = Some(connection);
        }
        if (200..300).contains(&status) { Ok(bytes) } else { Err(Failure::Status) }
    }

    async fn connect(&self) -> Result<Connection<E>, Failure> {
        let deadline = self.engine.now() + self.ask.timeout;
        let stream = self.engine.connect(self.ask.address, deadline).await.map_err(|_| Failure::Connect)?;
        Ok(Connection { stream, input: Input::new() })
    }
}

impl<E: Engine> Connection<E> {
    /// Closed, or with bytes that nobody asked for.
    fn is_spent(&self) -> bool {
        self.input.has_rest() || self.stream.has_pending()
    }

    /// Status, length of the body, and whether the connection ends.
    async fn answer(&mut self) -> Result<(u16, u64, bool), Failure> {
        let mut head = loop {
            match self.input.head(&self.stream, response::parse).await {
                Ok(Some(head)) if head.status == 101 || head.status >= 200 => break head,
                Ok(Some(_)) => {}
                Ok(None) => return Err(Failure::Reset),
                Err(HeadError::Io(error)) => return Err(broken(&error)),
                Err(HeadError::Malformed(_) | HeadError::TooLarge) => return Err(Failure::Malformed),
            }
        };
        let bulk = head.body.is_bulk();
        let mut bytes = 0;
        while !head.body.is_done() {
            if bulk && !self.input.has_rest() {
                self.stream.set_mode(Mode::Body);
            }
            let piece = self.input.piece(&self.stream).await.map_err(|error| broken(&error))?;
            let Some(mut piece) = piece else {
                if head.body == Body::UntilEnd {
                    break;
                }
                return Err(Failure::ShortBody);
            };
            let fed = head.body.feed(&piece).map_err(|_| Failure::Malformed)?;
            bytes += fed.data;
            piece.advance(fed.consumed);
            self.input.put_back(piece);
        }
        if bulk {
            self.stream.set_mode(Mode::Head);
        }
        Ok((head.status, bytes, head.close))
    }
}

fn broken(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::TimedOut { Failure::Timeout } else { Failure::Reset }
}
