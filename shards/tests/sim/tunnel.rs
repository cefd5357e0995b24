//! One end of a tunnel: sends its bytes and its end, and checks what the other end sent.

use std::time::Duration;

use rand::rngs::SmallRng;
use ringway_engine::Stream;
use ringway_engine::sim::Sim;

use crate::bytes::{self, Way};
use crate::http::{Fail, Wire};
use crate::script::{Pace, Tunnel};
use crate::talk::{Signal, both, race, send, sleep};

/// How long an end that has stalled stays: longer than the proxy bears it.
const STALL: Duration = Duration::from_secs(12);

/// What a client offers a WebSocket with, and what grants it (RFC 6455 §1.3).
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What an end does when it has sent what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It says that this was all, and goes on reading.
    End,
    /// It is gone, without a look at what comes.
    Leave,
    /// It breaks the connection.
    Reset,
    /// It does nothing more, and says nothing more.
    Stall,
}

/// What one end is to do.
pub(crate) struct End<'a> {
    pub(crate) id: usize,
    pub(crate) tunnel: &'a Tunnel,
    /// Which way its bytes go.
    pub(crate) way: Way,
    /// How many of them it has sent already.
    pub(crate) sent: usize,
    /// How many of them it sends at all, and what it does then.
    pub(crate) upto: usize,
    pub(crate) then: Then,
    pub(crate) pace: Pace,
    /// How long it reads nothing.
    pub(crate) deaf: Duration,
    /// The other end keeps to the script: an end that is none is the proxy's fault.
    pub(crate) fair: bool,
}

impl Tunnel {
    /// How many bytes go one way.
    pub(crate) fn len(&self, way: Way) -> usize {
        match way {
            Way::Up => self.up,
            Way::Down => self.down,
        }
    }
}

/// Plays this end; an error: the tunnel was broken before both ends had come. What was received is checked in any case.
pub(crate) async fn play(
    engine: &Sim,
    wire: &mut Wire,
    end: End<'_>,
    rng: &mut SmallRng,
) -> Result<(), Fail> {
    let stream = std::rc::Rc::clone(&wire.stream);
    let mine = bytes::body(end.id, end.way, end.tunnel.len(end.way));
    let ended = Signal::default();
    let done = Signal::default();
    let sending = async {
        let sent = send(engine, &stream, &mine[end.sent.min(end.upto)..end.upto], end.pace, rng).await;
        sent.map_err(|error| Fail::Broken(error.kind()))?;
        if end.then != Then::End {
            if end.then == Then::Reset {
                stream.reset_on_close();
            }
            if end.then == Then::Stall {
                sleep(engine, STALL).await;
            }
            done.give();
            return Ok(());
        }
        if end.tunnel.waits == Some(end.way) {
            ended.wait().await;
        }
        stream.shutdown_write();
        Ok(())
    };
    let reading = async {
        sleep(engine, end.deaf).await;
        let (got, how) = wire.until_the_end().await;
        ended.give();
        (got, how)
    };
    // Whoever leaves does not wait for the other end.
    let Some((sent, (got, how))) = race(both(sending, reading), done.wait()).await else {
        return Err(Fail::End);
    };
    let way = if end.way == Way::Up { Way::Down } else { Way::Up };
    let whole = sent.is_ok() && how == Fail::End;
    let cut = !(whole && end.fair);
    assert!(
        cut || got.len() == end.tunnel.len(way),
        "exchange {}, {way:?}: an end after {} bytes",
        end.id,
        got.len()
    );
    bytes::check(end.id, way, end.tunnel.len(way), &got, cut);
    sent?;
    if whole { Ok(()) } else { Err(how) }
}
