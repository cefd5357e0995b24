//! Active checks: the probes of the addresses that this shard owns, on the shard's own engine.
//!
//! Each address is probed by one shard, which every shard works out for itself from the list of those that live. The others
//! know the check without probing, so that ownership can move at once.
//!
//! **Slow addresses.** A probe that times out takes its slot for all of that time. Addresses whose last one did share a part
//! of the slots, so that the others keep their interval however many black holes there are.
//!
//! **Down without traffic.** Requests that can not connect take a backend down although its checks may pass, and where no
//! requests come none can find it up again. So as many successes in a row as make an unhealthy backend healthy end that as
//! well. Where checks pass that requests do not (another port, a firewall that knows the difference) the backend goes up and
//! down: up at most once in `rise` intervals.
//!
//! **Changes** come between two turns, a check at a time; what stays goes on as if nothing had happened. A probe that is under
//! way for a check that is none any more, or is another shard's, ends without a word.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use ringway_core::Time;
use ringway_engine::Engine;
use ringway_health::board::{Member, Signal};

use crate::inbox::Live;
use crate::shard::Shard;

mod book;
mod probe;
mod slots;

pub(crate) use book::Check;
pub use slots::ProbeSlots;

use book::{Book, Due};
use probe::probe;

/// The checks of a shard.
#[derive(Debug)]
pub(crate) struct Prober {
    slots: Arc<ProbeSlots>,
    book: RefCell<Book>,
    /// Of the task that waits for the next probe.
    waker: RefCell<Option<Waker>>,
}

impl Prober {
    /// Of shard number `shard`, without checks.
    pub(crate) fn new(shard: u16, slots: Arc<ProbeSlots>) -> Prober {
        Prober { slots, book: RefCell::new(Book::new(shard)), waker: RefCell::new(None) }
    }

    /// The check in this slot is this one from now on, or there is none. With the same address, probe and settings as before
    /// it is the same check: its schedule and its verdict stay, and whoever has joined its members hears the verdict through
    /// `tell`. Another one begins anew, and tells its first verdict whatever that is: what its members were before is the
    /// coordinator's to know.
    pub(crate) fn set_check(
        &self,
        slot: u32,
        check: Option<Arc<Check>>,
        now: Time,
        tell: impl FnMut(Signal),
    ) {
        self.book.borrow_mut().set(slot, check, now, tell);
        self.wake();
    }

    /// From now on these shards live: this one probes what is its among them, and goes on from what was found so far.
    pub(crate) fn share(&self, live: &Live, now: Time) {
        self.book.borrow_mut().share(live, now);
        self.wake();
    }

    /// Somebody has stated a verdict on a backend. If it is this shard that checks it and finds otherwise, it says so after as
    /// many results as a flip takes.
    pub(crate) fn state(&self, member: Member, healthy: bool) {
        self.book.borrow_mut().state(member, healthy);
    }

    /// How many checks this shard owns.
    pub(crate) fn owned(&self) -> usize {
        self.book.borrow().owned()
    }

    /// Something else may be the next that is due.
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Probes what the shard owns, each when it is due, for as long as the shard runs.
pub(crate) async fn run<E: Engine>(shard: Rc<Shard<E>>) {
    loop {
        let due = shard.prober.book.borrow().next_due();
        until(&shard, due).await;
        let now = shard.engine.now();
        loop {
            let next = shard.prober.book.borrow_mut().pop_due(now, &mut *shard.rng.borrow_mut());
            let Some(due) = next else { break };
            let own = Rc::clone(&shard);
            shard.engine.spawn(async move { check(&own, due).await });
        }
    }
}

/// Waits until `due`, or until the schedule was changed.
async fn until<E: Engine>(shard: &Rc<Shard<E>>, due: Time) {
    let mut late = pin!(shard.engine.sleep_until(due));
    let mut first = true;
    poll_fn(|cx| {
        if !std::mem::take(&mut first) && shard.prober.waker.borrow().is_none() {
            return Poll::Ready(());
        }
        *shard.prober.waker.borrow_mut() = Some(cx.waker().clone());
        late.as_mut().poll(cx)
    })
    .await;
}

/// One probe, from its slot to its verdict.
async fn check<E: Engine>(shard: &Rc<Shard<E>>, due: Due) {
    let prober = &shard.prober;
    let result = match prober.slots.take(due.is_slow).await {
        // It may have become another shard's meanwhile, or have been removed.
        Some(_) if !prober.book.borrow().is_current(&due) => return,
        Some(_slot) => probe(&shard.engine, &due.check).await,
        // Where too many wait there is no verdict this time.
        None => {
            shard.counters.probes_skipped.one();
            prober.book.borrow_mut().skip(&due, shard.engine.now());
            return prober.wake();
        }
    };
    shard.counters.probes.one();
    if let Err(reason) = &result {
        shard.counters.probes_failed.one();
        tracing::debug!(shard = shard.id, address = %due.check.address, %reason, "probe failed");
    }
    let now = shard.engine.now();
    let mut book = prober.book.borrow_mut();
    book.done(
        &due,
        result.as_ref().err(),
        now,
        |member| shard.is_down(member),
        |signal| shard.outbox.send(signal),
    );
    drop(book);
    prober.wake();
}
