//! Large bodies from socket to socket, without a copy through user space.
//!
//! Only a body whose end needs no looking for can go that way: one of known length, or one that lasts until its connection
//! ends. What the engine can not splice right now goes on in the ordinary way: received, and sent.

use std::io;
use std::time::Duration;

use ringway_core::Time;
use ringway_engine::{Deadline, SpliceError, Spliced, Stream};

use crate::http1::Body;
use crate::limits::SPLICE_BYTES_MIN;

/// What a step came to.
pub(crate) enum Step {
    /// So many bytes of the body were passed on.
    Passed(u64),
    /// The sender's connection ended.
    End,
    /// Receive and send instead.
    Ordinary,
}

/// Which side failed a step.
pub(crate) enum StepError {
    Sender(io::Error),
    Receiver(io::Error),
}

/// Passes on the next bytes of `body` from `from` to `to`. Each has its time: until the first byte is there, and without taking
/// any.
pub(crate) async fn step<S: Stream>(
    from: &S,
    to: &S,
    body: &mut Body,
    (received_by, patience): (Time, Duration),
) -> Result<Step, StepError> {
    let max = match body {
        Body::Length { left } if *left >= SPLICE_BYTES_MIN => *left,
        Body::UntilClose => u64::MAX,
        Body::Done | Body::Length { .. } | Body::Chunked(_) => return Ok(Step::Ordinary),
    };
    if from.has_pending() {
        return Ok(Step::Ordinary);
    }
    from.set_deadline(Deadline::Recv, received_by);
    match from.splice(to, max, patience).await {
        Ok(Spliced::Moved(count)) => {
            body.skip(count);
            Ok(Step::Passed(count))
        }
        Ok(Spliced::End) => Ok(Step::End),
        Ok(Spliced::Unavailable) => Ok(Step::Ordinary),
        Err(SpliceError::Recv(error)) => Err(StepError::Sender(error)),
        Err(SpliceError::Send(error)) => Err(StepError::Receiver(error)),
    }
}
