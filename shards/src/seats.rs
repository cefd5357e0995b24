//! Who a cluster's backends are to the coordinator, and what is counted of each until it is told.

use ringway_lb::BackendKey;

/// What one backend was asked since the coordinator was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) failures: u64,
}

/// The backends of a cluster by their keys and by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    /// By the index of the key: also those that were removed and have something left.
    by_index: Vec<Option<Seat>>,
    /// Of those in the configuration, in ascending order.
    by_serial: Vec<(u32, BackendKey)>,
}

#[derive(Debug)]
struct Seat {
    key: BackendKey,
    serial: u32,
    is_closed: bool,
    tally: Tally,
}

impl Seats {
    /// Numbers only ever grow.
    pub(crate) fn insert(&mut self, key: BackendKey, serial: u32) {
        debug_assert!(self.by_serial.last().is_none_or(|(last, _)| *last < serial), "{serial} is not new");
        if self.by_index.len() <= key.index() {
            self.by_index.resize_with(key.index() + 1, || None);
        }
        self.by_index[key.index()] = Some(Seat { key, serial, is_closed: false, tally: Tally::default() });
        self.by_serial.push((serial, key));
    }

    /// The key of a backend in the configuration.
    pub(crate) fn key(&self, serial: u32) -> Option<BackendKey> {
        let place = self.by_serial.binary_search_by_key(&serial, |(serial, _)| *serial).ok()?;
        Some(self.by_serial[place].1)
    }

    /// The number of a backend, also of one that was removed and has something left.
    pub(crate) fn serial(&self, key: BackendKey) -> Option<u32> {
        self.seat(key).map(|seat| seat.serial)
    }

    /// Whether a backend that has something left is in the configuration no longer.
    pub(crate) fn is_closed(&self, key: BackendKey) -> bool {
        self.seat(key).is_none_or(|seat| seat.is_closed)
    }

    /// The numbers of all in the configuration.
    pub(crate) fn serials(&self) -> Vec<u32> {
        self.by_serial.iter().map(|(serial, _)| *serial).collect()
    }

    /// A backend is in the configuration no longer.
    pub(crate) fn close(&mut self, serial: u32) -> Option<BackendKey> {
        let place = self.by_serial.binary_search_by_key(&serial, |(serial, _)| *serial).ok()?;
        let (_, key) = self.by_serial.remove(place);
        if let Some(seat) = self.by_index.get_mut(key.index()).and_then(Option::as_mut) {
            seat.is_closed = true;
        }
        Some(key)
    }

    /// A backend that was removed has nothing left; its number.
    pub(crate) fn vacate(&mut self, key: BackendKey) -> Option<u32> {
        let seat = self.by_index.get_mut(key.index())?;
        seat.take_if(|seat| seat.key == key).map(|seat| seat.serial)
    }

    /// What is counted of a backend.
    pub(crate) fn tally(&mut self, key: BackendKey) -> Option<&mut Tally> {
        let seat = self.by_index.get_mut(key.index())?.as_mut()?;
        (seat.key == key).then_some(&mut seat.tally)
    }

    /// What was counted of each since this was asked last, of those where there was anything.
    pub(crate) fn take_tallies(&mut self) -> impl Iterator<Item = (u32, Tally)> {
        let seats = self.by_index.iter_mut().flatten();
        let tallies = seats.map(|seat| (seat.serial, std::mem::take(&mut seat.tally)));
        tallies.filter(|(_, tally)| tally.requests > 0)
    }

    fn seat(&self, key: BackendKey) -> Option<&Seat> {
        self.by_index.get(key.index())?.as_ref().filter(|seat| seat.key == key)
    }
}
