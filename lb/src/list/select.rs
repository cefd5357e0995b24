//! Which backend gets a request: the tiers.
//!
//! 1. **Sticky**: the backend that the client is kept at, if it can open and is not full.
//! 2. **Primary**: backends that can open and are no backups.
//! 3. **Backup**: backups that can open.
//! 4. **Fail-open**: when no backend of the cluster can open, one that is not healthy, primaries first. When there is none
//!    either, one that is in back-off, as a trial. Each gets at most one trial per
//!    [`TRIAL_INTERVAL`](crate::limits::TRIAL_INTERVAL) and shard; primaries come first, then the one that has waited
//!    longest.
//!
//! **Panic.** When too few are healthy, those few would be buried under everybody's requests, and a check that fails
//! everywhere at once is more likely wrong than right. Then health is ignored: primaries share by weight, healthy or not,
//! then backups.
//!
//! **Why trials.** Back-off windows grow to a minute, which is right while others serve. When all are in back-off there
//! is nothing to protect by waiting: an operator who restarts a sole origin expects it to serve, not to answer 503
//! until a window drawn earlier has run out. One request per second finds it within a second; all others are refused
//! at once instead of piling up on a dead host's connect timeout. In the first two windows, which last one second,
//! there is no trial.
//!
//! **When the next tier gets its turn.** When the one above has nothing that the request was not sent to already. A tier
//! whose backends are all full keeps its requests: they wait. Backups are for outages, and requests that overflow would
//! take them down next. Fail-open is a state of the cluster: a request that has tried everything that can open gets
//! [`NoBackend::None`], never a backend known to be bad.

use rand::Rng;
use ringway_core::{Address, Time};

use super::BackendList;
use super::places::{BACKUP, PRIMARY, UNHEALTHY_BACKUP, UNHEALTHY_PRIMARY};
use crate::backend::{BackendKey, Place};
use crate::demand::Demand;
use crate::draw;
use crate::limits::{RACES_MAX, TRIAL_INTERVAL};
use crate::policy::Ask;
use crate::pool::Candidate;

/// By which tier a backend was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tier {
    /// The client is kept there, and it can open.
    Sticky,
    /// It can open and is no backup.
    Primary,
    /// It can open and is a backup; no primary was left.
    Backup,
    /// It is not healthy or in back-off; nothing can open.
    FailOpen,
    /// Too few are healthy: whether it is was not asked.
    Panic,
}

/// The backend that gets the request, which is counted there already: pair with [`BackendList::end_request`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the request is counted until it is ended"]
pub struct Selection {
    /// Names it.
    pub key: BackendKey,
    /// Where it listens.
    pub address: Address,
    /// Why it.
    pub tier: Tier,
}

/// Why there is no backend for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoBackend {
    /// Nothing may get it.
    #[error("no backend can take the request: all are down, out, or were tried")]
    None,
    /// Something may, but is at a limit: the request may wait.
    #[error("every backend that can take the request, or their cluster, is at its limit of requests")]
    Full,
}

/// A tier, and the pools that it draws from, each by its weight.
struct Stage {
    tier: Tier,
    pools: &'static [usize],
}

const READY: &[Stage] =
    &[Stage { tier: Tier::Primary, pools: &[PRIMARY] }, Stage { tier: Tier::Backup, pools: &[BACKUP] }];
const OPEN: &[Stage] = &[
    Stage { tier: Tier::FailOpen, pools: &[UNHEALTHY_PRIMARY] },
    Stage { tier: Tier::FailOpen, pools: &[UNHEALTHY_BACKUP] },
];
const PANIC: &[Stage] = &[
    Stage { tier: Tier::Panic, pools: &[PRIMARY, UNHEALTHY_PRIMARY] },
    Stage { tier: Tier::Panic, pools: &[BACKUP, UNHEALTHY_BACKUP] },
];

/// What a look into a pool found.
enum Found {
    Backend(u32),
    /// Some that the request may get, all of them full.
    Full,
    Nobody,
}

impl BackendList {
    /// The backend for a request, counted there and in the cluster at once, so that no other request can take its place
    /// under a limit.
    ///
    /// Allocates nothing. O(1) or, for unequal weights, O(log n) on a first attempt while some backend can open, for all
    /// policies but those that say otherwise. A retry may cost a scan; so does a backend that is full, the end of a
    /// back-off window, a step of slow start and a fail-open trial.
    ///
    /// # Errors
    ///
    /// There is none, see [`NoBackend`].
    pub fn select<R: Rng + ?Sized>(
        &mut self,
        now: Time,
        rng: &mut R,
        demand: &Demand<'_>,
    ) -> Result<Selection, NoBackend> {
        self.now = now;
        if self.waiting.is_due(now) {
            self.promote(now);
        }
        if self.ramps.is_due(now) {
            self.warm_up(now);
        }
        if demand.tried.is_full() {
            return Err(NoBackend::None);
        }
        if let Some(index) = self.sticky(now, demand)
            && self.begin(index)?
        {
            return Ok(self.selected(Tier::Sticky, index, now));
        }
        let (tier, index) = match self.pick_primary(now, rng, demand) {
            Some(index) => (Tier::Primary, index),
            None => self.choose(now, rng, demand, false)?,
        };
        if self.begin(index)? {
            return Ok(self.selected(tier, index, now));
        }
        self.select_with_room(now, rng, demand)
    }

    #[inline]
    fn pick_primary<R: Rng + ?Sized>(&mut self, now: Time, rng: &mut R, demand: &Demand<'_>) -> Option<u32> {
        if self.is_panic() || !demand.tried.is_empty() {
            return None;
        }
        let BackendList { slab, pools, choosers, total, .. } = self;
        let pool = &pools[PRIMARY];
        if pool.is_empty() {
            return None;
        }
        let ask = Ask { hash: demand.hash, now, total: total.shared() };
        let place = |index| slab.at(index).place.position_in(PRIMARY);
        let position = choosers[PRIMARY].pick(pool, &ask, place, rng);
        Some(pool.candidates()[position].index)
    }

    /// The first choice was full.
    #[cold]
    fn select_with_room<R: Rng + ?Sized>(
        &mut self,
        now: Time,
        rng: &mut R,
        demand: &Demand<'_>,
    ) -> Result<Selection, NoBackend> {
        for _ in 0..RACES_MAX {
            let (tier, index) = self.choose(now, rng, demand, true)?;
            if self.begin(index)? {
                return Ok(self.selected(tier, index, now));
            }
        }
        Err(NoBackend::Full)
    }

    /// Counts a request to the backend at `index`, unless that is full; an error if the cluster is.
    #[inline(always)]
    fn begin(&mut self, index: u32) -> Result<bool, NoBackend> {
        if !self.total.try_begin() {
            return Err(NoBackend::Full);
        }
        let begun = self.slab.at_mut(index).try_begin();
        if !begun {
            self.total.end();
        }
        Ok(begun)
    }

    #[inline(always)]
    fn selected(&mut self, tier: Tier, index: u32, now: Time) -> Selection {
        let key = self.slab.key_at(index);
        let is_panic = self.fail_open.is_entered() && self.is_panic();
        let backend = self.slab.at_mut(index);
        let selection = Selection { key, address: backend.spec.address.clone(), tier };
        if matches!(tier, Tier::FailOpen | Tier::Panic) {
            self.fail_open_decisions += 1;
            self.fail_open.set(true);
            if let Place::Waiting(position) = backend.place {
                backend.trial_at = now + TRIAL_INTERVAL;
                self.waiting.set_trial(position, backend.trial_at);
            }
        } else if self.fail_open.is_entered() && backend.retry.is_clean() && !is_panic {
            self.fail_open.set(false);
        }
        selection
    }

    /// Leaves fail-open if a request that came now would leave it: for a cluster that gets none after its recovery.
    ///
    /// One comparison unless the cluster is failing open, then O(n) at worst. Whoever waits in back-off has failed since its last
    /// success, so the clock need not be asked.
    pub fn refresh_fail_open(&mut self) {
        if !self.fail_open.is_entered() || self.is_panic() {
            return;
        }
        let is_clean = |candidate: &Candidate| self.slab.at(candidate.index).retry.is_clean();
        if [PRIMARY, BACKUP].iter().any(|pool| self.pools[*pool].candidates().iter().any(is_clean)) {
            self.fail_open.set(false);
        }
    }

    fn is_panic(&self) -> bool {
        self.settings.panic_percent > 0 && self.tally.is_panic(self.settings.panic_percent)
    }

    /// The backend that the client is kept at, if it may get the request.
    fn sticky(&self, now: Time, demand: &Demand<'_>) -> Option<u32> {
        let key = demand.sticky?;
        let is_fit = self.slab.get(key)?.can_open(now)
            && !self.slab.shares_address(key.index, demand.tried.as_slice());
        is_fit.then_some(key.index)
    }

    /// A backend that the request was not sent to; `with_room`, one that is not full.
    #[inline(never)]
    fn choose<R: Rng + ?Sized>(
        &mut self,
        now: Time,
        rng: &mut R,
        demand: &Demand<'_>,
        with_room: bool,
    ) -> Result<(Tier, u32), NoBackend> {
        let is_ready = self.is_ready();
        let stages = match (self.is_panic(), is_ready) {
            (true, _) => PANIC,
            (false, true) => READY,
            (false, false) => OPEN,
        };
        for stage in stages {
            match self.look(stage, now, rng, demand, with_room) {
                Found::Backend(index) => return Ok((stage.tier, index)),
                Found::Full => return Err(NoBackend::Full),
                Found::Nobody => {}
            }
        }
        if is_ready { Err(NoBackend::None) } else { self.find_trial(now, demand).ok_or(NoBackend::None) }
    }

    fn look<R: Rng + ?Sized>(
        &mut self,
        stage: &Stage,
        now: Time,
        rng: &mut R,
        demand: &Demand<'_>,
        with_room: bool,
    ) -> Found {
        let &[first, second] = stage.pools else {
            return self.draw(stage.pools[0], now, rng, demand, with_room);
        };
        let order = if self.is_first(first, second, rng, demand) { [first, second] } else { [second, first] };
        let mut found = Found::Nobody;
        for pool in order {
            match self.draw(pool, now, rng, demand, with_room) {
                Found::Nobody => {}
                Found::Full => found = Found::Full,
                backend => return backend,
            }
        }
        found
    }

    /// Which of two pools a request is for, each by its weight; the same one for the same hash.
    fn is_first<R: Rng + ?Sized>(
        &self,
        first: usize,
        second: usize,
        rng: &mut R,
        demand: &Demand<'_>,
    ) -> bool {
        let [first, second] = [first, second].map(|pool| self.pools[pool].weights().total());
        let bits = demand.hash.unwrap_or_else(|| rng.next_u64());
        draw::scale(bits, first + second) < first
    }

    fn draw<R: Rng + ?Sized>(
        &mut self,
        number: usize,
        now: Time,
        rng: &mut R,
        demand: &Demand<'_>,
        with_room: bool,
    ) -> Found {
        let BackendList { slab, pools, choosers, total, .. } = self;
        let pool = &pools[number];
        if pool.is_empty() {
            return Found::Nobody;
        }
        let chooser = &mut choosers[number % 2];
        let ask = Ask { hash: demand.hash, now, total: total.shared() };
        let place = |index| slab.at(index).place.position_in(number);
        if demand.tried.is_empty() && !with_room {
            let position = chooser.pick(pool, &ask, place, rng);
            return Found::Backend(pool.candidates()[position].index);
        }
        let is_untried =
            |candidate: &Candidate| !slab.shares_address(candidate.index, demand.tried.as_slice());
        let admit = |candidate: &Candidate| {
            is_untried(candidate) && !(with_room && slab.at(candidate.index).is_full())
        };
        match chooser.pick_admitted(pool, &ask, place, rng, admit) {
            Some(position) => Found::Backend(pool.candidates()[position].index),
            None if with_room && pool.candidates().iter().any(is_untried) => Found::Full,
            None => Found::Nobody,
        }
    }

    #[cold]
    fn find_trial(&self, now: Time, demand: &Demand<'_>) -> Option<(Tier, u32)> {
        let index = self.waiting.find_trial(now, |index| {
            let backend = self.slab.at(index);
            let is_admitted = !backend.is_full() && !self.slab.shares_address(index, demand.tried.as_slice());
            is_admitted.then_some((!backend.healthy, backend.spec.backup))
        })?;
        Some((Tier::FailOpen, index))
    }
}
