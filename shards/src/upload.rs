//! The body of a request on its way to the backend.

use std::io;
use std::time::Duration;

use ringway_engine::{Chunk, Deadline, Engine, Mode, Out, Stream};

use crate::bulk::{self, Step, StepError};
use crate::call::Call;
use crate::http1::{Body, Framing, FramingError};
use crate::limits::BULK_BYTES_MIN;
use crate::upstream::Upstream;

/// Why a body could not be passed on to its end.
#[derive(Debug)]
pub(crate) enum UploadError {
    /// The client broke its framing: 400.
    Framing,
    /// The client sent nothing for too long: 408.
    Timeout,
    /// The client went away in the middle.
    ClientGone,
    /// The backend does not take it. It may have answered all the same.
    Backend,
    /// The backend took nothing for too long: 502, unless an answer has begun.
    Stalled,
}

impl From<FramingError> for UploadError {
    fn from(_: FramingError) -> UploadError {
        UploadError::Framing
    }
}

/// Why a backend did not take what it was sent.
fn not_taken(error: &io::Error) -> UploadError {
    match error.kind() {
        io::ErrorKind::TimedOut => UploadError::Stalled,
        _ => UploadError::Backend,
    }
}

/// One piece of a body, judged.
pub(crate) struct Piece<C> {
    /// What goes on; may be empty.
    pub(crate) forward: C,
    /// What stood behind the body's end.
    pub(crate) rest: Option<C>,
}

/// Judges the next received piece, and cuts it where the body ends.
pub(crate) fn feed<C: Chunk>(
    body: &mut Body,
    framing: Framing,
    mut received: C,
    tail: &mut Vec<u8>,
) -> Result<Piece<C>, FramingError> {
    let fed = body.feed(&mut received, framing, tail)?;
    if fed.consumed == received.len() {
        received.truncate(fed.kept);
        return Ok(Piece { forward: received, rest: None });
    }
    let mut forward = received.split_to(fed.consumed);
    forward.truncate(fed.kept);
    Ok(Piece { forward, rest: Some(received) })
}

/// A client that sends this much at a time is fast, in bytes.
const FAST_BYTES_MIN: u64 = 16 * 1024;

/// How fast a client sends: judged once per period of waiting for it. Time in which it had to wait for the backend is not
/// held against it.
#[derive(Default)]
struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Takes note of what came after a wait. Whether, at the end of a period, it was less than `rate` bytes per second.
    fn is_too_slow(&mut self, bytes: usize, waited: Duration, period: Duration, rate: u64) -> bool {
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.waited < period {
            return false;
        }
        let least = u128::from(rate) * self.waited.as_millis() / 1000;
        let slow = u128::from(self.bytes) < least;
        *self = Pace::default();
        slow
    }
}

/// Passes the rest of the request's body on; gives back what the client sent behind it.
///
/// At most two pieces are held: one on its way to the backend, one received meanwhile. The next is received only when it
/// is asked for, so a slow backend slows the client down.
pub(crate) async fn upload<E: Engine>(
    call: &Call<'_, E>,
    upstream: &Upstream<E>,
    mut body: Body,
    mut tail: Vec<u8>,
) -> Result<Option<E::Chunk>, UploadError> {
    let mode = match body {
        Body::Length { left } if left < BULK_BYTES_MIN => Mode::Head,
        _ => Mode::Body,
    };
    let client = call.client;
    let timeouts = call.timeouts();
    client.stream.set_mode(mode);
    let mut pace = Pace::default();
    // Splicing does not tell who waited for whom, so only a client that sends much at a time is served that way.
    let mut is_fast = false;
    let lost = |error: io::Error| match error.kind() {
        io::ErrorKind::TimedOut => UploadError::Timeout,
        _ => UploadError::ClientGone,
    };
    loop {
        let by = call.by(timeouts.body);
        if is_fast {
            match bulk::step(&client.stream, upstream.stream(), &mut body, (by, call.within(timeouts.send)))
                .await
            {
                Ok(Step::Passed(count)) => {
                    if body.is_done() {
                        client.stream.set_mode(Mode::Idle);
                        return Ok(None);
                    }
                    is_fast = count >= FAST_BYTES_MIN;
                    continue;
                }
                Ok(Step::End) => return Err(UploadError::ClientGone),
                Ok(Step::Ordinary) => {}
                Err(StepError::Sender(error)) => return Err(lost(error)),
                Err(StepError::Receiver(error)) => return Err(not_taken(&error)),
            }
        }
        client.stream.set_deadline(Deadline::Recv, by);
        let asked = client.shard.engine.now();
        let chunk = match client.stream.recv().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Err(UploadError::ClientGone),
            Err(error) => return Err(lost(error)),
        };
        let waited = client.shard.engine.now().since(asked);
        if pace.is_too_slow(chunk.len(), waited, timeouts.body, call.terms.body_rate) {
            return Err(UploadError::Timeout);
        }
        is_fast = chunk.len() as u64 >= FAST_BYTES_MIN;
        let Piece { forward, rest } = feed(&mut body, Framing::AsIs, chunk, &mut tail)?;
        upstream.stream().sent().await.map_err(|error| not_taken(&error))?;
        if !forward.is_empty() {
            upstream.post(call, Out::Chunk(forward));
        }
        if body.is_done() {
            send_tail(call, upstream, &tail).await?;
            client.stream.set_mode(Mode::Idle);
            return Ok(rest);
        }
    }
}

/// Sends the trailer section, if there is one.
pub(crate) async fn send_tail<E: Engine>(
    call: &Call<'_, E>,
    upstream: &Upstream<E>,
    tail: &[u8],
) -> Result<(), UploadError> {
    if tail.is_empty() {
        return Ok(());
    }
    upstream.stream().sent().await.map_err(|error| not_taken(&error))?;
    let mut buffer = call.client.shard.engine.buffer();
    buffer.vec().extend_from_slice(tail);
    upstream.post(call, Out::Buffer(buffer));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(30);

    #[test]
    fn a_byte_every_half_period_is_too_slow_once_a_period_is_over() {
        let mut pace = Pace::default();
        assert!(!pace.is_too_slow(1, PERIOD / 2, PERIOD, 100));
        assert!(pace.is_too_slow(1, PERIOD / 2, PERIOD, 100));
    }

    #[test]
    fn each_period_is_judged_alone_and_the_rate_itself_suffices() {
        let mut pace = Pace::default();
        for _ in 0..5 {
            assert!(!pace.is_too_slow(3000, PERIOD, PERIOD, 100));
        }
        assert!(pace.is_too_slow(2999, PERIOD, PERIOD, 100));
        assert!(!pace.is_too_slow(0, PERIOD, PERIOD, 0), "no rate is asked for");
    }

    #[test]
    fn a_client_that_never_lets_us_wait_is_not_judged() {
        let mut pace = Pace::default();
        assert!(!(0..1_000_000).any(|_| pace.is_too_slow(0, Duration::ZERO, PERIOD, 100)));
    }
}
