//! Admission: how many client connections the whole process holds, in total and for each source address.
//!
//! The one thing that shards share when a connection comes and goes. The total is one atomic. Sources are counted in a
//! table of stripes, each behind a lock of its own that is held for a few nanoseconds, and only where a limit per source is
//! configured; the table holds an entry for each source that has a connection, so the total bounds it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use ahash::{AHashMap, RandomState};

/// Parts of the table of sources: many more than cores, so that two rarely want the same.
const STRIPES: usize = 256;

/// Who counts as one source: an IPv4 address, or the /64 that an IPv6 host chooses its addresses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4(u32),
    V6(u64),
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Source {
        match address.to_canonical() {
            IpAddr::V4(address) => Source::V4(address.to_bits()),
            IpAddr::V6(address) => Source::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// Counts client connections over all shards.
#[derive(Debug)]
pub struct Gate {
    open: AtomicU32,
    open_max: u32,
    sources: Option<Sources>,
}

#[derive(Debug)]
struct Sources {
    max: u32,
    hasher: RandomState,
    stripes: Box<[Mutex<AHashMap<Source, u32>>]>,
}

impl Sources {
    fn with<T>(&self, source: Source, work: impl FnOnce(&mut AHashMap<Source, u32>) -> T) -> T {
        let stripe = self.hasher.hash_one(source) as usize % STRIPES;
        work(&mut self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Gate {
    /// For at most `open_max` connections, at most `per_source` of them from one source.
    #[must_use]
    pub fn new(open_max: u32, per_source: Option<u32>) -> Gate {
        let sources = per_source.map(|max| Sources {
            max,
            hasher: RandomState::new(),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
        });
        Gate { open: AtomicU32::new(0), open_max, sources }
    }

    /// How many connections are in.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// How many more may enter.
    pub(crate) fn room(&self) -> u32 {
        self.open_max.saturating_sub(self.open())
    }

    /// Whether another connection would have to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Lets a connection in, if there is room. Pair with [`Gate::leave`].
    pub(crate) fn enter(&self) -> bool {
        let enter = |open| (open < self.open_max).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).is_ok()
    }

    /// A connection that was let in has ended.
    pub(crate) fn leave(&self) {
        let before = self.open.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "a connection left that never entered");
    }

    /// Whether sources are counted at all.
    pub(crate) fn counts_sources(&self) -> bool {
        self.sources.is_some()
    }

    /// Counts a connection of `source`, unless that has as many as it may. Pair with [`Gate::dismiss`].
    pub(crate) fn admit(&self, source: IpAddr) -> bool {
        let Some(sources) = &self.sources else { return true };
        let source = Source::from(source);
        sources.with(source, |counts| {
            let count = counts.entry(source).or_insert(0);
            let admitted = *count < sources.max;
            *count += u32::from(admitted);
            admitted
        })
    }

    /// A connection of `source` that was admitted has ended.
    pub(crate) fn dismiss(&self, source: IpAddr) {
        let Some(sources) = &self.sources else { return };
        let source = Source::from(source);
        sources.with(source, |counts| {
            let Some(count) = counts.get_mut(&source) else { return };
            *count -= 1;
            if *count == 0 {
                counts.remove(&source);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn no_more_enter_than_there_is_room_for() {
        let gate = Gate::new(2, None);
        assert!(gate.enter() && gate.enter());
        assert!(gate.is_full() && !gate.enter());
        gate.leave();
        assert!(!gate.is_full() && gate.enter());
        assert_eq!(gate.open(), 2);
    }

    #[test]
    fn the_limit_holds_while_threads_race_for_the_last_places() {
        let gate = Gate::new(1000, Some(300));
        let (entered, admitted) = std::thread::scope(|scope| {
            let one = || {
                let entered = (0..700).filter(|_| gate.enter()).count();
                let admitted = (0..700).filter(|_| gate.admit(ip("192.0.2.1"))).count();
                (entered, admitted)
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            let counts = threads.into_iter().map(|thread| thread.join().expect("no panic"));
            counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
        });
        assert_eq!((gate.open(), entered, admitted), (1000, 1000, 300));
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_network() {
        let gate = Gate::new(10, Some(1));
        assert!(gate.admit(ip("192.0.2.1")) && !gate.admit(ip("192.0.2.1")));
        assert!(!gate.admit(ip("::ffff:192.0.2.1")), "the same host by another name");
        assert!(gate.admit(ip("2001:db8::1")) && !gate.admit(ip("2001:db8::2")));
        assert!(gate.admit(ip("2001:db8:0:1::1")));
        gate.dismiss(ip("2001:db8::77"));
        assert!(gate.admit(ip("2001:db8::3")));
    }

    #[test]
    fn what_has_no_connection_leaves_no_entry() {
        let gate = Gate::new(10, Some(5));
        for n in 0..100u8 {
            assert!(gate.admit(ip(&format!("192.0.2.{n}"))));
            gate.dismiss(ip(&format!("192.0.2.{n}")));
        }
        let sources = gate.sources.as_ref().expect("sources are counted");
        assert!(sources.stripes.iter().all(|stripe| stripe.lock().expect("not poisoned").is_empty()));
    }
}
