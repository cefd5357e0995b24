//! Admission: how many client connections the whole process holds, in total and for each source address, and how many
//! requests of one source are in flight.
//!
//! With the counts of `balance.rs` all that shards share when a connection comes and goes. The total is one atomic. Sources are counted in tables
//! only where a limit per source is configured; a table holds an entry for each source that has a connection, so the total
//! bounds it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
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

/// Counts client connections over all shards. Its limits can be changed while it counts: those who are in stay.
#[derive(Debug)]
pub struct Gate {
    open: AtomicU32,
    open_max: AtomicU32,
    /// Connections that one source may have; [`NO_LIMIT`]: they are not counted.
    per_source: AtomicU32,
    sources: KeyedSlots<Source>,
    requests: RequestLimit,
}

/// Of limits that are none.
const NO_LIMIT: u32 = u32::MAX;

/// How many requests one source may have in flight, and wait for.
#[derive(Debug)]
pub(crate) struct RequestLimit {
    /// [`NO_LIMIT`]: they are not counted.
    max: AtomicU32,
    pub(crate) slots: Arc<KeyedSlots<Source>>,
    /// In milliseconds.
    wait_ms: AtomicU64,
    waiting_max: AtomicU32,
}

impl RequestLimit {
    /// How many one source may have in flight.
    pub(crate) fn max(&self) -> u32 {
        self.max.load(Ordering::Relaxed)
    }

    /// How long one waits for its place.
    pub(crate) fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms.load(Ordering::Relaxed))
    }

    /// How many of one source may wait.
    pub(crate) fn waiting_max(&self) -> usize {
        self.waiting_max.load(Ordering::Relaxed) as usize
    }
}

impl Gate {
    /// For at most `open_max` connections, at most `per_source` of them from one source.
    #[must_use]
    pub fn new(open_max: u32, per_source: Option<u32>) -> Gate {
        let daemon = Daemon { max_connections_per_source: per_source, ..Daemon::default() };
        Gate::configured(open_max, &daemon)
    }

    /// For at most `open_max` connections, and with the limits of sources that `daemon` says.
    #[must_use]
    pub fn configured(open_max: u32, daemon: &Daemon) -> Gate {
        let gate = Gate {
            open: AtomicU32::new(0),
            open_max: AtomicU32::new(0),
            per_source: AtomicU32::new(NO_LIMIT),
            sources: KeyedSlots::new(),
            requests: RequestLimit {
                max: AtomicU32::new(NO_LIMIT),
                slots: Arc::new(KeyedSlots::new()),
                wait_ms: AtomicU64::new(0),
                waiting_max: AtomicU32::new(0),
            },
        };
        gate.set(open_max, daemon);
        gate
    }

    /// Goes by these limits from now on. Connections and requests that came while theirs was not counted never are.
    pub fn set(&self, open_max: u32, daemon: &Daemon) {
        let limit = |limit: Option<u32>| limit.unwrap_or(NO_LIMIT);
        self.open_max.store(open_max, Ordering::Relaxed);
        self.per_source.store(limit(daemon.max_connections_per_source), Ordering::Relaxed);
        let wait = u64::try_from(daemon.source_queue_timeout.as_millis()).unwrap_or(u64::MAX);
        self.requests.wait_ms.store(wait, Ordering::Relaxed);
        self.requests.waiting_max.store(daemon.source_queue_max, Ordering::Relaxed);
        self.requests.max.store(limit(daemon.max_in_flight_per_source), Ordering::Relaxed);
    }

    /// The limit of requests of one source, if there is one.
    pub(crate) fn request_limit(&self) -> Option<&RequestLimit> {
        (self.requests.max() != NO_LIMIT).then_some(&self.requests)
    }

    /// A request that was counted for its source has ended.
    pub(crate) fn end_request(&self, source: &Source) {
        self.requests.slots.leave(source);
    }

    /// How many connections are in.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// How many more may enter.
    pub(crate) fn room(&self) -> u32 {
        self.open_max.load(Ordering::Relaxed).saturating_sub(self.open())
    }

    /// Whether another connection would have to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Lets a connection in, if there is room. Pair with [`Gate::leave`].
    pub(crate) fn enter(&self) -> bool {
        let open_max = self.open_max.load(Ordering::Relaxed);
        let enter = |open| (open < open_max).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).is_ok()
    }

    /// A connection that was let in has ended.
    pub(crate) fn leave(&self) {
        let before = self.open.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "a connection left that never entered");
    }

    /// Lets a connection of `source` in, and says whether it is counted: pair that with [`Gate::dismiss`]. `None`: the source
    /// has as many as it may.
    pub(crate) fn admit(&self, source: IpAddr) -> Option<bool> {
        match self.per_source.load(Ordering::Relaxed) {
            NO_LIMIT => Some(false),
            max => self.sources.try_enter(Source::from(source), max).then_some(true),
        }
    }

    /// A connection of `source` that was counted has ended.
    pub(crate) fn dismiss(&self, source: IpAddr) {
        self.sources.leave(&Source::from(source));
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
                let admitted = (0..700).filter(|_| gate.admit(ip("192.0.2.1")).is_some()).count();
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
        assert!(gate.admit(ip("192.0.2.1")).is_some() && gate.admit(ip("192.0.2.1")).is_none());
        assert!(gate.admit(ip("::ffff:192.0.2.1")).is_none(), "the same host by another name");
        assert!(gate.admit(ip("2001:db8::1")).is_some() && gate.admit(ip("2001:db8::2")).is_none());
        assert!(gate.admit(ip("2001:db8:0:1::1")).is_some());
        gate.dismiss(ip("2001:db8::77"));
        assert!(gate.admit(ip("2001:db8::3")).is_some());
    }

    #[test]
    fn what_has_no_connection_leaves_no_entry() {
        let gate = Gate::new(10, Some(5));
        for n in 0..100u8 {
            assert_eq!(gate.admit(ip(&format!("192.0.2.{n}"))), Some(true));
            gate.dismiss(ip(&format!("192.0.2.{n}")));
        }
        assert_eq!(gate.sources.keys(), 0);
    }

    #[test]
    fn limits_that_change_hold_for_those_who_come_and_nobody_is_counted_that_never_was() {
        let gate = Gate::new(1, None);
        assert!(gate.enter() && !gate.enter());
        assert_eq!(gate.admit(ip("192.0.2.1")), Some(false));
        let daemon = Daemon { max_connections_per_source: Some(1), ..Daemon::default() };
        gate.set(2, &daemon);
        assert!(gate.enter() && !gate.enter());
        assert_eq!(gate.admit(ip("192.0.2.1")), Some(true));
        assert_eq!(gate.admit(ip("192.0.2.1")), None);
        gate.set(2, &Daemon::default());
        gate.dismiss(ip("192.0.2.1"));
        assert_eq!((gate.admit(ip("192.0.2.1")), gate.sources.keys()), (Some(false), 0));
    }
}
