//! Futures whose memory is used again: the state of a request in progress costs no allocation.
//!
//! An idle connection keeps only its own small future; that of the request is taken at the request's first byte and given
//! back at its end.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::limits::EXCHANGES_KEPT_MAX;

/// Places for futures of one type.
pub(crate) struct Recycler<F> {
    idle: RefCell<Vec<Pin<Box<Option<F>>>>>,
}

impl<F: Future> Recycler<F> {
    pub(crate) fn new() -> Rc<Recycler<F>> {
        Rc::new(Recycler { idle: RefCell::new(Vec::with_capacity(EXCHANGES_KEPT_MAX)) })
    }

    /// Puts the future that `make` makes into a place of its own until it is done or dropped. Made here, it needs not be
    /// moved: it is more than a kilobyte.
    #[inline(always)]
    pub(crate) fn run(self: &Rc<Self>, make: impl FnOnce() -> F) -> Recycled<F> {
        let mut place = self.idle.borrow_mut().pop().unwrap_or_else(|| Box::pin(None));
        place.as_mut().set(Some(make()));
        Recycled { place: Some(place), home: Rc::clone(self) }
    }
}

/// A future in a recycled place.
pub(crate) struct Recycled<F> {
    place: Option<Pin<Box<Option<F>>>>,
    home: Rc<Recycler<F>>,
}

impl<F: Future> Future for Recycled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.place.as_mut().and_then(|place| place.as_mut().as_pin_mut());
        future.expect("polled only until it is done").poll(cx)
    }
}

impl<F> Drop for Recycled<F> {
    fn drop(&mut self) {
        if let Some(mut place) = self.place.take() {
            place.as_mut().set(None);
            let mut idle = self.home.idle.borrow_mut();
            if idle.len() < EXCHANGES_KEPT_MAX {
                idle.push(place);
            }
        }
    }
}
