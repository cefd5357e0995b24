//! Balance between shards: which of them serves a new connection.
//!
//! The kernel spreads connections over the shards' sockets by a hash: with few connections, or long ones, some shards have
//! much more to do than others, and stay so. So a shard that accepts a connection and has clearly more of them than the
//! lightest of some others hands the socket over, before anything was received from it.
//!
//! *Clearly* is by the larger of three amounts. Two connections, so that counts which differ by chance do not move anything;
//! an eighth of what the lighter one has, because of many connections one more is no matter; and what short connections make
//! counts differ by from moment to moment, which levels itself out and is not worth the way to another core. How many
//! connections are short is known from those that have ended: by Little's law the lifetimes that ended within a second sum
//! up to how many there are at a time, in seconds.
//!
//! The counts are shared and exact: a connection is counted for the shard that is going to serve it, from the moment this is
//! decided, by an exchange that fails when the count has changed for the worse. Where nobody leaves, on up to five shards,
//! no count exceeds the least by more than that amount.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rand::{Rng, RngExt};
use ringway_core::Time;

use crate::inbox::{self, Receiver, SendError, Sender};
use crate::limits::{HANDED_OVER_MAX, SHORT_CONNECTION_MAX};

/// Other shards that are looked at for each connection. All of them on machines where each is a large part of the whole.
const SAMPLED_MAX: usize = 4;
/// The least difference that is worth a hand-over.
const SLACK_MIN: u32 = 2;
/// The part of the lighter one's connections that is.
const SLACK_PART: u32 = 8;
/// Standard deviations of a count of short connections that are. Two such counts differ by the root of two of it; three of
/// these, so that it happens once in hundreds of connections.
const SLACK_DEVIATIONS: f64 = 4.0;
/// A shard that takes nothing over is heavier than any other.
const CLOSED: u32 = 1 << 31;

/// What all shards know of each other. `S`: a socket on its way.
pub struct Balance<S> {
    places: RwLock<Places<S>>,
    /// Changes with the places.
    version: AtomicU32,
}

/// By shard.
type Places<S> = Arc<[Arc<Place<S>>]>;

/// One shard as the others see it. Alone on its cache lines: each shard writes its own all the time.
#[repr(align(128))]
struct Place<S> {
    /// Client connections that it has, or that are on their way to it; and [`CLOSED`].
    load: AtomicU32,
    arriving: Sender<Handed<S>>,
    /// Until the shard runs.
    receiver: Mutex<Option<Receiver<Handed<S>>>>,
}

/// A connection on its way to another shard. The gate has let it in.
pub(crate) struct Handed<S> {
    /// Its number.
    pub(crate) listener: u32,
    pub(crate) socket: S,
    pub(crate) peer: SocketAddr,
}

impl<S> Balance<S> {
    /// For so many shards, none of which runs.
    #[must_use]
    pub fn new(shards: usize) -> Arc<Balance<S>> {
        let places = (0..shards).map(|_| Arc::new(Place::new())).collect();
        Arc::new(Balance { places: RwLock::new(places), version: AtomicU32::new(0) })
    }

    /// How many client connections this shard has, those included that are on their way to it.
    #[must_use]
    pub fn load(&self, shard: u16) -> u32 {
        self.places()[usize::from(shard)].load.load(Ordering::Relaxed) & !CLOSED
    }

    fn places(&self) -> Places<S> {
        Arc::clone(&self.places.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another shard is to have the place of this one, which has ended or takes nothing over any more. That counts what it
    /// still has apart.
    pub fn renew(&self, shard: u16) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let others = places.iter().enumerate().map(|(place, known)| match place == usize::from(shard) {
            true => Arc::new(Place::new()),
            false => Arc::clone(known),
        });
        *places = others.collect();
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Puts a connection before a shard as another one would.
    #[cfg(test)]
    pub(crate) fn push(&self, to: usize, handed: Handed<S>) {
        let place = &self.places()[to];
        place.load.fetch_add(1, Ordering::Relaxed);
        assert!(place.arriving.offer(handed).is_ok(), "it takes part, and has room");
    }
}

impl<S> Place<S> {
    /// Of a shard that does not run.
    fn new() -> Place<S> {
        let (arriving, receiver) = inbox::bounded(HANDED_OVER_MAX);
        Place { load: AtomicU32::new(CLOSED), arriving, receiver: Mutex::new(Some(receiver)) }
    }
}

/// The lightest of some shards other than `own`, and its load; none where there is no other.
fn lightest<S>(places: &[Arc<Place<S>>], own: usize, rng: &mut impl Rng) -> Option<(usize, u32)> {
    let others = places.len() - 1;
    if others == 0 {
        return None;
    }
    let all = others <= SAMPLED_MAX;
    let first = rng.random_range(0..others);
    let nth = |n: usize| match n {
        0 => first,
        n if all => (first + n) % others,
        _ => rng.random_range(0..others),
    };
    let sampled = (0..others.min(SAMPLED_MAX)).map(nth).map(|other| {
        let shard = other + usize::from(other >= own);
        (shard, places[shard].load.load(Ordering::Relaxed))
    });
    sampled.min_by_key(|(_, load)| *load)
}

impl<S> fmt::Debug for Balance<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.places();
        let loads = places.iter().map(|shard| shard.load.load(Ordering::Relaxed));
        f.debug_list().entries(loads).finish()
    }
}

/// By how much a load must exceed the lightest one to be clearly above it.
fn slack(lightest: u32, noise: u32) -> u32 {
    (lightest / SLACK_PART).max(noise).max(SLACK_MIN)
}

/// A shard's part in the balance.
pub(crate) struct Balancer<S> {
    balance: Arc<Balance<S>>,
    own: usize,
    place: Arc<Place<S>>,
    /// As they were when it last looked for whom to hand a connection over to, and which version that is.
    known: RefCell<(u32, Places<S>)>,
    churn: Churn,
}

impl<S> Balancer<S> {
    /// Begins to take part, and to take over what comes. `now`: the shard's clock.
    ///
    /// # Panics
    /// When a shard has taken part before in this place, and it was not renewed.
    pub(crate) fn join(
        balance: Arc<Balance<S>>,
        shard: u16,
        now: Time,
    ) -> (Balancer<S>, Receiver<Handed<S>>) {
        let own = usize::from(shard);
        let known = RefCell::new((balance.version.load(Ordering::Acquire), balance.places()));
        let place = Arc::clone(&known.borrow().1[own]);
        let receiver = place.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let receiver = receiver.expect("a shard joins once");
        place.load.fetch_and(!CLOSED, Ordering::Relaxed);
        (Balancer { balance, own, place, known, churn: Churn::new(now) }, receiver)
    }

    fn load(&self) -> &AtomicU32 {
        &self.place.load
    }

    /// Decides who serves a new connection, and counts it there; `None`: this shard.
    pub(crate) fn place(&self, now: Time, rng: &mut impl Rng) -> Option<usize> {
        let noise = self.churn.noise(now);
        let version = self.balance.version.load(Ordering::Acquire);
        if self.known.borrow().0 != version {
            *self.known.borrow_mut() = (version, self.balance.places());
        }
        let places = &self.known.borrow().1;
        // Each turn but the last has lost a race against another shard.
        for _ in 0..places.len() {
            let Some((to, lightest)) = lightest(places, self.own, rng) else { break };
            let stays = |own: u32| {
                let is_light = own & CLOSED != 0 || own < lightest.saturating_add(slack(lightest, noise));
                is_light.then_some(own + 1)
            };
            let Err(own) = self.load().fetch_update(Ordering::Relaxed, Ordering::Relaxed, stays) else {
                return None;
            };
            let goes = |load: u32| (own >= load.saturating_add(slack(load, noise))).then_some(load + 1);
            let there = &places[to].load;
            if there.fetch_update(Ordering::Relaxed, Ordering::Relaxed, goes).is_ok() {
                return Some(to);
            }
        }
        self.count();
        None
    }

    /// Hands a connection over that was placed at `to`; or hands it back, and counts it here.
    pub(crate) fn hand(&self, to: usize, handed: Handed<S>) -> Result<(), Handed<S>> {
        let offered = self.known.borrow().1[to].arriving.offer(handed);
        offered.map_err(|(_, handed): (SendError, _)| {
            self.keep(to);
            handed
        })
    }

    /// Counts a connection here that was placed at `to`.
    pub(crate) fn keep(&self, to: usize) {
        self.count();
        self.known.borrow().1[to].load.fetch_sub(1, Ordering::Relaxed);
    }

    fn count(&self) {
        self.load().fetch_add(1, Ordering::Relaxed);
    }

    /// A connection counted here has ended, after so long.
    pub(crate) fn left(&self, lifetime: Duration, now: Time) {
        self.churn.ended(lifetime, now);
        self.forget();
    }

    /// A connection counted here is none.
    pub(crate) fn forget(&self) {
        let before = self.load().fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before & !CLOSED > 0, "a connection left that was never counted");
    }

    /// How many connections have come and were not looked at.
    pub(crate) fn arriving(&self) -> usize {
        self.place.arriving.waiting()
    }

    /// Takes nothing over any more, and hands nothing over; what has come is still there.
    pub(crate) fn close(&self) {
        self.load().fetch_or(CLOSED, Ordering::Relaxed);
        self.place.arriving.close();
    }
}

impl<S> Drop for Balancer<S> {
    fn drop(&mut self) {
        self.close();
    }
}

/// How many of a shard's connections are short, from those that have ended.
#[derive(Debug)]
struct Churn {
    /// When the current window began.
    since: Cell<Time>,
    /// Lifetimes of the short connections that ended in it.
    lived: Cell<Duration>,
    /// By how much that makes counts differ.
    noise: Cell<u32>,
}

impl Churn {
    fn new(now: Time) -> Churn {
        Churn { since: Cell::new(now), lived: Cell::new(Duration::ZERO), noise: Cell::new(0) }
    }

    fn ended(&self, lifetime: Duration, now: Time) {
        self.roll(now);
        if lifetime < SHORT_CONNECTION_MAX {
            self.lived.set(self.lived.get() + lifetime);
        }
    }

    fn noise(&self, now: Time) -> u32 {
        self.roll(now);
        self.noise.get()
    }

    /// Ends the window, if it is over: one that is as long as the longest lifetime in it.
    fn roll(&self, now: Time) {
        let window = now.since(self.since.get());
        if window >= SHORT_CONNECTION_MAX {
            let at_a_time = self.lived.take().as_secs_f64() / window.as_secs_f64();
            self.noise.set((SLACK_DEVIATIONS * at_a_time.sqrt()).ceil() as u32);
            self.since.set(now);
        }
    }
}
