//! The sets: every configured backend is in exactly one.

use std::sync::Arc;

use ringway_core::Time;

use super::BackendList;
use super::outcome::Released;
use crate::backend::{Backend, BackendKey, Place};
use crate::latch::{Availability, Flip};
use crate::limits::SLOW_START_STEPS;
use crate::pool::Candidate;
use crate::spec::Admin;

/// Pools of backends that can open.
pub(super) const PRIMARY: usize = 0;
/// See [`PRIMARY`].
pub(super) const BACKUP: usize = 1;
/// Pools of backends that could open if they were healthy.
pub(super) const UNHEALTHY_PRIMARY: usize = 2;
/// See [`UNHEALTHY_PRIMARY`].
pub(super) const UNHEALTHY_BACKUP: usize = 3;

/// Where a backend belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    Pool(usize),
    Waiting,
    Out,
}

fn home(backend: &Backend, now: Time) -> Home {
    match (backend.admin, backend.retry.is_okay(now), backend.healthy, backend.spec.backup) {
        (Admin::Drain | Admin::Maint, ..) => Home::Out,
        (Admin::Ready, false, ..) => Home::Waiting,
        (Admin::Ready, true, true, false) => Home::Pool(PRIMARY),
        (Admin::Ready, true, true, true) => Home::Pool(BACKUP),
        (Admin::Ready, true, false, false) => Home::Pool(UNHEALTHY_PRIMARY),
        (Admin::Ready, true, false, true) => Home::Pool(UNHEALTHY_BACKUP),
    }
}

impl BackendList {
    /// Whether some backend can open, as far as is known.
    pub(super) fn is_ready(&self) -> bool {
        !self.pools[PRIMARY].is_empty() || !self.pools[BACKUP].is_empty()
    }

    pub(super) fn ready(&self) -> usize {
        self.pools[PRIMARY].len() + self.pools[BACKUP].len()
    }

    /// Makes room for the backend at `index` in every set it may get into, so that the request path allocates nothing.
    pub(super) fn reserve(&mut self, index: u32) {
        let configured = self.tally.configured;
        let tier = usize::from(self.slab.at(index).spec.backup);
        self.pools[PRIMARY + tier].reserve(configured);
        self.pools[UNHEALTHY_PRIMARY + tier].reserve(configured);
        self.waiting.reserve(configured);
        self.ramps.reserve(configured);
    }

    /// Changes what a configured backend's set, its counting or its availability depend on, and sees to all three.
    pub(super) fn change(&mut self, index: u32, change: impl FnOnce(&mut Backend)) -> Option<Flip> {
        let backend = self.slab.at_mut(index);
        self.tally.subtract(backend);
        change(backend);
        self.tally.add(backend);
        self.settle(index);
        self.update_availability()
    }

    /// Moves the backend at `index` to the set it belongs to by now. One that stays in its pool keeps its position, and
    /// thereby its turn.
    fn settle(&mut self, index: u32) {
        let backend = self.slab.at(index);
        match (backend.place, home(backend, self.now)) {
            (Place::Pooled { pool, position }, Home::Pool(belongs)) if usize::from(pool) == belongs => {
                let weight = backend.pool_weight();
                if self.pools[belongs].candidates()[position as usize].weight != weight {
                    self.pools[belongs].set_weight(position, weight);
                }
            }
            _ => {
                self.withdraw(index);
                self.place(index);
            }
        }
    }

    /// Puts the backend at `index`, which is nowhere, where it belongs.
    pub(super) fn place(&mut self, index: u32) {
        let backend = self.slab.at(index);
        debug_assert_eq!(backend.place, Place::Nowhere);
        let home = home(backend, self.now);
        let serves = matches!(home, Home::Pool(PRIMARY | BACKUP));
        if backend.admin != Admin::Ready || !backend.healthy || (!serves && backend.retry.is_exhausted()) {
            self.cool(index);
        } else if serves && backend.is_cold {
            self.begin_slow_start(index);
        }
        let backend = self.slab.at_mut(index);
        backend.place = match home {
            Home::Pool(pool) => {
                let candidate = Candidate {
                    load: Arc::clone(&backend.load),
                    weight: backend.pool_weight(),
                    index,
                    order: backend.order,
                    identity: backend.identity,
                };
                Place::Pooled { pool: pool as u8, position: self.pools[pool].insert(candidate) }
            }
            Home::Waiting => {
                Place::Waiting(self.waiting.insert(index, backend.retry.wait_until(), backend.trial_at))
            }
            Home::Out => Place::Out,
        };
    }

    /// Takes the backend at `index` out of the set that holds it.
    pub(super) fn withdraw(&mut self, index: u32) {
        let place = std::mem::replace(&mut self.slab.at_mut(index).place, Place::Nowhere);
        let moved = match place {
            Place::Pooled { pool, position } => self.pools[usize::from(pool)].remove(position),
            Place::Waiting(position) => self.waiting.remove(position),
            Place::Out | Place::Nowhere => None,
        };
        if let Some(moved) = moved {
            self.slab.at_mut(moved).place = place;
        }
    }

    /// The backend at `index` no longer serves: slow start begins anew when it does.
    pub(super) fn cool(&mut self, index: u32) {
        let backend = self.slab.at_mut(index);
        backend.is_cold = true;
        backend.steps = SLOW_START_STEPS;
        if let Some(position) = backend.ramp.take()
            && let Some(moved) = self.ramps.remove(position)
        {
            self.slab.at_mut(moved).ramp = Some(position);
        }
    }

    /// Moves those whose window has ended from the waiting to their pools.
    #[cold]
    pub(super) fn promote(&mut self, now: Time) {
        let mut from = 0;
        while let Some(position) = self.waiting.find_ready(now, from) {
            let index = self.waiting.index_at(position).expect("a position just found");
            self.withdraw(index);
            self.place(index);
            from = position;
        }
    }

    /// Lets the backend go if it is closing and nothing is open to it any more.
    pub(super) fn release(&mut self, key: BackendKey) -> Released {
        match self.slab.get(key) {
            Some(backend) if backend.place == Place::Nowhere && backend.is_idle() => {
                let id = backend.spec.id.clone();
                drop(self.slab.remove(key));
                Released::Drained(id)
            }
            _ => Released::Kept,
        }
    }

    pub(super) fn update_availability(&mut self) -> Option<Flip> {
        let all_down = self.tally.configured > 0 && self.tally.available == 0;
        self.availability.set(if all_down { Availability::AllDown } else { Availability::Available })
    }
}
