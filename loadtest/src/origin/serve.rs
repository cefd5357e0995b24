//! The listener of an origin.

use std::io;
use std::rc::Rc;

use ringway_engine::{Engine, Listener};

use super::answer::Answers;
use super::connection::{self, Origin};
use super::{Requests, Settings};
use crate::stop::Stop;

/// Serves a listening socket until the stop, which ends the connections, too. Of the settings, those of the answers
/// count; addresses and threads are the caller's business.
///
/// # Errors
/// When the socket can not be listened on (any more).
pub async fn serve<E: Engine>(
    engine: E,
    socket: E::Socket,
    settings: Settings,
    requests: Requests,
    mut stop: Stop,
) -> io::Result<()> {
    let listener = engine.adopt_listener(socket)?;
    let origin = Rc::new(Origin { answers: Answers::new(&engine, &settings), requests });
    while let Some(accepted) = stop.or(listener.accept()).await {
        let Some((stream, _)) = accepted? else { return Ok(()) };
        let connection = connection::serve(engine.clone(), stream, Rc::clone(&origin));
        let mut stop = stop.clone();
        engine.spawn(async move {
            stop.or(connection).await;
        });
    }
    Ok(())
}
