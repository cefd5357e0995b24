//! A load on an engine: its connections, each taking what is due next.

use std::rc::Rc;

use ringway_core::Time;
use ringway_engine::Engine;

use super::client::{Ask, Client};
use super::pace::Pace;
use super::stats::Failure;
use super::{Recorder, Settings};
use crate::limits::RECONNECT_PAUSE;
use crate::stop::Stop;

/// Puts the load on until the stop. Requests still on their way then are given up.
pub async fn drive<E: Engine>(engine: E, settings: Settings, recorder: Recorder, mut stop: Stop) {
    let mut request = engine.buffer();
    let target = &settings.target;
    request.vec().extend_from_slice(
        format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: ringway-loadtest\r\n\r\n",
            target.path, target.host
        )
        .as_bytes(),
    );
    let ask = Rc::new(Ask { address: target.address, request, timeout: settings.timeout });
    let pace = Rc::new(Pace::new(engine.now(), settings.rate));
    recorder.begin(engine.now());
    for _ in 0..settings.connections.max(1) {
        let client = Client::new(engine.clone(), Rc::clone(&ask));
        let connection = keep_asking(engine.clone(), client, Rc::clone(&pace), recorder.clone());
        let mut stop = stop.clone();
        engine.spawn(async move {
            stop.or(connection).await;
        });
    }
    stop.requested().await;
    let now = engine.now();
    recorder.end(now, pace.due_by(now));
}

async fn keep_asking<E: Engine>(engine: E, mut client: Client<E>, pace: Rc<Pace>, recorder: Recorder) {
    loop {
        let due: Option<Time> = pace.take();
        if let Some(due) = due {
            engine.sleep_until(due).await;
        }
        let since = due.unwrap_or_else(|| engine.now());
        match client.exchange().await {
            Ok(bytes) => recorder.answered(engine.now().since(since), bytes),
            Err(failure) => {
                recorder.failed(failure);
                if failure == Failure::Connect && due.is_none() {
                    engine.sleep_until(engine.now() + RECONNECT_PAUSE).await;
                }
            }
        }
    }
}
