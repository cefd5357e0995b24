//! Sending at a pace, and doing two things at once.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use ringway_core::Time;
use ringway_engine::sim::Sim;
use ringway_engine::{Deadline, Engine, Out, Stream};

use crate::script::Pace;

pub(crate) type SimStream = <Sim as Engine>::Stream;

/// Bytes that are sent one at a time under [`Pace::ByteByByte`].
const SINGLE_BYTES: usize = 300;
/// How long a sender waits for its peer to take something: longer than anything a proxy may take.
const SEND_MAX: Duration = Duration::from_secs(120);

/// Sends all of `bytes`.
pub(crate) async fn send(
    engine: &Sim,
    stream: &SimStream,
    bytes: &[u8],
    pace: Pace,
    rng: &mut SmallRng,
) -> io::Result<()> {
    let mut at = 0;
    while at < bytes.len() {
        let left = bytes.len() - at;
        let (piece, pause_us) = match pace {
            Pace::AtOnce => (left, 0),
            Pace::Pieces { max, pause_max_us } => {
                (rng.random_range(1..=max.min(left)), rng.random_range(0..=pause_max_us))
            }
            Pace::ByteByByte if at < SINGLE_BYTES => (1, 0),
            Pace::ByteByByte => (left, 0),
        };
        let mut buffer = engine.buffer();
        buffer.vec().extend_from_slice(&bytes[at..at + piece]);
        stream.set_deadline(Deadline::Send, engine.now() + SEND_MAX);
        stream.send(Out::Buffer(buffer)).await?;
        at += piece;
        if pause_us > 0 {
            sleep(engine, Duration::from_micros(pause_us)).await;
        }
    }
    Ok(())
}

pub(crate) async fn sleep(engine: &Sim, time: Duration) {
    engine.sleep_until(engine.now() + time).await;
}

/// Both results.
pub(crate) async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(cx)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(cx)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// All results, in the order of the tasks.
pub(crate) async fn all<A>(tasks: impl IntoIterator<Item = impl Future<Output = A>>) -> Vec<A> {
    let mut tasks: Vec<_> = tasks.into_iter().map(|task| (Box::pin(task), None)).collect();
    poll_fn(|cx| {
        for (task, result) in tasks.iter_mut().filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(value) = task.as_mut().poll(cx) {
                *result = Some(value);
            }
        }
        if tasks.iter().all(|(_, result)| result.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    tasks.into_iter().filter_map(|(_, result)| result).collect()
}

/// The result of `a`, unless `until` comes first.
pub(crate) async fn before<A>(engine: &Sim, until: Time, a: impl Future<Output = A>) -> Option<A> {
    race(a, engine.sleep_until(until)).await
}

/// The result of `a`, unless `b` comes first.
pub(crate) async fn race<A>(a: impl Future<Output = A>, b: impl Future<Output = ()>) -> Option<A> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match a.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => b.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// A word that is given once, and that one task waits for.
#[derive(Default)]
pub(crate) struct Signal {
    given: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
}

impl Signal {
    pub(crate) fn give(&self) {
        self.given.set(true);
        if let Some(waker) = self.waiter.borrow_mut().take() {
            waker.wake();
        }
    }

    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            if self.given.get() {
                return Poll::Ready(());
            }
            *self.waiter.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
