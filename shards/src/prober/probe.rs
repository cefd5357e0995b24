//! One probe, from its connection to what is thought of the answer.

use std::io;

use ringway_engine::{Deadline, Engine, Out, Stream};
use ringway_health::{Reason, Step};

use super::book::Check;
use crate::limits::{LINGER_BYTES_MAX, PROBE_LINGER_MAX};

/// Asks once.
pub(super) async fn probe<E: Engine>(engine: &E, check: &Check) -> Result<(), Reason> {
    let deadline = engine.now() + check.settings.timeout;
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::TimedOut => Reason::TimedOut(check.settings.timeout),
        _ => Reason::Connect(error.to_string()),
    };
    let stream =
        engine.connect(check.probe.address().clone(), deadline).await.map_err(|error| failed(&error))?;
    let request = check.probe.request();
    if request.is_empty() {
        // Leaves no socket in TIME_WAIT on this side.
        stream.reset_on_close();
        return Ok(());
    }
    stream.set_deadline(Deadline::Send, deadline);
    stream.set_deadline(Deadline::Recv, deadline);
    let send = async |bytes: &[u8]| {
        let mut buffer = engine.buffer();
        buffer.vec().extend_from_slice(bytes);
        stream.sent().await.map_err(|_| Reason::Cut)?;
        stream.post(Out::Buffer(buffer));
        Ok(())
    };
    send(request).await?;
    let mut judge = check.probe.judge();
    loop {
        let chunk = match stream.recv().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return judge.end(),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(Reason::TimedOut(check.settings.timeout));
            }
            Err(_) => return Err(Reason::Cut),
        };
        match judge.feed(&chunk) {
            Step::More => {}
            Step::Send(bytes) => send(&bytes).await?,
            Step::Passed => {
                linger(engine, stream);
                return Ok(());
            }
            Step::Failed(reason) => {
                linger(engine, stream);
                return Err(reason);
            }
        }
    }
}

/// Takes the rest of an answer whose verdict is known, for a short time: a backend that is still sending when we close would
/// meet a reset, and complain of it in its log with every probe.
fn linger<E: Engine>(engine: &E, stream: E::Stream) {
    stream.set_deadline(Deadline::Recv, engine.now() + PROBE_LINGER_MAX);
    engine.spawn(async move {
        let mut dropped = 0;
        while dropped <= LINGER_BYTES_MAX
            && let Ok(Some(chunk)) = stream.recv().await
        {
            dropped += chunk.len();
        }
    });
}
