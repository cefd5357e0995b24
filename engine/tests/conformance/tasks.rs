//! Tasks and futures for scenarios: children that end with their parent, two at once, limits, and being cut off.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ringway_engine::Engine;

use crate::harness::Harness;

type Body<T> = Pin<Box<dyn Future<Output = T>>>;

struct Shared<T> {
    /// `None` while it is polled, and once it has ended.
    body: RefCell<Option<Body<T>>>,
    output: RefCell<Option<T>>,
    abandoned: Cell<bool>,
    task: RefCell<Option<Waker>>,
    parent: RefCell<Option<Waker>>,
}

/// A task of its own. Awaiting it gives its result; dropping it drops what the task was doing, at once.
pub(crate) struct Child<T> {
    shared: Rc<Shared<T>>,
}

/// Starts a task.
pub(crate) fn start<H: Harness, T: 'static>(h: &H, body: impl Future<Output = T> + 'static) -> Child<T> {
    let shared = Rc::new(Shared {
        body: RefCell::new(Some(Box::pin(body) as Body<T>)),
        output: RefCell::new(None),
        abandoned: Cell::new(false),
        task: RefCell::new(None),
        parent: RefCell::new(None),
    });
    let own = Rc::clone(&shared);
    h.engine().spawn(poll_fn(move |cx| own.poll(cx)));
    Child { shared }
}

impl<T> Shared<T> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let taken = self.body.borrow_mut().take();
        let Some(mut body) = taken else { return Poll::Ready(()) };
        if self.abandoned.get() {
            return Poll::Ready(());
        }
        *self.task.borrow_mut() = Some(cx.waker().clone());
        match body.as_mut().poll(cx) {
            Poll::Ready(output) => {
                drop(body);
                *self.output.borrow_mut() = Some(output);
                if let Some(parent) = self.parent.borrow_mut().take() {
                    parent.wake();
                }
                Poll::Ready(())
            }
            Poll::Pending if self.abandoned.get() => Poll::Ready(()),
            Poll::Pending => {
                *self.body.borrow_mut() = Some(body);
                Poll::Pending
            }
        }
    }
}

impl<T> Future for Child<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if let Some(output) = self.shared.output.borrow_mut().take() {
            return Poll::Ready(output);
        }
        *self.shared.parent.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> Drop for Child<T> {
    fn drop(&mut self) {
        self.shared.abandoned.set(true);
        let body = self.shared.body.borrow_mut().take();
        drop(body);
        if let Some(task) = self.shared.task.borrow_mut().take() {
            task.wake();
        }
    }
}

/// The results of all children, or the first failure, which drops the others.
pub(crate) async fn all<T>(children: Vec<Child<io::Result<T>>>) -> io::Result<Vec<T>> {
    let mut running: Vec<_> = children.into_iter().map(Some).collect();
    let mut results: Vec<Option<T>> = running.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut open = false;
        for (child, result) in running.iter_mut().zip(&mut results) {
            let Some(future) = child else { continue };
            match Pin::new(future).poll(cx) {
                Poll::Pending => open = true,
                Poll::Ready(Ok(value)) => (*child, *result) = (None, Some(value)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        if open { Poll::Pending } else { Poll::Ready(Ok(())) }
    })
    .await?;
    Ok(results.into_iter().flatten().collect())
}

/// Both results, or the first failure.
pub(crate) async fn both<A, B>(
    a: impl Future<Output = io::Result<A>>,
    b: impl Future<Output = io::Result<B>>,
) -> io::Result<(A, B)> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut from_a, mut from_b) = (None, None);
    poll_fn(move |cx| {
        if from_a.is_none()
            && let Poll::Ready(result) = a.as_mut().poll(cx)
        {
            match result {
                Ok(value) => from_a = Some(value),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if from_b.is_none()
            && let Poll::Ready(result) = b.as_mut().poll(cx)
        {
            match result {
                Ok(value) => from_b = Some(value),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        match (from_a.take(), from_b.take()) {
            (Some(a), Some(b)) => Poll::Ready(Ok((a, b))),
            (a, b) => {
                (from_a, from_b) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// The future's result, or `None` when it took longer; it is dropped then.
pub(crate) async fn within<H: Harness, F: Future>(h: &H, limit: Duration, future: F) -> Option<F::Output> {
    let mut late = pin!(h.engine().sleep_until(h.now() + limit));
    let mut future = pin!(future);
    poll_fn(move |cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => late.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// When, after its last poll, a future is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// At once: what it waits for has just been asked for.
    Waiting,
    /// When it is woken: what it waits for is there, and nobody has looked.
    Woken,
}

impl Cut {
    pub(crate) const BOTH: [Cut; 2] = [Cut::Waiting, Cut::Woken];
}

/// Polls the future `polls` times at most and then drops it; its result if it was ready by then.
pub(crate) async fn cut_after<F: Future>(future: F, polls: usize, cut: Cut) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut done = 0;
    let output = poll_fn(|cx| {
        if done == polls {
            return Poll::Ready(None);
        }
        done += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if done == polls && cut == Cut::Waiting => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    drop(future);
    output
}
