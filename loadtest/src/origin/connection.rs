//! One connection of an origin: request after request, until either side has had enough.

use std::io;
use std::rc::Rc;

use ringway_engine::{Chunk, Deadline, Engine, Mode, Out, Stream};

use super::answer::Answers;
use super::count::Requests;
use super::request::{self, Kind, Request};
use crate::limits::LINGER;
use crate::pattern;
use crate::wire::{Body, HeadError, Input, Malformed};

const GO_AHEAD: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What the connections of an origin share.
pub(super) struct Origin {
    pub(super) answers: Answers,
    pub(super) requests: Requests,
}

struct Connection<E: Engine> {
    engine: E,
    stream: E::Stream,
    input: Input<E::Chunk>,
    origin: Rc<Origin>,
}

pub(super) async fn serve<E: Engine>(engine: E, stream: E::Stream, origin: Rc<Origin>) {
    let mut connection = Connection { engine, stream, input: Input::new(), origin };
    // An error is a client that has gone; there is nobody to tell.
    let _ = connection.serve().await;
    connection.stream.close().await;
}

impl<E: Engine> Connection<E> {
    async fn serve(&mut self) -> io::Result<()> {
        loop {
            match self.input.head(&self.stream, request::parse).await {
                Ok(Some(request)) => {
                    self.origin.requests.add_one();
                    let close = request.close || self.origin.answers.close;
                    if let Err(refused) = self.answer(request, close).await? {
                        return self.refuse(refused).await;
                    }
                    if close {
                        return self.leave().await;
                    }
                }
                Ok(None) => return self.stream.sent().await,
                Err(HeadError::Malformed(why)) => return self.refuse(why).await,
                Err(HeadError::TooLarge) => return self.refuse(Malformed("the head does not end")).await,
                Err(HeadError::Io(error)) => return Err(error),
            }
        }
    }

    /// The inner error is a body whose end can not be found.
    async fn answer(&mut self, request: Request, close: bool) -> io::Result<Result<(), Malformed>> {
        if request.expects_continue && !self.input.has_rest() {
            self.post(Out::Static(GO_AHEAD)).await?;
        }
        let Kind::Fixed { delay, .. } = request.kind else { return self.echo(request.body, close).await };
        let mut body = request.body;
        if !body.is_done()
            && let Err(refused) = self.discard(&mut body).await?
        {
            return Ok(Err(refused));
        }
        let delay = delay.unwrap_or(self.origin.answers.delay);
        if !delay.is_zero() {
            self.engine.sleep_until(self.engine.now() + delay).await;
        }
        let answer = self.origin.answers.fixed(&self.engine, request.kind, close);
        self.post(Out::Buffer(answer.first)).await?;
        let mut done = answer.done;
        while done < answer.size {
            let piece = pattern::piece(done, answer.size - done);
            self.post(Out::Static(piece)).await?;
            done += piece.len() as u64;
        }
        Ok(Ok(()))
    }

    /// Waits for the send before this one. The next request is read meanwhile, so pipelined ones are answered without
    /// a pause.
    async fn post(&self, out: Out<E::Chunk>) -> io::Result<()> {
        self.stream.sent().await?;
        self.stream.post(out);
        Ok(())
    }

    async fn discard(&mut self, body: &mut Body) -> io::Result<Result<(), Malformed>> {
        while !body.is_done() {
            if let Err(refused) = self.next_of(body).await? {
                return Ok(Err(refused));
            }
        }
        self.stream.set_mode(Mode::Head);
        Ok(Ok(()))
    }

    /// Sends the body back piece by piece: the next is received when the one before is on its way. Chunks go back with
    /// their framing, extensions and trailers, as they came.
    async fn echo(&mut self, mut body: Body, close: bool) -> io::Result<Result<(), Malformed>> {
        let length = if let Body::Length(length) = body { Some(length) } else { None };
        let mut head = Some(self.origin.answers.echo_head(&self.engine, length, close));
        while !body.is_done() {
            match (self.next_of(&mut body).await?, head.take()) {
                (Err(refused), Some(_)) => return Ok(Err(refused)),
                // The answer has begun: all that is left is to break it off.
                (Err(_), None) => return Err(io::ErrorKind::InvalidData.into()),
                (Ok(piece), Some(head)) => self.post(Out::Both(head, piece)).await?,
                (Ok(piece), None) => self.post(Out::Chunk(piece)).await?,
            }
        }
        if let Some(head) = head {
            self.post(Out::Buffer(head)).await?;
        }
        self.stream.set_mode(Mode::Head);
        Ok(Ok(()))
    }

    /// The next piece of the body, and nothing behind it.
    async fn next_of(&mut self, body: &mut Body) -> io::Result<Result<E::Chunk, Malformed>> {
        if body.is_bulk() && !self.input.has_rest() {
            self.stream.set_mode(Mode::Body);
        }
        let mut piece = self
            .input
            .piece(&self.stream)
            .await?
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let Ok(fed) = body.feed(&piece) else { return Ok(Err(Malformed("a broken chunk"))) };
        if fed.consumed < piece.len() {
            let body = piece.split_to(fed.consumed);
            self.input.put_back(piece);
            return Ok(Ok(body));
        }
        Ok(Ok(piece))
    }

    async fn refuse(&mut self, why: Malformed) -> io::Result<()> {
        self.post(Out::Buffer(self.origin.answers.refusal(&self.engine, why))).await?;
        self.leave().await
    }

    /// Ends the connection so that the client gets the last answer: closing with bytes unread would reset it.
    async fn leave(&mut self) -> io::Result<()> {
        self.stream.sent().await?;
        self.stream.shutdown_write();
        self.stream.set_deadline(Deadline::Recv, self.engine.now() + LINGER);
        while self.input.piece(&self.stream).await?.is_some() {}
        Ok(())
    }
}
