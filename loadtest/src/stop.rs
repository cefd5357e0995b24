//! Telling tasks to end, from any thread.
//!
//! Every task holds a [`Stop`] of its own and waits for its work and the stop at once. Until the stop comes, that costs
//! one load of a shared flag whenever the task is polled.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// The end that says so. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

/// The end that is told.
pub struct Stop {
    shared: Arc<Shared>,
    /// Where the waker stands in `waiting`, and which it is.
    place: Option<(usize, Waker)>,
}

/// Both ends.
#[must_use]
pub fn channel() -> (Stopper, Stop) {
    let shared = Arc::new(Shared::default());
    (Stopper(Arc::clone(&shared)), Stop { shared, place: None })
}

impl Stopper {
    /// Ends whoever holds a [`Stop`], now or later.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
        let wakers = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.wakers.iter_mut().filter_map(Option::take).collect::<Vec<_>>()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Stop {
    /// Completes once it was told to.
    pub async fn requested(&mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    /// What `work` comes to, or `None` when the stop comes before that.
    pub async fn or<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => work.as_mut().poll(cx).map(Some),
        })
        .await
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.shared.stopped.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if self.place.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.wait(cx.waker().clone())
    }

    #[cold]
    fn wait(&mut self, waker: Waker) -> Poll<()> {
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // `stop` sets the flag before it takes the lock: a waker that it does not find sees the flag here.
        if self.shared.stopped.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let place = match &self.place {
            Some((place, _)) => *place,
            None => waiting.free.pop().unwrap_or_else(|| {
                waiting.wakers.push(None);
                waiting.wakers.len() - 1
            }),
        };
        waiting.wakers[place] = Some(waker.clone());
        self.place = Some((place, waker));
        Poll::Pending
    }
}

impl Clone for Stop {
    fn clone(&self) -> Stop {
        Stop { shared: Arc::clone(&self.shared), place: None }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some((place, _)) = self.place.take() {
            let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.wakers[place] = None;
            waiting.free.push(place);
        }
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stopper")
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("stopped", &self.shared.stopped).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_ends_work_that_would_never_end_and_leaves_finished_work_alone() {
        let (stopper, mut stop) = channel();
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(pin!(stop.or(async { 7 })).poll(&mut cx), Poll::Ready(Some(7)));
        let mut endless = pin!(stop.or(std::future::pending::<()>()));
        assert_eq!(endless.as_mut().poll(&mut cx), Poll::Pending);
        stopper.stop();
        assert_eq!(endless.as_mut().poll(&mut cx), Poll::Ready(None));
    }

    #[test]
    fn a_place_is_free_again_when_its_holder_has_gone() {
        let (_stopper, stop) = channel();
        let cx = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            assert!(stop.clone().poll(&cx).is_pending());
        }
        assert_eq!(stop.shared.waiting.lock().expect("nobody panicked").wakers.len(), 1);
    }
}
