//! Admission: how many client connections the whole process holds, in total and for each source address, and how many
//! requests of one source are in flight.
//!
//! With the counts of `balance.rs` all that shards share when a connection comes and goes. The total is one atomic. Sources are counted in tables
//! only where a limit per source is configured; a table holds an entry for each source that has a connection, so the total
//! bounds it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ringway_core::config::Daemon;
use ringway_lb::KeyedSlots;

/// Who counts as one source: an IPv4 address, or the /64 that an IPv6 host chooses its addresses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
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
    /// Connections of each source.
    sources: Option<Sources>,
    /// Requests of each source.
    requests: Option<RequestLimit>,
}

#[derive(Debug)]
struct Sources {
    max: u32,
    slots: KeyedSlots<Source>,
}

/// How many requests one source may have in flight, and wait for.
#[derive(Debug)]
pub(crate) struct RequestLimit {
    pub(crate) max: u32,
    pub(crate) slots: Arc<KeyedSlots<Source>>,
    pub(crate) wait: Duration,
    pub(crate) waiting_max: usize,
}

impl Gate {
    /// For at most `open_max` connections, at most `per_source` of them from one source.
    #[must_use]
    pub fn new(open_max: u32, per_source: Option<u32>) -> Gate {
        let sources = per_source.map(|max| Sources { max, slots: KeyedSlots::new() });
        Gate { open: AtomicU32::new(0), open_max, sources, requests: None }
    }

    /// For at most `open_max` connections, and with the limits of sources that `daemon` says.
    #[must_use]
    pub fn configured(open_max: u32, daemon: &Daemon) -> Gate {
        let requests = daemon.max_in_flight_per_source.map(|max| RequestLimit {
            max,
            slots: Arc::new(KeyedSlots::new()),
            wait: daemon.source_queue_timeout,
            waiting_max: daemon.source_queue_max as usize,
        });
        Gate { requests, ..Gate::new(open_max, daemon.max_connections_per_source) }
    }

    /// The limit of requests of one source, if there is one.
    pub(crate) fn request_limit(&self) -> Option<&RequestLimit> {
        self.requests.as_ref()
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
        self.sources.as_ref().is_none_or(|sources| sources.slots.try_enter(Source::from(source), sources.max))
    }

    /// A connection of `source` that was admitted has ended.
    pub(crate) fn dismiss(&self, source: IpAddr) {
        if let Some(sources) = &self.sources {
            sources.slots.leave(&Source::from(source));
        }
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
        assert_eq!(sources.slots.keys(), 0);
    }
}
